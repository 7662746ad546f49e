"""A layer under constraints: its machine and rules, and a first mapping that obeys them or a proof that there is none.

1. Bypasses and forced buffering make another machine; all other constraints become rules on it.
2. Some random mapping obeys the rules but for the budgets; or a model without costs finds one that does, or proves that
   there is none.
3. For a budget that this mapping exceeds, its own quantity is minimised until the budget is met or proven too small.

That model is CP-SAT's: where only the search by ranges may be used, a first mapping is looked for at random.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

from zzcp.cost.constraints.compiler import compile_rules
from zzcp.cost.constraints.constrained import bypasses, constrained_machine, is_exact, obeys
from zzcp.cost.constraints.rules import EnergyRule, LatencyRule, OrderRule, Rule, UnrollingRule
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.setting.setting import Setting
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping.constraints import Constraints
from zzcp.solver.clock import Clock
from zzcp.solver.cp_sat import cp_model
from zzcp.solver.cpsat.space import Space, is_too_large, solve
from zzcp.solver.engines import NO_ENGINE
from zzcp.solver.job import Job
from zzcp.solver.lattice.chain import any_completion, best_completion
from zzcp.solver.lattice.keys import keys_of
from zzcp.solver.lattice.start import first_mapping, outermost_mapping, outermost_order

_MOST_TRIES = 200
"""Chains of the model without costs that are completed in vain before the search for a first mapping ends."""

_MOST_ROUNDS = 16
"""Batches of random mappings that are tried where nothing else can find one."""

Answer = Literal["found", "none", "unknown"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of looking for a mapping.

    Parameters
    ----------
    answer : str
        ``found``, ``none`` (proven) or ``unknown``.
    mapping : Mapping or None
        The mapping.
    budget : Rule or None
        The budget that cannot be met, where that is the reason.
    engine : str
        What has proven that there is none.
    """

    answer: Answer
    mapping: LayerMapping | None = None
    budget: Rule | None = None
    engine: str = NO_ENGINE


@dataclass(frozen=True, slots=True)
class Case:
    """A layer on the machine of some constraints, their rules, and whether the unrolling violates one of them."""

    evaluator: Evaluator
    rules: tuple[Rule, ...]
    barred: bool = False

    @property
    def budgets(self) -> tuple[LatencyRule | EnergyRule, ...]:
        """The rules about latency and energy."""
        return tuple(rule for rule in self.rules if isinstance(rule, LatencyRule | EnergyRule))

    @property
    def others(self) -> tuple[Rule, ...]:
        """All other rules."""
        return tuple(rule for rule in self.rules if not isinstance(rule, LatencyRule | EnergyRule))


