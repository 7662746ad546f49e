"""What ZigZag's rounding leaves of the figures of many unrollings.

Where lanes do not divide a dimension ZigZag counts fractions of them. It rounds the elements of a tile, the tiles that
one memory sends its neighbours together, and the instances of a memory, one by one (`compile_variant` and
`fractional_tiles` in `zzcp.cost`). And it multiplies the elements of a window by the growth of the window over the
lanes of a link, where EXACT unites the windows: that may be less than the union.

Here a number is known by a lower bound of it: whole numbers are that bound, fractions are rounded down at the most by
`ROUNDS_OFF`, which leaves no less than two thirds of a number of at least 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, OperandSetting
from zzcp.solver.lattice.keys import Array
from zzcp.solver.unrolling.common import MARGIN, Movement
from zzcp.solver.unrolling.lanes import Lanes

ROUNDED, FLOORED = 2 / 3, 1 / 2
"""What rounding, and rounding down, leaves of a number of at least 1."""
ROUNDS_OFF = 0.501
"""What rounding takes off at the most, where a number is rounded to three digits before."""


def rounded(least: Array) -> Array:
    """Return what a number of at least so much is rounded to at the least."""
    return np.maximum(0.0, np.ceil(least * (1 - MARGIN) - ROUNDS_OFF))


def share_left(least: Array, even: Array) -> Array:
    """Return the share that rounding leaves at the least of a number of at least so much; of even ones all."""
    some = np.maximum(ROUNDED, 1 - ROUNDS_OFF / np.maximum(least, 1.0))
    return np.where(even, 1.0, np.where(least >= 1 - MARGIN, some, 0.0))


def is_even(block: Lanes, groups: Sequence[int], dims: Sequence[int]) -> Array:
    """Return for which unrollings the lanes of some dimensions on some groups are whole, shape (unrollings,)."""
    even = np.ones(block.count, dtype=bool)
    for dim in dims:
        even &= (block.scale[:, dim] == 1) | (block.whole(groups, block.dims[dim]) == 1)
    return even


def adds_up(block: Lanes, number: int) -> Array:
    """Return for which unrollings loops above a link leave sums partial there, shape (unrollings,).

    Under ZigZag's conventions not where a fraction of lanes may be less than one, hence a sum of less than one part.
    """
    if block.exact:
        return np.ones(block.count, dtype=bool)
    return np.asarray((block.scale[:, block.irrelevant(number)] > FLOORED).all(axis=1))


def again(block: Lanes, number: int, reuse: Array | float = 1.0) -> Array:
    """Return the share of the visits of an output's tiles for which partial sums come back, at the least.

    Parameters
    ----------
    block : Lanes
        The unrollings.
    number : int
        The operand.
    reuse : ndarray
        Irrelevant iterations beneath the boundary, at most; the first axis is that of the unrollings.
    """
    column = (-1, *[1] * max(0, np.ndim(reuse) - 1))
    whole = block.reuse[number].reshape(column)
    share = np.maximum(0.0, 1 - reuse / whole)
    if not block.setting.conventions.first_partial_sum_reads:
        return np.asarray(share)
    return np.where((reuse < whole) & adds_up(block, number).reshape(column), 1.0, share)


def windows_left(block: Lanes, operand: OperandSetting, number: int, movement: Movement) -> Array:
    """Return what multiplying windows over the lanes of a link leaves of their union at the least.

    With L lanes of a window's loops there the union has at most L times the elements of a tile, of which ZigZag counts
    as many as the window grows over the lanes alone, the product with the other lanes rounded.

    Returns
    -------
    ndarray, shape (unrollings,)
        At most 1; all of it beneath the link, at the array, and where the link has no lanes of a window's loops.
    """
    left, link = np.ones(block.count), movement.link
    if block.exact or not movement.upper or link == 0 or not operand.relations:
        return left
    here, below = block.common.linked[number][link], block.below(number, link)
    alone = np.ones(block.count, dtype=bool)
    growth = np.ones(block.count)
    for relation, most in zip(operand.relations, operand.window_sizes, strict=True):
        loops = [block.dims.index(dim) for dim in relation.loops if dim in block.dims]
        lanes = np.prod([block.whole(here, block.dims[dim]) for dim in loops], axis=0, initial=1.0)
        sizes = [_lanes(block, below, dim) for dim in relation.loops]
        grown = [_lanes(block, [*below, *here], dim) for dim in relation.loops]
        small, large = (
            np.minimum(max(most, 1), relation.distinct_zigzag(outer, inner))  # type: ignore[arg-type]
            for outer, inner in (sizes, grown)
        )
        even = is_even(block, [*below, *here], loops)
        known = (block.scale[:, loops] > FLOORED).all(axis=1)
        ratio = np.where(even, large / small, np.where(known, 1.0, 0.0))
        growth = growth * np.where(lanes > 1, ratio, 1.0)
        left = left * np.where(lanes > 1, ratio / lanes, 1.0)
        alone &= lanes == 1
    of_data = [i for i, dim in enumerate(block.dims) if operand.kind[dim] == RELEVANT]
    sent = block.product(here, of_data) * growth
    whole = is_even(block, here, of_data) & (sent == np.floor(sent))
    return np.minimum(1.0, left * share_left(sent, alone | whole))


def share_of_movement(
    block: Lanes, operand: OperandSetting, number: int, movement: Movement, tile: Array | None = None
) -> Array:
    """Return what rounding leaves of the accesses of a movement.

    Parameters
    ----------
    block, operand, number, movement
        The unrollings, and what moves.
    tile : ndarray, optional
        Elements of one instance beneath the link, as `least_tile` returns them; None is for any tile.

    Returns
    -------
    ndarray
        Shape (unrollings,), or that of `tile`.
    """
    share = _of_tile(block, operand, number, movement.link, tile)
    others = _of_instances(block, operand, number, movement)
    return np.asarray(share * others.reshape(-1, *[1] * (share.ndim - 1)))


def _of_tile(block: Lanes, operand: OperandSetting, number: int, link: int, tile: Array | None) -> Array:
    """Return what rounding leaves of the elements of the tile of one instance beneath a link."""
    column = (-1, *[1] * (0 if tile is None else tile.ndim - 1))
    if link == 0:
        return np.ones(block.count).reshape(column)
    relevant = [i for i, dim in enumerate(block.dims) if operand.kind[dim] != IRRELEVANT]
    even = is_even(block, block.below(number, link), relevant)
    if operand.relations:
        return np.where(even, 1.0, ROUNDED * _floored(block, operand, block.below(number, link))).reshape(
            column
        )
    if tile is None:
        # a tile has all lanes beneath it
        tile = block.product(block.below(number, link), relevant)
    return share_left(tile, even.reshape(column))


def _of_instances(block: Lanes, operand: OperandSetting, number: int, movement: Movement) -> Array:
    """Return what rounding leaves of the instances at a movement, and of the tiles that one of them sends together."""
    every = range(len(block.dims))
    groups = block.above(number, movement.link + movement.upper)
    left = share_left(block.product(groups, every), is_even(block, groups, every))
    if not movement.upper:
        return left
    here = block.common.linked[number][movement.link]
    if movement.link == 0 and operand.relations:
        relevant = [i for i, dim in enumerate(block.dims) if operand.kind[dim] != IRRELEVANT]
        even = is_even(block, here, relevant)
        return left * np.where(even, 1.0, ROUNDED * _floored(block, operand, here))
    of_data = [i for i, dim in enumerate(block.dims) if operand.kind[dim] == RELEVANT]
    return left * share_left(block.product(here, of_data), is_even(block, here, of_data))


def words_of_tiles(
    block: Lanes, operand: OperandSetting, number: int, movement: Movement, tile: Array, precision: Array
) -> Array:
    """Return the bits of whole words that ZigZag counts at the least where a movement takes place in every iteration.

    Parameters
    ----------
    block, operand, number, movement
        The unrollings, and what moves.
    tile : ndarray
        Elements of one instance beneath the link as fractions, at the least (`least_tile`); the first axis is that of
        the unrollings.
    precision : ndarray
        Bits of an element, at the least.
    """
    column = (-1, *[1] * (tile.ndim - 1))
    moved = rounded(tile)
    if movement.upper:
        moved = moved * _sent(block, operand, number, movement.link).reshape(column)
    instances = _least_instances(block, number, movement)
    words = np.ceil(moved * precision / movement.word) * movement.word
    return np.asarray(words * (instances * block.total).reshape(column))


def words_at_least(block: Lanes, operand: OperandSetting, number: int, movement: Movement) -> Array:
    """Return the bits of a word in every iteration, for which every tile counts at the least, shape (unrollings,)."""
    instances = _least_instances(block, number, movement)
    some = (block.scale > FLOORED).all(axis=1) & (min(operand.window_sizes, default=1) > 0)
    return np.where(some, instances * block.total * movement.word, 0.0)


def least_tile(
    block: Lanes, operand: OperandSetting, number: int, link: int, iterations: Sequence[Array]
) -> Array:
    """Return the elements of a tile as ZigZag counts them before it rounds, at the least.

    Parameters
    ----------
    block, operand, number, link
        The unrollings, the operand, and the link.
    iterations : sequence of ndarray
        Per dimension of the layer those beneath the link, at the least; arrays of one number of axes that broadcast,
        the first of which is that of the unrollings.
    """
    column = (-1, *[1] * (iterations[0].ndim - 1)) if iterations else (-1,)
    below = block.below(number, link)
    result = np.ones(column and (1,) * len(column))
    for position, dim in enumerate(block.dims):
        if operand.kind[dim] == RELEVANT:
            result = result * block.product(below, [position]).reshape(column) * iterations[position]
    for relation, most in zip(operand.relations, operand.window_sizes, strict=True):
        loops = [block.dims.index(dim) for dim in relation.loops if dim in block.dims]
        sizes = [
            _lanes(block, below, dim).reshape(column)
            * (iterations[block.dims.index(dim)] if dim in block.dims else 1)
            for dim in relation.loops
        ]
        window = np.minimum(most, relation.distinct(sizes[0], sizes[1]))  # type: ignore[arg-type]
        # of windows of fractions of lanes, which are rounded loop by loop, nothing is taken for certain
        result = result * np.where(is_even(block, below, loops).reshape(column), np.maximum(window, 0), 0)
    return np.asarray(result)


def stored_tile(
    block: Lanes, operand: OperandSetting, number: int, level: int, iterations: Sequence[Array]
) -> Array:
    """Return the elements for which a tile takes room, at the least: fractions of lanes as they are.

    Parameters
    ----------
    block, operand, number, level
        The unrollings, the operand, and the level that keeps the tile.
    iterations : sequence of ndarray
        As for `least_tile`.
    """
    column = (-1, *[1] * (iterations[0].ndim - 1)) if iterations else (-1,)
    below = block.below(number, level)
    result = np.ones((1,) * len(column))
    for position, dim in enumerate(block.dims):
        if operand.kind[dim] == RELEVANT:
            result = result * block.product(below, [position]).reshape(column) * iterations[position]
    for relation, most in zip(operand.relations, operand.window_sizes, strict=True):
        sizes = []
        for dim in relation.loops:
            lanes = (_lanes(block, below, dim) * _scale(block, below, dim)).reshape(column)
            some = iterations[block.dims.index(dim)] if dim in block.dims else 1
            sizes.append(np.floor(lanes * some * (1 + MARGIN)))
        window = np.minimum(most, relation.distinct(*sizes))  # type: ignore[arg-type]
        result = result * np.where(np.minimum(*sizes) > 0, np.maximum(window, 0), 0)
    return np.asarray(np.broadcast_to(result, np.broadcast_shapes(result.shape, (block.count, *column[1:]))))


def _least_instances(block: Lanes, number: int, movement: Movement) -> Array:
    """Return how many instances of its memory take part in a movement, at the least."""
    groups = block.above(number, movement.link + movement.upper)
    return rounded(block.product(groups, range(len(block.dims))))


def _sent(block: Lanes, operand: OperandSetting, number: int, link: int) -> Array:
    """Return how many tiles an instance above a link sends together, at the least."""
    here = block.common.linked[number][link]
    of_data = [i for i, dim in enumerate(block.dims) if operand.kind[dim] == RELEVANT]
    sent = block.product(here, of_data)
    for relation, most in zip(operand.relations, operand.window_sizes, strict=True):
        loops = [block.dims.index(dim) for dim in relation.loops if dim in block.dims]
        known = (block.scale[:, loops] > FLOORED).all(axis=1)
        if link == 0:
            outer, inner = (
                np.floor(_lanes(block, here, dim) * _scale(block, here, dim) * (1 + MARGIN))
                for dim in relation.loops
            )
            window = np.minimum(most, relation.distinct(outer, inner))  # type: ignore[arg-type]
            sent = sent * np.where(known, np.maximum(window, 0), 0)
        else:
            # a window does not shrink
            sent = sent * known
    return rounded(sent)


def _floored(block: Lanes, operand: OperandSetting, groups: Sequence[int]) -> Array:
    """Return what rounding down the lanes of windows' loops leaves of their elements, at the least."""
    left = np.ones(block.count)
    for relation in operand.relations:
        for dim in relation.loops:
            scale = _scale(block, groups, dim)
            lanes = _lanes(block, groups, dim) * scale
            some = np.where(scale > FLOORED, np.maximum(FLOORED, 1 - 1 / np.maximum(lanes, 1.0)), 0.0)
            left = left * np.where(scale == 1, 1.0, some)
    return left


def _lanes(block: Lanes, groups: Sequence[int], dim: str) -> Array:
    """Return the lanes of a dimension on some groups; one where it has no more iterations."""
    return block.whole(groups, dim) if dim in block.dims else np.ones(block.count, dtype=np.int64)


def _scale(block: Lanes, groups: Sequence[int], dim: str) -> Array:
    """Return the share of the lanes of a dimension on some groups that have work."""
    if dim not in block.dims:
        return np.ones(block.count)
    return np.where(block.whole(groups, dim) > 1, block.scale[:, block.dims.index(dim)], 1.0)
