"""Fronts over all unrollings against every unrolling and every mapping there is."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import pytest

import zzcp
from tests.solver.brute_force import Case
from tests.solver.fronts.test_pareto import CLOSE, corners, true_front
from tests.solver.unrolling.every_unrolling import tiny_case, unrollings
from zzcp.mapping.freedom import Freedom

GAP = 1e-6
"""Of points, in energy: the joint search rounds its bounds."""


def front_of_all(accelerator: zzcp.Accelerator, layer: zzcp.Layer) -> list[tuple[float, float]]:
    """Return the non-dominated (latency, energy) of all unrollings and mappings, the fastest first."""
    every = sorted(
        corner
        for spatial in unrollings(accelerator, layer, 2)
        for corner in true_front(Case(accelerator, layer, spatial))
    )
    front: list[tuple[float, float]] = []
    for cycles, energy in every:
        if not front or energy < front[-1][1] * (1 - CLOSE):
            front.append((cycles, energy))
    return front


def check(seed: int, *, supported: bool) -> int:
    """Compare a front with the enumeration; return how many points it has."""
    accelerator, layer = tiny_case(Random(seed))
    true = front_of_all(accelerator, layer)
    front = zzcp.pareto(accelerator, layer, gap=GAP, supported_only=supported, time_limit=120.0)
    if not true:
        assert front.points == ()
        assert front.diagnosis is not None
        return 0
    found = corners(front)
    assert front.complete, front.statement
    assert "over all unrollings" in front.statement
    for cycles, energy in found:
        # nothing that is known is better than what there is
        least = min((other for latency, other in true if latency <= cycles), default=math.inf)
        assert energy >= least * (1 - CLOSE)
    for cycles, energy in true:
        if supported:
            assert energy >= _hull_at(found, cycles) * (1 - 2 * GAP)
        else:
            assert min(other for latency, other in found if latency <= cycles) <= energy * (1 + 2 * GAP)
    for point in front.points:
        again = zzcp.evaluate(accelerator, layer, point.mapping)
        assert (again.energy.exact, again.latency.total) == (point.evaluation.energy.exact, point.latency)
    return len(found)


def _hull_at(points: list[tuple[float, float]], cycles: float) -> float:
    """Return the height of the hull of some points at a latency; that of the slowest beyond it."""
    for (fast, much), (slow, little) in pairwise(points):
        if fast <= cycles <= slow:
            return much + (little - much) * (cycles - fast) / (slow - fast)
    return points[-1][1]


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_the_front_is_that_of_all_unrollings(seed: int) -> None:
    check(seed, supported=False)
    check(seed, supported=True)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_the_front_is_that_of_all_unrollings_slow(part: int) -> None:
    sizes = [check(seed, supported=bool(seed % 2)) for seed in range(3000 + 10 * part, 3010 + 10 * part)]
    assert max(sizes) > 1


def test_a_given_unrolling_has_its_own_front() -> None:
    accelerator, layer = tiny_case(Random(1))
    one = zzcp.pareto(accelerator, layer, spatial="full")
    assert one.freedom is None
    assert "all unrollings" not in one.statement
    every = zzcp.pareto(accelerator, layer, spatial="auto", max_dims=1, supported_only=True)
    assert every.freedom == Freedom(1)
    assert every.to_dict()["freedom"]["max_dims"] == 1
