"""`compare`: heuristic mappers against the proven optimum of every layer, one evaluator for all."""

from __future__ import annotations

import collections.abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from zzcp.checks import all_of, choice, entries, function, repr_of
from zzcp.comparison.layers import CLOSE, ComparedLayer, MapperResult, reference_of
from zzcp.comparison.result import Comparison, RefutedProofError
from zzcp.cost.arguments import check_setting
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.evaluate import evaluate
from zzcp.cost.objective import OBJECTIVES, Objective, objective_of
from zzcp.errors import InputError, MappingError
from zzcp.hardware import Accelerator
from zzcp.interrupt import Interrupt
from zzcp.mappers import Budget, Mapper, Problem, Search, make_mapper, options_of
from zzcp.mapping.default import default_spatial
from zzcp.mapping.freedom import DEFAULT_MAX_DIMS, Freedom
from zzcp.mapping.mapping import Factors
from zzcp.mapping.unrollings import UnrollingOptions
from zzcp.networks.tasks import Unrollings, layer_job
from zzcp.solver import Progress, Result
from zzcp.solver.cache import Cache, ResultCache
from zzcp.solver.engines import Engine
from zzcp.solver.job import Job
from zzcp.solver.optimize import run_job
from zzcp.solver.options import SearchOptions
from zzcp.workload import Layer, Network

