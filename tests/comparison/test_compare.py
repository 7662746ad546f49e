"""`compare`: one evaluator for all, distances from what is proven, and what must never be passed over in silence."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import pytest

import zzcp
from tests.machines import machine, memory
from zzcp.comparison import Comparison, RefutedProofError, compare, compare_layer
from zzcp.comparison.layers import SOLVER, ComparedLayer, geometric_mean, value_of
from zzcp.comparison.run import CompareOptions, measured
from zzcp.cost import EXACT, ZIGZAG, evaluate
from zzcp.cost.objective import objective_of
from zzcp.errors import InputError
from zzcp.mappers import Budget, Loma, Problem, Sample, Search
from zzcp.mapping import Mapping
from zzcp.solver import optimize
from zzcp.solver.job import Job
from zzcp.solver.optimize import run_job
from zzcp.workload import Layer, Network

SPATIAL = {"D1": {"K": 4}, "D2": {"C": 2}}
GEMM = Layer.gemm(b=6, k=12, c=8, name="gemm")
CONV = Layer.conv(k=8, c=4, oy=5, ox=6, fy=3, fx=1, name="conv", id=1)
GAP = 1e-4


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """Three layers, of which two have equal shapes, and all mappers."""
    layers = [GEMM, CONV, replace(GEMM, name="again", id=2)]
    return compare(machine(), layers, spatial=SPATIAL, gap=GAP, evaluations=600)


def test_every_layer_is_proven(comparison: Comparison) -> None:
    assert [entry.result.status for entry in comparison.layers] == ["optimal"] * 3
    assert comparison.unproven == ()
    assert comparison.refutations == ()
    assert not comparison.interrupted


def test_no_mapper_is_better_than_the_optimum_by_more_than_the_gap(comparison: Comparison) -> None:
    for entry in comparison.layers:
        for mapper in entry.mappers:
            assert mapper.distance is not None
            assert mapper.distance >= -GAP
            assert mapper.value >= Fraction(entry.result.lower_bound)


def test_distances_are_from_the_optimum(comparison: Comparison) -> None:
    for entry in comparison.layers:
        optimum = value_of(entry.result)
        for mapper in entry.mappers:
            assert mapper.distance == float(mapper.value / optimum - 1)


def test_all_mappings_are_valid_and_scored_by_the_evaluator(comparison: Comparison) -> None:
    for entry in comparison.layers:
        for mapper in entry.mappers:
            again = evaluate(machine(), entry.layer, mapper.mapping)
            assert again.valid
            assert objective_of(again, "edp") == mapper.value
            assert mapper.mapping.spatial == entry.spatial == entry.result.mapping.spatial


def test_layers_of_equal_shape_share_their_results(comparison: Comparison) -> None:
    first, _, again = comparison.layers
    assert first.result is again.result
    assert (first.layer.name, again.layer.name) == ("gemm", "again")
    assert len(comparison.different) == 2


def test_totals_are_sums(comparison: Comparison) -> None:
    for standing in comparison.standings:
        name = standing.name
        evaluations = [
            entry.result.evaluation if name == SOLVER else entry.mapper(name).evaluation
            for entry in comparison.layers
        ]
        assert standing.layers == 3
        assert standing.energy == sum(evaluation.energy.total for evaluation in evaluations)
        assert standing.latency == sum(evaluation.latency.total for evaluation in evaluations)
        assert standing.edp == standing.energy * standing.latency


def test_means_and_times(comparison: Comparison) -> None:
    for name in comparison.names:
        standing = comparison.standing(name)
        found = [entry.mapper(name) for entry in comparison.layers]
        ratios = [1 + mapper.distance for mapper in found]
        assert standing.mean == pytest.approx(math.prod(ratios) ** (1 / 3) - 1, abs=1e-12)
        assert standing.worst == max(mapper.distance for mapper in found)
        assert standing.evaluations == found[0].evaluations + found[1].evaluations  # each shape once
        assert standing.close == sum(mapper.close is not None for mapper in found)
        for mapper in found:
            assert (mapper.close is not None) == (mapper.distance <= 0.01)
    solver = comparison.standing(SOLVER)
    assert (solver.mean, solver.worst, solver.close) == (0, 0, 3)
    assert all(0 <= entry.close_s <= entry.result.wall_s for entry in comparison.layers)


def test_the_trace_of_the_bound_never_falls(comparison: Comparison) -> None:
    for entry in comparison.layers:
        bounds = [progress.lower_bound for progress in entry.trace]
        assert bounds == sorted(bounds)
        assert bounds[-1] <= entry.result.lower_bound


# ---- JSON and CSV ---------------------------------------------------------------------------------------------------

LAYER_FIELDS = {
    "id", "name", "operator", "status", "objective", "lower_bound", "gap", "wall_s", "spatial_mapping",
    "temporal_mapping", "double_buffered", "evaluation", "mappers",
}  # fmt: skip
MAPPER_FIELDS = {"name", "objective", "distance", "evaluations", "wall_s", "temporal_mapping", "evaluation"}


def test_json_has_the_fields_of_solve_and_those_of_the_mappers(comparison: Comparison) -> None:
    data = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    head = ["zzcp_version", "accelerator", "objective", "conventions", "layers", "totals"]
    assert list(data)[:6] == head
    assert set(data["totals"]) == {"energy", "latency", "edp"}
    for layer, entry in zip(data["layers"], comparison.layers, strict=True):
        assert set(layer) >= LAYER_FIELDS
        assert layer["reference"] == "optimum"
        assert [mapper["name"] for mapper in layer["mappers"]] == list(comparison.names)
        for mapper in layer["mappers"]:
            assert set(mapper) >= MAPPER_FIELDS
            fields = ("spatial_mapping", "temporal_mapping", "double_buffered")
            mapping = Mapping.from_dict({name: mapper[name] for name in fields})
            evaluation = evaluate(machine(), entry.layer, mapping)
            assert evaluation.edp == mapper["objective"] == mapper["evaluation"]["edp"]
            assert mapper["distance"] == pytest.approx(
                mapper["objective"] / layer["objective"] - 1, abs=1e-12
            )
            objectives = [sample["objective"] for sample in mapper["history"]]
            assert objectives == sorted(objectives, reverse=True)
            assert objectives[-1] == mapper["objective"]
    assert [standing["name"] for standing in data["standings"]] == [SOLVER, *comparison.names]


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key != "wall_s"}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def test_the_same_seed_gives_the_same_json_apart_from_times() -> None:
    def run() -> Any:
        found = compare(
            machine(), GEMM, ["loma", "random", "genetic"], spatial=SPATIAL, evaluations=500, seed=3
        )
        return without_times(found.to_dict())

    assert json.dumps(run()) == json.dumps(run())


def test_csv_has_a_row_per_layer_and_mapper_and_the_totals(comparison: Comparison) -> None:
    rows = list(csv.DictReader(io.StringIO(comparison.to_csv())))
    contenders = [SOLVER, *comparison.names]
    assert [row["mapper"] for row in rows] == contenders * 4
    assert [row["layer"] for row in rows[:: len(contenders)]] == ["gemm", "conv", "again", "total"]
    for name in contenders:
        found = [row for row in rows if row["mapper"] == name]
        for column in ("energy_pJ", "latency_cycles"):
            parts = [float(row[column]) for row in found[:-1]]
            assert float(found[-1][column]) == pytest.approx(sum(parts), rel=1e-12)


# ---- what is not proven, not valid, or not possible ----------------------------------------------------------------


@dataclass
class Fixed:
    """A mapper that returns a given mapping and claims a wonderful objective."""

    mapping: Mapping | None
    name: str = "fixed"

    def map(self, problem: Problem, budget: Budget, *, on_best: Any = None) -> Search:
        return Search(self.name, self.mapping, None, 1e-30, 1, 0.0, (Sample(0.0, 1, 1e-30),))


def best() -> zzcp.Result:
    return optimize(machine(), GEMM, spatial=SPATIAL)


def test_a_mapper_is_not_believed() -> None:
    found = compare(machine(), GEMM, [Fixed(best().mapping)], spatial=SPATIAL)
    (mapper,) = found.layers[0].mappers
    assert mapper.value == value_of(found.layers[0].result)
    assert mapper.distance == 0


def test_an_invalid_mapping_does_not_count() -> None:
    order = [("B", 6), ("K", 3), ("C", 4)]
    everything = {"W": (3, 3), "I": (3, 3, 3), "O": (3, 3)}
    spatial = zzcp.SpatialMapping.from_dict(SPATIAL)
    found = compare(machine(), GEMM, [Fixed(Mapping.from_order(spatial, order, everything))], spatial=SPATIAL)
    (mapper,) = found.layers[0].mappers
    assert (mapper.mapping, mapper.value, mapper.distance) == (None, None, None)
    assert "invalid mapping" in mapper.fault


def test_a_mapping_in_another_unrolling_does_not_count() -> None:
    other = optimize(machine(), GEMM, spatial={"D1": {"K": 4}}).mapping
    (mapper,) = compare(machine(), GEMM, [Fixed(other)], spatial=SPATIAL).layers[0].mappers
    assert mapper.fault == "its mapping has another unrolling"
    assert mapper.distance is None


def test_a_mapping_below_the_bound_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver whose bound is too high by a hundredth is found out."""

    def wrong(job: Job, tell: Any) -> zzcp.Result:
        result = run_job(job, tell)
        return replace(result, lower_bound=result.lower_bound * 1.01)

    monkeypatch.setattr("zzcp.comparison.run.run_job", wrong)
    with pytest.raises(RefutedProofError, match="below the proven bound") as caught:
        compare(machine(), GEMM, [Fixed(best().mapping)], spatial=SPATIAL)
    assert caught.value.exit_code == 5
    assert caught.value.comparison.layers[0].mapper("fixed").mapping is not None


