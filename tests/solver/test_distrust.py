"""A stage that lies: a wrong claim of optimality is found out by a second proof, which shares nothing with the first.

What the evaluator can contradict at once (CP-SAT's infeasible, bounds above a mapping, invalid models) is tested in
search/test_anytime.py; here a stage says that all is closed while better mappings exist.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from ortools.sat.python import cp_model

from zzcp.cli.main import cli
from zzcp.networks.bounds import Outside
from zzcp.solver.search.ranges_stage import RangesStage
from zzcp.solver.unrolling.bounds import CheapBounds

ROOT = Path(__file__).parents[2]
LAYER = """\
- id: {id}
  name: {name}
  operator_type: Gemm
  equation: O[b][k]+=W[k][c]*I[b][c]
  loop_dims: [B, K, C]
  loop_sizes: {sizes}
  operand_precision: {{W: 8, I: 8, O: 16, O_final: 8}}
  operand_source: {{W: {id}, I: {id}}}
"""
ONE = LAYER.format(id=0, name="first", sizes=[12, 8, 18])
LONG = LAYER.format(id=0, name="long", sizes=[36, 60, 48])
TWO = ONE + LAYER.format(id=1, name="second", sizes=[8, 18, 4])


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
    done = CliRunner().invoke(cli, [*words, "--time-limit", "30", *options])
    assert done.exit_code in (0, 4), done.output
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def verdict(path: Path) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["verify", str(path), "--time-limit", "30", "-j", "1"])
    return done.exit_code, done.stdout


def caught(path: Path, workload: str, *options: str) -> None:
    """Check that a lie has made the result worse, and that a second proof says so."""
    honest_path = path.with_name("honest.json")
    honest = solve(honest_path, workload, *options)
    lie = json.loads(path.read_text())
    assert lie["totals"]["edp"] > honest["totals"]["edp"], "the lie did no harm: the test says nothing"
    assert verdict(honest_path)[0] == 0
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


def test_bounds_of_unrollings_that_rule_out_too_much(tmp_path: Path) -> None:
    def all_is_ruled_out(self: CheapBounds, block: Any) -> Any:
        return np.full(len(block), np.inf)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheapBounds, "of", all_is_ruled_out)
        lie = solve(tmp_path / "lie.json", ONE, "--spatial", "auto")
    if lie["layers"][0]["status"] == "optimal":
        caught(tmp_path / "lie.json", ONE, "--spatial", "auto")


def test_a_network_whose_layers_are_said_to_cost_more(tmp_path: Path) -> None:
    add = Outside.add

    def doubled(self: Outside, weights: Any, bound: Any) -> None:
        add(self, weights, 2 * bound)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Outside, "add", doubled)
        lie = solve(tmp_path / "lie.json", TWO, "--scope", "network")
    honest = solve(tmp_path / "honest.json", TWO, "--scope", "network")
    assert verdict(tmp_path / "honest.json")[0] == 0
    if lie["totals"]["lower_bound"] > honest["totals"]["edp"]:
        assert verdict(tmp_path / "lie.json")[0] == 5
    else:
        assert lie["totals"]["lower_bound"] <= honest["totals"]["edp"]


# ---- facts about OR-Tools that the code relies on -----------------------------------------------------------------


def test_bounds_beyond_2_53_are_rounded_and_lowered_before_use() -> None:
    """`best_objective_bound` is a float: of an integer beyond 2^53 it can lie above the optimum."""
    from zzcp.solver.search.cpsat_stage import _floor  # noqa: PLC0415

    model = cp_model.CpModel()
    optimum = 2**60 + 1
    x = model.new_int_var(1, 2, "x")
    model.minimize(x * (2**60 + 1))
    solver = cp_model.CpSolver()
    assert solver.solve(model) == cp_model.OPTIMAL
    assert float(solver.best_objective_bound) != optimum
    assert _floor(float(2**60 + 2**8)) <= 2**60 + 2**8
    assert _floor(np.nextafter(float(optimum), np.inf)) <= optimum


def test_an_interval_of_no_length_inside_of_another_is_infeasible() -> None:
    model = cp_model.CpModel()
    model.add_no_overlap([model.new_interval_var(0, 10, 10, "long"), model.new_interval_var(5, 0, 5, "none")])
    assert cp_model.CpSolver().solve(model) == cp_model.INFEASIBLE
