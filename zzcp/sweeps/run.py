"""`sweep`: every point of a grid solved to proven optimality, in parallel, kept as it comes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zzcp.checks import (
    MAX_WORKERS,
    check_seed,
    choice,
    duration,
    entries,
    function,
    gap_tolerance,
    instance,
    integer,
)
from zzcp.cost import EXACT, CostConventions
from zzcp.cost.arguments import check_setting
from zzcp.cost.objective import OBJECTIVES
from zzcp.costs import CostModel, falling
from zzcp.hardware import Accelerator
from zzcp.interrupt import Interrupt
from zzcp.mapping.mapping import FACTORS, Factors
from zzcp.mapping.unrollings import FREE, Choice, UnrollingOptions
from zzcp.runs import Estimate, Executor, executor_for
from zzcp.runs.progress import Changes, Watchers
from zzcp.solver.cache import Cache, ResultCache
from zzcp.solver.engines import Engine, check_engine
from zzcp.solver.job import Job, SearchOptions, factor_options, unrolling_without_choice
from zzcp.solver.portable import SEARCH
from zzcp.solver.result import Result
from zzcp.sweeps.neighbours import Place, Series, due, first_boxes, series_of, settled
from zzcp.sweeps.outcome import Outcome
from zzcp.sweeps.plan import (
    GivenUnrolling,
    Planned,
    Vary,
    Workloads,
    as_networks,
    job_of,
    make_axes,
    model_of_file,
    plan_points,
    resized_memories,
    without_theorem,
)
from zzcp.sweeps.store import Store
from zzcp.sweeps.table import SweepPoint, SweepTable


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
    time_limit, gap = duration(time_limit, "time limit"), gap_tolerance(gap)
    jobs = integer(jobs, "jobs", least=1, most=MAX_WORKERS)
    seed = check_seed(seed)
    check_engine(engine)
    choice(factors, "factors", FACTORS)
    function(on_progress, "on_progress")
    for name in entries(objectives, "objectives", "names of objectives"):
        choice(name, "objective", OBJECTIVES)
    networks = as_networks(workloads)
    for layer in (layer for network in networks for layer in network):
        check_setting(accelerator, layer, conventions, links)
    axes = make_axes(accelerator, [layer for network in networks for layer in network], vary)
    if isinstance(spatial, str):
        spatial, unrollings = None, UnrollingOptions.of(spatial, unrollings.max_dims)
    elif spatial is None and unrollings.choice is None:
        unrollings = UnrollingOptions.of(unrolling_without_choice(factors), unrollings.max_dims)
    names: Sequence[str]
    loops = factor_options(factors, max_padding)
    if costs is None:
        costs, names = model_of_file(accelerator, axes)
    else:
        names = resized_memories(axes)
    if costs is not None:
        axes = without_theorem(axes, names)
    plan = list(
        plan_points(
            accelerator,
            networks,
            axes,
            objectives,
            spatial,
            links,
            conventions,
            seed,
            engine,
            unrollings,
            costs,
            names,
            loops,
        )
    )
    options: dict[str, Any] = {"time_limit": time_limit, "gap": gap, "seed": seed, "engine": engine} | loops
    stated = {} if costs is None else {"costs": _stated(costs, names, plan)}
    started = time.monotonic()
    where = jobs, scheduler, memory_limit
    exact = replace(conventions, name="exact") == EXACT
    instance(neighbours, bool, "neighbours", "true or false")
    series = series_of(plan, axes, exact=exact and neighbours)
    run = _Run(plan, series, options, conventions, ResultCache.of(cache), where, on_progress, started)
    with closing(Store(":memory:" if db is None else db)) as store:
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
        options | stated,
    )
    return table.checked(exact=exact)


def _stated(costs: CostModel, names: Sequence[str], plan: Sequence[Planned]) -> dict[str, Any]:
    """Return what a result says of the model that gave costs to some memories."""
    notes = falling((point.task.accelerator for point in plan), names)
    return {"model": costs.name, "version": costs.version, "memories": list(names), "notes": notes}


@dataclass(slots=True, eq=False)
class _Run:
    """The points of a sweep while they are solved."""

    plan: list[Planned]
    series: list[Series]
    options: dict[str, Any]
    conventions: CostConventions
    cache: ResultCache | None
    where: tuple[int, str | None, int | None]
    on_progress: Callable[[SweepProgress], None] | None
    started: float
    found: dict[str, Outcome] = field(default_factory=dict)
    solved: set[str] = field(default_factory=set)
    interrupted: bool = False
    estimate: Estimate = field(default_factory=lambda: Estimate(0, 1))
    names: Sequence[str] = ()
    copies: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        self.copies = Counter(point.key for point in self.plan)

    def go(self, store: Store) -> None:
        """Solve what the store does not know, until all is done or the user stops it."""
        limits = self.options["time_limit"], self.options["gap"]
        for point in self.plan:
            known = None if point.key in self.found else store.get(point.key, *limits)
            if known is not None:
                self.found[point.key] = known
        missing = len(self.copies.keys() - self.found.keys())
        workers, scheduler, _ = self.where
        try:
            # the processes come first: they must not inherit what others have set for signals
            with executor_for(min(workers, missing), scheduler) as executor, Interrupt() as interrupt:
                self.estimate = Estimate(missing, executor.jobs)
                self._tell()
                self._rounds(store, executor, interrupt)
                self.interrupted = self.interrupted or interrupt.requested
        except KeyboardInterrupt:
            self.interrupted = True
        self._tell()

    def _rounds(self, store: Store, executor: Executor, interrupt: Interrupt) -> None:
        """Solve the corners of boxes, and cut those that are not settled by theirs."""
        boxes = first_boxes(self.series)
        while boxes and not interrupt.requested:
            corners = {(box.series, place): None for box in boxes for place in (box.worst, box.best)}
            self._round(list(corners), store, executor, interrupt)
            inner, boxes = due(boxes, self.search_options())
            self._round(inner, store, executor, interrupt)

    def _round(
        self, places: Sequence[tuple[Series, Place]], store: Store, executor: Executor, interrupt: Interrupt
    ) -> None:
        """Solve what is missing of some points, from what is known before."""
        points: list[Planned] = []
        jobs: list[Job] = []
        asked: set[str] = set()
        for series, place in places:
            point = series.points[place]
            if point.key in self.found or point.key in asked:
                continue
            if interrupt.requested:
                return
            asked.add(point.key)
            answer = settled(series, place, job_of(point.task, self.search_options()))
            if isinstance(answer, Job):
                points.append(point)
                jobs.append(answer)
            else:
                self.estimate.total -= 1
                self._keep(store, point, answer)
                self._tell()
        self.names = [point.name for point in points]
        self.estimate.running.clear()
        for number, result in executor.run(
            SEARCH, jobs, interrupt, Watchers(self.estimate, Changes(self._tell))
        ):
            self._keep(store, points[number], result)
        for series, place in places:
            found = self.found.get(series.points[place].key)
            if found is not None:
                series.known[place] = found

    def search_options(self) -> SearchOptions:
        """Return how every point is searched."""
        return SearchOptions(
            conventions=self.conventions,
            cache=self.cache,
            memory_limit=self.where[2],
            elsewhere=False,  # it would take longer than most points
            **self.options,
        )

    def _keep(self, store: Store, point: Planned, result: Result) -> None:
        """Write what was found at a point, unless the search was stopped before it had an answer."""
        outcome = Outcome.of(result)
        self.interrupted = self.interrupted or result.interrupted
        if result.interrupted and outcome.status not in ("optimal", "infeasible"):
            return
        what = {
            "values": point.values,
            "accelerator": point.task.accelerator.name,
            "workload": point.workload,
            "layer": point.task.layer.name,
            "objective": point.task.objective,
        }
        store.put(point.key, what, self.options["time_limit"], self.options["gap"], outcome)
        self.found[point.key] = outcome
        self.solved.add(point.key)

    def points(self) -> Iterator[SweepPoint]:
        """Yield what there is, in the order of the grid."""
        first: set[str] = set()
        for steps, values, workload, task, key in self.plan:
            if key in self.found:
                reused = key not in self.solved or key in first
                first.add(key)
                machine = task.accelerator
                yield SweepPoint(
                    steps, values, machine.name, workload, task.layer, task.objective, self.found[key], reused,
                    machine.area,
                )  # fmt: skip

    def _tell(self) -> None:
        if self.on_progress is None:
            return
        seconds = time.monotonic() - self.started
        solved = len(self.solved)
        running = self.estimate.names(self.names)
        done = sum(self.copies[key] for key in self.found)
        self.on_progress(
            SweepProgress(done, len(self.plan), done - solved, seconds, self.estimate.left, running)
        )
