"""Tasks side by side in processes of this machine, which end with this one."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any, TypeVar

from zzcp.errors import InputError
from zzcp.interrupt import Interrupt
from zzcp.runs.executor import Executor, InProcess

T = TypeVar("T")
R = TypeVar("R")

_POLL = 0.1
"""Seconds between two looks at whether the user wants the end."""


class LocalProcesses:
    """Runs tasks in processes of this machine.

    Parameters
    ----------
    jobs : int
        Processes.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._pool = ProcessPoolExecutor(jobs, initializer=_start, initargs=(os.getpid(),))

    def run(
        self, work: Callable[[T], R], tasks: Sequence[T], interrupt: Interrupt
    ) -> Iterator[tuple[int, R]]:
        """Yield the numbers of tasks with what the function returned, as it comes; see `Executor`.

        Raises
        ------
        InputError
            If a process is ended from outside.
        """
        waiting: dict[Future[R], int] = {}
        left = iter(enumerate(tasks))
        told = False
        try:
            while True:
                # only as many as are being worked on are handed out, so that a stop has little to wait for
                while not interrupt.requested and len(waiting) < self.jobs:
                    following = next(left, None)
                    if following is None:
                        break
                    waiting[self._pool.submit(work, following[1])] = following[0]
                if not waiting:
                    return
                done, _ = wait(waiting, timeout=_POLL, return_when=FIRST_COMPLETED)
                if interrupt.requested and not told:
                    told = True
                    self._ask_to_end()
                for future in done:
                    yield waiting.pop(future), future.result()
        except BrokenProcessPool:
            raise InputError(
                "a process that was searching was ended from outside",
                hint="fewer jobs need less memory",
            ) from None

    def _processes(self) -> list[Any]:
        return list((getattr(self._pool, "_processes", None) or {}).values())

    def _ask_to_end(self) -> None:
        for process in self._processes():
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)

    def __enter__(self) -> LocalProcesses:
        return self

    def __exit__(self, *_: object) -> None:
        self._ask_to_end()
        self._pool.shutdown(cancel_futures=True)


def executor_for(jobs: int) -> Executor:
    """Return what runs so many tasks side by side."""
    return LocalProcesses(jobs) if jobs > 1 else InProcess()


def _start(parent: int) -> None:
    """Leave Ctrl-C to the search, and end with the parent, even if that is killed."""
    signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which a search would respect
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Interrupt.forget()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
