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

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import islice, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zzcp.cost.evaluation import Evaluation
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import objective_of
from zzcp.errors import MappingError
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.mapping import MAPPING_KEYS
from zzcp.solver.cache.entry import space_of
from zzcp.solver.job import Job
from zzcp.solver.result import KnownBound, Result, gap_of
from zzcp.sweeps.axes import Axis
from zzcp.sweeps.order import places_of
from zzcp.sweeps.outcome import Outcome
from zzcp.sweeps.plan import Planned

Place = tuple[int, ...]
"""Of a point in its series: its steps along the axes that have an order, the worst first."""

SHARPER = 0.01
"""A point is settled without a search where the gap is at most this share of the one that is asked for."""
_NEAREST = 12
"""Other points whose mappings are tried, the nearest corners."""
_AT_HAND = 64
"""Mappings of a series that are not read again."""


class Points(NamedTuple):
    """How a series comes by its points, whose numbers it keeps.

    Attributes
    ----------
    planned : callable
        Returns the point of a number.
    outcome : callable
        Returns what is known of it.
    """

    planned: Callable[[int], Planned]
    outcome: Callable[[int], Outcome | None]


@dataclass(slots=True, eq=False)
class Series:
    """The points of one layer and objective that differ along axes with an order only.

    Parameters
    ----------
    source : Points
        Where they come from.
    numbers : dict of tuple of int to int
        The points by their places.
    """

    source: Points
    numbers: dict[Place, int] = field(default_factory=dict)
    _known: dict[Place, float] = field(default_factory=dict)
    _ranked: list[Place] = field(default_factory=list)
    _best: NDArray[np.int32] | None = None
    _read: dict[str, LayerMapping] = field(default_factory=dict)

    def point(self, place: Place) -> Planned:
        """Return a point before it is solved."""
        return self.source.planned(self.numbers[place])

    def outcome(self, place: Place) -> Outcome | None:
        """Return what is known of a point that was due."""
        return self.source.outcome(self.numbers[place]) if place in self._known else None

    def learn(self, places: Iterable[Place]) -> None:
        """Count on what is known of points that were due."""
        for place in places:
            found = self.source.outcome(self.numbers[place])
            if found is not None:
                self._known[place] = -1.0 if found.objective is None else found.lower_bound
        self._best = None

    def knows(self, place: Place) -> bool:
        """Return whether a point was due and has an outcome."""
        return place in self._known

    def bound(self, place: Place) -> Outcome | None:
        """Return the point with the best bound among those that are nowhere worse; None where there is none."""
        if len(self._known) == 0:
            return None
        if self._best is None:
            self._ranked, self._best = self._ranks()
        rank = int(self._best[place])
        return self.outcome(self._ranked[rank - 1]) if rank else None

    def _ranks(self) -> tuple[list[Place], NDArray[np.int32]]:
        """Return the known points by their bounds, and for every place the highest number among those nowhere worse.

        Numbers begin at 1; 0 stands for none.
        """
        ranked = sorted((bound, place) for place, bound in self._known.items() if bound >= 0)
        best = np.zeros(tuple(side + 1 for side in map(max, zip(*self.numbers, strict=True))), dtype=np.int32)
        for rank, (_, place) in enumerate(ranked, 1):
            best[place] = rank
        for axis in range(best.ndim):
            turned = np.flip(best, axis)
            np.maximum.accumulate(turned, axis=axis, out=turned)
        return [place for _, place in ranked], best

    def mappings(self, places: Iterable[Place]) -> list[LayerMapping]:
        """Return the mappings of some points, without their choice of double buffers, each once."""
        found: dict[str, LayerMapping] = {}
        for place in places:
            outcome = self.outcome(place)
            if outcome is None or outcome.objective is None:
                continue
            data = {key: outcome.data[key] for key in MAPPING_KEYS if key in outcome.data}
            name = repr({**data, "double_buffered": None})
            if name not in self._read:
                if len(self._read) >= _AT_HAND:
                    self._read.clear()
                self._read[name] = LayerMapping.from_dict(data).with_buffering(None)
            found[name] = self._read[name]
        return list(found.values())


