"""What was found of a layer, as it is kept: its mapping, its objective and the bound; figures are counted again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from zzcp.cost.constraints.constrained import constraint_violations
from zzcp.cost.evaluate import evaluate
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.objective import Goal, objective_of
from zzcp.errors import InputError
from zzcp.mapping import Mapping
from zzcp.mapping.freedom import Freedom
from zzcp.solver.cache.question import Question
from zzcp.solver.result import Result, as_scored, gap_of
from zzcp.solver.space import Space


class StaleEntryError(ValueError):
    """An entry that is not what it says."""


def is_kept(result: Result) -> bool:
    """Return whether a result is worth keeping: it has a mapping, and nobody stopped the search."""
    return result.mapping is not None and result.status in ("optimal", "feasible") and not result.interrupted


def to_entry(result: Result, objective: Goal, tolerance: float) -> dict[str, Any]:
    """Return a result as plain data.

    Parameters
    ----------
    result : Result
        What was found; it has a mapping.
    objective : Objective or WeightedSum
        What was minimised.
    tolerance : float
        The gap that was asked for.
    """
    assert result.mapping is not None
    assert result.evaluation is not None
    return {
        "status": result.status,
        "tolerance": tolerance,
        "objective": str(objective_of(result.evaluation, objective)),
        "lower_bound": result.lower_bound,
        "engine": result.engine,
        "wall_s": result.wall_s,
        "faults": list(result.faults),
        "space": result.space.to_dict(),
        "mapping": result.mapping.to_dict(),
    }


def meets(entry: dict[str, Any], objective: Fraction, tolerance: float) -> bool:
    """Return whether an entry proves as much as is asked for."""
    if entry["status"] == "optimal" and entry["tolerance"] <= tolerance:
        return True
    return gap_of(objective, entry["lower_bound"]) <= tolerance


@contextmanager
def reading() -> Iterator[None]:
    """Whatever is wrong with an entry that is read here, it is stale.

    Raises
    ------
    StaleEntryError
        In place of any error that damaged data cause.
    """
    try:
        yield
    except StaleEntryError:
        raise
    except InputError as error:
        raise StaleEntryError(str(error)) from None
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise StaleEntryError(repr(error)) from None


def scored_again(data: MappingType[str, Any], question: Question) -> tuple[Mapping, Evaluation]:
    """Return a mapping that was written, and what it costs by the evaluator."""
    mapping = Mapping.from_dict(data)
    scored = as_scored(mapping, question.conventions, question.constraints)
    return mapping, evaluate(question.accelerator, question.layer, scored, question.conventions)


def check_unrolling(mapping: Mapping, question: Question) -> None:
    """Check that a mapping has the unrolling that is asked for, where one is.

    Raises
    ------
    StaleEntryError
        If it has another one.
    """
    if not isinstance(question.spatial, Freedom) and mapping.spatial != question.spatial:
        raise StaleEntryError("another unrolling")


def from_entry(entry: dict[str, Any], question: Question, tolerance: float) -> Result | None:
    """Return the result that an entry holds, scored by the evaluator again; None where it proves less than is asked.

    Parameters
    ----------
    entry : dict
        From `to_entry`, perhaps damaged.
    question : Question
        What is asked.
    tolerance : float
        The gap that is asked for.

    Raises
    ------
    StaleEntryError
        If the mapping does not cost what the entry says, or is no answer to the question.
    """
    with reading():
        objective = Fraction(entry["objective"])
        if not meets(entry, objective, tolerance):
            return None
        space = space_of(entry["space"])
        mapping, evaluation = scored_again(entry["mapping"], question)
        violations = constraint_violations(
            question.accelerator, question.layer, mapping, question.constraints, question.conventions
        )
        if violations:
            raise StaleEntryError("; ".join(violations))
        found = objective_of(evaluation, question.objective)
        bound = float(entry["lower_bound"])
        if found != objective:
            raise StaleEntryError(f"an objective of {float(found)!r} instead of {float(objective)!r}")
        if not 0 <= bound <= found:
            raise StaleEntryError(f"a bound of {bound!r} for an objective of {float(found)!r}")
        if gap_of(found, bound) > tolerance:
            raise StaleEntryError(f"optimal with a bound of {bound!r} for an objective of {float(found)!r}")
        check_unrolling(mapping, question)
        return Result(
            status="optimal",
            objective=float(found),
            lower_bound=bound,
            gap=gap_of(found, bound),
            mapping=mapping,
            evaluation=evaluation,
            diagnosis=None,
            conventions=question.conventions.name,
            objective_name=str(question.objective),
            wall_s=float(entry["wall_s"]),
            spatial=mapping.spatial,
            links=mapping.links,
            faults=tuple(entry["faults"]),
            constraints=question.constraints,
            engine=entry["engine"],
            space=space,
            cached=True,
        )


def space_of(data: MappingType[str, Any]) -> Space:
    """Return the space that `Space.to_dict` has written."""
    freedom = data.get("freedom")
    return Space(
        unrollings=int(data["unrollings"]),
        ruled_out=dict(data["ruled_out"]),
        solved=int(data["solved"]),
        complete=bool(data["complete"]),
        description=str(data["description"]),
        freedom=None if freedom is None else Freedom.from_dict(freedom),
        max_padding=float(data.get("max_padding", math.inf)) if data.get("factors") == "imperfect" else None,
    )
