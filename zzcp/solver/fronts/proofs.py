"""What is proven of the least energy within a number of cycles, and where more could be missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from zzcp.cost.objective import WeightedSum
from zzcp.solver.fronts.known import Corner, Found, energy_of, latency_of

Range = tuple[int, int, Fraction | None, Fraction | float]
"""First and last latency, the energy of the front there (None where no mapping is known), and what is proven of it."""


def _tolerance(gap: float) -> Fraction:
    """Return a gap that the solver has found to be within the tolerance, with its bound rounded down to a float."""
    return Fraction(gap) * (1 + Fraction(1, 10**9))


@dataclass(frozen=True, slots=True)
class SupportLine:
    """A line a E + b D = B in the plane of energies and latencies, below which no mapping is.

    Parameters
    ----------
    weights : WeightedSum
        The weights a and b.
    bound : Fraction
        What their sum is at least.
    """

    weights: WeightedSum
    bound: Fraction

    def at(self, latency: Fraction | int) -> Fraction:
        """Return what the energy of mappings that take no longer is at least."""
        if not self.weights.energy:
            return Fraction(0)
        return (self.bound - self.weights.latency * latency) / self.weights.energy

    def until(self, energy: Fraction) -> Fraction | float:
        """Return the latency up to which mappings that take no longer are proven to take an energy."""
        if not self.weights.latency:
            return math.inf if self.bound >= self.weights.energy * energy else -math.inf
        return (self.bound - self.weights.energy * energy) / self.weights.latency

    def covers(self, corners: Iterable[Corner], gap: float) -> bool:
        """Return whether nothing is below the edge between two corners by more than a gap of its energy."""
        share = 1 - _tolerance(gap)
        return all(self.weights.of(share * energy, latency) <= self.bound for latency, energy in corners)


@dataclass(slots=True)
class Proofs:
    """What has been proven: energies that no mapping within a number of cycles falls below.

    Parameters
    ----------
    bounds : dict
        By latency budget in cycles; None stands for no budget. Infinite where no mapping meets it.
    given_up : list of (int, int)
        Latencies at which a search ended before its gap was closed.
    lines : list of SupportLine
        Lines that no mapping is below.
    """

    bounds: dict[int | None, Fraction | float]
    given_up: list[tuple[int, int]]
    lines: list[SupportLine] = field(default_factory=list)

    def add(self, budget: int | None, bound: Fraction | float) -> None:
        """Take over a bound."""
        self.bounds[budget] = max(bound, self.bounds.get(budget, Fraction(0)))

    def at(self, latency: Fraction | int) -> Fraction | float:
        """Return the bound for mappings that take no longer."""
        bounds = [bound for budget, bound in self.bounds.items() if budget is None or budget >= latency]
        return max(bounds + [line.at(latency) for line in self.lines], default=Fraction(0))

    def open_ranges(self, front: Sequence[Found], gap: float, *, with_given_up: bool) -> list[Range]:
        """Return the latencies at which a mapping could lie below the front by more than a gap.

        Parameters
        ----------
        front : sequence of (Mapping, Evaluation)
            Non-dominated mappings, the fastest first.
        gap : float
            Relative to the energy of the front.
        with_given_up : bool
            Whether ranges at which the search was given up count.

        Returns
        -------
        list of Range
            From the largest latencies down.
        """
        tolerance = _tolerance(gap)
        steps: list[tuple[int, Fraction | None]] = [(1, None)]
        steps += [(math.ceil(latency_of(entry)), energy_of(entry)) for entry in front]
        ranges = []
        top: int | None = None
        for start, energy in reversed(steps):
            # between two budgets of proofs nothing changes
            budgets = sorted(budget for budget in self.bounds if budget is not None and budget >= start)
            inside = [budget for budget in budgets if top is None or budget <= top]
            ends: list[int | None] = [*inside, *([top] if top not in inside else [])]
            first = start
            for end in ends:
                if end is not None and end < first:
                    continue
                bound = self.at(end) if end is not None else self.at(10**30)
                known = energy is not None and bound >= energy * (1 - tolerance)
                if energy is not None and end is not None and not known:
                    # a line falls: it may prove the lower latencies only
                    proven = max((line.until(energy * (1 - tolerance)) for line in self.lines), default=0)
                    first = max(first, math.floor(min(proven, end - 1)) + 1)
                if not (known or bound == math.inf):
                    # beyond the mapping of least energy only the search without a budget could tell more
                    last = end if end is not None else first
                    if with_given_up or (end is not None and not self._is_given_up(first, last)):
                        ranges.append((first, last, energy, bound))
                if end is not None:
                    first = end + 1
            top = start - 1
        return ranges

    def _is_given_up(self, first: int, last: int) -> bool:
        return any(low <= first and last <= high for low, high in self.given_up)


def below_hull(
    ranges: Iterable[Range], corners: Sequence[Corner], gap: float, lines: Sequence[SupportLine] = ()
) -> Iterator[Range]:
    """Yield the parts of open ranges where a mapping could lie below a convex hull by more than a gap.

    Parameters
    ----------
    ranges : iterable of Range
        From `Proofs.open_ranges`.
    corners : sequence of (Fraction, Fraction)
        Latency and energy of the corners of the hull, the fastest first.
    gap : float
        Relative to the energy of the hull.
    lines : sequence of SupportLine
        Lines that no mapping is below: what they say of whole edges.
    """
    share = 1 - _tolerance(gap)
    covered = {edge for edge in pairwise(corners) if any(line.covers(edge, gap) for line in lines)}
    for first, last, energy, bound in ranges:
        if energy is None:
            yield first, last, energy, bound
            continue
        end = first - 1
        for (x1, y1), (x2, y2) in pairwise([*corners, (Fraction(last + 1), corners[-1][1])]):
            if share * y1 > bound and x1 <= last and x2 > first and ((x1, y1), (x2, y2)) not in covered:
                # energies fall along the edge: where it meets the bound
                level = Fraction(bound) / share
                meets = x2 if y2 > level else x1 + (y1 - level) * (x2 - x1) / (y1 - y2)
                end = max(end, min(last, math.ceil(meets) - 1))
        if end >= first:
            yield first, end, energy, bound
