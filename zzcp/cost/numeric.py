"""The few operations that differ between one mapping (Python numbers) and a batch of mappings (arrays).

Every cost formula is written once against this interface; `PYTHON` evaluates it on exact integers of any size,
`NUMPY` element-wise on arrays over the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Numeric:
    """Operations on numbers or on arrays of numbers.

    Parameters
    ----------
    maximum, minimum : callable
        Of two values.
    where : callable
        ``where(condition, a, b)``.
    truncate : callable
        Towards zero, to an integer.
    ceil : callable
        Of a float, to an integer.
    sort_pairs : callable
        Sort a sequence of pairs by their first entry (per element of the batch).
    reduce_ordered : callable
        ``reduce_ordered(costs, floors, active, budget)``: lower the active costs towards their floors, the
        largest first, by `budget` in total; returns the remaining costs and the reductions.
    """

    maximum: Callable[[Any, Any], Any]
    minimum: Callable[[Any, Any], Any]
    where: Callable[[Any, Any, Any], Any]
    truncate: Callable[[Any], Any]
    ceil: Callable[[Any], Any]
    sort_pairs: Callable[[Sequence[tuple[Any, Any]]], Sequence[tuple[Any, Any]]]
    reduce_ordered: Callable[[Sequence[Any], Sequence[Any], Sequence[Any], Any], tuple[list[Any], list[Any]]]


def ceil_div(dividend: Any, divisor: Any) -> Any:
    """Return the quotient of integers (or integer arrays), rounded up."""
    return -(-dividend // divisor)


def _where(condition: Any, a: Any, b: Any) -> Any:
    return a if condition else b


def _reduce_ordered(
    costs: Sequence[Any], floors: Sequence[Any], active: Sequence[Any], budget: Any
) -> tuple[list[Any], list[Any]]:
    remaining, reductions = list(costs), [0] * len(costs)
    for index in sorted((i for i, on in enumerate(active) if on), key=lambda i: costs[i], reverse=True):
        if budget <= 0:
            break
        reduction = min(max(0.0, costs[index] - floors[index]), budget)
        remaining[index] -= reduction
        reductions[index] += reduction
        budget -= reduction
    return remaining, reductions


def _reduce_ordered_arrays(
    costs: Sequence[Any], floors: Sequence[Any], active: Sequence[Any], budget: Any
) -> tuple[list[Any], list[Any]]:
    shape = np.broadcast_shapes(*(np.shape(x) for x in (*costs, *floors, *active, budget)))
    cost = np.stack([np.broadcast_to(c, shape) for c in costs]).astype(float)
    floor = np.stack([np.broadcast_to(f, shape) for f in floors]).astype(float)
    on = np.stack([np.broadcast_to(a, shape) for a in active])
    left = np.maximum(np.broadcast_to(budget, shape).astype(float), 0.0)
    order = np.argsort(np.where(on, -cost, np.inf), axis=0, kind="stable")
    cost_sorted, floor_sorted, on_sorted = (np.take_along_axis(x, order, axis=0) for x in (cost, floor, on))
    reduced = np.zeros_like(cost)
    for rank in range(len(costs)):
        step = np.where(
            on_sorted[rank], np.minimum(np.maximum(0.0, cost_sorted[rank] - floor_sorted[rank]), left), 0.0
        )
        reduced[rank] = step
        left = left - step
    result = np.empty_like(reduced)
    np.put_along_axis(result, order, reduced, axis=0)
    return [cost[i] - result[i] for i in range(len(costs))], [result[i] for i in range(len(costs))]


def _sort_pairs_arrays(pairs: Sequence[tuple[Any, Any]]) -> Sequence[tuple[Any, Any]]:
    keys, values = (np.stack([pair[side] for pair in pairs]) for side in (0, 1))
    order = np.argsort(keys, axis=0, kind="stable")
    keys, values = (np.take_along_axis(x, order, axis=0) for x in (keys, values))
    return list(zip(keys, values, strict=True))


def _truncate_array(x: Any) -> Any:
    return np.trunc(x).astype(np.int64) if np.asarray(x).dtype.kind == "f" else x


PYTHON = Numeric(
    maximum=max,
    minimum=min,
    where=_where,
    truncate=int,
    ceil=math.ceil,
    sort_pairs=sorted,
    reduce_ordered=_reduce_ordered,
)
"""Exact arithmetic on single mappings."""

NUMPY = Numeric(
    maximum=np.maximum,
    minimum=np.minimum,
    where=np.where,
    truncate=_truncate_array,
    ceil=lambda x: np.ceil(x).astype(np.int64),
    sort_pairs=_sort_pairs_arrays,
    reduce_ordered=_reduce_ordered_arrays,
)
"""The same on arrays over a batch of mappings."""
