"""The monotonicity theorem, checked along the axes of a sweep.

Enlarging a memory at the same access energy and bandwidth only enlarges the set of valid mappings; lower energies or
access latencies make no mapping cost more; a port that is wider at the same smallest word takes no more accesses and no
more cycles. So under `EXACT` the proven optimum never gets worse along such a field.
Of a point with larger memory its lower bound, not its best mapping, must not exceed the objective of the other: a
mapping within the tolerance of the optimum may be a little worse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from zzcp.sweeps.axes import Axis, Step
from zzcp.sweeps.order import Order, places_of
from zzcp.sweeps.pairs import Counts, Figures, compared

MOST = 1_000
"""Most contradictions of an axis that are listed."""


class Seen(NamedTuple):
    """What the check needs of a point.

    Attributes
    ----------
    series : tuple of str
        Workload, layer and objective.
    steps : tuple of tuple
        For every axis the values of its fields.
    status : str
        The solver's.
    objective : Fraction or None
        Exact objective of the mapping.
    lower_bound : float
        The proven bound, rounded to a float.
    loading : int, float or None
        Cycles of data loading of the mapping.
    """

    series: tuple[str, str, str]
    steps: tuple[Step, ...]
    status: str
    objective: Fraction | None
    lower_bound: float
    loading: int | float | None


@dataclass(frozen=True, slots=True)
class Violation:
    """Two points that contradict the theorem.

    Parameters
    ----------
    series : tuple of str
        Workload, layer and objective.
    worse, better : str
        The values of the axis; the optimum of the latter cannot be worse.
    text : str
        What was found.
    """

    series: tuple[str, str, str]
    worse: str
    better: str
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """What the theorem says of one axis, and whether the points agree.

    Parameters
    ----------
    axis : str
        The axis.
    applies : bool
        Whether the theorem says something about it.
    pairs : int
        Pairs of points that were compared.
    improved, within : int
        Pairs where the better machine's mapping is at least as good; where it is not, but its bound leaves room.
    more_loading : int
        Pairs where the mapping of the better machine takes more cycles of data loading.
    contradicting : int
        Pairs that contradict it.
    violations : tuple of Violation
        These, the first 1,000 of them.
    """

    axis: str
    applies: bool
    pairs: int = 0
    improved: int = 0
    within: int = 0
    more_loading: int = 0
    contradicting: int = 0
    violations: tuple[Violation, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether no pair contradicts the theorem."""
        return not self.violations

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "axis": self.axis,
            "applies": self.applies,
            "holds": self.holds,
            "pairs": self.pairs,
            "improved": self.improved,
            "within": self.within,
            "more_loading": self.more_loading,
            "violations": [{**asdict(entry), "series": list(entry.series)} for entry in self.violations],
        }


def check_axes(axes: Sequence[Axis], points: Iterable[Seen], *, exact: bool) -> tuple[Check, ...]:
    """Check the theorem along every axis, between all pairs of points that differ along that axis only.

    Parameters
    ----------
    axes : sequence of Axis
        The axes.
    points : iterable of Seen
        The points.
    exact : bool
        Whether costs are counted as the theorem needs it.
    """
    chains = [places_of(axis) for axis in axes]
    applies = [
        exact and Order.of(axis, axis.steps, chain).any() for axis, chain in zip(axes, chains, strict=True)
    ]
    seen = list(points) if any(applies) else []
    return tuple(
        _check(axis, number, seen, chain) if applies[number] else Check(axis.name, applies=False)
        for number, (axis, chain) in enumerate(zip(axes, chains, strict=True))
    )


def _check(axis: Axis, number: int, points: Sequence[Seen], chain: dict[Step, int] | None) -> Check:
    lines: dict[object, list[Seen]] = defaultdict(list)
    for point in points:
        lines[point.series, point.steps[:number], point.steps[number + 1 :]].append(point)
    counts = Counts()
    violations: list[Violation] = []
    for line in lines.values():
        steps = [point.steps[number] for point in line]
        found, contradictions = compared(_figures(line), Order.of(axis, steps, chain), MOST - len(violations))
        counts = counts.plus(found)
        for worse, better in contradictions:
            labels = axis.text(steps[worse]), axis.text(steps[better])
            violations.append(Violation(line[0].series, *labels, _contradiction(line[worse], line[better])))
    return Check(axis.name, True, *counts, tuple(violations))


def _figures(line: Sequence[Seen]) -> Figures:
    return Figures(
        [point.objective for point in line],
        [None if point.status == "infeasible" else point.lower_bound for point in line],
        [point.loading for point in line],
    )


def _contradiction(worse: Seen, better: Seen) -> str:
    """Return in words how two points contradict the theorem."""
    assert worse.objective is not None
    if better.status == "infeasible":
        return f"a mapping with {worse.series[2]} {float(worse.objective):.6g} became impossible"
    return f"bound {better.lower_bound:.9g} above {worse.series[2]} {float(worse.objective):.9g}"