def test_a_mapping_where_none_was_proven_to_exist_is_an_error() -> None:
    true = best()
    infeasible = replace(true, status="infeasible", objective=None, mapping=None, evaluation=None, gap=None)
    spatial = zzcp.SpatialMapping.from_dict(SPATIAL)
    problem = Problem(machine(), GEMM, spatial)
    mapper = measured(problem, infeasible, Search("x", true.mapping, None, None, 1, 0.0), "x")
    (text,) = ComparedLayer(GEMM, spatial, infeasible, (mapper,)).refutations
    assert "where none was proven to exist" in text


def test_without_a_proof_distances_are_from_the_bound_and_flagged() -> None:
    true = best()
    half = replace(true, status="feasible", lower_bound=true.lower_bound / 2, gap=0.5)
    spatial = zzcp.SpatialMapping.from_dict(SPATIAL)
    mapper = measured(Problem(machine(), GEMM, spatial), half, Fixed(true.mapping).map(None, None), "x")
    entry = ComparedLayer(GEMM, spatial, half, (mapper,))
    assert not entry.proven
    assert entry.reference == Fraction(half.lower_bound)
    assert mapper.distance == pytest.approx(1, rel=1e-3)
    assert mapper.close is None
    found = Comparison(machine(), "edp", "exact", (entry,), ("x",))
    assert found.unproven == (entry,)
    assert found.standing(SOLVER).mean == pytest.approx(1, rel=1e-3)
    assert found.to_dict()["layers"][0]["reference"] == "lower bound"