class Due(NamedTuple):
    """A point that is to be solved or settled now.

    Attributes
    ----------
    series : Series
        Of the point.
    place : tuple of int
        Its place.
    near : tuple of tuple of int
        Places whose mappings may be good ones.
    """

    series: Series
    place: Place
    near: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """The points of a series between two of them.

    Parameters
    ----------
    series : Series
        The series.
    worst, best : tuple of int
        Two corners of the box.
    around : tuple of tuple of int
        Corners of the boxes that it was cut from, the smallest first.
    """

    series: Series
    worst: Place
    best: Place
    around: tuple[Place, ...] = ()

    def places(self) -> Iterator[Place]:
        """Yield all of its places."""
        return product(*(range(a, b + 1) for a, b in zip(self.worst, self.best, strict=True)))

    def due(self, place: Place) -> Due:
        """Return a place as one that is to be solved: of the known corners around it the nearest come first."""
        corners = dict.fromkeys((self.worst, self.best, *self.around))
        near = sorted(corners, key=lambda other: sum(abs(a - b) for a, b in zip(place, other, strict=True)))
        return Due(self.series, place, tuple(near[:_NEAREST]))

    def halves(self) -> list[Box]:
        """Return what it is made of, cut in two; nothing where it is one point.

        It is cut across a side along which the mapping of the worst corner itself changes its cost, as with a
        bandwidth: no bound can hold for both ends there. Along the others, such as sizes, only what fits differs; of
        these it is the longest.
        """
        lengths = [b - a for a, b in zip(self.worst, self.best, strict=True)]
        sides = [axis for axis, length in enumerate(lengths) if length]
        if not sides:
            return []
        axis = max(self._changing(sides) or sides, key=lambda side: (lengths[side], -side))
        middle = (self.worst[axis] + self.best[axis]) // 2
        below = (*self.best[:axis], middle, *self.best[axis + 1 :])
        above = (*self.worst[:axis], middle + 1, *self.worst[axis + 1 :])
        around = (self.worst, self.best, *self.around)[:_NEAREST]
        return [
            Box(self.series, self.worst, below, around),
            Box(self.series, above, self.best, around),
        ]

    def _changing(self, sides: Sequence[int]) -> list[int]:
        """Return the sides along which the mapping of the worst corner changes its cost."""
        worst = self.series.outcome(self.worst)
        if worst is None or worst.objective is None or len(sides) < 2:
            return []
        mappings = self.series.mappings([self.worst])
        before = worst.exact(str(self.series.point(self.worst).job.goal))
        found = []
        for side in sides:
            end = tuple(self.best[axis] if axis == side else at for axis, at in enumerate(self.worst))
            best = cheapest(mappings, self.series.point(end).job)
            if best is not None and best[0] != before:
                found.append(side)
        return found


def series_of(
    points: Iterable[Planned], runs: int, axes: Sequence[Axis], source: Points, *, exact: bool
) -> list[Series]:
    """Return the points of a grid by what they can know of each other.

    Parameters
    ----------
    points : iterable of Planned
        The points in the order of their numbers.
    runs : int
        Points at each step of the axes: pairs of a layer and an objective.
    axes : sequence of Axis
        What is varied.
    source : Points
        How a series comes by a point.
    exact : bool
        Whether costs are counted as the theorem needs it.
    """
    places = [places_of(axis) if exact else None for axis in axes]
    found: dict[object, Series] = {}
    for number, point in enumerate(points):
        place, rest = [], []
        for step, known in zip(point.steps, places, strict=True):
            if known is None:
                rest.append(step)
            else:
                place.append(known[step])
        key = number % runs, point.job.spatial, tuple(rest)
        series = found.get(key)
        if series is None:
            series = found[key] = Series(source)
        series.numbers[tuple(place)] = number
    return list(found.values())


