"""Who does the steps of a joint search: this process one after the other, or helpers ahead of it.

The search is the same in both cases. It asks for one step after the other; helpers are given those that come next if
the best mapping stays as it is, which it mostly does. A step that was done against another mapping is of no use and is
done again, so that not a bit of a result depends on how many helpers there are, or on which of them is faster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from zzcp.runs.executor import Tell
from zzcp.runs.helpers import Helpers
from zzcp.solver.clock import Clock
from zzcp.solver.memory_limit import limit, limited
from zzcp.solver.unrolling.steps import Steps

_POLL = 0.1
"""Seconds between two looks at the clock."""
_PATIENCE = 60.0
"""Seconds after which a step that a helper has is done here, too."""
_GRACE = 5.0
"""Seconds for a helper to end with what it has, when the search is to end."""


class Step(NamedTuple):
    """A step of the search.

    Attributes
    ----------
    name : str
        The method of `Steps`.
    key : tuple
        What distinguishes it from others of this name.
    arguments : tuple
        Of the method.
    large : bool
        Whether the arguments are large.
    """

    name: str
    key: tuple[Hashable, ...]
    arguments: tuple[Any, ...]
    large: bool = False

    def of(self, steps: Steps) -> Any:
        """Do it here."""
        return getattr(steps, self.name)(*self.arguments)


class Doer(Protocol):
    """Does steps."""

    @property
    def helpers(self) -> int:
        """How many steps are done ahead at the same time."""

    def expect(self, coming: Iterable[Step]) -> None:
        """Take notice of the steps that are likely to come next, in this order."""

    def known(self, step: Step) -> tuple[bool, Any]:
        """Return whether a step is done ahead, and what came of it."""

    def do(self, step: Step) -> Any:
        """Return what comes of a step."""


@dataclass(frozen=True, slots=True, eq=False)
class Alone:
    """Does every step when it is asked for, in this process."""

    steps: Steps
    helpers = 0

    def expect(self, coming: Iterable[Step]) -> None:
        """Do nothing."""

    def known(self, step: Step) -> tuple[bool, Any]:  # noqa: ARG002 - the form of `Doer`
        """Nothing is done ahead."""
        return False, None

    def do(self, step: Step) -> Any:
        """Return what comes of a step."""
        return step.of(self.steps)


class StepTask(NamedTuple):
    """What a helper is given: a step, and the seconds that are left."""

    name: str
    arguments: tuple[Any, ...]
    seconds: float


class Done(NamedTuple):
    """What a helper returns: what came of a step, and whether it was done to its end."""

    whole: bool
    result: Any


@dataclass(slots=True, eq=False)
class InHelper:
    """Does steps in a helper, to which it is sent once.

    Parameters
    ----------
    make : callable
        Returns the steps of the search: a function of a module, so that it can be sent.
    memory_limit : int, optional
        Bytes that a helper may have.
    """

    make: Callable[[], Steps]
    memory_limit: int | None = None
    _steps: Steps | None = None

    def __call__(self, task: StepTask, _tell: Tell) -> Done:
        """Do a step."""
        clock = Clock(task.seconds)
        ended, result = True, None
        with limited(self.memory_limit), clock.interrupt:
            with clock.watched():
                if self._steps is None:
                    self._steps = self.make()
                result = getattr(self._steps, task.name)(*task.arguments)
                ended = False
            return Done(not ended and clock.goes_on, result)


@dataclass(frozen=True, slots=True, eq=False)
class WithHelpers:
    """Lets helpers do the steps that are expected, and does the others in this process.

    Parameters
    ----------
    steps : Steps
        The steps.
    processes : Helpers
        Processes, which forget what they were given before.
    work : InHelper
        Does steps in a helper.
    clock : Clock
        The search's.
    """

    steps: Steps
    processes: Helpers
    work: InHelper
    clock: Clock

    def __post_init__(self) -> None:
        self.processes.forget()
        own = limit()
        if own is not None:
            # all of them together have what so many processes of the search alone would have
            self.work.memory_limit = own * (self.helpers - 1) // self.helpers

    @property
    def helpers(self) -> int:
        """How many helpers there are."""
        return len(self.processes)

    def expect(self, coming: Iterable[Step]) -> None:
        """Give the steps that are likely to come next to helpers, as long as these have room."""
        if not self.processes.room():
            return
        for step in coming:
            key = step.name, *step.key
            if self.processes.is_given(key):
                continue
            task = StepTask(step.name, step.arguments, max(self.clock.left, 0.0))
            if not self.processes.give(key, self.work, task, large=step.large):
                return

    def known(self, step: Step) -> tuple[bool, Any]:
        """Return whether a step is done ahead, and what came of it."""
        key = step.name, *step.key
        if not self.processes.is_done(key):
            return False, None
        done = self.processes.take(key, keep=True)
        return done.whole, done.result

    def do(self, step: Step) -> Any:
        """Return what comes of a step: what a helper has found or is about to find, else what is found here."""
        key = step.name, *step.key
        self._wait(key)
        if self.processes.is_done(key):
            done = self.processes.take(key)
            if done.whole or (done.result is not None and not self.clock.goes_on):
                return done.result
        return step.of(self.steps)

    def _wait(self, key: Hashable) -> None:
        """Wait for the helper that has a step, if there is one."""
        end, told = time.monotonic() + _PATIENCE, False
        while self.processes.is_given(key) and not self.processes.is_done(key) and time.monotonic() < end:
            self.processes.collect(_POLL)
            if not told and not self.clock.goes_on:
                self.processes.stop()
                end, told = time.monotonic() + _GRACE, True
