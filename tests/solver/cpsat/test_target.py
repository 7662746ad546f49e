"""The objective in the model: never above the true one, hardly below it, and within 64 bits."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from ortools.sat.python import cp_model

from tests.solver.brute_force import best_mappings, random_case
from tests.solver.machine_fields import leakage
from zzcp.cost import EXACT
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import DELAYS, OBJECTIVES, Objective, combined
from zzcp.solver.constrained.diagnose import diagnose
from zzcp.solver.cpsat.stall import MOST_CYCLES
from zzcp.solver.cpsat.target import PRODUCT_LIMIT, Scale, add_target, scale_of
from zzcp.solver.lattice.keys import keys_of
from zzcp.solver.lattice.tables import boundary_tables


class Costs:
    """A model with one energy and one latency."""

    def __init__(self, energy: int, latency: int, leakage: Fraction) -> None:
        self.model = cp_model.CpModel()
        self.energy: Any = energy
        self.latency: Any = latency
        self.leakage = leakage


def least(energy: int, latency: int, objective: Objective, scale: Scale, rate: Fraction = Fraction(0)) -> int:
    costs = Costs(energy, latency, rate / scale.energy_unit)
    costs.model.minimize(add_target(costs, objective, scale))  # type: ignore[arg-type]
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(costs.model) == cp_model.OPTIMAL
    return round(solver.objective_value)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("leaks", [False, True])
@pytest.mark.parametrize("number", range(12))
def test_the_target_is_the_objective_rounded_down(number: int, leaks: bool, objective: Objective) -> None:
    case = random_case(Random(f"target {number}"), 500)
    if leaks:
        case = replace(case, accelerator=leakage(Random(f"leaks {number}"), case.accelerator))
    evaluator = case.evaluator(EXACT)
    best = best_mappings(case, EXACT)
    if not best:
        return
    evaluation = evaluator.evaluate(best["edp"].mapping)
    energy, latency = evaluation.energy.exact, int(evaluation.latency.total)
    value: Fraction = combined(energy, latency, objective)
    model = evaluator.model
    tables = boundary_tables(model, keys_of(evaluator.setting.temporal_sizes))
    scale = scale_of(model, objective, tables, value)
    moved = energy - evaluator.setting.leakage * latency
    units = int(moved * tables.scale) // scale.energy_unit
    found = least(units, latency, objective, scale, tables.leakage) * scale.unit
    assert found <= value
    if value:
        assert found >= value * (1 - Fraction(1, 2**20))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_no_product_leaves_64_bits(objective: Objective) -> None:
    for number in range(30):
        case = random_case(Random(f"limits {number}"), 500)
        evaluator = case.evaluator(EXACT)
        if diagnose(evaluator.model) is not None:
            continue
        tables = boundary_tables(evaluator.model, keys_of(evaluator.setting.temporal_sizes))
        # an incumbent that is far from the best
        for value in (Fraction(1, 3), Fraction(10**6), Fraction(10**24), Fraction(10**40)):
            scale = scale_of(evaluator.model, objective, tables, value)
            assert scale.energy_unit >= 1
            assert scale.most_energy < 2**62
            assert scale.most_latency < 2**62
            if DELAYS[objective] and objective != "latency":
                assert scale.most_energy * scale.most_latency < 2 * PRODUCT_LIMIT


@pytest.mark.parametrize("objective", ["edp", "ed2"])
def test_what_takes_no_energy_may_take_any_time(objective: Objective) -> None:
    case = random_case(Random("free"), 500)
    machine = case.accelerator
    free = replace(
        machine,
        memories=tuple(replace(memory, read_energy=0.0, write_energy=0.0) for memory in machine.memories),
        array=replace(machine.array, unit_energy=0.0),
    )
    model = Evaluator(free, case.layer, case.spatial, EXACT).model
    tables = boundary_tables(model, keys_of(model.setting.temporal_sizes))
    assert scale_of(model, objective, tables, Fraction(0)).most_latency == MOST_CYCLES  # it was 1


def test_objectives_of_numbers() -> None:
    assert [combined(3, 5, objective) for objective in ("energy", "latency", "edp", "ed2")] == [3, 5, 15, 75]
    with pytest.raises(ValueError, match="no objective power"):
        combined(1, 1, "power")
