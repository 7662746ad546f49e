"""The few operations that differ between one mapping (Python numbers), many (arrays), and symbols.

Every cost formula is written once against this interface; `PYTHON` evaluates it on exact integers of any size,
`NUMPY` element-wise on integer arrays, `zzcp.cost.execution.symbolic` records it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zzcp.cost.setting.lookups import Lookup


@dataclass(frozen=True, slots=True)
class Numeric:
    """Operations on numbers, on arrays of numbers, or on symbols.

    Parameters
    ----------
    maximum, minimum : callable
        Of two values.
    where : callable
        ``where(condition, a, b)``.
    truncate : callable
        Towards zero, to an integer.
    sort_pairs : callable
        Sort a sequence of pairs by their first entry (per element of the batch).
    within : callable
        ``within(value, low, high)`` is the value, known to lie between bounds for reasons that its formula does
        not show; `high` may be None.
    lookup : callable
        ``lookup(table, args)`` is the value of a `Lookup` for a sequence of loop products.
    """

    maximum: Callable[[Any, Any], Any]
    minimum: Callable[[Any, Any], Any]
    where: Callable[[Any, Any, Any], Any]
    truncate: Callable[[Any], Any]
    sort_pairs: Callable[[Sequence[tuple[Any, Any]]], Sequence[tuple[Any, Any]]]
    within: Callable[[Any, Any, Any], Any]
    lookup: Callable[[Lookup, Sequence[Any]], Any]


def ceil_div(dividend: Any, divisor: Any) -> Any:
    """Return the quotient of integers (or integer arrays), rounded up."""
    return -(-dividend // divisor)


def _where(condition: Any, a: Any, b: Any) -> Any:
    return a if condition else b


def _within(value: Any, low: Any, high: Any) -> Any:  # noqa: ARG001 - known anyway
    return value


def _lookup(table: Lookup, args: Sequence[Any]) -> Any:
    return table(*args)


def _lookup_arrays(table: Lookup, args: Sequence[Any]) -> Any:
    return table.arrays(*args)


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
    sort_pairs=sorted,
    within=_within,
    lookup=_lookup,
)
"""Exact arithmetic on single mappings."""

NUMPY = Numeric(
    maximum=np.maximum,
    minimum=np.minimum,
    where=np.where,
    truncate=_truncate_array,
    sort_pairs=_sort_pairs_arrays,
    within=_within,
    lookup=_lookup_arrays,
)
"""The same on arrays over a batch of mappings."""
