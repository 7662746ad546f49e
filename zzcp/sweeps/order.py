"""Which steps of an axis are better than which: the order in which by the theorem no optimum gets worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from zzcp.sweeps.axes import Axis, Step


def ordered(axis: Axis, worse: Step, better: Step) -> bool:
    """Return whether by the theorem no optimum gets worse from one step to another."""
    if worse == better:
        return False
    for field, low, high in zip(axis.fields, worse, better, strict=True):
        if low != high and field.better != (1 if high > low else -1):
            return False
    return True


def places_of(axis: Axis) -> dict[Step, int] | None:
    """Return the places of an axis' steps from the worst to the best; None where they have no such order."""

    def compare(first: Step, second: Step) -> int:
        return -1 if ordered(axis, first, second) else 1 if ordered(axis, second, first) else 0

    steps = sorted(axis.steps, key=cmp_to_key(compare))
    if not all(ordered(axis, *pair) for pair in pairwise(steps)):
        return None
    return {step: number for number, step in enumerate(steps)}


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """What of some steps is better than what.

    Parameters
    ----------
    columns : array of int
        For every field its values by rank, the better ones larger: one row per field.
    fixed : array of bool
        Of which fields any change forbids a comparison.
    places : array of int or None
        The steps' places, where all are different and each two can be compared.
    """

    columns: NDArray[np.int64]
    fixed: NDArray[np.bool_]
    places: NDArray[np.int64] | None

    @classmethod
    def of(cls, axis: Axis, steps: Sequence[Step], chain: dict[Step, int] | None) -> Order:
        """Return the order of some steps of an axis; `chain` is what `places_of` says of it."""
        columns = []
        for field, values in zip(axis.fields, zip(*steps, strict=True), strict=True):
            rank = {value: number for number, value in enumerate(sorted(set(values)))}
            columns.append([rank[value] * (field.better or 1) for value in values])
        fixed = np.array([field.better == 0 for field in axis.fields])
        places = None
        if chain is not None and len(set(steps)) == len(steps):
            places = np.array([chain[step] for step in steps], dtype=np.int64)
        return cls(np.array(columns, dtype=np.int64), fixed, places)

    def above(self, number: int) -> NDArray[np.bool_]:
        """Return which steps are better than one of them."""
        change = self.columns - self.columns[:, number : number + 1]
        allowed = np.where(self.fixed[:, None], change == 0, change >= 0)
        better: NDArray[np.bool_] = allowed.all(axis=0) & (change != 0).any(axis=0)
        return better

    def any(self) -> bool:
        """Return whether any two can be compared."""
        if self.places is not None:
            return len(self.places) > 1
        return any(bool(self.above(number).any()) for number in range(self.columns.shape[1]))
