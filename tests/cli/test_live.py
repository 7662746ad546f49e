"""What is shown during a search, and tasks in other processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from zzcp.cli import live
from zzcp.cli.live import Monitor
from zzcp.cli.pool import Pool
from zzcp.errors import InputError
from zzcp.interrupt import Interrupt
from zzcp.solver import Progress

STATE = Progress(1.5, 4.0, 3.0, 0.25, "relaxation")


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


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_tasks_are_done_and_told_of(jobs: int) -> None:
    watcher = Watcher()
    with Pool(square, jobs) as pool, Interrupt() as interrupt:
        assert pool.run([1, 2, 3, 4, 5], interrupt, watcher) == {0: 1, 1: 4, 2: 9, 3: 16, 4: 25}
    for number in range(5):
        told = [what for what, about in watcher.told if about == number]
        assert told == ["started", "half", "ended"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_come_back_as_they_are(jobs: int) -> None:
    with Pool(failing, jobs) as pool, Interrupt() as interrupt, pytest.raises(InputError) as error:
        pool.run([7], interrupt, Watcher())
    assert str(error.value) == "no 7 (none)"


def test_a_signal_reaches_the_other_processes() -> None:
    class Stopping(Watcher):
        def progress(self, number: int, message: Any) -> None:
            super().progress(number, message)
            if sum(what == "waiting" for what, _ in self.told) == 2:
                threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()

    watcher = Stopping()
    with Pool(patient, 2) as pool, Interrupt() as interrupt:
        found = pool.run([0, 1, 2], interrupt, watcher)
    assert found == {0: "0 stopped", 1: "1 stopped"}


def test_what_a_lost_process_did_is_missing() -> None:
    with Pool(dying, 2) as pool, Interrupt() as interrupt:
        found = pool.run([0, 1, 2], interrupt, Watcher())
    assert found == {0: 0, 2: 2}


def test_lines_come_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(live, "PAUSE", 0.0)
    with Monitor(["conv", "gemm"], quiet=False) as monitor:
        monitor.started(1)
        monitor.progress(1, STATE)
        monitor.ended(1)
    said = capsys.readouterr().err
    assert said == "zzcp: layer gemm (2 of 2): relaxation, best 4, bound 3, gap 25.000%, 1.5 s\n"


def test_quick_or_quiet_searches_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (False, True):
        with Monitor(["conv"], quiet=quiet) as monitor:
            monitor.started(0)
            monitor.progress(0, STATE)
            monitor.ended(0)
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_every_layer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys  # noqa: PLC0415

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with Monitor(["conv", "gemm"], quiet=False, verb="proving") as monitor:
        monitor.started(0)
        monitor.started(1)
        monitor.progress(1, STATE)
        time.sleep(0.6)
        monitor.ended(0)
    shown = capsys.readouterr().err
    assert "proving: 0 of 2 different layers done" in shown
    assert "layer gemm" in shown
    assert "gap 25.000%" in shown
