"""`explain`: where the cycles and the energy of a result go, and what two results differ in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack, overload

from zzcp.checks import choice, duration, flag, function, gap_tolerance, instance, repr_of, two
from zzcp.cost import Evaluation
from zzcp.cost.objective import OBJECTIVES, objective_of
from zzcp.errors import InputError
from zzcp.explanations.collector import collect
from zzcp.explanations.compare import Comparison, compare_facts
from zzcp.explanations.facts import Facts
from zzcp.explanations.whatif import Change, resolved_changes, same_mapping_changes
from zzcp.explanations.words import explain_words, resident_words
from zzcp.solver import Result
from zzcp.solver.cache import Cache, ResultCache

Explained = Result | Evaluation


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where the cycles and the energy of one mapping go.

    Parameters
    ----------
    facts : Facts
        The figures, with machine, layer and mapping.
    objective : str
        What counts for `changes`.
    status : str or None
        Of the solver, where it comes from one.
    lower_bound, gap : float or None
        What was proven, where it was.
    changes : tuple of Change
        What changes of the machine would bring, the largest gain first.
    resolved : bool
        Whether the best mapping was searched for every changed machine; else the mapping stays.
    sentences : tuple of str
        The same in words.
    """

    facts: Facts
    objective: str
    status: str | None
    lower_bound: float | None
    gap: float | None
    changes: tuple[Change, ...]
    resolved: bool
    sentences: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            **self.facts.to_dict(),
            "objective_name": self.objective,
            "objective": float(objective_of(self.facts.evaluation, self.objective)),
            "status": self.status,
            "lower_bound": self.lower_bound,
            "gap": self.gap,
            "resolved": self.resolved,
            "changes": [change.to_dict() for change in self.changes],
            "sentences": list(self.sentences),
        }


class _Options(TypedDict, total=False):
    """The keywords of `explain`, which the overloads share."""

    objective: str | None
    what_if: bool
    resolve: bool
    time_limit: float
    gap: float
    names: tuple[str, str] | None
    cache: Cache
    on_progress: Callable[[str], None] | None


@overload
def explain(first: Explained, other: None = None, **options: Unpack[_Options]) -> Explanation: ...
@overload
def explain(first: Explained, other: Explained, **options: Unpack[_Options]) -> Comparison: ...
def explain(
    first: Explained,
    other: Explained | None = None,
    *,
    objective: str | None = None,
    what_if: bool = True,
    resolve: bool = False,
    time_limit: float = 60.0,
    gap: float = 1e-4,
    names: tuple[str, str] | None = None,
    cache: Cache = None,
    on_progress: Callable[[str], None] | None = None,
) -> Explanation | Comparison:
    """Explain a result, or what two results differ in.

    Parameters
    ----------
    first : Result or Evaluation
        Of `optimize` or `evaluate`.
    other : Result or Evaluation, optional
        Another one, to be compared with the first.
    objective : str, optional
        What counts for what would help; by default what was minimised, or the energy-delay product.
    what_if : bool
        Whether to say what twice the bandwidth or capacity would bring (of one result only).
    resolve : bool
        Whether to search the best mapping for every changed machine. Else the mapping stays, which is quick.
    time_limit, gap : float
        For every such search, as for `optimize`.
    names : tuple of str, optional
        What to call two results; by default their machines, or A and B where those have one name.
    cache : ResultCache, path or bool, optional
        Of these searches, as for `optimize`.
    on_progress : callable, optional
        Called with what is being searched.

    Returns
    -------
    Explanation or Comparison
        Figures and sentences; of two results what they differ in.

    Raises
    ------
    InputError
        If a result has no mapping, or its mapping is invalid.
    """
    for result in (first,) if other is None else (first, other):
        if not isinstance(result, Result | Evaluation):
            raise InputError("result to explain", expected="a Result or an Evaluation", found=repr_of(result))
    if objective is None:
        objective = first.objective_name if isinstance(first, Result) else "edp"
    chosen = choice(objective, "objective", OBJECTIVES)
    time_limit, gap = duration(time_limit, "time limit"), gap_tolerance(gap)
    if names is not None:
        first_name, other_name = two(names, "names", "two texts")
        names = instance(first_name, str, "name of a result"), instance(other_name, str, "name of a result")
    function(on_progress, "on_progress")
    what_if, resolve = flag(what_if, "what_if"), flag(resolve, "resolve")
    if other is not None:
        a, b = _explanation(first, chosen), _explanation(other, chosen)
        return compare_facts(a.facts, b.facts, chosen, names, (a.gap, b.gap))
    explanation = _explanation(first, chosen)
    changes: tuple[Change, ...] = ()
    if resolve:
        changes = resolved_changes(
            explanation.facts, chosen, time_limit, gap, on_progress, ResultCache.of(cache)
        )
    elif what_if:
        changes = same_mapping_changes(explanation.facts, chosen)
    found = replace(explanation, changes=changes, resolved=resolve)
    sentences = explain_words(found.facts, chosen, changes, resolved=resolve, asked=resolve or what_if)
    stays = resident_words(first.mapping) if isinstance(first, Result) and first.mapping else ()
    return replace(found, sentences=(*stays, *sentences))


def _explanation(result: Explained, objective: str) -> Explanation:
    evaluation = result.evaluation if isinstance(result, Result) else result
    if evaluation is None:
        raise InputError("the result has no mapping to explain")
    if not evaluation.valid:
        raise InputError("an invalid mapping has no explanation", found="; ".join(evaluation.violations))
    facts = collect(evaluation)
    if not isinstance(result, Result):
        return Explanation(facts, objective, None, None, None, (), False, ())
    bound = result.lower_bound if result.objective_name == objective else None
    gap = result.gap if result.objective_name == objective else None
    return Explanation(facts, objective, result.status, bound, gap, (), False, ())
