"""The page that `make bench-compare` writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.pages import replace_part, table
from benchmarks.solver_cases import FOUR_KEYS, all_cases

compare = pytest.importorskip("benchmarks.compare", reason="the cases are those of the solver's suite")


def row(status: str, loma: float | None, seconds: float = 2.0) -> dict[str, Any]:
    found = {"distance": loma, "evaluations": 100, "s": seconds, "close_s": None if loma else 0.5}
    return {
        "case": f"m/{status}{loma}",
        "machine": "m",
        "status": status,
        "gap": None if status == "infeasible" else 0.2 if status == "feasible" else 0.0,
        "s": 8.0,
        "close_s": 1.0,
        "mappers": dict.fromkeys(compare.MAPPERS, found),
    }


def test_figures_are_those_of_proven_layers() -> None:
    rows = [row("optimal", 0.0, 1.0), row("optimal", 3.0, 4.0), row("feasible", 5.0), row("infeasible", None)]
    found = compare.summary(rows)["loma"]
    assert (found["layers"], found["close"]) == (2, 1)
    assert found["mean"] == pytest.approx(1.0)  # sqrt(1 x 4) - 1
    assert (found["worst"], found["median"]) == (3.0, 1.5)
    assert found["s"] == pytest.approx(2.0)
    text = compare.page(rows, 32)
    assert "Measured on 4 layers of the 32 of the suite" in text
    assert "within 120 s each" in text
    assert "1 of them fit their machine in no way" in text
    assert "Of the 3 others 2 are solved" in text
    assert "gaps up to 20.0%" in text
    assert "| loma | 2 | 100% | 150% | 300% | 1 | 100 | 2.00 | 0.50 |" in text


def test_nothing_measured() -> None:
    assert "Measured on 0 layers" in compare.page([], 32)


def test_the_whole_suite() -> None:
    assert "Measured on 1 layers, all of the suite;" in compare.page([row("optimal", 0.0)], 1)


def test_only_what_was_measured_under_this_limit_counts(tmp_path: Path) -> None:
    record = replace(compare.RECORD, path=tmp_path / "record.jsonl")
    assert record.rows() == {}
    old, new = row("optimal", 0.0), {**row("optimal", 3.0), "time_limit": compare.TIME_LIMIT}
    record.path.write_text("".join(json.dumps(entry) + "\n" for entry in (old, new)))
    assert list(record.rows()) == [new["case"]]


@pytest.mark.differential
def test_every_beginning_of_the_sample_is_spread() -> None:
    everything = [case.name for case in compare.sample()]
    assert len(set(everything)) == len(everything) == len(all_cases()) - 1
    assert not any(name.endswith(FOUR_KEYS) for name in everything)
    names = everything[:32]
    strata = {(name.partition("/")[0], name.partition("/")[2].partition(".")[0]) for name in names}
    assert len(strata) == 32
    assert names[:10] == [case.name for case in compare.sample(10)]


def test_parts_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin x -->\nold\n<!-- end x -->\nafter\n")
    replace_part("x", table(["a", "b"], [["1", "2"]]), page)
    assert page.read_text() == (
        "before\n<!-- begin x -->\n\n| a | b |\n| --- | ---: |\n| 1 | 2 |\n\n<!-- end x -->\nafter\n"
    )
    with pytest.raises(ValueError, match="markers of y"):
        replace_part("y", "", page)
