"""Points of a front over all unrollings: every one is a joint search (`zzcp.solver.unrolling`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from zzcp.cost.evaluate import evaluate
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.objective import Goal, objective_of
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping.constraints import Constraints
from zzcp.solver.fronts.supported import Point
from zzcp.solver.job import Job
from zzcp.solver.optimize import run_job


@dataclass(eq=False)
class JointPoints:
    """Searches of one layer over all unrollings, with what `WeightedSearch` has for a single one.

    Parameters
    ----------
    job : Job
        What is asked, with what the unrollings may be; not its goal, and no limits.
    """

    job: Job

    @cached_property
    def _kept(self) -> dict[int, tuple[LayerMapping, Evaluation]]:
        return {}

    def minimise(
        self,
        goal: Goal,
        time_limit: float,
        gap: float,
        known: Iterable[LayerMapping] = (),
        budget: int | None = None,
    ) -> Point:
        """Return the best mapping of all unrollings for a goal, with a proven bound; see `WeightedSearch.minimise`."""
        hint = min(known, key=lambda mapping: objective_of(self._cost(mapping), goal), default=None)
        limits = {} if budget is None else {"max_latency": budget}
        job = replace(self.job, goal=goal, hint=hint, constraints=Constraints.from_dict(limits))
        result = run_job(job.by(time_limit=time_limit, gap=gap))
        value = None if result.evaluation is None else objective_of(result.evaluation, goal)
        bound = Fraction(result.lower_bound)
        return Point(
            result.status,
            goal,
            result.mapping,
            result.evaluation,
            value,
            bound if value is None else min(bound, value),
            result.diagnosis,
            result.engine,
            result.interrupted,
        )

    def _cost(self, mapping: LayerMapping) -> Evaluation:
        """Return the cost of a mapping, computed once."""
        if id(mapping) not in self._kept:
            job = self.job
            found = evaluate(job.accelerator, job.layer, mapping, conventions=job.options.conventions)
            self._kept[id(mapping)] = mapping, found
        return self._kept[id(mapping)][1]
