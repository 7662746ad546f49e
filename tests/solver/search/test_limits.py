"""A search ends when it is told to, wherever it is, with what it has by then; and at once when its gap is closed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.solver.search.test_anytime import signal_after
from zzcp import Accelerator, Layer, Result, load_accelerator, optimize
from zzcp.cost import EXACT, ZIGZAG, Evaluator

ROOT = Path(__file__).parents[3]


def many_dimensions() -> tuple[Accelerator, Layer]:
    """Twenty dimensions of size 2: a lattice of a million vectors."""
    toy = load_accelerator(ROOT / "docs/toy.yaml")
    memories = tuple(
        replace(memory, size=2**62) if memory.name == "dram" else memory for memory in toy.memories
    )
    dims = [f"A{number}" for number in range(20)]

    def of(some: list[str]) -> str:
        return "".join(f"[{dim}]" for dim in some)

    layer = Layer(f"O{of(dims[:6])}+=W{of(dims[5:])}*I{of(dims[:10])}", dict.fromkeys(dims, 2))
    return replace(toy, memories=memories), layer


def large_convolution() -> tuple[Accelerator, Layer]:
    machine = load_accelerator(ROOT / "models/accelerators/eyeriss_like.yaml")
    return machine, Layer.conv(b=4, k=720, c=720, oy=60, ox=60, fy=3, fx=3)


class Overrun:
    """Processor time of this process after a limit of wall time: other processes do not count."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.seconds = 0.0

    @contextmanager
    def after(self, limit: float) -> Iterator[Overrun]:
        timer = threading.Timer(limit, lambda: self.at.append(time.process_time()))
        timer.start()
        try:
            yield self
        finally:
            if self.at:
                self.seconds = time.process_time() - self.at[0]
            timer.cancel()
            timer.join()


TRIES = 3
"""A busy machine makes processor time longer, too: the best of so many counts."""

CASES = {
    "many dimensions": (many_dimensions, 2.0, {"spatial": {}}),
    "many dimensions, later": (many_dimensions, 5.0, {"spatial": {}}),
    "many dimensions, ZigZag": (many_dimensions, 2.0, {"spatial": {}, "conventions": ZIGZAG}),
    "many dimensions, CP-SAT": (many_dimensions, 2.0, {"spatial": {}, "engine": "cp-sat"}),
    "many dimensions, constraints": (
        many_dimensions,
        2.0,
        {"spatial": {}, "constraints": {"min_utilization": {"reg_I": 0.1}}},
    ),
    "many dimensions, every unrolling": (many_dimensions, 2.0, {"spatial": "auto"}),
    "large": (large_convolution, 1.0, {}),
    "large, without unrolling": (large_convolution, 3.0, {"spatial": {}}),
    "large, ZigZag": (large_convolution, 1.0, {"conventions": ZIGZAG}),
    "large, CP-SAT": (large_convolution, 3.0, {"engine": "cp-sat"}),
    "large, constraints": (
        large_convolution,
        2.0,
        {"constraints": {"outermost": ["K"]}},
    ),
    "large, every unrolling": (large_convolution, 2.0, {"spatial": "auto"}),
}


def check(accelerator: Accelerator, layer: Layer, result: Result, conventions: object = EXACT) -> None:
    assert result.status == "feasible"
    assert result.mapping is not None
    assert 0 <= result.lower_bound <= result.objective
    again = Evaluator(accelerator, layer, result.mapping.spatial, conventions).evaluate(result.mapping)
    assert float(again.edp_exact) == result.objective


@pytest.mark.parametrize("name", CASES)
def test_a_time_limit_is_kept(name: str) -> None:
    """Once they took up to 48 s for a limit of 5."""
    make, limit, options = CASES[name]
    accelerator, layer = make()
    overruns = []
    for _ in range(TRIES):
        with Overrun().after(limit) as overrun:
            result = optimize(accelerator, layer, time_limit=limit, gap=0, **options)
        check(accelerator, layer, result, options.get("conventions", EXACT))
        overruns.append(overrun.seconds)
        if overrun.seconds < 1 + limit / 10:
            return
    pytest.fail(f"seconds of processor time beyond the limit: {overruns}")


@pytest.mark.parametrize("make", [many_dimensions, large_convolution])
def test_ctrl_c_ends_it_as_fast(make: object) -> None:
    accelerator, layer = make()
    overruns = []
    for _ in range(TRIES):
        with signal_after(1.0, signal.SIGINT), Overrun().after(1.0) as overrun:
            result = optimize(accelerator, layer, spatial={}, time_limit=60, gap=0)
        check(accelerator, layer, result)
        assert result.interrupted
        overruns.append(overrun.seconds)
        if overrun.seconds < 1:
            return
    pytest.fail(f"seconds of processor time after the signal: {overruns}")


@pytest.mark.parametrize("size", [64, 256])
@pytest.mark.parametrize("gap", [1e-4, 1e-2])
def test_a_closed_gap_ends_the_search(size: int, gap: float) -> None:
    """Where CP-SAT closed the gap inside of the search by ranges that went on to the limit."""
    accelerator = load_accelerator(ROOT / "models/accelerators/tpu_like.yaml")
    met: list[float] = []
    started = time.process_time()

    def on_progress(progress: object) -> None:
        if not met and progress.gap is not None and progress.gap <= gap:
            met.append(time.process_time() - started)

    result = optimize(
        accelerator,
        Layer.gemm(b=size, k=size, c=size),
        spatial={},
        time_limit=60,
        gap=gap,
        on_progress=on_progress,
    )
    assert result.status == "optimal"
    assert time.process_time() - started < 2 * met[0] + 1
