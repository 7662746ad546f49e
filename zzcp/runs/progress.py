"""Which tasks are running, and an estimate of the time that is left for all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any


class Estimate:
    """Counts tasks and their seconds (a `zzcp.runs.executor.Watcher`).

    Parameters
    ----------
    total : int
        Tasks.
    jobs : int
        Tasks that run side by side.
    clock : callable
        The time in seconds.
    """

    def __init__(self, total: int, jobs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.jobs, self.clock = total, jobs, clock
        self.running: dict[int, float] = {}
        """When each of the running tasks has begun."""
        self.done = 0
        self.spent = 0.0

    def started(self, number: int) -> None:
        """A task begins."""
        self.running[number] = self.clock()

    def progress(self, number: int, message: Any) -> None:
        """A task reports."""

    def ended(self, number: int) -> None:
        """A task has ended."""
        begun = self.running.pop(number, None)
        if begun is not None:
            self.done += 1
            self.spent += self.clock() - begun

    @property
    def left(self) -> float | None:
        """Seconds left, if the other tasks take as long as those that are done; None until one is."""
        if self.done >= self.total:
            return 0.0
        if not self.done:
            return None
        each, now = self.spent / self.done, self.clock()
        begun = sum(max(each - (now - since), 0.0) for since in self.running.values())
        waiting = self.total - self.done - len(self.running)
        return (begun + max(waiting, 0) * each) / min(self.jobs, max(len(self.running) + waiting, 1))

    def names(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the running tasks, those first that run for longest."""
        return tuple(names[number] for number in sorted(self.running, key=self.running.__getitem__))


class Changes:
    """Calls a function when a task begins or ends (a `zzcp.runs.executor.Watcher`).

    Parameters
    ----------
    call : callable
        The function.
    """

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call

    def started(self, number: int) -> None:  # noqa: ARG002 - the watcher's form
        """A task begins."""
        self.call()

    def progress(self, number: int, message: Any) -> None:
        """A task reports."""

    def ended(self, number: int) -> None:  # noqa: ARG002
        """A task has ended."""
        self.call()


class Watchers:
    """Passes on to several watchers what one is told."""

    def __init__(self, *watchers: Any) -> None:
        self.watchers = watchers

    def started(self, number: int) -> None:
        """A task begins."""
        for watcher in self.watchers:
            watcher.started(number)

    def progress(self, number: int, message: Any) -> None:
        """A task reports."""
        for watcher in self.watchers:
            watcher.progress(number, message)

    def ended(self, number: int) -> None:
        """A task has ended."""
        for watcher in self.watchers:
            watcher.ended(number)
