"""The search against every mapping there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from tests.random_layers import KINDS
from tests.simulation.tiny_cases import keeping_overlap
from tests.solver.brute_force import Case, best_mappings, distinct_orders, random_case
from zzcp.cost import EXACT, ZIGZAG, CostConventions
from zzcp.cost.objective import OBJECTIVES, Objective
from zzcp.solver import Result, optimize
from zzcp.solver.constrained.diagnose import is_certain
from zzcp.solver.engines import ENGINES, Engine

GAP = 1e-4
LIMIT, SLOW_LIMIT = 0.01, 0.03
"""Of CP-SAT's work where it is alone: what comes out does not depend on how busy the machine is."""
SECONDS = 600
"""Time for all other searches."""
FLOAT_ERROR = 1e-12
"""Objectives of a batch are products of floats."""


def check(
    case: Case,
    conventions: CostConventions,
    engine: Engine,
    limit: float = LIMIT,
    objectives: Sequence[Objective] = OBJECTIVES,
) -> list[Result]:
    """Compare an engine with the enumeration for some objectives, CP-SAT alone within a deterministic limit."""
    alone = engine == "cp-sat"
    limits: dict[str, float] = {"deterministic_limit": limit} if alone else {"time_limit": SECONDS}
    best = best_mappings(case, conventions)
    evaluator = case.evaluator(conventions)
    results = []
    for objective in objectives:
        result = optimize(
            case.accelerator,
            case.layer,
            objective,
            spatial=case.spatial,
            conventions=conventions,
            gap=GAP,
            engine=engine,
            **limits,
        )
        assert result.engine in ("none", engine) or engine == "auto"
        results.append(result)
        if objective not in best:
            # the search by ranges alone proves nothing where larger tiles might fit that smaller ones do not
            if engine == "ranges" and result.status == "unknown" and not is_certain(evaluator.model):
                continue
            assert result.status == "infeasible"
            assert result.diagnosis is not None
            assert result.diagnosis.shortages
            continue
        value = best[objective].value
        assert result.status in ("optimal", "feasible")
        assert result.objective is not None
        assert result.mapping is not None
        assert result.lower_bound <= value * (1 + FLOAT_ERROR)
        assert result.objective >= value * (1 - FLOAT_ERROR)
        if result.status == "optimal":
            assert result.objective * (1 - GAP) <= value * (1 + FLOAT_ERROR)
    return results


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", range(24))
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_nothing_is_better(conventions: CostConventions, number: int, engine: Engine) -> None:
    check(random_case(Random(f"brute {number}"), 2000), conventions, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", range(12))
def test_nothing_is_better_where_a_window_is_on_the_output(number: int, engine: Engine) -> None:
    check(random_case(Random(f"scattered {number}"), 2000, ("output_window",)), EXACT, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_nothing_is_better_where_operations_are_slow(
    conventions: CostConventions, number: int, engine: Engine
) -> None:
    case = random_case(Random(f"slow operations {number}"), 2000)
    array = replace(case.accelerator.array, cycles_per_op=2 + number % 3)
    check(replace(case, accelerator=replace(case.accelerator, array=array)), conventions, engine)


@pytest.mark.parametrize("number", range(50))
def test_nothing_is_better_where_memories_keep_overlaps(number: int) -> None:
    case = overlapping_case(f"overlap {number}", 2000)
    check(case, EXACT, ENGINES[number % len(ENGINES)])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(50))
def test_nothing_is_better_on_many_machines_where_memories_keep_overlaps(part: int) -> None:
    for number in range(20):
        objectives = OBJECTIVES[0], OBJECTIVES[1 + number % 3]
        engine = ENGINES[number % len(ENGINES)]
        case = overlapping_case(f"overlap slow {part} {number}", 20_000)
        check(case, EXACT, engine, SLOW_LIMIT, objectives)


def overlapping_case(seed: str, most: int) -> Case:
    """Return a case in which some memory may keep what windows share."""
    rng = Random(seed)
    while True:
        case = random_case(
            rng, most, [kind for kind in KINDS if "conv" in kind or kind in ("depthwise", "pooling")]
        )
        case = replace(case, accelerator=keeping_overlap(rng, case.accelerator))
        if case.evaluator(EXACT).setting.keeps_overlap:
            return case


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("part", range(10))
def test_nothing_is_better_on_many_machines_where_a_window_is_on_the_output(
    part: int, engine: Engine
) -> None:
    for number in range(20):
        objectives = OBJECTIVES[0], OBJECTIVES[1 + number % 3]
        case = random_case(Random(f"scattered slow {part} {number}"), 50_000, ("output_window",))
        check(case, EXACT, engine, SLOW_LIMIT, objectives)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("part", range(50))
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_nothing_is_better_on_many_machines(conventions: CostConventions, part: int, engine: Engine) -> None:
    results = []
    for number in range(20):
        # the product, and one of the others in turn
        objectives = OBJECTIVES[0], OBJECTIVES[1 + number % 3]
        results += check(
            random_case(Random(f"slow {part} {number}"), 100_000), conventions, engine, SLOW_LIMIT, objectives
        )
    closed = sum(result.status != "feasible" for result in results)
    assert closed >= 0.8 * len(results)


def test_orders_are_all_different() -> None:
    orders = list(distinct_orders([(0, 2), (0, 2), (0, 3), (1, 2)]))
    assert len(orders) == len(set(orders)) == 12
