"""`sweep`: every point of a grid solved to proven optimality, in parallel, kept as it comes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from zzcp.cost import EXACT, CostConventions
from zzcp.cost.objective import OBJECTIVES
from zzcp.errors import InputError, Place, nearest
from zzcp.hardware import Accelerator
from zzcp.io import MappingFile
from zzcp.mapping import SpatialMapping
from zzcp.mapping.default import default_spatial
from zzcp.solver import Result, optimize
from zzcp.solver.interrupt import Interrupt
from zzcp.sweeps.axes import Axis, Given, Step, make_axis, parse_axis
from zzcp.sweeps.fields import Subject, catalogue
from zzcp.sweeps.refit import refit
from zzcp.sweeps.store import Store, point_key
from zzcp.sweeps.table import Outcome, SweepPoint, SweepTable
from zzcp.workload import Layer, Network

MAX_POINTS = 100_000
"""Most points of a sweep."""

Workloads = Layer | Network | Sequence[Layer | Network]
Vary = Mapping[str, Given] | Iterable[str]
Unrolling = SpatialMapping | Mapping[str, Mapping[str, int]] | MappingFile | None


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """How far a sweep has come.

    Parameters
    ----------
    done, total : int
        Points that are there, and points of the grid.
    reused : int
        Of those done, the ones that were in the database, or equal to another one.
    seconds : float
        Since the start.
    left : float or None
        Estimate of the seconds left; None until a point has been solved.
    """

    done: int
    total: int
    reused: int
    seconds: float
    left: float | None


class Task(NamedTuple):
    """One search."""

    accelerator: Accelerator
    layer: Layer
    spatial: SpatialMapping
    links: dict[str, str] | None
    objective: str


class Planned(NamedTuple):
    """One point of the grid before it is solved."""

    steps: tuple[Step, ...]
    values: dict[str, Any]
    workload: str
    task: Task
    key: str


def sweep(
    accelerator: Accelerator,
    workloads: Workloads,
    vary: Vary,
    *,
    objectives: Sequence[str] = ("edp",),
    spatial: Unrolling = None,
    links: Mapping[str, str] | None = None,
    time_limit: float = 60.0,
    gap: float = 1e-4,
    seed: int = 0,
    conventions: CostConventions = EXACT,
    jobs: int = 1,
    db: str | Path | None = None,
    on_progress: Callable[[SweepProgress], None] | None = None,
) -> SweepTable:
    """Solve a layer on every machine of a grid.

    Parameters
    ----------
    accelerator : Accelerator
        The machine whose fields are varied.
    workloads : Layer, Network or sequence of them
        What runs on it.
    vary : mapping or sequence of str
        Fields with their values: ``{"memories.sram.size": "4KiB:1MiB:x2"}`` or ``{...: [32768, 65536]}``, or texts
        such as ``memories.sram.size=4KiB,8KiB``. Fields that change together have commas between their names. The
        grid is the product of all.
    objectives : sequence of str
        What is minimised, one after the other.
    spatial : SpatialMapping, dict or MappingFile, optional
        The unrolling; else that of the machine, or a full one. Where the size of the array is varied, the factors
        along that dimension are fitted to it.
    links : mapping of str to str, optional
        Memory operand of every operand.
    time_limit, gap, seed, conventions
        For every point, as for `optimize`.
    jobs : int
        Points solved side by side.
    db : str or Path, optional
        SQLite file that keeps every result as it comes; what it holds already is not solved again.
    on_progress : callable, optional
        Called with a `SweepProgress` after every point.

    Returns
    -------
    SweepTable
        Also after Ctrl-C: what there is by then.

    Raises
    ------
    InputError
        If a field or value does not exist, or makes no machine or layer; said before anything is solved.
    """
    if jobs < 1:
        raise InputError("jobs out of range", expected="at least 1", found=str(jobs))
    for name in objectives:
        if name not in OBJECTIVES:
            raise InputError(
                "unknown objective",
                expected=", ".join(OBJECTIVES),
                found=str(name),
                hint=nearest(name, OBJECTIVES),
            )
    networks = _networks(workloads)
    axes = make_axes(accelerator, [layer for network in networks for layer in network], vary)
    plan = list(_plan(accelerator, networks, axes, objectives, spatial, links, conventions, seed))
    options = {"time_limit": time_limit, "gap": gap, "seed": seed}
    started = time.monotonic()
    run = _Run(plan, options, conventions, jobs, on_progress, started)
    with _store(db) as store:
        run.go(store)
    table = SweepTable(
        accelerator.name,
        conventions.name,
        axes,
        tuple(run.points()),
        len(plan),
        (),
        run.interrupted,
        time.monotonic() - started,
        options,
    )
    return table.checked(exact=replace(conventions, name="exact") == EXACT)


def make_axes(accelerator: Accelerator, layers: Sequence[Layer], vary: Vary) -> tuple[Axis, ...]:
    """Return the axes of a sweep.

    Raises
    ------
    InputError
        If a field does not exist, is on two axes, or a value is not one of its kind.
    """
    known = catalogue(accelerator, layers)
    if isinstance(vary, Mapping):
        axes = tuple(make_axis(names, values, known) for names, values in vary.items())
    else:
        axes = tuple(parse_axis(text, known) for text in vary)
    names = [field.name for axis in axes for field in axis.fields]
    for name in names:
        if names.count(name) > 1:
            raise InputError("field on two axes", place=Place(field=name))
    return axes


def _networks(workloads: Workloads) -> list[Network]:
    given = [workloads] if isinstance(workloads, Layer | Network) else list(workloads)
    networks = [
        item if isinstance(item, Network) else Network(item.name, (replace(item, sources={}),))
        for item in given
    ]
    if not any(len(network) for network in networks):
        raise InputError("nothing to solve", expected="at least one layer")
    return networks


def _plan(
    accelerator: Accelerator,
    networks: Sequence[Network],
    axes: Sequence[Axis],
    objectives: Sequence[str],
    spatial: Unrolling,
    links: Mapping[str, str] | None,
    conventions: CostConventions,
    seed: int,
) -> Iterator[Planned]:
    """Yield every point of the grid, after checking that each is a machine and a layer."""
    count = prod(len(axis.steps) for axis in axes) * len(objectives) * sum(map(len, networks))
    if count > MAX_POINTS:
        raise InputError("too many points", expected=f"at most {MAX_POINTS:,}", found=f"{count:,}")
    release = version("zzcp")
    for steps in product(*(axis.steps for axis in axes)):
        for network in networks:
            for layer in network:
                base = Subject(accelerator, layer)
                subject, values = _at(base, axes, steps)
                unrolled, own_links = _unrolling(base, subject, spatial)
                for objective in objectives:
                    task = Task(
                        subject.accelerator,
                        subject.layer,
                        unrolled,
                        dict(links) if links else own_links,
                        objective,
                    )
                    key = point_key(release, *task, conventions, seed)
                    yield Planned(steps, values, network.name, task, key)


def _at(subject: Subject, axes: Sequence[Axis], steps: Sequence[Step]) -> tuple[Subject, dict[str, Any]]:
    """Return the machine and the layer at a point."""
    values: dict[str, Any] = {}
    for axis, step in zip(axes, steps, strict=True):
        for field, value in zip(axis.fields, step, strict=True):
            values[field.name] = value
            try:
                subject = field.put(subject, value)
            except InputError as error:
                error.place = Place(field=f"{field.name} = {value}")
                raise
    return subject, values


def _unrolling(
    base: Subject, subject: Subject, spatial: Unrolling
) -> tuple[SpatialMapping, dict[str, str] | None]:
    """Return the unrolling at a point, and the links that a mapping file gives."""
    layer, links = subject.layer, None
    if isinstance(spatial, MappingFile):
        entry = spatial.for_layer(layer)
        given = entry.memory_operand_links or {}
        links = {operand: given[operand] for operand in layer.operands if operand in given} or None
        spatial = entry.spatial_mapping
    if spatial is None and not base.accelerator.dataflows:
        return default_spatial(subject.accelerator, layer), links
    if spatial is None:
        assert base.accelerator.dataflows is not None
        spatial = base.accelerator.dataflows
    chosen = spatial if isinstance(spatial, SpatialMapping) else SpatialMapping.from_dict(spatial)
    if base.accelerator.array.sizes == subject.accelerator.array.sizes:
        chosen = chosen.fitted(layer)
    else:
        chosen = refit(chosen, layer, base.accelerator.array, subject.accelerator.array)
    problems = chosen.violations(subject.accelerator, layer)
    if problems:
        raise InputError("; ".join(problems), place=Place(field=f"layer {layer.name}"))
    return chosen, links


@contextmanager
def _store(path: str | Path | None) -> Iterator[Store]:
    store = Store(":memory:" if path is None else path)
    try:
        yield store
    finally:
        store.close()


@dataclass(slots=True, eq=False)
class _Run:
    """The points of a sweep while they are solved."""

    plan: list[Planned]
    options: dict[str, Any]
    conventions: CostConventions
    jobs: int
    on_progress: Callable[[SweepProgress], None] | None
    started: float
    found: dict[str, Outcome]
    solved: set[str]
    interrupted: bool

    def __init__(
        self,
        plan: list[Planned],
        options: dict[str, Any],
        conventions: CostConventions,
        jobs: int,
        on_progress: Callable[[SweepProgress], None] | None,
        started: float,
    ) -> None:
        self.plan, self.options, self.conventions = plan, options, conventions
        self.jobs, self.on_progress, self.started = jobs, on_progress, started
        self.found, self.solved, self.interrupted = {}, set(), False

    def go(self, store: Store) -> None:
        """Solve what the store does not know, until all is done or the user stops it."""
        limits = self.options["time_limit"], self.options["gap"]
        missing: dict[str, Planned] = {}
        for point in self.plan:
            known = None if point.key in self.found else store.get(point.key, *limits)
            if known is not None:
                self.found[point.key] = known
            elif point.key not in self.found:
                missing.setdefault(point.key, point)
        self._tell(len(missing))
        searches = self._in_processes if self.jobs > 1 and len(missing) > 1 else self._one_by_one
        try:
            for point, result in searches(list(missing.values())):
                outcome = Outcome.of(result)
                self.interrupted = self.interrupted or result.interrupted
                if result.interrupted and outcome.status not in ("optimal", "infeasible"):
                    continue
                what = {
                    "values": point.values,
                    "accelerator": point.task.accelerator.name,
                    "workload": point.workload,
                    "layer": point.task.layer.name,
                    "objective": point.task.objective,
                }
                store.put(point.key, what, *limits, outcome)
                self.found[point.key] = outcome
                self.solved.add(point.key)
                self._tell(len(missing))
        except KeyboardInterrupt:
            self.interrupted = True

    def points(self) -> Iterator[SweepPoint]:
        """Yield what there is, in the order of the grid."""
        first: set[str] = set()
        for steps, values, workload, task, key in self.plan:
            if key in self.found:
                reused = key not in self.solved or key in first
                first.add(key)
                name = task.accelerator.name
                yield SweepPoint(
                    steps, values, name, workload, task.layer, task.objective, self.found[key], reused
                )

    def _tell(self, missing: int) -> None:
        if self.on_progress is None:
            return
        seconds = time.monotonic() - self.started
        solved = len(self.solved)
        done = sum(point.key in self.found for point in self.plan)
        left = (missing - solved) * seconds / solved if solved else None
        self.on_progress(SweepProgress(done, len(self.plan), done - solved, seconds, left))

    def _one_by_one(self, points: Sequence[Planned]) -> Iterator[tuple[Planned, Result]]:
        for point in points:
            result = solve_task(point.task, self.options, self.conventions)
            yield point, result
            if result.interrupted:
                return

    def _in_processes(self, points: Sequence[Planned]) -> Iterator[tuple[Planned, Result]]:
        jobs = min(self.jobs, len(points))
        with ProcessPoolExecutor(jobs, initializer=_start_worker, initargs=(os.getpid(),)) as pool:
            waiting: dict[Future[Result], Planned] = {}
            left = iter(points)
            try:
                while True:
                    # only as many as are being solved are handed out, so that a stop has little to wait for
                    for point in left:
                        waiting[pool.submit(solve_task, point.task, self.options, self.conventions)] = point
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
                self.interrupted = True
                _stop_workers()
                for future, point in waiting.items():
                    yield point, future.result()
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
