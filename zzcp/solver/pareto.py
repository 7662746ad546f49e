"""`pareto`: the exact energy-latency front, by searches for the least energy within a latency budget.

The least energy e(L) of the mappings that take at most L cycles falls as L grows, and the points where it falls are the
front. A search with the budget L gives a mapping, of energy E and l <= L cycles, and a bound on e(L), which holds for
every smaller budget, too. So nothing is missing between l and L if the bound is E. The search goes on where something
may be missing: where the front that is known lies above what is proven. A supported point, one on the convex hull, may
be missing only where the hull of the known points lies above what is proven: that takes fewer searches.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from zzcp.checks import MAX_WORKERS, check_seed, duration, function, gap_tolerance, integer
from zzcp.cost.arguments import check_setting
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.hardware import Accelerator
from zzcp.interrupt import Interrupt
from zzcp.mapping import SpatialMapping
from zzcp.mapping.constraints import Constraints, MaxLatency
from zzcp.mapping.default import default_spatial
from zzcp.solver.engines import Engine, check_engine, joined
from zzcp.solver.front import (
    Found,
    Front,
    FrontPoint,
    OpenRange,
    Proofs,
    Range,
    below_hull,
    energy_of,
    hull,
    latency_of,
    non_dominated,
)
from zzcp.solver.optimize import optimize
from zzcp.solver.result import Result
from zzcp.workload import Layer

_SPREAD = 8
"""So many points are spread over the front before the gaps between them are closed one after the other."""


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


def pareto(
    accelerator: Accelerator,
    layer: Layer,
    *,
    spatial: SpatialMapping | Mapping[str, Mapping[str, int]] | None = None,
    time_limit: float = 600.0,
    search_limit: float = 60.0,
    max_points: int | None = None,
    supported_only: bool = False,
    gap: float = 1e-4,
    seed: int = 0,
    workers: int = 1,
    conventions: CostConventions = EXACT,
    links: Mapping[str, str] | None = None,
    engine: Engine = "auto",
    on_progress: Callable[[FrontProgress], None] | None = None,
) -> Front:
    """Return the energy-latency front of a layer: the mappings that no other beats in both, each proven.

    Parameters
    ----------
    accelerator, layer
        The machine and the layer.
    spatial : SpatialMapping or dict, optional
        The unrolling; else that of the machine's file, or a full one.
    time_limit : float
        Seconds for the whole front.
    search_limit : float
        Seconds for a single search.
    max_points : int, optional
        The search ends with so many points; they are spread over the front.
    supported_only : bool
        Search only the points on the convex hull, those that are the best for some weights of energy and latency. That
        takes fewer searches.
    gap : float
        A point may be missing if its energy is below that of the front (or of the hull) by less than this fraction.
        With 0 the front is exact to the last bit, which takes far longer.
    seed, workers, conventions, links, engine
        As for `optimize`.
    on_progress : callable, optional
        Called with a `FrontProgress` after every search.

    Returns
    -------
    Front
        Also after Ctrl-C or at a limit: what is known, and where points could be missing.

    Raises
    ------
    InputError
        If the arguments are out of range.
    MappingError
        If the unrolling does not fit the array or the layer.

    Examples
    --------
    >>> import zzcp
    >>> front = zzcp.pareto(machine, layer, max_points=10)  # doctest: +SKIP
    >>> front.statement  # doctest: +SKIP
    """
    check_setting(accelerator, layer, conventions, links)
    time_limit = duration(time_limit, "time limit")
    search_limit = duration(search_limit, "search limit")
    if max_points is not None:
        max_points = integer(max_points, "number of points", least=1)
    gap = gap_tolerance(gap)
    workers = integer(workers, "workers", least=1, most=MAX_WORKERS)
    seed = check_seed(seed)
    check_engine(engine)
    function(on_progress, "on_progress")
    chosen = default_spatial(accelerator, layer) if spatial is None else spatial

    def solve(objective: str, budget: int | None, left: float, hint: Found | None) -> Result:
        return optimize(
            accelerator,
            layer,
            objective,  # type: ignore[arg-type]  # energy or latency
            spatial=chosen,
            time_limit=max(0.1, min(search_limit, left)),
            gap=gap if objective == "energy" else 0.0,
            seed=seed,
            workers=workers,
            conventions=conventions,
            links=links,
            constraints=None if budget is None else Constraints((MaxLatency(budget),)),
            hint=None if hint is None else hint[0],
            engine=engine,
        )

    search = _Search(solve, time_limit, max_points, supported_only, gap, on_progress)
    with Interrupt() as interrupt:
        search.run(interrupt)
    return search.front(accelerator, layer, conventions)


def _merged(ranges: list[Range]) -> Iterator[OpenRange]:
    """Yield ranges from the lowest latencies up, with those that touch each other united."""
    current: OpenRange | None = None
    for first, last, energy, bound in sorted(ranges, key=lambda entry: entry[0]):
        if current is not None and current.last + 1 == first:
            current = replace(current, last=last, lower_bound=min(current.lower_bound, float(bound)))
            continue
        if current is not None:
            yield current
        current = OpenRange(first, last, None if energy is None else float(energy), float(bound))
    if current is not None:
        yield current


@dataclass(slots=True, eq=False)
class _Search:
    """What is known of a front, and the searches that tell more."""

    solve: Callable[[str, int | None, float, Found | None], Result]
    time_limit: float
    max_points: int | None
    supported_only: bool
    gap: float
    on_progress: Callable[[FrontProgress], None] | None
    started: float = field(default_factory=time.monotonic)
    known: list[Found] = field(default_factory=list)
    proofs: Proofs = field(default_factory=lambda: Proofs({}, []))
    solved: int = 0
    interrupted: bool = False
    diagnosis: str | None = None
    engines: set[str] = field(default_factory=set)

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.time_limit - (time.monotonic() - self.started)

    def run(self, interrupt: Interrupt) -> None:
        """Search until nothing is open, or a limit is reached, or the user stops it."""
        self._search("energy", None)
        if not self.known:
            return
        self._search("latency", None)
        while self.left > 0 and not self.interrupted and not interrupt.requested:
            points = hull(self._corners) if self.supported_only else self.known
            if self.max_points is not None and len(points) >= self.max_points:
                return
            ranges = self._open_ranges(with_given_up=False)
            if not ranges:
                return
            self._search("energy", self._budget(ranges))

    @property
    def _corners(self) -> list[tuple[Fraction, Fraction]]:
        """Latency and energy of the known mappings."""
        return [(latency_of(entry), energy_of(entry)) for entry in self.known]

    def _open_ranges(self, *, with_given_up: bool) -> list[Range]:
        """Return the latencies at which something could be missing."""
        ranges = self.proofs.open_ranges(self.known, self.gap, with_given_up=with_given_up)
        if not self.supported_only:
            return ranges
        corners = self._corners
        return list(below_hull(ranges, [corners[number] for number in sorted(hull(corners))], self.gap))

    def _budget(self, ranges: list[Range]) -> int:
        """Return the budget of the next search: in the largest open range; ranges below all that is known come last."""
        lowest = self.proofs.at(10**30)

        def area(entry: Range) -> tuple[bool, Fraction]:
            first, last, energy, bound = entry
            missing = Fraction(0) if energy is None else energy - Fraction(max(bound, lowest))
            return energy is not None, (last - first + 1) * missing

        first, last, energy, _ = max(ranges, key=area)
        spread = self.max_points or _SPREAD
        return (first + last) // 2 if energy is not None and len(self.known) < spread else last

    def _search(self, objective: str, budget: int | None) -> None:
        hint = None
        for entry in self.known:
            if budget is None or latency_of(entry) <= budget:
                hint = entry
        # where the fastest mappings are hard to tell apart, they must not take all the time
        seconds = self.left if objective == "energy" else self.left / 10
        result = self.solve(objective, budget, seconds, hint)
        self.solved += 1
        self.engines.add(result.engine)
        self.interrupted = self.interrupted or result.interrupted
        if result.mapping is not None and result.evaluation is not None:
            self.known = non_dominated([*self.known, (result.mapping, result.evaluation)])
        elif result.status == "infeasible" and budget is None:
            self.diagnosis = str(result.diagnosis)
        self._prove(objective, budget, result)
        if self.on_progress is not None:
            left = self._open_ranges(with_given_up=True)
            seconds = time.monotonic() - self.started
            self.on_progress(FrontProgress(len(self.known), len(left), self.solved, seconds))

    def _prove(self, objective: str, budget: int | None, result: Result) -> None:
        if objective == "latency":
            # nothing is faster than the bound
            self.proofs.add(math.ceil(Fraction(result.lower_bound)) - 1, math.inf)
            return
        if result.status == "infeasible":
            self.proofs.add(budget, math.inf)
            return
        bound = Fraction(result.lower_bound)
        if result.status == "optimal" and result.evaluation is not None and self.gap == 0:
            bound = result.evaluation.energy.exact  # of which the float may be a little less
        self.proofs.add(budget, bound)
        if budget is not None and result.status != "optimal":
            found = result.evaluation
            first = 1 if found is None else math.ceil(Fraction(found.latency.total))
            self.proofs.given_up.append((first, budget))

    def front(self, accelerator: Accelerator, layer: Layer, conventions: CostConventions) -> Front:
        """Return what is known."""
        corners = self._corners
        on_hull = hull(corners)
        numbers = sorted(on_hull) if self.supported_only else range(len(self.known))
        return Front(
            accelerator=accelerator.name,
            layer=layer,
            conventions=conventions.name,
            points=tuple(self._point(number, corners[number], number in on_hull) for number in numbers),
            open=tuple(_merged(self._open_ranges(with_given_up=True))),
            gap=self.gap,
            solved=self.solved,
            interrupted=self.interrupted,
            wall_s=time.monotonic() - self.started,
            diagnosis=self.diagnosis,
            supported_only=self.supported_only,
            engine=joined(self.engines),
        )

    def _point(self, number: int, corner: tuple[Fraction, Fraction], supported: bool) -> FrontPoint:
        mapping, evaluation = self.known[number]
        latency, energy = corner
        return FrontPoint(mapping, evaluation, min(Fraction(self.proofs.at(latency)), energy), supported)
