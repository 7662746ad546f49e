"""Whole networks against every combination of mappings, and what comes back of them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.machines import MEMORIES, machine
from tests.networks.brute_force import front_of, least, random_network
from tests.solver.brute_force import Case
from zzcp import EXACT, ZIGZAG, Layer, NetworkResult, optimize, optimize_network
from zzcp.cost import CostConventions
from zzcp.cost.evaluate import evaluate
from zzcp.cost.objective import OBJECTIVES, Objective, WeightedSum, combined
from zzcp.errors import InputError
from zzcp.networks import search as network_search
from zzcp.networks.search import search_network
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions
from zzcp.solver.result import gap_of
from zzcp.workload import Network

GAP = 1e-7
MOST = 3_000
"""Mappings of a layer that are tried one by one."""
SMALL = machine()
SPATIAL = {"D1": {"K": 4}, "D2": {"C": 2}}
LAYERS = (
    Layer.gemm(b=8, k=8, c=8, name="first", id=0),
    Layer.gemm(b=2, k=16, c=6, name="second", id=1),
    Layer.gemm(b=8, k=8, c=8, name="third", id=2),
)


def check(cases: list[Case], objective: Objective, conventions: CostConventions) -> NetworkResult:
    """Compare a search with the enumeration."""
    how = SearchOptions(20.0, GAP, conventions=conventions)
    jobs = [Job(case.accelerator, case.layer, objective, case.spatial, options=how) for case in cases]
    result = search_network("tiny", jobs)
    known = {id(case): front_of(case, conventions) for case in cases}
    fronts = [known[id(case)] for case in cases]
    best = least(fronts, objective)
    if best is None:
        assert result.status == "infeasible"
        assert result.exact is None
        return result
    assert result.exact is not None
    assert result.status == "optimal"
    assert not result.faults
    assert Fraction(result.lower_bound) <= best <= result.exact
    assert result.exact - best <= best * Fraction(GAP)
    for case, own, front in zip(cases, result.layers, fronts, strict=True):
        assert own.mapping is not None
        again = evaluate(case.accelerator, case.layer, own.mapping, conventions)
        assert (again.energy.exact, again.latency) == (own.evaluation.energy.exact, own.evaluation.latency)
        # the bound of the layer by itself holds, too
        assert own.lower_bound <= min(combined(e, d, objective) for e, d in front)
    assert result.alone is not None
    assert result.alone.objective >= result.exact
    return result


@pytest.mark.parametrize("seed", range(16))
def test_no_combination_of_mappings_is_better(seed: int) -> None:
    rng = Random(f"network {seed}")
    conventions = ZIGZAG if seed % 4 == 3 else EXACT
    check(random_network(rng, MOST), OBJECTIVES[seed % 4], conventions)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(300))
def test_no_combination_of_mappings_of_many_networks_is_better(seed: int) -> None:
    rng = Random(f"many networks {seed}")
    objective: Objective = rng.choice(("edp", "edp", "edp", "ed2", "energy", "latency"))
    check(random_network(rng, 5 * MOST), objective, ZIGZAG if rng.random() < 0.25 else EXACT)


# ---- what comes back ------------------------------------------------------------------------------------------


def solve(layers: Any = LAYERS, **options: Any) -> NetworkResult:
    return optimize_network(SMALL, layers, **{"spatial": SPATIAL, "time_limit": 20.0, **options})


def test_totals_are_exact_sums_and_equal_layers_are_solved_once() -> None:
    result = solve()
    evaluations = [entry.evaluation for entry in result.layers]
    assert result.energy_exact == sum(entry.energy.exact for entry in evaluations)
    assert result.latency_exact == sum(Fraction(entry.latency.total) for entry in evaluations)
    assert result.exact == result.energy_exact * result.latency_exact
    assert result.layers[0].mapping == result.layers[2].mapping
    assert [layer.name for layer in result.network_layers] == ["first", "second", "third"]
    assert result.gap <= 1e-4
    assert result.slope is not None
    assert result.slope > 0
    assert result.resident == ()
    data = result.to_dict()
    assert data["totals"]["lower_bound"] <= data["totals"]["objective"]
    assert len(data["layers"]) == 3


def test_a_network_of_one_layer_is_the_layer() -> None:
    alone = optimize(SMALL, LAYERS[1], spatial=SPATIAL)
    result = solve([LAYERS[1]])
    assert alone.evaluation is not None
    assert result.objective == pytest.approx(alone.evaluation.edp, rel=1e-4)
    assert result.gain == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("objective", ["energy", "latency"])
def test_sums_are_least_where_every_layer_is(objective: Objective) -> None:
    result = solve(objective=objective)
    own = [optimize(SMALL, layer, objective, spatial=SPATIAL) for layer in LAYERS]
    total = sum(entry.objective for entry in own)
    assert result.objective == pytest.approx(total, rel=1e-4)
    assert result.slope == (0 if objective == "energy" else None)


def test_processes_find_the_same() -> None:
    one, two = solve(), solve(jobs=2)
    assert [entry.mapping for entry in one.layers] == [entry.mapping for entry in two.layers]
    assert (one.lower_bound, one.exact) == (two.lower_bound, two.exact)


def test_a_second_run_searches_nothing(tmp_path: Path) -> None:
    first, second = solve(cache=tmp_path), solve(cache=tmp_path)
    assert all(entry.cached for entry in second.layers)
    assert (second.lower_bound, second.exact) == (first.lower_bound, first.exact)
    assert [entry.mapping for entry in second.layers] == [entry.mapping for entry in first.layers]


def test_the_unrolling_is_chosen_by_default() -> None:
    layers = LAYERS[:2]
    free = optimize_network(SMALL, layers, time_limit=600, gap=1e-3)
    given = solve(layers)
    assert free.exact is not None
    assert given.exact is not None
    assert all(entry.space.unrollings > 1 for entry in free.layers)
    assert Fraction(free.lower_bound) <= given.exact


@pytest.mark.parametrize(("lies", "status"), [(1, "optimal"), (1_000, "feasible")])
def test_a_bound_above_a_mapping_is_told_and_not_believed(
    lies: int, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that claims too much is asked again with another seed, and not believed twice."""
    honest, take, asked = solve(), network_search._Search._take, []

    def lying(self: Any, key: Any, goal: Any, result: Any) -> None:
        if isinstance(goal, WeightedSum):
            asked.append((key, goal))
            if len(asked) <= lies:
                result = replace(result, lower_bound=result.objective * 1.5)
        take(self, key, goal, result)

    monkeypatch.setattr(network_search._Search, "_take", lying)
    told = solve(gap=1e-6)
    assert told.faults
    assert all("claims a bound of" in fault and fault.startswith("layer ") for fault in told.faults)
    assert told.status == status
    assert max(map(asked.count, asked)) == 2
    assert told.lower_bound <= honest.objective
    assert told.exact == honest.exact
    assert told.gap == gap_of(told.exact, told.lower_bound)


