"""The solver's benchmark: our own mappers as rivals, and what the tables say of them."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

pytest.importorskip("zigzag")

from benchmarks import solver, solver_child
from benchmarks.solver_cases import case_named
from benchmarks.solver_table import _compared, _never_worse
from zzcp import ZIGZAG
from zzcp.mappers import Budget, Loma, Problem


def any_case() -> str:
    from benchmarks.solver_cases import all_cases  # noqa: PLC0415

    return next(case.name for case in all_cases() if case.name.startswith("edge_tpu_like/resnet18"))


def test_our_mappers_run_in_one_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = any_case()
    case = case_named(name)
    monkeypatch.setattr(sys, "argv", ["solver_child", name, "our-loma6,our-loma7", "600"])
    solver_child.main()
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for limit, record in zip((6, 7), found, strict=True):
        problem = Problem(case.accelerator, case.layer, case.spatial, "edp", ZIGZAG)
        expected = Loma(lpf_limit=limit).map(problem, Budget())
        assert record["edp"] == expected.objective
        assert record["scored"] == expected.evaluations
        assert record["status"] == "done"
        assert record["cpu_s"] > 0


def test_our_mappers_are_asked_for_by_name() -> None:
    assert solver.OUR_MAPPERS == ("our-loma6", "our-loma7", "our-loma8", "our-salsa0", "our-salsa1")
    assert not set(solver.OUR_MAPPERS) & set(solver.MAPPERS)


RECORDS: dict[str, list[dict[str, Any]]] = {
    "zigzag": [
        {"case": "a", "edp": 90.0, "referee": 91.0},
        {"case": "b", "edp": 120.0, "referee": 99.0},
        {"case": "c", "edp": None},
        {"case": "d", "edp": None},
        {"case": "e", "edp": 5.0, "referee": "KeyError: 'x'"},
    ],
    "loma6": [
        {"case": "a", "edp": 100.0},
        {"case": "b", "edp": 100.0},
        {"case": "c", "edp": 1.0},
        {"case": "e", "edp": 4.0},
    ],
    "our-loma6": [{"case": "a", "edp": 100.0}, {"case": "b", "edp": 100.0}, {"case": "c", "edp": 1.0}],
    "our-salsa0": [{"case": "a", "edp": 95.0}, {"case": "d", "status": "nothing found"}],
}


def test_each_rival_is_compared_with_the_figure_of_its_kind() -> None:
    theirs = _never_worse(RECORDS, ("loma", "salsa"), "referee")
    assert (theirs["compared"], theirs["rivals"], theirs["better"], theirs["worse"]) == (2, 4, 2, [])
    assert theirs["most"] == pytest.approx(0.09)
    ours = _never_worse(RECORDS, ("our-",), "edp")
    assert (ours["compared"], ours["rivals"], ours["better"]) == (3, 4, 1)
    assert ours["most"] == pytest.approx(1 - 90 / 95)
    assert ours["worse"] == ["b: 120 against 100 of our-loma6", "c: inf against 1 of our-loma6"]
    lines = _compared(ours, "our own evaluator", "our own LOMA and SALSA")
    assert "worse in 2; better than the best of them in 1, by up to 5.3%." in lines[0]
    assert lines[1] == "- worse: b: 120 against 100 of our-loma6"


def test_no_rivals_no_words() -> None:
    assert not _compared(_never_worse({"zigzag": RECORDS["zigzag"]}, ("our-",), "edp"), "us", "nobody")
