"""The searches of a sweep, one after the other or in processes side by side; Ctrl-C ends them with what they have."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any

from zzcp.cost import CostConventions
from zzcp.errors import InputError
from zzcp.interrupt import Interrupt
from zzcp.solver import Result, optimize
from zzcp.sweeps.plan import Planned, Task

Solved = Iterator[tuple[Planned, Result]]
"""Points with what was found, as they come."""


def solve_points(
    points: Sequence[Planned], options: Mapping[str, Any], conventions: CostConventions, jobs: int
) -> Solved:
    """Yield the points with what was found, as they come.

    Parameters
    ----------
    points : sequence of Planned
        What is to be solved.
    options : mapping
        Time limit, gap and seed of every search.
    conventions : CostConventions
        How costs are counted.
    jobs : int
        Points solved side by side.

    Raises
    ------
    InputError
        If a process is ended from outside.
    KeyboardInterrupt
        After Ctrl-C, once the searches under way have ended and what they found has been yielded.
    """
    jobs = min(jobs, len(points))
    if jobs > 1:
        return _in_processes(points, options, conventions, jobs)
    return _one_by_one(points, options, conventions)


def _one_by_one(
    points: Sequence[Planned], options: Mapping[str, Any], conventions: CostConventions
) -> Solved:
    for point in points:
        result = solve_task(point.task, options, conventions)
        yield point, result
        if result.interrupted:
            return


def _in_processes(
    points: Sequence[Planned], options: Mapping[str, Any], conventions: CostConventions, jobs: int
) -> Solved:
    with ProcessPoolExecutor(jobs, initializer=_start_worker, initargs=(os.getpid(),)) as pool:
        waiting: dict[Future[Result], Planned] = {}
        left = iter(points)
        try:
            while True:
                # only as many as are being solved are handed out, so that a stop has little to wait for
                for point in left:
                    waiting[pool.submit(solve_task, point.task, options, conventions)] = point
                    if len(waiting) >= jobs:
                        break
                if not waiting:
                    return
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    point = waiting.pop(future)
                    result = future.result()
                    yield point, result
                    if result.interrupted:
                        raise KeyboardInterrupt
        except BrokenProcessPool:
            raise InputError(
                "a process that was solving a point was ended from outside",
                hint="what had been solved is kept; fewer jobs need less memory",
            ) from None
        except KeyboardInterrupt:
            _stop_workers()
            for future, point in waiting.items():
                yield point, future.result()
            raise
        finally:
            _stop_workers()


def solve_task(task: Task, options: Mapping[str, Any], conventions: CostConventions) -> Result:
    """Solve one point (a function of the module, so that other processes can run it)."""
    return optimize(
        task.accelerator,
        task.layer,
        task.objective,  # type: ignore[arg-type]  # checked before
        spatial=task.spatial,
        links=task.links,
        conventions=conventions,
        **options,
    )


def _stop_workers() -> None:
    """End the searches of the processes of this one; those that Ctrl-C has reached already take no notice."""
    for child in multiprocessing.active_children():
        if child.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGINT)


def _start_worker(parent: int) -> None:
    """Leave Ctrl-C to the search, and end with the parent, even if that is killed."""
    signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which a search would respect
    Interrupt.forget()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
