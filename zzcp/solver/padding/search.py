"""The search over padded sizes of one unrolling, best first, until none can be better than the best mapping found.

Loops that divide are searched first, as a whole: they are the first incumbent. Then all tile sizes are searched at once
(`tiles`), which closes nearly everything. Where that does not apply padded sizes with many divisors are tried for a
moment, since there is often something better among them. Of what is open sets of padded sizes are relaxed (`relaxed`),
and that with the least bound is taken apart, dimension by dimension, until it is one combination, which is relaxed by
itself and at last searched as a whole, with the incumbent as its rival. The least bound of all that is open is a bound
of the whole space at any time (branch and bound, best first).
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import count
from typing import NamedTuple

from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import Goal, combined, objective_of
from zzcp.mapping import Mapping as LayerMapping
from zzcp.solver.clock import Clock, Ended
from zzcp.solver.constrained.diagnose import diagnose, is_certain
from zzcp.solver.cpsat.model import certain
from zzcp.solver.padding.choices import Paddings
from zzcp.solver.padding.loops import shortened
from zzcp.solver.padding.relaxed import Relaxed
from zzcp.solver.padding.tiles import TileSearch, applies
from zzcp.solver.result import Progress, Result, float_below, gap_of
from zzcp.solver.space import Space, of_factors
from zzcp.solver.unrolling.root import root_bound

_FLOAT_ERROR = 2.0**-30
"""More than the relative error of the bounds of relaxations."""
_MARGIN = 1e-12
"""More than the relative error of a float."""

Padded = Mapping[str, int]


_TRIED, _SHARE = 8, 0.02
"""Combinations of padded sizes that are tried before anything is proven, and the share of time and work for each."""
_NEW, _BOUNDED = range(2)


class Open(NamedTuple):
    """Some padded sizes, among which the best mapping may still be; they are compared by their bounds.

    Attributes
    ----------
    bound : float
        No mapping with them is better.
    stage : int
        Whether they have a relaxation's bound.
    number : int
        Of several with one bound the first comes first.
    sizes : tuple of (str, tuple of int)
        The padded sizes of every dimension.
    """

    bound: float
    stage: int
    number: int
    sizes: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def is_single(self) -> bool:
        """Whether every dimension has one padded size."""
        return all(len(some) == 1 for _, some in self.sizes)

    def parts(self) -> list[tuple[tuple[str, tuple[int, ...]], ...]]:
        """Return the same, taken apart along the dimension with the fewest padded sizes."""
        fewest = min(
            (dim for dim, some in self.sizes if len(some) > 1), key=lambda dim: len(dict(self.sizes)[dim])
        )
        return [
            tuple((dim, (size,) if dim == fewest else some) for dim, some in self.sizes)
            for size in dict(self.sizes)[fewest]
        ]


@dataclass(slots=True, eq=False)
class PaddedSearch:
    """The search for the best padded sizes and mapping of one unrolling.

    Parameters
    ----------
    evaluator : Evaluator
        The setting with loops that divide.
    objective : str
        ``edp``, ``energy``, ``latency`` or ``ed2``.
    solve : callable
        Searches the mappings of an evaluator within some seconds, for what is better than a rival's objective, with so
        much work.
    time_limit : float
        Seconds.
    tolerance : float
        Gap at which a mapping counts as optimal.
    most_padding : float
        What a padded size may exceed the iterations by, as a share of them.
    rival : Fraction, optional
        An objective that is known elsewhere: only what is better counts.
    on_progress : callable, optional
        Called with a `Progress` whenever incumbent or bound improve.
    work : float
        Limit of the work, in the units of `zzcp.solver.clock`.
    """

    evaluator: Evaluator
    objective: Goal
    solve: Callable[[Evaluator, float, Fraction | None, float], Result]
    time_limit: float
    tolerance: float
    most_padding: float = math.inf
    rival: Fraction | None = None
    on_progress: Callable[[Progress], None] | None = None
    work: float = math.inf
    best: Result | None = None
    value: Fraction | None = None
    bound: float = 0.0
    closed: float = math.inf
    complete: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    clock: Clock = field(init=False)
    paddings: Paddings = field(init=False)
    relaxed: Relaxed = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(self.time_limit, work=self.work)
        setting = self.evaluator.setting
        self.paddings = Paddings.of(setting.layer, setting.iterations, self.most_padding)
        self.relaxed = Relaxed(self.evaluator, self.paddings.sizes)

    @property
    def target(self) -> Fraction | None:
        """What is to be beaten: the incumbent, or the rival."""
        known = [value for value in (self.value, self.rival) if value is not None]
        return min(known, default=None)

    @property
    def ceiling(self) -> float:
        """Nothing at or above it is better than what is to be beaten, for certain."""
        return math.inf if self.target is None else float(self.target) * (1 + _MARGIN)

    def run(self, hint: LayerMapping | None = None) -> Result:
        """Search until no padded sizes can be better, the time is up, or the user stops it."""
        with self.clock.interrupt:
            if hint is not None:
                self._offer(hint)
            shortage = diagnose(self.evaluator.model)
            if shortage is not None and is_certain(self.evaluator.model):
                # the smallest tiles are the same whatever the loops come to
                return replace(self._solve(self.evaluator, 0.1, self.rival), wall_s=self.clock.passed)
            ended = True
            with self.clock.watched():
                perfect = self._searched({})
                tiles = self.target is not None and self.most_padding >= 1 and applies(self.evaluator)
                if not tiles and (self.rival is None or self.value is not None):
                    # else a better one is known elsewhere, and mostly nothing of this unrolling comes near it
                    self._start()
                self._close(perfect, self._by_tiles if tiles else lambda _: self._least())
                ended = False
            self.complete = self.complete and not ended
        return self._result()

    def _solve(
        self, evaluator: Evaluator, seconds: float, rival: Fraction | None, share: float = 1.0
    ) -> Result:
        return self.solve(evaluator, seconds, rival, self.clock.work_left * share)

    def _start(self) -> None:
        """Look for a better incumbent among padded sizes with many divisors, for a short time each."""
        for padded in self.paddings.promising(_TRIED):
            if not self.clock.goes_on or self.target is None:
                break
            seconds = max(self.clock.left * _SHARE, 0.1)
            result = self._solve(self.evaluator.with_padded(padded), seconds, self.target, _SHARE)
            if result.mapping is not None and result.evaluation is not None:
                self._take(result)
        self._tell("padded sizes with many divisors")

    def _by_tiles(self, sizes: Mapping[str, tuple[int, ...]]) -> float:
        """Search all tile sizes of some padded sizes at once; return their bound, infinite where they are closed."""
        iterations = self.evaluator.setting.iterations
        cut = frozenset(dim for dim, some in sizes.items() if some[-1] > iterations[dim])
        search = TileSearch(
            self.evaluator,
            cut,
            cut & self.relaxed.idle,
            self.objective,
            self._wanted,
            self._improve,
            self.clock,
        )
        search.bound = Fraction(self._least())
        with suppress(Ended):
            # what it has proven by then holds, and whoever looks next sees that the clock has ended
            search.run()
        self._tell("tile sizes")
        bound = float_below(search.bound)
        if search.bound < self._wanted():
            return bound
        self.closed = min(self.closed, bound)
        return math.inf

    def _wanted(self) -> Fraction:
        """Return what is to be beaten, less all but a thousandth of the tolerance."""
        assert self.target is not None
        return self.target * (1 - Fraction(self.tolerance) * Fraction(999, 1000))

    def _improve(self, found: LayerMapping) -> None:
        """Take over a mapping whose loops may exceed the iterations, if it is better than the incumbent."""
        mapping = shortened(found, self.evaluator.setting.iterations)
        evaluation = self.evaluator.evaluate(mapping)
        value = objective_of(evaluation, self.objective)
        if self.value is None or value < self.value:
            base = self._solve(self.evaluator, 0.0, self.rival) if self.best is None else self.best
            self.value = value
            mapping = mapping.with_buffering(evaluation.double_buffered)
            self.best = replace(base, objective=float(value), mapping=mapping, evaluation=evaluation)

    def _close(self, perfect: float, bounded: Callable[[Mapping[str, tuple[int, ...]]], float]) -> None:
        """Raise the least bound until it reaches the incumbent.

        Parameters
        ----------
        perfect : float
            The bound of loops that divide.
        bounded : callable
            Returns a bound of the mappings of some padded sizes.
        """
        numbers = count()
        iterations = self.evaluator.setting.iterations
        left = [
            Open(bound, _NEW, next(numbers), tuple(sizes.items()))
            for sizes in self.paddings.split(self.relaxed.idle)
            if math.isfinite(bound := bounded(sizes))
        ]
        if math.isfinite(perfect):
            left.append(
                Open(perfect, _BOUNDED, next(numbers), tuple((dim, (n,)) for dim, n in iterations.items()))
            )
        heapq.heapify(left)
        self.complete = True
        while left:
            first = left[0]
            if first.bound > self.bound:
                self.bound = first.bound
                self._tell(f"{len(left):,} sets of padded sizes left")
            if self._near or first.bound >= self.ceiling:
                self.closed = min(self.closed, first.bound)
                break
            if not self.clock.goes_on:
                self.complete = False
                break
            if first.stage == _NEW:
                bound = self._relaxed(first)
                if math.isfinite(bound):
                    heapq.heapreplace(left, first._replace(bound=max(first.bound, bound), stage=_BOUNDED))
                else:
                    heapq.heappop(left)
            elif first.is_single:
                bound = self._searched({dim: some[0] for dim, some in first.sizes})
                if math.isfinite(bound) and bound <= first.bound:
                    # the time is up, or nothing more can be made of it
                    self.complete = False
                    break
                heapq.heappop(left)
                if math.isfinite(bound):
                    heapq.heappush(left, first._replace(bound=bound))
            else:
                heapq.heappop(left)
                for sizes in first.parts():
                    if all(some == (iterations[dim],) for dim, some in sizes):
                        # loops that divide are there already
                        continue
                    heapq.heappush(left, Open(first.bound, _NEW, next(numbers), sizes))

    @property
    def _near(self) -> bool:
        """Whether the least bound is within the tolerance."""
        return self.target is not None and self.bound >= self._wanted()

    def _least(self) -> float:
        """Return a bound of all mappings: the energy of the operations, and the cycles without stalls."""
        model = self.evaluator.model
        cycles = float(model.setting.run_cycles + model.setting.drain)
        energy = (model.mac_energy + model.leakage * cycles) / model.scale
        return float(combined(energy, cycles, self.objective)) * (1 - _FLOAT_ERROR)

    def _relaxed(self, entry: Open) -> float:
        """Return the bound of some padded sizes' relaxation, infinite where nothing fits."""
        value = self.ceiling if self.target is not None else max(entry.bound, 1.0) * 1e3
        if entry.is_single:
            evaluator = self.evaluator.with_padded({dim: some[0] for dim, some in entry.sizes})
            found = root_bound(evaluator, self.objective, value, entry.bound)
        else:
            found = self.relaxed.bound(dict(entry.sizes), self.objective, value, entry.bound)
        return found * float(certain(self.evaluator.model)) * (1 - _FLOAT_ERROR)

    def _searched(self, padded: Padded) -> float:
        """Search the mappings of some padded sizes; return their bound, infinite where they are closed."""
        evaluator = self.evaluator.with_padded(padded)
        result = self._solve(evaluator, max(self.clock.left, 0.1), self.target)
        if result.status == "infeasible":
            self.counts["capacity"] += 1
            return math.inf
        if result.mapping is not None and result.evaluation is not None:
            self._take(result)
        known = self.target
        gap = 1.0 if known is None else gap_of(known, result.lower_bound)
        if gap <= self.tolerance * (1 + 1e-9):
            self.counts["solved"] += 1
            self.closed = min(self.closed, result.lower_bound)
            return math.inf
        return result.lower_bound

    def _offer(self, hint: LayerMapping) -> None:
        """Take over a mapping that is given."""
        evaluation = self.evaluator.evaluate(hint)
        self.value = objective_of(evaluation, self.objective)
        nothing = self._solve(self.evaluator, 0.0, self.rival)
        mapping = hint.with_buffering(evaluation.double_buffered)
        self.best = replace(nothing, objective=float(self.value), mapping=mapping, evaluation=evaluation)

    def _take(self, result: Result) -> None:
        """Take over a mapping if it is better than the incumbent, in loops that all do something."""
        assert result.mapping is not None
        assert result.evaluation is not None
        value = objective_of(result.evaluation, self.objective)
        if self.value is not None and value >= self.value:
            return
        mapping = shortened(result.mapping, self.evaluator.setting.iterations)
        evaluation = self.evaluator.evaluate(mapping)
        self.value = objective_of(evaluation, self.objective)
        self.best = replace(result, objective=float(self.value), mapping=mapping, evaluation=evaluation)

    def _tell(self, stage: str) -> None:
        if self.on_progress is None:
            return
        gap = None if self.value is None else gap_of(self.value, Fraction(self.bound))
        value = None if self.value is None else float(self.value)
        self.on_progress(Progress(self.clock.passed, value, self.bound, gap, stage))

    def _result(self) -> Result:
        """Return the best mapping with the bound of all padded sizes."""
        least = min(self.closed, math.inf if self.complete else self.bound)
        known = self.target
        if known is None:
            status = "infeasible" if self.complete and math.isinf(least) else "unknown"
            nothing = self._solve(self.evaluator, 0.0, self.rival)
            return replace(nothing, status=status, wall_s=self.clock.passed, space=self.space)  # type: ignore[arg-type]
        bound = float_below(known if math.isinf(least) else min(Fraction(least), known))
        if self.best is None or self.value is None:
            nothing = self._solve(self.evaluator, 0.0, self.rival)
            return replace(nothing, lower_bound=bound, wall_s=self.clock.passed, space=self.space)
        gap = gap_of(self.value, bound)
        return replace(
            self.best,
            status="optimal" if gap <= self.tolerance else "feasible",
            lower_bound=bound,
            gap=gap,
            wall_s=self.clock.passed,
            interrupted=self.clock.interrupt.requested,
            space=self.space,
        )

    @property
    def space(self) -> Space:
        """What the bound holds for."""
        given = Space.given(complete=self.complete)
        return replace(
            given,
            description=given.description + of_factors(self.most_padding),
            max_padding=self.most_padding,
        )
