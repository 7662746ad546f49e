"""Energies of the cost tables: 64-bit integers, in a unit in which they fit.

A cost of the input file may have any digits: its decimal is a fraction whose denominator may be as large as one likes.
While all of them together are integers that fit, the unit is theirs, and the tables are exact. Else the unit is one
part in 2^61 of what the tables can add up to, and every entry is rounded down: a bound stays a bound, and what it
loses is far below the precision of a float.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from zzcp.cost.formulas.core import Model
from zzcp.solver.lattice.keys import Array

_EXACT_BELOW = 2**62
"""Exact energies below this leave headroom in 64-bit integers."""
_ROUNDED_TO = 2.0**61
"""What rounded energies add up to at most."""
_FLOAT_ERROR = Fraction(1, 2**51)
"""More than the relative error of a product of two floats, one of which is a rounded integer."""


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
    def most(self) -> Fraction:
        """The largest energy."""
        return int(self.count.max(initial=0)) * self.cost


@dataclass(frozen=True, slots=True)
class EnergyUnit:
    """The unit of the energies in the tables of one layer.

    Parameters
    ----------
    scale : Fraction
        Energies are in units of 1 / `scale` of the unit of the input file.
    operations : int
        Energy of all operations in these units, rounded down.
    exact : bool
        Whether nothing has to be rounded.
    """

    scale: Fraction
    operations: int
    exact: bool

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
        most = operations + sum(part.most for part in accesses)
        scale = Fraction(math.lcm(model.scale, *(part.cost.denominator for part in accesses)))
        exact = most * scale < _EXACT_BELOW
        if not exact:
            scale = Fraction(float(Fraction(_ROUNDED_TO) / most))
        return cls(scale, math.floor(operations * scale), exact)

    def sum(self, accesses: Sequence[Accesses]) -> Array:
        """Return the energy of the movements over one link in every state, each rounded down."""
        total = np.zeros_like(accesses[0].count)
        for part in accesses:
            cost = part.cost * self.scale
            if self.exact:
                total += part.count * int(cost)
            else:
                total += (part.count * float(cost * (1 - _FLOAT_ERROR))).astype(np.int64)
        return total
