"""Helpers change nothing of a joint search but when it is through."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from random import Random
from typing import Any

import pytest

import zzcp
from tests.solver.unrolling.every_unrolling import tiny_case
from zzcp import EXACT, ZIGZAG, Layer
from zzcp.runs.helpers import Helpers
from zzcp.solver import Progress, Result

LAYERS = {
    "gemm": Layer.gemm(b=48, k=96, c=64),
    "conv": Layer.conv(k=16, c=8, oy=14, ox=14, fy=3, fx=3),
    "depthwise": Layer.depthwise(g=24, oy=14, ox=14, fy=3, fx=3),
}
MACHINES = ("gemmini_like", "tpu_like", "eyeriss_like", "simba_like")
LONG = 3600.0


def accelerator(name: str) -> zzcp.Accelerator:
    return zzcp.load_accelerator(f"models/accelerators/{name}.yaml")


def searched(machine: zzcp.Accelerator, layer: Layer, jobs: int, **options: Any) -> Result:
    return zzcp.optimize(machine, layer, spatial="auto", time_limit=LONG, jobs=jobs, **options)


def same(one: Result, other: Result) -> None:
    """Check that results differ in nothing but their seconds."""
    assert replace(one, wall_s=0.0) == replace(other, wall_s=0.0)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the steps that helpers have done."""
    found: list[str] = []
    take = Helpers.take

    def told(self: Helpers, key: Any, *, keep: bool = False) -> Any:
        found.extend([] if keep else [key[0]])
        return take(self, key, keep=keep)

    monkeypatch.setattr(Helpers, "take", told)
    return found


@pytest.fixture(scope="module")
def alone() -> Result:
    """Return the result of one process for an ordinary layer."""
    return searched(accelerator("simba_like"), LAYERS["conv"], 1)


@pytest.mark.parametrize("seed", [3, 4, 5, 8, 9, 11, 13, 14, 19, 20, 21, 22])
def test_any_number_of_processes_finds_the_same(seed: int) -> None:
    machine, layer = tiny_case(Random(seed))
    options: dict[str, Any] = {
        "objective": ("edp", "energy", "latency", "ed2")[seed % 4],
        "conventions": (EXACT, ZIGZAG)[seed // 4 % 2],
    }
    one = searched(machine, layer, 1, **options)
    for jobs in (2, 3):
        same(one, searched(machine, layer, jobs, **options))


def test_an_ordinary_layer(taken: list[str], alone: Result) -> None:
    same(alone, searched(accelerator("simba_like"), LAYERS["conv"], 2))
    assert "rooted" in taken


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("machine", MACHINES)
def test_any_number_of_processes_finds_the_same_of_ordinary_layers(machine: str, name: str) -> None:
    one = searched(accelerator(machine), LAYERS[name], 1, gap=1e-3)
    same(one, searched(accelerator(machine), LAYERS[name], 2, gap=1e-3))


def test_constraints_and_loops_that_need_not_divide() -> None:
    machine, layer = tiny_case(Random(3))
    for options in ({"factors": "imperfect"}, {"constraints": {"even_mapping": True}}):
        same(searched(machine, layer, 1, **options), searched(machine, layer, 2, **options))


@pytest.mark.parametrize("killed", [1, 2])
def test_helpers_that_are_killed(killed: int, monkeypatch: pytest.MonkeyPatch, alone: Result) -> None:
    """Some are ended from outside in the middle of a step: this process does what they have not done."""
    give, victims = Helpers.give, list[int]()

    def killing(self: Helpers, key: Any, *rest: Any, **options: Any) -> bool:
        done = give(self, key, *rest, **options)
        for worker, given in list(self._given.items()):
            if key[0] == "rooted" and given and len(victims) < killed and worker.process.pid not in victims:
                victims.append(worker.process.pid)
                os.kill(worker.process.pid, signal.SIGKILL)
        return done

    monkeypatch.setattr(Helpers, "give", killing)
    found = searched(accelerator("simba_like"), LAYERS["conv"], 2)
    assert len(victims) == killed
    same(found, alone)


def test_ctrl_c_keeps_the_best(alone: Result) -> None:
    """Whatever the helpers do when it comes."""
    machine, layer = accelerator("simba_like"), LAYERS["conv"]

    def stop(progress: Progress) -> None:
        if "left" in progress.stage:
            os.kill(os.getpid(), signal.SIGINT)

    found = searched(machine, layer, 2, on_progress=stop)
    assert found.interrupted
    assert found.space is not None
    assert not found.space.complete
    assert found.objective is not None
    assert alone.objective is not None
    assert found.lower_bound <= alone.objective <= found.objective
    assert zzcp.evaluate(machine, layer, found.mapping).edp == found.objective


def test_a_limit_of_the_work_is_for_one_process(taken: list[str]) -> None:
    machine, layer = tiny_case(Random(0))
    options: dict[str, Any] = {"spatial": "auto", "deterministic_limit": 0.5}
    same(zzcp.optimize(machine, layer, **options), zzcp.optimize(machine, layer, jobs=2, **options))
    assert not taken
