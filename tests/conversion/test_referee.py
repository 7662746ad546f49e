"""What AccelForge said of converted mappings, as it is recorded: the page says the same, and our side is still ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.accelforge.referee import RESULTS, pairs, solve

RECORDED = json.loads(RESULTS.read_text())
EACH = 14
"""GEMMs of each kind in the record."""


def test_all_energies_are_equal_or_the_difference_has_a_name(root: Path) -> None:
    rows = RECORDED["pairs"]
    assert len(rows) >= 20
    assert all(row["equal"] or row["difference"] for row in rows)
    assert all(row["zzcp"] == pytest.approx(row["accelforge"], rel=1e-6) for row in rows if row["equal"])
    equal = sum(row["equal"] for row in rows)
    page = " ".join((root / "docs" / "coming-from.md").read_text().split())
    own = sum(row["name"].startswith(("array", "convolution")) for row in rows)
    wide = sum(row["name"].startswith("precision") for row in rows)
    assert f"on {len(rows)} pairs of a machine and a layer" in page
    assert (
        f"{own} of them on a machine that comes in AccelForge's own format, {wide} with a `precision` of memories"
        in page
    )
    assert f"in all {equal}" in page
    assert len(RECORDED["refused"]) == 2
    assert "two mappings more it cannot express" in page


@pytest.mark.parametrize("number", [1, 2, 15, 20])
def test_our_side_of_the_record_is_still_ours(number: int) -> None:
    pair = list(pairs(EACH))[number]
    recorded = {row["name"]: row["zzcp"] for row in RECORDED["pairs"]}
    result = solve(pair, number)
    assert result.status == "optimal"
    assert result.evaluation is not None
    assert float(result.evaluation.energy.total) == pytest.approx(recorded[pair.name], rel=1e-4)
