"""Cheap lower bounds of energy and latency of all unrollings at once: what no temporal mapping of an unrolling avoids.

For an unrolling with T_d iterations left of dimension d let T be their product and, for an operand, I the product of
those that are irrelevant to it. Whatever the loop order,

- every element passes every link at least once, once for every instance that holds a copy of its own (*compulsory*);
- the outputs leave the array in all T iterations;
- the innermost loop belongs to some dimension d. An operand that d changes is read at the array in all T iterations,
  and so at every level above whose memory cannot hold the data of two iterations of d. An operand that d does
  not change is read at the array at least T / I times.

So the least over d of these sums bounds the energy, the busiest port the latency, and the least over d of their product
the energy-delay product. Lanes that are idle in the last iteration of a dimension do not count, nor does padding; words
and transfers are not rounded up; a port is busy for an average instance. Under ZigZag's conventions loads that happen
once hide behind the run, so that of the latency only the array's own transfers count, by whole lanes rounded down; what
its rounding leaves of energies is `zzcp.solver.unrolling.rounding`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zzcp.cost.objective import DELAYS, Goal, WeightedSum, objective_values
from zzcp.solver.clock import look
from zzcp.solver.lattice.keys import Array
from zzcp.solver.unrolling.block import Block
from zzcp.solver.unrolling.common import MARGIN, Common, Movement, touched
from zzcp.solver.unrolling.once import Once
from zzcp.solver.unrolling.rounding import FLOORED, ROUNDED

_AT_ONCE = 2**14
"""Unrollings of which figures are computed at once: they fit the cache."""
_STEPS = 1000
"""Steps that an unrolling counts as."""


@dataclass(frozen=True, slots=True, eq=False)
class CheapBounds:
    """Bounds of all unrollings of a layer on an accelerator.

    Parameters
    ----------
    common : Common
        Layer, accelerator and unrollings.
    objective : Objective or WeightedSum
        What is minimised.
    """

    common: Common
    objective: Goal

    def fewest_lanes(self, value: float) -> float:
        """Return how many lanes an unrolling must have at least whose mappings are better than a value.

        No unrolling takes less energy than the operations and one pass of every element over every link, or less cycles
        than the operations divided by its lanes.
        """
        if isinstance(self.objective, WeightedSum):
            left = value - float(self.objective.energy) * self._least_energy()
            macs = self.common.setting.layer.macs * self.common.setting.cycles_per_op
            price = float(self.objective.latency) + float(self.objective.energy) * self.common.leakage
            cycles = macs * price
            return cycles / left * (1 - MARGIN) if 0 < left < math.inf else 0.0
        power, leakage = DELAYS[self.objective], self.common.leakage
        if not math.isfinite(value):
            return 0.0
        if leakage and self.objective != "latency":
            # k D is a part of the energy, so that k D^(n + 1) is at most the value
            longest = (value / leakage) ** (1 / (power + 1))
            fewest = self.common.setting.layer.macs * self.common.setting.cycles_per_op / longest
        else:
            fewest = 0.0
        fewest *= 1 - MARGIN
        if not power:
            return float(fewest)
        energy = 1.0 if self.objective == "latency" else self._least_energy()
        if not energy:
            return float(fewest)
        setting = self.common.setting
        cycles = setting.layer.macs * setting.cycles_per_op
        return max(float(fewest), float(cycles / (value / energy) ** (1 / power) * (1 - MARGIN)))

    @property
    def least(self) -> float:
        """What no mapping of any unrolling is below: all units at work, every element once over every link."""
        setting = self.common.setting
        cycles = -(-setting.layer.macs // setting.accelerator.array.units) * setting.cycles_per_op
        energy = self._least_energy() + self.common.leakage * cycles
        found = objective_values(np.array([energy]), np.array([float(cycles)]), self.objective)
        return float(found[0]) * (1 - MARGIN)

    def _least_energy(self) -> float:
        setting = self.common.setting
        plain = setting.accelerator.array.in_memory_computing is None
        energy = float(setting.mac_energy) if plain else 0.0
        for number, (operand, movements) in enumerate(
            zip(setting.operands, self.common.movements, strict=True)
        ):
            elements = touched(setting.layer, operand)
            for movement in movements:
                if not movement.back:
                    left = self._left(number, movement)
                    energy += movement.bits.least * elements * left * movement.energy
                if setting.conventions.fractional_unrolling:
                    energy -= movement.access
        return max(0.0, energy)

    def _left(self, number: int, movement: Movement) -> float:
        """Return what is left of the elements that pass once, where ZigZag rounds and multiplies windows."""
        if not self.common.setting.conventions.fractional_unrolling:
            return 1.0
        windows = len(self.common.setting.operands[number].relations)
        if windows and movement.upper and movement.link and self.common.linked[number][movement.link]:
            return 0.0
        # of the tile, of those that are sent together, and of the instances
        return float(ROUNDED**3 * FLOORED ** (2 * windows))

    def of(self, block: Array, ceiling: float = math.inf) -> Array:
        """Return bounds of the objective of some unrollings, shape (unrollings,).

        Infinite where the smallest tiles do not fit.

        Parameters
        ----------
        block : ndarray of int, shape (unrollings, groups)
            The unrollings.
        ceiling : float
            Bounds at or above it need not be sharp.
        """
        if math.isinf(ceiling) or self.common.setting.conventions.fractional_unrolling:
            return _in_parts(self._of, block)
        bounds = _in_parts(self._quick, block)
        left = bounds < ceiling
        bounds[left] = np.maximum(bounds[left], _in_parts(self._of, block[left]))
        return bounds

    def _quick(self, block: Array) -> Array:
        """Return bounds that take an eighth of the time: every element once over every link, whatever is innermost."""
        look(len(block) * _STEPS / 8)
        value = objective_values(*Once(self.common, block).least(), self.objective)
        return np.asarray(value * (1 - MARGIN))

    def _of(self, block: Array) -> Array:
        look(len(block) * _STEPS)
        some = Block(self.common, block)
        least = np.full(len(block), np.inf)
        for position in range(-1, len(self.common.choices.dims)):
            energy, latency = some.with_innermost(position)
            value = objective_values(energy, latency, self.objective)
            least = np.where(some.may_be_innermost(position), np.minimum(least, value), least)
        return np.where(some.fits, least * (1 - MARGIN), np.inf)


def _in_parts(bound: Callable[[Array], Array], block: Array) -> Array:
    """Return the bounds of unrollings, of so many at once that their figures fit the cache."""
    parts = [bound(block[start : start + _AT_ONCE]) for start in range(0, len(block), _AT_ONCE)]
    return np.concatenate(parts) if parts else np.zeros(0)
