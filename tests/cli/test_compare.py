"""`zzcp compare`: the seed example, the files it writes, the printed tables, and bad usage."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ACCELERATOR, WORKLOAD, Golden, Run
from zzcp.io.result import load_results
from zzcp.mappers import MAPPERS, Budget, Problem, Search
from zzcp.solver.optimize import run_job

FILES = ("-a", ACCELERATOR, "-w", WORKLOAD, "-m", "models/mappings/seed_mapping.yaml")
FAST = ("--mappers", "loma,random,greedy", "--evaluations", 300)


def test_the_printed_tables(zzcp: Run, golden: Golden) -> None:
    result = zzcp("compare", *FILES, *FAST)
    assert result.exit_code == 0, result.stderr
    text = re.sub(r" \d+\.\d\d?\b(?!%|e)", " #", result.stdout)
    text = re.sub(r" +", " ", re.sub("─+", "─", text))
    # another mapping within the gap is as good
    golden("compare", re.sub(r"(zzcp.* 0) [\d,]{9,} [\d,]{7,} \S+", r"\1 # # #", text))


def test_without_files_the_seed_example_is_compared(zzcp: Run, tmp_path: Path) -> None:
    result = zzcp("compare", *FAST, "--csv", tmp_path / "table.csv", "--json", tmp_path / "result.json", "-q")
    assert result.exit_code == 0, result.stderr
    assert "seed_eyeriss_1_2_4" in result.stdout
    data = json.loads((tmp_path / "result.json").read_text())
    assert [layer["status"] for layer in data["layers"]] == ["optimal", "optimal"]
    for layer in data["layers"]:
        assert [mapper["name"] for mapper in layer["mappers"]] == ["loma", "random", "greedy"]
        assert all(mapper["distance"] >= -1e-4 for mapper in layer["mappers"])
        assert all(mapper["evaluations"] <= 300 for mapper in layer["mappers"])
    with (tmp_path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert float(rows[1]["distance"]) == data["layers"][0]["mappers"][0]["distance"]


def test_the_result_is_one_of_solve(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    assert (
        zzcp("compare", *FILES, "--layer", "conv", "--mappers", "loma", "--json", path, "-q").exit_code == 0
    )
    (layer,) = load_results(path).layers
    assert layer.status == "optimal"
    again = zzcp("evaluate", "-a", ACCELERATOR, "-w", WORKLOAD, "-m", path, "--json", "-", "-q")
    assert json.loads(again.stdout)["layers"][0]["evaluation"]["edp"] == layer.objective


def test_side_by_side_is_the_same(zzcp: Run) -> None:
    def run(jobs: int) -> Any:
        result = zzcp("compare", *FILES, *FAST, "-j", jobs, "--json", "-", "-q")
        return [
            [(mapper["name"], mapper["objective"], mapper["distance"]) for mapper in layer["mappers"]]
            for layer in json.loads(result.stdout)["layers"]
        ]

    assert run(1) == run(2)


def test_picture(zzcp: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "quality.png"
    result = zzcp("compare", "--layer", "conv", *FAST, "--plot", path, "-q")
    assert result.exit_code == 0, result.stderr
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--mappers", "loma,slsa"), "did you mean 'salsa'?"),
        (("--mappers", "loma,loma"), "mapper given twice"),
        (("--mappers", ","), "no mappers"),
        (("--evaluations", 0), "is not in the range"),
        (("--mapper-time", 0), "is not in the range"),
        (("--lpf-limit", 0), "is not in the range"),
        (("-a", ACCELERATOR), "--workload is missing"),
        (("--plot", "picture.gif"), "no such kind of picture"),
        (("--csv", "no/such/folder/table.csv"), "cannot be written"),
        (("--layer", "cnov"), "did you mean 'conv'?"),
    ],
)
def test_bad_usage(arguments: tuple[Any, ...], message: str, zzcp: Run) -> None:
    result = zzcp("compare", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_without_matplotlib_it_says_so_before_any_work(zzcp: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zzcp.plot.style.find_spec", lambda _: None)
    result = zzcp("compare", "--plot", "picture.png")
    assert result.exit_code == 2
    assert "zzcp[plot]" in result.stderr


def test_a_refuted_proof_is_loud(zzcp: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(job: Any, tell: Any) -> Any:
        result = run_job(job, tell)
        return replace(result, lower_bound=result.lower_bound * 10)

    monkeypatch.setattr("zzcp.comparison.run.run_job", wrong)
    result = zzcp("compare", *FILES, "--layer", "conv", "--mappers", "loma")
    assert result.exit_code == 5
    assert "PROOF REFUTED: layer conv: the mapping of loma" in result.stdout
    assert "please report this as a bug" in result.stderr


class PressesCtrlC:
    """A mapper during which the user wants the end."""

    name = "stop"

    def map(self, problem: Problem, budget: Budget, *, on_best: Any = None) -> Search:
        os.kill(os.getpid(), signal.SIGINT)
        return Search(self.name, None, None, None, 0, 0.0)


def test_ctrl_c_keeps_what_is_done(zzcp: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(MAPPERS, "stop", PressesCtrlC)
    path = tmp_path / "result.json"
    result = zzcp("compare", *FILES, "--mappers", "loma,stop,greedy", "-j", 1, "--json", path)
    assert result.exit_code == 130, result.stderr
    assert "what had been found by then is shown" in result.stderr
    data = json.loads(path.read_text())
    assert data["interrupted"]
    (layer,) = data["layers"]
    assert layer["status"] == "optimal"
    assert [mapper["name"] for mapper in layer["mappers"]] == ["loma", "stop"]
    assert layer["mappers"][0]["distance"] > 0
