"""What the tiles of a tensor hold where they are not all of one size: sums over all of them, and the largest.

Tiles are products of what they hold along every direction (`zzcp.cost.setting.axes`), so that their sizes are products,
too: of few different numbers, each with how often it occurs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import product
from math import prod

import numpy as np

from zzcp.cost.setting.axes import Axis, Sizes, tile_sizes, tile_visits
from zzcp.cost.setting.lookups import Array, Lookup

Windows = Sequence[Sequence[tuple[int, int]]]
Values = int | tuple[int, ...]
"""The largest of some loop products, which all of them divide, or all of them, smallest first."""


class Volumes:
    """The tiles of one operand under one unrolling.

    The functions of this class take what a boundary is made of: the product of the loops below it that index the tensor
    along even directions, and for every other direction the products of its outer and of its inner loop.

    Parameters
    ----------
    axes : sequence of Axis
        The directions.
    loops : sequence of (int, int)
        Iterations of the outer and the inner loop of every direction.
    lanes : sequence of sequence of (int, int)
        For every arch level the lanes below it along every direction.
    relevant : int
        Iterations of the other loops that index the tensor.
    relevant_lanes : sequence of int
        For every arch level the lanes below it along those; the last entry: all.
    values : sequence of (Values, Values), optional
        What the products of the outer and of the inner loop below a boundary may be, where they do not divide.
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        loops: Sequence[tuple[int, int]],
        lanes: Windows,
        relevant: int,
        relevant_lanes: Sequence[int],
        values: Sequence[tuple[Values, Values]] | None = None,
    ) -> None:
        self.axes, self.loops, self.lanes = tuple(axes), tuple(loops), lanes
        self.relevant, self.relevant_lanes = relevant, relevant_lanes
        self._products = (relevant, *(size for pair in loops for size in pair))
        self._pairs: Sequence[tuple[Values, Values]] = values or self.loops
        self._values = (relevant, *(size for pair in self._pairs for size in pair))
        self._cut = any(any(axis.cut) for axis in self.axes)
        self._largest: dict[tuple[int, int], Lookup] = {}
        self._visits: dict[int, Lookup] = {}
        self._again: dict[tuple[int, int, int], Lookup] = {}
        self._words: dict[tuple[int, int, int], Lookup] = {}

    def among(self, lanes: tuple[int, int]) -> tuple[int, int]:
        """Return the lanes of a tile where they matter, else one."""
        return lanes if self._cut else (1, 1)

    @cached_property
    def elements(self) -> int:
        """Elements of the tensor."""
        return self.relevant * self.relevant_lanes[-1] * prod(axis.elements for axis in self.axes)

    @cached_property
    def groups(self) -> list[tuple[int, int]]:
        """Steps along every direction that belong to one instance of the outermost memory."""
        return [
            (outer * lanes[0], inner * lanes[1])
            for (outer, inner), lanes in zip(self.loops, self.lanes[-1], strict=True)
        ]

    @cached_property
    def begun(self) -> int:
        """Elements of an output that begin with nothing, in all instances of the outermost memory together."""
        return _Words(self, len(self.lanes) - 1, 1, 1).one(*self._products)

    def largest(self, number: int, spatial: int) -> Lookup:
        """Return the largest extent of a tile along a direction, with the lanes below an arch level."""
        key = number, spatial
        if key not in self._largest:
            axis, lanes = self.axes[number], self.lanes[spatial][number]
            extent = _Extent(axis, lanes, self.among(lanes))
            self._largest[key] = Lookup(extent.one, self._pairs[number], 1, axis.elements)
        return self._largest[key]

    def visits(self, spatial: int) -> Lookup:
        """Return the elements of all tiles together, with the lanes below an arch level: once per tile and instance."""
        if spatial not in self._visits:
            summed = _Words(self, spatial, 1, 1)
            self._visits[spatial] = Lookup(summed.one, self._values, self.begun, summed.bound, summed.many)
        return self._visits[spatial]

    def words_again(self, spatial: int, precision: int, width: int) -> Lookup:
        """Return the words of what earlier tiles hold of every tile, each rounded up; parameters as for `words`."""
        key = spatial, precision, width
        if key not in self._again:
            summed = _WordsAgain(self, spatial, precision, width)
            self._again[key] = Lookup(summed.one, self._values, 0, self.words(*key).high)
        return self._again[key]

    def words(self, spatial: int, precision: int, width: int) -> Lookup:
        """Return the words that all tiles take together, each of them rounded up.

        Parameters
        ----------
        spatial : int
            The lanes below this arch level belong to a tile; those above it are other instances.
        precision, width : int
            Bits of an element, and of a word.
        """
        key = spatial, precision, width
        if key not in self._words:
            summed = _Words(self, spatial, precision, width)
            self._words[key] = Lookup(summed.one, self._values, 0, summed.bound, summed.many)
        return self._words[key]


