"""One clock: time, work and the user's wish, and blocks that are left when it runs out."""

from __future__ import annotations

import math
import threading

import pytest

from zzcp.solver.clock import STEPS, Clock, Ended, look


def test_a_block_is_left_where_somebody_looks() -> None:
    reached = []
    clock = Clock(0.0)
    with clock.watched():
        reached.append("before")
        look()
        reached.append("after")
    look()
    assert reached == ["before"]


def test_a_block_goes_on_while_something_is_left() -> None:
    reached = []
    with Clock(60.0).watched(), Clock(math.inf).watched():
        look()
        reached.append("after")
    assert reached == ["after"]


def test_the_user_ends_it() -> None:
    clock = Clock(60.0)
    assert clock.goes_on
    clock.interrupt._requested = True
    assert not clock.goes_on


def test_work_ends_it() -> None:
    clock = Clock(60.0, work=2.0)
    clock.spent += 1.5
    assert clock.goes_on
    assert clock.work_left == 0.5
    clock.spent += 0.5
    assert not clock.goes_on


def test_an_outer_clock_ends_the_inner_block_and_then_its_own() -> None:
    outer = Clock(60.0)
    reached = []
    with outer.watched():
        with Clock(60.0).watched():
            outer.interrupt._requested = True
            look()
            reached.append("never")
        reached.append("inner result")
        look()
        reached.append("never")
    assert reached == ["inner result"]


def test_clocks_of_other_threads_do_not_matter() -> None:
    seen: list[str] = []

    def other() -> None:
        look()
        seen.append("goes on")

    with Clock(0.0).watched():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        with pytest.raises(Ended):
            look()
    assert seen == ["goes on"]


def test_a_part_of_a_clock_ends_with_it() -> None:
    clock = Clock(1.0)
    assert clock.within(15).left <= 1
    assert clock.within(0.5).left <= 0.5


def test_steps_are_work() -> None:
    clock = Clock(60.0, work=1.0)
    reached = []
    with clock.watched():
        look(STEPS / 2)
        reached.append("half")
        look(STEPS / 2)
        reached.append("never")
    look(STEPS)
    assert reached == ["half"]
    assert clock.spent == 1.0
