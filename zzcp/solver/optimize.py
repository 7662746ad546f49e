"""`optimize`: the public function, its checks, and the ways to an answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

from zzcp.checks import MAX_WORKERS, choice, flag, function, instance, integer
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
from zzcp.mapping.mapping import Factors
from zzcp.mapping.unrolling_constraints import check_names
from zzcp.mapping.unrollings import Choice, unrolling_of
from zzcp.runs.helpers import helpers_for
from zzcp.solver.cache.store import Cache, ResultCache
from zzcp.solver.clock import Clock
from zzcp.solver.constrained.diagnose import diagnose, is_certain
from zzcp.solver.constrained.optimize import (
    attempt_after_all,
    constraints_of,
    optimize_constrained,
    without_mapping,
)
from zzcp.solver.constrained.problem import Attempt
from zzcp.solver.engines import Engine
from zzcp.solver.infeasible import (
    DIAGNOSIS_WORK,
    ELSEWHERE_WORK,
    AllUnrollings,
    barred,
    told_of,
    with_elsewhere,
)
from zzcp.solver.job import Job
from zzcp.solver.memory import give_back
from zzcp.solver.memory_limit import limited
from zzcp.solver.options import SearchOptions
from zzcp.solver.padding.choices import Paddings
from zzcp.solver.padding.relaxed import Relaxed
from zzcp.solver.padding.search import PaddedSearch
from zzcp.solver.result import KnownBound, Progress, Result, gap_of
from zzcp.solver.search.search import Search, searching
from zzcp.solver.unrolling.ahead import InHelper
from zzcp.solver.unrolling.search import JointSearch
from zzcp.solver.unrolling.steps import Solve, Steps
from zzcp.workload import Layer

Tell = Callable[[Progress], None] | None
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
    options = SearchOptions(
        time_limit=time_limit,
        gap=gap,
        seed=seed,
        conventions=conventions,
        engine=engine,
        cache=ResultCache.of(cache),
        deterministic_limit=deterministic_limit,
        factors=factors,
        max_padding=max_padding,
        memory_limit=memory_limit,
        elsewhere=flag(elsewhere, "elsewhere"),
        workers=workers,
    )
    asked = constraints_of(constraints, layer)
    unrolling = unrolling_of(accelerator, layer, spatial, max_dims, factors)
    job = Job(accelerator, layer, objective, unrolling, links, asked, options, hint, known_bound)
    return run_job(job, on_progress, jobs=jobs, max_dims=max_dims)


def run_job(job: Job, tell: Tell = None, *, jobs: int = 1, max_dims: int = DEFAULT_MAX_DIMS) -> Result:
    """Search (a function of the module, so that other processes can run it).

    Parameters
    ----------
    job : Job
        What is asked; it is checked, as what `optimize` is given.
    tell : callable, optional
        Called with a `Progress` whenever incumbent or bound improve.
    jobs, max_dims
        As for `optimize`; the latter of other unrollings, where one that is given has no mapping.
    """
    jobs = integer(jobs, "jobs", least=1, most=MAX_WORKERS)
    function(tell, "on_progress")
    job = _checked(job)

    def search() -> Result:
        clock = Clock(job.options.seconds)
        helpers = jobs if isinstance(job.spatial, Freedom) else 1
        try:
            with limited(job.options.memory_limit), helpers_for(helpers):
                found = _run(job, tell)
            if found.status == "infeasible" and not found.interrupted:
                found = _explained(job, max_dims, found, clock)
            return replace(found, constraints=job.constraints)
        finally:
            give_back()

    kept = job.options.cache
    return search() if kept is None else kept.answer(job.question, job.options.gap, search)


def _checked(job: Job) -> Job:
    """Return a search with numbers that can be counted with, and without a bound that says nothing of it.

    Raises
    ------
    InputError
        If something is out of range, or does not go with something else.
    """
    check_setting(job.accelerator, job.layer, job.options.conventions, job.links)
    if not isinstance(job.goal, WeightedSum):
        choice(job.goal, "objective", OBJECTIVES)
    if job.hint is not None:
        instance(job.hint, LayerMapping, "hint", "a Mapping")
    known = job.known_bound
    if known is not None:
        instance(known, KnownBound, "known bound", "a KnownBound")
    options = job.options.checked()
    if job.constraints or isinstance(job.spatial, Freedom) or options.factors != "perfect":
        known = None
    check_names(job.constraints.on_unrolling, job.accelerator, job.layer)
    job = replace(job, options=options, known_bound=known)
    if options.factors == "imperfect":
        _check_imperfect(job)
    return job


def _run(job: Job, tell: Tell) -> Result:
    """Return the best mapping of an unrolling that is given, or of all that obey the constraints on them."""
    asked, unrolling = job.constraints, job.spatial
    of_loops = replace(job, constraints=asked.on_loops)
    if isinstance(unrolling, Freedom):
        freedom = unrolling.under(asked.on_unrolling, job.layer)
        return joint_search(replace(of_loops, spatial=freedom, hint=None), tell).run(job.hint)
    diagnosis = barred(job.accelerator, job.layer, unrolling, asked)
    if diagnosis is not None:
        return without_mapping(job, diagnosis)
    return _optimize_one(of_loops, tell)


def _explained(job: Job, max_dims: int, found: Result, clock: Clock) -> Result:
    """Return a result without a mapping that says which constraints bar all unrollings, or whether others have one.

    Parameters
    ----------
    job : Job
        What was asked.
    max_dims : int
        Layer dimensions on one array dimension of other unrollings.
    found : Result
        The result.
    clock : Clock
        When to stop at the latest.
    """
    asked, unrolling, work = job.constraints, job.spatial, job.options.work
    fractional = job.options.conventions.fractional_unrolling

    def find(freedom: Freedom, on_loops: Constraints, clock: Clock) -> Result:
        own = replace(job, spatial=freedom, constraints=on_loops, hint=None, known_bound=None).by(
            time_limit=max(0.0, clock.left),
            deterministic_limit=clock.work_left,
            gap=_ANY_GAP,
            factors="perfect",
        )
        search = joint_search(own)
        result = search.run(any_will_do=True)
        clock.spent += search.clock.spent
        return result

    diagnosis = found.diagnosis
    if isinstance(unrolling, Freedom) and asked and diagnosis is None:
        own = Clock(clock.left, work=min(DIAGNOSIS_WORK, work))
        conflict = AllUnrollings(job.accelerator, job.layer, unrolling, asked, find, fractional, own)
        diagnosis = conflict.diagnosis()
    bounded = not isinstance(unrolling, Freedom) or not unrolling.is_free
    helped = bool(asked.on_loops) and diagnosis is not None and bool(diagnosis.changes)
    if job.options.elsewhere and bounded and not helped:
        freedom = Freedom(max_dims).under(asked.on_unrolling, job.layer)
        other = find(freedom, asked.on_loops, Clock(clock.left, work=min(ELSEWHERE_WORK, work)))
        diagnosis = with_elsewhere(diagnosis, told_of(other))
    return replace(found, diagnosis=diagnosis)


def _optimize_one(job: Job, tell: Tell = None, rival: Fraction | None = None) -> Result:
    """Return the best mapping of one unrolling, or what is proven of mappings better than a rival."""
    options = job.options
    if job.constraints:
        search_with = _searching(job, tell)
        return optimize_constrained(job, Clock(options.seconds, work=options.work), search_with, rival)
    if options.factors == "imperfect":
        return padded_search(job, tell, rival).run(job.hint)
    return _search(job, Evaluator(*job.setting), tell, rival)


def _searching(job: Job, tell: Tell) -> Callable[..., Search]:
    """Return what makes the search of one unrolling."""
    limit = job.options.work
    return searching(job.options, floor=job.known_bound, on_progress=tell, deterministic_limit=limit)


def _check_imperfect(job: Job) -> None:
    """Check that loops that do not divide go with what else is asked."""
    expected = "factors perfect"
    conventions, unrolling = job.options.conventions, job.spatial
    if job.constraints.on_loops:
        raise InputError("constraints are for loops that divide", expected=expected, found="imperfect")
    if not supports_remainders(conventions):
        raise InputError(
            f"the conventions {conventions.name} count all tiles as whole ones",
            expected=expected,
            found="imperfect",
        )
    # what is not unrolled slides in time: no other unrolling has more windows whose overlap may stay
    spatial = unrolling.given.fitted(job.layer) if isinstance(unrolling, Freedom) else unrolling
    setting = Evaluator(*replace(job, spatial=spatial).setting).setting
    for operand in setting.operands:
        if operand.slides is not None:
            keeping = operand.memories[operand.slides.kept.index(True) - 1]
            raise InputError(
                f"memory {keeping.name} keeps the overlap of windows of {operand.name}, for loops that divide",
                place=Place(field="keeps_overlap"),
                expected=f"{expected}, or a machine without it",
                found="imperfect",
            )


def padded_search(job: Job, tell: Tell = None, rival: Fraction | None = None) -> PaddedSearch:
    """Return the search over all loops of one unrolling, whether they divide or not, to be run."""
    options = job.options

    def solve(of: Evaluator, seconds: float, beaten: Fraction | None, work: float) -> Result:
        own = replace(job, hint=None).by(time_limit=seconds, deterministic_limit=work)
        return _search(own, of, None, beaten)

    return PaddedSearch(
        Evaluator(*job.setting),
        job.goal,
        solve,
        options.seconds,
        options.gap,
        options.most_padding,
        rival,
        tell,
        options.work,
    )


def _search(job: Job, evaluator: Evaluator, tell: Tell, rival: Fraction | None) -> Result:
    """Return the best mapping of an evaluator, or what is proven of mappings better than a rival."""
    options, hint = job.options, job.hint
    search_with = _searching(job, tell)
    search = search_with(evaluator, job.goal, options.seconds, options.gap, rival=rival)
    shortage = diagnose(search.evaluator.model) if hint is None else None
    if shortage is not None:
        attempt = Attempt("none")
        if not is_certain(search.evaluator.model):
            clock = Clock(options.seconds, work=options.work)
            attempt = attempt_after_all(job, search_with, clock)
        if attempt.answer == "none":
            return replace(search.result("infeasible", shortage), engine=attempt.engine)
        if attempt.mapping is None:
            return search.result("unknown")
        hint = attempt.mapping
    return search.run(hint)


def joint_search(job: Job, tell: Tell = None) -> JointSearch:
    """Return the search over all unrollings, to be run."""
    options, freedom = job.options, job.spatial
    assert isinstance(freedom, Freedom)

    def solve(
        spatial: SpatialMapping, seconds: float, rival: Fraction | None, work: float, *, briefly: bool = False
    ) -> Solve:
        # for a first incumbent loops that divide are enough
        factors = "perfect" if briefly else options.factors
        of_one = replace(job, spatial=spatial)
        of_one = of_one.by(time_limit=seconds, deterministic_limit=work, factors=factors)
        result = _optimize_one(of_one, rival=rival)
        if result.status == "infeasible":
            return Solve(result, None, math.inf, closed=True)
        evaluation = result.evaluation
        value = None if evaluation is None else objective_of(evaluation, job.goal)
        known = [limit for limit in (value, rival) if limit is not None]
        gap = gap_of(min(known), result.lower_bound) if known else 1.0
        return Solve(result, value, result.lower_bound, gap <= options.gap * (1 + 1e-9))

    def root(of: Evaluator, goal: Goal, value: float, known: float) -> float:
        sizes = Paddings.of(job.layer, of.setting.iterations, options.most_padding).sizes
        return Relaxed(of, sizes).bound_of_all(goal, value, known)

    imperfect = options.factors == "imperfect"
    return JointSearch(
        job.accelerator,
        job.layer,
        job.goal,
        options.conventions,
        job.links,
        freedom,
        solve,
        not job.constraints,
        options.seconds,
        options.gap,
        options.seed,
        tell,
        options.work,
        root if imperfect else None,
        options.most_padding if imperfect else None,
        InHelper(partial(_steps, job.by(time_limit=math.inf))),
    )


def _steps(job: Job) -> Steps:
    """Return the steps of the search over all unrollings, for a helper."""
    return joint_search(job).steps
