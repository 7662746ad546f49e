"""Bounds of the objective of many unrollings at once, from the least weighted sums of their energies and cycles.

The latency is at least the run with loading and unloading, the cycles of any port, the former with what is late at any
port, and the sums of `zzcp.solver.unrolling.ends`, hence any weighted mean of these; fictitious play (Brown 1951) moves
the weights to what is longest in the cheapest mapping. Energy and latency are weighted by the chord of the curve of a
value that is known.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from zzcp.cost.objective import DELAYS, Goal, WeightedSum
from zzcp.solver.lattice.keys import Array, Place
from zzcp.solver.unrolling.block import Block
from zzcp.solver.unrolling.common import MARGIN

_ROUNDS = 4
"""Least sums that move the weights of the latency."""
_LATER = 0.98
"""What counts of a sum of late cycles where the longest one is looked for."""


class Found(NamedTuple):
    """Bounds of some unrollings, arrays over them.

    Attributes
    ----------
    bound, energy, latency : ndarray
        Of the objective, the energy and the latency.
    weights : ndarray, shape (1 + 2 ports, unrollings)
        In the latency, of the run, of every port's cycles, and of the run with what is late at every port.
    """

    bound: Array
    energy: Array
    latency: Array
    weights: Array


class Weighted(ABC):
    """A relaxation of the mappings of a block's unrollings, of which the least weighted sums are known.

    Attributes
    ----------
    block : Block
        The unrollings.
    count : int
        How many they are.
    ends : ndarray
        Cycles before the first operation and after the last one, at the least.
    ports : list of (str, str)
        Memory and port of everything that moves, and the names of the sums of `zzcp.solver.unrolling.ends`.
    """

    block: Block
    count: int
    ends: Array
    ports: list[tuple[str, str]]

    @abstractmethod
    def _cheapest(self, a: Array, prices: Array) -> tuple[Array, dict[Place, Array]]:
        """Return the least sums, of energies at one price and cycles of run and ports at others, and where they are."""

    @abstractmethod
    def _cycles(self, cells: dict[Place, Array]) -> tuple[Array, Array]:
        """Return the cycles of every port, and those that are late there: shape (ports, unrollings)."""

    def bounds(self, goal: Goal, value: float) -> Found:
        """Return bounds of a goal.

        Parameters
        ----------
        goal : Objective or WeightedSum
            What is minimised.
        value : float
            The best that is known; bounds above it need not be sharp.
        """
        zero, one = np.zeros(self.count), np.ones(self.count)
        base = self.base
        weights = np.zeros((1 + 2 * len(self.ports), self.count))
        weights[0] = 1
        if isinstance(goal, WeightedSum):
            return self._of_sum(goal, weights, _ROUNDS)
        of_latency = DELAYS[goal]
        least_energy = zero
        if goal != "latency":
            least_energy, cells = self._cheapest(one, weights * 0)
            least_energy = (least_energy + self.leakage * base) * (1 - MARGIN)
            weights = self._towards(weights, cells, one)
        if not of_latency:
            if self.leakage:
                found, weights = self._tightened(one, zero, weights, _ROUNDS)
                least_energy = np.maximum(least_energy, found)
            return Found(least_energy, least_energy, zero, weights)
        rounds = _ROUNDS if goal == "latency" else 2
        found, heavier = self._tightened(zero, 1 / base, weights, rounds)
        least_latency = np.maximum(base, found * base)
        if goal == "latency":
            return Found(least_latency**of_latency, zero, least_latency, heavier)
        if self.leakage:
            # what takes longer leaks more
            least_energy = least_energy + self.leakage * (least_latency - base) * (1 - MARGIN)
        bound = least_energy * least_latency**of_latency
        first = Found(bound, least_energy, least_latency, weights)
        return self._beneath_chord(of_latency, value, first, _ROUNDS)

    def _of_sum(self, goal: WeightedSum, weights: Array, rounds: int) -> Found:
        zero = np.zeros(self.count)
        a, b = np.full(self.count, float(goal.energy)), np.full(self.count, float(goal.latency))
        if not goal.latency and not self.leakage:
            rounds = 1
        found, heavier = self._tightened(a, b, weights, rounds)
        return Found(np.maximum(found, 0.0) * (1 - MARGIN), zero, zero, heavier)

    def _beneath_chord(self, power: int, value: float, known: Found, rounds: int) -> Found:
        """Return sharper bounds: the curve of energies and latencies of a value lies above its chord."""
        with np.errstate(divide="ignore", invalid="ignore"):
            least_energy = known.energy
            most_energy = np.maximum(value / known.latency**power, least_energy)
            above, below = ((value / end) ** (1 / power) for end in (least_energy, most_energy))
            a, b = above - below, most_energy - least_energy
            at_end = a * least_energy + b * above
            a, b = a / at_end, b / at_end
            usable = np.isfinite(a) & np.isfinite(b) & (known.bound < value)
            a, b = np.where(usable, a, 0.0), np.where(usable, b, 0.0)
            least, weights = self._tightened(a, b, known.weights, rounds)
            ends = [
                end * np.maximum(0.0, (least - a * end) / b) ** power for end in (least_energy, most_energy)
            ]
            chord = np.where(least > 1 + MARGIN, value, np.minimum(*ends) * (1 - MARGIN))
        bound = np.where(usable & np.isfinite(chord), np.maximum(known.bound, chord), known.bound)
        return known._replace(bound=bound, weights=weights)

    @property
    def leakage(self) -> float:
        """Energy of a cycle."""
        return self.block.common.leakage

    @property
    def run(self) -> Array:
        """Cycles of the iterations."""
        return np.asarray(self.block.total * self.block.setting.cycles_per_op)

    @property
    def alone(self) -> Array:
        """Cycles of the iterations, and those before the first and after the last one."""
        return self.run + self.ends

    @property
    def base(self) -> Array:
        """Cycles without stalls."""
        return self.alone + self.block.drain

    def _tightened(self, a: Array, b: Array, weights: Array, rounds: int) -> tuple[Array, Array]:
        """Return the greatest bounds of a E + b D that are found, and the weights of run and ports for them."""
        b = b + a * self.leakage
        best, chosen = np.full(self.count, -np.inf), weights
        for number in range(rounds):
            found, cells = self._cheapest(a, b * weights)
            with_run = weights[0] + weights[1 + len(self.ports) :].sum(axis=0)
            found = found + b * (with_run * self.alone + self.block.drain)
            chosen = np.where(found > best, weights, chosen)
            best = np.maximum(best, found)
            if number + 1 < rounds:
                # at once to what is longest, then towards it
                step = np.full(self.count, 1 / (number + 1))
                weights = self._towards(weights, cells, step, 1.0)
        return best * (1 - MARGIN), chosen

    def _towards(
        self, weights: Array, cells: dict[Place, Array], step: Array, later: float = _LATER
    ) -> Array:
        """Return weights moved towards what takes longest in some chains: the run or a port."""
        cycles, late = self._cycles(cells)
        # what is late depends most on the chain, so that others come before it where they are as long
        terms = np.concatenate([self.alone[None], cycles, (self.alone + late) * later])
        longest = np.arange(len(terms))[:, None] == terms.argmax(axis=0)
        return np.asarray(weights * (1 - step) + step * longest)