DEFAULT_MAPPERS = ("loma", "salsa", "random", "genetic", "greedy")
"""What is compared where nothing is named: all mappers that need nothing but zzcp."""
LPF_LIMITED = ("loma", "zigzag-loma")
"""The mappers that merge loop prime factors unless told otherwise."""

Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What is compared with the solver, for all layers.

    Parameters
    ----------
    mappers : tuple of Mapper
        The mappers.
    budget : Budget
        Of every mapper on every layer.
    """

    mappers: tuple[Mapper, ...]
    budget: Budget


def compare(
    accelerator: Accelerator,
    layer: Layer | Network | Sequence[Layer],
    mappers: Sequence[str | Mapper] = DEFAULT_MAPPERS,
    *,
    objective: Objective = "edp",
    spatial: Unrollings = None,
    max_dims: int = DEFAULT_MAX_DIMS,
    links: collections.abc.Mapping[str, str] | None = None,
    conventions: CostConventions = EXACT,
    time_limit: float | None = None,
    deterministic_limit: float | None = None,
    gap: float = 1e-4,
    workers: int = 1,
    seed: int = 0,
    evaluations: int | None = None,
    mapper_time: float | None = None,
    lpf_limit: int | None = 6,
    engine: Engine = "auto",
    factors: Factors = "perfect",
    max_padding: float | None = None,
    cache: Cache = None,
    on_progress: Tell | None = None,
) -> Comparison:
    """Compare heuristic mappers with the proven optimum.

    Every layer is solved first, then every mapper maps it in the same unrolling: the given one, or that of the proven
    optimum where the unrolling is chosen; distances are then those from the optimum over all unrollings. All mappings
    are scored by the one exact evaluator under the same conventions, whatever the mappers themselves report. Layers of
    equal shape are compared once.

    Parameters
    ----------
    accelerator : Accelerator
        The machine.
    layer : Layer, Network or sequence of Layer
        What is mapped.
    mappers : sequence of str or Mapper
        Names (see `zzcp.mappers.MAPPERS`), or mappers of your own.
    objective : str
        ``edp``, ``energy``, ``latency`` or ``ed2``, for the solver and for the mappers.
    spatial : SpatialMapping, Freedom, dict, MappingFile or "auto", optional
        The unrolling, or what it may be; else that of the machine, or a full one. With ``auto`` it is chosen. Of
        several layers each takes what it can use of it.
    max_dims : int
        Layer dimensions on one array dimension, at most, where the unrolling is chosen.
    links : mapping of str to str, optional
        Memory operand of every operand, where the mapping file does not give it.
    conventions : CostConventions
        How costs are counted.
    time_limit, deterministic_limit, gap, workers
        Of the solver, for every layer; see `zzcp.optimize`.
    seed : int
        Of all random choices.
    evaluations : int, optional
        Candidates that a mapper may try for a layer.
    mapper_time : float, optional
        Seconds that a mapper may take for a layer. Without either limit every mapper stops by its own rule.
    lpf_limit : int, optional
        Most loop prime factors of LOMA.
    engine, factors, max_padding, cache
        Of the solver; see `zzcp.optimize`. Mappers have loops that divide in any case.
    on_progress : callable, optional
        Called with a `Progress` of the solver, and whenever a mapper starts.

    Returns
    -------
    Comparison
        Also after Ctrl-C: what there is by then.

    Raises
    ------
    InputError
        If an argument is out of range or a mapper unknown.
    MappingError
        If the unrolling does not fit the array or a layer.
    RefutedProofError
        If a mapping is better than what is proven. It holds the comparison.
    """
    search = SearchOptions(
        time_limit=time_limit,
        gap=gap,
        seed=seed,
        conventions=conventions,
        engine=engine,
        cache=ResultCache.of(cache),
        deterministic_limit=deterministic_limit,
        factors=factors,
        max_padding=max_padding,
        workers=workers,
    ).checked()
    choice(objective, "objective", OBJECTIVES)
    function(on_progress, "on_progress")
    chosen = make_mappers(mappers, lpf_limit=lpf_limit)
    layers = (layer,) if isinstance(layer, Layer) else all_of(layer, Layer, "layers", "a Layer, or several")
    if not layers:
        raise InputError("nothing to compare", expected="at least one layer", found="none")
    for entry in layers:
        check_setting(accelerator, entry, conventions, links)
    several = not isinstance(layer, Layer)
    chosen_by = spatial if isinstance(spatial, str) else None
    unrollings = UnrollingOptions.of(chosen_by, max_dims).with_factors(factors)
    tasks = [
        layer_job(accelerator, entry, objective, spatial, unrollings, links, search, fitted=several)
        for entry in layers
    ]
    options = CompareOptions(chosen, Budget(evaluations, mapper_time, seed))
    comparison = _compared(tasks, options, on_progress)
    if comparison.refutations:
        raise RefutedProofError(comparison)
    return comparison


def _compared(tasks: Sequence[Job], options: CompareOptions, on_progress: Tell | None) -> Comparison:
    """Compare the layers one after the other, those of equal shape once, until Ctrl-C."""
    found: dict[object, ComparedLayer] = {}
    with Interrupt() as interrupt:
        for task in tasks:
            if task.shape not in found and not interrupt.requested:
                found[task.shape] = compare_layer(task, on_progress, options=options)
                if found[task.shape].interrupted:
                    break
        stopped = interrupt.requested
    return assemble(tasks, found, options, stopped=stopped)


def make_mappers(mappers: Sequence[str | Mapper], *, lpf_limit: int | None = 6) -> tuple[Mapper, ...]:
    """Return mappers, those given by name with their default options.

    Raises
    ------
    InputError
        If a name is unknown, given twice, or nothing is given.
    """
    given = [mappers] if isinstance(mappers, str) else entries(mappers, "mappers", "names, or mappers")
    made = []
    for mapper in given:
        if not isinstance(mapper, str):
            if not isinstance(mapper, Mapper):
                expected = "a name, or a mapper with a name and a method map"
                raise InputError("mapper", expected=expected, found=repr_of(mapper))
            made.append(mapper)
            continue
        limited = mapper in LPF_LIMITED and "lpf_limit" in options_of(mapper)
        made.append(make_mapper(mapper, **({"lpf_limit": lpf_limit} if limited else {})))
    names = [mapper.name for mapper in made]
    if not names:
        raise InputError("no mappers", expected="at least one of " + ", ".join(DEFAULT_MAPPERS))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError("mapper given twice", found=", ".join(twice), hint="their names must differ")
    return tuple(made)


def compare_layer(task: Job, on_progress: Tell | None = None, *, options: CompareOptions) -> ComparedLayer:
    """Solve one layer and let all mappers map it (a function of the module, so that other processes can run it).

    After Ctrl-C the mappers that have not begun are missing.
    """
    trace: list[Progress] = []

    def note(progress: Progress) -> None:
        # a step of the search may report a weaker bound than what is already proven
        bound = max(progress.lower_bound, trace[-1].lower_bound if trace else 0.0)
        trace.append(replace(progress, lower_bound=bound))
        if on_progress is not None:
            on_progress(progress)

    with Interrupt() as interrupt:
        result = run_job(task, note)
        spatial = task.spatial
        if isinstance(spatial, Freedom):
            solved = result.mapping
            spatial = default_spatial(task.accelerator, task.layer) if solved is None else solved.spatial
        if result.cached:  # what was reported then is not known any more
            note(Progress(result.wall_s, result.objective, result.lower_bound, result.gap, "cache"))
        problem = Problem(
            task.accelerator, task.layer, spatial, task.goal, task.options.conventions, task.links
        )
        found: list[MapperResult] = []
        for mapper in options.mappers:
            if interrupt.requested or result.interrupted or any(entry.interrupted for entry in found):
                break
            if on_progress is not None:
                on_progress(
                    Progress(result.wall_s, result.objective, result.lower_bound, result.gap, mapper.name)
                )
            found.append(measured(problem, result, mapper.map(problem, options.budget), mapper.name))
    return ComparedLayer(task.layer, spatial, result, tuple(found), tuple(trace))


def measured(problem: Problem, result: Result, search: Search, name: str) -> MapperResult:
    """Return what a mapper found, scored again and measured against the proof.

    A mapping that is invalid, or that is none of this problem, does not count: a bound holds for its unrolling only.
    """
    evaluation = value = fault = distance = close = None
    mapping = search.mapping
    if mapping is not None and mapping.spatial != problem.spatial:
        fault = "its mapping has another unrolling"
    elif mapping is not None:
        try:
            evaluation = evaluate(problem.accelerator, problem.layer, mapping, problem.conventions)
        except MappingError as error:
            fault = str(error)
        else:
            value = objective_of(evaluation, problem.objective)
    reference = reference_of(result)
    if value is not None and reference is not None:
        distance = float(value / reference - 1)
        if value <= CLOSE * reference:
            reached = (entry for entry in search.history if Fraction(entry.objective) <= CLOSE * reference)
            close = next(reached, None)
    return MapperResult(
        name=name,
        mapping=None if value is None else mapping,
        evaluation=evaluation,
        value=value,
        distance=distance,
        evaluations=search.evaluations,
        wall_s=search.wall_s,
        close=close,
        history=search.history,
        interrupted=search.interrupted,
        fault=fault,
    )


def assemble(
    tasks: Sequence[Job],
    found: collections.abc.Mapping[object, ComparedLayer],
    options: CompareOptions,
    *,
    stopped: bool,
) -> Comparison:
    """Return the comparison of some layers from the results of the different shapes among them."""
    layers = tuple(
        ComparedLayer(task.layer, entry.spatial, entry.result, entry.mappers, entry.trace)
        for task in tasks
        for entry in [found.get(task.shape)]
        if entry is not None
    )
    budget = {"evaluations": options.budget.evaluations, "mapper_time": options.budget.seconds}
    lpf_limits = {mapper.name: mapper.lpf_limit for mapper in options.mappers if hasattr(mapper, "lpf_limit")}
    first = tasks[0]
    return Comparison(
        accelerator=first.accelerator,
        objective=str(first.goal),
        conventions=first.options.conventions.name,
        layers=layers,
        names=tuple(mapper.name for mapper in options.mappers),
        options={**first.options.stated, **budget, "lpf_limit": lpf_limits},
        interrupted=stopped or any(layer.interrupted for layer in layers),
    )
