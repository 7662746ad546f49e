"""What every stage of a search shares: the incumbent, the bound, the clock, and who is told of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from zzcp.cost.constraints.constrained import obeys
from zzcp.cost.constraints.rules import Rule
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import Goal, objective_of
from zzcp.interrupt import Interrupt
from zzcp.mapping import Mapping as LayerMapping
from zzcp.solver.clock import Clock
from zzcp.solver.cpsat.model import certain
from zzcp.solver.engines import NO_ENGINE, Engine
from zzcp.solver.lattice.chain import merged
from zzcp.solver.result import Diagnosis, KnownBound, Progress, Result, Status, float_below, gap_of
from zzcp.solver.search.shared import Shared

_SMALL_GAP, _SHARPER = 1e-3, 0.01
"""Where a smaller gap than this is asked for, the search aims at this share of it: that costs next to nothing, and what
is found can hardly be bettered."""


@dataclass(slots=True, eq=False)
class SearchState:
    """The state of one search.

    With a cutoff only mappings that are better than it are searched for: the search ends with one of them, or when
    there is none. With a rival, the best that is known elsewhere, the search ends when nothing is better than that.
    What other searches of the layer have made may be given; a hint then takes the place of random mappings. A floor is
    a bound that is proven elsewhere.
    """

    evaluator: Evaluator
    objective: Goal
    time_limit: float
    tolerance: float
    workers: int
    seed: int
    on_progress: Callable[[Progress], None] | None
    mapping: LayerMapping | None = None
    evaluation: Evaluation | None = None
    bound: Fraction = Fraction(0)
    told: Fraction = Fraction(0)
    deterministic_limit: float = math.inf
    cutoff: Fraction | None = None
    other_parameters: bool = False
    faults: list[str] = field(default_factory=list)
    interrupt: Interrupt = field(default_factory=Interrupt)
    rules: Sequence[Rule] = ()
    engine: Engine = "auto"
    proved: str = NO_ENGINE
    rival: Fraction | None = None
    given: Shared | None = None
    floor: KnownBound | None = None
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(self.time_limit, self.interrupt, self.deterministic_limit)

    @property
    def value(self) -> Fraction | None:
        """Objective of the incumbent."""
        return None if self.evaluation is None else objective_of(self.evaluation, self.objective)

    @property
    def gap(self) -> float:
        """Relative distance of the incumbent to the bound, 1 without an incumbent."""
        value = self.value
        return 1.0 if value is None else gap_of(value, self.bound)

    @property
    def aim(self) -> float:
        """The gap that is aimed at, while the one asked for is not closed or where little is left to do."""
        sharper = self.tolerance < _SMALL_GAP and self.rival is None
        return self.tolerance * _SHARPER if sharper else self.tolerance

    @property
    def closed(self) -> bool:
        """Whether the search has its answer."""
        return self.enough(self.bound, self.tolerance)

    def enough(self, bound: Fraction, gap: float) -> bool:
        """Return whether a bound would be the answer, with a gap that is small enough."""
        if self.cutoff is None:
            return gap_of(self.ceiling, bound) <= gap
        return bound >= self.cutoff or self.exact_value() < self.cutoff

    @property
    def ceiling(self) -> Fraction:
        """What is searched for is not above this."""
        value = self.exact_value()
        return min([value, *(limit for limit in (self.cutoff, self.rival) if limit is not None)])

    def admits(self, mapping: LayerMapping) -> bool:
        """Return whether a mapping is valid and obeys the rules."""
        return obeys(self.evaluator, mapping, self.rules)

    def offer(self, mapping: LayerMapping) -> Fraction:
        """Take over a mapping if it is better than the incumbent; return its objective."""
        evaluation = self.evaluator.evaluate(mapping)
        found, value = objective_of(evaluation, self.objective), self.value
        if value is None or found < value:
            with self.interrupt.held():
                self.mapping, self.evaluation = mapping, evaluation
        return found

    @property
    def certain(self) -> Fraction:
        """The share of an exact figure that the evaluator's is certain to reach."""
        return certain(self.evaluator.model)

    def prove(self, bound: Fraction, engine: str) -> None:
        """Take over a bound if it is better than what is known, and remember the engine that it comes from."""
        if bound > self.bound:
            self.bound, self.proved = bound, engine

    def exact_value(self) -> Fraction:
        """Return the objective of the incumbent, which there is."""
        value = self.value
        assert value is not None
        return value

    def tell(self, stage: str, bound: Fraction = Fraction(0)) -> None:
        """Report the state of the search, with a bound of the solver that runs if that is better."""
        if self.on_progress is None:
            return
        value = self.value
        self.told = bound = max(self.told, self.bound, bound)
        gap = None if value is None else gap_of(value, bound)
        with self.interrupt.held():
            self.on_progress(
                Progress(
                    self.clock.passed,
                    None if value is None else float(value),
                    float(bound),
                    gap,
                    stage,
                )
            )

    def result(self, status: Status, diagnosis: Diagnosis | None = None) -> Result:
        """Return what has been found so far."""
        value = self.value
        lower_bound = float_below(self.bound)
        setting = self.evaluator.setting
        mapping = self.mapping
        if mapping is not None and self.evaluation is not None:
            mapping = merged(mapping, self.evaluator.setting).with_buffering(self.evaluation.double_buffered)
        return Result(
            status=status,
            objective=None if value is None else float(value),
            lower_bound=lower_bound,
            gap=None if value is None else gap_of(value, lower_bound),
            mapping=mapping,
            evaluation=self.evaluation,
            diagnosis=diagnosis,
            conventions=self.evaluator.setting.conventions.name,
            objective_name=str(self.objective),
            wall_s=self.clock.passed,
            interrupted=self.interrupt.requested,
            spatial=setting.spatial,
            links=setting.own_links,
            faults=tuple(self.faults),
            engine=self.proved,
        )
