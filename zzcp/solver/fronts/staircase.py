"""The staircase of a front as what the search by ranges minimises: a mapping counts that no known one beats.

With e(D) the least energy of the known mappings that take at most D cycles, E / e(D) is below 1 where a mapping of
energy E and latency D is not beaten. Over a range of energies all such mappings lie below a line through the outer
corners of the staircase, of the slope of the hull there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from zzcp.solver.fronts.known import Corner
from zzcp.solver.lattice.keys import Array
from zzcp.solver.ranges.goals import middle_of
from zzcp.solver.ranges.multipliers import Line

_ROUNDING = 1e-9
"""More than the relative error of a latency that is no sum of whole cycles."""
_SHARPER = 0.8
"""A range is halved if that leaves its halves at most this share of the room below their lines."""


class Staircase:
    """The mappings that are known from one point of a front to another.

    Parameters
    ----------
    corners : sequence of (Fraction, Fraction)
        Latency and energy of at least two, none beaten by another, the fastest first.
    scale : Fraction
        Energies of the tables are those of the machine's file times this.
    share : Fraction
        A mapping counts if its energy is below this share of what is known.
    whole : bool
        Whether latencies are whole cycles.
    leaks : bool
        Whether energies are those of the tables and what leaks, hence not whole.

    Attributes
    ----------
    most_cycles : float
        No mapping counts that takes more.
    """

    curved = True
    extremes = False, False
    timed = True
    sharpens = True

    def __init__(
        self, corners: Sequence[Corner], scale: Fraction, share: Fraction, *, whole: bool, leaks: bool = False
    ) -> None:
        self.scale, self._share, self._whole, self._leaks = scale, share, whole, leaks
        self._least = np.finfo(float).tiny if leaks else 0.5
        (fast, much), (slow, little) = corners[0], corners[-1]
        # the weights for which both ends are equally good
        self._slope = float((slow - fast) / ((much - little) * scale))
        self.most_cycles = float(slow)
        self.renew(corners)

    def renew(self, corners: Sequence[Corner]) -> None:
        """Take over what is known."""
        self._latencies = np.array([float(latency) for latency, _ in corners])
        counting = [energy * self.scale * self._share for _, energy in corners]
        if not self._leaks:
            # energies of the tables are whole: one that counts is at most this
            counting = [Fraction(math.ceil(energy) - 1) for energy in counting]
        self._energies = np.array(counting, dtype=float)
        # and a latency at most this
        self._ends = np.append(self._latencies[1:] - self._whole, self.most_cycles)

    def least(self, energy: Array, latency: Array | None) -> Array:
        """Return the share of what is known that energies are at least: nothing above 1 counts."""
        assert latency is not None
        least = np.rint(latency) if self._whole else latency * (1 - _ROUNDING)
        step = np.maximum(np.searchsorted(self._latencies, least, side="right") - 1, 0)
        return np.asarray(energy / np.maximum(self._energies[step], self._least))

    def most_energy(self, _value: float, _latency: float, /) -> float:
        """Return the energy that nothing exceeds that counts."""
        return float(self._energies[0])

    def line(self, low: float, high: float, _value: float, /) -> Line:
        """Return a line above everything that counts in a range of energies."""
        most = self._outermost(low, high)
        return Line(self._slope / most, 1 / most)

    def _outermost(self, low: float, high: float) -> float:
        """Return the greatest weighted sum of what counts in a range of energies."""
        inside = self._energies >= low
        inside[0] = True
        return float((self._slope * np.minimum(self._energies, high) + self._ends)[inside].max())

    def bound(self, low: float, high: float, line: Line, least: float, /) -> float:
        """Return what the share is at least in a range where a E + b D of a line is; above 1 if nothing counts."""
        energies = np.maximum(low, (least - line.latency * self._ends) / line.energy)
        inside = energies <= np.minimum(high, self._energies)
        shares = energies / np.maximum(self._energies, self._least)
        return float(shares[inside].min()) if inside.any() else 2.0

    def bends(self, low: float, high: float, least: float, /) -> bool:
        """Return whether halves of a range are much sharper than the whole, of which a bound of a E + b D is known."""
        middle = middle_of(low, high)
        whole = self._outermost(low, high)
        rooms = [self._outermost(*half) / whole - least for half in ((low, middle), (middle, high))]
        return low < middle < high and max(0.0, rooms[0]) + max(0.0, rooms[1]) < 2 * _SHARPER * (1 - least)
