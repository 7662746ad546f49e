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
from itertools import product

import numpy as np

from zzcp.solver.clock import look
from zzcp.solver.lattice.keys import Array, Key, Place, Vector
from zzcp.solver.lattice.tables import BoundaryTable

Counts = tuple[int, ...]
"""How many boundaries of every operand lie below."""
_ENTRIES_AT_ONCE = 2**15
"""Entries of the dynamic program's tables that are computed together: as many as stay in a processor's cache."""


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
        result.alive = dict(alive)
        return result

    @property
    def _entries(self) -> int:
        """Entries of the dynamic program that are looked at for one of its counts."""
        return math.prod(self.shape) * (len(self.depths) + len(self.shape))

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
        return product(*(range(depth + 1) for depth in self.depths))

    def above(self, costs: Mapping[Place, Array]) -> dict[Counts, Array]:
        """Return H of the module's docstring: the cheapest chains at or above every vector."""
        best: dict[Counts, Array] = {self.depths: np.zeros(self.shape)}
        for some in self._together():
            look(len(some) * self._entries)
            if some[0] != self.depths:
                here = _stacked([self._here(costs, best, counts) for counts in some])
                best.update(zip(some, _running_minimum(here, upwards=False), strict=True))
        return best

    def _here(
        self, costs: Mapping[Place, Array], best: Mapping[Counts, Array], counts: Counts, start: Vector = ()
    ) -> Array:
        """Return G of the module's docstring for some counts, over the vectors at or above one."""
        beyond = tuple(slice(first, None) for first in start)
        found: Array | None = None
        for operand, following in self._following(counts):
            total = costs[operand, counts[operand]][beyond] + best[following][beyond]
            found = total if found is None else np.minimum(found, total, out=found)
        assert found is not None
        return found

    def below(self, costs: Mapping[Place, Array]) -> dict[Counts, Array]:
        """Return the cheapest chains of some boundaries at or below every vector."""
        none = tuple(0 for _ in self.depths)
        best: dict[Counts, Array] = {none: np.zeros(self.shape)}
        for some in reversed(self._together()):
            look(len(some) * self._entries)
            if some[0] != none:
                here = _stacked([self._up_to(costs, best, counts) for counts in some])
                best.update(zip(some, _running_minimum(here, upwards=True), strict=True))
        return best

    def _up_to(self, costs: Mapping[Place, Array], best: Mapping[Counts, Array], counts: Counts) -> Array:
        """Return the cheapest chains of some boundaries, the last of them at every vector."""
        found: Array | None = None
        for operand, count in enumerate(counts):
            if count:
                before = (*counts[:operand], count - 1, *counts[operand + 1 :])
                total = costs[operand, count - 1] + best[before]
                found = total if found is None else np.minimum(found, total, out=found)
        assert found is not None
        return found

    def _together(self) -> list[list[Counts]]:
        """Return all counts, from all to none, those together that can be computed at once."""
        most = max(1, _ENTRIES_AT_ONCE // math.prod(self.shape))
        levels: dict[int, list[Counts]] = {}
        for counts in self.counts():
            levels.setdefault(sum(counts), []).append(counts)
        return [
            levels[level][start : start + most]
            for level in sorted(levels, reverse=True)
            for start in range(0, len(levels[level]), most)
        ]

    def through(self, costs: Mapping[Place, Array]) -> dict[Place, Array]:
        """Return for every boundary and vector the cost of the cheapest chain with that boundary there."""
        above = self.above(costs)
        below = self.below(costs)
        result = {place: np.full(self.shape, np.inf) for place in costs}
        for counts in self.counts():
            look(self._entries)
            for operand, following in self._following(counts):
                place = operand, counts[operand]
                np.minimum(result[place], below[counts] + above[following], out=result[place])
        for place, cost in costs.items():
            result[place] += cost
        return result

    def cheapest(self, costs: Mapping[Place, Array]) -> tuple[float, dict[Place, Vector]]:
        """Return the cost and the boundaries of the cheapest chain; without boundaries if there is no chain."""
        best = self.above(costs)
        counts: Counts = tuple(0 for _ in self.depths)
        vector: Vector = tuple(0 for _ in self.shape)
        total = float(best[counts][vector])
        chain: dict[Place, Vector] = {}
        if not np.isfinite(total):
            return total, chain
        while counts != self.depths:
            look()
            beyond = self._here(costs, best, counts, vector)
            step = np.unravel_index(int(np.argmin(beyond)), beyond.shape)
            vector = tuple(start + int(more) for start, more in zip(vector, step, strict=True))
            options = [
                (costs[operand, counts[operand]][vector] + best[following][vector], operand, following)
                for operand, following in self._following(counts)
            ]
            _, operand, following = min(options)
            chain[operand, counts[operand]] = vector
            counts = following
        return total, chain

    def value(self, place: Place, values: Array, vector: Vector) -> float:
        """Return the entry of a cost table at a vector."""
        rows, columns = self._index[place]
        at = tuple(min(i, n - 1) for i, n in zip(vector, rows.shape, strict=True))
        by = tuple(min(i, n - 1) for i, n in zip(vector, columns.shape, strict=True))
        return float(values[rows[at], columns[by]])

    def _following(self, counts: Counts) -> Iterator[tuple[int, Counts]]:
        for operand, (count, depth) in enumerate(zip(counts, self.depths, strict=True)):
            if count < depth:
                yield operand, (*counts[:operand], count + 1, *counts[operand + 1 :])


def cells(keys: Sequence[Key], depths: Sequence[int]) -> int:
    """Return the entries of one table of the dynamic program."""
    total = 1
    for key in keys:
        total *= key.multiplicity + 1
    for depth in depths:
        total *= depth + 1
    return total


def _stacked(arrays: Sequence[Array]) -> Array:
    return arrays[0][np.newaxis] if len(arrays) == 1 else np.stack(arrays)


def _running_minimum(values: Array, *, upwards: bool) -> Array:
    """Replace every entry by the least one at or below it (upwards) or at or above it, along all axes but the first."""
    for axis, length in enumerate(values.shape):
        if not axis:
            continue
        view = values.swapaxes(0, axis)
        steps = range(1, length) if upwards else range(length - 2, -1, -1)
        for step in steps:
            here, next_to = (
                view[step : step + 1],
                view[step - 1 : step] if upwards else view[step + 1 : step + 2],
            )
            np.minimum(here, next_to, out=here)
    return values
