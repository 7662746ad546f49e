"""Without memory a search ends with the best so far, and searches give back what they took."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ortools.sat.python import cp_model

import zzcp
from benchmarks.cases import own_machines
from zzcp import Layer, optimize
from zzcp.solver.constrained import problem as constrained
from zzcp.solver.lattice.lattice import Lattice
from zzcp.solver.ranges.ranges import RangeSearch
from zzcp.solver.search import search, shared

LAYER = Layer.conv(k=32, c=24, oy=14, ox=14, fy=3, fx=3, padding=1)
ROOT = Path(__file__).parents[3]


def machine() -> zzcp.Accelerator:
    return own_machines()["eyeriss_like"][1]


def failing(after: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that has no memory left after some calls."""
    calls = []

    def run(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > after:
            raise MemoryError("std::bad_alloc")
        return real(*arguments, **options)

    return run


PLACES = [
    (search, "first_mapping", 0, "auto"),
    (shared, "boundary_tables", 0, "auto"),
    (Lattice, "above", 12, "auto"),
    (RangeSearch, "_range", 2, "auto"),
    (RangeSearch, "_range", 0, "ranges"),
    (cp_model.CpSolver, "solve", 0, "cp-sat"),
]


@pytest.mark.parametrize(("owner", "name", "after", "engine"), PLACES)
def test_without_memory_the_best_so_far_is_returned(
    owner: Any, name: str, after: int, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = optimize(machine(), LAYER, spatial="full")
    monkeypatch.setattr(owner, name, failing(after, getattr(owner, name)))
    found = optimize(machine(), LAYER, engine=engine, spatial="full")
    assert found.status in ("feasible", "optimal")
    assert found.objective is not None
    assert best.objective is not None
    assert found.objective >= best.objective
    assert found.lower_bound <= best.objective
    assert (found.status == "optimal") == (found.gap is not None and found.gap <= 1e-4)


@pytest.mark.parametrize("share", [0, 0.1, 0.4])
def test_without_memory_a_front_says_where_it_is_open(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = Lattice.above, []

    def counted(*arguments: Any) -> Any:
        calls.append(1)
        return real(*arguments)

    monkeypatch.setattr(Lattice, "above", counted)
    whole = zzcp.pareto(machine(), LAYER, engine="ranges", spatial="full")
    monkeypatch.setattr(Lattice, "above", failing(int(share * len(calls)), real))
    front = zzcp.pareto(machine(), LAYER, time_limit=600, engine="ranges", spatial="full")
    assert front.points
    assert not front.complete
    for point in whole.points:
        near = min((some.energy for some in front.points if some.latency <= point.latency), default=None)
        known = near is not None and near * (1 - front.gap) <= point.energy * (1 + 1e-9)
        # the range at the slowest point stands for all that is slower
        latency = min(point.latency, front.points[-1].latency)
        assert known or any(entry.first <= latency <= entry.last for entry in front.open)


def test_without_memory_nothing_is_known_of_constraints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constrained.Problem, "attempt", failing(0, constrained.Problem.attempt))
    found = optimize(machine(), LAYER, constraints={"max_latency": 10}, spatial="full")
    assert (found.status, found.mapping) == ("unknown", None)


def test_without_memory_a_conflict_is_told_as_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cp_model.CpSolver, "solve", failing(0, cp_model.CpSolver.solve))
    found = optimize(machine(), LAYER, constraints={"max_latency": 10}, spatial="full")
    assert (found.status, found.mapping) == ("infeasible", None)
    assert found.diagnosis is not None
    assert found.diagnosis.conflict
    assert not found.diagnosis.minimal


SOLVES = """
import random
import sys
import zzcp
import zzcp.errors
from benchmarks.cases import own_machines
from zzcp.cost import EXACT, ZIGZAG

MACHINES = [machine for _, machine in own_machines().values()]
rng = random.Random(0)
count, early = map(int, sys.argv[1:])


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])


def solve(number):
    machine, conventions = MACHINES[number % len(MACHINES)], (EXACT, ZIGZAG)[number // 2 % 2]
    layer = zzcp.Layer.gemm(b=rng.choice([48, 64, 80, 96]), k=rng.choice([32, 40, 64]), c=rng.choice([24, 32, 36]))
    kind, options = number % 9, {"conventions": conventions, "time_limit": 2.0}
    if kind == 0:
        zzcp.optimize(machine, layer, **options)
    elif kind == 1:
        zzcp.optimize(machine, layer, "ed2", engine="cp-sat", spatial="full", **options)
    elif kind == 2:
        zzcp.optimize(machine, layer, constraints={"max_latency": 10}, **options)
    elif kind == 3:
        zzcp.pareto(machine, layer, spatial="full", **options)
    elif kind == 4:
        zzcp.optimize(machine, layer, "latency", conventions=conventions, time_limit=0.05)
    elif kind == 5:
        zzcp.optimize(machine, layer, "energy", spatial="auto", max_dims=1, **options)
    elif kind == 6:
        zzcp.optimize(machine, layer, "energy", constraints={"innermost": ["K"]}, spatial="full", **options)
    elif kind == 7:
        zzcp.pareto(machine, layer, spatial="full", supported_only=True, **options)
    else:
        try:
            zzcp.optimize(machine, layer, constraints={"innermost": ["NONE"]}, **options)
        except zzcp.errors.InputError:
            return
        raise AssertionError("a dimension that the layer does not have")


for number in range(count):
    solve(number)
    if number + 1 == early:
        before = resident()
print(before, resident())
"""
"""Solves of all kinds, those that fail among them; prints the memory after a few and after all."""


def growth(count: int, early: int) -> float:
    """Return the memory of a process after all solves, relative to that after a few."""
    command = [sys.executable, "-c", SOLVES, str(count), str(early)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    return after / before


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_searches_give_back_what_they_took() -> None:
    assert growth(30, 12) <= 1.2


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_two_hundred_searches_take_no_more_memory_than_ten() -> None:
    assert growth(200, 10) <= 1.2
