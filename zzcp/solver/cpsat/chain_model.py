"""What a model of the tile chain consists of: its families of constraints add to it, and the search reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from zzcp.cost.formulas.core import Model
from zzcp.solver.cp_sat import cp_model
from zzcp.solver.cpsat.restrict import Point
from zzcp.solver.cpsat.variables import Boundary
from zzcp.solver.cpsat.windows import Tail, Window
from zzcp.solver.lattice.keys import Key


@dataclass(slots=True, eq=False)
class ChainModel:
    """A CP-SAT model with the variables that the search reads.

    Parameters
    ----------
    cost : Model
        The evaluator's compiled setting.
    keys : tuple of Key
        Prime factors of the temporal loops.
    model : CpModel
        The model.
    boundaries : list of list of Boundary
        Per operand and link.
    energy, latency : IntVar or int
        Energy in `energy_unit` units of the tables, rounded down, without leakage, and cycles.
    energy_unit : int
        See `energy`.
    points : list of Point
        Points of the chain that are no boundaries.
    leakage : Fraction
        Energy of a cycle in units of `energy`.
    """

    cost: Model
    keys: tuple[Key, ...]
    model: cp_model.CpModel
    boundaries: list[list[Boundary]]
    energy: Any
    latency: Any
    energy_unit: int
    doubled: dict[tuple[int, int], Any] = field(default_factory=dict)
    windows: dict[tuple[int, int], Window] = field(default_factory=dict)
    tails: dict[int, Tail] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    leakage: Fraction = Fraction(0)
