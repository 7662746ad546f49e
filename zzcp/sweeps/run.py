"""`sweep`: every point of a grid solved to proven optimality, in parallel, kept as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zzcp.checks import (
    MAX_WORKERS,
    choice,
    duration,
    entries,
    flag,
    function,
    instance,
    integer,
    repr_of,
)
from zzcp.cost import EXACT, CostConventions
from zzcp.cost.arguments import check_setting
from zzcp.cost.objective import OBJECTIVES
from zzcp.costs import CostModel, falling
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.interrupt import Interrupt
from zzcp.mapping.mapping import Factors
from zzcp.mapping.unrollings import FREE, Choice, UnrollingOptions
from zzcp.runs import Estimate, Executor, executor_for
from zzcp.runs.progress import Changes, Watchers
from zzcp.solver.cache import Cache, ResultCache
from zzcp.solver.engines import Engine
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions
from zzcp.solver.portable import SEARCH
from zzcp.sweeps.axes import Axis
from zzcp.sweeps.grid import Grid
from zzcp.sweeps.kept import points_of
from zzcp.sweeps.ledger import Ledger
from zzcp.sweeps.neighbours import (
    Due,
    Points,
    Series,
    batched,
    by_series,
    corners,
    first_boxes,
    following,
    inside,
    series_of,
    settled,
)
from zzcp.sweeps.plan import (
    GivenUnrolling,
    Vary,
    Workloads,
    as_networks,
    make_axes,
    model_of_file,
    resized_memories,
    without_theorem,
)
from zzcp.sweeps.store import Store
from zzcp.sweeps.table import SweepTable

BATCH = 64
"""Points per process that are prepared at a time."""


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
    running : tuple of str
        Points that are being solved.
    """

    done: int
    total: int
    reused: int
    seconds: float
    left: float | None
    running: tuple[str, ...] = ()


Tell = Callable[[SweepProgress], None]


