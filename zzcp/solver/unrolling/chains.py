"""The cheapest chains of boundaries of many unrollings at once, by dynamic programming over their ladders.

As `zzcp.solver.lattice.lattice`, with one more axis for the unrollings and one axis per dimension instead of one per
prime factor: a boundary may go from any rung of a dimension to any higher one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from zzcp.solver.clock import look
from zzcp.solver.lattice.keys import Array, Place

Counts = tuple[int, ...]


class Chains:
    """Chains of boundaries over a grid.

    Parameters
    ----------
    links : sequence of sequence of int
        Of every operand, the links whose boundaries are chosen, the innermost first.
    shape : sequence of int
        Rungs of every dimension.
    """

    def __init__(self, links: Sequence[Sequence[int]], shape: Sequence[int]) -> None:
        self.places: list[list[Place]] = [
            [(operand, link) for link in chosen] for operand, chosen in enumerate(links)
        ]
        self.shape = tuple(shape)
        self.depths = tuple(len(row) for row in self.places)
        self.counts = sorted(product(*(range(depth + 1) for depth in self.depths)), key=sum, reverse=True)
        self.number = {counts: number for number, counts in enumerate(self.counts)}
        self.place_number = {
            place: number for number, place in enumerate(place for row in self.places for place in row)
        }
        self.rungs = np.indices(self.shape).reshape(len(self.shape), math.prod(self.shape))

    def cheapest(self, costs: Mapping[Place, Array], count: int) -> tuple[Array, dict[Place, Array]]:
        """Return the costs of the cheapest chains, and where their boundaries are.

        Parameters
        ----------
        costs : mapping of Place to ndarray, shape (unrollings, *rungs)
            Of every boundary.
        count : int
            Number of unrollings.

        Returns
        -------
        costs : ndarray, shape (unrollings,)
            Infinite where there is no chain.
        places : mapping of Place to ndarray of int, shape (unrollings,)
            The cell of every boundary.
        """
        cells = self.rungs.shape[1]
        best = np.zeros((len(self.counts), cells, count))
        every = np.empty((len(self.place_number), cells, count))
        for place, number in self.place_number.items():
            every[number] = costs[place].reshape(count, cells).T
        total = np.empty((cells, count))
        for number, counts in enumerate(self.counts):
            if number == 0:
                continue
            look(4.0 * cells * count)
            here = best[number]
            for option, (place, following) in enumerate(self._following(counts)):
                if option:
                    np.add(every[self.place_number[place]], best[following], out=total)
                    np.minimum(here, total, out=here)
                else:
                    np.add(every[self.place_number[place]], best[following], out=here)
            _running_minimum(here.reshape(*self.shape, count))
        return best[-1][0].copy(), self._walk(every, best, count)

    def _following(self, counts: Counts) -> list[tuple[Place, int]]:
        return [
            (
                self.places[operand][number],
                self.number[(*counts[:operand], number + 1, *counts[operand + 1 :])],
            )
            for operand, (number, depth) in enumerate(zip(counts, self.depths, strict=True))
            if number < depth
        ]

    def _walk(self, every: Array, best: Array, count: int) -> dict[Place, Array]:
        """Return the cells of the cheapest chains, followed from the array outwards."""
        cells = {place: np.zeros(count, dtype=np.int64) for place in self.place_number}
        at = np.full(count, len(self.counts) - 1)
        where = np.zeros(count, dtype=np.int64)
        for _ in range(sum(self.depths)):
            chosen, following = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
            for number in np.unique(at):
                some = np.flatnonzero(at == number)
                options = self._following(self.counts[number])
                beyond = (self.rungs[:, :, None] >= self.rungs[:, where[some]][:, None, :]).all(axis=0)
                found = np.stack(
                    [
                        every[self.place_number[place]][:, some] + best[then][:, some]
                        for place, then in options
                    ]
                )
                found = np.where(beyond, found, np.inf)
                place_at = found.min(axis=1).argmin(axis=0)
                where[some] = found[place_at, :, np.arange(len(some))].argmin(axis=1)
                chosen[some] = [self.place_number[options[option][0]] for option in place_at]
                following[some] = [options[option][1] for option in place_at]
            for place, place_number in self.place_number.items():
                cells[place] = np.where(chosen == place_number, where, cells[place])
            at = following
        return cells


def _running_minimum(values: Array) -> None:
    """Replace every entry by the least one at or above it, along all axes but the last."""
    for axis in range(values.ndim - 1):
        view = values.swapaxes(0, axis)
        for step in range(len(view) - 2, -1, -1):
            np.minimum(view[step], view[step + 1], out=view[step])
