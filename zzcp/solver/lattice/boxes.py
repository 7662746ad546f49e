"""Which part of the lattice the tables of the dynamic program have to hold.

A table belongs to the boundaries that are below. All others lie at or above its vectors, those below at or under them:
so it is read only between the greatest of the least exponents of the boundaries below and the least of the greatest
exponents of the others. In large lattices, where few vectors of the inner boundaries fit their memories, that is a
small part; small lattices are not worth the bookkeeping.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

import numpy as np

from zzcp.solver.lattice.keys import Array, Place, Vector

Counts = tuple[int, ...]
"""How many boundaries of every operand lie below."""
Part = tuple[slice, ...]
"""A box as a part of a table."""
_SMALL = 4096
"""Lattices with no more vectors have tables of all of them."""
_ENTRIES_AT_ONCE = 2**15
"""Entries of the dynamic program's tables that are computed together: as many as stay in a processor's cache."""


class Box(NamedTuple):
    """The vectors at or above one and beneath another in every exponent.

    Parameters
    ----------
    low, high : tuple of int
        The least exponents, and one more than the greatest.
    """

    low: Vector
    high: Vector

    @property
    def shape(self) -> tuple[int, ...]:
        """Exponents per key."""
        return tuple(max(0, high - low) for low, high in zip(self.low, self.high, strict=True))

    def meet(self, other: Box) -> Box:
        """Return what lies in both."""
        if self == other:
            return self
        return Box(tuple(map(max, self.low, other.low)), tuple(map(min, self.high, other.high)))

    def from_(self, vector: Vector) -> Box:
        """Return what lies at or above a vector."""
        return Box(tuple(map(max, self.low, vector)), self.high)

    def of(self, frame: Box) -> Part:
        """Return the box as a part of a table over another in which it lies."""
        if self == frame:
            return ()
        return tuple(
            slice(low - start, max(low, high) - start)
            for low, high, start in zip(self.low, self.high, frame.low, strict=True)
        )


def box_of(alive: Array, shape: tuple[int, ...]) -> Box:
    """Return the least box around the vectors that are left."""
    low, high = [], []
    left = np.broadcast_to(alive, shape)
    for length in reversed(shape):
        # one key after the other: what is left of the vectors without it
        used = left.reshape(-1, length).any(axis=0)
        exponents = np.flatnonzero(used)
        low.append(int(exponents[0]) if len(exponents) else 0)
        high.append(int(exponents[-1]) + 1 if len(exponents) else 0)
        left = np.logical_or.reduce([left[..., exponent] for exponent in range(length)])
    return Box(tuple(reversed(low)), tuple(reversed(high)))


@dataclass(frozen=True, slots=True)
class Step:
    """One more boundary below.

    Parameters
    ----------
    counts, following : tuple of int
        What is below before and after.
    place : Place
        The boundary.
    vectors : Box
        Where it can be.
    before, cost, after : tuple of slice
        The same as a part of the tables of `counts`, of the boundary, and of `following`.
    """

    counts: Counts
    following: Counts
    place: Place
    vectors: Box
    before: Part
    cost: Part
    after: Part


@dataclass(slots=True, eq=False)
class Frames:
    """What the tables of the dynamic program hold.

    Parameters
    ----------
    shape : tuple of int
        Exponents of every key.
    depths : tuple of int
        Levels of every operand.
    places : mapping of Place to Box
        Where every boundary can be.
    of : mapping of Counts to Box
        Where the table of some boundaries below can be read.
    """

    shape: tuple[int, ...]
    depths: tuple[int, ...]
    places: Mapping[Place, Box]
    of: dict[Counts, Box] = field(init=False)
    _up: dict[Counts, list[Step]] = field(init=False)
    _down: dict[Counts, list[Step]] = field(init=False)

    @property
    def small(self) -> bool:
        """Whether the lattice is so small that tables have all vectors, whichever are left."""
        return math.prod(self.shape) <= _SMALL

    @classmethod
    def around(cls, alive: Mapping[Place, Array], shape: tuple[int, ...], depths: tuple[int, ...]) -> Frames:
        """Return the frames for the vectors that are left for every boundary."""
        whole = Box((0,) * len(shape), shape)
        if math.prod(shape) <= _SMALL:
            return cls(shape, depths, dict.fromkeys(alive, whole))
        return cls(shape, depths, {place: box_of(left, shape) for place, left in alive.items()})

    def __post_init__(self) -> None:
        whole = Box((0,) * len(self.shape), self.shape)
        self.of, self._up, self._down = {}, {}, {}
        for counts in self.counts():
            low, high = whole
            for (operand, link), box in self.places.items():
                if link < counts[operand]:
                    low = tuple(map(max, low, box.low))
                else:
                    high = tuple(map(min, high, box.high))
            self.of[counts] = whole if (low, high) == whole else Box(low, high)
            self._up[counts], self._down[counts] = [], []
        for counts, frame in self.of.items():
            for operand, following in self._following(counts):
                place = operand, counts[operand]
                after, cost = self.of[following], self.places[place]
                box = frame.meet(after).meet(cost)
                step = Step(counts, following, place, box, box.of(frame), box.of(cost), box.of(after))
                self._up[counts].append(step)
                self._down[following].append(step)

    def counts(self) -> Iterator[Counts]:
        """Iterate over the numbers of boundaries below, from none to all."""
        return product(*(range(depth + 1) for depth in self.depths))

    def _following(self, counts: Counts) -> Iterator[tuple[int, Counts]]:
        for operand, (count, depth) in enumerate(zip(counts, self.depths, strict=True)):
            if count < depth:
                yield operand, (*counts[:operand], count + 1, *counts[operand + 1 :])

    def above(self, counts: Counts) -> Sequence[Step]:
        """Return the steps that lead on from some boundaries below."""
        return self._up[counts]

    def beneath(self, counts: Counts) -> Sequence[Step]:
        """Return the steps that lead to some boundaries below."""
        return self._down[counts]

    def steps(self) -> Iterator[Step]:
        """Iterate over all steps."""
        for steps in self._up.values():
            yield from steps

    def together(self) -> list[list[Counts]]:
        """Return all counts, from all to none, those of a level with equal boxes together, as many as can be."""
        levels: dict[tuple[int, Box], list[Counts]] = {}
        for counts, box in self.of.items():
            levels.setdefault((-sum(counts), box), []).append(counts)
        result = []
        for (_, box), some in sorted(levels.items()):
            most = max(1, _ENTRIES_AT_ONCE // max(1, math.prod(box.shape)))
            result += [some[start : start + most] for start in range(0, len(some), most)]
        return result
