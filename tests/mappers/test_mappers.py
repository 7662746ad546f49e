"""What holds for every mapper: valid results, the budget, the seed, the history, and no result beyond the optimum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.mappers.problems import OWN, QUICK, problem, tiny_problems
from tests.solver.brute_force import Case, best_mappings
from zzcp import EXACT, ZIGZAG, CostConventions, evaluate
from zzcp.cost.objective import OBJECTIVES, objective_of
from zzcp.hardware import Accelerator
from zzcp.mappers import Budget, Problem, Sample, Search, make_mapper
from zzcp.mapping import SpatialMapping
from zzcp.workload import Layer

EVERY = pytest.mark.parametrize("name", OWN)


def run(name: str, task: Problem, budget: Budget | None = None, **options: Any) -> Search:
    """Return a short search, after checking all that a search promises."""
    samples: list[Sample] = []
    mapper = make_mapper(name, **{**QUICK.get(name, {}), **options})
    budget = budget or Budget()
    found = mapper.map(task, budget, on_best=samples.append)
    assert found.history == tuple(samples)
    assert not found.interrupted
    if budget.evaluations is not None:
        assert found.evaluations <= budget.evaluations
    if found.mapping is None:
        assert found.evaluation is found.objective is None
        assert found.history == ()
        return found
    assert found.mapping.spatial == task.spatial
    again = evaluate(task.accelerator, task.layer, found.mapping, task.conventions)
    assert again.valid
    assert found.objective == float(objective_of(again, task.objective)) == found.history[-1].objective
    for before, after in zip(found.history, found.history[1:], strict=False):
        assert before.objective >= after.objective
        assert before.evaluations < after.evaluations <= found.evaluations
        assert before.seconds <= after.seconds <= found.wall_s
    return found


@EVERY
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_results_are_what_they_say(name: str, objective: str, conventions: CostConventions) -> None:
    assert run(name, problem(objective, conventions)).mapping is not None


@EVERY
@pytest.mark.parametrize("evaluations", [1, 2, 7, 130])
def test_the_budget_of_evaluations_is_kept(name: str, evaluations: int) -> None:
    unlimited = run(name, problem()).evaluations
    found = run(name, problem(), Budget(evaluations))
    # random and genetic search go on as long as they may
    natural_end = name not in ("random", "genetic")
    assert found.evaluations == (min(evaluations, unlimited) if natural_end else evaluations)


@EVERY
def test_the_budget_of_seconds_ends_the_search(name: str) -> None:
    endless = {
        "loma": {"lpf_limit": None},
        "salsa": {"iterations": 10**9},
        "random": {"samples": 10**9},
        "genetic": {"generations": 10**9},
    }
    layer = Layer.conv(k=64, c=64, oy=56, ox=56, fy=3, fx=3)
    task = Problem(problem().accelerator, layer, problem().spatial)
    found = run(name, task, Budget(seconds=0.2), **endless.get(name, {}))
    assert found.wall_s < 100
    assert found.mapping is not None
    # however short the time, one batch is tried
    assert run(name, problem(), Budget(seconds=1e-9)).mapping is not None


@EVERY
def test_the_seed_decides(name: str) -> None:
    first, second = (run(name, problem(), Budget(200, seed=5)) for _ in range(2))
    steps = [(sample.evaluations, sample.objective) for sample in first.history]
    assert first.mapping == second.mapping
    assert steps == [(sample.evaluations, sample.objective) for sample in second.history]
    if name in ("salsa", "random", "genetic"):
        others = [run(name, problem(), Budget(200, seed=seed)) for seed in range(4)]
        assert any(other.history != first.history for other in others)


@EVERY
def test_nothing_beats_the_best_of_all_mappings(name: str) -> None:
    reached = compared = 0
    for task in tiny_problems(12):
        best = best_mappings(Case(task.accelerator, task.layer, task.spatial), task.conventions)
        for objective in OBJECTIVES:
            found = run(name, replace(task, objective=objective))
            if objective not in best:
                assert found.mapping is None
                continue
            if found.objective is None:
                # greedy allocation may find no room where there is some
                assert name in ("loma", "salsa", "greedy")
                continue
            assert found.objective >= best[objective].value * (1 - 1e-12)
            compared += 1
            reached += found.objective <= best[objective].value * (1 + 1e-12)
    assert compared == 96
    assert reached >= {"loma": 65, "salsa": 65, "random": 90, "genetic": 90, "greedy": 60}[name]


@EVERY
def test_links_and_impossible_problems(name: str) -> None:
    task = problem()
    swapped = run(name, replace(task, links={"W": "I1", "I": "I2", "O": "O"}), Budget(300))
    assert swapped.mapping is not None
    assert swapped.mapping.links == {"W": "I1", "I": "I2", "O": "O"}
    memories = tuple(
        replace(memory, size=4) if memory.name == "sram" else memory for memory in task.accelerator.memories
    )
    small = replace(task, accelerator=Accelerator("small", memories, task.accelerator.array))
    nothing = run(name, small, Budget(300))
    assert nothing.mapping is None
    assert nothing.evaluations > 0


@EVERY
def test_a_layer_of_one_operation(name: str) -> None:
    task = Problem(problem().accelerator, Layer.gemm(b=1, k=1, c=1), SpatialMapping())
    found = run(name, task)
    assert found.mapping is not None
    assert found.mapping.order == ()


@EVERY
def test_numbers_that_floats_cannot_hold(name: str) -> None:
    memories = tuple(
        replace(memory, size=2**61) if memory.name == "dram" else memory
        for memory in problem().accelerator.memories
    )
    machine = Accelerator("large", memories, problem().accelerator.array)
    task = Problem(machine, Layer.gemm(b=2**20, k=2**20, c=2**20), problem().spatial)
    assert run(name, task, Budget(40)).mapping is not None
