"""The stage of CP-SAT: solve, re-score, tighten, until the gap between evaluator and bound is closed.

1. The relaxed model (every window as long as its period) gives a bound; its boundaries are completed to a mapping by
   scoring every order inside the segments that can matter.
2. Where the gap stays open, the windows and tails join the model.
3. Where it still does, the found boundaries are excluded (all their orders have been scored) and the search goes on:
   branch and check.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction

from zzcp.cost.constraints.constrained import is_exact
from zzcp.solver.clock import Ended, spend
from zzcp.solver.cp_sat import cp_model
from zzcp.solver.cpsat.chain_model import ChainModel
from zzcp.solver.cpsat.model import build_model
from zzcp.solver.cpsat.restrict import Point
from zzcp.solver.cpsat.run import Limits, Outcome, Value, run_solver
from zzcp.solver.cpsat.target import Scale, add_target, scale_of
from zzcp.solver.cpsat.variables import Boundary
from zzcp.solver.lattice.chain import Chain, Completion, best_completion
from zzcp.solver.lattice.keys import Place, Vector
from zzcp.solver.lattice.lattice import Places
from zzcp.solver.lattice.tables import CostTables
from zzcp.solver.search.state import SearchState

_SHORT_WORK = 0.025
"""Work that CP-SAT may do on an easy layer, in its own deterministic measure: less than a second."""
_SHORT_WORK_GREEDY = 2.0
"""The same under ZigZag's buffering, where the search by ranges is less sharp: some seconds."""


Solved = tuple[Chain, list[Vector]]
"""The boundaries of a solution, and the stationary points at the array."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a run of the solver says.

    Parameters
    ----------
    bound : Fraction
        No mapping in the model is better.
    fault : str or None
        Why it cannot be believed.
    completion : Completion or None
        The best orders for the boundaries of its solution.
    solved : tuple or None
        These boundaries, with the stationary points at the array, where they are the model's best.
    """

    bound: Fraction
    fault: str | None = None
    completion: Completion | None = None
    solved: Solved | None = None


@dataclass(slots=True, eq=False)
class _Scored:
    """What has been scored in a run: the objectives that its bound must not exceed, and the last solution."""

    incumbent: Fraction
    least: list[Fraction]
    last: tuple[Completion, Solved] | None = None


