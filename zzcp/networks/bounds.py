"""Lines that no pair of energy and latency of a set is below.

A set of pairs (E, D), such as the costs of all mappings of a layer, is enclosed by cuts: a E + b D >= L for weights
a, b >= 0, one for every search that minimised a E + b D. They bound a polygon that holds the set, unbounded upwards and
to the right. Everything is rational, so that nothing is lost by rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from zzcp.cost.objective import DELAYS, WeightedSum, combined

Corner = tuple[Fraction, Fraction]
"""Energy and latency of a corner of a polygon."""
ENERGY, LATENCY = WeightedSum(Fraction(1), Fraction(0)), WeightedSum(Fraction(0), Fraction(1))
"""Each alone, as a sum."""
_BITS = 30
"""Of a slope: more would cost time in rational arithmetic, and find the same mappings."""


@dataclass(slots=True, eq=False)
class Outside:
    """The cuts of a set.

    Parameters
    ----------
    energy, latency : Fraction
        No energy and no latency of the set is less.
    """

    energy: Fraction
    latency: Fraction
    cuts: dict[Fraction, Fraction] = field(default_factory=dict)

    def add(self, weights: WeightedSum, bound: Fraction) -> None:
        """Take over that a E + b D is nowhere less than a bound."""
        a, b = weights.energy, weights.latency
        if not b:
            self.energy = max(self.energy, bound / a)
        elif not a:
            self.latency = max(self.latency, bound / b)
        else:
            slope = b / a
            self.cuts[slope] = max(bound / a, self.cuts.get(slope, Fraction(0)))

    def above(self, energy: Fraction, latency: Fraction) -> list[tuple[WeightedSum, Fraction]]:
        """Return the cuts that a point is below, as weights and bounds."""
        lines = [
            (ENERGY, self.energy),
            (LATENCY, self.latency),
            *((WeightedSum(Fraction(1), slope), bound) for slope, bound in self.cuts.items()),
        ]
        return [(weights, bound) for weights, bound in lines if weights.of(energy, latency) < bound]

    def drop(self, weights: WeightedSum) -> None:
        """Forget a cut."""
        if not weights.latency:
            self.energy = Fraction(0)
        elif not weights.energy:
            self.latency = Fraction(0)
        else:
            del self.cuts[weights.latency / weights.energy]

    def corners(self) -> list[Corner]:
        """Return the corners of the polygon, by falling latency and rising energy.

        With cuts of rising slope E + s D >= L every line takes its turn from right to left, unless those next to it
        meet above it.
        """
        lines = [(Fraction(0), self.energy), *sorted(self.cuts.items())]
        kept: list[tuple[Fraction, Fraction]] = []
        for line in lines:
            if kept and _crossing(kept[-1], line) <= self.latency:
                continue  # it is above only where nothing is fast enough
            while len(kept) > 1 and _crossing(kept[-1], line) >= _crossing(kept[-2], kept[-1]):
                kept.pop()
            kept.append(line)
        latencies = [_crossing(*pair) for pair in pairwise(kept)] + [self.latency]
        return [
            (bound - slope * latency, latency)
            for (slope, bound), latency in zip(kept, latencies, strict=True)
        ]

    def least(self, weights: WeightedSum) -> Fraction:
        """Return what a E + b D is at least."""
        value: Fraction = min(weights.of(energy, latency) for energy, latency in self.corners())
        return value


def _crossing(one: tuple[Fraction, Fraction], other: tuple[Fraction, Fraction]) -> Fraction:
    """Return the latency at which two cuts, the second of the larger slope, have the same energy."""
    return (other[1] - one[1]) / (other[0] - one[0])


def tangent(objective: str, energy: Fraction, latency: Fraction) -> WeightedSum:
    """Return the weights of the line that touches the curve of an objective at a point."""
    power = DELAYS[objective]
    if objective == "energy":
        return ENERGY
    if objective == "latency":
        return LATENCY
    return WeightedSum(Fraction(1), short(power * energy / latency))


def short(value: Fraction) -> Fraction:
    """Return a number with few digits near another one."""
    if not value:
        return value
    shift = _BITS - (value.numerator.bit_length() - value.denominator.bit_length())
    return Fraction(round(value * Fraction(2) ** shift)) / Fraction(2) ** shift


def cut_of_product(
    objective: str, energy: Fraction, latency: Fraction, bound: Fraction
) -> tuple[WeightedSum, Fraction]:
    """Return the cut that follows from a bound of a product, near a mapping that nearly reaches it.

    For E D >= B and weights (d, e) of a mapping with e d >= B the inequality of the arithmetic and the geometric mean
    gives d E + e D >= 2 sqrt(e d B) >= 2 B; for E D^2 >= B and weights (d, 2 e) it gives d E + 2 e D >= 3 B / d.

    Parameters
    ----------
    objective : str
        ``edp`` or ``ed2``.
    energy, latency : Fraction
        Of the mapping.
    bound : Fraction
        No mapping's objective is less.
    """
    power = DELAYS[objective]
    weights = WeightedSum(latency, power * energy)
    return weights, (power + 1) * bound / latency ** (power - 1)


def least_objective(objective: str, outside: Outside) -> tuple[Fraction, Corner]:
    """Return what an objective is at least in a polygon, and the corner where it is that.

    The objectives are quasi-concave where energies and latencies are not negative, so that none is less inside the
    polygon, or along its edges, than at one of its corners.
    """
    value, corner = min(
        ((combined(energy, latency, objective), (energy, latency)) for energy, latency in outside.corners()),
    )
    return value, corner


def best_of(weights: WeightedSum, points: Sequence[Corner]) -> int:
    """Return the number of the point with the least a E + b D; of equals that of least energy."""
    return min(range(len(points)), key=lambda number: (weights.of(*points[number]), points[number]))
