"""Supported points: the mappings of a layer that are the best for some weights of energy and latency.

A weighted sum a E + b D is the form of the relaxation itself (`zzcp.solver.ranges.relaxation`), so that its least value
is found as a least energy or a least latency is. The tables and the lattice of a layer are made once for all weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from zzcp.cost.constraints.rules import LatencyRule
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import Goal, objective_of
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping.constraints import MaxLatency
from zzcp.solver.clock import Clock
from zzcp.solver.constrained.diagnose import diagnose, is_certain
from zzcp.solver.constrained.optimize import attempt_after_all
from zzcp.solver.constrained.problem import Attempt
from zzcp.solver.engines import NO_ENGINE
from zzcp.solver.job import Job
from zzcp.solver.result import Diagnosis, Status
from zzcp.solver.search.search import Search, searching
from zzcp.solver.search.shared import Shared


@dataclass(frozen=True, slots=True)
class Point:
    """The best mapping that was found for some goal, and what is proven of all mappings.

    Parameters
    ----------
    status : str
        As in `Result`.
    goal : Objective or WeightedSum
        What was minimised.
    mapping, evaluation
        The mapping and its exact cost; None where there is none.
    value : Fraction or None
        Its objective.
    lower_bound : Fraction
        No mapping's objective is less: proven, under the unrolling and the conventions of the search.
    diagnosis : Diagnosis or None
        Where there is no mapping: why.
    engine : str
        What proved the bound, as in `Result`.
    interrupted : bool
        Whether the user stopped the search.
    """

    status: Status
    goal: Goal
    mapping: LayerMapping | None = None
    evaluation: Evaluation | None = None
    value: Fraction | None = None
    lower_bound: Fraction = Fraction(0)
    diagnosis: Diagnosis | None = None
    engine: str = NO_ENGINE
    interrupted: bool = False


@dataclass(slots=True, eq=False)
class WeightedSearch:
    """Searches of one layer under one unrolling for any weights, which share what does not depend on the weights.

    Parameters
    ----------
    job : Job
        What is asked, for one unrolling; not its goal, and no limits.
    """

    job: Job
    shared: Shared = field(init=False)

    def __post_init__(self) -> None:
        self.shared = Shared(Evaluator(*self.job.setting))

    @property
    def by_ranges(self) -> bool:
        """Whether the search by ranges can be used."""
        return self.job.options.engine != "cp-sat" and self.shared.has_tables and self.shared.has_lattice

    @property
    def _search_with(self) -> Callable[..., Search]:
        return searching(self.job.options, on_progress=None)

    def minimise(
        self,
        goal: Goal,
        time_limit: float,
        gap: float,
        known: Iterable[LayerMapping] = (),
        budget: int | None = None,
    ) -> Point:
        """Return the best mapping for a goal, with a proven bound.

        Parameters
        ----------
        goal : Objective or WeightedSum
            What to minimise.
        time_limit : float
            Seconds.
        gap : float
            Relative distance to the bound at which the search ends.
        known : iterable of Mapping
            Mappings of the layer with this unrolling, of which the best is where the search starts.
        budget : int, optional
            Most cycles; one of the known mappings must be within them.
        """
        started = time.monotonic()
        evaluate = self.shared.evaluator.evaluate
        hint = min(known, key=lambda mapping: objective_of(evaluate(mapping), goal), default=None)
        attempt = self._first(time_limit) if hint is None else None
        rules = () if budget is None else (LatencyRule(MaxLatency(budget), budget),)
        left = max(time_limit - (time.monotonic() - started), 0.1)
        search = self._search_with(
            self.shared.evaluator, goal, time_limit=left, tolerance=gap, given=self.shared, rules=rules
        )
        if attempt is not None and attempt.mapping is None:
            none = attempt.answer == "none"
            diagnosis = diagnose(self.shared.evaluator.model) if none else None
            status: Status = "infeasible" if none else "unknown"
            return Point(status, goal, diagnosis=diagnosis, engine=attempt.engine)
        result = search.run(hint if attempt is None else attempt.mapping)
        return Point(
            result.status,
            goal,
            result.mapping,
            result.evaluation,
            search.value,
            search.bound,
            engine=result.engine,
            interrupted=result.interrupted,
        )

    def _first(self, seconds: float) -> Attempt | None:
        """Return what became of looking for a mapping where the smallest tiles may not fit; None where they do."""
        model = self.shared.evaluator.model
        if diagnose(model) is None:
            return None
        if is_certain(model):
            return Attempt("none")
        return attempt_after_all(self.job, self._search_with, Clock(seconds))
