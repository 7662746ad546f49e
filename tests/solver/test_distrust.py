"""A stage that lies: a wrong claim of optimality is found out by a second proof, which shares nothing with the first.

What the evaluator can contradict at once (CP-SAT's infeasible, bounds above a mapping, invalid models) is tested in
search/test_anytime.py; here a stage says that all is closed while better mappings exist.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from ortools.sat.python import cp_model

from tests.workloads import GEMM
from zzcp import Layer, load_accelerator
from zzcp.cli.main import cli
from zzcp.cost import Evaluator
from zzcp.cost.objective import objective_of
from zzcp.interrupt import Interrupt
from zzcp.networks import search as network_search
from zzcp.solver import Result
from zzcp.solver.cpsat.run import Limits, _largest, run_solver, surely
from zzcp.solver.lattice.start import outermost_mapping
from zzcp.solver.proof import CONTRADICTED
from zzcp.solver.result import float_below
from zzcp.solver.search.ranges_stage import RangesStage
from zzcp.solver.unrolling.bounds import CheapBounds
from zzcp.solver.unrolling.search import JointSearch
from zzcp.solver.verify import verify

ROOT = Path(__file__).parents[2]
TINY = GEMM.format(id=0, source=0, name="tiny", sizes=[4, 6, 4])
LONG = GEMM.format(id=0, source=0, name="long", sizes=[36, 60, 48])
TWO = GEMM.format(id=0, source=0, name="first", sizes=[4, 8, 6]) + GEMM.format(
    id=1, source=1, name="second", sizes=[6, 4, 4]
)


def solve(path: Path, workload: str, *options: str) -> dict[str, Any]:
    """Solve a workload on the toy, and return the result file."""
    layers = path.with_suffix(".yaml")
    layers.write_text(workload)
    words = [
        "solve",
        "-a",
        str(ROOT / "docs/toy.yaml"),
        "-w",
        str(layers),
        "--json",
        str(path),
        "-q",
        "-j",
        "1",
    ]
    done = CliRunner().invoke(cli, [*words, "--time-limit", "600", *options])
    assert done.exit_code in (0, 3, 4), done.output
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def verdict(path: Path) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["verify", str(path), "--time-limit", "600", "-j", "1"])
    return done.exit_code, done.stdout


@cache
def honest_edp(workload: str, *options: str) -> float:
    """Return what comes out without a lie, of which a second proof says nothing bad."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "honest.json"
        honest = solve(path, workload, *options)
        assert verdict(path)[0] == 0
    return float(honest["totals"]["edp"])


def caught(path: Path, workload: str, *options: str) -> None:
    """Check that a lie has made the result worse, and that a second proof says so."""
    lie = json.loads(path.read_text())
    assert lie["totals"]["edp"] > honest_edp(workload, *options), "the lie did no harm: the test says nothing"
    code, said = verdict(path)
    assert code == 5
    assert "better" in said


def test_a_search_by_ranges_that_claims_too_much(tmp_path: Path) -> None:
    def nothing_is_better(self: RangesStage, *_: Any, **__: Any) -> None:
        self.search.prove(self.search.ceiling, "ranges")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RangesStage, "run", nothing_is_better)
        lie = solve(tmp_path / "lie.json", LONG, "--engine", "ranges")
    assert [layer["status"] for layer in lie["layers"]] == ["optimal"]
    caught(tmp_path / "lie.json", LONG, "--engine", "ranges")


def no_start(self: JointSearch) -> None:
    """Look for no first mapping: what is left is one with all loops outermost and one lane, which is never the best."""


def cheap_is_infinite(self: CheapBounds, block: Any, ceiling: float = math.inf) -> Any:
    """Say that the smallest tiles of no unrolling fit."""
    return np.full(len(block), np.inf)


def all_is_worse(common: Any, block: Any, objective: Any, value: float, known: Any) -> Any:
    """Say that no mapping of some unrollings is better than twice the best that is known."""
    return np.full(len(block), 2 * value)


def root_is_worse(evaluator: Any, objective: Any, value: float, known: float) -> float:
    """Say so of one unrolling."""
    return 2 * value


def closed_without_search(self: JointSearch, choice: Any) -> None:
    """Say that the search of an unrolling has found nothing, and that there is nothing."""
    self.solved += 1


