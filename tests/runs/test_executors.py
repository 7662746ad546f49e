"""Tasks in this process and in others: what comes back, who is told, and what becomes of those that are lost."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zzcp.errors import InputError
from zzcp.interrupt import Interrupt
from zzcp.runs import Estimate, LostError, cores, executor_for, processes, workers


@pytest.fixture(autouse=True)
def all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process has no time for itself."""
    monkeypatch.setattr(processes, "HEAD_START", 0.0)


class Watcher:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def started(self, number: int) -> None:
        """Write it down."""
        self.told.append(("started", number))

    def progress(self, number: int, message: Any) -> None:
        """Write it down."""
        self.told.append((message, number))

    def ended(self, number: int) -> None:
        """Write it down."""
        self.told.append(("ended", number))


def square(task: int, tell: Callable[[Any], None]) -> int:
    tell("half")
    return task * task


def failing(task: int, tell: Callable[[Any], None]) -> int:
    raise InputError(f"no {task}", hint="none")


def patient(task: int, tell: Callable[[Any], None]) -> str:
    """Wait for the end to be asked for."""
    with Interrupt() as interrupt:
        tell("waiting")
        for _ in range(600):
            if interrupt.requested:
                return f"{task} stopped"
            time.sleep(0.1)
    return f"{task} done"


def dying(task: int, tell: Callable[[Any], None]) -> int:
    if task == 1:
        os._exit(1)
    return task


def dying_once(task: tuple[int, str], tell: Callable[[Any], None]) -> int:
    """End the process the first time that the task is tried."""
    number, folder = task
    seen = Path(folder, str(number))
    if number % 2 and not seen.exists():
        seen.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def napping(task: float, tell: Callable[[Any], None]) -> int:
    time.sleep(task)
    return os.getpid()


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_tasks_are_done_and_told_of(jobs: int) -> None:
    watcher = Watcher()
    with executor_for(jobs) as executor, Interrupt() as interrupt:
        found = dict(executor.run(square, [1, 2, 3, 4, 5], interrupt, watcher))
    assert found == {0: 1, 1: 4, 2: 9, 3: 16, 4: 25}
    for number in range(5):
        told = [what for what, about in watcher.told if about == number]
        assert told == ["started", "half", "ended"]


def test_an_executor_serves_several_times() -> None:
    with executor_for(2) as executor, Interrupt() as interrupt:
        assert dict(executor.run(square, [2, 3], interrupt)) == {0: 4, 1: 9}
        assert dict(executor.run(napping, [0.0], interrupt)).keys() == {0}
        assert dict(executor.run(square, [], interrupt)) == {}


@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_come_back_as_they_are(jobs: int) -> None:
    with executor_for(jobs) as executor, Interrupt() as interrupt, pytest.raises(InputError) as error:
        dict(executor.run(failing, [7], interrupt))
    assert str(error.value) == "no 7 (none)"


def test_a_signal_reaches_the_other_processes() -> None:
    class Stopping(Watcher):
        def progress(self, number: int, message: Any) -> None:
            super().progress(number, message)
            if sum(what == "waiting" for what, _ in self.told) == 2:
                threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()

    watcher = Stopping()
    with executor_for(2) as executor, Interrupt() as interrupt:
        found = dict(executor.run(patient, [0, 1, 2], interrupt, watcher))
    assert found == {0: "0 stopped", 1: "1 stopped"}


def test_what_is_lost_each_time_is_said_after_everything_else() -> None:
    watcher, found = Watcher(), {}
    with executor_for(2) as executor, Interrupt() as interrupt, pytest.raises(LostError, match="3 times"):
        found.update(executor.run(dying, [0, 1, 2, 3, 4], interrupt, watcher))
    assert found == {0: 0, 2: 2, 3: 3, 4: 4}
    assert watcher.told.count(("started", 1)) == watcher.told.count(("ended", 1)) == processes.TRIES


def test_what_a_lost_process_did_is_done_again(tmp_path: Path) -> None:
    tasks = [(number, str(tmp_path)) for number in range(12)]
    with executor_for(3) as executor, Interrupt() as interrupt:
        found = list(executor.run(dying_once, tasks, interrupt))
    assert sorted(found) == [(number, number) for number in range(12)]  # each once


def test_processes_that_are_killed_at_any_moment_lose_nothing() -> None:
    rng, killed = random.Random(0), 0
    with executor_for(3) as executor, Interrupt() as interrupt:
        assert isinstance(executor, processes.LocalProcesses)
        found = []
        for number, _ in executor.run(napping, [0.02] * 60, interrupt):
            found.append(number)
            if rng.random() < 0.3:
                killed += 1
                os.kill(rng.choice(executor._workers).process.pid, signal.SIGKILL)
    assert sorted(found) == list(range(60))
    assert killed > 10


def test_a_small_input_needs_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "HEAD_START", 30.0)
    with executor_for(3) as executor, Interrupt() as interrupt:
        assert len(set(dict(executor.run(napping, [0.01] * 6, interrupt)).values())) == 1
    monkeypatch.setattr(processes, "HEAD_START", 0.0)
    with executor_for(3) as executor, Interrupt() as interrupt:
        assert len(set(dict(executor.run(napping, [0.3] * 3, interrupt)).values())) == 3


def test_the_cores_are_those_of_this_process() -> None:
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert available is not None
    assert 1 <= cores() <= available


def test_the_estimate_is_that_of_equal_tasks() -> None:
    now = 0.0
    estimate = Estimate(6, 2, lambda: now)
    assert estimate.left is None
    estimate.started(0)
    estimate.started(1)
    now = 4.0
    estimate.ended(0)
    estimate.started(2)
    now = 5.0
    # each takes 4 s: the second should have been done by now, the third needs 3 more, and three are waiting
    assert estimate.left == pytest.approx((0 + 3 + 3 * 4) / 2)
    assert estimate.names("abcdef") == ("b", "c")
    for number in (1, 2, 3, 4, 5):
        estimate.started(number)
        estimate.ended(number)
    assert estimate.left == 0


def test_a_process_whose_parent_has_gone_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    ours, theirs = multiprocessing.Pipe()
    ours.close()
    child = os.fork()
    if not child:
        try:
            workers._send(theirs, "done", 1)
        finally:
            os._exit(0)  # whatever happens: a second copy of the tests must not go on
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 1
    assert capfd.readouterr() == ("", "")