def test_nothing_fits() -> None:
    memories = (memory("regs", "O", size=8), *machine().memories)
    found = compare(machine(memories), GEMM, ["loma", "random"], spatial=SPATIAL, evaluations=100)
    (entry,) = found.layers
    assert entry.result.status == "infeasible"
    assert [mapper.mapping for mapper in entry.mappers] == [None, None]
    data = found.to_dict()["layers"][0]
    assert data["reference"] is None
    assert all(mapper["objective"] is mapper["distance"] is None for mapper in data["mappers"])


# ---- arguments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["energy", "latency"])
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_objectives_and_conventions(objective: Any, conventions: Any) -> None:
    found = compare(
        machine(),
        GEMM,
        ["loma"],
        objective=objective,
        conventions=conventions,
        spatial=SPATIAL,
        evaluations=200,
    )
    (entry,) = found.layers
    (mapper,) = entry.mappers
    assert mapper.objective == mapper.evaluation.to_dict()[objective]["total"]
    assert mapper.evaluation.conventions == found.conventions == conventions.name
    assert mapper.distance >= -GAP


def test_a_network_and_an_own_mapper() -> None:
    network = Network("two", (GEMM, replace(CONV, sources={})))
    found = compare(machine(), network, ["loma", Loma(lpf_limit=3, name="loma-3")], spatial=SPATIAL)
    assert found.names == ("loma", "loma-3")
    assert found.options["lpf_limit"] == {"loma": 6, "loma-3": 3}


