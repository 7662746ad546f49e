"""Unrollings that are looked at aside from those with the least bounds."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

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
    assert all(second - first == 100 for first, second in pairwise(chosen))


def test_nothing_is_left_to_take() -> None:
    samples = Samples.of(np.arange(3)[:, None], np.arange(3.0))
    assert samples.take(8, -1.0) == []
    assert len(samples.take(8, 9.0)) == 3
    assert samples.take(8, 9.0) == []