def settled(due: Due, job: Job) -> Result | Job:
    """Return the result of a point where it follows from what others have, or its search with what they know.

    Parameters
    ----------
    due : Due
        The point.
    job : Job
        Its search.
    """
    started = time.monotonic()
    better = due.series.bound(due.place)
    if better is not None and better.lower_bound > 0:
        job = replace(job, known_bound=KnownBound(better.lower_bound, better.data["engine"]))
    enough = None if better is None else better.lower_bound / (1 - job.options.gap * SHARPER / 2)
    best = cheapest(due.series.mappings(due.near), job, enough)
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


def cheapest(
    mappings: Sequence[LayerMapping], job: Job, enough: float | None = None
) -> tuple[Fraction, LayerMapping, Evaluation] | None:
    """Return the mapping that is the best for a search, with its objective and its cost; None where none is valid.

    Parameters
    ----------
    mappings : sequence of Mapping
        Mappings of the layer, for other machines.
    job : Job
        The search.
    enough : float, optional
        An objective that need not be bettered: the first mapping that has it is taken.
    """
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
            if enough is not None and value <= enough:
                break
    return best


def first_boxes(series: Sequence[Series]) -> list[Box]:
    """Return the boxes that hold all points: a series whose points are no box is one of single points."""
    boxes = []
    for entry in series:
        worst = tuple(map(min, zip(*entry.numbers, strict=True)))
        best = tuple(map(max, zip(*entry.numbers, strict=True)))
        full = math.prod(b - a + 1 for a, b in zip(worst, best, strict=True)) == len(entry.numbers)
        ends = [(worst, best)] if full else [(place, place) for place in entry.numbers]
        boxes += [Box(entry, *corners) for corners in ends]
    return boxes


def by_series(due: Iterable[Due]) -> dict[Series, list[Place]]:
    """Return the places of points by their series."""
    found: dict[Series, list[Place]] = {}
    for point in due:
        found.setdefault(point.series, []).append(point.place)
    return found


def corners(boxes: Sequence[Box]) -> list[Due]:
    """Return the corners of boxes that are not known yet, each once."""
    found: dict[tuple[Series, Place], Due] = {}
    for box in boxes:
        for place in (box.worst, box.best):
            if not box.series.knows(place):
                found.setdefault((box.series, place), box.due(place))
    return list(found.values())


def closes(box: Box, gap: float) -> bool:
    """Return whether the mapping of the worst corner is as good as the bound of the best one."""
    worst, best = box.series.outcome(box.worst), box.series.outcome(box.best)
    if worst is None or best is None:
        return False
    objective = worst.exact(str(box.series.point(box.worst).job.goal))
    return (
        objective is not None
        and best.objective is not None
        and gap_of(objective, best.lower_bound) <= gap * SHARPER
    )


def following(boxes: Sequence[Box], gap: float) -> tuple[list[Box], list[Box]]:
    """Return the boxes whose points follow from their corners, and those that are to be looked at next.

    Parameters
    ----------
    boxes : sequence of Box
        Boxes whose corners are known.
    gap : float
        The gap that is asked for.
    """
    closed: list[Box] = []
    further: list[Box] = []
    for box in boxes:
        if closes(box, gap):
            closed.append(box)
        else:
            further += box.halves()
    return closed, further


def inside(boxes: Sequence[Box]) -> Iterator[Due]:
    """Yield the points of boxes that are not known yet."""
    for box in boxes:
        yield from (box.due(place) for place in box.places() if not box.series.knows(place))


def batched(due: Iterable[Due], most: int) -> Iterator[list[Due]]:
    """Yield points in groups of at most so many."""
    points = iter(due)
    while some := list(islice(points, most)):
        yield some
