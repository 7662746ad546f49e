"""The mappings that obey some rules, without their costs: to find one, to prove that there is none, and why.

The model of `zzcp.solver.cpsat.model` without tables of costs: exponents of all boundaries, the chain, the rules and
the capacities. Constraints and capacities may stand behind literals, which are then assumed one by one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from zzcp.cost.constraints.rules import BufferRule, Rule
from zzcp.cost.formulas.core import Model
from zzcp.mapping.constraints import Constraint
from zzcp.solver.clock import Clock, spend
from zzcp.solver.cp_sat import cp_model, new_model
from zzcp.solver.cpsat.restrict import MOST_BITS, Restriction, add_chain
from zzcp.solver.cpsat.run import new_solver, run_patiently
from zzcp.solver.lattice.chain import Chain
from zzcp.solver.lattice.keys import Key, Vector, keys_of, split_keys

MOST_STATES = 150_000
"""Largest number of states of one operand's data that is enumerated."""

Solved = tuple[Chain, list[Vector]]
"""Boundaries, and further points of the chain."""


@dataclass(slots=True, eq=False)
class Space:
    """A model of the mappings that obey rules.

    Parameters
    ----------
    cost : Model
        The evaluator's compiled setting.
    rules : sequence of Rule
        What is asked of the mappings.
    soft : bool
        Whether every constraint and every capacity stands behind a literal of its own.
    """

    cost: Model
    rules: Sequence[Rule]
    soft: bool = False
    model: cp_model.CpModel = field(default_factory=new_model)
    keys: tuple[Key, ...] = ()
    vectors: list[list[list[Any]]] = field(default_factory=list)
    literals: dict[Constraint, Any] = field(default_factory=dict)
    capacities: dict[str, Any] = field(default_factory=dict)
    demands: dict[str, Any] = field(default_factory=dict)
    restriction: Restriction = field(init=False)

    def __post_init__(self) -> None:
        setting = self.cost.setting
        self.keys = keys_of(setting.temporal_sizes)
        for index, operand in enumerate(setting.operands):
            links = [
                [
                    self.model.new_int_var(0, key.multiplicity, f"v{index}.{link}.{key.dim}{key.prime}")
                    for key in self.keys
                ]
                for link in range(1, operand.depth)
            ]
            self.vectors.append([[0] * len(self.keys), *links])
        add_chain(self.model, self.vectors)
        self.restriction = Restriction(
            self.model, self.cost, self.keys, self.vectors, self._guard, capacities=not self.soft
        )
        self.restriction.state(self.rules)
        for tenancy in setting.tenancies:
            self._capacity(tenancy)
        # all loops in the outermost memories: that obeys most constraints
        for row in self.vectors:
            for exponents in row[1:]:
                for exponent in exponents:
                    self.model.add_hint(exponent, 0)

    def _guard(self, constraint: Constraint) -> Any:
        if not self.soft:
            return None
        if constraint not in self.literals:
            self.literals[constraint] = self.model.new_bool_var(str(constraint))
        return self.literals[constraint]

    def _capacity(self, tenancy: Any) -> None:
        terms = [self._demand(index, level) for index, level in tenancy.tenants]
        name, size = tenancy.memory.name, tenancy.memory.size
        self.demands[name] = self.model.new_int_var(0, 4 * MOST_BITS, f"demand of {name}")
        self.model.add(self.demands[name] == cp_model.LinearExpr.sum(terms))
        added = self.model.add(self.demands[name] <= size)
        if self.soft:
            self.capacities[name] = self.model.new_bool_var(f"capacity of {name}")
            added.only_enforce_if(self.capacities[name])

    def _demand(self, index: int, level: int) -> Any:
        """Return the bits that a tile takes, second copies included."""
        operand = self.cost.setting.operands[index]
        memory = operand.memories[level]
        if memory.force_double_buffering:
            return self.restriction.bits(index, level, low=True, twice=True)
        once = self.restriction.bits(index, level, low=True)
        rules = [
            rule
            for rule in self.rules
            if isinstance(rule, BufferRule) and rule.twice and (rule.operand, rule.level) == (index, level)
        ]
        if not rules:
            return once
        twice = self.restriction.bits(index, level, low=True, twice=True)
        literals = [self._guard(rule.constraint) for rule in rules]
        if any(literal is None for literal in literals):
            return twice
        demand = self.model.new_int_var(0, MOST_BITS, f"demand{index}.{level}")
        self.model.add(demand >= once)
        for literal in literals:
            self.model.add(demand >= twice).only_enforce_if(literal)
        return demand

    def read(self, solver: cp_model.CpSolver) -> Solved:
        """Return the boundaries of a solution, and the points of the rules."""

        def vector(exponents: Sequence[Any]) -> Vector:
            return tuple(x if isinstance(x, int) else int(solver.value(x)) for x in exponents)

        full = tuple(key.multiplicity for key in self.keys)
        ends = {
            operand.name: (*(vector(exponents) for exponents in row[1:]), full)
            for operand, row in zip(self.cost.setting.operands, self.vectors, strict=True)
        }
        return Chain(self.keys, ends), [vector(point.exponents) for point in self.restriction.points]

    def exclude(self, solved: Solved) -> None:
        """Forbid the boundaries and points of a solution."""
        chain, extra = solved
        pairs = list(zip((point.exponents for point in self.restriction.points), extra, strict=True))
        for operand, row in zip(self.cost.setting.operands, self.vectors, strict=True):
            pairs += zip(row[1:], chain.ends[operand.name], strict=False)
        entries = [(x, v) for xs, vs in pairs for x, v in zip(xs, vs, strict=True) if not isinstance(x, int)]
        if entries:
            self.model.add_forbidden_assignments([x for x, _ in entries], [[v for _, v in entries]])
        else:
            self.model.add_bool_or([])


def is_too_large(cost: Model) -> bool:
    """Return whether some operand has more states than can be enumerated."""
    keys = keys_of(cost.setting.temporal_sizes)
    return any(
        math.prod(keys[position].multiplicity + 1 for position in split_keys(operand, keys)[0]) > MOST_STATES
        for operand in cost.setting.operands
    )


def solve(
    model: cp_model.CpModel, clock: Clock, *, seed: int = 0, presolve: bool = True
) -> tuple[cp_model.CpSolver, cp_model.CpSolverStatus]:
    """Run the solver on a model of this module: it is small, so that one worker without callbacks will do."""
    solver = new_solver()
    solver.parameters.random_seed = seed
    solver.parameters.max_time_in_seconds = max(clock.left, 0.05)
    if clock.work_left < math.inf:
        solver.parameters.max_deterministic_time = max(clock.work_left, 1e-6)
    solver.parameters.cp_model_presolve = presolve
    solver.parameters.catch_sigint_signal = False
    if clock.interrupt.requested:
        return solver, cp_model.UNKNOWN
    status = run_patiently(solver, model, None, clock.left, clock.interrupt)
    if status is not None:
        spend(solver.response_proto.deterministic_time)
    return solver, cp_model.UNKNOWN if status is None else status
