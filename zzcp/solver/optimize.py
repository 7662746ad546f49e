"""`optimize`: the public function, its checks, and the ways to an answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

from zzcp.checks import (
    MAX_WORKERS,
    check_seed,
    choice,
    duration,
    function,
    gap_tolerance,
    instance,
    integer,
    number,
)
from zzcp.cost.arguments import check_setting
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import OBJECTIVES, Goal, WeightedSum, objective_of
from zzcp.cost.setting.remainders import supports_remainders
from zzcp.errors import InputError, Place
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.constraints import Constraints, LayerConstraints
from zzcp.mapping.freedom import DEFAULT_MAX_DIMS, Freedom
from zzcp.mapping.mapping import FACTORS, Factors
from zzcp.mapping.unrolling_constraints import check_names
from zzcp.mapping.unrollings import FULL, Choice, unrolling_of
from zzcp.runs.helpers import helpers_for
from zzcp.solver.cache.question import Question
from zzcp.solver.cache.store import Cache, ResultCache
from zzcp.solver.clock import Clock
from zzcp.solver.constrained.diagnose import diagnose, is_certain
from zzcp.solver.constrained.optimize import attempt_after_all, constraints_of, optimize_constrained
from zzcp.solver.engines import NO_ENGINE, Engine, check_engine
from zzcp.solver.infeasible import (
    DIAGNOSIS_WORK,
    ELSEWHERE_WORK,
    AllUnrollings,
    barred,
    told_of,
    with_elsewhere,
)
from zzcp.solver.memory import give_back
from zzcp.solver.memory_limit import limited
from zzcp.solver.padding.choices import Paddings
from zzcp.solver.padding.relaxed import Relaxed
from zzcp.solver.padding.search import PaddedSearch
from zzcp.solver.result import Diagnosis, KnownBound, Progress, Result, gap_of
from zzcp.solver.search.search import Search
from zzcp.solver.unrolling.ahead import InHelper
from zzcp.solver.unrolling.search import JointSearch
from zzcp.solver.unrolling.steps import Solve, Steps
from zzcp.workload import Layer

DEFAULT_TIME_LIMIT = 60.0
"""Seconds."""
_ANY_GAP = 2.0
"""With it any mapping will do."""


def optimize(
    accelerator: Accelerator,
    layer: Layer,
    objective: Goal = "edp",
    *,
    spatial: SpatialMapping | Freedom | Mapping[str, Mapping[str, int]] | Choice | None = None,
    max_dims: int = DEFAULT_MAX_DIMS,
    factors: Factors = "perfect",
    max_padding: float = math.inf,
    time_limit: float | None = None,
    deterministic_limit: float | None = None,
    gap: float = 1e-4,
    workers: int = 1,
    jobs: int = 1,
    seed: int = 0,
    conventions: CostConventions = EXACT,
    links: Mapping[str, str] | None = None,
    constraints: Constraints | LayerConstraints | Mapping[str, Any] | None = None,
    hint: LayerMapping | None = None,
    known_bound: KnownBound | None = None,
    engine: Engine = "auto",
    memory_limit: int | None = None,
    cache: Cache = None,
    elsewhere: bool = True,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Return the best mapping of a layer on an accelerator, with a proven bound.

    Parameters
    ----------
    accelerator, layer
        The machine and the layer.
    objective : str
        ``edp`` (energy-delay product), ``energy``, ``latency`` or ``ed2`` (energy times the square of the delay); or a
        `WeightedSum` of energy and latency.
    spatial : SpatialMapping, Freedom, dict, "auto" or "full", optional
        The unrolling, or what it may be. By default it is that of the machine's file, if there is one; else, and with
        ``auto``, it is chosen, too, and the bound holds for all unrollings. With ``full`` it is that of the machine's
        file or a full one (`default_spatial`).
    max_dims : int
        Layer dimensions on one array dimension, at most, where the unrolling is chosen.
    factors : str
        ``perfect``: loops that divide. ``imperfect``: also loops whose last tiles are smaller, and the bound holds
        for all of them; not under constraints on loops, where memories keep the overlap of windows, or under
        conventions that count all tiles as whole ones. Where nothing is said of the unrolling it is as with ``full``.
    max_padding : float
        What loops may come to beyond the iterations of a dimension, as a share of these; by default all that can win.
    time_limit : float, optional
        Seconds; 60 by default, unless there is a deterministic limit.
    deterministic_limit : float, optional
        Limit of the work, which the search by ranges and CP-SAT count by themselves (1 is some seconds): the result is
        then the same every time, even if the search stops at this limit, and with several workers, too.
    gap : float
        Relative distance to the bound at which a mapping counts as optimal. Where that takes little, the search goes on
        to a hundredth of it.
    workers : int
        Threads of the solver.
    jobs : int
        Processes of this machine that help where the unrolling is chosen and there is no deterministic limit; the
        result is the same whatever it is, but for a search that the time limit ends.
    seed : int
        Of all random choices; with one worker and no time limit in effect the result depends on nothing else.
    conventions : CostConventions
        How to count.
    links : mapping of str to str, optional
        Memory operand of every operand.
    constraints : Constraints or dict, optional
        What is asked of the mapping; the bound then holds for the mappings that obey (see ``docs/constraints.md``).
    hint : Mapping, optional
        A mapping to start from; one that does not obey the constraints is not used.
    known_bound : KnownBound, optional
        A bound of the objective that is proven elsewhere: it is believed. Not used where the unrolling is chosen, under
        constraints, or where loops need not divide.
    engine : str
        ``cp-sat`` or ``ranges`` for one of the two searches alone, ``auto`` for both. The search by ranges leaves a gap
        where it cannot close it, and nearly all of it where it does not apply (see ``docs/performance-solver.md``).
    memory_limit : int, optional
        Bytes that this process may have: beyond them the search ends with its best and its bound. By default it ends so
        when the machine has next to nothing left.
    cache : ResultCache, path or bool, optional
        Where solved layers are kept between runs: a folder, or True for the user's. What is there is not solved again,
        if its gap is what is asked for; its mapping is scored again (see ``docs/cache.md``). By default nothing is.
    elsewhere : bool
        Where an unrolling that is given has no mapping: whether the diagnosis says if another one has, which may take
        a second or two.
    on_progress : callable, optional
        Called with a `Progress` whenever incumbent or bound improve, possibly from another thread.

    Returns
    -------
    Result
        Also after Ctrl-C or at the time limit: the best so far, with its gap.

    Raises
    ------
    InputError
        If the arguments are out of range.
    MappingError
        If the unrolling does not fit the array or the layer.
    """
    check_setting(accelerator, layer, conventions, links)
    if not isinstance(objective, WeightedSum):
        choice(objective, "objective", OBJECTIVES)
    if time_limit is None:
        time_limit = DEFAULT_TIME_LIMIT if deterministic_limit is None else math.inf
    time_limit = duration(time_limit, "time limit")
    deterministic_limit = (
        math.inf
        if deterministic_limit is None
        else number(deterministic_limit, "deterministic limit", "a positive number", lambda limit: limit > 0)
    )
    gap = gap_tolerance(gap)
    if memory_limit is not None:
        memory_limit = integer(memory_limit, "memory limit", least=1)
    workers = integer(workers, "workers", least=1, most=MAX_WORKERS)
    jobs = integer(jobs, "jobs", least=1, most=MAX_WORKERS)
    seed = check_seed(seed)
    check_engine(engine)
    if hint is not None:
        instance(hint, LayerMapping, "hint", "a Mapping")
    function(on_progress, "on_progress")
    asked = constraints_of(constraints, layer)
    choice(factors, "factors", FACTORS)
    max_padding = number(max_padding, "max_padding", "a number of at least 0", lambda share: share >= 0)
    task = Task(
        accelerator=accelerator,
        layer=layer,
        objective=objective,
        gap=gap,
        conventions=conventions,
        links=links,
        constraints=asked.on_loops,
        engine=engine,
        factors=factors,
        max_padding=max_padding,
        search_with=partial(Search, workers=workers, seed=seed, engine=engine),
        work=deterministic_limit,
    )
    if spatial is None and factors == "imperfect":
        spatial = FULL
    freedom = unrolling_of(accelerator, layer, spatial, max_dims)
    if known_bound is not None:
        instance(known_bound, KnownBound, "known bound", "a KnownBound")
        if isinstance(freedom, SpatialMapping) and not asked and factors == "perfect":
            task = replace(task, search_with=partial(task.search_with, floor=known_bound))
    check_names(asked.on_unrolling, accelerator, layer)
    if factors == "imperfect":
        _check_imperfect(task, freedom)

    def search() -> Result:
        clock = Clock(time_limit)
        try:
            with limited(memory_limit), helpers_for(jobs if isinstance(freedom, Freedom) else 1):
                found = _run(task, freedom, asked, time_limit, seed, hint, on_progress)
            if found.status == "infeasible" and not found.interrupted:
                found = _explained(task, freedom, asked, max_dims if elsewhere else None, seed, found, clock)
            return replace(found, constraints=asked)
        finally:
            give_back()

    kept = ResultCache.of(cache)
    if kept is None:
        return search()
    more = options_of(seed, engine, factors, max_padding)
    question = Question(accelerator, layer, freedom, objective, conventions, links, asked, more)
    return kept.answer(question, gap, search)


