"""What the search by ranges minimises, and the lines in the plane of energy and latency that stand for it.

All mappings better than a value lie below a curve in the plane of energies E and latencies D. Over a range of energies
the curve of a product lies below its chord, a E + b D <= 1 with equality at both ends. A weighted sum is such a line
itself: its chord is the same over all energies, and its bound that of the relaxation.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from zzcp.cost.objective import DELAYS, Goal, WeightedSum
from zzcp.solver.lattice.keys import Array
from zzcp.solver.ranges.multipliers import Line

_BENT = 0.4
"""Ranges with too many labels are halved where the curve of a product bends so much below its chord.

In the middle of a range of ratio r it lies (log r)^2 / 8 above the chord; that counts against what the bound lacks.
"""


def middle_of(low: float, high: float) -> float:
    """Return where a range of energies is halved."""
    return float(np.sqrt(low * high))


class Curve(Protocol):
    """An objective, in the unit of energy of the tables."""

    @property
    def curved(self) -> bool:
        """Whether the chord depends on the range of energies."""

    @property
    def extremes(self) -> tuple[bool, bool]:
        """Whether it is of use to know the least energy by itself, and the least latency."""

    @property
    def timed(self) -> bool:
        """Whether the latency matters."""

    @property
    def sharpens(self) -> bool:
        """Whether it pays to bound a range once more when a better incumbent has been found in it."""

    def bends(self, low: float, high: float, least: float, /) -> bool:
        """Return whether halves of a range are much sharper than the whole, of which a bound of a E + b D is known."""

    def least(self, energy: Array, latency: Array | None) -> Array:
        """Return the objective of energies and latencies; a latency that does not matter may be None."""

    def most_energy(self, value: float, latency: float, /) -> float:
        """Return the energy that nothing exceeds that is as good as a value and takes at least some cycles."""

    def line(self, low: float, high: float, value: float, /) -> Line:
        """Return the chord of the curve of a value over a range of energies: 1 along it."""

    def bound(self, low: float, high: float, line: Line, least: float, /) -> float:
        """Return what the objective is at least in a range where a E + b D of a line is."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product of powers of energy and latency.

    Parameters
    ----------
    energy, latency : int
        The exponents.
    """

    energy: int
    latency: int

    @property
    def curved(self) -> bool:
        """Whether the chord depends on the range of energies."""
        return bool(self.energy and self.latency)

    @property
    def extremes(self) -> tuple[bool, bool]:
        """Whether it is of use to know the least energy by itself, and the least latency."""
        return bool(self.energy), bool(self.latency)

    @property
    def timed(self) -> bool:
        """Whether the latency matters."""
        return bool(self.latency)

    @property
    def sharpens(self) -> bool:
        """Whether it pays to bound a range once more when a better incumbent has been found in it."""
        return False

    def bends(self, low: float, high: float, least: float, /) -> bool:
        """Return whether halves of a range are much sharper than the whole, of which a bound of a E + b D is known."""
        return bool(np.log(high / low) ** 2 > _BENT * (1 - least))

    def least(self, energy: Array, latency: Array | None) -> Array:
        """Return the objective of energies and latencies; a latency that does not matter may be None."""
        value = energy**self.energy
        return np.asarray(value if latency is None or not self.latency else value * latency**self.latency)

    def most_energy(self, value: float, latency: float, /) -> float:
        """Return the energy that nothing exceeds that is as good as a value and takes at least some cycles."""
        return value / latency**self.latency if self.energy else np.inf

    def line(self, low: float, high: float, value: float, /) -> Line:
        """Return the chord of the curve of a value over a range of energies: 1 along it."""
        if not self.latency:
            return Line(1 / value, 0.0)
        if not self.energy:
            return Line(0.0, value ** (-1 / self.latency))
        if not low:
            # without any energy a mapping may take as long as it likes
            return Line(1 / high, 0.0)
        high = max(high, low * (1 + 1e-6))
        above, below = ((value / end) ** (1 / self.latency) for end in (low, high))
        a, b = above - below, high - low
        at_end = a * low + b * above
        return Line(a / at_end, b / at_end)

    def bound(self, low: float, high: float, line: Line, least: float, /) -> float:
        """Return what the objective is at least in a range where a E + b D of a line is."""
        if not self.latency:
            return least / line.energy
        if not self.energy:
            return float((least / line.latency) ** self.latency)
        if not low:
            return 0.0
        power = self.latency
        return min(end * max(0.0, (least - line.energy * end) / line.latency) ** power for end in (low, high))


@dataclass(frozen=True, slots=True)
class Sum:
    """A weighted sum of energy and latency.

    Parameters
    ----------
    energy, latency : float
        The weights, that of the energy per unit of the tables.
    """

    energy: float
    latency: float

    @property
    def curved(self) -> bool:
        """Whether the chord depends on the range of energies."""
        return False

    @property
    def extremes(self) -> tuple[bool, bool]:
        """Whether it is of use to know the least energy by itself, and the least latency."""
        return False, False

    @property
    def timed(self) -> bool:
        """Whether the latency matters."""
        return bool(self.latency)

    @property
    def sharpens(self) -> bool:
        """Whether it pays to bound a range once more when a better incumbent has been found in it."""
        return True

    def bends(self, _low: float, _high: float, _least: float, /) -> bool:
        """Return that halves of a range are no sharper than the whole."""
        return False

    def least(self, energy: Array, latency: Array | None) -> Array:
        """Return the objective of energies and latencies; a latency that does not matter may be None."""
        value = energy * self.energy
        return np.asarray(value if latency is None or not self.latency else value + latency * self.latency)

    def most_energy(self, value: float, latency: float, /) -> float:
        """Return the energy that nothing exceeds that is as good as a value and takes at least some cycles."""
        return max(0.0, value - latency * self.latency) / self.energy if self.energy else np.inf

    def line(self, _low: float, _high: float, value: float, /) -> Line:
        """Return the line of a value, which is the same over all energies."""
        return Line(self.energy / value, self.latency / value)

    def bound(self, _low: float, _high: float, line: Line, least: float, /) -> float:
        """Return what the objective is at least where a E + b D of a line is."""
        if self.energy:
            return least * (self.energy / line.energy)
        return least * (self.latency / line.latency)


def curve_of(goal: Goal, scale: Fraction) -> tuple[Curve, Fraction]:
    """Return a goal in the unit of energy of some tables, and how much of it is 1 of the goal itself.

    Parameters
    ----------
    goal : Objective or WeightedSum
        What is minimised.
    scale : Fraction
        Energies of the tables are those of the machine's file times this.
    """
    if isinstance(goal, WeightedSum):
        return Sum(float(goal.energy), float(goal.latency * scale)), scale
    powers = int(goal != "latency"), DELAYS[goal]
    return Product(*powers), scale if powers[0] else Fraction(1)