@dataclass(slots=True, eq=False)
class CpSatStage:
    """CP-SAT on the model of a layer.

    Parameters
    ----------
    search : SearchState
        The search that it is a stage of.
    tables : CostTables
        Per operand and link.
    places : mapping of Place to Places, optional
        The vectors that are left for every boundary; else all.
    elsewhere : Fraction, optional
        The bound of what another stage has closed, where the model has only the rest.
    """

    search: SearchState
    tables: CostTables
    places: Mapping[Place, Places] | None = None
    elsewhere: Fraction | None = None
    excluded: list[Solved] = field(default_factory=list)
    allowance: float = math.inf

    def briefly(self) -> None:
        """Let CP-SAT work for a moment on the model without windows, which is all that easy layers take."""
        search = self.search
        greedy = search.evaluator.setting.conventions.greedy_buffering
        scale = self._scale()
        if not scale.complete:
            return
        self.allowance = _SHORT_WORK_GREEDY if greedy else _SHORT_WORK
        self._solve(
            build_model(
                search.evaluator.model, scale.energy_unit, self.tables, (), search.rules, self.places
            ),
            scale,
        )
        self.allowance = math.inf
        search.tell("relaxation")

    def run(self) -> None:
        """Search until the gap is closed, or nothing more can be made of the model."""
        search = self.search
        setting = search.evaluator.setting
        # the windows of the model are products of loops that divide
        everything = frozenset(
            (index, link)
            for index, operand in enumerate(() if setting.remainders else setting.operands)
            for link in range(1, operand.depth + 1)
        )
        windowed: frozenset[Place] = frozenset()
        while not search.closed and search.clock.goes_on:
            scale = self._scale()
            if not scale.complete:
                search.tell("too many cycles for the model")
                break
            chain = build_model(
                search.evaluator.model, scale.energy_unit, self.tables, windowed, search.rules, self.places
            )
            claim = self._solve(chain, scale)
            search.tell("branch and check" if self.excluded else "windows" if windowed else "relaxation")
            if claim is None or search.closed:
                break
            if windowed != everything:
                windowed = everything
            elif self._is_settled(claim) and claim.solved is not None:
                self.excluded.append(claim.solved)
            else:
                break

    def _scale(self) -> Scale:
        """Return the units of a model in which all mappings are that the evaluator finds as good as the incumbent."""
        search = self.search
        return scale_of(
            search.evaluator.model, search.objective, self.tables, search.ceiling / search.certain
        )

    def _solve(self, chain: ChainModel, scale: Scale) -> Claim | None:
        """Solve one model; return what is known of its boundaries, or None if the search is over.

        What the solver claims is not believed where the evaluator contradicts it: then it runs again, with other
        parameters; and if that is contradicted, too, no bound is taken from the model.
        """
        for solved, stationary in self.excluded:
            self._exclude(chain, solved, stationary)
        chain.model.minimize(add_target(chain, self.search.objective, scale))
        for attempt in range(2):
            claim = self._attempt(chain, scale, attempt)
            if claim.fault is None:
                engine = "cp-sat" if self.elsewhere is None else "ranges+cp-sat"
                self.search.prove(self._everywhere(claim.bound), engine)
                return claim if claim.completion is not None else None
            self.search.faults.append(claim.fault)
            self.search.told = self.search.bound
        return None

    def _attempt(self, chain: ChainModel, scale: Scale, attempt: int) -> Claim:
        """Run the solver; everything that it finds is scored by the evaluator."""
        # of what is in the model for certain: what is excluded may beat all that is left, not the incumbent
        limited = self.search.cutoff is not None or self.search.rival is not None
        partial = self.excluded or limited or self.elsewhere is not None
        incumbent = self.search.exact_value()
        scored = _Scored(incumbent, [] if partial else [incumbent])
        unit = scale.unit * self.search.certain
        stage = "windows" if chain.windows or chain.tails else "relaxation"
        known = self.search.bound

        def on_solution(value: Value) -> bool:
            before = self.search.value
            self._score(chain, value, scored)
            if self.search.value != before:
                self.search.tell(stage)
            return self._enough(known)

        def on_bound(bound: int) -> bool:
            nonlocal known
            known = max(known, self._everywhere(bound * unit))
            self.search.tell(stage, known)
            return self._enough(known)

        outcome = run_solver(
            chain.model,
            Limits(
                self.search.clock.left,
                min(self.search.clock.work_left, self.allowance),
                min(self.search.aim, self.search.tolerance / 10),
            ),
            self.search.interrupt,
            workers=self.search.workers,
            seed=self.search.seed,
            attempt=attempt ^ self.search.other_parameters,
            on_solution=on_solution,
            on_bound=on_bound,
        )
        spend(outcome.work)
        return self._claim(chain, outcome, unit, scored)

    def _score(self, chain: ChainModel, value: Value, scored: _Scored) -> tuple[Completion, Solved]:
        """Complete the boundaries of a solution to the best mapping, and offer it to the search."""
        solved = self._read(chain, value)
        if scored.last is None or scored.last[1] != solved:
            completion = best_completion(
                self.search.evaluator,
                solved[0],
                self.search.objective,
                solved[1],
                self.search.admits if self.search.rules else None,
            )
            if completion.mapping is not None:
                found = self.search.offer(completion.mapping)
                if found < scored.incumbent:
                    scored.least.append(found)
            scored.last = completion, solved
        return scored.last

    def _claim(self, chain: ChainModel, outcome: Outcome, unit: Fraction, scored: _Scored) -> Claim:
        """Return what a run says, and why it cannot be believed where what was scored contradicts it."""
        status, least = outcome.status, scored.least
        if status == cp_model.MODEL_INVALID:
            return Claim(Fraction(0), "the solver does not accept the model")
        if status == cp_model.INFEASIBLE:
            # nothing better than the incumbent is left; while nothing is excluded the incumbent itself contradicts it
            fault = "the solver claims that there is no mapping, against one that there is" if least else None
            return Claim(self.search.ceiling, fault)
        bound = outcome.bound * unit
        completion, solved = None, None
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            # its bound counts also where there is no time left to score all orders
            with suppress(Ended):
                completion, solved = self._score(chain, outcome.value, scored)
        claimed = bound if self.elsewhere is None else min(bound, self.elsewhere)
        if least and claimed > min(least):
            return Claim(
                bound, f"the solver claims a bound of {float(bound)}, above a mapping's {float(min(least))}"
            )
        return Claim(bound, None, completion, solved if status == cp_model.OPTIMAL else None)

    def _enough(self, bound: Fraction) -> bool:
        """Return whether a run may end with a bound: the model's own gap may be wider than that of what is scored."""
        brief = math.isfinite(self.allowance)
        return self.search.enough(bound, self.search.aim if brief else self.search.tolerance)

    def _everywhere(self, bound: Fraction) -> Fraction:
        """Return what a bound of the model says of all mappings."""
        least = min(bound, self.search.ceiling)
        return least if self.elsewhere is None else min(least, self.elsewhere)

    def _is_settled(self, claim: Claim) -> bool:
        """Return whether all that can be made of the boundaries that a claim is about has been scored."""
        completion = claim.completion
        if completion is None or not completion.exhaustive:
            return False
        return not completion.rejected or is_exact(self.search.evaluator, self.search.rules)

    def _read(self, chain: ChainModel, value: Value) -> Solved:
        """Return the boundaries of a solution, and the other points: those at the array, and those of the rules."""
        full: Vector = tuple(key.multiplicity for key in chain.keys)

        def vector(boundary: Boundary | Point) -> Vector:
            return tuple(x if isinstance(x, int) else value(x) for x in boundary.exponents)

        names = [operand.name for operand in chain.cost.setting.operands]
        ends = {
            names[index]: (*(vector(boundary) for boundary in row[1:]), full)
            for index, row in enumerate(chain.boundaries)
        }
        points: list[Boundary | Point] = [row[0] for row in chain.boundaries]
        points += chain.points
        return Chain(chain.keys, ends), [vector(point) for point in points]

    def _exclude(self, chain: ChainModel, solved: Chain, extra: list[Vector]) -> None:
        """Forbid boundaries all of whose orders have been scored."""
        others: list[Boundary | Point] = [row[0] for row in chain.boundaries]
        others += chain.points
        points = list(zip(others, extra, strict=True))
        for operand, row in zip(chain.cost.setting.operands, chain.boundaries, strict=True):
            points += zip(row[1:], solved.ends[operand.name], strict=False)
        variables, values = [], []
        for boundary, vector in points:
            for variable, value in zip(boundary.exponents, vector, strict=True):
                if not isinstance(variable, int):
                    variables.append(variable)
                    values.append(value)
        if not variables:
            # there is one chain only
            chain.model.add_bool_or([])
            return
        chain.model.add_forbidden_assignments(variables, [values])