def sweep(
    accelerator: Accelerator,
    workloads: Workloads,
    vary: Vary,
    *,
    objectives: Sequence[str] = ("edp",),
    spatial: GivenUnrolling | Choice = None,
    unrollings: UnrollingOptions = FREE,
    links: Mapping[str, str] | None = None,
    time_limit: float = 60.0,
    gap: float = 1e-4,
    seed: int = 0,
    conventions: CostConventions = EXACT,
    jobs: int = 1,
    scheduler: str | None = None,
    memory_limit: int | None = None,
    db: str | Path | None = None,
    engine: Engine = "auto",
    factors: Factors = "perfect",
    max_padding: float | None = None,
    costs: CostModel | None = None,
    cache: Cache = None,
    neighbours: bool = True,
    on_progress: Tell | None = None,
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
    spatial : SpatialMapping, Freedom, dict, MappingFile, "auto" or "full", optional
        The unrolling, or what it may be, as for `optimize`. Where the size of the array is varied, the factors along
        that dimension are fitted to it.
    unrollings : UnrollingOptions
        How it is found where it is not given, at every point.
    links : mapping of str to str, optional
        Memory operand of every operand.
    time_limit, gap, seed, conventions
        For every point, as for `optimize`.
    jobs : int
        Points solved side by side.
    scheduler : str, optional
        Address of the scheduler of a Dask cluster, such as ``tcp://127.0.0.1:8786``, whose workers solve them instead
        (``docs/cluster.md``).
    memory_limit : int, optional
        Bytes of every search, as for `optimize`.
    db : str or Path, optional
        SQLite file that keeps every result as it comes; what it holds already is not solved again.
    engine : str
        For every point, as for `optimize`; what another one has solved is solved again.
    factors, max_padding
        For every point, as for `optimize`.
    costs : CostModel, optional
        What memories cost whose size or width is varied, at every point (`zzcp.costs.cost_model`); by default what the
        file says, whatever their size, unless it names a cost model.
    cache : ResultCache, path or bool, optional
        Where solved layers are kept for other commands, too, as for `optimize`.
    neighbours : bool
        Whether points start from each other's mappings and bounds, where the theorem of monotonicity allows it.
    on_progress : callable, optional
        Called with a `SweepProgress` whenever work on a point begins or ends.

    Returns
    -------
    SweepTable
        Also after Ctrl-C: what there is by then.

    Raises
    ------
    InputError
        If a field or value does not exist, or makes no machine or layer; said before anything is solved.
    """
    options = SearchOptions(
        time_limit=duration(time_limit, "time limit"),
        gap=gap,
        seed=seed,
        conventions=conventions,
        engine=engine,
        cache=ResultCache.of(cache),
        factors=factors,
        max_padding=max_padding,
        memory_limit=memory_limit,
    )
    grid = make_grid(accelerator, workloads, vary, options, objectives, spatial, unrollings, links, costs)
    return solve_grid(
        grid, db=db, jobs=jobs, scheduler=scheduler, neighbours=neighbours, on_progress=on_progress
    )


def make_grid(
    accelerator: Accelerator,
    workloads: Workloads,
    vary: Vary,
    options: SearchOptions,
    objectives: Sequence[str] = ("edp",),
    spatial: GivenUnrolling | Choice = None,
    unrollings: UnrollingOptions = FREE,
    links: Mapping[str, str] | None = None,
    costs: CostModel | None = None,
) -> Grid:
    """Return the points of a sweep; `options` is how each is searched, all else as for `sweep`."""
    options = replace(options.checked(), elsewhere=False)  # it would take longer than most points
    instance(unrollings, UnrollingOptions, "unrollings")
    if costs is not None and not isinstance(costs, CostModel):
        raise InputError(
            "costs", expected="a cost model, as zzcp.costs.cost_model returns it", found=repr_of(costs)
        )
    for name in entries(objectives, "objectives", "names of objectives"):
        choice(name, "objective", OBJECTIVES)
    networks = as_networks(workloads)
    layers = [layer for network in networks for layer in network]
    for layer in layers:
        check_setting(accelerator, layer, options.conventions, links)
    if isinstance(spatial, str):
        spatial, unrollings = None, UnrollingOptions.of(spatial, unrollings.max_dims)
    elif spatial is None:
        unrollings = unrollings.with_factors(options.factors)
    axes, costs, names = _priced(accelerator, make_axes(accelerator, layers, vary), costs)
    return Grid(accelerator, networks, axes, objectives, spatial, links, options, unrollings, costs, names)


def solve_grid(
    grid: Grid,
    *,
    db: str | Path | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    neighbours: bool = True,
    on_progress: Tell | None = None,
) -> SweepTable:
    """Solve every point that the database does not know yet; parameters as for `sweep`."""
    jobs = integer(jobs, "jobs", least=1, most=MAX_WORKERS)
    flag(neighbours, "neighbours")
    function(on_progress, "on_progress")
    store = Store(db)
    try:
        table = _solved(Ledger(grid, store), jobs, scheduler, on_progress, neighbours=neighbours)
    except BaseException:
        store.close()
        raise
    if isinstance(table.points, tuple):  # else they are read from it
        store.close()
    return table


def _priced(
    accelerator: Accelerator, axes: tuple[Axis, ...], costs: CostModel | None
) -> tuple[tuple[Axis, ...], CostModel | None, Sequence[str]]:
    """Return axes, and what memories cost along them: by a model that is given, or that the machine's file names."""
    names: Sequence[str]
    if costs is None:
        costs, names = model_of_file(accelerator, axes)
    else:
        names = resized_memories(axes)
    return (axes if costs is None else without_theorem(axes, names)), costs, names


def _solved(
    ledger: Ledger, jobs: int, scheduler: str | None, on_progress: Tell | None, *, neighbours: bool
) -> SweepTable:
    """Solve what is not known yet of a grid, and return the table of all of it."""
    grid, options = ledger.grid, ledger.grid.options
    exact = replace(options.conventions, name="exact") == EXACT
    source = Points(grid.__getitem__, ledger.get)
    series = series_of(grid.walk(), grid.runs, grid.axes, source, exact=exact and neighbours)
    stated = {} if grid.costs is None else {"costs": _stated(grid.costs, grid)}
    run = _Run(ledger, series, jobs, scheduler, on_progress)
    run.go()
    return SweepTable(
        grid.accelerator.name,
        options.conventions.name,
        grid.axes,
        points_of(ledger),
        len(grid),
        (),
        run.interrupted,
        time.monotonic() - run.started,
        options.stated | stated,
    ).checked(exact=exact)


def _stated(costs: CostModel, grid: Grid) -> dict[str, Any]:
    """Return what a result says of the model that gave costs to some memories."""
    notes = falling(grid.machines(), grid.resized)
    return {"model": costs.name, "version": costs.version, "memories": list(grid.resized), "notes": notes}


@dataclass(slots=True, eq=False)
class _Run:
    """The points of a sweep while they are solved."""

    ledger: Ledger
    series: list[Series]
    jobs: int
    scheduler: str | None
    on_progress: Tell | None
    started: float = field(default_factory=time.monotonic)
    interrupted: bool = False
    estimate: Estimate = field(default_factory=lambda: Estimate(0, 1))
    names: Sequence[str] = ()

    def go(self) -> None:
        """Solve what the store does not know, until all is done or the user stops it."""
        missing = self.ledger.look_up()
        try:
            # the processes come first: they must not inherit what others have set for signals
            with executor_for(min(self.jobs, missing), self.scheduler) as executor, Interrupt() as interrupt:
                self.estimate = Estimate(missing, executor.jobs)
                self._tell()
                self._rounds(executor, interrupt)
                self.interrupted = self.interrupted or interrupt.requested
        except KeyboardInterrupt:
            self.interrupted = True
        self._tell()

    def _rounds(self, executor: Executor, interrupt: Interrupt) -> None:
        """Solve the corners of boxes, and cut those that are not settled by theirs."""
        boxes = first_boxes(self.series)
        while boxes and not interrupt.requested:
            due = corners(boxes)
            self._round(due, executor, interrupt)
            for series, places in by_series(due).items():
                series.learn(places)
            closed, boxes = following(boxes, self.ledger.grid.options.gap)
            self._round(inside(closed), executor, interrupt)

    def _round(self, due: Iterable[Due], executor: Executor, interrupt: Interrupt) -> None:
        """Solve what is missing of some points, from what is known before; so many at a time that jobs stay few."""
        missing = (point for point in due if point.series.numbers[point.place] not in self.ledger)
        for some in batched(missing, BATCH * executor.jobs):
            if interrupt.requested:
                return
            self._batch(some, executor, interrupt)

    def _batch(self, due: Sequence[Due], executor: Executor, interrupt: Interrupt) -> None:
        numbers: list[int] = []
        jobs: list[Job] = []
        names: list[str] = []
        asked: set[int] = set()
        try:
            for point in due:
                number = point.series.numbers[point.place]
                first = self.ledger.grid.first[number]
                if first in asked:
                    continue
                if interrupt.requested:
                    return
                asked.add(first)
                planned = point.series.point(point.place)
                answer = settled(point, planned.job)
                if isinstance(answer, Job):
                    numbers.append(number)
                    jobs.append(answer)
                    names.append(planned.name)
                else:
                    self.estimate.total -= 1
                    self.ledger.put(number, answer, at_once=False)
                    self._tell()
        finally:
            self.ledger.write()
        self.names = names
        self.estimate.running.clear()
        watchers = Watchers(self.estimate, Changes(self._tell))
        for place, result in executor.run(SEARCH, jobs, interrupt, watchers):
            self.interrupted = self.interrupted or result.interrupted
            self.ledger.put(numbers[place], result)

    def _tell(self) -> None:
        if self.on_progress is None:
            return
        seconds = time.monotonic() - self.started
        ledger = self.ledger
        running = self.estimate.names(self.names)
        self.on_progress(
            SweepProgress(
                ledger.done,
                len(ledger.grid),
                ledger.done - ledger.solved,
                seconds,
                self.estimate.left,
                running,
            )
        )
