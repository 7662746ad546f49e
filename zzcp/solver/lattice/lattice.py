"""Exact optima of additive costs over all chains, by dynamic programming over the lattice of exponent vectors.

A chain of boundaries is a monotone walk through the lattice. Where the cost is a sum over the boundaries, the cheapest
chain follows from a table over (how many boundaries of every operand lie below, exponent vector): with costs c and the
set s of boundaries below,

    G(s, v) = min over operands of  c(next boundary of the operand, v) + H(s with it, v),
    H(s, v) = min over v' >= v of  G(s, v').

The same from below, F(s, v), gives for every boundary and vector the cheapest chain *through* it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from zzcp.solver.clock import look
from zzcp.solver.lattice.boxes import Box, Counts, Frames
from zzcp.solver.lattice.keys import Array, Key, Place, Vector
from zzcp.solver.lattice.tables import BoundaryTable

_SHORT = 4
"""Runs of so few neighbouring entries are gone through one by one, each at its distance from the next."""
_MANY = 256
"""Runs from which on that pays."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The vectors that a boundary may take.

    Parameters
    ----------
    vectors : ndarray of int, shape (vectors, keys)
        The exponents.
    rows, columns : ndarray of int, shape (vectors,)
        Data state and position of the reuse value of every vector, in the boundary's table.
    """

    vectors: Array
    rows: Array
    columns: Array

    def __len__(self) -> int:
        return len(self.vectors)


class Lattice:
    """The exponent vectors of a layer, and which of them every boundary may take.

    Parameters
    ----------
    keys : sequence of Key
        Prime factors of the temporal loops.
    tables : sequence of sequence of BoundaryTable
        Per operand and link.
    """

    def __init__(self, keys: Sequence[Key], tables: Sequence[Sequence[BoundaryTable]]) -> None:
        self.keys = tuple(keys)
        self.tables = tables
        self.shape = tuple(key.multiplicity + 1 for key in keys)
        self.depths = tuple(len(row) for row in tables)
        self.alive: dict[Place, Array] = {}
        self._index: dict[Place, tuple[Array, Array]] = {}
        self._frames: Frames | None = None
        self._entries: dict[Place, Array] = {}
        for row in tables:
            for table in row:
                look()
                place = table.operand, table.link
                rows = self._grid(table.data.keys, table.data.exponents, np.arange(len(table.data)))
                values = self._grid(table.reuse.keys, table.reuse.exponents, table.reuse_index)
                self._index[place] = np.maximum(rows, 0), np.maximum(values, 0)
                self.alive[place] = (rows >= 0) & (values >= 0)

    def restricted(self, alive: Mapping[Place, Array]) -> Lattice:
        """Return the same lattice with fewer vectors for the boundaries."""
        result = copy(self)
        result.alive, result._entries = dict(alive), {}
        if self._frames is not None and not self._frames.small:
            result._frames = None
        return result

    @property
    def frames(self) -> Frames:
        """What the tables of the dynamic program hold."""
        if self._frames is None:
            self._frames = Frames.around(self.alive, self.shape, self.depths)
        return self._frames

    @property
    def cells(self) -> int:
        """Entries of one table of the dynamic program."""
        return cells(self.keys, self.depths)

    def _grid(self, chosen: Sequence[int], exponents: Array, numbers: Array) -> Array:
        """Return the number of every state of some keys, -1 where there is none; axes of all keys."""
        grid = np.full([self.shape[key] for key in chosen], -1, dtype=np.int64)
        if chosen:
            grid[tuple(exponents.T)] = numbers
        elif len(numbers):
            grid[...] = numbers[0]
        outer = np.zeros(
            [self.shape[i] if i in chosen else 1 for i in range(len(self.shape))], dtype=np.int64
        )
        return outer + grid.reshape(outer.shape)

    def spread(self, place: Place, values: Array) -> Array:
        """Return a cost table over all vectors, infinite where the boundary cannot be."""
        rows, columns = self._index[place]
        return np.where(self.alive[place], values[rows, columns], np.inf)

    def costs(self, place: Place, values: Array) -> Array:
        """Return a cost table over the box of a boundary, infinite where it cannot be."""
        entries = self._entries.get(place)
        if entries is None:
            part = self.frames.places[place].of(self._whole)
            rows, columns = (np.broadcast_to(index, self.shape)[part] for index in self._index[place])
            alive = np.broadcast_to(self.alive[place], self.shape)[part]
            entries = np.where(alive, rows * values.shape[1] + columns, values.size)
            self._entries[place] = entries
        return np.append(values.reshape(-1), np.inf).take(entries)

    def boxed(self, place: Place, costs: Array) -> Array:
        """Return the part of a cost table over all vectors that lies in the box of a boundary."""
        return np.broadcast_to(costs, self.shape)[self.frames.places[place].of(self._whole)]

    @property
    def _whole(self) -> Box:
        """All vectors."""
        return Box((0,) * len(self.shape), self.shape)

    def of_data(self, place: Place, values: Array) -> Array:
        """Return over all vectors the value of the data state of a boundary's table; of no use where it cannot be."""
        return (
            values[self._index[place][0]] if len(values) else np.zeros((1,) * len(self.shape), values.dtype)
        )

    def states(self, place: Place, vectors: tuple[Array, ...]) -> tuple[Array, Array]:
        """Return the data states and the positions of the reuse values of some vectors, given key by key."""
        rows, columns = (np.broadcast_to(index, self.shape) for index in self._index[place])
        return rows[vectors], columns[vectors]

    def all_states(self, place: Place) -> tuple[Array, Array]:
        """Return the data states and the positions of the reuse values of all vectors, the last key fastest."""
        rows, columns = self._index[place]
        return np.broadcast_to(rows, self.shape).reshape(-1), np.broadcast_to(columns, self.shape).reshape(-1)

    def places(self) -> dict[Place, Places]:
        """Return the vectors that are left for every boundary."""
        result = {}
        for place, alive in self.alive.items():
            rows, columns = (np.broadcast_to(index, self.shape) for index in self._index[place])
            left = np.broadcast_to(alive, self.shape)
            result[place] = Places(np.argwhere(left), rows[left], columns[left])
        return result

    def counts(self) -> Iterator[Counts]:
        """Iterate over the numbers of boundaries below, from none to all."""
        return self.frames.counts()

    def above(self, costs: Mapping[Place, Array]) -> dict[Counts, Array]:
        """Return H of the module's docstring: the cheapest chains at or above every vector, in the frames."""
        frames = self.frames
        best = {self.depths: np.zeros(frames.of[self.depths].shape)}
        for some in frames.together():
            if some[0] != self.depths:
                here = self._tables(some)
                for table, counts in zip(here, some, strict=True):
                    for step in frames.above(counts):
                        _lower(
                            table[step.before], costs[step.place][step.cost], best[step.following][step.after]
                        )
                best.update(zip(some, _running_minimum(here, upwards=False), strict=True))
        return best

    def below(self, costs: Mapping[Place, Array]) -> dict[Counts, Array]:
        """Return the cheapest chains of some boundaries at or below every vector, in the frames."""
        frames = self.frames
        none = tuple(0 for _ in self.depths)
        best = {none: np.zeros(frames.of[none].shape)}
        for some in reversed(frames.together()):
            if some[0] != none:
                here = self._tables(some)
                for table, counts in zip(here, some, strict=True):
                    for step in frames.beneath(counts):
                        _lower(
                            table[step.after], costs[step.place][step.cost], best[step.counts][step.before]
                        )
                best.update(zip(some, _running_minimum(here, upwards=True), strict=True))
        return best

    def _tables(self, some: Sequence[Counts]) -> Array:
        """Return tables for some counts with equal frames in which nothing has been found so far."""
        shape = self.frames.of[some[0]].shape
        look(len(some) * math.prod(shape) * (len(self.depths) + len(shape)))
        return np.full((len(some), *shape), np.inf)

    def through(self, costs: Mapping[Place, Array]) -> dict[Place, Array]:
        """Return for every boundary and vector the cost of the cheapest chain with that boundary there."""
        above = self.above(costs)
        below = self.below(costs)
        frames = self.frames
        found = {place: np.full(cost.shape, np.inf) for place, cost in costs.items()}
        for step in frames.steps():
            look(math.prod(step.vectors.shape) * len(self.shape))
            _lower(
                found[step.place][step.cost],
                below[step.counts][step.before],
                above[step.following][step.after],
            )
        result = {place: np.full(self.shape, np.inf) for place in costs}
        for place, cost in costs.items():
            result[place][frames.places[place].of(self._whole)] = found[place] + cost
        return result

    def beyond(self, costs: Mapping[Place, Array]) -> dict[Place, dict[Counts, Array]]:
        """Return for every boundary, at its vectors, what all that follow cost at the least, per counts below it."""
        above = self.above(costs)
        numbers: dict[Place, Array] = {}
        result: dict[Place, dict[Counts, Array]] = {}
        for place, alive in self.alive.items():
            left = self.boxed(place, alive)
            numbers[place] = np.full(left.shape, -1)
            numbers[place][left] = np.arange(left.sum())
            result[place] = {}
        for step in self.frames.steps():
            look(math.prod(step.vectors.shape))
            number = numbers[step.place][step.cost]
            there = number >= 0
            found = np.full(numbers[step.place].max(initial=-1) + 1, np.inf)
            found[number[there]] = above[step.following][step.after][there]
            result[step.place][step.counts] = found
        return result

    def cheapest(self, costs: Mapping[Place, Array]) -> tuple[float, dict[Place, Vector]]:
        """Return the cost and the boundaries of the cheapest chain; without boundaries if there is no chain."""
        best = self.above(costs)
        counts: Counts = tuple(0 for _ in self.depths)
        vector: Vector = tuple(0 for _ in self.shape)
        chain: dict[Place, Vector] = {}
        if not best[counts].size:
            return np.inf, chain
        total = float(best[counts][vector])
        if not np.isfinite(total):
            return total, chain
        while counts != self.depths:
            look()
            _, place, vector, counts = min(self._next(costs, best, counts, vector))
            chain[place] = vector
        return total, chain

    def _next(
        self, costs: Mapping[Place, Array], best: Mapping[Counts, Array], counts: Counts, vector: Vector
    ) -> Iterator[tuple[float, Place, Vector, Counts]]:
        """Yield for every boundary that may come next where it is cheapest, at or above a vector."""
        frames = self.frames
        for step in frames.above(counts):
            box = step.vectors.from_(vector)
            if 0 in box.shape:
                continue
            total = (
                costs[step.place][box.of(frames.places[step.place])]
                + best[step.following][box.of(frames.of[step.following])]
            )
            at = int(total.argmin())
            where = np.unravel_index(at, total.shape)
            found = tuple(low + int(more) for low, more in zip(box.low, where, strict=True))
            yield float(total.flat[at]), step.place, found, step.following

    def has(self, chain: Mapping[Place, Vector]) -> bool:
        """Return whether all boundaries of a chain can be where they are."""
        return all(np.broadcast_to(self.alive[place], self.shape)[vector] for place, vector in chain.items())

    def value(self, place: Place, values: Array, vector: Vector) -> float:
        """Return the entry of a cost table at a vector."""
        rows, columns = self._index[place]
        at = tuple(min(i, n - 1) for i, n in zip(vector, rows.shape, strict=True))
        by = tuple(min(i, n - 1) for i, n in zip(vector, columns.shape, strict=True))
        return float(values[rows[at], columns[by]])


def cells(keys: Sequence[Key], depths: Sequence[int]) -> int:
    """Return the entries of one table of the dynamic program."""
    total = 1
    for key in keys:
        total *= key.multiplicity + 1
    for depth in depths:
        total *= depth + 1
    return total


def _lower(table: Array, costs: Array, others: Array) -> None:
    """Put the sums of two tables into a third where they are less."""
    np.minimum(table, costs + others, out=table)


def _running_minimum(values: Array, *, upwards: bool) -> Array:
    """Replace every entry by the least one at or below it (upwards) or at or above it, along all axes but the first."""
    run = 1
    for length in reversed(values.shape[1:] if values.size else ()):
        table = values.reshape(-1, length, run)
        steps = [(step, step - 1) for step in range(1, length)]
        if not upwards:
            steps = [(step, step + 1) for step in reversed(range(length - 1))]
        for here, other in steps:
            if run <= _SHORT and len(table) >= _MANY:
                for column in range(run):
                    np.minimum(table[:, here, column], table[:, other, column], out=table[:, here, column])
            else:
                np.minimum(table[:, here], table[:, other], out=table[:, here])
        run *= length
    return values