def options_of(seed: int, engine: Engine, factors: Factors, max_padding: float) -> dict[str, Any]:
    """Return what else belongs to a question to the cache."""
    return {"seed": seed, "engine": engine, "factors": factors, "max_padding": str(max_padding)}


def _run(
    task: Task,
    unrolling: SpatialMapping | Freedom,
    asked: Constraints,
    time_limit: float,
    seed: int,
    hint: LayerMapping | None,
    on_progress: Callable[[Progress], None] | None,
) -> Result:
    """Return the best mapping of an unrolling that is given, or of all that obey the constraints on them."""
    if isinstance(unrolling, Freedom):
        freedom = unrolling.under(asked.on_unrolling, task.layer)
        return joint_search(task, freedom, time_limit, seed, on_progress).run(hint)
    diagnosis = barred(task.accelerator, task.layer, unrolling, asked)
    if diagnosis is not None:
        return _without_mapping(task, unrolling, diagnosis)
    return _optimize_one(task, unrolling, time_limit, hint, on_progress)


def _without_mapping(task: Task, spatial: SpatialMapping, diagnosis: Diagnosis) -> Result:
    """Return the result of an unrolling that is out of the question."""
    return Result(
        status="infeasible",
        objective=None,
        lower_bound=0.0,
        gap=None,
        mapping=None,
        evaluation=None,
        diagnosis=diagnosis,
        conventions=task.conventions.name,
        objective_name=str(task.objective),
        wall_s=0.0,
        spatial=spatial,
        links=task.links,
    )


