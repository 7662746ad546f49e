"""The search by ranges of energy: what the relaxation rules out, and the few chains that are left, one by one.

All mappings that are better than the incumbent lie below the curve E^p D^q = U. Over a range of energies the curve lies
below its chord, so that they lie below the chord, too:

    a E + b D <= 1    at both ends of the range with equality.

Where the relaxation's least a E + b D exceeds 1 the range holds nothing. Else long ranges are halved. In short ones
the vectors through which nothing below the chord leads are dropped, and the chains that are left are enumerated
(`zzcp.solver.ranges.enumeration`) and completed to mappings in the order of their bounds. Where there are too many
of them the vectors are cut, too (`zzcp.solver.ranges.cuts`); what is still too large stays open, for CP-SAT.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from zzcp.solver.lattice.keys import Array, Place
from zzcp.solver.lattice.lattice import Lattice
from zzcp.solver.ranges.cuts import by_completion, by_size
from zzcp.solver.ranges.enumeration import Enumeration
from zzcp.solver.ranges.goals import Curve, middle_of
from zzcp.solver.ranges.ground import Ground
from zzcp.solver.ranges.known import Chain
from zzcp.solver.ranges.labels import Labels, joined
from zzcp.solver.ranges.multipliers import Budgets, Line
from zzcp.solver.ranges.relaxation import Relaxation

_MARGIN = 1e-9
"""More than the relative error of sums in floating point."""
_ROUNDS = 16
"""Dynamic programs per choice of multipliers."""
_ROUGHLY = 0.01
"""Precision of the least energy and the least latency, between which the ranges lie."""
_LONG = 1.15
"""Ranges of a greater ratio are halved at once."""
_BEAM = 600
"""Labels of the first group of an enumeration, which leads to a better incumbent."""
_FEW_LABELS = 30_000
"""Labels of an enumeration until a better incumbent has been searched for."""
_DEEPEST = 40
"""Cuts by the size of a tile, one within the other."""
_CHEAPEST = 8
"""Cheapest chains that say where to cut."""
_AT_ONCE = 64
"""Chains that are completed at a time."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What the search by ranges needs of the search that it is part of.

    Parameters
    ----------
    value : callable
        Returns the objective of the incumbent, energy in the unit of the tables.
    complete : callable
        Completes chains to mappings and offers the best; returns for each whether nothing better can have its
        boundaries.
    glance : callable
        Completes a chain to some mappings and offers the best.
    improve : callable or None
        Searches a better incumbent, before a range with many labels is searched at length; None where such ranges are
        left open, and only bounded after the first.
    tell : callable
        Called with every bound of the objective, infinite if nothing better than the incumbent is left.
    goes_on : callable
        Whether there is time left, and something to do.
    closed : callable
        Whether the gap asked for is closed, by whatever search: hard ranges are then left open.
    tolerance : float
        Relative distance to the incumbent that does not matter.
    labels : int
        Of an enumeration, at the most.
    briefly : bool
        Whether ranges with more labels are left open, because CP-SAT is faster.
    """

    value: Callable[[], float]
    complete: Callable[[Sequence[Chain]], Sequence[bool]]
    glance: Callable[[Chain], None]
    improve: Callable[[], None] | None
    tell: Callable[[float], None]
    goes_on: Callable[[], bool]
    closed: Callable[[], bool]
    tolerance: float
    labels: int
    briefly: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A range of energies with some vectors for every boundary, and what the objective is at least in it."""

    low: float
    high: float
    known: float
    relaxation: Relaxation
    depth: int = 0

    def halves(self) -> list[_Part]:
        """Return the lower and the upper half of the range."""
        middle = middle_of(self.low, self.high)
        return [replace(self, high=middle), replace(self, low=middle)]


