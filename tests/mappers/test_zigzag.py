"""The adapter to ZigZag's own LOMA and SALSA."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from importlib.util import find_spec
from typing import Any

import pytest

from tests.differential.records import bundled_machine
from zzcp import EXACT, ZIGZAG, InputError, Layer, SpatialMapping, evaluate
from zzcp.mappers import Budget, Problem, Sample, make_mapper
from zzcp.mappers import zigzag as adapter

NAMES = ("zigzag-loma", "zigzag-salsa")
LARGE = Layer.conv(k=64, c=64, oy=56, ox=56, fy=3, fx=3, padding=1)


def task(machine: str = "tpu_like", **options: Any) -> Problem:
    """Return a problem on a machine that zigzag-dse bundles."""
    layer = options.pop("layer", Layer.gemm(b=48, k=64, c=96))
    spatial = SpatialMapping.from_dict({"D1": {"K": 32}, "D2": {"C": 32}})
    return Problem(bundled_machine(machine), layer, spatial, **{"conventions": ZIGZAG, **options})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("missing", ["zigzag", "six"])
def test_without_zigzag_the_message_says_what_to_install(
    name: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "find_spec", lambda module: None if module == missing else object())
    with pytest.raises(
        InputError, match=rf"mapper {name} needs zigzag-dse: found no module {missing} .pip install"
    ):
        make_mapper(name)


class FakeProcess(subprocess.Popen[bytes]):
    """A worker that writes given lines and then ends, or waits for ever."""

    script = ""

    def __init__(self, command: list[str], **options: Any) -> None:
        super().__init__(["sh", "-c", f"cat > /dev/null; {self.script}"], **options)


def fake(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let the adapter start a shell script."""
    monkeypatch.setattr(adapter, "find_spec", lambda module: object())
    monkeypatch.setattr(FakeProcess, "script", script)
    monkeypatch.setattr(adapter.subprocess, "Popen", FakeProcess)


def best_line(tried: int, order: list[tuple[str, int]]) -> str:
    """Return a worker's line for a mapping that holds everything in the main memory."""
    levels = {"O": [[], [], order], "W": [[], order], "I": [[], order]}
    return "echo '" + json.dumps({"best": levels, "tried": tried, "seconds": tried / 10}) + "'; "


ORDER = [("B", 2)] * 4 + [("B", 3), ("K", 2), ("C", 3)]
READY = "echo '{\"ready\": true}'; "


def test_what_the_worker_reports_is_scored_by_us(monkeypatch: pytest.MonkeyPatch) -> None:
    done = 'echo \'{"done": true, "tried": 9, "seconds": 1.5}\''
    fake(monkeypatch, READY + best_line(2, ORDER) + best_line(5, ORDER[::-1]) + done)
    samples: list[Sample] = []
    problem = task(conventions=EXACT)
    found = make_mapper("zigzag-loma").map(problem, Budget(), on_best=samples.append)
    assert found.mapping is not None
    again = evaluate(problem.accelerator, problem.layer, found.mapping)
    assert found.objective == float(problem.value(again)) == samples[-1].objective
    assert found.history == tuple(samples)
    assert (found.evaluations, found.wall_s, found.interrupted) == (9, 1.5, False)
    assert samples[0].evaluations == 2


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (READY + 'echo \'{"error": "KeyError: 3"}\'', "exception of its own: found KeyError: 3"),
        ("exit 7", "exit code 7 and no word"),
    ],
)
def test_a_worker_that_fails(script: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, script)
    with pytest.raises(InputError, match=message):
        make_mapper("zigzag-salsa").map(task(), Budget())


def test_a_worker_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, READY + best_line(1, ORDER) + "sleep 1000")
    start = time.monotonic()
    found = make_mapper("zigzag-salsa").map(task(), Budget(seconds=0.3))
    assert time.monotonic() - start < 200
    assert found.mapping is not None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_the_best(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, READY + best_line(1, ORDER) + "sleep 1000")
    found = make_mapper("zigzag-loma").map(task(), Budget(), on_best=lambda _: os.kill(os.getpid(), number))
    assert found.interrupted
    assert found.mapping is not None


def test_mappings_that_do_not_fit_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = {"O": [ORDER, [], []], "W": [ORDER, []], "I": [[], ORDER]}
    line = json.dumps({"best": levels, "tried": 1, "seconds": 0.1})
    fake(monkeypatch, READY + f'echo \'{line}\'; echo \'{{"done": true, "tried": 1, "seconds": 0.1}}\'')
    found = make_mapper("zigzag-loma").map(task(), Budget())
    assert (found.mapping, found.objective, found.evaluations) == (None, None, 1)


# ---- with zigzag-dse ----------------------------------------------------------------------------------------------

differential = pytest.mark.differential


def test_the_differential_tests_need_zigzag() -> None:
    if find_spec("zigzag") is None:
        with pytest.raises(InputError, match="pip install"):
            make_mapper("zigzag-loma")


@differential
@pytest.mark.parametrize("objective", ["edp", "energy", "latency", "ed2"])
def test_both_lomas_find_the_same(objective: str) -> None:
    problem = task(objective=objective)
    theirs = make_mapper("zigzag-loma", lpf_limit=5).map(problem, Budget())
    ours = make_mapper("loma", lpf_limit=5).map(problem, Budget())
    assert theirs.objective == ours.objective
    assert theirs.evaluations == ours.evaluations
    assert theirs.evaluation is not None
    assert theirs.evaluation.valid


@differential
@pytest.mark.parametrize("machine", ["aimc", "dimc", "eyeriss_like", "gemm_l1"])
def test_machines_that_zigzag_bundles(machine: str) -> None:
    accelerator = bundled_machine(machine)
    unrolled = {accelerator.array.dimensions[0]: {"K": min(4, accelerator.array.sizes[0])}}
    problem = Problem(
        accelerator, Layer.gemm(b=12, k=16, c=20), SpatialMapping.from_dict(unrolled), "energy", ZIGZAG
    )
    theirs = make_mapper("zigzag-loma", lpf_limit=4).map(problem, Budget())
    assert theirs.objective == make_mapper("loma", lpf_limit=4).map(problem, Budget()).objective


@differential
def test_salsa_is_seeded_and_keeps_its_budget() -> None:
    first, second, third = (
        make_mapper("zigzag-salsa").map(task(objective="energy"), Budget(60, seed=seed)) for seed in (1, 1, 2)
    )
    assert first.evaluations == second.evaluations == 60
    assert first.mapping is not None
    assert first.mapping == second.mapping
    assert [sample.objective for sample in first.history] != [sample.objective for sample in third.history]


@differential
def test_a_budget_of_seconds() -> None:
    found = make_mapper("zigzag-loma", lpf_limit=9).map(task(layer=LARGE), Budget(seconds=1))
    assert found.mapping is not None
    assert 0 < found.wall_s < 60


@differential
def test_unrollings_that_do_not_divide_and_other_links() -> None:
    problem = task(
        layer=Layer.gemm(b=10, k=40, c=50), objective="energy", links={"W": "I1", "I": "I2", "O": "O"}
    )
    theirs = make_mapper("zigzag-loma").map(problem, Budget())
    assert theirs.objective == make_mapper("loma").map(problem, Budget()).objective
    assert theirs.mapping is not None
    assert theirs.mapping.links == {"W": "I1", "I": "I2", "O": "O"}
