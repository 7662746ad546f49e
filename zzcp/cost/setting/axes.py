"""The directions of a tensor, and what exists of the tiles along each: edge tiles are smaller than inner ones.

A tile covers so many steps of the two loops of a window, or of a single loop. Along a direction the tiles are laid side
by side from the first position on. Those at the end lack the steps that an unrolling that does not divide adds, and
those at both ends the positions that are padding.

Where temporal loops do not divide, the iterations are cut, not the steps: n iterations in tiles of t are n // t whole
ones and one of the rest. Every lane has a step in each iteration, but for the last one, in which only the first lanes
have one. What lies where, which padding depends on, is counted as if the tiles of the rest came last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from zzcp.workload import DimensionRelation

Sizes = tuple[tuple[int, int], ...]
"""Sizes of tiles, each with how many tiles have it."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a tensor.

    Parameters
    ----------
    relation : DimensionRelation
        The window. A loop that indexes the tensor by itself is a window whose inner loop has one step.
    sizes : tuple of (int, int)
        Steps of the outer and the inner loop that the layer has.
    steps : tuple of (int, int)
        Iterations times lanes of both: no fewer.
    first, end : int
        The positions that exist: from `first` on, less than `end`.
    most : int
        Positions that a tile has at most.
    whole : bool
        Whether all tiles count as much as the largest could have, whatever exists.
    cut : tuple of (int, int)
        Lanes of the loops whose iterations no temporal loops divide; 0 of all others.
    """

    relation: DimensionRelation
    sizes: tuple[int, int]
    steps: tuple[int, int]
    first: int
    end: int
    most: int
    whole: bool = False
    cut: tuple[int, int] = (0, 0)

    @property
    def is_even(self) -> bool:
        """Whether everything that the steps touch exists, so that tiles of one shape are of one size."""
        fits = self.first <= 0 and self.end >= self.relation.span(*self.steps)
        return self.whole or (fits and self.sizes == self.steps and not any(self.cut))

    @property
    def elements(self) -> int:
        """Positions that exist and that the layer touches."""
        return self.largest(*self.steps, (self.cut[0] or 1, self.cut[1] or 1))

    def largest(self, outer: int, inner: int, lanes: tuple[int, int] = (1, 1)) -> int:
        """Return the size of the largest tile; parameters as for `tile_sizes`."""
        return max((size for size, _ in tile_sizes(self, outer, inner, lanes)), default=0)

    def pieces(self, loop: int, steps: int, lanes: int) -> list[tuple[int, int]]:
        """Return the steps of the tiles along one loop, each with how many tiles in a row have so many.

        Parameters
        ----------
        loop : int
            The outer (0) or the inner one (1).
        steps, lanes : int
            Steps of a whole tile, and how many of its lanes are among them.
        """
        every = self.cut[loop]
        if not every:
            whole, rest = divmod(self.sizes[loop], steps)
            return [(steps, whole), (rest, 1)] if rest else [(steps, whole)]
        iterations, tile, instances = self.steps[loop] // every, steps // lanes, every // lanes
        whole = -(-iterations // tile) - 1
        last = iterations - whole * tile
        # in the last iteration only the first lanes have a step
        busy, rest = divmod(self.sizes[loop] - (iterations - 1) * every, lanes)
        found = [(steps, whole * instances), (last * lanes, busy)]
        if rest:
            found.append(((last - 1) * lanes + rest, 1))
        found.append(((last - 1) * lanes, instances - busy - (rest > 0)))
        return [(size, count) for size, count in found if size > 0 < count]

    def visits(self, outer: int, inner: int) -> int:
        """Return the sizes of all tiles together."""
        return sum(size * count for size, count in tile_sizes(self, outer, inner))


@lru_cache(maxsize=1 << 13)
def tile_sizes(axis: Axis, outer: int, inner: int, lanes: tuple[int, int] = (1, 1)) -> Sizes:
    """Return the sizes of all tiles of so many steps of the outer and the inner loop, without empty ones.

    Parameters
    ----------
    axis : Axis
        The direction.
    outer, inner : int
        Steps of one tile.
    lanes : (int, int)
        How many lanes are among them; it matters only where temporal loops do not divide.
    """
    relation = axis.relation
    if axis.is_even:
        tiles = -(-axis.steps[0] // outer) * -(-axis.steps[1] // inner)
        return ((min(axis.most, relation.distinct(outer, inner)), tiles),)
    if -(-axis.steps[0] // outer) < -(-axis.steps[1] // inner):
        # the tiles are told apart by the steps of both loops: run through the loop with fewer of them
        return tile_sizes(exchanged(axis), inner, outer, lanes[::-1])
    found: dict[int, int] = {}
    row, start = axis.pieces(0, outer, lanes[0]), 0
    for steps, count in axis.pieces(1, inner, lanes[1]):
        for _ in range(count):
            _add_row(found, axis, row, start, steps)
            start += steps
    return tuple(sorted(found.items()))


def exchanged(axis: Axis) -> Axis:
    """Return the same direction with its loops exchanged."""
    relation = axis.relation
    other = DimensionRelation(
        relation.window, relation.inner, relation.dilation, relation.outer, relation.stride
    )
    return Axis(
        other, axis.sizes[::-1], axis.steps[::-1], axis.first, axis.end, axis.most, axis.whole, axis.cut[::-1]
    )


def _add_row(
    found: dict[int, int], axis: Axis, row: Sequence[tuple[int, int]], start: int, inner: int
) -> None:
    """Count a `row` of tiles along the outer loop, with the steps `start` .. `start` + `inner` - 1 of the inner one."""
    begin = 0
    for outer, tiles in row:
        _add_alike(found, axis, (outer, tiles, begin), start, inner)
        begin += outer * tiles


def _add_alike(
    found: dict[int, int], axis: Axis, alike: tuple[int, int, int], start: int, inner: int
) -> None:
    """Count tiles of so many steps of the outer loop that follow each other from some step on."""
    relation = axis.relation
    outer, tiles, first_step = alike
    stride, offset = relation.stride, relation.dilation * start + relation.stride * first_step

    def add(size: int, count: int) -> None:
        if size > 0 < count:
            found[size] = found.get(size, 0) + count

    def existing(tile: int, steps: int) -> int:
        begin = stride * outer * tile + offset
        return relation.distinct_below(axis.end - begin, steps, inner) - relation.distinct_below(
            axis.first - begin, steps, inner
        )

    # a tile exists as a whole from number `low` to `high`, and in part from `touching` to `reaching`
    step, last = stride * outer, relation.span(outer, inner) - 1
    low = max(0, -(-(axis.first - offset) // step))
    high = min(tiles - 1, (axis.end - 1 - last - offset) // step)
    touching = max(0, -(-(axis.first - last - offset) // step))
    reaching = min(tiles - 1, (axis.end - 1 - offset) // step)
    add(relation.distinct(outer, inner), high - low + 1)
    for tile in range(touching, reaching + 1) if high < low else _both_ends(touching, low, high, reaching):
        add(existing(tile, outer), 1)


def _both_ends(touching: int, low: int, high: int, reaching: int) -> list[int]:
    return [*range(touching, low), *range(high + 1, reaching + 1)]


Visits = tuple[tuple[int, int, int], ...]
"""Sizes of tiles, what of each no tile before it has, and how many tiles are alike."""

MOST_VISITS = 1 << 21
"""Tiles along one direction of an output that are looked at one by one, at most."""


@lru_cache(maxsize=1 << 13)
def tile_visits(
    axis: Axis, tile: tuple[int, int], group: tuple[int, int], lanes: tuple[int, int] = (1, 1)
) -> Visits:
    """Return the sizes of all tiles of an output along a direction, and what of each is visited for the first time.

    The tiles follow each other along the outer loop, and so again for the next steps of the inner loop. Another order
    of the two loops shares out the first visits differently where both are cut; their sum is the same.

    Parameters
    ----------
    axis : Axis
        The direction.
    tile : (int, int)
        Steps of the outer and the inner loop of one tile.
    group : (int, int)
        Steps that belong to one instance of the outermost memory: instances know nothing of each other.
    lanes : (int, int)
        As for `tile_sizes`; the loops of a window on an output are divided by their temporal loops.
    """
    outer, inner = tile
    if not axis.relation.inner:
        return tuple((size, size, count) for size, count in tile_sizes(axis, outer, inner, lanes))
    tiles = axis.steps[0] // outer
    few = _few_tiles(axis, outer)
    if tiles <= few + 1 or group != axis.steps:
        return tuple(sorted((*sizes, count) for sizes, count in _visited(axis, tile, group).items()))
    # the tiles in the middle are all alike: with one more of them the numbers grow by the same
    short, longer = (_shortened(axis, outer, tiles - kept) for kept in (few, few + 1))
    one, other = _visited(short, tile, short.steps), _visited(longer, tile, longer.steps)
    counts = {
        sizes: one.get(sizes, 0) + (other.get(sizes, 0) - one.get(sizes, 0)) * (tiles - few)
        for sizes in {**one, **other}
    }
    return tuple(sorted((*sizes, count) for sizes, count in counts.items() if count))


def visited_one_by_one(axis: Axis) -> int:
    """Return how many tiles `tile_visits` looks at, at most, where there is one instance of the outermost memory."""
    return min(axis.steps[0], _few_tiles(axis, 1) + 1) * axis.steps[1]


def _few_tiles(axis: Axis, outer: int) -> int:
    """Return of how many tiles along the outer loop some are far from both ends."""
    relation = axis.relation
    padding = max(0, axis.first) + max(0, relation.span(*axis.steps) - axis.end)
    reach = relation.dilation * axis.steps[1] + relation.stride * (axis.steps[0] - axis.sizes[0]) + padding
    return 2 * (-(-reach // (relation.stride * outer)) + relation.dilation) + 4


def _shortened(axis: Axis, outer: int, tiles: int) -> Axis:
    """Return a direction without some tiles in the middle."""
    less = tiles * outer
    (size, inner_size), (steps, inner_steps) = axis.sizes, axis.steps
    end = axis.end - axis.relation.stride * less
    return replace(axis, sizes=(size - less, inner_size), steps=(steps - less, inner_steps), end=end)


def _visited(axis: Axis, tile: tuple[int, int], group: tuple[int, int]) -> dict[tuple[int, int], int]:
    """Look at the tiles one by one: their positions, as bits, and those that were seen before."""
    stride, dilation = axis.relation.stride, axis.relation.dilation
    first, end, (outer_size, inner_size) = max(0, axis.first), axis.end, axis.sizes
    if axis.whole:
        first, end, (outer_size, inner_size) = 0, axis.relation.span(*axis.steps), axis.steps
    exist = ((1 << max(end, first)) - 1) >> first << first
    found: dict[tuple[int, int], int] = {}
    for inner_start, outer_start in product(range(0, inner_size, group[1]), range(0, outer_size, group[0])):
        seen = 0
        inner_end, outer_end = (
            min(inner_start + group[1], inner_size),
            min(outer_start + group[0], outer_size),
        )
        for start in range(inner_start, inner_end, tile[1]):
            taps = sum(1 << dilation * step for step in range(start, min(start + tile[1], inner_end)))
            for begin in range(outer_start, outer_end, tile[0]):
                held = 0
                for step in range(begin, min(begin + tile[0], outer_end)):
                    held |= taps << stride * step
                held &= exist
                sizes = held.bit_count(), (held & ~seen).bit_count()
                seen |= held
                if sizes[0]:
                    found[sizes] = found.get(sizes, 0) + 1
    return found
