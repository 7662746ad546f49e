"""Unrollings to look at aside from those with the least bounds, where bounds say little of who is best.

A search that is best first finds its incumbents among the unrollings with the least bounds. Where the bounds are far
from the optimum these are not the best ones, and much may be relaxed before anything better is searched. So now and
then some are looked at from all over the space, in even steps of the order of their bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from zzcp.solver.lattice.keys import Array

_GOLDEN = (5**0.5 - 1) / 2


@dataclass(slots=True, eq=False)
class Samples:
    """Random unrollings, those with the least bounds first.

    Parameters
    ----------
    rows : ndarray of int, shape (unrollings, groups)
        The unrollings.
    bounds : ndarray, shape (unrollings,)
        Their bounds, in ascending order.
    """

    rows: Array
    bounds: Array
    _times: int = 0
    _taken: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Array, bounds: Array) -> Samples:
        """Return some unrollings in the order of their bounds."""
        order = np.argsort(bounds, kind="stable")
        return cls(rows[order], bounds[order])

    def take(self, most: int, value: float) -> list[tuple[int, ...]]:
        """Take at most so many that have not been taken, with bounds below a value; other ones every time."""
        count = int(np.searchsorted(self.bounds, value))
        shift = (self._times * _GOLDEN) % 1
        self._times += 1
        places = np.unique(((np.arange(most) + shift) * count / most).astype(int))
        chosen = [int(place) for place in places if place < count and int(place) not in self._taken]
        self._taken.update(chosen)
        return [tuple(self.rows[place].tolist()) for place in chosen]
