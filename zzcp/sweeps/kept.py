"""The solved points of a sweep: a few at hand, many read from the database as they are looked at."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, overload

from zzcp.sweeps.ledger import Ledger
from zzcp.sweeps.table import SweepPoint

AT_HAND = 1_000
"""Most points of a sweep that are kept at hand."""


class StoredPoints(Sequence[SweepPoint]):
    """The solved points of a sweep in the order of its grid, read one by one.

    Pickled, or copied, they are a tuple.

    Parameters
    ----------
    ledger : Ledger
        What is known of the points.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._numbers = array("l", (number for number in range(len(ledger.grid)) if number in ledger))

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> SweepPoint: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[SweepPoint, ...]: ...

    def __getitem__(self, place: int | slice) -> SweepPoint | tuple[SweepPoint, ...]:
        """Return a point."""
        if isinstance(place, slice):
            return tuple(map(self._point, self._numbers[place]))
        return self._point(self._numbers[place])

    def __iter__(self) -> Iterator[SweepPoint]:
        """Yield all points."""
        return map(self._point, self._numbers)

    def __eq__(self, other: object) -> bool:
        """Return whether another sequence has the same points."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # like a list

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (list(self),)

    def _point(self, number: int) -> SweepPoint:
        point = self._ledger.grid[number]
        outcome = self._ledger.get(number)
        assert outcome is not None
        return SweepPoint(
            point.steps,
            point.values,
            point.job.accelerator.name,
            point.workload,
            point.job.layer,
            str(point.job.goal),
            outcome,
            self._ledger.reused(number),
            point.job.accelerator.area,
        )


def points_of(ledger: Ledger) -> Sequence[SweepPoint]:
    """Return the solved points: a tuple, if they are not too many."""
    points = StoredPoints(ledger)
    return tuple(points) if len(points) <= AT_HAND else points
