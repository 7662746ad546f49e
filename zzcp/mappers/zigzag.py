"""ZigZag's own LOMA and SALSA as mappers: run by zigzag-dse, scored by our evaluator.

They run in a process of their own, so that they can be stopped at any time and their patches and random seeds touch
nothing else. zigzag-dse is optional: ``pip install zzcp[zigzag]``.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

from zzcp.cost.evaluate import cached_evaluator
from zzcp.cost.evaluation import Evaluation
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.interrupt import Interrupt
from zzcp.io import accelerator_to_yaml, layer_to_dict
from zzcp.mappers.options import at_least, within
from zzcp.mappers.protocol import Budget, OnBest, Problem, Sample, Search
from zzcp.mapping import Mapping

_POLL = 0.1
"""Seconds between two looks at the clock and for interrupts."""


@dataclass(frozen=True, slots=True)
class ZigZagLoma:
    """The LOMA of zigzag-dse.

    Of its successive best mappings the one counts that is best under the problem's conventions; under `ZIGZAG` that is
    the last.

    Parameters
    ----------
    lpf_limit : int or None
        Most loop prime factors.
    name : str
        What tables call it.

    Raises
    ------
    InputError
        If zigzag-dse is not installed.
    """

    lpf_limit: int | None = 6
    name: str = "zigzag-loma"

    def __post_init__(self) -> None:
        _require_zigzag(self.name)
        if self.lpf_limit is not None:
            at_least(1, lpf_limit=self.lpf_limit)

    def map(self, problem: Problem, budget: Budget, *, on_best: OnBest | None = None) -> Search:
        """Search a mapping; see `zzcp.mappers.Mapper`."""
        return _search(self.name, "loma", {"lpf_limit": self.lpf_limit}, problem, budget, on_best)


@dataclass(frozen=True, slots=True)
class ZigZagSalsa:
    """The SALSA of zigzag-dse, which minimises latency where that is the objective, and energy otherwise.

    It ends at the first order that overflows a memory, which it does not expect. Of its successive best mappings the
    one counts that is best under the problem's objective and conventions.

    Parameters
    ----------
    iterations : int
        Steps.
    temperature : float
        At the start.
    name : str
        What tables call it.

    Raises
    ------
    InputError
        If zigzag-dse is not installed.
    """

    iterations: int = 1000
    temperature: float = 0.05
    name: str = "zigzag-salsa"

    def __post_init__(self) -> None:
        _require_zigzag(self.name)
        at_least(1, iterations=self.iterations)
        within(1e-9, 1e9, temperature=self.temperature)

    def map(self, problem: Problem, budget: Budget, *, on_best: OnBest | None = None) -> Search:
        """Search a mapping; see `zzcp.mappers.Mapper`."""
        options = {"iterations": self.iterations, "temperature": self.temperature}
        return _search(self.name, "salsa", options, problem, budget, on_best)


def _require_zigzag(name: str) -> None:
    missing = [module for module in ("zigzag", "six") if find_spec(module) is None]
    if missing:
        raise InputError(
            f"mapper {name} needs zigzag-dse",
            found="no module " + " and ".join(missing),
            hint="pip install 'zzcp[zigzag]'",
        )


def _known_to_zigzag(accelerator: Accelerator) -> Accelerator:
    """Return a machine without what ZigZag's files cannot say, such as memories that keep the overlap of windows."""
    memories = tuple(replace(memory, keeps_overlap=(), precision=()) for memory in accelerator.memories)
    return replace(accelerator, memories=memories)


def _search(
    name: str, engine: str, options: dict[str, Any], problem: Problem, budget: Budget, on_best: OnBest | None
) -> Search:
    """Run an engine and score what it reports."""
    evaluator = cached_evaluator(
        problem.accelerator, problem.layer, problem.spatial, problem.conventions, problem.links
    )
    task = {
        "engine": engine,
        "options": options,
        "objective": problem.objective,
        "evaluations": budget.evaluations,
        "seed": budget.seed,
        "accelerator": accelerator_to_yaml(_known_to_zigzag(problem.accelerator)),
        "layer": layer_to_dict(problem.layer),
        "spatial": problem.spatial.to_dict(),
        "links": evaluator.setting.links,
    }
    best: tuple[Fraction, Mapping, Evaluation] | None = None
    history: list[Sample] = []
    tried, seconds = 0, 0.0
    with Interrupt() as interrupt:
        for line in _lines(task, budget, interrupt):
            tried, seconds = line.get("tried", tried), line.get("seconds", seconds)
            if "error" in line:
                raise InputError(
                    f"{name}: zigzag-dse stopped with an exception of its own", found=str(line["error"])
                )
            if "best" not in line:
                continue
            mapping = Mapping.from_dict(
                {
                    "spatial_mapping": problem.spatial.to_dict(),
                    "temporal_mapping": line["best"],
                    "memory_operand_links": None if problem.links is None else dict(problem.links),
                }
            )
            evaluation = evaluator.evaluate(mapping, allow_invalid=True)
            value = problem.value(evaluation)
            if evaluation.valid and (best is None or value < best[0]):
                best = value, mapping, evaluation
                history.append(Sample(seconds, tried, float(value)))
                if on_best is not None:
                    on_best(history[-1])
    return Search(
        mapper=name,
        mapping=best[1] if best else None,
        evaluation=best[2] if best else None,
        objective=float(best[0]) if best else None,
        evaluations=tried,
        wall_s=seconds,
        history=tuple(history),
        interrupted=interrupt.requested,
    )


def _lines(task: dict[str, Any], budget: Budget, interrupt: Interrupt) -> Iterator[dict[str, Any]]:
    """Yield what the process writes until it ends, the time is up, or the user stops it.

    The time runs from the line ``ready`` on: to import zigzag-dse takes longer than many a search.
    """
    # a session of its own: Ctrl-C reaches us alone
    process = subprocess.Popen(
        [sys.executable, "-m", "zzcp.mappers.zigzag_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    ended = False
    try:
        process.stdin.write(json.dumps(task).encode())
        process.stdin.close()
        for text in _read(process.stdout.fileno(), budget, interrupt):
            line = json.loads(text)
            ended = "done" in line or "error" in line
            yield line
        stopped = interrupt.requested or budget.seconds is not None
        if not ended and not stopped:
            yield {"error": f"it ended with exit code {process.wait()} and no word"}
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _read(descriptor: int, budget: Budget, interrupt: Interrupt) -> Iterator[bytes]:
    """Yield lines as they come, until the end of the file, of the time, or of the user's patience."""
    deadline: float | None = None
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not interrupt.requested and (deadline is None or time.monotonic() < deadline):
            if not selector.select(_POLL):
                continue
            data = os.read(descriptor, 2**16)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                if deadline is None and budget.seconds is not None and b"ready" in line:
                    deadline = time.monotonic() + budget.seconds
                yield line
