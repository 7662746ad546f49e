"""Points of a front over all unrollings: every one is a joint search (`zzcp.solver.unrolling`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.evaluate import evaluate
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.objective import Goal, objective_of
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping.freedom import Freedom
from zzcp.solver.engines import Engine
from zzcp.solver.fronts.supported import Point
from zzcp.solver.optimize import optimize
from zzcp.workload import Layer


@dataclass(eq=False)
class JointPoints:
    """Searches of one layer over all unrollings, with what `WeightedSearch` has for a single one.

    Parameters
    ----------
    accelerator, layer, conventions, links, seed, workers, engine
        As for `optimize`.
    freedom : Freedom
        What the unrollings may be.
    """

    accelerator: Accelerator
    layer: Layer
    freedom: Freedom
    conventions: CostConventions = EXACT
    links: Mapping[str, str] | None = None
    seed: int = 0
    workers: int = 1
    engine: Engine = "auto"

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
        result = optimize(
            self.accelerator,
            self.layer,
            goal,
            spatial=self.freedom,
            time_limit=time_limit,
            gap=gap,
            workers=self.workers,
            seed=self.seed,
            conventions=self.conventions,
            links=self.links,
            constraints=None if budget is None else {"max_latency": budget},
            hint=hint,
            engine=self.engine,
        )
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
            result.wall_s,
            result.interrupted,
        )

    def _cost(self, mapping: LayerMapping) -> Evaluation:
        """Return the cost of a mapping, computed once."""
        if id(mapping) not in self._kept:
            found = evaluate(self.accelerator, self.layer, mapping, conventions=self.conventions)
            self._kept[id(mapping)] = mapping, found
        return self._kept[id(mapping)][1]
