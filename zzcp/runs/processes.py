"""Tasks side by side in processes of this machine, which report progress and end with this one."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TypeVar

from zzcp.interrupt import Interrupt
from zzcp.runs.executor import LostError, Unwatched, Watcher, Work
from zzcp.runs.workers import Worker, ask_to_end, end_workers, new_worker

T = TypeVar("T")
R = TypeVar("R")

HEAD_START = 2.0
"""Seconds of the processor that the first process has for itself: what is done by then needs no other, which would have
to import and compile everything once more."""
TRIES = 3
"""How often a task is begun whose process is ended from outside."""
_POLL = 0.1
"""Seconds between two looks at whether the user wants the end."""


class LocalProcesses:
    """Runs tasks in processes of this machine.

    Processes are started at once, before anything else of the program has threads.

    Parameters
    ----------
    jobs : int
        Processes.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._started = time.monotonic()
        self._alone = True
        self._workers: list[Worker] = []
        for _ in range(jobs):
            self._workers.append(new_worker(self._workers))

    def run(
        self, work: Work[T, R], tasks: Sequence[T], interrupt: Interrupt, watcher: Watcher | None = None
    ) -> Iterator[tuple[int, R]]:
        """Yield the numbers of tasks with what the function returned, as it comes; see `Executor`."""
        watcher = watcher or Unwatched()
        waiting = deque(range(len(tasks)))
        lost: Counter[int] = Counter()
        while True:
            if interrupt.requested:
                waiting.clear()
            self._hand_out(work, tasks, waiting, watcher)
            busy = {worker.connection: worker for worker in self._workers if worker.number is not None}
            if not busy:
                break
            if interrupt.requested:
                for worker in busy.values():
                    ask_to_end(worker)
            for connection in wait(list(busy), _POLL):
                worker = busy[connection]  # type: ignore[index]
                number = worker.number
                assert number is not None
                kind, payload = self._receive(worker)
                if kind == "progress":
                    watcher.progress(number, payload)
                    continue
                worker.number = None
                watcher.ended(number)
                if kind == "failed":
                    raise payload
                if kind == "done":
                    yield number, payload
                    continue
                lost[number] += 1
                if lost[number] < TRIES and not interrupt.requested:
                    waiting.append(number)  # after all others: it may have needed the memory of several
        given_up = sum(times >= TRIES for times in lost.values())
        if given_up and not interrupt.requested:
            raise LostError(
                f"a process that was searching was ended from outside, {TRIES} times",
                hint="everything else was done; fewer jobs need less memory",
            )

    def _hand_out(self, work: Work[T, R], tasks: Sequence[T], waiting: deque[int], watcher: Watcher) -> None:
        """Give tasks to processes that have none; in the beginning to the first process only."""
        first = self._workers[0]
        self._alone = self._alone and _seconds(first.process.pid, self._started) < HEAD_START
        for worker in self._workers[: 1 if self._alone else None]:
            if worker.number is not None or not waiting:
                continue
            number = waiting.popleft()
            try:
                worker.connection.send((number, None if worker.work is work else work, tasks[number]))
            except OSError:  # it was ended while it had nothing to do
                self._replace(worker)
                waiting.appendleft(number)
                continue
            worker.number, worker.told, worker.work = number, False, work
            watcher.started(number)

    def _receive(self, worker: Worker) -> tuple[str, Any]:
        """Return the next message of a process; one that has ended gets a successor."""
        try:
            kind, payload = worker.connection.recv()
        except (EOFError, OSError):  # killed: by us before its search began, or by somebody else
            self._replace(worker)
            return "lost", None
        return kind, payload

    def _replace(self, worker: Worker) -> None:
        place = self._workers.index(worker)
        worker.connection.close()
        worker.process.join(1)
        self._workers[place] = new_worker(self._workers)

    def __enter__(self) -> LocalProcesses:
        return self

    def __exit__(self, *_: object) -> None:
        end_workers(self._workers)


def _seconds(process: int, started: float) -> float:
    """Return the seconds of the processor that a process has taken; where they are not told, those since a time."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return time.monotonic() - started
