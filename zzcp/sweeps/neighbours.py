"""What the points of a sweep know of each other, and in which order they are solved so that it helps.

Under `EXACT`, where a field of the machine gets better (`zzcp.sweeps.theorem`), every mapping stays valid and costs no
more. So the bound of a better machine holds for a worse one, and the mapping of a worse machine is one for a better.
Where both meet, nothing is left to search.

The points of a layer and an objective are a box of the grid, between a worst and a best corner. The corners are solved
first; if the mapping of the worst one is as good as the bound of the best one, all between is settled. Else the box is
cut in two. All of a round are solved side by side, from what was known before the round, so that the results do not
depend on what is ready first; nor on what a database holds already, since a point counts only from the round on in
which it is due.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cmp_to_key
from itertools import pairwise, product

from zzcp.cost.evaluation import Evaluation
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import objective_of
from zzcp.errors import MappingError
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.mapping import MAPPING_KEYS
from zzcp.solver.cache.entry import space_of
from zzcp.solver.job import Job, SearchOptions
from zzcp.solver.result import KnownBound, Result, gap_of
from zzcp.sweeps.axes import Axis, Step
from zzcp.sweeps.outcome import Outcome
from zzcp.sweeps.plan import Planned, job_of
from zzcp.sweeps.theorem import ordered

Place = tuple[int, ...]
"""Of a point in its series: its steps along the axes that have an order, the worst first."""

SHARPER = 0.01
"""A point is settled without a search where the gap is at most this share of the one that is asked for."""
_NEAREST = 12
"""Mappings of other points that are tried, those of the nearest."""


@dataclass(slots=True, eq=False)
class Series:
    """The points of one layer and objective that differ along axes with an order only.

    Parameters
    ----------
    points : dict of tuple of int to Planned
        By their places.
    known : dict of tuple of int to Outcome
        What is known of those that were due.
    """

    points: dict[Place, Planned] = field(default_factory=dict)
    known: dict[Place, Outcome] = field(default_factory=dict)

    def bound(self, place: Place) -> Outcome | None:
        """Return the point with the best bound among those that are nowhere worse; None where there is none."""
        better = [
            outcome
            for other, outcome in self.known.items()
            if outcome.objective is not None and all(b >= a for a, b in zip(place, other, strict=True))
        ]
        return max(better, key=lambda outcome: outcome.lower_bound, default=None)

    def mappings(self, place: Place, most: int = _NEAREST) -> list[LayerMapping]:
        """Return the mappings of the nearest points, without their choice of double buffers, each once."""
        near = sorted(
            (sum(abs(a - b) for a, b in zip(place, other, strict=True)), other)
            for other, outcome in self.known.items()
            if outcome.objective is not None
        )
        found: dict[str, LayerMapping] = {}
        for _, other in near:
            data = self.known[other].data
            mapping = LayerMapping.from_dict({key: data[key] for key in MAPPING_KEYS if key in data})
            mapping = mapping.with_buffering(None)
            found.setdefault(repr(mapping), mapping)
            if len(found) == most:
                break
        return list(found.values())


@dataclass(frozen=True, slots=True)
class Box:
    """The points of a series between two of them."""

    series: Series
    worst: Place
    best: Place

    def places(self) -> Iterator[Place]:
        """Yield all of its places."""
        return product(*(range(a, b + 1) for a, b in zip(self.worst, self.best, strict=True)))

    def halves(self, search: SearchOptions) -> list[Box]:
        """Return what it is made of, cut in two; nothing where it is one point.

        It is cut across a side along which the mapping of the worst corner itself changes its cost, as with a
        bandwidth: no bound can hold for both ends there. Along the others, such as sizes, only what fits differs; of
        these it is the longest.
        """
        lengths = [b - a for a, b in zip(self.worst, self.best, strict=True)]
        sides = [axis for axis, length in enumerate(lengths) if length]
        if not sides:
            return []
        axis = max(self._changing(sides, search) or sides, key=lambda side: (lengths[side], -side))
        middle = (self.worst[axis] + self.best[axis]) // 2
        below = (*self.best[:axis], middle, *self.best[axis + 1 :])
        above = (*self.worst[:axis], middle + 1, *self.worst[axis + 1 :])
        return [Box(self.series, self.worst, below), Box(self.series, above, self.best)]

    def _changing(self, sides: Sequence[int], search: SearchOptions) -> list[int]:
        """Return the sides along which the mapping of the worst corner changes its cost."""
        worst = self.series.known.get(self.worst)
        if worst is None or worst.objective is None or len(sides) < 2:
            return []
        (mapping,) = self.series.mappings(self.worst, 1)
        ends = [
            tuple(self.best[axis] if axis == side else at for axis, at in enumerate(self.worst))
            for side in sides
        ]
        goal = self.series.points[self.worst].task.objective
        before = worst.exact(goal)
        found = []
        for side, end in zip(sides, ends, strict=True):
            best = cheapest([mapping], job_of(self.series.points[end].task, search))
            if best is not None and best[0] != before:
                found.append(side)
        return found


def series_of(plan: Sequence[Planned], axes: Sequence[Axis], *, exact: bool) -> list[Series]:
    """Return the points of a plan by what they can know of each other.

    Parameters
    ----------
    plan : sequence of Planned
        The points.
    axes : sequence of Axis
        What is varied.
    exact : bool
        Whether costs are counted as the theorem needs it.
    """
    places = [_places(axis) if exact else None for axis in axes]
    found: dict[object, Series] = {}
    for point in plan:
        place, rest = [], []
        for step, known in zip(point.steps, places, strict=True):
            if known is None:
                rest.append(step)
            else:
                place.append(known[step])
        layer = point.task.layer
        key = point.workload, layer.id, layer.name, point.task.objective, point.task.spatial, tuple(rest)
        found.setdefault(key, Series()).points[tuple(place)] = point
    return list(found.values())


def _places(axis: Axis) -> dict[Step, int] | None:
    """Return the places of an axis' steps from the worst to the best; None where they have no such order."""

    def compare(first: Step, second: Step) -> int:
        return -1 if ordered(axis, first, second) else 1 if ordered(axis, second, first) else 0

    steps = sorted(axis.steps, key=cmp_to_key(compare))
    if not all(ordered(axis, *pair) for pair in pairwise(steps)):
        return None
    return {step: number for number, step in enumerate(steps)}