@dataclass(slots=True, eq=False)
class Problem:
    """A layer, a machine and an unrolling, to be solved under some constraints or others.

    Parameters
    ----------
    job : Job
        What does not change, for one unrolling.
    search_with : callable
        Returns a `Search` for an evaluator, an objective, a time limit, a tolerance, and further keywords.
    clock : Clock
        When to stop.
    """

    job: Job
    search_with: Callable[..., Any]
    clock: Clock
    cases: dict[tuple[Any, ...], Case] = field(default_factory=dict)

    def case(self, constraints: Constraints) -> Case:
        """Return the machine and the rules of some constraints."""
        key = constraints.items
        if key not in self.cases:
            job = self.job
            machine = constrained_machine(job.accelerator, job.layer, constraints, job.links)
            evaluator = Evaluator(*replace(job, accelerator=machine).setting)
            rules = compile_rules(evaluator.setting, constraints, bypasses(constraints))
            of_unrolling = [rule for rule in rules if isinstance(rule, UnrollingRule)]
            self.cases[key] = Case(
                evaluator,
                tuple(rule for rule in rules if rule not in of_unrolling),
                any(rule.violation is not None for rule in of_unrolling),
            )
        return self.cases[key]

    def attempt(self, constraints: Constraints) -> Attempt:
        """Look for a mapping that obeys constraints, budgets included."""
        case = self.case(constraints)
        if case.barred:
            return Attempt("none")
        answer, mapping = self._obeying(case)
        if mapping is None:
            return Attempt(answer, engine="cp-sat" if answer == "none" else NO_ENGINE)
        met = list(case.others)
        for budget in case.budgets:
            if not obeys(case.evaluator, mapping, (budget,)):
                attempt = self._within(case, met, budget, mapping)
                if attempt.mapping is None:
                    return attempt
                mapping = attempt.mapping
            met.append(budget)
        return Attempt("found", mapping)

    def least(
        self, constraints: Constraints, objective: str, mapping: LayerMapping
    ) -> tuple[Fraction, Fraction]:
        """Return the smallest latency or energy under constraints that is known, and the bound for all."""
        case = self.case(constraints)
        search = self._search(case, objective, case.rules)
        search.run(mapping)
        assert search.value is not None
        return search.value, min(search.bound, search.value)

    def _search(self, case: Case, objective: str, rules: Sequence[Rule], **options: Any) -> Any:
        left = max(self.clock.left, 0.1)
        return self.search_with(
            case.evaluator, objective, left, 0.0, on_progress=None, rules=tuple(rules), **options
        )

    def _within(
        self, case: Case, rules: Sequence[Rule], budget: LatencyRule | EnergyRule, mapping: LayerMapping
    ) -> Attempt:
        """Minimise what a budget limits until it is met, or until it is proven too small."""
        energy = isinstance(budget, EnergyRule)
        most = budget.most if isinstance(budget, EnergyRule) else Fraction(budget.cycles)
        finest = Fraction(1, case.evaluator.model.scale * 2**20)
        search = self._search(case, "energy" if energy else "latency", rules, cutoff=most + finest)
        search.run(mapping)
        if search.mapping is not None and obeys(case.evaluator, search.mapping, (budget,)):
            return Attempt("found", search.mapping)
        return Attempt("none", None, budget, search.proved) if search.bound > most else Attempt("unknown")

    def _tried(self, case: Case, rounds: int) -> LayerMapping | None:
        """Return a mapping that obeys the rules but for the budgets, if a few random ones have one among them."""
        evaluator, rules = case.evaluator, case.others
        for order in _plain_orders(evaluator.setting, rules):
            outermost = outermost_mapping(evaluator.setting, order)
            if obeys(evaluator, outermost, rules):
                return outermost
        return first_mapping(
            evaluator,
            keys_of(evaluator.setting.temporal_sizes),
            "edp",
            0,
            self.clock.started + self.clock.seconds,
            rounds=rounds,
            admits=lambda mapping: obeys(evaluator, mapping, rules),
        )

    def _obeying(self, case: Case) -> tuple[Answer, LayerMapping | None]:
        """Return a mapping that obeys the rules but for the budgets."""
        evaluator, rules = case.evaluator, case.others
        without_model = self.job.options.engine == "ranges" or is_too_large(evaluator.model)
        found = self._tried(case, _MOST_ROUNDS if without_model else 1)
        if without_model or found is not None:
            return ("unknown" if found is None else "found"), found
        space = Space(evaluator.model, rules)
        proven, exact = True, is_exact(evaluator, rules)
        for _ in range(_MOST_TRIES):
            solver, status = solve(space.model, self.clock)
            if status == cp_model.INFEASIBLE:
                return ("none" if proven else "unknown"), None
            if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
                break
            solved = space.read(solver)
            plain = any_completion(evaluator, *solved)
            if obeys(evaluator, plain, rules):
                return "found", plain
            completion = best_completion(
                evaluator, solved[0], "edp", solved[1], lambda mapping: obeys(evaluator, mapping, rules)
            )
            if completion.mapping is not None:
                return "found", completion.mapping
            # what fits in the model need not fit in the evaluator where fractions are rounded
            proven = proven and exact and completion.exhaustive
            space.exclude(solved)
        return "unknown", None


def _plain_orders(setting: Setting, rules: Sequence[Rule]) -> Iterator[list[tuple[str, int]]]:
    """Yield some loop order, and for every rule about orders one that obeys it by itself, if it is easy to tell."""
    yield outermost_order(setting)
    for rule in rules:
        if not isinstance(rule, OrderRule):
            continue
        left = dict(setting.temporal_sizes)
        for step in rule.steps:
            for dim in step.dims if step.size is not None else ():
                left[dim] //= step.size or 1
        order = []
        for step in rule.steps:
            if step.size is not None:
                order += [(dim, step.size) for dim in step.dims]
                continue
            order += [(dim, left[dim]) for dim in sorted(step.dims) if dim in left]
            left = {dim: 1 if dim in step.dims else size for dim, size in left.items()}
        order = [loop for loop in order if loop[1] > 1]
        if all(
            math.prod(size for name, size in order if name == dim) == whole
            for dim, whole in setting.temporal_sizes.items()
        ):
            yield order
