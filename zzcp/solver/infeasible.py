"""Why no unrolling has a mapping: constraints that leave none, or only the unrolling that was given.

Constraints on the unrolling bound the space of the joint search; those on loops are obeyed by the mappings of every
unrolling. A conflict among both is made minimal by leaving out one constraint after the other, and asking whether any
unrolling then has a mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from zzcp.hardware import Accelerator
from zzcp.mapping import SpatialMapping
from zzcp.mapping.constraints import Constraint, Constraints
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.unrolling_constraints import MinArrayUtilization, violation
from zzcp.solver.clock import Clock
from zzcp.solver.constrained.problem import Answer
from zzcp.solver.result import Diagnosis, Result
from zzcp.solver.unrolling.choices import choices_of
from zzcp.workload import Layer

ELSEWHERE_WORK = 3.0
"""Work for finding out whether another unrolling has a mapping; not time, so that the answer is always the same."""
DIAGNOSIS_WORK = 30.0
"""Work for a diagnosis."""

Find = Callable[[Freedom, Constraints, Clock], Result]
"""Looks for any mapping of any unrolling that is free, under constraints on its loops, while a clock goes on."""


def barred(
    accelerator: Accelerator, layer: Layer, spatial: SpatialMapping, constraints: Constraints
) -> Diagnosis | None:
    """Return which constraints an unrolling that is given violates, or None if it obeys all of them."""
    texts = [
        f"{item} ({text})"
        for item in constraints.on_unrolling
        if (text := violation(item, accelerator, layer, spatial)) is not None
    ]
    if not texts:
        return None
    return Diagnosis((), (), conflict=(texts[0],), further=tuple((text,) for text in texts[1:]))


def told_of(found: Result) -> str:
    """Return in words what a search over all unrollings for any mapping says of the one without a mapping."""
    if found.mapping is not None and not any(factors for _, factors in found.mapping.spatial.unrolling):
        return "without any unrolling there is a mapping: --spatial auto chooses the best"
    if found.mapping is not None:
        return (
            f"another unrolling has a mapping, such as {words(found.mapping.spatial)}: "
            "--spatial auto chooses the best"
        )
    if found.status == "infeasible":
        return f"nor has any of the {found.space.unrollings:,} unrollings with {found.space.description}"
    return "whether another unrolling has one was not found out"


def words(spatial: SpatialMapping) -> str:
    """Return an unrolling in words."""
    parts = [
        f"{name} {' x '.join(f'{dim} {factor}' for dim, factor in factors)}"
        for name, factors in spatial.unrolling
        if factors
    ]
    return ", ".join(parts)


@dataclass(slots=True, eq=False)
class AllUnrollings:
    """Constraints that no mapping of any unrolling obeys.

    Parameters
    ----------
    accelerator, layer
        What is to run where.
    freedom : Freedom
        What the unrolling may be without the constraints.
    constraints : Constraints
        All constraints.
    find : callable
        Looks for a mapping.
    fractional : bool
        Whether lanes count as fractions.
    clock : Clock
        When to stop.
    """

    accelerator: Accelerator
    layer: Layer
    freedom: Freedom
    constraints: Constraints
    find: Find
    fractional: bool
    clock: Clock
    minimal: bool = True

    def diagnosis(self) -> Diagnosis | None:
        """Return a minimal conflict and what would resolve it; None where no constraint has a part in it."""
        if self._is_empty(self.constraints):
            conflict = self._shrunk(self.constraints.on_unrolling, self._nonempty)
        elif self._answer(()) == "found":
            conflict = self._shrunk(self.constraints.items, self._answer)
        else:
            return None
        changes = [text for item in conflict if (text := self._change(item)) is not None]
        return Diagnosis((), tuple(changes), conflict=tuple(map(str, conflict)), minimal=self.minimal)

    def _shrunk(
        self, items: Sequence[Constraint], answer_of: Callable[[Sequence[Constraint]], Answer]
    ) -> list[Constraint]:
        """Leave out what the contradiction does not need, until every single constraint is needed."""
        needed = list(items)
        for item in items:
            rest = [other for other in needed if other is not item]
            answer = answer_of(rest)
            if answer == "none":
                needed = rest
            elif answer == "unknown":
                self.minimal = False
        return needed

    def _nonempty(self, items: Sequence[Constraint]) -> Answer:
        """Return whether any unrolling obeys constraints."""
        return "none" if self._is_empty(Constraints(tuple(items))) else "found"

    def _answer(self, items: Sequence[Constraint]) -> Answer:
        """Return whether some mapping of some unrolling obeys constraints."""
        if not self.clock.goes_on:
            return "unknown"
        asked = Constraints(tuple(items))
        if self._is_empty(asked):
            return "none"
        found = self.find(self.freedom.under(asked.on_unrolling, self.layer), asked.on_loops, self.clock)
        if found.mapping is not None:
            return "found"
        return "none" if found.status == "infeasible" else "unknown"

    def _is_empty(self, asked: Constraints) -> bool:
        freedom = self.freedom.under(asked.on_unrolling, self.layer)
        return choices_of(self.accelerator, self.layer, freedom, fractional=self.fractional).is_empty

    def _change(self, item: Constraint) -> str | None:
        """Return a change of one constraint after which the others are obeyed by some mapping."""
        others = self.constraints.without(item)
        if isinstance(item, MinArrayUtilization):
            text = self._utilization(others)
            if text is not None:
                return text
        return f"drop '{item}'" if self._answer(others.items) == "found" else None

    def _utilization(self, others: Constraints) -> str | None:
        """Return the highest utilization that some unrolling has, if one with a mapping has it."""
        units = self.accelerator.array.units
        low, high = 0, units
        while low < high and self.clock.goes_on:
            middle = (low + high + 1) // 2
            asked = Constraints((*others, MinArrayUtilization(Fraction(middle, units))))
            low, high = (low, middle - 1) if self._is_empty(asked) else (middle, high)
        least = MinArrayUtilization(Fraction(low, units))
        if low < high or self._answer((*others, least)) != "found":
            return None
        return f"{least} would do ({low:,} of {units:,} units)"


def with_elsewhere(diagnosis: Diagnosis | None, text: str) -> Diagnosis:
    """Return a diagnosis that says whether another unrolling has a mapping."""
    return replace(diagnosis or Diagnosis((), ()), elsewhere=text)
