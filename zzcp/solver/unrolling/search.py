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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice

from zzcp.cost.evaluator import Evaluator
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.solver.constrained.diagnose import diagnose, is_certain
from zzcp.solver.lattice.keys import Array
from zzcp.solver.lattice.start import outermost_mapping
from zzcp.solver.result import Result, float_below, gap_of
from zzcp.solver.unrolling.ahead import Step
from zzcp.solver.unrolling.incumbents import RELAXED, ROOT, Incumbents, Open
from zzcp.solver.unrolling.pool import Pool, Portion, Portions
from zzcp.solver.unrolling.steps import Cheap, Solve

_MOST_TOGETHER = 512
"""Unrollings that are relaxed together at most."""
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


@dataclass(slots=True, eq=False)
class JointSearch(Incumbents):
    """The search for the best unrolling and mapping of a layer on an accelerator; parameters as for `Incumbents`."""

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

    def _smallest(self) -> Evaluator:
        """Return the setting of the unrolling with the smallest tiles: that of what is fixed alone."""
        return self._evaluator(self.freedom.given.fitted(self.layer))

    def _holds(self, spatial: SpatialMapping) -> bool:
        """Return whether an unrolling is in the space."""
        return self.freedom.holds(self.accelerator, self.layer, spatial)

    def _look_aside(self) -> None:
        """Search some unrollings whose relaxations promise most among some from all over the space."""
        if self.samples is None:
            return
        promising = []
        for choice in self.samples.take(_ASIDE, self.ceiling):
            if not self.clock.goes_on:
                return
            if choice not in self.tried:
                bound = self.doer.do(self._step(Open(0.0, RELAXED, choice)))
                if bound is not None and bound < self.ceiling:
                    promising.append((bound, choice))
        for bound, choice in sorted(promising)[:_BEST]:
            if self.clock.goes_on and bound < self.ceiling:
                self._search_briefly(choice)
        self._tell("unrollings aside")

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
            searched = left[0].stage == ROOT
            self._examine(left)
            if searched:
                return

    def _examine(self, left: list[Open]) -> None:
        """Relax the unrolling with the least bound on its own, or search it."""
        first = left[0]
        if self._helpers:
            self.doer.expect(islice(self._coming(left), 1, None))
        bound = self._root(first) if first.stage == RELAXED else self._searched(first.choice)
        if bound is None:
            heapq.heappop(left)
        elif first.stage == ROOT and bound <= first.bound and self.clock.goes_on:
            # nothing more can be made of it: its bound stays
            heapq.heappop(left)
            self.closed = min(self.closed, first.bound)
            self.stuck = True
        elif first.stage == ROOT and bound <= first.bound:
            self.complete = False
        else:
            heapq.heapreplace(left, first._replace(bound=max(first.bound, bound), stage=ROOT))

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
                heapq.heappush(left, Open(bound, RELAXED, tuple(row)))

    def _root(self, first: Open) -> float | None:
        """Return the bound of an unrolling's whole relaxation, or None where it has no mapping."""
        bound: float | None = self.doer.do(self._step(first))
        if bound is None:
            self.ruled_out["capacity"] += 1
        return bound

    def _searched(self, choice: tuple[int, ...]) -> float | None:
        """Search an unrolling; return its bound, or None where it is closed."""
        found: Solve = self.doer.do(self._step(Open(0.0, ROOT, choice)))
        self._take(found)
        if found.closed:
            self.solved += 1
            self.closed = min(self.closed, found.bound)
            return None
        return found.bound

    def _step(self, first: Open) -> Step:
        """Return the step that examines an unrolling."""
        if first.stage == RELAXED:
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
            if done and first.stage == RELAXED and bound is not None:
                heapq.heappush(heap, first._replace(bound=max(first.bound, bound), stage=ROOT))

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
