"""The objective in the model: its unit, its limits, and products that stay within 64 bits.

With E in units of q, rounded down, and D in cycles the energy-delay product is one product of two integers. For
E x D^2 the product F = E x D is divided by s before it is multiplied by D once more:

    F <= s f + s - 1,        target = f x D,

so that s f <= F and the target times s is still a lower bound; the smallest f is F / s rounded down.

A weighted sum a E + b D has integer weights in units of their common divisor, where these fit, else rounded down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from zzcp.cost.formulas.core import Model
from zzcp.cost.objective import Goal, WeightedSum, combined
from zzcp.solver.cpsat.budgets import with_leakage
from zzcp.solver.cpsat.chain_model import ChainModel
from zzcp.solver.cpsat.stall import MOST_CYCLES
from zzcp.solver.lattice.tables import CostTables

PRODUCT_LIMIT = 2**61
"""Largest product of energy and latency that the solver's 64-bit integers hold safely."""
_PRECISION = 2**26
"""Smallest number of units that the least possible energy is split into."""
_MOST_UNITS = 2**50
"""Limit of the energy where it is the objective."""
_MOST_SUMMED = 2**34
"""Limit of the energy in a weighted sum."""
_MOST_SUM = 2**59
"""Limit of a weighted sum."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Units and limits of the variables of the objective.

    Parameters
    ----------
    energy_unit : int
        Energies of the model are divided by this and rounded down.
    divisor : int
        By which the product of energy and latency is divided before a second multiplication.
    most_energy, most_latency, most : int
        Limits of energy (in units), latency and objective, which nothing exceeds that is as good as the value.
    unit : Fraction
        The objective that one unit of the model's stands for.
    complete : bool
        Whether everything that is as good as the value is within these limits.
    weights : tuple of int
        Weights of energy, in its units, and latency in a weighted sum.
    """

    energy_unit: int
    divisor: int
    most_energy: int
    most_latency: int
    most: int
    unit: Fraction
    complete: bool = True
    weights: tuple[int, int] = (0, 0)


