"""`optimize` under constraints: the search from a first mapping that obeys them, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import Any

from zzcp.cost.constraints.constrained import bypasses, obeys
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.constraints import Constraints, LayerConstraints
from zzcp.solver.clock import Clock
from zzcp.solver.constrained.diagnose import explain
from zzcp.solver.constrained.problem import Attempt, Case, Problem
from zzcp.solver.job import Job
from zzcp.solver.result import Diagnosis, Result
from zzcp.workload import Layer


def constraints_of(
    constraints: Constraints | LayerConstraints | Mapping[str, Any] | None, layer: Layer
) -> Constraints:
    """Return the constraints of a layer, whatever they are given as."""
    if constraints is None:
        return Constraints()
    if isinstance(constraints, LayerConstraints):
        return constraints.for_layer(layer.name, layer.operator)
    if isinstance(constraints, Constraints):
        return constraints
    return Constraints.from_dict(constraints)


def optimize_constrained(
    job: Job, clock: Clock, search_with: Callable[..., Any], rival: Fraction | None = None
) -> Result:
    """Return the best mapping that obeys constraints, or why there is none.

    With a rival's objective only mappings that are better than it are of interest. The clock has just started.
    """
    constraints, gap = job.constraints, job.options.gap
    with clock.interrupt:
        problem = Problem(job, search_with, clock)
        case = problem.case(constraints)
        start = _usable(job.hint, case, constraints)
        attempt = _attempt(problem, constraints) if start is None else Attempt("found", start)
        if attempt.mapping is None:
            infeasible = attempt.answer == "none"
            diagnosis = explain(problem, constraints) if infeasible else None
            return replace(
                without_mapping(job, diagnosis),
                status="infeasible" if infeasible else "unknown",
                wall_s=clock.passed,
                interrupted=clock.interrupt.requested,
                constraints=constraints,
                engine=attempt.engine,
            )
        search = search_with(
            case.evaluator, job.goal, max(clock.left, 0.1), gap, rules=case.rules, rival=rival
        )
        result: Result = search.run(attempt.mapping)
    assert result.mapping is not None
    return replace(
        result,
        mapping=replace(result.mapping, bypass=bypasses(constraints) or None),
        wall_s=clock.passed,
        constraints=constraints,
    )


def without_mapping(job: Job, diagnosis: Diagnosis | None) -> Result:
    """Return the result of an unrolling that has no mapping."""
    assert isinstance(job.spatial, SpatialMapping)
    return Result(
        status="infeasible",
        objective=None,
        lower_bound=0.0,
        gap=None,
        mapping=None,
        evaluation=None,
        diagnosis=diagnosis,
        conventions=job.options.conventions.name,
        objective_name=str(job.goal),
        wall_s=0.0,
        spatial=job.spatial,
        links=job.links,
    )


def attempt_after_all(job: Job, search_with: Callable[..., Any], clock: Clock) -> Attempt:
    """Look for a mapping where `diagnose` finds that the smallest tiles do not fit, but cannot be certain.

    Two copies of a small tile may take more than one copy of all data, of which neighbouring windows share a part.
    """
    with clock.interrupt:
        return _attempt(Problem(job, search_with, clock), Constraints())


def _attempt(problem: Problem, constraints: Constraints) -> Attempt:
    """Look for a mapping; without time or memory nothing is known."""
    attempt = Attempt("unknown")
    with suppress(MemoryError), problem.clock.watched():
        attempt = problem.attempt(constraints)
    return attempt


def _usable(hint: LayerMapping | None, case: Case, constraints: Constraints) -> LayerMapping | None:
    """Return a hint in the form of the machine without bypassed memories, if it obeys the constraints."""
    if hint is None:
        return None
    wanted = {operand: set(names) for operand, names in bypasses(constraints).items()}
    given = {operand: set(names) for operand, names in (hint.bypass or {}).items()}
    if wanted != given:
        return None
    hint = replace(hint, bypass=None)
    return hint if obeys(case.evaluator, hint, case.rules) else None
