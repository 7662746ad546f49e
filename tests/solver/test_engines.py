"""The engine is a choice: what was asked for is used and nothing else, and a result names what proved it."""

from __future__ import annotations

import csv
from typing import Any

import pytest

import zzcp
from tests.solver.test_optimize import BOTH, machine
from zzcp import CostConventions, InputError, Layer, optimize
from zzcp.mapping.constraints import Constraints, MaxLatency
from zzcp.solver.constrained import problem
from zzcp.solver.engines import ENGINES, NO_ENGINE, Engine, joined
from zzcp.solver.search import cpsat_stage
from zzcp.solver.search.ranges_stage import RangesStage

LAYER = Layer.gemm(b=8, k=12, c=10)
TOO_SMALL = machine(registers=4)


def forbid(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    """Let a test fail that uses an engine."""

    def used(*_: Any, **__: Any) -> Any:
        pytest.fail(f"{engine} was used")

    if engine == "cp-sat":
        monkeypatch.setattr(cpsat_stage, "run_solver", used)
        monkeypatch.setattr(problem, "Space", used)
        monkeypatch.setattr(problem, "solve", used)
    else:
        monkeypatch.setattr(RangesStage, "run", used)


@BOTH
@pytest.mark.parametrize(("engine", "other"), [("cp-sat", "ranges"), ("ranges", "cp-sat")])
def test_an_engine_works_alone(
    engine: Engine, other: str, conventions: CostConventions, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, other)
    result = optimize(machine(), LAYER, conventions=conventions, engine=engine, spatial="full")
    assert result.status == "optimal"
    assert result.engine == result.to_dict()["engine"] == engine


@BOTH
def test_the_engines_agree(conventions: CostConventions) -> None:
    results = [
        optimize(machine(), LAYER, conventions=conventions, gap=0, engine=engine, spatial="full")
        for engine in ENGINES
    ]
    assert len({result.objective for result in results}) == 1
    assert [result.engine for result in results[1:]] == list(ENGINES[1:])


def test_ranges_never_call_cp_sat_under_constraints_either(monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(monkeypatch, "cp-sat")
    free = optimize(machine(), LAYER, engine="ranges", spatial="full")
    assert free.evaluation is not None
    budget = Constraints((MaxLatency(free.evaluation.latency.total * 2),))
    result = optimize(machine(), LAYER, engine="ranges", constraints=budget, time_limit=5, spatial="full")
    assert result.status in ("optimal", "feasible")
    assert result.lower_bound <= free.objective
    none = optimize(
        machine(),
        LAYER,
        engine="ranges",
        constraints=Constraints((MaxLatency(1),)),
        time_limit=5,
        spatial="full",
    )
    # nothing that obeys is found at random, and whether there is anything only a search could tell
    assert none.status in ("unknown", "infeasible")
    assert none.mapping is None


def test_what_smallest_tiles_tell_needs_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(monkeypatch, "cp-sat")
    forbid(monkeypatch, "ranges")
    for engine in ENGINES:
        result = optimize(TOO_SMALL, LAYER, engine=engine, spatial="full")
        assert (result.status, result.engine) == ("infeasible", NO_ENGINE)


def test_under_constraints_a_result_says_what_proves_that_there_is_none() -> None:
    best = optimize(machine(), LAYER, "latency", gap=0, spatial="full").evaluation
    assert best is not None
    for cycles, engine in ((1, NO_ENGINE), (best.latency.total - 1, "cp-sat")):
        result = optimize(
            machine(), LAYER, constraints=Constraints((MaxLatency(cycles),)), engine="cp-sat", spatial="full"
        )
        assert (result.status, result.engine) == ("infeasible", engine)


@pytest.mark.parametrize("engine", ["CP-SAT", "", "cpsat", None, 7, ["ranges"]])
def test_other_engines_are_an_error(engine: Any) -> None:
    for call in (
        lambda: optimize(machine(), LAYER, engine=engine, spatial="full"),
        lambda: zzcp.pareto(machine(), LAYER, engine=engine, spatial="full"),
        lambda: zzcp.compare(machine(), LAYER, engine=engine, spatial="full"),
        lambda: zzcp.sweep(machine(), LAYER, {}, engine=engine, spatial="full"),
        lambda: zzcp.verify("missing.json", engine=engine),
    ):
        with pytest.raises(InputError, match="unknown engine"):
            call()


def test_what_cp_sat_proves_of_the_vectors_that_ranges_leave_is_due_to_both() -> None:
    assert joined({"ranges"}) == "ranges"
    assert joined({"cp-sat", "ranges"}) == joined({"ranges+cp-sat"}) == "ranges+cp-sat"
    assert joined(set()) == joined({NO_ENGINE}) == NO_ENGINE


def test_fronts_comparisons_and_sweeps_name_their_engine() -> None:
    front = zzcp.pareto(machine(), Layer.gemm(b=2, k=3, c=2), engine="cp-sat", gap=1e-3, spatial="full")
    assert front.engine == front.to_dict()["engine"] == "cp-sat"
    comparison = zzcp.compare(machine(), LAYER, ["greedy"], engine="ranges", spatial="full")
    assert [entry.result.engine for entry in comparison.layers] == ["ranges"]
    assert comparison.options["engine"] == "ranges"


def test_a_sweep_solves_again_what_another_engine_has_solved(tmp_path: Any) -> None:
    file = tmp_path / "sweep.db"
    reused, named = [], []
    for engine in ("ranges", "cp-sat", "ranges"):
        table = zzcp.sweep(machine(), LAYER, {}, engine=engine, db=file, spatial="full")  # type: ignore[arg-type]
        reused += [point.reused for point in table.points]
        named += [point.to_dict()["engine"] for point in table.points]
        (row,) = csv.DictReader(table.to_csv().splitlines())
        assert row["engine"] == engine
    assert (reused, named) == ([False, False, True], ["ranges", "cp-sat", "ranges"])
