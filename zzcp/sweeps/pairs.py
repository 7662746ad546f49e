"""All pairs of points along an axis compared, in little more time than it takes to sort the points.

Exact figures are compared by their ranks, which are integers. Where every two steps can be compared, pairs are counted
by halves: those of a point of the first half with one of the second by sorting, the others in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zzcp.sweeps.order import Order

_FEW = 32
"""Points whose pairs are looked at one by one."""
_NEVER = np.iinfo(np.int64).max
"""A rank above all others."""

Ranks = NDArray[np.int64]


class Figures(NamedTuple):
    """What is compared of some points.

    Attributes
    ----------
    objectives : sequence of Fraction or None
        Exact objectives of the mappings; None without one.
    bounds : sequence of float or None
        Proven bounds, rounded to floats; None where there is no mapping at all.
    loading : sequence of number or None
        Cycles of data loading of the mappings.
    """

    objectives: Sequence[Fraction | None]
    bounds: Sequence[float | None]
    loading: Sequence[int | float | None]


class Counts(NamedTuple):
    """Numbers of pairs; see `zzcp.sweeps.theorem.Check`."""

    pairs: int = 0
    improved: int = 0
    within: int = 0
    more_loading: int = 0
    contradicting: int = 0

    def plus(self, other: Counts) -> Counts:
        """Return the sums."""
        return Counts(*map(sum, zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """Figures by their ranks, so that pairs are told by two of them.

    Of a pair the objective of the worse point is compared with that, or the bound, of the better one.
    """

    objective: Ranks
    """-1 without a mapping."""
    bound: Ranks
    """`_NEVER` where there is no mapping at all."""
    loading: Ranks
    """-1 where it is not known."""
    mapped: NDArray[np.bool_]

    @property
    def improving(self) -> Ranks:
        """The least objective of a worse point with which a pair has improved."""
        return np.where(self.mapped, np.maximum(self.objective, self.bound), _NEVER)

    @property
    def allowing(self) -> Ranks:
        """The least objective of a worse point that the bound allows, with a mapping of the better one."""
        return np.where(self.mapped, self.bound, _NEVER)


def compared(figures: Figures, order: Order, most: int) -> tuple[Counts, list[tuple[int, int]]]:
    """Compare all points of a line, and return what was found, and the pairs that contradict the theorem.

    Parameters
    ----------
    figures : Figures
        Of the points.
    order : Order
        Which of them are better.
    most : int
        Most contradictions that are listed: the worse and the better point of each.
    """
    ranked = _ranked(figures)
    counts = _by_pairs(ranked, order) if order.places is None else _by_halves(ranked, order.places)
    found: list[tuple[int, int]] = []
    for worse in range(len(ranked.objective)) if counts.contradicting else ():
        if len(found) >= most:
            break
        if ranked.objective[worse] >= 0:
            against = _above(order, worse) & (ranked.bound > ranked.objective[worse])
            found += [(worse, int(better)) for better in np.flatnonzero(against)]
    return counts, found[:most]


def _ranked(figures: Figures) -> _Ranked:
    # the float may lie above the exact bound by a rounding
    bounds = [None if bound is None else Fraction(math.nextafter(bound, 0.0)) for bound in figures.bounds]
    values = {value for value in (*figures.objectives, *bounds) if value is not None}
    # floats are compared faster, and in the same order
    rank = {
        value: number for number, value in enumerate(sorted(values, key=lambda value: (float(value), value)))
    }
    steps = {value: number for number, value in enumerate(sorted({*figures.loading} - {None}))}  # type: ignore[type-var]
    objective = np.array(
        [-1 if value is None else rank[value] for value in figures.objectives], dtype=np.int64
    )
    return _Ranked(
        objective,
        np.array([_NEVER if value is None else rank[value] for value in bounds], dtype=np.int64),
        np.array([-1 if value is None else steps[value] for value in figures.loading], dtype=np.int64),
        objective >= 0,
    )


def _above(order: Order, number: int) -> NDArray[np.bool_]:
    places = order.places
    return order.above(number) if places is None else places > places[number]


def _by_pairs(ranked: _Ranked, order: Order) -> Counts:
    """Count pair by pair: for steps of which not every two can be compared."""
    improving, allowing = ranked.improving, ranked.allowing
    counts = Counts()
    for number, objective in enumerate(ranked.objective):
        better = order.above(number)
        improved = allowed = contradicting = more = 0
        if objective >= 0:
            improved = int((improving[better] <= objective).sum())
            allowed = int((allowing[better] <= objective).sum())
            contradicting = int((ranked.bound[better] > objective).sum())
        if ranked.loading[number] >= 0:
            more = int((ranked.loading[better] > ranked.loading[number]).sum())
        counts = counts.plus(Counts(int(better.sum()), improved, allowed - improved, more, contradicting))
    return counts


def _by_halves(ranked: _Ranked, places: Ranks) -> Counts:
    """Count by sorting: for steps that have a place each, the worst first."""
    turn = np.argsort(places)
    objective, bound, loading = ranked.objective[turn], ranked.bound[turn], ranked.loading[turn]
    improved = _at_least(objective, ranked.improving[turn])
    within = _at_least(objective, ranked.allowing[turn]) - improved
    after = np.arange(len(turn))[::-1]
    contradicting = int(after[objective >= 0].sum()) - _at_least(objective, bound)
    told = loading[loading >= 0]
    more = len(told) * (len(told) - 1) // 2 - _at_least(told, told)
    return Counts(len(turn) * (len(turn) - 1) // 2, improved, within, more, contradicting)


def _at_least(first: Ranks, second: Ranks) -> int:
    """Return of how many pairs a number of the first is at least as large as a later one of the second."""
    if len(first) <= _FEW:
        return int(np.triu(first[:, None] >= second[None, :], 1).sum())
    middle = len(first) // 2
    across = middle - np.searchsorted(np.sort(first[:middle]), second[middle:], side="left")
    return (
        int(across.sum())
        + _at_least(first[:middle], second[:middle])
        + _at_least(first[middle:], second[middle:])
    )
