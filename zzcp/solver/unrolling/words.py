"""Whole words of tiles where lanes do not divide: the last tile along a dimension is smaller than the others.

Where the lanes of a dimension lie beneath a memory as a whole all of its instances have the same tiles: all but the
last one along the dimension are of one size. So the words of an average tile follow from two sizes a dimension.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zzcp.cost.setting.setting import IRRELEVANT, OperandSetting
from zzcp.solver.lattice.keys import Array
from zzcp.solver.unrolling.lanes import Lanes


def are_known(lanes: Lanes, operand: OperandSetting, number: int, level: int) -> Array:
    """Return for which unrollings the sizes of an operand's tiles at a level are known, shape (unrollings,)."""
    known = np.full(lanes.count, not operand.relations)
    for position, dim in enumerate(lanes.dims):
        if operand.kind[dim] != IRRELEVANT:
            known &= (lanes.scale[:, position] == 1) | (lanes.whole(lanes.above(number, level), dim) == 1)
    return known


def mean_words(
    lanes: Lanes,
    operand: OperandSetting,
    number: int,
    level: int,
    iterations: Sequence[Array],
    precision: Array,
    word: int,
) -> Array:
    """Return the bits of whole words of an average tile of one instance.

    Parameters
    ----------
    lanes, operand, number, level
        The unrollings, the operand, and the level; of unrollings that are not known (`are_known`) nothing holds.
    iterations : sequence of ndarray
        Per dimension of the layer those of a tile, a divisor of all; arrays of one number of axes that broadcast, the
        first of which is that of the unrollings.
    precision : ndarray
        Bits of an element.
    word : int
        Bits of a word.
    """
    below = lanes.below(number, level)
    sizes = []
    for position, dim in enumerate(lanes.dims):
        if operand.kind[dim] == IRRELEVANT:
            continue
        column = (-1, *[1] * (iterations[position].ndim - 1))
        full = lanes.whole(below, dim).reshape(column) * iterations[position]
        every = lanes.iterations[:, position].reshape(column) // iterations[position]
        even = (lanes.scale[:, position] == 1).reshape(column)
        last = np.where(even, full, lanes.setting.layer.sizes[dim] - full * (every - 1))
        sizes.append((full, last, np.where(even, 0.0, 1 / every)))
    return _mean(sizes, precision, np.ones(1), word)


def _mean(sizes: Sequence[tuple[Array, Array, Array]], bits: Array, weight: Array, word: int) -> Array:
    """Return the bits of words, given per dimension all sizes but the last, the last one, and the share of the last."""
    if not sizes:
        return np.asarray(weight * np.ceil(bits / word) * word)
    (full, last, share), *others = sizes
    result = _mean(others, bits * full, weight * (1 - share), word)
    if share.any():
        result = result + _mean(others, bits * last, weight * share, word)
    return result
