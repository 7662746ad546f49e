"""`optimize` under constraints: the search from a first mapping that obeys them, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import Any

from zzcp.cost.constraints.constrained import bypasses, obeys
from zzcp.cost.conventions import CostConventions
from zzcp.cost.objective import Goal
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.constraints import Constraints, LayerConstraints
from zzcp.solver.clock import Clock
from zzcp.solver.constrained.diagnose import explain
from zzcp.solver.constrained.problem import Attempt, Case, Problem
from zzcp.solver.engines import Engine
from zzcp.solver.result import Result
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
    setting: tuple[Accelerator, Layer, SpatialMapping, CostConventions, Mapping[str, str] | None],
    constraints: Constraints,
    objective: Goal,
    clock: Clock,
    gap: float,
    search_with: Callable[..., Any],
    hint: LayerMapping | None,
    engine: Engine,
    rival: Fraction | None = None,
) -> Result:
    """Return the best mapping that obeys constraints, or why there is none; parameters as for `optimize`.

    With a rival's objective only mappings that are better than it are of interest. The clock has just started.
    """
    with clock.interrupt:
        problem = Problem(*setting, search_with, clock, engine)
        case = problem.case(constraints)
        start = _usable(hint, case, constraints)
        attempt = Attempt("unknown") if start is None else Attempt("found", start)
        if start is None:
            attempt = _attempt(problem, constraints)
        if attempt.mapping is None:
            infeasible = attempt.answer == "none"
            diagnosis = explain(problem, constraints) if infeasible else None
            return Result(
                status="infeasible" if infeasible else "unknown",
                objective=None,
                lower_bound=0.0,
                gap=None,
                mapping=None,
                evaluation=None,
                diagnosis=diagnosis,
                conventions=problem.conventions.name,
                objective_name=str(objective),
                wall_s=clock.passed,
                interrupted=clock.interrupt.requested,
                spatial=problem.spatial,
                links=problem.links,
                constraints=constraints,
                engine=attempt.engine,
            )
        search = search_with(
            case.evaluator, objective, max(clock.left, 0.1), gap, rules=case.rules, rival=rival
        )
        result: Result = search.run(attempt.mapping)
    assert result.mapping is not None
    return replace(
        result,
        mapping=replace(result.mapping, bypass=bypasses(constraints) or None),
        wall_s=clock.passed,
        constraints=constraints,
    )


def attempt_after_all(
    setting: tuple[Accelerator, Layer, SpatialMapping, CostConventions, Mapping[str, str] | None],
    search_with: Callable[..., Any],
    clock: Clock,
    engine: Engine,
) -> Attempt:
    """Look for a mapping where `diagnose` finds that the smallest tiles do not fit, but cannot be certain.

    Two copies of a small tile may take more than one copy of all data, of which neighbouring windows share a part.
    """
    with clock.interrupt:
        return _attempt(Problem(*setting, search_with, clock, engine), Constraints())


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
