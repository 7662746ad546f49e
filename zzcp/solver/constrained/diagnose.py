"""Why a layer does not fit a machine, or constraints do not fit each other; and what would help.

Without constraints: the mapping that keeps all loops in the outermost memories needs the least of every other memory,
namely the tiles of the spatial unrolling alone. If that does not fit, nothing does; if it fits, it is a mapping. Where
complete outputs take fewer bits than partial sums the reduction loops come first, since they are then complete at the
array; else last.

With constraints: every constraint is put behind a literal, and the solver, with presolve off, names literals that are
sufficient for a contradiction. What is left is made minimal by leaving out one constraint after the other; so are the
memories whose capacity takes part. Every change that is proposed has been tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from zzcp.cost.constraints.rules import ElementsRule, TileRule, UtilizationRule
from zzcp.cost.formulas.capacity import forced_flags, refilled, stored_bits
from zzcp.cost.formulas.core import Model
from zzcp.cost.formulas.links import transfers
from zzcp.cost.formulas.numeric import PYTHON
from zzcp.cost.setting.state import operand_state
from zzcp.errors import InputError
from zzcp.mapping import Loop
from zzcp.mapping.constraints import (
    Bypass,
    Constraint,
    Constraints,
    MaxEnergy,
    MaxLatency,
    MinUtilization,
    TileElements,
    TileSize,
)
from zzcp.solver.constrained.problem import Case, Problem
from zzcp.solver.cp_sat import cp_model
from zzcp.solver.cpsat.restrict import MOST_BITS
from zzcp.solver.cpsat.space import Space, is_too_large, solve
from zzcp.solver.lattice.start import outermost_order
from zzcp.solver.result import Diagnosis, Shortage

_SECONDS = 15.0
"""Time for a diagnosis."""


def _larger(memory: str, needed: int, size: int) -> str:
    """Say which size of a memory would do."""
    article = "an" if memory[:1].lower() in tuple("aeiou") else "a"
    return f"{article} {memory} of {needed} bits would do ({needed - size} more)"


def diagnose(model: Model) -> Diagnosis | None:
    """Return the memories that cannot hold the smallest tiles, or None if all can."""
    shortages = [entry for entry in demands(model) if entry.needed > entry.size]
    if not shortages:
        return None
    return Diagnosis(
        tuple(shortages),
        tuple(_larger(entry.memory, entry.needed, entry.size) for entry in shortages),
    )


def is_certain(model: Model) -> bool:
    """Return whether nothing fits that does not fit by `diagnose`.

    It is not where a memory keeps everything twice that is refilled, and data in which windows overlap; nor where
    larger tiles of an output with windows, which are complete, may fit where one partial sum does not.
    """
    operands = model.setting.operands
    if any(operand.revisited for operand in operands) and not _lacks_room_for_results(model):
        return False
    return not any(
        tenancy.memory.force_double_buffering
        and any(operands[index].relations for index, _ in tenancy.tenants)
        for tenancy in model.setting.tenancies
    )


def _lacks_room_for_results(model: Model) -> bool:
    """Return whether the smallest tiles do not fit even if all sums of the output took the bits of results."""
    output = next(operand for operand in model.setting.operands if operand.is_output)
    stored = {memory.name: bits for memory, bits in zip(output.memories, output.stored, strict=True)}
    for shortage in demands(model):
        sums = sum(bits for name, bits in shortage.tiles if name == output.name)
        results = (
            sums * stored[shortage.memory].least // max(stored[shortage.memory].partial, 1) if sums else 0
        )
        if shortage.needed - sums + results > shortage.size:
            return True
    return False


def demands(model: Model) -> list[Shortage]:
    """Return for every memory the bits of the smallest tiles."""
    setting = model.setting
    loops = tuple(Loop(dim, size) for dim, size in outermost_order(setting))
    states = [
        operand_state(
            operand, (*[()] * (operand.depth - 1), loops), same_data_free=setting.conventions.same_data_free
        )
        for operand in setting.operands
    ]
    moved = [
        transfers(operand, operand.energy, state, setting.conventions, PYTHON)
        for operand, state in zip(setting.operands, states, strict=True)
    ]
    bits = stored_bits(setting, states, moved, PYTHON)
    forced = forced_flags(setting, refilled(setting, states, PYTHON))
    found = []
    for tenancy in setting.tenancies:
        tiles = tuple(
            (setting.operands[operand].name, -int(-bits[operand][level] // 1) * (1 + forced[operand][level]))
            for operand, level in tenancy.tenants
        )
        needed = sum(size for _, size in tiles)
        found.append(Shortage(tenancy.memory.name, needed, tenancy.memory.size, tiles))
    return found


def explain(problem: Problem, constraints: Constraints) -> Diagnosis:
    """Return why no mapping obeys constraints that are known to be infeasible, and what would help.

    Parameters
    ----------
    problem : Problem
        The layer and the machine.
    constraints : Constraints
        What is asked.
    """
    problem.clock = problem.clock.within(_SECONDS)
    bypassing = Constraints(tuple(item for item in constraints if isinstance(item, Bypass)))
    model = problem.case(bypassing).evaluator.model
    shortage = diagnose(model)
    if shortage is not None and (is_certain(model) or problem.attempt(bypassing).answer == "none"):
        return shortage
    found = Diagnosis((), (), conflict=tuple(map(str, constraints)), minimal=False)
    with suppress(MemoryError), problem.clock.watched():
        found = _Explanation(problem, constraints).diagnosis()
    return found


def _not_below(value: Fraction) -> int | float:
    """Return a whole number as it is, others as the smallest float that is not below them."""
    if value.denominator == 1:
        return value.numerator
    nearest = float(value)
    return nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)


def _not_above(value: Fraction) -> int | float:
    return -_not_below(-value)


@dataclass(frozen=True, slots=True)
class Change:
    """A single change after which a mapping exists.

    Parameters
    ----------
    size : float
        How much of what there is it changes, for the order; what is dropped counts more than what is changed.
    text : str
        What to do.
    """

    size: float
    text: str


@dataclass(slots=True, eq=False)
class _Explanation:
    """Looks for a minimal conflict among constraints, and for what would resolve it."""

    problem: Problem
    constraints: Constraints
    minimal: bool = True

    def diagnosis(self) -> Diagnosis:
        """Return the conflict and the changes."""
        conflict = self._shrunk(self._core(self.constraints), self.constraints)
        memories = self._memories(conflict)
        changes = sorted(self._changes(conflict, memories), key=lambda change: (change.size, change.text))
        further = [] if changes else self._further(conflict)
        return Diagnosis(
            (),
            tuple(change.text for change in changes),
            conflict=tuple(map(str, conflict)),
            memories=memories,
            minimal=self.minimal,
            further=tuple(tuple(map(str, other)) for other in further),
        )

    def _further(self, conflict: Sequence[Constraint]) -> list[list[Constraint]]:
        """Return conflicts among the other constraints: each has to be resolved for itself."""
        found: list[list[Constraint]] = []
        left = self.constraints.without(*conflict)
        while left and self._answer(left.items) == "none":
            other = self._shrunk(self._core(left), left)
            found.append(other)
            left = left.without(*other)
        return found

    def _answer(self, items: Sequence[Constraint]) -> str:
        """Return whether some of the constraints can be obeyed: ``found``, ``none`` or ``unknown``."""
        if not self.problem.clock.goes_on:
            return "unknown"
        try:
            return self.problem.attempt(Constraints(tuple(items))).answer
        except InputError:  # without a bypass a constraint may mean something else
            return "unknown"

    def _core(self, constraints: Constraints) -> list[Constraint]:
        """Return constraints that the solver finds sufficient for the contradiction, with all bypasses."""
        items = list(constraints)
        case = self.problem.case(constraints)
        if is_too_large(case.evaluator.model):
            return items
        space = Space(case.evaluator.model, case.others, soft=True)
        space.model.add_assumptions([*space.literals.values(), *space.capacities.values()])
        solver, status = solve(space.model, self.problem.clock, presolve=False)
        if status != cp_model.INFEASIBLE:
            return items  # it takes a budget
        core = set(solver.sufficient_assumptions_for_infeasibility())
        used = {item for item, literal in space.literals.items() if literal.index in core}
        kept = [item for item in items if item in used or isinstance(item, Bypass)]
        # never trust a core that does not contradict itself
        return kept if self._answer(kept) == "none" else items

    def _shrunk(self, items: list[Constraint], among: Constraints) -> list[Constraint]:
        """Leave out what the contradiction does not need, until every single constraint is needed."""
        # what costs a search comes last; bypasses too, which make room and are rarely the reason
        items = sorted(items, key=lambda item: isinstance(item, Bypass | MaxLatency | MaxEnergy))
        for item in list(items):
            rest = [other for other in items if other is not item]
            answer = self._answer(rest) if rest else "found"
            if answer == "none":
                items = rest
            elif answer == "unknown":
                self.minimal = False
        return [item for item in among if item in items]

    def _memories(self, conflict: Sequence[Constraint]) -> tuple[str, ...]:
        """Return the memories whose capacity takes part in a conflict that is none of budgets."""
        if any(isinstance(item, MaxLatency | MaxEnergy) for item in conflict):
            return ()
        case = self.problem.case(Constraints(tuple(conflict)))
        if is_too_large(case.evaluator.model):
            return ()
        names = [tenancy.memory.name for tenancy in case.evaluator.setting.tenancies]
        for name in list(names):
            rest = [other for other in names if other != name]
            space = self._space(
                case, without=[other for other in self._all_memories(case) if other not in rest]
            )
            _, status = solve(space.model, self.problem.clock)
            if status == cp_model.INFEASIBLE:
                names = rest
        return tuple(names)

    @staticmethod
    def _all_memories(case: Case) -> list[str]:
        return [tenancy.memory.name for tenancy in case.evaluator.setting.tenancies]

    @staticmethod
    def _space(case: Case, without: Sequence[str] = ()) -> Space:
        """Return the model of a case in which some memories have any size."""
        space = Space(case.evaluator.model, case.others, soft=True)
        for literal in space.literals.values():
            space.model.add(literal == 1)
        for name, literal in space.capacities.items():
            if name not in without:
                space.model.add(literal == 1)
        return space

    # ---- changes ----------------------------------------------------------------------------------------------

    def _changes(self, conflict: Sequence[Constraint], memories: Sequence[str]) -> Iterator[Change]:
        for name in memories:
            yield from self._larger(name)
        for item in conflict:
            others = self.constraints.without(item)
            if not self.problem.clock.goes_on:
                return
            if others and self._answer(others.items) != "found":
                continue
            relaxed = self._relaxed(item, others)
            if relaxed is not None:
                yield relaxed
            else:
                yield Change(1.0, f"drop '{item}'")

    def _larger(self, name: str) -> Iterator[Change]:
        """Yield the smallest size of a memory with which the constraints can be obeyed."""
        case = self.problem.case(self.constraints)
        space = self._space(case, without=[name])
        space.model.minimize(space.demands[name])
        solver, status = solve(space.model, self.problem.clock)
        if status != cp_model.OPTIMAL:
            return
        job = self.problem.job
        needed, memory = round(solver.objective_value), job.accelerator.memory(name)
        machine = replace(
            job.accelerator,
            memories=tuple(
                replace(held, size=needed) if held.name == name else held for held in job.accelerator.memories
            ),
        )
        larger = replace(self.problem, job=replace(job, accelerator=machine), cases={})
        if needed > memory.size and larger.attempt(self.constraints).answer == "found":
            yield Change(
                (needed - memory.size) / memory.size,
                _larger(name, needed, memory.size),
            )

    def _relaxed(self, item: Constraint, others: Constraints) -> Change | None:
        """Return the smallest relaxation of a constraint with a number that agrees with the others."""
        if isinstance(item, MaxLatency | MaxEnergy):
            return self._budget(item, others)
        if isinstance(item, TileSize | TileElements | MinUtilization):
            return self._bound(item, others)
        return None

    def _budget(self, item: MaxLatency | MaxEnergy, others: Constraints) -> Change | None:
        mapping = self.problem.attempt(others).mapping
        if mapping is None:
            return None
        latency = isinstance(item, MaxLatency)
        least, bound = self.problem.least(others, "latency" if latency else "energy", mapping)
        limit = Fraction(item.cycles) if isinstance(item, MaxLatency) else item.energy
        amount = f"{_not_below(least):,}"
        best = (
            "that is the best possible"
            if bound >= least
            else f"less than {_not_above(bound):,} is impossible"
        )
        article, what, unit = ("a", "latency", "cycles") if latency else ("an", "energy", "pJ")
        return Change(
            float((least - limit) / limit) if limit else float("inf"),
            f"{article} {what} budget of {amount} {unit} would do ({best})",
        )

    # ---- bounds -----------------------------------------------------------------------------------------------

    def _bound(self, item: TileSize | TileElements | MinUtilization, others: Constraints) -> Change | None:
        """Find the nearest number that can be attained, and try it."""
        case = self.problem.case(others)
        fixed = not isinstance(item, MinUtilization) and item.least == item.most
        if fixed or is_too_large(case.evaluator.model):
            return None
        for bound in ("least", "most"):
            limit = item.share if isinstance(item, MinUtilization) else getattr(item, bound)
            if limit is None or (bound == "most" and isinstance(item, MinUtilization)):
                continue
            value = self._nearest(item, others, highest=bound == "least")
            if value is None:
                continue
            other = replace(item, **{"share" if isinstance(item, MinUtilization) else bound: value})
            items = tuple(other if entry == item else entry for entry in self.constraints)
            if value != limit and self._answer(items) == "found":
                size = abs(float(value - limit)) / float(limit) if limit else float("inf")
                return Change(size, f"change '{item}' to '{other}'")
        return None

    def _nearest(
        self, item: TileSize | TileElements | MinUtilization, others: Constraints, *, highest: bool
    ) -> Any:
        """Return the largest (smallest) number with which a bound can be met besides the other constraints."""
        case = self.problem.case(others)
        probe = self.problem.case(Constraints((*others.items, item)))
        space = Space(case.evaluator.model, case.others)
        target = space.model.new_int_var(0, MOST_BITS, "target")
        for rule in probe.rules:
            if rule.constraint != item:
                continue
            if isinstance(rule, UtilizationRule):
                value: Any = cp_model.LinearExpr.sum(
                    [space.restriction.bits(index, level, low=False) for index, level in rule.tenants]
                )
            elif isinstance(rule, TileRule | ElementsRule):
                value = space.restriction.measure(rule, low=highest)
                if highest and rule.most is not None:
                    space.model.add(value <= rule.most)
                elif not highest and rule.least is not None:
                    space.model.add(value >= rule.least)
            else:
                continue
            space.model.add(target <= value if highest else target >= value)
        if highest:
            space.model.maximize(target)
        else:
            space.model.minimize(target)
        solver, status = solve(space.model, self.problem.clock)
        if status != cp_model.OPTIMAL:
            return None
        found = round(solver.objective_value)
        if isinstance(item, MinUtilization):
            # a share that can be written in decimals and is not above what is attained
            size = self.problem.job.accelerator.memory(item.memory).size
            return Fraction(found * 10**6 // size, 10**6)
        return found
