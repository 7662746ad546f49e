"""Searches for several layers side by side, shown while they run; and the exit code that they give."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from zzcp.cli.live import Monitor
from zzcp.cli.output import Output
from zzcp.cli.program import INTERRUPTED, NO_MAPPING, NOTHING_FOUND
from zzcp.interrupt import Interrupt
from zzcp.mapping.freedom import Freedom
from zzcp.report.style import plural
from zzcp.runs import Executor, LostError, executor_for
from zzcp.runs.executor import Watcher, Work
from zzcp.runs.helpers import helpers_for
from zzcp.runs.progress import Watchers
from zzcp.solver import Progress, Result
from zzcp.solver.job import Job
from zzcp.solver.memory_limit import peak
from zzcp.workload import Layer

T = TypeVar("T")
R = TypeVar("R")


class Recorder:
    """Keeps what searches report (a `zzcp.runs.Watcher`).

    Parameters
    ----------
    samples : dict
        Where the reports of every search are kept, by its number.
    """

    def __init__(self, samples: dict[int, list[Progress]]) -> None:
        self.samples = samples

    def started(self, number: int) -> None:
        """A task begins, perhaps once more."""
        self.samples.pop(number, None)

    def progress(self, number: int, message: Progress) -> None:
        """A task reports."""
        self.samples.setdefault(number, []).append(message)

    def ended(self, number: int) -> None:
        """A task has ended."""


def search_all(
    work: Work[T, R],
    tasks: Sequence[T],
    names: Sequence[str],
    *,
    jobs: int,
    quiet: bool,
    interrupt: Interrupt,
    verb: str = "solving",
    samples: dict[int, list[Progress]] | None = None,
    scheduler: str | None = None,
    spreads: bool = False,
) -> dict[int, R]:
    """Run tasks and return the results by number; after an interrupt only those that have been begun have one.

    Parameters
    ----------
    work, tasks
        See `zzcp.runs.Executor`.
    jobs : int
        Tasks that run side by side.
    names, quiet, verb
        See `zzcp.cli.live.Monitor`.
    interrupt : Interrupt
        Says when the user wants the end.
    samples : dict, optional
        Takes all that the tasks report, by number.
    scheduler : str, optional
        Of a cluster that runs them instead of this machine.
    spreads : bool
        Whether a task that is the only one can use several processes.
    """
    # the processes come first: they must not inherit the threads of the display
    executor: Executor = executor_for(min(jobs, len(tasks)), scheduler)
    alone = spreads and len(tasks) == 1 and scheduler is None
    with (
        helpers_for(jobs if alone else 1),
        executor,
        Monitor(names, quiet=quiet, verb=verb, jobs=executor.jobs) as monitor,
    ):
        watcher: Watcher = monitor if samples is None else Watchers(Recorder(samples), monitor)
        found: dict[int, R] = {}
        with suppress(LostError):  # the exit code tells of what is missing
            found.update(executor.run(work, tasks, interrupt, watcher))  # pair by pair
        return found


def search_shapes(
    work: Work[Job, R],
    searches: Sequence[Job],
    *,
    jobs: int,
    quiet: bool,
    interrupt: Interrupt,
    verb: str = "solving",
    log: dict[object, list[Progress]] | None = None,
    scheduler: str | None = None,
) -> dict[object, R]:
    """Run every different one of some searches once, and return the results by their shapes, as `search_all` does.

    Parameters
    ----------
    work, searches
        What is done with every search.
    jobs, quiet, interrupt, verb, scheduler
        See `search_all`.
    log : dict, optional
        Takes all that the searches report, by their shapes.
    """
    different: dict[object, Job] = {}
    for search in searches:
        different.setdefault(search.shape, search)
    if not different:
        return {}
    shapes, chosen = list(different), list(different.values())
    samples: dict[int, list[Progress]] = {}
    found = search_all(
        work,
        chosen,
        [search.layer.name for search in chosen],
        jobs=jobs,
        quiet=quiet,
        interrupt=interrupt,
        verb=verb,
        samples=None if log is None else samples,
        scheduler=scheduler,
        spreads=isinstance(chosen[0].spatial, Freedom),
    )
    if log is not None:
        log.update((shapes[number], reports) for number, reports in samples.items())
    return {shapes[number]: result for number, result in found.items()}


def share_of(memory: int | None, jobs: int) -> int | None:
    """Return what each of some searches side by side may have of the memory for all."""
    return None if memory is None else max(1, memory // jobs)


def with_peak(data: dict[str, Any], memory_limit: int | None) -> dict[str, Any]:
    """Return a result with the memory that was taken at most by a process, where it was limited: it varies."""
    return data if memory_limit is None else {**data, "peak_memory": peak()}


def note_cached(output: Output, results: Sequence[Result]) -> None:
    """Say of how many layers the results were kept from an earlier run."""
    known = sum(result.cached for result in results)
    if known:
        output.note(f"{known} of {plural(len(results), 'layer')} from the cache, scored again")


def note_faults(output: Output, results: Iterable[tuple[Layer, Result]]) -> None:
    """Say what was claimed of layers against the evaluator, each once."""
    told = ((layer.name, fault) for layer, result in results for fault in result.faults)
    for name, fault in dict.fromkeys(told):
        output.note(f"layer {name}: {fault}; it was not believed")


def exit_code(
    statuses: Collection[str], wanted: int, output: Output, *, stopped: bool, done: str = "solved"
) -> int:
    """Return the exit code of searches, after a note where some are missing.

    Parameters
    ----------
    statuses : collection of str
        The status of every layer that has a result.
    wanted : int
        Layers that should have one.
    output : Output
        Takes the note.
    stopped : bool
        Whether the user asked for the end of a search.
    done : str
        What was done to the layers.
    """
    if stopped:
        output.note("stopped; what had been found by then is shown")
        return INTERRUPTED
    if len(statuses) < wanted:
        output.note(f"a process that {done} a layer was ended from outside; its layers are missing")
        return NOTHING_FOUND
    return NO_MAPPING if "infeasible" in statuses else NOTHING_FOUND if "unknown" in statuses else 0
