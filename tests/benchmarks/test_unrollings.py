"""Heuristic unrollings and Timeloop's recorded searches beside the optimum over all unrollings: what the page says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.pages import PAGE
from benchmarks.unrollings import LAYERS, MACHINES, ORDERS, RECORDED, TIMELOOP, UNROLLINGS
from zzcp import load_accelerator

RESULTS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "benchmarks" / "results" / "unrollings.json").read_text()
)
ROWS: list[dict[str, Any]] = json.loads((TIMELOOP / "recorded.json").read_text())["rows"]


def part(name: str) -> list[list[str]]:
    """Return the rows of the table between the markers of a part of the page."""
    text = PAGE.read_text(encoding="utf-8")
    inside = text.split(f"<!-- begin {name} -->")[1].split(f"<!-- end {name} -->")[0]
    lines = [line for line in inside.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_timeloops_machine_is_a_machine() -> None:
    machine = load_accelerator(TIMELOOP / "min3x.yaml")
    assert machine.array.sizes == (16, 16)
    assert {row["layer"] for row in ROWS} == set(RECORDED)


def test_the_page_holds_what_was_recorded_of_timeloop() -> None:
    lines = part("timeloop")
    assert len(lines) == len(ROWS)
    for line, row in zip(lines, ROWS, strict=True):
        best = RESULTS["timeloop"][row["layer"]]
        assert line[:3] == [row["layer"], row["search"], f"{row['cpu_s']:g}"]
        assert line[5] == f"{best['best']:.3e}"
        if row["scored"] is not None:
            assert line[4] == f"{row['scored']:.3e}"
            assert best["best"] <= row["scored"]
            assert float(line[8]) == pytest.approx(row["scored"] / best["best"], abs=0.005)


def test_no_unrolling_of_a_heuristic_is_below_the_bound_over_all() -> None:
    assert {(row["machine"], row["layer"]) for row in RESULTS["rows"]} == {
        (machine, layer) for machine in MACHINES for layer in LAYERS
    }
    for row in RESULTS["rows"]:
        for found in row["found"].values():
            for value in found.values():
                assert value is None or value >= row["bound"], row


def test_the_page_has_a_line_for_every_unrolling_and_order() -> None:
    lines = part("unrollings")
    assert [line[0] for line in lines] == [
        words for words in UNROLLINGS.values() for _ in range(1 + len(ORDERS))
    ]
    for line in lines:
        assert float(line[3].replace(",", "")) >= 0.999
