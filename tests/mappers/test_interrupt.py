"""Ctrl-C and SIGTERM keep the best mapping so far."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from tests.mappers.problems import OWN, problem
from zzcp import Layer
from zzcp.interrupt import Interrupt
from zzcp.mappers import Budget, Problem, Sample, Search, make_mapper

ENDLESS: dict[str, dict[str, Any]] = {
    "loma": {"lpf_limit": None},
    "salsa": {"iterations": 10**9},
    "genetic": {"generations": 10**9},
    "random": {"samples": 10**12},
    "greedy": {},
}


def interrupted(name: str, number: int) -> Search:
    """Return a search that gets a signal with its first mapping."""
    layer = Layer.conv(k=64, c=64, oy=56, ox=56, fy=3, fx=3)
    task = Problem(problem().accelerator, layer, problem().spatial)
    sent = []

    def on_best(sample: Sample) -> None:
        if not sent:
            sent.append(sample)
            os.kill(os.getpid(), number)

    return make_mapper(name, **ENDLESS[name]).map(task, Budget(), on_best=on_best)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_the_best(name: str, number: int) -> None:
    before = signal.getsignal(number)
    found = interrupted(name, number)
    assert found.interrupted
    assert found.mapping is not None
    assert found.objective == found.history[-1].objective
    assert signal.getsignal(number) == before


def test_the_second_signal_has_its_usual_effect() -> None:
    with Interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_ignored_signals_stay_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupt() as interrupt:
            os.kill(os.getpid(), signal.SIGINT)
            assert not interrupt.requested
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_searches_in_other_threads_leave_signals_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[Any] = []

    def search() -> None:
        found = make_mapper("loma", lpf_limit=3).map(
            problem(), Budget(), on_best=lambda _: seen.append(signal.getsignal(signal.SIGINT))
        )
        seen.append(found.mapping)

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert seen[0] == before
    assert seen[-1] is not None
