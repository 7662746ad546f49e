"""Fronts that are kept between runs: as they are written, and what is believed of them (`zzcp.solver.cache`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from zzcp.mapping.freedom import Freedom
from zzcp.solver.cache.entry import StaleEntryError, check_unrolling, reading, scored_again
from zzcp.solver.cache.question import Question
from zzcp.solver.fronts.front import Front, FrontPoint, OpenRange
from zzcp.solver.fronts.known import Corner, corner_of, hull
from zzcp.solver.job import Job


def front_question(job: Job, *, supported_only: bool, max_points: int | None) -> Question:
    """Return a front as a question to the cache: its gap belongs to it, which is a part of what it says."""
    options = {"front": True, "supported_only": supported_only, "max_points": max_points}
    how = {"gap": job.options.gap, "seed": job.options.seed, "engine": job.options.engine}
    return replace(job.question, options=options | how)


def is_kept(front: Front, max_points: int | None) -> bool:
    """Return whether a front is worth keeping: nobody stopped it, and no limit of time."""
    if front.interrupted or not front.points:
        return False
    return front.complete or (max_points is not None and len(front.points) >= max_points)


def to_entry(front: Front) -> dict[str, Any]:
    """Return a front as plain data."""
    return {
        "points": [
            {
                "mapping": point.mapping.to_dict(),
                "cost": [str(value) for value in corner_of((point.mapping, point.evaluation))],
                "lower_bound": str(point.lower_bound),
                "supported": point.supported,
            }
            for point in front.points
        ],
        "open": [entry.to_dict() for entry in front.open],
        "solved": front.solved,
        "wall_s": front.wall_s,
        "engine": front.engine,
    }


def from_entry(entry: Mapping[str, Any], question: Question) -> Front:
    """Return the front that an entry holds, every point scored by the evaluator again.

    Parameters
    ----------
    entry : mapping
        From `to_entry`, perhaps damaged.
    question : Question
        What is asked.

    Raises
    ------
    StaleEntryError
        If a mapping does not cost what the entry says, or the points are no front.
    """
    with reading():
        points = tuple(_point(data, question) for data in entry["points"])
        corners = [corner_of((point.mapping, point.evaluation)) for point in points]
        supported_only = bool(question.options["supported_only"])
        _check(points, corners, supported_only=supported_only)
        spatial = question.spatial
        return Front(
            accelerator=question.accelerator.name,
            layer=question.layer,
            conventions=question.conventions.name,
            points=points,
            open=tuple(OpenRange(**data) for data in entry["open"]),
            gap=question.options["gap"],
            solved=int(entry["solved"]),
            interrupted=False,
            wall_s=float(entry["wall_s"]),
            supported_only=supported_only,
            engine=str(entry["engine"]),
            freedom=spatial if isinstance(spatial, Freedom) else None,
            cached=True,
        )


def _point(data: Mapping[str, Any], question: Question) -> FrontPoint:
    """Return a point, scored again."""
    mapping, evaluation = scored_again(data["mapping"], question)
    corner, said = corner_of((mapping, evaluation)), [Fraction(value) for value in data["cost"]]
    if list(corner) != said:
        raise StaleEntryError(
            f"{_words(corner)} instead of {_words((said[0], said[1]))}" if len(said) == 2 else "no cost"
        )
    bound = Fraction(data["lower_bound"])
    if not 0 <= bound <= corner[1]:
        raise StaleEntryError(f"a bound of {float(bound)!r} for an energy of {float(corner[1])!r}")
    check_unrolling(mapping, question)
    return FrontPoint(mapping, evaluation, bound, bool(data["supported"]))


def _check(points: tuple[FrontPoint, ...], corners: list[Corner], *, supported_only: bool) -> None:
    """Check that points are a front: none beats another, and those are supported that are said to be."""
    if not points:
        raise StaleEntryError("a front without points")
    if any(after[0] <= before[0] or after[1] >= before[1] for before, after in pairwise(corners)):
        raise StaleEntryError("a point that another one beats")
    on_hull = hull(corners)
    if supported_only and len(on_hull) < len(points):
        raise StaleEntryError("a point that is not supported")
    if any(point.supported != (number in on_hull) for number, point in enumerate(points)):
        raise StaleEntryError("other supported points")


def _words(corner: Corner) -> str:
    return f"{float(corner[1])!r} pJ in {float(corner[0])!r} cycles"
