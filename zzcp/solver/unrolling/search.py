"""The joint search: all unrollings, best first, until none can be better than the best mapping found.

1. A first incumbent: random mappings of the unrollings that promise most.
2. Cheap bounds of all unrollings, in arrays (`bounds`); what is above the incumbent is ruled out.
3. Best first: the unrolling with the least bound is relaxed (`root`) if it has only its cheap bound, else searched
   as a whole, with the incumbent as its rival. Its bound rises, or it becomes the incumbent.

The least bound of all that is open is a bound of the whole space at any time (branch and bound, best first: Land and
Doig 1960).
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain, islice
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
from zzcp.solver.constrained.diagnose import diagnose, is_certain
from zzcp.solver.lattice.keys import Array, keys_of
from zzcp.solver.lattice.start import first_mapping, outermost_mapping
from zzcp.solver.result import Progress, Result, float_below, gap_of
from zzcp.solver.space import Space, of_factors
from zzcp.solver.unrolling.ahead import Alone, Doer, InHelper, Step, WithHelpers
from zzcp.solver.unrolling.aside import Samples
from zzcp.solver.unrolling.bounds import CheapBounds
from zzcp.solver.unrolling.choices import Choices, choices_of
from zzcp.solver.unrolling.common import Common
from zzcp.solver.unrolling.pool import Pool, Portion, Portions
from zzcp.solver.unrolling.steps import Cheap, Solve, Steps
from zzcp.workload import Layer

_SAMPLED, _TRIED = 2**14, 8
"""Unrollings among which those are looked for that promise most, and how many of these are searched for a moment."""
_FEW = 2**10
"""Unrollings among which one with a mapping is looked for, where any will do."""
_MOMENT = 1.0
"""Work of such a search."""
_MARGIN = 1e-12
"""More than the relative error of a float."""
_TOGETHER, _MOST_TOGETHER = 32, 512
"""Unrollings that are relaxed together, at first and at most."""
_ORDERED = 2**12
"""Unrollings that are bounded together by the orders of their boundaries."""
_AHEAD = 4
"""Steps for every helper that are looked for among those to come."""
_DIVE = 8
"""Unrollings that are examined after each time, at most."""
_RARELY = 8
"""Rounds after which some unrollings are looked at aside for the first time."""
_ASIDE, _CLOSE, _BEST = 24, 0.05, 3
"""Unrollings that are looked at aside, the gap from which on none are, and how many of them are searched."""
_RELAXED, _ROOT = range(2)


class Open(NamedTuple):
    """An unrolling that may still be the best; they are compared by their bounds."""

    bound: float
    stage: int
    choice: tuple[int, ...]


@dataclass(slots=True, eq=False)
class JointSearch:
    """The search for the best unrolling and mapping of a layer on an accelerator.

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

    def near(self, bound: float) -> bool:
        """Return whether a bound is within half of the tolerance from the incumbent."""
        return self.value is not None and bound >= float(self.value) * (1 - self.tolerance / 2)

    @property
    def _is_far(self) -> bool:
        """Whether the bound is so far from the incumbent that better ones are looked for anywhere."""
        return self.value is not None and self.bound < float(self.value) * (1 - _CLOSE)

    def run(self, hint: LayerMapping | None = None, *, any_will_do: bool = False) -> Result:
        """Search until no unrolling can be better, the time is up, or the user stops it.

        Parameters
        ----------
        hint : Mapping, optional
            A mapping to start from.
        any_will_do : bool
            Whether the first mapping ends the search.
        """
        with self.clock.interrupt:
            if not self.freedom.is_free and self.choices.is_empty:
                self.complete = True
                return replace(self._nothing(self._evaluator(SpatialMapping())), status="infeasible")
            smallest = self._smallest()
            shortage = diagnose(smallest.model)
            if shortage is not None and is_certain(smallest.model) and _has_smallest_tiles(smallest):
                # so does any other unrolling
                self.ruled_out["capacity"] = self.choices.held()
                self.complete = True
                return replace(self._nothing(smallest), status="infeasible", diagnosis=shortage)
            if shortage is None and self.free and not self.freedom.least_utilization:
                self._offer(smallest, outermost_mapping(smallest.setting))
            if hint is not None and self.free and self._holds(hint.spatial):
                self._offer(self._evaluator(hint.spatial), hint)
            ended = True
            with self.clock.watched():
                if any_will_do and self.free:
                    self._find_any()
                else:
                    self._start()
                if not (any_will_do and self.best):
                    self._close(self._cheap(), any_will_do=any_will_do)
                ended = False
            self.complete = self.complete and not ended
        result = self._result(smallest)
        return replace(result, diagnosis=shortage) if result.status == "infeasible" else result

    def _evaluator(self, spatial: SpatialMapping) -> Evaluator:
        return self.steps.evaluator(spatial)

    def _smallest(self) -> Evaluator:
        """Return the setting of the unrolling with the smallest tiles: that of what is fixed alone."""
        return self._evaluator(self.freedom.given.fitted(self.layer))

    def _holds(self, spatial: SpatialMapping) -> bool:
        """Return whether an unrolling is in the space."""
        return self.freedom.holds(self.accelerator, self.layer, spatial)

    # ---- incumbents

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

    def _look_aside(self) -> None:
        """Search some unrollings whose relaxations promise most among some from all over the space."""
        if self.samples is None:
            return
        promising = []
        for choice in self.samples.take(_ASIDE, self.ceiling):
            if not self.clock.goes_on:
                return
            if choice not in self.tried:
                bound = self.doer.do(self._step(Open(0.0, _RELAXED, choice)))
                if bound is not None and bound < self.ceiling:
                    promising.append((bound, choice))
        for bound, choice in sorted(promising)[:_BEST]:
            if self.clock.goes_on and bound < self.ceiling:
                self._search_briefly(choice)
        self._tell("unrollings aside")

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
        return [Open(float(bounds[at]), _RELAXED, tuple(block[at].tolist())) for at in order]

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

    # ---- bounds

    def _cheap(self) -> Pool:
        """Return what the cheap bounds leave."""
        self.bound = self.bounds.least
        least = self.choices.least_units
        held = self.choices.held(least)
        lanes = max(float(least), self.bounds.fewest_lanes(self.ceiling))
        near = self.choices.held(lanes)
        self.ruled_out["bound"] += held - near
        left, seen = Pool(), 0
        starts = self.choices.starts(lanes)
        every = [Step("cheap", (start,), (start, lanes, self.ceiling)) for start in starts]
        for number, step in enumerate(every):
            if not self.clock.goes_on:
                return Pool()
            self.doer.expect(every[number + 1 : number + 1 + _AHEAD * self._helpers])
            found: Cheap = self.doer.do(step)
            seen += found.seen
            self.ruled_out["capacity"] += found.unfit
            self.ruled_out["bound"] += found.worse
            left.add(found.rows, found.bounds)
        self.ruled_out["equivalent"] = near - seen
        self.complete = True
        return left

    def _close(self, pool: Pool, *, any_will_do: bool = False) -> None:
        """Raise the least bound until it reaches the incumbent, or until there is one, if any will do."""
        waiting, ordered, left = Portions(pool, _ORDERED), Pool(), list[Open]()
        rounds, aside = 0, _RARELY
        while self.complete and (left or len(waiting) or len(ordered)):
            least = min(waiting.least, ordered.least, left[0].bound if left else math.inf)
            if least > self.bound:
                self.bound = least
                self._tell(f"{len(left) + len(waiting) + len(ordered):,} unrollings left")
            if any_will_do and self.best is not None:
                self.complete = False
            elif self.near(self.bound) or least >= self.ceiling:
                self.closed = min(self.closed, least)
                self.ruled_out["bound"] += len(waiting) + len(ordered)
                self.ruled_out["relaxation"] += len(left)
                break
            elif not self.clock.goes_on:
                self.complete = False
            elif self._is_far and (rounds := rounds + 1) >= aside:
                known = self.value
                self._look_aside()
                # the less often the less comes of it
                aside = rounds * (2 if self.value != known else 4)
            elif waiting.least <= least:
                self._order(waiting, ordered, left)
            elif ordered.least <= least:
                self._relax(ordered, left)
                self._dive(left)
            else:
                self._examine(left)

    def _dive(self, left: list[Open]) -> None:
        """Examine the most promising unrollings that are relaxed until one has been searched.

        Without that a search over many unrollings with low cheap bounds would not get beyond its first incumbent.
        """
        for _ in range(_DIVE):
            if not left or not self.complete or not self.clock.goes_on:
                return
            if self.near(left[0].bound) or left[0].bound >= self.ceiling:
                return
            searched = left[0].stage == _ROOT
            self._examine(left)
            if searched:
                return

    def _examine(self, left: list[Open]) -> None:
        """Relax the unrolling with the least bound on its own, or search it."""
        first = left[0]
        if self._helpers:
            self.doer.expect(islice(self._coming(left), 1, None))
        bound = self._root(first) if first.stage == _RELAXED else self._searched(first.choice)
        if bound is None:
            heapq.heappop(left)
        elif first.stage == _ROOT and bound <= first.bound and self.clock.goes_on:
            # nothing more can be made of it: its bound stays
            heapq.heappop(left)
            self.closed = min(self.closed, first.bound)
            self.stuck = True
        elif first.stage == _ROOT and bound <= first.bound:
            self.complete = False
        else:
            heapq.heapreplace(left, first._replace(bound=max(first.bound, bound), stage=_ROOT))

    def _order(self, waiting: Portions, ordered: Pool, left: list[Open]) -> None:
        """Bound the unrollings with the least cheap bounds by the orders of their boundaries, together."""
        portion = waiting.take()
        if self._helpers:
            least = min(ordered.least, left[0].bound if left else math.inf, self.ceiling)
            soon = [later for later in waiting.coming(_AHEAD * self._helpers) if later.bounds.min() <= least]
            self.doer.expect(chain(map(self._ordering, soon), self._coming(left)))
        bounds = portion.bounds  # where the time ends before they are done
        with self.clock.watched():
            bounds = self.doer.do(self._ordering(portion))
        self._keep(ordered, portion.rows, bounds)

    def _ordering(self, portion: Portion) -> Step:
        """Return the step that bounds unrollings by the orders of their boundaries."""
        value = self._value(portion.bounds)
        return Step("ordered", (portion.number, value), (portion.rows, value, portion.bounds), large=True)

    def _keep(self, pool: Pool, block: Array, bounds: Array) -> None:
        """Keep the unrollings that may be better than the incumbent."""
        may = bounds < self.ceiling
        self.ruled_out["bound"] += int((~may).sum())
        if not may.all():
            self.closed = min(self.closed, float(bounds[~may].min()))
        pool.add(block[may], bounds[may])

    def _value(self, known: Array) -> float:
        """Return the best objective that is known, or more than that of many unrollings."""
        return float(self.value) if self.value is not None else float(known.max()) * 1e3

    def _relax(self, ordered: Pool, left: list[Open]) -> None:
        """Relax the unrollings with the least bounds, together."""
        block, known = ordered.take(self.together)
        self.together = min(2 * self.together, _MOST_TOGETHER)
        bounds = known  # where the time ends before the relaxation does
        with self.clock.watched():
            bounds = self.steps.relaxed(block, self._value(known), known)
        may = bounds < self.ceiling
        self.ruled_out["relaxation"] += int((~may).sum())
        if not may.all():
            self.closed = min(self.closed, float(bounds[~may].min()))
        for row, bound in zip(block[may].tolist(), bounds[may].tolist(), strict=True):
            if tuple(row) in self.tried:
                # its search came to an end, against what is not better than the incumbent of now
                self.solved += 1
                self.closed = min(self.closed, self.tried[tuple(row)])
            else:
                heapq.heappush(left, Open(bound, _RELAXED, tuple(row)))

    def _root(self, first: Open) -> float | None:
        """Return the bound of an unrolling's whole relaxation, or None where it has no mapping."""
        bound: float | None = self.doer.do(self._step(first))
        if bound is None:
            self.ruled_out["capacity"] += 1
        return bound

    def _searched(self, choice: tuple[int, ...]) -> float | None:
        """Search an unrolling; return its bound, or None where it is closed."""
        found: Solve = self.doer.do(self._step(Open(0.0, _ROOT, choice)))
        self._take(found)
        if found.closed:
            self.solved += 1
            self.closed = min(self.closed, found.bound)
            return None
        return found.bound

    def _step(self, first: Open) -> Step:
        """Return the step that examines an unrolling."""
        if first.stage == _RELAXED:
            value = float(self.value) if self.value is not None else first.bound * 1e3
            arguments = first.choice, value, first.bound
            return Step("rooted", arguments, arguments)
        limits = max(self.clock.left, 0.1), self.clock.work_left
        return Step("searched", (first.choice, self.value), (first.choice, self.value, *limits))

    @property
    def _helpers(self) -> int:
        """How many helpers there are."""
        return self.doer.helpers

    def _coming(self, left: list[Open]) -> Iterator[Step]:
        """Yield the steps that come next if the incumbent stays, and nothing is relaxed meanwhile."""
        heap = heapq.nsmallest(_AHEAD * self._helpers, left)
        while heap and not self.near(heap[0].bound) and heap[0].bound < self.ceiling:
            first = heapq.heappop(heap)
            step = self._step(first)
            yield step
            done, bound = self.doer.known(step)
            if done and first.stage == _RELAXED and bound is not None:
                heapq.heappush(heap, first._replace(bound=max(first.bound, bound), stage=_ROOT))

    # ---- results

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

    def _result(self, smallest: Evaluator) -> Result:
        if self.best is None or self.value is None:
            return replace(
                self._nothing(smallest),
                status="infeasible" if self.complete and not self.stuck else "unknown",
            )
        least = min(self.closed, math.inf if self.complete else self.bound)
        # an unrolling's own bound may be less than what holds for all of them
        least = max(least, self.bounds.least)
        bound = float_below(self.value if math.isinf(least) else min(Fraction(least), self.value))
        gap = gap_of(self.value, bound)
        return replace(
            self.best,
            status="optimal" if gap <= self.tolerance else "feasible",
            lower_bound=bound,
            gap=gap,
            wall_s=self.clock.passed,
            interrupted=self.clock.interrupt.requested,
            space=self._space(),
        )


def _has_smallest_tiles(evaluator: Evaluator) -> bool:
    """Return whether no unrolling has smaller tiles than the one with the fewest lanes.

    Where sums are added up on the array they need no room for partial ones, and what lies on the array as a whole is
    not refilled, hence not kept twice.
    """
    for operand in evaluator.setting.operands:
        if any(bits.partial > bits.final for bits in operand.stored):
            return False
        if any(memory.doubles(operand.memory_operand) for memory in operand.memories):
            return False
    return True
