"""Energies of the cost tables: 64-bit integers, in a unit in which they fit.

A cost of the input file may have any digits: its decimal is a fraction whose denominator may be as large as one likes.

1. While all costs are multiples of one unit in which the tables' sums fit, that is the unit, and the tables are exact.
   Where the machine leaks, it is a small part of that.
2. Costs that were multiplied by some factor (another unit of energy, another technology) are multiples of one unit but
   for the last bits of their floats. With these multiples, and a unit no larger than any cost says, an energy is at
   most what it should be, and less by those bits only; all else is as without the factor.
3. Else the unit is one part in 2^61 of what the tables can add up to, and every entry is rounded down.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from zzcp.cost.formulas.core import Model
from zzcp.solver.lattice.keys import Array

_MOST = 2**62
"""Energies that the tables can add up to are below this."""
_FINE = 2**50
"""What energies that leakage comes to can add up to, at least where that is possible."""
_ROUNDED_TO = 2.0**61
"""What rounded energies add up to at most."""
_PRODUCT_ERROR = Fraction(1, 2**51)
"""More than the relative error of a product of two floats, one of which is a rounded integer."""
_RATIO_ERROR = Fraction(1, 2**50)
"""More than the relative error of a ratio of floats that were multiplied by one factor, as decimals."""


@dataclass(frozen=True, slots=True, eq=False)
class Accesses:
    """What one movement costs energy for.

    Parameters
    ----------
    count : ndarray of int
        How often, in every state.
    cost : Fraction
        The energy of each, in the unit of the input file.
    """

    count: Array
    cost: Fraction

    @property
    def most(self) -> int:
        """The largest count."""
        return int(self.count.max(initial=0))


@dataclass(frozen=True, slots=True)
class EnergyUnit:
    """The unit of the energies in the tables of one layer.

    Parameters
    ----------
    scale : Fraction
        Energies are in units of 1 / `scale` of the unit of the input file.
    operations : int
        Energy of all operations in these units, rounded down.
    multiples : mapping of Fraction to int, or None
        What every cost counts; None where products with costs are rounded one by one.
    """

    scale: Fraction
    operations: int
    multiples: Mapping[Fraction, int] | None

    @classmethod
    def of(cls, model: Model, accesses: Sequence[Accesses]) -> EnergyUnit:
        """Return the unit in which all energies of a layer fit.

        Parameters
        ----------
        model : Model
            The compiled setting.
        accesses : sequence of Accesses
            Everything that its tables count.
        """
        operations = model.setting.mac_energy
        costs = {operations, *(part.cost for part in accesses)}
        for multiples in (_exact_multiples(costs, model.scale), common_multiples(costs)):
            if multiples is None:
                continue
            most = multiples[operations] + sum(part.most * multiples[part.cost] for part in accesses)
            if most < _MOST:
                # a unit that is no larger than any of the costs says
                scales = [multiple / cost for cost, multiple in multiples.items() if cost]
                finer = _finer(most) if model.setting.leakage else 1
                return cls(
                    max(scales, default=Fraction(1)) * finer,
                    multiples[operations] * finer,
                    {cost: multiple * finer for cost, multiple in multiples.items()},
                )
        total = operations + sum(part.most * part.cost for part in accesses)
        scale = Fraction(float(Fraction(_ROUNDED_TO) / total))
        return cls(scale, math.floor(operations * scale), None)

    def sum(self, accesses: Sequence[Accesses]) -> Array:
        """Return the energy of the movements over one link in every state, each rounded down."""
        total = np.zeros_like(accesses[0].count)
        for part in accesses:
            if not part.most:
                continue
            if self.multiples is not None:
                total += part.count * self.multiples[part.cost]
            else:
                cost = part.cost * self.scale * (1 - _PRODUCT_ERROR)
                total += (part.count * float(cost)).astype(np.int64)
        return total


def _finer(most: int) -> int:
    """Return by how much a unit can be divided: what leaks is no multiple of it, and is rounded to it."""
    return 1 << max(0, _FINE.bit_length() - most.bit_length())


def _exact_multiples(costs: Collection[Fraction], scale: int) -> Mapping[Fraction, int]:
    """Return costs in the coarsest unit of which all are multiples, and that divides 1 / `scale`."""
    scale = math.lcm(scale, *(cost.denominator for cost in costs))
    return {cost: int(cost * scale) for cost in costs}


def common_multiples(costs: Collection[Fraction]) -> Mapping[Fraction, int] | None:
    """Return the smallest integers whose ratios are those of some costs, but for the last bits of floats.

    Parameters
    ----------
    costs : collection of Fraction
        The costs, none of them negative.

    Returns
    -------
    mapping of Fraction to int, or None
        None where the integers would be too large to be of use.
    """
    least = min((cost for cost in costs if cost), default=Fraction(1))
    ratios = {
        cost: simplest_between(cost / least * (1 - _RATIO_ERROR), cost / least * (1 + _RATIO_ERROR))
        for cost in costs
        if cost
    }
    shared = math.lcm(*(ratio.denominator for ratio in ratios.values()))
    multiples = {cost: int(ratios.get(cost, 0) * shared) for cost in costs}
    return multiples if max(multiples.values(), default=0) < _MOST else None


def simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """Return the fraction of the least denominator in a range of positive numbers.

    Source: the expansion of both ends as continued fractions (Stern 1858, Brocot 1861).
    """
    whole = math.ceil(low)
    if whole <= high:
        return Fraction(whole)
    return whole - 1 + 1 / simplest_between(1 / (high - whole + 1), 1 / (low - whole + 1))