def settled(series: Series, place: Place, job: Job) -> Result | Job:
    """Return the result of a point where it follows from what others have, or its search with what they know.

    Parameters
    ----------
    series : Series
        Of the point.
    place : tuple of int
        Its place.
    job : Job
        Its search.
    """
    started = time.monotonic()
    better = series.bound(place)
    if better is not None and better.lower_bound > 0:
        job = replace(job, known_bound=KnownBound(better.lower_bound, better.data["engine"]))
    best = cheapest(series.mappings(place), job)
    if best is None:
        return job
    value, mapping, evaluation = best
    mapping = mapping.with_buffering(evaluation.double_buffered)
    if better is None or gap_of(value, better.lower_bound) > job.options.gap * SHARPER:
        return replace(job, hint=mapping)
    return Result(
        status="optimal",
        objective=float(value),
        lower_bound=better.lower_bound,
        gap=gap_of(value, better.lower_bound),
        mapping=mapping,
        evaluation=evaluation,
        diagnosis=None,
        conventions=job.options.conventions.name,
        objective_name=str(job.goal),
        wall_s=time.monotonic() - started,
        spatial=mapping.spatial,
        links=job.links,
        engine=better.data["engine"],
        space=space_of(better.data["space"]),  # the same, since the array is
    )


def cheapest(mappings: Sequence[LayerMapping], job: Job) -> tuple[Fraction, LayerMapping, Evaluation] | None:
    """Return the mapping that is the best for a search, with its objective and its cost; None where none is valid."""
    best: tuple[Fraction, LayerMapping, Evaluation] | None = None
    evaluators: dict[SpatialMapping, Evaluator] = {}
    for mapping in mappings:
        with suppress(MappingError):  # it does not fit
            if mapping.spatial not in evaluators:
                setting = job.accelerator, job.layer, mapping.spatial, job.options.conventions, job.links
                evaluators[mapping.spatial] = Evaluator(*setting)
            evaluation = evaluators[mapping.spatial].evaluate(mapping)
            value = objective_of(evaluation, job.goal)
            if best is None or value < best[0]:
                best = value, mapping, evaluation
    return best


def first_boxes(series: Sequence[Series]) -> list[Box]:
    """Return the boxes that hold all points: a series whose points are no box is one of single points."""
    boxes = []
    for entry in series:
        worst = tuple(map(min, zip(*entry.points, strict=True)))
        best = tuple(map(max, zip(*entry.points, strict=True)))
        whole = Box(entry, worst, best)
        full = all(place in entry.points for place in whole.places())
        boxes += [whole] if full else [Box(entry, place, place) for place in entry.points]
    return boxes


def closes(box: Box, gap: float) -> bool:
    """Return whether the mapping of the worst corner is as good as the bound of the best one."""
    worst, best = box.series.known.get(box.worst), box.series.known.get(box.best)
    if worst is None or best is None:
        return False
    objective = worst.exact(box.series.points[box.worst].task.objective)
    return (
        objective is not None
        and best.objective is not None
        and gap_of(objective, best.lower_bound) <= gap * SHARPER
    )


def due(boxes: Sequence[Box], search: SearchOptions) -> tuple[list[tuple[Series, Place]], list[Box]]:
    """Return the points that follow from the corners of boxes, and the boxes that are to be looked at next.

    Parameters
    ----------
    boxes : sequence of Box
        Boxes whose corners are known.
    search : SearchOptions
        How points are searched.
    """
    inner: list[tuple[Series, Place]] = []
    following: list[Box] = []
    for box in boxes:
        if closes(box, search.gap):
            inner += [(box.series, place) for place in box.places() if place not in box.series.known]
        else:
            following += box.halves(search)
    return inner, following
