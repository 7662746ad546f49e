"""The first incumbents of a joint search: mappings of the unrollings that promise most."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from zzcp.cost.conventions import CostConventions
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import Goal, objective_of
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.default import default_spatial
from zzcp.mapping.freedom import Freedom
from zzcp.runs.helpers import Helpers
from zzcp.solver.clock import Clock
from zzcp.solver.lattice.keys import Array, keys_of
from zzcp.solver.lattice.start import first_mapping
from zzcp.solver.result import Progress, Result, float_below, gap_of
from zzcp.solver.space import Space, of_factors
from zzcp.solver.unrolling.ahead import Alone, Doer, InHelper, WithHelpers
from zzcp.solver.unrolling.aside import Samples
from zzcp.solver.unrolling.bounds import CheapBounds
from zzcp.solver.unrolling.choices import Choices, choices_of
from zzcp.solver.unrolling.common import Common
from zzcp.solver.unrolling.steps import Solve, Steps
from zzcp.workload import Layer

_SAMPLED, _TRIED = 2**14, 8
"""Unrollings among which those are looked for that promise most, and how many of these are searched for a moment."""
_FEW = 2**10
"""Unrollings among which one with a mapping is looked for, where any will do."""
_MOMENT = 1.0
"""Work of such a search."""
_MARGIN = 1e-12
"""More than the relative error of a float."""
_TOGETHER = 32
"""Unrollings that are relaxed together at first."""


RELAXED, ROOT = range(2)
"""What an open unrolling has been through."""


class Open(NamedTuple):
    """An unrolling that may still be the best; they are compared by their bounds."""

    bound: float
    stage: int
    choice: tuple[int, ...]


@dataclass(slots=True, eq=False)
class Incumbents:
    """The best mapping so far of a joint search, and what finds the first ones.

    Parameters
    ----------
    accelerator, layer, objective, conventions, links
        What is asked.
    freedom : Freedom
        What the unrolling may be.
    solve : callable
        Searches one unrolling within some seconds, for what is better than a rival's objective, with so much work.
    free : bool
        Whether every mapping may be the result: no constraints.
    time_limit : float
        Seconds.
    tolerance : float
        Gap at which a mapping counts as optimal.
    seed : int
        Of random choices.
    on_progress : callable, optional
        Called with a `Progress` whenever incumbent or bound improve.
    work : float
        Limit of the work, in the units of `zzcp.solver.clock`.
    root : callable, optional
        Bounds the mappings of one unrolling by their relaxation; see `Steps`.
    max_padding : float, optional
        Where loops need not divide: what they may come to beyond the iterations.
    ahead : InHelper, optional
        Does steps in helpers, if there are some.
    """

    accelerator: Accelerator
    layer: Layer
    objective: Goal
    conventions: CostConventions
    links: Mapping[str, str] | None
    freedom: Freedom
    solve: Callable[..., Solve]
    free: bool
    time_limit: float
    tolerance: float
    seed: int = 0
    on_progress: Callable[[Progress], None] | None = None
    work: float = math.inf
    root: Callable[[Evaluator, Goal, float, float], float] | None = None
    max_padding: float | None = None
    ahead: InHelper | None = None
    best: Result | None = None
    value: Fraction | None = None
    bound: float = 0.0
    closed: float = math.inf
    solved: int = 0
    complete: bool = False
    stuck: bool = False
    together: int = _TOGETHER
    ruled_out: Counter[str] = field(default_factory=Counter)
    tried: dict[tuple[int, ...], float] = field(default_factory=dict)
    samples: Samples | None = None
    clock: Clock = field(init=False)
    choices: Choices = field(init=False)
    steps: Steps = field(init=False)
    doer: Doer = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(self.time_limit, work=self.work)
        self.freedom.check(self.accelerator, self.layer)
        self.choices = choices_of(
            self.accelerator, self.layer, self.freedom, fractional=self.conventions.fractional_unrolling
        )
        self.steps = Steps(
            self.accelerator,
            self.layer,
            self.objective,
            self.conventions,
            self.links,
            self.choices,
            Common.of(
                self.accelerator,
                self.layer,
                self.conventions,
                self.links,
                self.choices,
                imperfect=self.max_padding is not None,
            ),
            self.solve,
            self.root,
        )
        helpers = Helpers.at_hand()
        # what helpers do is not counted, so that a limit of the work is for this process alone
        if helpers is None or not len(helpers) or self.ahead is None or math.isfinite(self.work):
            self.doer = Alone(self.steps)
        else:
            self.doer = WithHelpers(self.steps, helpers, self.ahead, self.clock)

    @property
    def bounds(self) -> CheapBounds:
        """The cheap bounds of all unrollings."""
        return self.steps.bounds

    @property
    def ceiling(self) -> float:
        """Nothing at or above it is better than the incumbent, for certain."""
        return math.inf if self.value is None else float(self.value) * (1 + _MARGIN)

    def _evaluator(self, spatial: SpatialMapping) -> Evaluator:
        return self.steps.evaluator(spatial)

    def _start(self) -> None:
        """Find a first incumbent: of the usual unrolling, then of those that promise most among some of all."""
        for spatial in self._usual():
            self._try(spatial)
        self._tell("first mappings")
        if not self.choices.groups or not self.clock.goes_on:
            return
        promising: list[Open] = []
        with self.clock.watched():
            promising = self._promising()
        for first in promising[:_TRIED]:
            if not self.clock.goes_on or first.bound >= self.ceiling:
                break
            self._search_briefly(first.choice)
            self._tell("first mappings")

    def _search_briefly(self, choice: tuple[int, ...]) -> None:
        """Search an unrolling for a moment."""
        spatial = self.choices.spatial(choice)
        if not self.free:
            self._try(spatial)
            return
        work = min(_MOMENT, self.clock.work_left)
        found = self.solve(spatial, max(self.clock.left, 0.1), self.value, work, briefly=True)
        self._take(found)
        if found.closed and self.max_padding is None:
            self.tried[choice] = found.bound

    def _find_any(self) -> None:
        """Find a mapping of an unrolling that promises something; without constraints the smallest one may have one."""
        if not self.choices.groups:
            return
        block = self.choices.sample(_FEW, np.random.default_rng(self.seed))
        bounds = self.bounds.of(block)
        known = self.value
        for at in np.argsort(bounds, kind="stable")[:_TRIED]:
            if not self.clock.goes_on or not np.isfinite(bounds[at]):
                break
            self._try(self.choices.spatial(block[at]))
            if self.value != known:
                break

    def _usual(self) -> list[SpatialMapping]:
        """Return the unrolling that is taken where none is chosen, if it is in the space for sure."""
        return [default_spatial(self.accelerator, self.layer)] if self.freedom.is_free else []

    def _promising(self) -> list[Open]:
        """Return those with the least bounds among many unrollings: random ones and those with the fewest cycles."""
        block = self.choices.some(_SAMPLED, np.random.default_rng(self.seed))
        if not len(block):
            return []
        bounds = self.bounds.of(block)
        for bound, kept in ((self.steps.ordered, _SAMPLED // 8), (self.steps.relaxed, _SAMPLED // 128)):
            # of those that are the same to the bounds one will do
            _, first = np.unique(bounds, return_index=True)
            best = first[np.isfinite(bounds[first]) & (bounds[first] < self.ceiling)][:kept]
            block, bounds = block[best], bounds[best]
            if not len(block):
                return []
            bounds = bound(block, self._value(bounds), bounds)
            if self.samples is None:
                self.samples = Samples.of(block, bounds)
        order = np.argsort(bounds, kind="stable")
        return [Open(float(bounds[at]), RELAXED, tuple(block[at].tolist())) for at in order]

    def _try(self, spatial: SpatialMapping) -> None:
        """Look for a mapping of an unrolling."""
        if not self.free:
            if self.value is None:
                seconds, work = max(self.clock.left / 10, 0.1), self.clock.work_left / 10
                self._take(self.solve(spatial, seconds, None, work, briefly=True))
            return
        evaluator = self._evaluator(spatial)
        keys = keys_of(evaluator.setting.temporal_sizes)
        deadline = self.clock.started + self.time_limit
        found = first_mapping(evaluator, keys, self.objective, self.seed, deadline, rounds=1)
        if found is not None:
            self._offer(evaluator, found)

    def _offer(self, evaluator: Evaluator, mapping: LayerMapping) -> None:
        """Take over a mapping if it is better than the incumbent."""
        evaluation = evaluator.evaluate(mapping)
        value = objective_of(evaluation, self.objective)
        if self.value is None or value < self.value:
            self.value = value
            self.best = replace(
                self._nothing(evaluator),
                objective=float(value),
                mapping=mapping.with_buffering(evaluation.double_buffered),
                evaluation=evaluation,
            )

    def _take(self, found: Solve) -> None:
        """Take over what the search of an unrolling found."""
        if found.value is not None and (self.value is None or found.value < self.value):
            self.value, self.best = found.value, found.result

    def _value(self, known: Array) -> float:
        """Return the best objective that is known, or more than that of many unrollings."""
        return float(self.value) if self.value is not None else float(known.max()) * 1e3

    def _tell(self, stage: str) -> None:
        if self.on_progress is None:
            return
        value, seconds = self.value, self.clock.passed
        if value is None:
            self.on_progress(Progress(seconds, None, self.bound, None, stage))
            return
        # what is left may have bounds above the best mapping
        bound = min(Fraction(self.bound), value)
        self.on_progress(Progress(seconds, float(value), float_below(bound), gap_of(value, bound), stage))

    def _nothing(self, evaluator: Evaluator) -> Result:
        """Return the result without a mapping."""
        return Result(
            status="unknown",
            objective=None,
            lower_bound=0.0,
            gap=None,
            mapping=None,
            evaluation=None,
            diagnosis=None,
            conventions=self.conventions.name,
            objective_name=str(self.objective),
            wall_s=self.clock.passed,
            interrupted=self.clock.interrupt.requested,
            spatial=evaluator.setting.spatial,
            links=evaluator.setting.own_links,
            space=self._space(),
        )

    def _space(self) -> Space:
        held = self.choices.held(self.choices.least_units)
        return Space(
            held,
            dict(self.ruled_out),
            self.solved,
            self.complete and not self.stuck,
            self.freedom.description + of_factors(self.max_padding),
            self.freedom,
            self.max_padding,
        )