@pytest.mark.parametrize(
    ("stage", "lie"),
    [
        ("zzcp.solver.unrolling.steps.CheapBounds.of", cheap_is_infinite),
        ("zzcp.solver.unrolling.steps.interleaved_bounds", all_is_worse),
        ("zzcp.solver.unrolling.steps.relaxed_bounds", all_is_worse),
        ("zzcp.solver.unrolling.steps.root_bound", root_is_worse),
        ("zzcp.solver.unrolling.search.JointSearch._searched", closed_without_search),
    ],
    ids=["cheap bounds", "orders", "relaxation", "root", "search"],
)
def test_a_stage_of_the_unrollings_that_rules_out_too_much(tmp_path: Path, stage: str, lie: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JointSearch, "_start", no_start)
        patch.setattr(stage, lie)
        false = solve(tmp_path / "lie.json", TINY, "--spatial", "auto")
    assert [layer["status"] for layer in false["layers"]] == ["optimal"]
    caught(tmp_path / "lie.json", TINY, "--spatial", "auto")


def test_unrollings_of_which_none_is_said_to_fit(tmp_path: Path) -> None:
    """A wrong "infeasible" of the whole space."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JointSearch, "_start", no_start)
        patch.setattr(JointSearch, "_offer", lambda *_: None)
        patch.setattr(CheapBounds, "of", cheap_is_infinite)
        false = solve(tmp_path / "lie.json", TINY, "--spatial", "auto")
    assert [layer["status"] for layer in false["layers"]] == ["infeasible"]
    assert verify(tmp_path / "lie.json", time_limit=600).layers[0].proof.state == CONTRADICTED
    assert verdict(tmp_path / "lie.json")[0] == 5


def poor(result: Result, goal: Any, layer: Layer) -> Result:
    """Return a mapping without reuse, with the claim that there is no better one."""
    assert result.mapping is not None
    accelerator = load_accelerator(ROOT / "docs/toy.yaml")
    evaluator = Evaluator(accelerator, layer, result.mapping.spatial)
    mapping = outermost_mapping(evaluator.setting)
    evaluation = evaluator.evaluate(mapping)
    value = objective_of(evaluation, goal)
    return replace(
        result,
        status="optimal",
        objective=float(value),
        lower_bound=float_below(value),
        mapping=mapping.with_buffering(evaluation.double_buffered),
        evaluation=evaluation,
    )


def test_a_network_whose_layers_are_said_to_have_no_better_mappings(tmp_path: Path) -> None:
    take = network_search._Search._take

    def lying(self: Any, key: Any, goal: Any, result: Result) -> None:
        take(self, key, goal, poor(result, goal, self.tasks[key.shape].layer))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_search._Search, "_take", lying)
        false = solve(tmp_path / "lie.json", TWO, "--scope", "network", "--spatial", "full")
    assert false["totals"]["status"] == "optimal"
    caught(tmp_path / "lie.json", TWO, "--scope", "network", "--spatial", "full")
    totals = verify(tmp_path / "lie.json", time_limit=600).totals
    assert totals is not None
    assert totals.state == CONTRADICTED


def test_a_network_of_which_a_search_claims_too_much(tmp_path: Path) -> None:
    """A bound above a mapping is told, and not believed: the result holds."""
    take, asked = network_search._Search._take, []

    def lying(self: Any, key: Any, goal: Any, result: Result) -> None:
        if not isinstance(goal, str) and not asked:
            asked.append(goal)
            result = replace(result, lower_bound=3 * result.objective)
        take(self, key, goal, result)

    options = ("--scope", "network", "--spatial", "full", "--gap", "1e-7")
    honest = honest_edp(TWO, *options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_search._Search, "_take", lying)
        told = solve(tmp_path / "told.json", TWO, *options)
    assert [fault.split(" of ")[0] for fault in told["totals"]["faults"]] == [
        "layer first: a search claims a bound"
    ]
    assert told["totals"]["lower_bound"] <= honest * (1 + 1e-9)
    assert verdict(tmp_path / "told.json")[0] == 0


# ---- facts about OR-Tools that the code relies on -----------------------------------------------------------------


def test_bounds_beyond_2_53_are_rounded_and_lowered_before_use() -> None:
    """`best_objective_bound` is a float: of an integer beyond 2^53 it can lie above the optimum."""
    model = cp_model.CpModel()
    optimum = 2**60 + 1
    x = model.new_int_var(1, 2, "x")
    model.minimize(x * (2**60 + 1))
    solver = cp_model.CpSolver()
    assert solver.solve(model) == cp_model.OPTIMAL
    assert float(solver.best_objective_bound) != optimum
    assert surely(np.nextafter(float(optimum), np.inf), 2**61) <= optimum
    assert surely(math.inf, 2**61) == 0
    assert run_solver(model, Limits(10.0, math.inf, 0.0), Interrupt()).bound == optimum


def test_bounds_below_2_53_are_rounded_too_where_the_solver_shifts_what_it_minimises() -> None:
    """A true bound was called false: of 8876680316023314 the solver tells ...315, of ...314 it knows in integers."""
    for optimum in (8_876_680_316_023_314, 8_876_680_316_023_313, 27_220_453_653_440_203):
        told = float(optimum) + 1
        assert surely(told, optimum + 10) <= optimum
    model = cp_model.CpModel()
    model.minimize(3 * model.new_int_var(3, 2**58, "x") + 5)
    assert _largest(model) == 3 * 2**58 + 5
    # up to 2^50 all doubles that stand for integers are these
    assert surely(2.0**50 - 1, 2**50 - 1) == 2**50 - 1


def test_an_interval_of_no_length_inside_of_another_is_infeasible() -> None:
    model = cp_model.CpModel()
    model.add_no_overlap([model.new_interval_var(0, 10, 10, "long"), model.new_interval_var(5, 0, 5, "none")])
    assert cp_model.CpSolver().solve(model) == cp_model.INFEASIBLE


def test_a_deterministic_limit_counts_per_worker() -> None:
    """So that what all of them have done can be more: it is what a search counts against its own limit."""
    limit, spent = 0.3, [0.0]
    model = assignment(60, 3000)
    for seed in range(10):  # how far they get beside each other depends on the machine
        spent.append(_work(model, limit, workers=4, seed=seed))
        if spent[-1] > 1.2 * limit:
            break
    assert max(spent) > 1.2 * limit
    assert _work(model, limit, workers=1) < 1.1 * limit


def test_parts_of_presolve_look_at_no_limit() -> None:
    """Work is counted there, but only looked at when presolve is through: 25 times the limit with OR-Tools 9.15."""
    rng, limit = Random(1), 1e-3
    model = cp_model.CpModel()
    variables = [model.new_int_var(0, 50, "") for _ in range(200)]
    weights = [rng.randrange(1, 90) for _ in variables]
    for _ in range(300):
        some = rng.sample(range(200), 100)
        model.add(sum(weights[i] * variables[i] for i in some) <= rng.randrange(1000, 5000))
    model.maximize(sum(rng.randrange(1, 9) * variable for variable in variables))
    assert _work(model, limit, workers=1) > 3 * limit


def assignment(size: int, more: int) -> cp_model.CpModel:
    """Return an assignment problem in which pairs of assignments cost something, too."""
    rng, model = Random(1), cp_model.CpModel()
    x = [[model.new_bool_var("") for _ in range(size)] for _ in range(size)]
    costs = [rng.randrange(1, 1000) * entry for row in x for entry in row]
    for number in range(size):
        model.add_exactly_one(x[number])
        model.add_exactly_one([row[number] for row in x])
    for _ in range(more):
        a, b, c, d = (rng.randrange(size) for _ in range(4))
        both = model.new_bool_var("")
        model.add_bool_or([x[a][b].negated(), x[c][d].negated(), both])
        costs.append(rng.randrange(1, 100) * both)
    model.minimize(sum(costs))
    return model


def _work(model: cp_model.CpModel, limit: float, *, workers: int, seed: int = 0) -> float:
    """Return the work that a solver with a deterministic limit has done, in its own unit."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    solver.parameters.max_deterministic_time = limit
    assert solver.solve(model) in (cp_model.FEASIBLE, cp_model.UNKNOWN)
    return float(solver.response_proto.deterministic_time)