def test_no_mapping_is_not_believed_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    take = network_search._Search._take

    def lying(self: Any, key: Any, goal: Any, result: Any) -> None:
        if isinstance(goal, WeightedSum):
            result = replace(result, status="infeasible", mapping=None, evaluation=None)
        take(self, key, goal, result)

    honest = solve()
    monkeypatch.setattr(network_search._Search, "_take", lying)
    told = solve(gap=1e-6)
    assert {fault.split(": ", 1)[1] for fault in told.faults} == {
        "a search claims that there is no mapping, against one that there is"
    }
    assert told.exact is not None
    assert told.lower_bound <= honest.objective


def test_progress_is_told() -> None:
    told: list[Any] = []
    solve(on_progress=told.append)
    assert told[-1].searches >= 2
    assert told[-1].objective is not None


def test_a_layer_without_a_mapping_is_named_by_its_result() -> None:

    tiny = machine((replace(MEMORIES[0], size=1), *MEMORIES[1:]))
    result = optimize_network(tiny, LAYERS, spatial=SPATIAL)
    assert (result.status, result.objective) == ("infeasible", None)
    assert all(entry.diagnosis is not None for entry in result.layers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": []}, "nothing to solve"),
        ({"layers": [3]}, "network"),
        ({"objective": "area"}, "objective"),
        ({"gap": 2.0}, "gap"),
        ({"jobs": 0}, "jobs"),
        ({"spatial": "best"}, "unknown spatial mapping"),
        ({"time_limit": 0}, "time limit"),
    ],
)
def test_bad_arguments_are_one_message(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        solve(**arguments)


def test_networks_are_taken_as_they_are_read() -> None:
    network = Network("three", LAYERS)
    assert solve(network).network == "three"
