"""Tasks side by side in processes of their own, which report progress and can be stopped without losing results."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Protocol, TypeVar

from zzcp.interrupt import Interrupt

T = TypeVar("T")
R = TypeVar("R")
Tell = Callable[[Any], None]

_POLL = 0.1
"""Seconds between two looks at whether the user wants the end."""


class Watcher(Protocol):
    """Is told what becomes of the tasks, by their numbers."""

    def started(self, number: int) -> None:
        """A task begins."""

    def progress(self, number: int, message: Any) -> None:
        """A task reports."""

    def ended(self, number: int) -> None:
        """A task has ended."""


@dataclass(eq=False)
class _Worker:
    process: Any
    connection: Connection
    number: int | None = None
    told: bool = False


class Pool(Generic[T, R]):
    """Runs tasks, some at a time.

    Processes are started at once, before anything else of the program has threads.

    Parameters
    ----------
    work : callable
        Takes a task and a function for progress messages and returns a result; a function of a module.
    jobs : int
        Processes; with 1 the tasks run in this process.
    """

    def __init__(self, work: Callable[[T, Tell], R], jobs: int) -> None:
        self.work = work
        self.workers: list[_Worker] = []
        if jobs < 2:
            return
        forks = "fork" in multiprocessing.get_all_start_methods()
        context: Any = multiprocessing.get_context("fork" if forks else None)
        for _ in range(jobs):
            ours, theirs = context.Pipe()
            inherited = [worker.connection for worker in self.workers] + [ours] if forks else []
            process = context.Process(target=_serve, args=(theirs, work, inherited), daemon=True)
            process.start()
            theirs.close()
            self.workers.append(_Worker(process, ours))

    def run(self, tasks: Sequence[T], interrupt: Interrupt, watcher: Watcher) -> dict[int, R]:
        """Return the results by the numbers of their tasks; some are missing after an interrupt.

        Parameters
        ----------
        tasks : sequence
            What is to be done.
        interrupt : Interrupt
            When the end is asked for, nothing is begun any more, and what runs is asked to end with what it has.
        watcher : Watcher
            Is told what happens.

        Raises
        ------
        Exception
            Whatever a task raised.
        """
        if not self.workers:
            return self._run_here(tasks, interrupt, watcher)
        results: dict[int, R] = {}
        waiting = deque(range(len(tasks)))
        while True:
            if interrupt.requested:
                waiting.clear()
            for worker in self.workers:
                if worker.number is None and waiting and worker.process.is_alive():
                    worker.number = waiting.popleft()
                    watcher.started(worker.number)
                    worker.connection.send((worker.number, tasks[worker.number]))
            busy = {worker.connection: worker for worker in self.workers if worker.number is not None}
            if not busy:
                return results
            if interrupt.requested:
                for worker in busy.values():
                    _ask_to_end(worker)
            for connection in wait(list(busy), _POLL):
                self._receive(busy[connection], results, watcher)  # type: ignore[index]

    def _receive(self, worker: _Worker, results: dict[int, R], watcher: Watcher) -> None:
        number = worker.number
        assert number is not None
        try:
            kind, payload = worker.connection.recv()
        except (EOFError, OSError):  # killed: by us before its search began, or by somebody else
            kind, payload = "lost", None
        if kind == "progress":
            watcher.progress(number, payload)
            return
        worker.number = None
        watcher.ended(number)
        if kind == "failed":
            raise payload
        if kind == "done":
            results[number] = payload

    def _run_here(self, tasks: Sequence[T], interrupt: Interrupt, watcher: Watcher) -> dict[int, R]:
        results: dict[int, R] = {}
        for number, task in enumerate(tasks):
            if interrupt.requested:
                break
            watcher.started(number)

            def tell(message: Any, number: int = number) -> None:
                watcher.progress(number, message)

            results[number] = self.work(task, tell)
            watcher.ended(number)
        return results

    def __enter__(self) -> Pool[T, R]:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.connection.close()
            if worker.number is None:
                worker.process.join(1)
            worker.process.kill()


def _ask_to_end(worker: _Worker) -> None:
    if not worker.told:
        worker.told = True
        os.kill(worker.process.pid, signal.SIGTERM)


def _serve(connection: Connection, work: Callable[[Any, Tell], Any], inherited: Sequence[Connection]) -> None:
    """Work off tasks until the other side closes the connection."""
    # Ctrl-C reaches every process of the terminal; it is the parent that passes the wish on
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Interrupt.forget()
    for other in inherited:
        other.close()
    while True:
        try:
            _, task = connection.recv()
        except (EOFError, OSError):
            return
        try:
            with Interrupt():  # from the very beginning of a task it ends with what it has
                result = work(task, lambda message: connection.send(("progress", message)))
        except Exception as error:  # noqa: BLE001 - raised again on the other side
            connection.send(("failed", error))
        else:
            connection.send(("done", result))
