"""The monotonicity theorem, checked along the axes of a sweep.

Enlarging a memory at the same access energy and bandwidth only enlarges the set of valid mappings; lower energies or
access latencies make no mapping cost more; a port that is wider at the same smallest word takes no more accesses and no
more cycles. So under `EXACT` the proven optimum never gets worse along such a field.
Of a point with larger memory its lower bound, not its best mapping, must not exceed the objective of the other: a
mapping within the tolerance of the optimum may be a little worse.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from typing import Any, NamedTuple

from zzcp.sweeps.axes import Axis, Step


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
    violations : tuple of Violation
        Pairs that contradict it.
    """

    axis: str
    applies: bool
    pairs: int = 0
    improved: int = 0
    within: int = 0
    more_loading: int = 0
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
            "violations": [
                {
                    "series": list(entry.series),
                    "worse": entry.worse,
                    "better": entry.better,
                    "text": entry.text,
                }
                for entry in self.violations
            ],
        }


def check_axes(axes: Sequence[Axis], points: Sequence[Seen], *, exact: bool) -> tuple[Check, ...]:
    """Check the theorem along every axis, between all pairs of points that differ along that axis only.

    Parameters
    ----------
    axes : sequence of Axis
        The axes.
    points : sequence of Seen
        The points.
    exact : bool
        Whether costs are counted as the theorem needs it.
    """
    return tuple(_check(axis, number, points, exact) for number, axis in enumerate(axes))


def _check(axis: Axis, number: int, points: Sequence[Seen], exact: bool) -> Check:
    lines: dict[object, list[Seen]] = defaultdict(list)
    for point in points:
        lines[point.series, point.steps[:number], point.steps[number + 1 :]].append(point)
    if not exact or not any(ordered(axis, worse, better) for worse, better in permutations(axis.steps, 2)):
        return Check(axis.name, applies=False)
    pairs = [
        (worse, better)
        for line in lines.values()
        for worse, better in permutations(line, 2)
        if ordered(axis, worse.steps[number], better.steps[number])
    ]
    improved = within = more_loading = 0
    violations = []
    for worse, better in pairs:
        text = _contradiction(worse, better)
        if text is not None:
            labels = axis.text(worse.steps[number]), axis.text(better.steps[number])
            violations.append(Violation(worse.series, *labels, text))
        elif worse.objective is not None and better.objective is not None:
            improved += better.objective <= worse.objective
            within += better.objective > worse.objective
        if worse.loading is not None and better.loading is not None:
            more_loading += better.loading > worse.loading
    return Check(axis.name, True, len(pairs), improved, within, more_loading, tuple(violations))


def ordered(axis: Axis, worse: Step, better: Step) -> bool:
    """Return whether by the theorem no optimum gets worse from one step to another."""
    if worse == better:
        return False
    for field, low, high in zip(axis.fields, worse, better, strict=True):
        if low != high and field.better != (1 if high > low else -1):
            return False
    return True


def _contradiction(worse: Seen, better: Seen) -> str | None:
    """Return in words how two points contradict the theorem, or None."""
    if worse.objective is None:
        return None
    if better.status == "infeasible":
        return f"a mapping with {worse.series[2]} {float(worse.objective):.6g} became impossible"
    # the float may lie above the exact bound by a rounding
    bound = Fraction(math.nextafter(better.lower_bound, 0.0))
    if bound > worse.objective:
        return f"bound {better.lower_bound:.9g} above {worse.series[2]} {float(worse.objective):.9g}"
    return None