def _explained(
    task: Task,
    unrolling: SpatialMapping | Freedom,
    asked: Constraints,
    max_dims: int | None,
    seed: int,
    found: Result,
    clock: Clock,
) -> Result:
    """Return a result without a mapping that says which constraints bar all unrollings, or whether others have one.

    Parameters
    ----------
    task, unrolling, asked, seed
        What was asked.
    max_dims : int or None
        Layer dimensions on one array dimension of other unrollings; None where nobody asks for these.
    found : Result
        The result.
    clock : Clock
        When to stop at the latest.
    """
    fractional = task.conventions.fractional_unrolling

    def find(freedom: Freedom, on_loops: Constraints, clock: Clock) -> Result:
        own = replace(task, constraints=on_loops, gap=_ANY_GAP, factors="perfect", work=clock.work_left)
        search = joint_search(own, freedom, max(0.0, clock.left), seed)
        result = search.run(any_will_do=True)
        clock.spent += search.clock.spent
        return result

    diagnosis = found.diagnosis
    if isinstance(unrolling, Freedom) and asked and diagnosis is None:
        own = Clock(clock.left, work=min(DIAGNOSIS_WORK, task.work))
        conflict = AllUnrollings(task.accelerator, task.layer, unrolling, asked, find, fractional, own)
        diagnosis = conflict.diagnosis()
    bounded = not isinstance(unrolling, Freedom) or not unrolling.is_free
    if (
        max_dims is not None
        and bounded
        and not (task.constraints and diagnosis is not None and diagnosis.changes)
    ):
        freedom = Freedom(max_dims).under(asked.on_unrolling, task.layer)
        other = find(freedom, task.constraints, Clock(clock.left, work=min(ELSEWHERE_WORK, task.work)))
        diagnosis = with_elsewhere(diagnosis, told_of(other))
    return replace(found, diagnosis=diagnosis)


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of a layer, whatever its unrolling.

    Parameters
    ----------
    accelerator, layer, objective, gap, conventions, links, constraints, engine, factors, max_padding
        As for `optimize`.
    search_with : callable
        Returns the search of one unrolling.
    work : float
        Limit of the work.
    """

    accelerator: Accelerator
    layer: Layer
    objective: Goal
    gap: float
    conventions: CostConventions
    links: Mapping[str, str] | None
    constraints: Constraints
    engine: Engine
    search_with: Callable[..., Search]
    factors: Factors = "perfect"
    max_padding: float = math.inf
    work: float = math.inf


def _optimize_one(
    task: Task,
    spatial: SpatialMapping,
    time_limit: float,
    hint: LayerMapping | None,
    on_progress: Callable[[Progress], None] | None,
    rival: Fraction | None = None,
) -> Result:
    """Return the best mapping of one unrolling, or what is proven of mappings better than a rival."""
    setting = task.accelerator, task.layer, spatial, task.conventions, task.links
    if task.constraints:
        search_with = partial(task.search_with, on_progress=on_progress, deterministic_limit=task.work)
        return optimize_constrained(
            setting,
            task.constraints,
            task.objective,
            Clock(time_limit, work=task.work),
            task.gap,
            search_with,
            hint,
            task.engine,
            rival,
        )
    if task.factors == "imperfect":
        padded = padded_search(task, spatial, time_limit, on_progress, rival)
        return padded.run(hint)
    return _search(task, Evaluator(*setting), time_limit, hint, on_progress, rival)


def _check_imperfect(task: Task, unrolling: SpatialMapping | Freedom) -> None:
    """Check that loops that do not divide go with what else is asked."""
    expected = "factors perfect"
    conventions = task.conventions
    if task.constraints:
        raise InputError("constraints are for loops that divide", expected=expected, found="imperfect")
    if not supports_remainders(conventions):
        raise InputError(
            f"the conventions {conventions.name} count all tiles as whole ones",
            expected=expected,
            found="imperfect",
        )
    # what is not unrolled slides in time: no other unrolling has more windows whose overlap may stay
    spatial = unrolling.given.fitted(task.layer) if isinstance(unrolling, Freedom) else unrolling
    setting = Evaluator(task.accelerator, task.layer, spatial, conventions, task.links).setting
    for operand in setting.operands:
        if operand.slides is not None:
            keeping = operand.memories[operand.slides.kept.index(True) - 1]
            raise InputError(
                f"memory {keeping.name} keeps the overlap of windows of {operand.name}, for loops that divide",
                place=Place(field="keeps_overlap"),
                expected=f"{expected}, or a machine without it",
                found="imperfect",
            )


def padded_search(
    task: Task,
    spatial: SpatialMapping,
    time_limit: float,
    on_progress: Callable[[Progress], None] | None = None,
    rival: Fraction | None = None,
) -> PaddedSearch:
    """Return the search over all loops of one unrolling, whether they divide or not, to be run."""
    evaluator = Evaluator(task.accelerator, task.layer, spatial, task.conventions, task.links)

    def solve(of: Evaluator, seconds: float, beaten: Fraction | None, work: float) -> Result:
        return _search(replace(task, work=work), of, seconds, None, None, beaten)

    return PaddedSearch(
        evaluator,
        task.objective,
        solve,
        time_limit,
        task.gap,
        task.max_padding,
        rival,
        on_progress,
        task.work,
    )


def _search(
    task: Task,
    evaluator: Evaluator,
    time_limit: float,
    hint: LayerMapping | None,
    on_progress: Callable[[Progress], None] | None,
    rival: Fraction | None,
) -> Result:
    """Return the best mapping of an evaluator, or what is proven of mappings better than a rival."""
    setting = task.accelerator, task.layer, evaluator.setting.spatial, task.conventions, task.links
    search_with = partial(task.search_with, on_progress=on_progress, deterministic_limit=task.work)
    search = search_with(evaluator, task.objective, time_limit, task.gap, rival=rival)
    shortage = diagnose(search.evaluator.model) if hint is None else None
    if shortage is not None:
        certain_of_it = is_certain(search.evaluator.model)
        attempt = (
            None
            if certain_of_it
            else attempt_after_all(setting, search_with, Clock(time_limit, work=task.work), task.engine)
        )
        if attempt is None or attempt.answer == "none":
            return replace(
                search.result("infeasible", shortage), engine=attempt.engine if attempt else NO_ENGINE
            )
        if attempt.mapping is None:
            return search.result("unknown")
        hint = attempt.mapping
    return search.run(hint)


def joint_search(
    task: Task,
    freedom: Freedom,
    time_limit: float,
    seed: int,
    on_progress: Callable[[Progress], None] | None = None,
) -> JointSearch:
    """Return the search over all unrollings, to be run."""

    def solve(
        spatial: SpatialMapping, seconds: float, rival: Fraction | None, work: float, *, briefly: bool = False
    ) -> Solve:
        # for a first incumbent loops that divide are enough
        of_one = replace(task, work=work, factors="perfect" if briefly else task.factors)
        result = _optimize_one(of_one, spatial, seconds, None, None, rival)
        if result.status == "infeasible":
            return Solve(result, None, math.inf, closed=True)
        evaluation = result.evaluation
        value = None if evaluation is None else objective_of(evaluation, task.objective)
        known = [limit for limit in (value, rival) if limit is not None]
        gap = gap_of(min(known), result.lower_bound) if known else 1.0
        return Solve(result, value, result.lower_bound, gap <= task.gap * (1 + 1e-9))

    def root(of: Evaluator, goal: Goal, value: float, known: float) -> float:
        sizes = Paddings.of(task.layer, of.setting.iterations, task.max_padding).sizes
        return Relaxed(of, sizes).bound_of_all(goal, value, known)

    imperfect = task.factors == "imperfect"
    return JointSearch(
        task.accelerator,
        task.layer,
        task.objective,
        task.conventions,
        task.links,
        freedom,
        solve,
        not task.constraints,
        time_limit,
        task.gap,
        seed,
        on_progress,
        task.work,
        root if imperfect else None,
        task.max_padding if imperfect else None,
        InHelper(partial(_steps, task, freedom, seed)),
    )


def _steps(task: Task, freedom: Freedom, seed: int) -> Steps:
    """Return the steps of the search over all unrollings, for a helper."""
    return joint_search(task, freedom, math.inf, seed).steps
