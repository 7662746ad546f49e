"""Why no unrolling has a mapping, or only the one that was given has none."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from zzcp import Layer, load_accelerator, optimize
from zzcp.solver import Result, clock

optimize_module = sys.modules["zzcp.solver.optimize"]
"""The package has a function of this name."""

TOY = load_accelerator("docs/toy.yaml")
GEMM = Layer.gemm(b=4, k=4, c=4)


def solved(constraints: dict[str, Any], spatial: Any = "auto", layer: Layer = GEMM) -> Result:
    return optimize(TOY, layer, spatial=spatial, constraints=constraints)


def test_an_unrolling_that_is_given_is_checked() -> None:
    found = solved({"spatial": {"D1": {"allow": ["C"]}}, "min_array_utilization": 1}, {"D1": {"K": 2}})
    assert found.status == "infeasible"
    assert found.diagnosis is not None
    assert found.diagnosis.conflict == ("unrolled on D1 only C (K 2 is unrolled there)",)
    assert found.diagnosis.further == (("utilization of the array at least 1 (2 of 4 units are in use)",),)
    assert found.diagnosis.elsewhere.startswith("another unrolling has a mapping, such as D1 C 2, D2")
    assert solved({"spatial": {"D1": {"allow": ["K"]}}}, {"D1": {"K": 2}}).status == "optimal"


@pytest.mark.parametrize(
    ("constraints", "conflict", "change"),
    [
        (
            {"spatial": {"D1": {"allow": ["K"], "fix": {"C": 2}}, "D2": {"most": 1}}},
            ("unrolled on D1 only K", "C 2 on D1"),
            "drop 'C 2 on D1'",
        ),
        (
            {"spatial": {"D1": {"allow": []}}, "min_array_utilization": 1.0},
            ("unrolled on D1 only nothing", "utilization of the array at least 1"),
            "utilization of the array at least 0.5 would do (2 of 4 units)",
        ),
        ({"spatial": {"D1": {"fix": {"C": 4}}}}, ("C 4 on D1",), "drop 'C 4 on D1'"),
    ],
)
def test_constraints_that_leave_no_unrolling_are_named(
    constraints: dict[str, Any], conflict: tuple[str, ...], change: str
) -> None:
    found = solved(constraints)
    assert found.status == "infeasible"
    assert found.diagnosis is not None
    assert set(found.diagnosis.conflict) == set(conflict)
    assert found.diagnosis.minimal
    assert change in found.diagnosis.changes


@pytest.mark.parametrize("most", range(1, 7))
def test_the_highest_utilization_is_named(most: int) -> None:
    """By halving: every number of units comes out, odd and even."""
    wide = replace(TOY, array=replace(TOY.array, sizes=(7, 1)))
    layer = Layer.gemm(b=1, k=most, c=1)
    found = optimize(wide, layer, spatial="auto", constraints={"min_array_utilization": 1.0}, time_limit=60)
    assert found.status == "infeasible"
    assert found.diagnosis is not None
    assert any(f"would do ({most} of 7 units)" in change for change in found.diagnosis.changes)


def test_constraints_on_loops_and_on_unrollings_are_named_together() -> None:
    small = Layer.gemm(b=1, k=2, c=2)
    best = optimize(TOY, small, "latency", spatial="auto").evaluation
    assert best is not None
    asked = {"spatial": {"D1": {"allow": []}, "D2": {"allow": []}}, "max_latency": best.latency.total}
    found = solved(asked, layer=small)
    assert found.status == "infeasible"
    assert found.diagnosis is not None
    budget = f"latency budget {best.latency.total} cycles"
    assert {budget} < set(found.diagnosis.conflict)
    assert f"drop '{budget}'" in found.diagnosis.changes


def test_a_layer_that_no_unrolling_can_map_is_said_to_be_one() -> None:
    memories = tuple(replace(memory, size=8) if memory.name == "buf" else memory for memory in TOY.memories)
    found = optimize(replace(TOY, memories=memories), GEMM, spatial={"D1": {"K": 2}})
    assert found.status == "infeasible"
    assert found.diagnosis is not None
    assert found.diagnosis.elsewhere == (
        "nor has any of the 16 unrollings with up to 2 layer dimensions on every array dimension"
    )


def test_whether_another_unrolling_has_a_mapping_does_not_depend_on_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It once was looked for during ten seconds."""
    asked = {"spatial": {"D1": {"allow": ["C"]}}, "min_array_utilization": 1}
    usual = solved(asked, {"D1": {"K": 2}}).diagnosis
    assert usual is not None
    assert usual.elsewhere.startswith("another unrolling has a mapping")
    now = time.monotonic
    monkeypatch.setattr(clock.time, "monotonic", lambda: 1000 * now())
    found = optimize(TOY, GEMM, spatial={"D1": {"K": 2}}, constraints=asked, time_limit=1e9)
    assert found.diagnosis == usual
    monkeypatch.undo()
    monkeypatch.setattr(optimize_module, "ELSEWHERE_WORK", 1e-6)
    found = solved(asked, {"D1": {"K": 2}})
    assert found.diagnosis is not None
    assert found.diagnosis.elsewhere == "whether another unrolling has one was not found out"


def test_other_unrollings_are_left_alone_where_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    memories = tuple(replace(memory, size=8) if memory.name == "buf" else memory for memory in TOY.memories)
    monkeypatch.setattr(optimize_module, "joint_search", None)
    found = optimize(replace(TOY, memories=memories), GEMM, spatial={"D1": {"K": 2}}, elsewhere=False)
    assert found.status == "infeasible"
    assert found.diagnosis is not None
    assert found.diagnosis.shortages
    assert not found.diagnosis.elsewhere