@dataclass(slots=True, eq=False)
class RangeSearch:
    """The search by ranges of energy.

    Parameters
    ----------
    ground : Ground
        What all searches of the layer share.
    goal : Curve
        The objective.
    steps : Steps
        The way back to the search.
    most_energy, most_latency : float
        Budgets, in units of 1 / scale and cycles: bounds hold for the mappings within them.
    least_energy : float
        No mapping within the budgets is known to take less.
    bound : float
        What the objective is at least; infinite if nothing better than the incumbent is left.
    alive : dict
        The vectors of every boundary that are left in open ranges; None while nothing is known.
    closed : float
        What the objective is at least in all other ranges.
    """

    ground: Ground
    goal: Curve
    steps: Steps
    most_energy: float = np.inf
    most_latency: float = np.inf
    least_energy: float = 0.0
    bound: float = 0.0
    alive: dict[Place, Array] | None = None
    closed: float = np.inf
    _visited: set[tuple[tuple[int, ...], ...]] = field(default_factory=set)
    _improved: bool = False
    _hard: bool = False
    relaxation: Relaxation = field(init=False)
    _open: list[tuple[float, dict[Place, Array]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.relaxation = self.ground.relaxation.within(Budgets(self.most_energy, self.most_latency))

    def run(self) -> None:
        """Search all ranges."""
        lattice = self.relaxation.lattice
        self.alive = dict(lattice.alive)
        value = self.steps.value()
        least_energy, least_latency = self._extremes(value)
        least_energy = max(least_energy, self.least_energy)
        self.bound = float(self.goal.least(np.array(least_energy), np.array(least_latency)))
        self.steps.tell(self.bound)
        if self._done(self.bound):
            return
        high = min(self.goal.most_energy(value, least_latency), self.most_energy)
        pending = [_Part(least_energy, high, self.bound, self.relaxation)]
        if self.goal.curved and least_energy < 1 and not self.relaxation.leakage:
            # energies are whole: none at all, or one unit and more
            pending = [_Part(0.0, 0.5, 0.0, self.relaxation), replace(pending[0], low=1.0)]
        finished: list[float] = []
        while pending:
            part = pending.pop()
            if not self.steps.goes_on() or (self._hard and self.steps.closed()):
                finished.append(part.known)
                self._open.append((part.known, dict(part.relaxation.lattice.alive)))
                continue
            before = len(self._open)
            # nothing is better than an objective of 0
            found, smaller = self._range(part) if self.steps.value() else (part.known, [])
            pending += smaller
            if not smaller:
                finished.append(found)
                if len(self._open) == before:
                    self.closed = min(self.closed, found)
            self.bound = max(self.bound, min([*finished, *(part.known for part in pending)]))
            self.steps.tell(self.bound)
        self.alive = _union([alive for _, alive in self._open], lattice)

    def at_the_root(self) -> dict[Place, Array]:
        """Return the vectors that one relaxation over all energies leaves for every boundary, without cutting anything.

        No chain through any other is better than the incumbent, which the cheapest chains may have improved meanwhile.
        """
        least_energy, least_latency = self._extremes(self.steps.value())

        def chord() -> Line:
            value = self.steps.value()
            return self.goal.line(least_energy, self.goal.most_energy(value, least_latency), value)

        _, weights = self.relaxation.tighten(chord(), _ROUNDS, self._visit)
        line = chord()
        _, weights = self.relaxation.tighten(line, _ROUNDS, weights=weights)
        return self._below(self.relaxation, line, weights)

    @staticmethod
    def _below(relaxation: Relaxation, line: Line, weights: Array) -> dict[Place, Array]:
        """Return the vectors through which something leads that is not above a chord."""
        return {
            place: relaxation.lattice.alive[place] & (bounds <= 1 + _MARGIN)
            for place, bounds in relaxation.through(line, weights).items()
        }

    def _done(self, bound: float) -> bool:
        return bound >= self.steps.value() * (1 - self.steps.tolerance / 2)

    def _extremes(self, value: float) -> tuple[float, float]:
        """Return the least energy and the least latency, each by itself."""
        relaxation = self.relaxation
        rounds, precision = ((_ROUNDS,) * 2, 1e-6) if any(relaxation.budgets.limited) else ((3, 4), _ROUGHLY)
        base = float(relaxation.base)
        least_energy = relaxation.least_energy
        if self.goal.extremes[0]:
            scale = max(self.goal.most_energy(value, base), 1.0)
            bound, _ = relaxation.tighten(Line(1 / scale, 0.0), rounds[0], self._visit, precision=precision)
            least_energy = max(least_energy, bound * scale * (1 - _MARGIN))
        least_latency = base
        if self.goal.extremes[1]:
            bound, _ = relaxation.tighten(Line(0.0, 1 / base), rounds[1], self._visit, precision=precision)
            least_latency = max(base, bound * base * (1 - _MARGIN))
        return least_energy, least_latency

    def _visit(self, chain: Chain) -> None:
        key = tuple(chain.values())
        if key not in self._visited:
            self._visited.add(key)
            self.steps.glance(chain)

    def _range(self, part: _Part) -> tuple[float, list[_Part]]:
        """Search a part; return its bound, and the parts that it must be cut into."""
        value = self.steps.value()
        low, high, relaxation = part.low, part.high, part.relaxation
        both = self.goal.curved and low > 0
        if both:
            high = min(high, self.goal.most_energy(value, relaxation.base))
        if high * (1 + _MARGIN) < low:
            return np.inf, []
        line = self.goal.line(low, high, value)
        least, weights = relaxation.tighten(line, _ROUNDS, self._visit, enough=1 + _MARGIN)
        if self.goal.sharpens and least <= 1 + _MARGIN:
            renewed = self.goal.line(low, high, self.steps.value())
            if renewed != line:
                line = renewed
                least, weights = relaxation.tighten(line, _ROUNDS, self._visit, 1 + _MARGIN, weights)
        if least > 1 + _MARGIN:
            return np.inf, []
        chains = relaxation.cheapest_known(line, weights, _CHEAPEST)
        for chain in chains:
            # searches before this one, for something else, may have found them
            self._visit(chain)
        known = max(part.known, self.goal.bound(low, high, line, least) * (1 - _MARGIN))
        if self._done(known):
            return known, []
        part = replace(part, high=high, known=known)
        if both and high > low * _LONG:
            return known, part.halves()
        part, line = self._renewed(part, line, value)
        alive = self._below(relaxation, line, weights)
        part = replace(part, relaxation=relaxation.restricted(alive))
        found, left = self._enumerate(part, line, weights, alive)
        if not left:
            return max(known, found), []
        smaller = self._smaller(part, least, chains) if self.steps.goes_on() else []
        if not smaller:
            self._open.append((known, alive))
        return known, smaller

    def _renewed(self, part: _Part, line: Line, value: float) -> tuple[_Part, Line]:
        """Return a part and its chord for the incumbent of now, where it was another that they were made for."""
        better = self.steps.value()
        if not 0 < better < value:
            return part, line
        high = part.high
        if self.goal.curved and part.low > 0:
            high = min(high, self.goal.most_energy(better, part.relaxation.base))
            if high <= part.low * (1 + _MARGIN):
                return part, line
        return replace(part, high=high), self.goal.line(part.low, high, better)

    def _smaller(self, part: _Part, least: float, chains: Sequence[Chain]) -> list[_Part]:
        """Return what takes the place of a part with too many labels; nothing if it must stay open."""
        self._hard = True
        if self.steps.improve is None:
            return []
        first = not self._improved
        if first and not self.steps.closed():
            self._improved = True
            self.steps.improve()
        if self.steps.closed():
            return []
        if (
            not first
            and not self.steps.briefly
            and self.goal.curved
            and part.low > 0
            and self.goal.bends(part.low, part.high, least)
        ):
            return part.halves()
        if self.steps.briefly or part.depth >= _DEEPEST:
            return []
        cut = [] if part.depth else by_completion(part.relaxation, self.ground.factors)
        if first and not cut:
            return [part]
        cut = cut or by_size(part.relaxation, chains)
        return [replace(part, relaxation=relaxation, depth=part.depth + 1) for relaxation in cut]

    def _enumerate(
        self, part: _Part, line: Line, weights: Array, alive: dict[Place, Array]
    ) -> tuple[float, bool]:
        """Complete chains; return the least bound of those that may still be better, and whether labels are left."""
        if self._hard and self.steps.improve is None:
            # one hard range is enough: all that is wanted of the others is which vectors are left
            return np.inf, True
        search = Enumeration(part.relaxation, self.ground, line, weights, part.high, self.goal)
        most = self.steps.labels if self._improved else min(self.steps.labels, _FEW_LABELS)
        waiting: list[Labels] = []
        least = np.inf
        for whole in search.chains(self.steps.value, most, _BEAM):
            waiting.append(whole)
            if sum(map(len, waiting)) >= _AT_ONCE:
                least = min(least, self._complete(search, waiting, alive))
                waiting = []
            if not self.steps.goes_on():
                return 0.0, True
        return min(least, self._complete(search, waiting, alive)), search.left

    def _complete(
        self,
        search: Enumeration,
        parts: Sequence[Labels],
        alive: dict[Place, Array],
    ) -> float:
        """Complete chains in the order of their bounds; return the least bound of those that may be better."""
        if not parts:
            return np.inf
        chains = joined(list(parts))
        order = np.argsort(chains.bound, kind="stable")
        least = np.inf
        for start in range(0, len(order), _AT_ONCE):
            some = order[start : start + _AT_ONCE]
            rest = float(chains.bound[order[start]]) * (1 - _MARGIN)
            if self._done(rest):
                # what is no better than the incumbent does not count
                return least if rest >= self.steps.value() else min(least, rest)
            if not self.steps.goes_on():
                least = min(least, rest)
                self._open.append((least, alive))
                return least
            certain = self.steps.complete(search.boundaries(chains, some))
            for number, exhausted in zip(some, certain, strict=True):
                if not exhausted:
                    least = min(least, float(chains.bound[number]) * (1 - _MARGIN))
        if np.isfinite(least) and not self._done(least):
            self._open.append((least, alive))
        return least


def _union(parts: Sequence[dict[Place, Array]], lattice: Lattice) -> dict[Place, Array]:
    result = {place: np.zeros(lattice.shape, dtype=bool) for place in lattice.alive}
    for part in parts:
        for place, alive in part.items():
            result[place] = result[place] | alive
    return result
