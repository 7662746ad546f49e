"""One clock for all that a search does: its time, its work, and whether the user wants the end.

Everything that may take long calls `look` in every step. While a clock is `watched` that ends the block as soon as
nothing is left of its time or its work: what has been found by then is with whoever watches.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from zzcp.interrupt import Interrupt
from zzcp.solver.memory_limit import exceeded

STEPS = 3e8
"""Steps of a unit of work: about a second."""


class Ended(Exception):  # noqa: N818 - it is no error
    """Raised by `look` when a clock that is watched has run out."""


class _Watched(threading.local):
    """The clocks that are watched in a thread, one inside of the other."""

    def __init__(self) -> None:
        self.clocks: list[Clock] = []


_WATCHED = _Watched()


@dataclass(slots=True, eq=False)
class Clock:
    """What a search may take, and what is left of it.

    Parameters
    ----------
    seconds : float
        Of time.
    interrupt : Interrupt
        The user's wish to stop.
    work : float
        In units of CP-SAT's own measure or of `STEPS`, which are the same on every machine.
    started : float
        When it started, on the monotonic clock.
    spent : float
        Work that is done.
    """

    seconds: float
    interrupt: Interrupt = field(default_factory=Interrupt)
    work: float = math.inf
    started: float = field(default_factory=time.monotonic)
    spent: float = 0.0

    @property
    def passed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.seconds - self.passed

    @property
    def work_left(self) -> float:
        """Work left."""
        return self.work - self.spent

    @property
    def goes_on(self) -> bool:
        """Whether there is time, work and memory left, and the user has not stopped it."""
        return self.left > 0 and self.work_left > 0 and not self.interrupt.requested and not exceeded()

    def within(self, seconds: float) -> Clock:
        """Return a clock that starts now and ends after some seconds, or with this one."""
        return Clock(min(seconds, self.left), self.interrupt, self.work_left)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Leave the block where `look` finds that this clock, or one around it, has ended."""
        _WATCHED.clocks.append(self)
        try:
            yield
        except Ended:
            pass
        finally:
            _WATCHED.clocks.remove(self)


def spend(work: float) -> None:
    """Count work that is done, in the units of a clock, on all clocks that are watched in this thread."""
    for clock in _WATCHED.clocks:
        clock.spent += work


def look(steps: float = 0.0) -> None:
    """Go on only while all clocks do that are watched in this thread.

    Parameters
    ----------
    steps : float
        Entries of tables, pairs of labels, loops of mappings that are looked at next: they count as work.

    Raises
    ------
    Ended
        If one of them does not.
    """
    spend(steps / STEPS)
    if not all(clock.goes_on for clock in _WATCHED.clocks):
        raise Ended
