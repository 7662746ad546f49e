"""The exploration of a front: which search tells most about what could be missing, until nothing could.

1. The least energy and the least latency are the ends of the front.
2. All that is between them is enumerated, by ranges of energy below the staircase of what is known.
3. For supported points alone, and where something is left open, the edges of the hull of the known points are walked:
   the weights under which the two ends of an edge are equally good lead to a point below it, or show that there is none
   (Aneja and Nair 1979, Bicriteria transportation problem). Between neighbours on the hull that are left the points are
   enumerated once more (the second phase of Ulungu and Teghem 1995).
4. What is still open, and fronts of few points, are searches for the least energy within a budget of latency.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from zzcp.cost.objective import Goal, WeightedSum
from zzcp.interrupt import Interrupt
from zzcp.solver.clock import Clock
from zzcp.solver.fronts.between import Between
from zzcp.solver.fronts.every_unrolling import JointPoints
from zzcp.solver.fronts.known import Corner, Found, corner_of, energy_of, hull, latency_of, non_dominated
from zzcp.solver.fronts.proofs import Proofs, Range, SupportLine, below_hull
from zzcp.solver.fronts.supported import Point, WeightedSearch

_SPREAD = 8
"""So many points are spread over the front before the gaps between them are closed one after the other."""
_FASTEST = 0.1
"""The share of the time in which the least latency is searched for at first."""
_EDGE_MARGIN = Fraction(1, 10**9)
"""By which the gap of a weighted sum stays below what an edge needs."""


@dataclass(frozen=True, slots=True)
class FrontProgress:
    """How far a front is known.

    Parameters
    ----------
    points : int
        Non-dominated mappings found.
    open : int
        Ranges of latency where more could be.
    solved : int
        Searches done.
    seconds : float
        Since the start.
    """

    points: int
    open: int
    solved: int
    seconds: float


@dataclass(slots=True, eq=False)
class Exploration:
    """What is known of a front, and the searches that tell more.

    Parameters
    ----------
    search : WeightedSearch or JointPoints
        Searches for single points.
    search_limit : float
        Seconds for a single search; the limit of time of the job is for all.
    max_points : int or None
        The exploration ends with so many points.
    supported_only : bool
        Whether only the points on the hull are searched for.
    on_progress : callable or None
        Called after every search.
    interrupt : Interrupt
        Ends everything.
    """

    search: WeightedSearch | JointPoints
    search_limit: float
    max_points: int | None
    supported_only: bool
    on_progress: Callable[[FrontProgress], None] | None
    interrupt: Interrupt
    started: float = field(default_factory=time.monotonic)
    known: list[Found] = field(default_factory=list)
    proofs: Proofs = field(default_factory=lambda: Proofs({}, []))
    solved: int = 0
    interrupted: bool = False
    diagnosis: str | None = None
    engines: set[str] = field(default_factory=set)
    _given_up: set[tuple[Corner, Corner]] = field(default_factory=set)

    @property
    def gap(self) -> float:
        """As for `pareto`."""
        return self.search.job.options.gap

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.search.job.options.seconds - (time.monotonic() - self.started)

    @property
    def corners(self) -> list[Corner]:
        """Latency and energy of the known mappings."""
        return [corner_of(entry) for entry in self.known]

    @property
    def _goes_on(self) -> bool:
        if self.left <= 0 or self.interrupted or self.interrupt.requested:
            return False
        points = hull(self.corners) if self.supported_only else self.known
        return self.max_points is None or len(points) < self.max_points

    def run(self) -> None:
        """Search until nothing is open, or a limit is reached, or the user stops it."""
        self._minimise("energy")
        if not self.known:
            return
        # where the fastest mappings are hard to tell apart, they must not take all the time at first
        self._minimise("latency", share=_FASTEST)
        whole = not self.supported_only and self.max_points is None
        if whole:
            # all of it at once, which most layers need no more for
            self._fill()
        self._walk()
        if whole:
            self._fill()
        self._close()

    def open_ranges(self, *, with_given_up: bool) -> list[Range]:
        """Return the latencies at which something could be missing."""
        ranges = self.proofs.open_ranges(self.known, self.gap, with_given_up=with_given_up)
        if not self.supported_only:
            return ranges
        corners = self.corners
        edges = [corners[number] for number in sorted(hull(corners))]
        return list(below_hull(ranges, edges, self.gap, self.proofs.lines))

    # ---- the hull ---------------------------------------------------------------------------------------------------

    def _edges(self) -> list[tuple[Found, Found]]:
        """Return neighbours on the hull, the fastest first."""
        return list(pairwise(self.known[number] for number in sorted(hull(self.corners))))

    def _walk(self) -> None:
        """Close the edges of the hull, that with the most room beneath it first."""
        whole = not self.supported_only and self.max_points is None
        while self._goes_on:
            left = [edge for edge in self._edges() if self._is_open(*map(corner_of, edge))]
            if whole:
                left = self._with_open_ranges(left)
            if not left:
                return
            self._close_edge(*max(left, key=_room))

    def _is_open(self, first: Corner, second: Corner) -> bool:
        if (first, second) in self._given_up:
            return False
        return not any(line.covers((first, second), self.gap) for line in self.proofs.lines)

    def _close_edge(self, first: Found, second: Found) -> None:
        """Search below an edge; what is found takes its place."""
        (fast, much), (slow, little) = corner_of(first), corner_of(second)
        weights = WeightedSum(slow - fast, much - little)
        share = weights.energy * little / weights.of(little, slow)
        gap = float(Fraction(self.gap) * share * (1 - _EDGE_MARGIN))
        self._minimise(weights, gap=gap, known=[first, second])
        if not any(
            line.covers((corner_of(first), corner_of(second)), self.gap) for line in self.proofs.lines
        ):
            # a point below it makes edges of its own, else nothing more can be made of it
            self._given_up.add((corner_of(first), corner_of(second)))

    # ---- between its corners ----------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Enumerate the points between neighbours on the hull, where there is the most room first."""
        if isinstance(self.search, JointPoints) or not self.search.by_ranges:
            return
        done: set[tuple[Corner, Corner]] = set()
        while self._goes_on:
            edges = [edge for edge in self._edges() if tuple(map(corner_of, edge)) not in done]
            left = self._with_open_ranges(edges)
            if not left:
                return
            first, second = max(left, key=_room)
            done.add((corner_of(first), corner_of(second)))
            clock = Clock(min(self.search_limit, self.left), self.interrupt)
            between = Between(self.search.shared, self.gap, clock)
            between.run(first, second, Fraction(self.proofs.at(latency_of(second))))
            self.known = non_dominated([*self.known, *between.known])
            self.engines.add("ranges")
            for latency, energy in between.proven:
                self.proofs.add(math.ceil(latency) - 1, energy)
            self._told()

    def _with_open_ranges(self, edges: list[tuple[Found, Found]]) -> list[tuple[Found, Found]]:
        """Return those of some edges between whose ends points could be missing."""
        ranges = self.open_ranges(with_given_up=False)
        return [
            (first, second)
            for first, second in edges
            if any(latency_of(first) <= last and low < latency_of(second) for low, last, _, _ in ranges)
        ]

    # ---- single points ----------------------------------------------------------------------------------------------

    def _close(self) -> None:
        """Search for the least energy within budgets of latency until nothing is open."""
        while self._goes_on:
            ranges = self.open_ranges(with_given_up=False)
            if not ranges:
                return
            first, last, energy, _ = ranges[-1]
            if energy is None and self.known:
                # what is faster than all that is known is a matter of the least latency
                self._minimise("latency")
                if self.open_ranges(with_given_up=False)[-1:] == ranges[-1:]:
                    self.proofs.given_up.append((first, last))
                continue
            self._minimise("energy", budget=self._budget(ranges))

    def _budget(self, ranges: list[Range]) -> int:
        """Return the budget of the next search: in the largest open range."""
        lowest = self.proofs.at(10**30)

        def area(entry: Range) -> Fraction:
            first, last, energy, bound = entry
            assert energy is not None
            return (last - first + 1) * (energy - Fraction(max(bound, lowest)))

        first, last, _, _ = max(ranges, key=area)
        spread = self.max_points or _SPREAD
        return (first + last) // 2 if len(self.known) < spread else last

    def _minimise(
        self,
        goal: Goal,
        *,
        budget: int | None = None,
        gap: float | None = None,
        known: list[Found] | None = None,
        share: float = 1.0,
    ) -> None:
        """Search for one point, and take over what is found and proven."""
        among = self.known if known is None else known
        hints = [entry[0] for entry in among if budget is None or latency_of(entry) <= budget]
        seconds = max(0.1, min(self.search_limit, self.left * share))
        if gap is None:
            gap = self.gap if goal == "energy" else 0.0
        point = self.search.minimise(goal, seconds, gap, hints, budget)
        self.engines.add(point.engine)
        self.interrupted = self.interrupted or point.interrupted
        if point.mapping is not None and point.evaluation is not None:
            self.known = non_dominated([*self.known, (point.mapping, point.evaluation)])
        elif point.status == "infeasible":
            self.diagnosis = str(point.diagnosis)
        self._prove(goal, budget, point)
        self._told()

    def _told(self) -> None:
        self.solved += 1
        if self.on_progress is not None:
            left = self.open_ranges(with_given_up=True)
            seconds = time.monotonic() - self.started
            self.on_progress(FrontProgress(len(self.known), len(left), self.solved, seconds))

    def _prove(self, goal: Goal, budget: int | None, point: Point) -> None:
        if point.value is None:
            if point.status == "infeasible":
                self.proofs.add(None, math.inf)
            return
        bound = point.value if point.status == "optimal" and not self.gap else point.lower_bound
        if isinstance(goal, WeightedSum):
            self.proofs.lines.append(SupportLine(goal, bound))
        elif goal == "latency":
            # nothing is faster than the bound
            self.proofs.add(
                math.ceil(bound) - 1 if point.status == "optimal" else math.floor(bound) - 1, math.inf
            )
        else:
            self.proofs.add(budget, bound)
            if budget is not None and point.status != "optimal" and point.evaluation is not None:
                self.proofs.given_up.append((math.ceil(Fraction(point.evaluation.latency.total)), budget))


def _room(edge: tuple[Found, Found]) -> Fraction:
    """Return the area of the triangle beneath an edge in which points could be."""
    first, second = edge
    return (latency_of(second) - latency_of(first)) * (energy_of(first) - energy_of(second))
