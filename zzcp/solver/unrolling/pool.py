"""Unrollings that wait for sharper bounds, in the order of the bounds that they have."""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from zzcp.solver.lattice.keys import Array


class Portion(NamedTuple):
    """Some unrollings.

    Attributes
    ----------
    number : int
        How many portions were before.
    rows, bounds : ndarray
        The unrollings, in some order, and their bounds.
    """

    number: int
    rows: Array
    bounds: Array


@dataclass(slots=True, eq=False)
class Pool:
    """Many unrollings, in sorted runs of which the least are taken.

    Parameters
    ----------
    runs : list of (ndarray of int, shape (unrollings, groups), ndarray, shape (unrollings,))
        Unrollings and their bounds, the least first.
    """

    runs: list[tuple[Array, Array]] = field(default_factory=list)
    _heads: list[tuple[float, int, int]] = field(default_factory=list)
    _count: int = 0

    def __len__(self) -> int:
        return self._count

    @property
    def least(self) -> float:
        """The least bound; infinite if none is left."""
        return self._heads[0][0] if self._heads else math.inf

    def add(self, rows: Array, bounds: Array) -> None:
        """Add unrollings with their bounds."""
        if len(rows):
            order = np.argsort(bounds, kind="stable")
            self.runs.append((rows[order].astype(np.int32), bounds[order]))
            heapq.heappush(self._heads, (float(bounds[order[0]]), len(self.runs) - 1, 0))
            self._count += len(rows)

    def take(self, most: int) -> tuple[Array, Array]:
        """Take so many of the unrollings with the least bounds, in some order."""
        rows: list[Array] = []
        bounds: list[Array] = []
        while self._heads and most > 0:
            _, number, start = heapq.heappop(self._heads)
            run_rows, run_bounds = self.runs[number]
            end = min(start + most, len(run_bounds))
            if self._heads:
                following = int(np.searchsorted(run_bounds, self._heads[0][0], side="right"))
                end = min(end, max(start + 1, following))
            rows.append(run_rows[start:end])
            bounds.append(run_bounds[start:end])
            most -= end - start
            self._count -= end - start
            if end < len(run_bounds):
                heapq.heappush(self._heads, (float(run_bounds[end]), number, end))
            else:
                self.runs[number] = (run_rows[:0], run_bounds[:0])
        if not rows:
            return np.zeros((0, 0), dtype=np.int64), np.zeros(0)
        return np.concatenate(rows).astype(np.int64), np.concatenate(bounds)


@dataclass(slots=True, eq=False)
class Portions:
    """Unrollings to which none is added any more, in portions with the least bounds first.

    Parameters
    ----------
    pool : Pool
        The unrollings.
    size : int
        Of a portion.
    """

    pool: Pool
    size: int
    _next: deque[Portion] = field(default_factory=deque)
    _taken: int = 0

    def __len__(self) -> int:
        return len(self.pool) + sum(len(portion.bounds) for portion in self._next)

    @property
    def least(self) -> float:
        """The least bound; infinite if none is left."""
        return float(self._next[0].bounds.min()) if self._next else self.pool.least

    def coming(self, most: int) -> list[Portion]:
        """Return the next portions, which stay here."""
        while len(self._next) < most and len(self.pool):
            self._next.append(Portion(self._taken, *self.pool.take(self.size)))
            self._taken += 1
        return list(self._next)[:most]

    def take(self) -> Portion:
        """Take the next portion, of which there is one."""
        self.coming(1)
        return self._next.popleft()