def test_the_budget_is_kept() -> None:
    found = compare(machine(), GEMM, ["random", "genetic", "salsa"], spatial=SPATIAL, evaluations=50)
    assert all(mapper.evaluations <= 50 for mapper in found.layers[0].mappers)


@pytest.mark.parametrize(
    ("mappers", "message"),
    [
        (["lmoa"], "did you mean 'loma'"),
        (["loma", Loma()], "mapper given twice"),
        ([], "no mappers"),
    ],
)
def test_bad_mappers(mappers: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(machine(), GEMM, mappers, spatial="full")


def test_no_layers() -> None:
    with pytest.raises(InputError, match="nothing to compare"):
        compare(machine(), [], spatial="full")


def test_after_a_stop_the_mappers_that_have_not_begun_are_missing() -> None:
    class Stopped(Fixed):
        def map(self, problem: Problem, budget: Budget, *, on_best: Any = None) -> Search:
            return replace(super().map(problem, budget), interrupted=True)

    spatial = zzcp.SpatialMapping.from_dict(SPATIAL)
    mappers = (Stopped(best().mapping, "first"), Fixed(best().mapping, "second"))
    options = CompareOptions(mappers, Budget())
    entry = compare_layer(Job(machine(), GEMM, "edp", spatial), options=options)
    assert [mapper.name for mapper in entry.mappers] == ["first"]
    assert entry.interrupted
    found = compare(machine(), [GEMM, CONV], mappers, spatial=SPATIAL)
    assert found.interrupted
    assert len(found.layers) == 1


def test_geometric_mean() -> None:
    assert geometric_mean([1, 4]) == pytest.approx(2)
    assert geometric_mean([]) is None


def test_where_the_unrolling_is_chosen_mappers_run_on_that_of_the_optimum() -> None:
    layers = [GEMM, replace(GEMM, name="again", id=2)]
    found = compare(machine(), layers, ["random"], spatial="auto", max_dims=1, evaluations=200)
    alone = optimize(machine(), GEMM, spatial="auto", max_dims=1)
    assert alone.mapping is not None
    for entry in found.layers:
        assert entry.result.space.freedom == alone.space.freedom
        assert entry.result.objective == alone.objective
        (mapper,) = entry.mappers
        assert mapper.fault is None
        assert entry.spatial == mapper.mapping.spatial == alone.mapping.spatial
        assert mapper.distance >= -GAP


def test_an_unknown_word_for_the_unrolling_is_refused() -> None:
    with pytest.raises(InputError, match="unknown spatial mapping"):
        compare(machine(), GEMM, ["random"], spatial="best")
