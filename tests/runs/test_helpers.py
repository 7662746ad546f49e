"""Helpers: what is done ahead is there when it is asked for, and what is lost is nobody's loss."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from zzcp.interrupt import Interrupt
from zzcp.runs import InProcess, LocalProcesses
from zzcp.runs.helpers import Helpers, helpers_for

LONGEST = 120.0


def square(task: int, tell: Callable[[Any], None]) -> int:
    tell("half")
    return task * task


def failing(task: int, tell: Callable[[Any], None]) -> int:
    raise ValueError(task)


def patient(task: int, tell: Callable[[Any], None]) -> str:
    """Wait for the end to be asked for."""
    with Interrupt() as interrupt:
        for _ in range(1200):
            if interrupt.requested:
                return f"{task} stopped"
            time.sleep(0.1)
    return f"{task} done"


def at_hand(task: int, tell: Callable[[Any], None]) -> tuple[bool, int]:
    """Return whether a helper has helpers of its own, and how many it can make."""
    with Helpers(task) as own:
        return Helpers.at_hand() is not None, len(own)


def wait_for(helpers: Helpers, *keys: str) -> None:
    end = time.monotonic() + LONGEST
    while any(helpers.is_given(key) and not helpers.is_done(key) for key in keys):
        helpers.collect(0.1)
        assert time.monotonic() < end


def test_what_is_given_is_done_once() -> None:
    with Helpers(2) as helpers:
        assert Helpers.at_hand() is helpers
        assert [helpers.give(str(task), square, task) for task in range(5)] == [True] * 4 + [False]
        assert not helpers.is_given("4")
        wait_for(helpers, "0", "1", "2", "3")
        assert helpers.room()
        assert [helpers.take(str(task)) for task in range(4)] == [0, 1, 4, 9]
        assert not helpers.is_given("0")
    assert Helpers.at_hand() is None


def test_what_is_large_waits_for_one_that_has_nothing_to_do() -> None:
    with Helpers(1) as helpers:
        assert helpers.give("first", patient, 1, large=True)
        assert not helpers.give("second", square, 2, large=True)
        assert helpers.give("second", square, 2)


def test_what_fails_is_as_if_it_had_not_been_given() -> None:
    with Helpers(1) as helpers:
        helpers.give("wrong", failing, 1)
        helpers.give("right", square, 3)
        wait_for(helpers, "wrong", "right")
        assert not helpers.is_given("wrong")
        assert helpers.take("right", keep=True) == helpers.take("right") == 9


def test_what_is_forgotten_does_not_come_back() -> None:
    with Helpers(1) as helpers:
        helpers.give("old", square, 2)
        helpers.forget()
        helpers.give("new", square, 3)
        wait_for(helpers, "new")
        assert not helpers.is_given("old")
        assert helpers.take("new") == 9


def test_one_that_is_killed_has_no_successor() -> None:
    with Helpers(2) as helpers:
        helpers.give("lost", patient, 1)
        victim = next(worker for worker, given in helpers._given.items() if given)
        os.kill(victim.process.pid, signal.SIGKILL)
        wait_for(helpers, "lost")
        assert not helpers.is_given("lost")
        assert len(helpers) == 1
        helpers.give("other", square, 4)
        wait_for(helpers, "other")
        assert helpers.take("other") == 16


def test_they_end_with_what_they_have() -> None:
    with Helpers(1) as helpers:
        helpers.give("long", patient, 7)
        time.sleep(1.0)  # a signal before it has begun ends the process, which is as good
        helpers.stop()
        wait_for(helpers, "long")
        assert not helpers.is_given("long") or helpers.take("long") == "7 stopped"


@pytest.mark.parametrize("kind", [Helpers, LocalProcesses])
def test_a_process_of_another_has_none(kind: Any) -> None:
    with Helpers(1):
        if kind is Helpers:
            with Helpers(1) as helpers:
                helpers.give("asked", at_hand, 2)
                wait_for(helpers, "asked")
                assert helpers.take("asked") == (False, 0)
        else:
            with LocalProcesses(1) as executor:
                assert list(executor.run(at_hand, [2], Interrupt())) == [(0, (False, 0))]


def test_those_at_hand_are_taken() -> None:
    with helpers_for(1), InProcess():
        assert Helpers.at_hand() is None
    with helpers_for(2) as outer, helpers_for(3):
        assert Helpers.at_hand() is outer
