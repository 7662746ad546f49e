"""From boundaries in groups of tile sizes to mappings: tile sizes that divide each other, in all orders that matter.

Of the largest tile of a dimension that is not all of it, t of n iterations, there are m = ceil(n / t). Where the run of
loops that need no new data begins is a choice there: the later it begins the longer are the windows, so that an
outermost loop of two steps, over m - 1 tiles and the last one, is as good as any. Between two tile sizes of which one
divides the other it is the smallest prime factor on top (`zzcp.solver.lattice.orders`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, permutations, product
from math import prod

import numpy as np

from zzcp.cost.batch import MappingBatch
from zzcp.cost.setting.lookups import primes_of
from zzcp.cost.setting.setting import IRRELEVANT, Setting
from zzcp.solver.lattice.keys import Array, Key, Place, Vector
from zzcp.solver.padding.groups import Group, Groups
from zzcp.solver.padding.room import with_room

Sizes = tuple[int, ...]
"""Tile sizes of a dimension at the points of a chain."""
Slot = tuple[int, int, bool]
"""Segment and dimension of a loop, and whether it may be on top of the segment."""
_MOST_CHOICES = 1 << 14
"""Tile sizes of a chain that are looked at."""


@dataclass(frozen=True, slots=True)
class Tiling:
    """What the vectors of a lattice stand for.

    Parameters
    ----------
    setting : Setting
        The layer and the machine.
    keys : tuple of Key
        Of the lattice.
    groups : Groups
        The groups of all dimensions whose loops need not divide.
    never_divide : frozenset of str
        Dimensions of which mappings with loops that divide do not count.
    """

    setting: Setting
    keys: tuple[Key, ...]
    groups: Groups
    never_divide: frozenset[str]

    def batches(self, chain: Mapping[Place, Vector], most: int) -> tuple[list[MappingBatch], bool]:
        """Return the mappings of a chain, at most about so many, and whether these are all that matter."""
        full = tuple(key.multiplicity for key in self.keys)
        points = sorted({*chain.values(), full} - {(0,) * len(full)}, key=sum)
        dims = list(self.setting.iterations)
        options = [self._sizes_of(dim, points) for dim in dims]
        if not all(options):
            return [], True
        count = prod(map(len, options))
        table = _first(options, _MOST_CHOICES)
        none = np.ones((len(dims), len(table)), dtype=np.int64)
        tiles = {point: table[:, :, place].T for place, point in enumerate(points)}
        table = table[with_room(self.setting, self.keys, chain, {(0,) * len(full): none, **tiles})]
        if not len(table):
            return [], count <= _MOST_CHOICES
        segments = [
            [
                place
                for place, dim in enumerate(dims)
                if any(a != b for key, a, b in zip(self.keys, low, high, strict=True) if key.dim == dim)
            ]
            for low, high in zip([(0,) * len(full), *points], points, strict=False)
        ]
        concerned = self._concerned(chain, points, segments)
        orders = [
            self._orders_of(number, segment, operands)
            for number, (segment, operands) in enumerate(zip(segments, concerned, strict=True))
        ]
        variants = prod(map(len, orders))
        complete = count <= _MOST_CHOICES and variants * len(table) <= most
        if variants > most:
            orders = [some[:1] for some in orders]
        few = max(1, most // max(1, prod(map(len, orders))))
        loops = self._loops_of(segments, table[:few])
        ends = self._ends_of(chain, points, segments)
        return list(self._batches(loops, orders, ends)), complete

    def wide(self, chain: Mapping[Place, Vector]) -> dict[str, set[int]]:
        """Return the positions of the groups of several tile sizes that a chain has, by dimension."""
        return {
            key.dim: {
                vector[place]
                for vector in chain.values()
                if not self.groups[key.dim][vector[place]].is_single
            }
            for place, key in enumerate(self.keys)
            if key.dim in self.groups
        }

    def _sizes_of(self, dim: str, points: Sequence[Vector]) -> list[Sizes]:
        """Return the tile sizes that a dimension may have at the points, innermost first."""
        own = [(place, key) for place, key in enumerate(self.keys) if key.dim == dim]
        if dim not in self.groups:
            return [tuple(prod(key.prime ** point[place] for place, key in own) for point in points)]
        place = own[0][0]
        size = self.setting.iterations[dim]
        found = _dividing(tuple(self.groups[dim][point[place]] for point in points), size)
        if dim in self.never_divide:
            # the loops come to all iterations where they divide, but for an outermost one of two steps
            found = [
                some
                for some in found
                if size % (last := max([1, *(t for t in some if t < size)])) or size // last > 2
            ]
        return found

    def _concerned(
        self, chain: Mapping[Place, Vector], points: Sequence[Vector], segments: Sequence[Sequence[int]]
    ) -> list[set[int]]:
        """Return for every segment the operands of which a run of irrelevant loops may end in it.

        The run beneath a boundary goes down to the first loop of the operand's data, or to the level beneath. In all
        other segments the order does not matter to the operand.
        """
        dims = list(self.setting.iterations)
        found: list[set[int]] = [set() for _ in segments]
        number = {point: place + 1 for place, point in enumerate(points)} | {(0,) * len(self.keys): 0}
        for index, operand in enumerate(self.setting.operands):
            ends = [0, *(number[chain[index, link]] for link in range(1, operand.depth)), len(points)]
            for low, high in pairwise(ends):
                for place in reversed(range(low, high)):
                    if any(operand.kind[dims[dim]] != IRRELEVANT for dim in segments[place]):
                        found[place].add(index)
                        break
        return found

    def _orders_of(self, number: int, segment: Sequence[int], concerned: Collection[int]) -> list[list[Slot]]:
        """Return the orders of the loops of a segment that can matter, every dimension with a loop for the top.

        A loop on top that changes the data of all operands concerned leaves no run, which is as good as any order.
        """
        dims = list(self.setting.iterations)
        operands = [self.setting.operands[index] for index in sorted(concerned)]
        classes: dict[tuple[bool, ...], list[int]] = {}
        for place in segment:
            kinds = tuple(operand.kind[dims[place]] == IRRELEVANT for operand in operands)
            classes.setdefault(kinds, []).append(place)
        without = (False,) * len(operands)
        if without in classes:
            classes = {without: classes[without][:1]}
        result = []
        for chosen in product(*classes.values()):
            for top in permutations(chosen):
                beneath = [(number, place, False) for place in segment]
                other = [(number, place, True) for place in segment if place not in top]
                result.append([*beneath, *other, *((number, place, True) for place in top)])
        return result

    def _loops_of(self, segments: Sequence[Sequence[int]], table: Array) -> dict[Slot, Array]:
        """Return the size of every loop, for some choices of tile sizes per dimension and point."""
        sizes = list(self.setting.iterations.values())
        dims = list(self.setting.iterations)
        loops = {}
        for number, segment in enumerate(segments):
            for place in segment:
                low = table[:, place, number - 1] if number else np.ones(len(table), dtype=np.int64)
                high = table[:, place, number]
                if dims[place] in self.groups and high[0] == sizes[place]:
                    rest = -(-sizes[place] // low) - 1
                    top = np.full_like(rest, 2)
                else:
                    ratio = high // low
                    top = np.array([least_prime(int(one)) for one in ratio], dtype=np.int64)
                    rest = ratio // top
                loops[number, place, False], loops[number, place, True] = rest, top
        return loops

    def _ends_of(
        self, chain: Mapping[Place, Vector], points: Sequence[Vector], segments: Sequence[Sequence[int]]
    ) -> dict[str, list[int]]:
        """Return how many loops lie at or below every level."""
        below = {(0,) * len(self.keys): 0}
        count = 0
        for point, segment in zip(points, segments, strict=True):
            count += 2 * len(segment)
            below[point] = count
        return {
            operand.name: [*(below[chain[index, link]] for link in range(1, operand.depth)), count]
            for index, operand in enumerate(self.setting.operands)
        }

    def _batches(
        self, loops: Mapping[Slot, Array], orders: Sequence[list[list[Slot]]], ends: Mapping[str, list[int]]
    ) -> Iterator[MappingBatch]:
        """Yield the mappings of every order."""
        names = [list(self.setting.layer.sizes).index(dim) for dim in self.setting.iterations]
        for parts in product(*orders):
            slots = [slot for part in parts for slot in part]
            if not slots:
                continue
            sizes = np.stack([loops[slot] for slot in slots])
            dims = np.repeat(np.array([[names[place]] for _, place, _ in slots]), sizes.shape[1], axis=1)
            yield MappingBatch(
                dims,
                sizes,
                {
                    name: np.repeat(np.array(some, dtype=np.int64)[:, None], sizes.shape[1], axis=1)
                    for name, some in ends.items()
                },
            )


def _first(options: Sequence[Sequence[Sizes]], most: int) -> Array:
    """Return the first combinations of one entry of every list, at most so many; shape (choices, lists, points)."""
    left = np.arange(min(most, prod(map(len, options))))
    columns: list[Array] = []
    for some in reversed(options):
        left, place = np.divmod(left, len(some))
        columns.append(np.array(some, dtype=np.int64)[place])
    return np.stack(columns[::-1], axis=1)


def joined(batches: Sequence[MappingBatch]) -> MappingBatch:
    """Return the mappings of several batches in one, with loops of size 1 where some have fewer."""
    depth = max(len(batch.sizes) for batch in batches)

    def filled(array: Array, value: int) -> Array:
        more = np.full((depth - len(array), array.shape[1]), value, dtype=np.int64)
        return np.concatenate([array, more])

    return MappingBatch(
        np.concatenate([filled(batch.dims, 0) for batch in batches], axis=1),
        np.concatenate([filled(batch.sizes, 1) for batch in batches], axis=1),
        {name: np.concatenate([batch.ends[name] for batch in batches], axis=1) for name in batches[0].ends},
    )


@lru_cache(maxsize=1 << 14)
def _dividing(groups: tuple[Group, ...], size: int) -> list[Sizes]:
    """Return tile sizes in some groups, each of which divides the next but for all of the iterations."""
    found: list[Sizes] = [()]
    for group in groups:
        longer = []
        for some in found:
            below = some[-1] if some else 1
            if group.low == size:
                longer.append((*some, size))
            elif group.low <= below <= group.high:
                # the next multiple has fewer tiles
                longer.append((*some, below))
            else:
                first = -(-group.low // below) * below
                longer += [(*some, multiple) for multiple in range(first, group.high + 1, below)]
        found = longer
    return found


@lru_cache(maxsize=1 << 14)
def least_prime(number: int) -> int:
    """Return the smallest prime factor of a number above 1."""
    return min(primes_of(number), default=1)