class _Extent:
    """Largest extents of a tile along a direction."""

    def __init__(self, axis: Axis, lanes: tuple[int, int], among: tuple[int, int]) -> None:
        self.axis, self.lanes, self.among = axis, lanes, among

    def one(self, outer: int, inner: int) -> int:
        """Return the extent for one mapping."""
        return self.axis.largest(outer * self.lanes[0], inner * self.lanes[1], self.among)


class _WordsAgain:
    """Sums of the words of what earlier tiles of an output hold of every tile, each rounded up."""

    def __init__(self, volumes: Volumes, spatial: int, precision: int, width: int) -> None:
        self.volumes, self.precision, self.width = volumes, precision, width
        self.lanes = volumes.lanes[spatial]
        self.relevant_lanes = volumes.relevant_lanes[spatial]
        self.total = volumes.relevant * volumes.relevant_lanes[-1]

    def one(self, relevant: int, *args: int) -> int:
        """Return the sum for one mapping."""
        uniform = relevant * self.relevant_lanes
        words = 0
        for parts in product(
            *(
                tile_visits(axis, (outer * lanes[0], inner * lanes[1]), group, self.volumes.among(lanes))
                for axis, lanes, group, outer, inner in zip(
                    self.volumes.axes, self.lanes, self.volumes.groups, args[::2], args[1::2], strict=True
                )
            )
        ):
            known = prod(size for size, _, _ in parts) - prod(new for _, new, _ in parts)
            words += -(-uniform * known * self.precision // self.width) * prod(count for *_, count in parts)
        return self.total // uniform * words


class _Words:
    """Sums of the words of all tiles, each rounded up."""

    def __init__(self, volumes: Volumes, spatial: int, precision: int, width: int) -> None:
        self.volumes, self.precision, self.width = volumes, precision, width
        self.lanes = volumes.lanes[spatial]
        self.relevant_lanes = volumes.relevant_lanes[spatial]
        self.total = volumes.relevant * volumes.relevant_lanes[-1]
        steps = prod(prod(axis.steps) for axis in volumes.axes)
        self.bound = self.total * steps * precision

    def sizes(self, args: Sequence[int]) -> list[Sizes]:
        """Return the sizes of tiles along every direction."""
        return [
            tile_sizes(axis, outer * lanes[0], inner * lanes[1], self.volumes.among(lanes))
            for axis, lanes, outer, inner in zip(
                self.volumes.axes, self.lanes, args[::2], args[1::2], strict=True
            )
        ]

    def one(self, relevant: int, *args: int) -> int:
        """Return the sum for one mapping."""
        uniform = relevant * self.relevant_lanes
        words = 0
        for parts in product(*self.sizes(args)):
            bits = uniform * prod(size for size, _ in parts) * self.precision
            words += -(-bits // self.width) * prod(count for _, count in parts)
        return self.total // uniform * words

    def many(self, relevant: Array, *args: Array) -> Array:
        """Return the sum for many mappings."""
        uniform = relevant * self.relevant_lanes
        columns = [
            _columns(axis, outer * lanes[0], inner * lanes[1], self.volumes.among(lanes))
            for axis, lanes, outer, inner in zip(
                self.volumes.axes, self.lanes, args[::2], args[1::2], strict=True
            )
        ]
        words = np.zeros(len(relevant), dtype=np.int64)
        for parts in product(*columns):
            bits, count = uniform * self.precision, np.ones_like(words)
            for sizes, counts in parts:
                bits, count = bits * sizes, count * counts
            words += -(-bits // self.width) * count
        return np.asarray(self.total // uniform * words)


def _columns(axis: Axis, outer: Array, inner: Array, lanes: tuple[int, int]) -> list[tuple[Array, Array]]:
    """Return the sizes of tiles along a direction and their numbers, in as many columns as the most has sizes."""
    pairs, index = np.unique(np.stack([outer, inner]), axis=1, return_inverse=True)
    rows = [tile_sizes(axis, int(steps), int(taps), lanes) for steps, taps in pairs.T]
    depth = max(map(len, rows), default=0)
    filled = np.array([[*row, *[(0, 0)] * (depth - len(row))] for row in rows], dtype=np.int64)
    filled = filled.reshape(len(rows), depth, 2)[index.reshape(-1)]
    return [(filled[:, place, 0], filled[:, place, 1]) for place in range(depth)]
