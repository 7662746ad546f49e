"""The search under constraints against every mapping that obeys them."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any, Literal

import pytest

from tests.machines import machine
from tests.solver.brute_force import Case, random_case
from tests.solver.random_constraints import MAKERS, best_obeying, bufferings_of, random_constraints
from zzcp.cost import EXACT, ZIGZAG, CostConventions, evaluate
from zzcp.cost.constraints.constrained import constraint_violations
from zzcp.errors import InputError
from zzcp.mapping import LayerConstraints, Mapping
from zzcp.mapping.constraints import Bypass, Constraints, DoubleBuffering
from zzcp.solver import Result, optimize
from zzcp.solver.engines import Engine
from zzcp.workload import Layer

GAP = 1e-4
FLOAT_ERROR = 1e-12
"""Objectives of a batch are products of floats."""

Objective = Literal["edp", "energy", "latency"]
BOTH = pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)


def draw(seed: str, conventions: CostConventions, kind: str, most: int) -> tuple[Case, Constraints]:
    """Return a case with few mappings, bufferings counted where constraints are about them, and constraints."""
    rng = Random(seed)
    while True:
        case = random_case(rng, most)
        constraints = random_constraints(rng, case, conventions, kind)
        if "double_buffering" not in constraints.to_dict() or bufferings_of(case) <= 16:
            return case, constraints


def check(
    case: Case,
    constraints: Constraints,
    conventions: CostConventions,
    objective: Objective,
    time_limit: float,
    engine: Engine = "auto",
) -> Result:
    """Compare the search under constraints with the enumeration."""
    best = best_obeying(case, constraints, conventions, objective)
    result = optimize(
        case.accelerator,
        case.layer,
        objective,
        spatial=case.spatial,
        conventions=conventions,
        constraints=constraints,
        time_limit=time_limit,
        gap=GAP,
        engine=engine,
    )
    assert result.faults == ()
    if best is None:
        assert result.status in ("infeasible", "unknown")
        assert (result.diagnosis is not None) == (result.status == "infeasible")
        return result
    assert result.status in ("optimal", "feasible", "unknown")
    if result.mapping is None:
        return result
    assert result.objective is not None
    assert result.lower_bound <= best.value * (1 + FLOAT_ERROR)
    assert result.objective >= best.value * (1 - FLOAT_ERROR)
    if result.status == "optimal":
        assert result.objective * (1 - GAP) <= best.value * (1 + FLOAT_ERROR)
    obeyed(case, constraints, conventions, result)
    return result


def obeyed(case: Case, constraints: Constraints, conventions: CostConventions, result: Result) -> None:
    """The mapping obeys the constraints, and costs the same when it is read again."""
    assert result.mapping is not None
    assert result.evaluation is not None
    again = Mapping.from_dict(result.mapping.to_dict())
    evaluation = evaluate(case.accelerator, case.layer, again, conventions)
    assert evaluation.energy.exact == result.evaluation.energy.exact
    assert evaluation.latency == result.evaluation.latency
    assert not constraint_violations(case.accelerator, case.layer, again, constraints, conventions)


def objective_for(seed: str) -> Objective:
    return Random(seed).choice(("edp", "energy", "latency"))


@pytest.mark.parametrize("part", range(10))
@pytest.mark.parametrize("kind", MAKERS)
@BOTH
def test_nothing_that_obeys_is_better(conventions: CostConventions, kind: str, part: int) -> None:
    seed = f"{kind} {part}"
    case, constraints = draw(seed, conventions, kind, 400)
    check(case, constraints, conventions, objective_for(seed), 20.0)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
@pytest.mark.parametrize("kind", MAKERS)
@BOTH
def test_nothing_that_obeys_is_better_on_many_machines(
    conventions: CostConventions, kind: str, part: int
) -> None:
    results = []
    for number in range(20):
        seed = f"slow {kind} {part} {number}"
        case, constraints = draw(seed, conventions, kind, 10_000)
        results.append(check(case, constraints, conventions, objective_for(seed), 10.0))
    closed = sum(result.status in ("optimal", "infeasible") for result in results)
    assert closed >= 0.8 * len(results)


@pytest.mark.parametrize("kind", MAKERS)
@BOTH
def test_nothing_that_obeys_is_better_by_ranges_alone(conventions: CostConventions, kind: str) -> None:
    results = []
    for number in range(6):
        seed = f"ranges {kind} {number}"
        case, constraints = draw(seed, conventions, kind, 400)
        results.append(check(case, constraints, conventions, objective_for(seed), 20.0, "ranges"))
    assert any(result.engine == "ranges" and result.status == "optimal" for result in results)


# ---- what holds for any constraints -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(20))
def test_constraints_that_the_optimum_obeys_change_nothing(number: int) -> None:
    rng = Random(f"binding {number}")
    while True:
        case = random_case(rng, 300)
        free = optimize(case.accelerator, case.layer, spatial=case.spatial, time_limit=600, gap=GAP)
        if free.mapping is None:
            continue
        constraints = random_constraints(rng, case, EXACT, rng.choice(list(MAKERS)))
        if any(isinstance(item, Bypass | DoubleBuffering) for item in constraints):
            continue
        if not constraint_violations(case.accelerator, case.layer, free.mapping, constraints):
            break
    bound = optimize(
        case.accelerator, case.layer, spatial=case.spatial, constraints=constraints, time_limit=600, gap=GAP
    )
    assert bound.status == free.status
    assert bound.objective == pytest.approx(free.objective, rel=GAP)
    assert bound.lower_bound >= free.lower_bound * (1 - GAP)


MACHINE = machine()
LAYER = Layer.gemm(b=8, k=8, c=8)


def solve(constraints: Any, **options: Any) -> Result:
    return optimize(
        MACHINE,
        LAYER,
        constraints=constraints,
        **{"time_limit": 20, "gap": 0.01, "spatial": "full", **options},
    )


def test_the_result_says_what_was_asked() -> None:
    asked = {"innermost": ["K"], "max_energy": 10**9}
    result = solve(asked)
    assert result.constraints == Constraints.from_dict(asked)
    assert result.to_dict()["constraints"] == asked
    assert "constraints" not in solve(None).to_dict()
    assert solve({}).constraints == Constraints()


def test_entries_for_layers_are_looked_up() -> None:
    entries = LayerConstraints((("Gemm", Constraints.from_dict({"innermost": ["K"]})),))
    result = solve(entries)
    assert result.constraints == Constraints.from_dict({"innermost": ["K"]})
    assert result.mapping is not None
    assert result.mapping.order[0].dim == "K"


def test_a_hint_that_does_not_obey_is_not_used() -> None:
    free = solve(None)
    asked = {"innermost": ["K"], "outermost": ["C"]}
    with_hint, without = solve(asked, hint=free.mapping), solve(asked)
    assert with_hint.objective == pytest.approx(without.objective, rel=0.01)
    assert constraint_violations(MACHINE, LAYER, with_hint.mapping, asked) == []


def test_a_hint_with_a_bypass() -> None:
    asked = {"bypass": {"I": ["sram"]}}
    first = solve(asked)
    assert first.mapping is not None
    again = solve(asked, hint=first.mapping)
    assert again.mapping is not None
    assert again.mapping.bypass == {"I": ("sram",)}
    assert again.objective <= first.objective
    # elsewhere it is a mapping of another machine
    assert solve({"innermost": ["K"]}, hint=first.mapping).mapping.bypass is None


def test_what_does_not_exist_is_an_error() -> None:
    with pytest.raises(InputError, match="did you mean 'sram'"):
        solve({"min_utilization": {"srma": 0.5}})
    with pytest.raises(InputError, match="unknown key"):
        solve({"sizes": []})
    with pytest.raises(InputError, match="outermost memory"):
        solve({"bypass": {"I": ["dram"]}})


def test_the_same_seed_gives_the_same_result() -> None:
    asked = {"outermost": ["B"], "even_mapping": True}
    one, other = (solve(asked, seed=3) for _ in range(2))
    assert one.mapping == other.mapping
    assert one.lower_bound == other.lower_bound


def test_too_little_time_for_a_budget_is_no_proof() -> None:
    layer = Layer.conv(b=1, k=64, c=64, oy=56, ox=56, fy=3, fx=3)
    result = optimize(
        MACHINE, layer, constraints={"max_latency": layer.macs // 8 + 1}, time_limit=0.2, spatial="full"
    )
    assert result.status in ("unknown", "infeasible", "feasible", "optimal")
    if result.status == "unknown":
        assert result.mapping is None
        assert result.diagnosis is None


def test_huge_layers_are_searched_all_the_same() -> None:
    layer = Layer.gemm(b=2**20, k=2**20, c=2**20)
    asked = {"tile_sizes": [{"memory": "sram", "dimension": "B", "operand": "I", "max": 2**10}]}
    *inner, top = MACHINE.memories
    large = replace(MACHINE, memories=(*inner, replace(top, size=10**16)))
    result = optimize(large, layer, constraints=asked, time_limit=5, spatial="full")
    assert result.status in ("feasible", "unknown")
    if result.mapping is not None:
        assert constraint_violations(large, layer, result.mapping, asked) == []