def scale_of(model: Model, objective: Goal, tables: CostTables, value: Fraction) -> Scale:
    """Return the finest units with which nothing that is as good as a value of the objective overflows."""
    least = tables.operations + sum(int(table.energy.min()) for row in tables for table in row)
    most_energy = tables.operations + sum(int(table.energy.max()) for row in tables for table in row)
    most_latency = MOST_CYCLES
    run = run_of(model)
    if tables.leakage:
        least += math.floor(tables.leakage * run)
        most_energy += math.ceil(tables.leakage * _longest(model, tables))
    scaled = value * tables.scale
    if isinstance(objective, WeightedSum):
        return _scale_of_sum(model, objective, tables, value, most_energy)
    if objective == "latency":
        most_latency = min(most_latency, math.floor(value) + 1)
    elif objective == "energy":
        most_energy = min(most_energy, math.floor(scaled) + 1)
        if tables.leakage:
            most_latency = min(most_latency, math.floor(most_energy / tables.leakage) + 1)
    else:
        power = 1 if objective == "edp" else 2
        most_energy = min(most_energy, math.floor(scaled / run**power) + 1)
        if least:  # else what takes no energy may take any time
            longest = math.floor(scaled / least)
            most_latency = min(most_latency, (longest if power == 1 else math.isqrt(longest)) + 1)
    unit = max(1, least // _PRECISION)
    while (
        (most_energy // unit + 1) * most_latency >= PRODUCT_LIMIT
        if objective in ("edp", "ed2")
        else (most_energy // unit >= _MOST_UNITS)
    ):
        unit *= 2
    divisor = 1
    if objective == "ed2":
        most_product = min(math.floor(scaled / unit / run) + 1, PRODUCT_LIMIT)
        while (most_product // divisor + 1) * most_latency >= PRODUCT_LIMIT:
            divisor *= 2
    step = Fraction(1) if objective == "latency" else unit * divisor / tables.scale
    most = min(math.floor(value / step) + 1, PRODUCT_LIMIT)
    complete = most_latency < MOST_CYCLES or _longest(model, tables) < MOST_CYCLES
    return Scale(unit, divisor, most_energy // unit + 1, most_latency, most, step, complete)


def _scale_of_sum(
    model: Model, objective: WeightedSum, tables: CostTables, value: Fraction, most_energy: int
) -> Scale:
    """Return units and weights of a weighted sum; parameters as for `scale_of`."""
    most_latency = MOST_CYCLES
    if objective.energy:
        if tables.leakage:
            most_energy += math.ceil(tables.leakage * _longest(model, tables))
        most_energy = min(most_energy, math.floor(value * tables.scale / objective.energy) + 1)
        if tables.leakage:
            most_latency = min(most_latency, math.floor(most_energy / tables.leakage) + 1)
    if objective.latency:
        most_latency = min(most_latency, math.floor(value / objective.latency) + 1)
    unit = 1
    while most_energy // unit >= _MOST_SUMMED:
        unit *= 2
    per_unit, per_cycle = objective.energy * unit / tables.scale, objective.latency
    shared = math.lcm(per_unit.denominator, per_cycle.denominator)
    step = Fraction(math.gcd(int(per_unit * shared), int(per_cycle * shared)), shared)
    if value >= step * _MOST_SUM:
        step = value / _MOST_SUM
    return Scale(
        unit,
        1,
        most_energy // unit + 1,
        most_latency,
        math.floor(value / step) + 1,
        step,
        most_latency < MOST_CYCLES or _longest(model, tables) < MOST_CYCLES,
        (math.floor(per_unit / step), math.floor(per_cycle / step)),
    )


def _longest(model: Model, tables: CostTables) -> int:
    """Return cycles that no mapping exceeds: those of the run, and of every transfer before, in or after it."""
    moved = sum(
        2 * int((part.cycles * part.count).max(initial=0))
        for row in tables
        for table in row
        for part in table.moves
    )
    waits = sum(fill.latency for chain in (*model.plan.inputs, model.plan.output) for fill in chain)
    refill = sum(
        int(table.refill[1].max(initial=0)) for row in tables for table in row if table.refill is not None
    )
    return run_of(model) + model.setting.drain + refill + moved + waits


def add_target(chain: ChainModel, objective: Goal, scale: Scale) -> Any:
    """Return the variable to be minimised: the objective in units of `Scale.unit`, rounded down."""
    model = chain.model
    latency = model.new_int_var(0, scale.most_latency, "latency")
    model.add(latency == chain.latency)
    timed = objective.energy == 0 if isinstance(objective, WeightedSum) else objective == "latency"
    energy: Any = 0
    if not timed:
        energy = with_leakage(chain, scale.most_energy, scale.most_latency, latency)
    if isinstance(objective, WeightedSum):
        target = model.new_int_var(0, scale.most, "sum")
        model.add(target == scale.weights[0] * energy + scale.weights[1] * latency)
    elif objective == "energy":
        target = energy
    elif objective == "latency":
        target = latency
    elif objective == "edp":
        target = model.new_int_var(0, scale.most, "edp")
        model.add_multiplication_equality(target, [energy, latency])
    else:
        most_product = min(scale.most_energy * scale.most_latency, PRODUCT_LIMIT)
        product = model.new_int_var(0, most_product, "edp")
        model.add_multiplication_equality(product, [energy, latency])
        part = product
        if scale.divisor > 1:
            most_part = min((PRODUCT_LIMIT - 1) // scale.most_latency, most_product // scale.divisor + 1)
            part = model.new_int_var(0, most_part, "part")
            model.add(product <= scale.divisor * part + (scale.divisor - 1))
        target = model.new_int_var(0, scale.most, "ed2")
        model.add_multiplication_equality(target, [part, latency])
    model.add(target <= scale.most)
    return target


def first_bound(model: Model, objective: Goal) -> Fraction:
    """Return what every mapping takes: the energy of the operations and of leakage, and the cycles without stalls."""
    cycles = run_of(model) + model.setting.drain
    energy = Fraction(model.mac_energy + model.leakage * cycles, model.scale)
    bound: Fraction = combined(energy, Fraction(cycles), objective)
    return bound


def run_of(model: Model) -> int:
    """Return the cycles of a layer without stalls."""
    return model.setting.run_cycles
