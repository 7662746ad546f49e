"""Processes of this machine that do ahead what a search is likely to ask for.

A search that is one long chain of steps asks for one after the other. Where a step is a function of what it is given,
it is the same whoever does it: helpers do those that come next, and the search finds them done. What is given to
helpers changes nothing but when a search is through.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import wait
from typing import Any, ClassVar

from zzcp.runs.workers import Worker, ask_to_end, end_workers, new_worker

_DEEP = 2
"""Tasks that a helper has at the same time: it goes on while nobody looks."""


class Helpers:
    """Processes that do tasks whose results somebody may ask for (a context manager that ends them).

    Processes are started at once, before anything else of the program has threads; in a process that is itself a
    helper there are none. One that is ended from outside has no successor: what it has not done is done by whoever
    asks for it.

    Parameters
    ----------
    count : int
        Processes.
    """

    _active: ClassVar[threading.local] = threading.local()

    def __init__(self, count: int) -> None:
        self._workers: list[Worker] = []
        self._given: dict[Worker, deque[Hashable | None]] = {}
        self._done: dict[Hashable, Any] = {}
        self._outer: Helpers | None = None
        if not multiprocessing.current_process().daemon:
            for _ in range(count):
                self._workers.append(new_worker(self._workers))
                self._given[self._workers[-1]] = deque()

    @classmethod
    def at_hand(cls) -> Helpers | None:
        """Return the helpers that are active in this thread."""
        active = getattr(cls._active, "helpers", None)
        return None if multiprocessing.current_process().daemon else active

    def __len__(self) -> int:
        return len(self._workers)

    def forget(self) -> None:
        """Forget all that has been given to them and all that is done."""
        self._done.clear()
        for worker, given in self._given.items():
            self._given[worker] = deque([None] * len(given))

    def room(self) -> bool:
        """Return whether one of them can be given something."""
        self.collect(0.0)
        return any(len(given) < _DEEP for given in self._given.values())

    def give(self, key: Hashable, work: Callable[..., Any], task: Any, *, large: bool = False) -> bool:
        """Give a task to the helper that has the least to do; return whether there was room.

        Parameters
        ----------
        key : hashable
            What the result is asked for by.
        work : callable
            Takes the task and a function for messages, which are not heard; it is sent once.
        task : object
            The task.
        large : bool
            Whether the task is more than a pipe holds: only who has nothing to do takes it.
        """
        for worker in sorted(self._workers, key=lambda worker: len(self._given[worker])):
            if len(self._given[worker]) >= (1 if large else _DEEP):
                return False
            try:
                worker.connection.send((0, None if worker.work is work else work, task))
            except OSError:
                self._lose(worker)
                continue
            worker.work = work
            self._given[worker].append(key)
            return True
        return False

    def is_given(self, key: Hashable) -> bool:
        """Return whether a helper has a task, or has done it."""
        return key in self._done or any(key in given for given in self._given.values())

    def is_done(self, key: Hashable) -> bool:
        """Return whether a task is done."""
        return key in self._done

    def take(self, key: Hashable, *, keep: bool = False) -> Any:
        """Return what came of a task that is done, and forget it unless it is to be kept."""
        return self._done[key] if keep else self._done.pop(key)

    def collect(self, seconds: float) -> None:
        """Wait so long at most until a helper has done something, and take what is done."""
        busy = {worker.connection: worker for worker in self._workers if self._given[worker]}
        for connection in wait(list(busy), seconds) if busy else ():
            worker = busy[connection]  # type: ignore[index]
            try:
                kind, payload = worker.connection.recv()
            except (EOFError, OSError):
                self._lose(worker)
                continue
            if kind == "progress":
                continue
            key = self._given[worker].popleft()
            if kind == "done" and key is not None:
                self._done[key] = payload

    def stop(self) -> None:
        """Ask all of them to end what they do with what they have."""
        for worker in self._workers:
            if self._given[worker]:
                ask_to_end(worker)

    def _lose(self, worker: Worker) -> None:
        self._workers.remove(worker)
        del self._given[worker]
        end_workers([worker])

    def __enter__(self) -> Helpers:
        self._outer = Helpers.at_hand()
        self._active.helpers = self
        return self

    def __exit__(self, *_: object) -> None:
        self._active.helpers = self._outer
        for worker in self._workers:
            worker.number = 0 if self._given[worker] else None
        end_workers(self._workers)
        self._workers.clear()
        self._given.clear()


def helpers_for(jobs: int) -> AbstractContextManager[object]:
    """Return the helpers of a search in so many processes, to be started: none for one, or where some are at hand."""
    return Helpers(jobs) if jobs > 1 and Helpers.at_hand() is None else nullcontext()
