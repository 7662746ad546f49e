"""Unrollings that are looked at aside from those with the least bounds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from zzcp import ZIGZAG, Layer, load_accelerator, optimize
from zzcp.solver.unrolling.aside import Samples


def test_samples_are_below_a_value_and_come_once() -> None:
    samples = Samples.of(np.arange(100)[::-1, None], np.arange(100.0)[::-1])
    assert samples.bounds.tolist() == list(range(100))
    seen: list[tuple[int, ...]] = []
    for _ in range(20):
        seen += samples.take(7, 50.0)
    assert len(set(seen)) == len(seen) > 40
    assert all(row < 50 for (row,) in seen)


def test_samples_spread_over_all_that_are_below() -> None:
    samples = Samples.of(np.arange(1000)[:, None], np.arange(1000.0))
    (*chosen,) = (row for (row,) in samples.take(10, math.inf))
    assert all(second - first == 100 for first, second in zip(chosen, chosen[1:], strict=False))


def test_nothing_is_left_to_take() -> None:
    samples = Samples.of(np.arange(3)[:, None], np.arange(3.0))
    assert samples.take(8, -1.0) == []
    assert len(samples.take(8, 9.0)) == 3
    assert samples.take(8, 9.0) == []


def test_unrollings_without_room_do_not_hide_those_with_mappings(root: Path) -> None:
    """Under ZigZag's conventions tiles of fractions of lanes were once counted too small to be ruled out."""
    machine = load_accelerator(root / "models/accelerators/edge_tpu_like.yaml")
    layer = Layer.depthwise(g=96, oy=28, ox=28, fy=3, fx=3, padding=1)
    found = optimize(
        machine, layer, spatial="auto", conventions=ZIGZAG, time_limit=1e6, deterministic_limit=20
    )
    given = {"D1": {"G": 5}, "D2": {"FY": 3, "FX": 2}, "D4": {"OY": 3}}
    one = optimize(machine, layer, spatial=given, conventions=ZIGZAG, time_limit=1e6)
    assert found.objective is not None
    assert one.objective is not None
    assert found.lower_bound <= found.objective <= one.objective
