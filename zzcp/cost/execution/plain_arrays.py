"""The formulas on arrays as they stand: for the first mappings of a setting, before it pays to compile them.

Numbers are kept as in `zzcp.cost.execution.codegen_arrays`: in 64-bit floats, sums and products of integers watched,
so that the mappings for which one may be rounded are known. Both forms return the same numbers, to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

import numpy as np

from zzcp.cost.execution.array_states import Array
from zzcp.cost.execution.codegen_arrays import EXACT_BELOW, TooLargeError, Workspace
from zzcp.cost.formulas.core import Model, Traffic, compute_figures, compute_latency, compute_traffic
from zzcp.cost.formulas.numeric import Numeric
from zzcp.cost.setting.lookups import Lookup
from zzcp.cost.setting.setting import Setting
from zzcp.cost.setting.state import OperandState


class Column:
    """A number of every mapping of a batch.

    Parameters
    ----------
    array : ndarray of float
        The numbers.
    high : float
        For integers a bound of their magnitudes, nan for other numbers: what comes of these is none either.
    watched : list of ndarray
        Where those results of operations on integers are kept that are too large to be exact.
    """

    __slots__ = ("array", "high", "watched")
    __array_ufunc__ = None  # truth values, which are plain arrays, leave the operations with columns to these
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: Array, high: float, watched: list[Array]) -> None:
        self.array, self.high, self.watched = array, high, watched

    def __bool__(self) -> bool:
        raise TypeError("a formula branches on a value that differs from mapping to mapping")

    def checked(self, array: Array) -> Column:
        """Return a whole result that may be too large."""
        # the root of the sum of squares takes less time than the largest magnitude, and is no less
        square = float(array.dot(array))
        high = math.sqrt(square) * 1.001 if square < _SQUARES else float(np.abs(array).max())
        if not high < EXACT_BELOW:
            # for the mappings that it concerns no bound counts any more
            self.watched.append(array)
            high = float(EXACT_BELOW)
        return Column(array, high, self.watched)

    def __add__(self, other: Any) -> Column:
        if other is _ZERO:
            return self
        value, high = (other.array, other.high) if type(other) is Column else _operand(other)
        high += self.high
        array = self.array + value
        return self.checked(array) if high >= EXACT_BELOW else Column(array, high, self.watched)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Column:
        if other is _ZERO:
            return self
        value, high = (other.array, other.high) if type(other) is Column else _operand(other)
        high += self.high
        array = self.array - value
        return self.checked(array) if high >= EXACT_BELOW else Column(array, high, self.watched)

    def __rsub__(self, other: Any) -> Column:
        value, high = (other.array, other.high) if type(other) is Column else _operand(other)
        high += self.high
        array = value - self.array
        return self.checked(array) if high >= EXACT_BELOW else Column(array, high, self.watched)

    def __mul__(self, other: Any) -> Column:
        if other is _ONE or (type(other) is float and other == 1):
            return self
        value, high = (other.array, other.high) if type(other) is Column else _operand(other)
        high *= self.high
        array = self.array * value
        return self.checked(array) if high >= EXACT_BELOW else Column(array, high, self.watched)

    __rmul__ = __mul__

    def __neg__(self) -> Column:
        return _Negated(self)

    def __floordiv__(self, other: Any) -> Column:
        if other is _ONE and not math.isnan(self.high):
            return self
        # a quotient of integers below 2^53 is never rounded onto, or past, an integer
        return Column(np.floor(self.array / _operand(other)[0]), self.high, self.watched)

    def __rfloordiv__(self, other: Any) -> Column:
        value, high = (other.array, other.high) if type(other) is Column else _operand(other)
        return Column(np.floor(value / self.array), high, self.watched)

    def __mod__(self, other: Any) -> Column:
        return Column(np.fmod(self.array, _operand(other)[0]), self.high, self.watched)

    def __rmod__(self, other: Any) -> Column:
        value, high = (other.array, other.high) if type(other) is Column else _operand(other)
        return Column(np.fmod(value, self.array), high, self.watched)

    def __truediv__(self, other: Any) -> Column:
        return Column(self.array / _operand(other)[0], math.nan, self.watched)

    def __rtruediv__(self, other: Any) -> Column:
        return Column(_operand(other)[0] / self.array, math.nan, self.watched)

    def __lt__(self, other: Any) -> Any:
        return self.array < _operand(other)[0]

    def __le__(self, other: Any) -> Any:
        return self.array <= _operand(other)[0]

    def __gt__(self, other: Any) -> Any:
        return self.array > _operand(other)[0]

    def __ge__(self, other: Any) -> Any:
        return self.array >= _operand(other)[0]

    def __eq__(self, other: object) -> Any:
        return self.array == _operand(other)[0]

    def __ne__(self, other: object) -> Any:
        return self.array != _operand(other)[0]


class _Negated(Column):
    """A number with the other sign: ``-(-a // b)`` is how the formulas round up, so that it is mostly not needed."""

    __slots__ = ("column",)

    def __init__(self, column: Column) -> None:
        self.column, self.high, self.watched = column, column.high, column.watched

    @property
    def array(self) -> Array:  # type: ignore[override]
        """The numbers."""
        negative: Array = -self.column.array
        return negative

    def __neg__(self) -> Column:
        return self.column

    def __mul__(self, other: Any) -> Column:
        return _Negated(self.column * other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Column:
        column = self.column
        if other is _ONE and not math.isnan(self.high):
            return self
        return _Negated(Column(np.ceil(column.array / _operand(other)[0]), column.high, column.watched))


_ZERO: Any = 0
_ONE: Any = 1
_SQUARES = (EXACT_BELOW / 2) ** 2


def _operand(value: Any) -> tuple[Any, float]:
    """Return a column, an array of truth values or a constant for numpy, and its bound (see `Column`)."""
    kind = type(value)
    if kind is int:
        return _whole(value)
    if isinstance(value, Column):
        return value.array, value.high
    if kind is np.ndarray:
        return value, 1.0 if value.dtype == bool else float(np.abs(value).max(initial=0))
    if kind is bool:
        return _whole(int(value))
    if kind is float:
        return np.array(value), math.nan
    raise TypeError(f"a formula takes a {kind.__name__}")


@lru_cache(maxsize=4096)
def _whole(value: int) -> tuple[Array, float]:
    """Return an integer as an array, which numpy takes in less time than a number, and its bound."""
    high = float(abs(value))
    if high >= EXACT_BELOW and float(value) != value:
        raise TooLargeError
    return np.array(float(value)), high


# ---- the operations of `Numeric` ------------------------------------------------------------------------------


def columns_watched_by(watched: list[Array]) -> Numeric:
    """Return the operations on columns whose results are watched in one list."""

    def extreme(
        constants: Callable[[Any, Any], Any], arrays: Callable[..., Any]
    ) -> Callable[[Any, Any], Any]:
        def choose(a: Any, b: Any) -> Any:
            if not isinstance(b, Column):
                if not isinstance(a, Column):
                    return constants(a, b)
                a, b = b, a
            first, high = (a.array, a.high) if type(a) is Column else _operand(a)
            return Column(arrays(first, b.array), high + b.high, watched)

        return choose

    def where(condition: Any, a: Any, b: Any) -> Any:
        if not isinstance(condition, np.ndarray):
            return a if condition else b
        (first, high), (second, other_high) = _operand(a), _operand(b)
        if other_high == 0:
            # numpy multiplies much faster than it chooses
            return Column(condition * first, high, watched)
        return Column(np.where(condition, first, second), high + other_high, watched)

    def lookup(table: Lookup, args: Sequence[Any]) -> Any:
        if not any(isinstance(arg, Column) for arg in args):
            return table(*args)
        values = table.arrays(*(arg.array if isinstance(arg, Column) else arg for arg in args))
        column = Column(values.astype(float), float(table.high), watched)
        return column if table.high < EXACT_BELOW else column.checked(column.array)

    maximum = extreme(max, np.maximum)
    return Numeric(
        maximum=maximum,
        minimum=extreme(min, np.minimum),
        where=where,
        truncate=_truncate,
        sort_pairs=lambda pairs: _sort_pairs(pairs, maximum),
        within=lambda value, low, high: value,  # noqa: ARG005 - known anyway
        lookup=lookup,
    )


def _truncate(value: Any) -> Any:
    if not isinstance(value, Column):
        return int(value)
    return value.checked(np.trunc(value.array)) if math.isnan(value.high) else value


def _sort_pairs(
    pairs: Sequence[tuple[Any, Any]], maximum: Callable[[Any, Any], Any]
) -> Sequence[tuple[Any, Any]]:
    # movements over one link: the larger window covers the other
    largest: dict[int, tuple[Any, Any]] = {}
    for key, value in pairs:
        known = largest.get(id(key))
        largest[id(key)] = key, value if known is None else maximum(known[1], value)
    merged = list(largest.values())
    numbers = sorted((pair for pair in merged if not isinstance(pair[0], Column)), key=itemgetter(0))
    columns = [pair for pair in merged if isinstance(pair[0], Column)]
    if not columns:
        return numbers
    if len(columns) > 1:
        columns = _sorted_columns(columns)
    # constants mostly come before or after all columns, and stay constants
    least, most = columns[0][0].array.min(), columns[-1][0].array.max()
    before = [pair for pair in numbers if pair[0] <= least]
    after = [pair for pair in numbers[len(before) :] if pair[0] >= most]
    if len(before) + len(after) == len(numbers):
        return [*before, *columns, *after]
    return _sorted_columns(merged)


def _sorted_columns(pairs: Sequence[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Sort pairs mapping by mapping; at least one of their keys is a column."""
    some = next(key for key, _ in pairs if isinstance(key, Column))
    both = np.empty((2, len(pairs), len(some.array)))
    high = [0.0, 0.0]
    for place, pair in enumerate(pairs):
        for side, entry in enumerate(pair):
            both[side, place], bound = _operand(entry)
            high[side] = max(high[side], bound)
    order = np.argsort(both[0], axis=0, kind="stable")
    keys, values = both[:, order, np.arange(both.shape[2])]
    return [
        (Column(key, high[0], some.watched), Column(value, high[1], some.watched))
        for key, value in zip(keys, values, strict=True)
    ]


# ---- the two stages, as `zzcp.cost.execution.compiled.CompiledArrays` has them ----------------------------------


class PlainArrays:
    """The formulas of a model as functions on arrays, for mappings that cover the layer.

    Parameters
    ----------
    model : Model
        The model.

    Raises
    ------
    TooLargeError
        If a float cannot hold some input or constant exactly.
    """

    def __init__(self, model: Model) -> None:
        setting = model.setting
        bits = max(bits.most for operand in setting.operands for bits in operand.stored)
        largest = max(operand.elements for operand in setting.operands)
        if max(setting.loops_at_most, 2 * largest * bits + 1) >= EXACT_BELOW:
            raise TooLargeError
        self.figures, self.latency = _Figures(model), _Latency(model)


class _Stage:
    """One stage; needs no arrays to work in."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def workspace(self, length: int) -> Workspace:  # noqa: ARG002 - as `ArrayFunction.workspace`
        """Return what a compiled function would write into: nothing."""
        return Workspace([], [], [])


class _Figures(_Stage):
    def call(self, inputs: Any, space: Workspace) -> tuple[Any, Any]:  # noqa: ARG002 - as `ArrayFunction.call`
        """Return what the traffic comes to, and what the latency takes over; the largest magnitude watched."""
        model, watched = self.model, []  # type: tuple[Model, list[Array]]
        numeric = columns_watched_by(watched)
        states = [_state(state, model.setting, watched) for state in inputs[0]]
        tiles = [
            None if rows is None else [Column(row, 2.0 * operand.elements + 1, watched) for row in rows]
            for operand, rows in zip(model.setting.operands, inputs[1], strict=True)
        ]
        traffic = compute_traffic(model, states, numeric, tiles)
        exact = not model.setting.conventions.fractional_unrolling
        figures = compute_figures(model, traffic, numeric, energy=not exact)
        # exact energies may exceed 64 bits: see `zzcp.cost.batch.energy`
        energy = (traffic.words, traffic.counts) if exact else figures.energy
        everywhere = np.ones(len(inputs[0][0].tail), dtype=bool)
        # a copy that all mappings are forced to keep is a truth value like that of some
        forced = tuple(tuple(everywhere if flag is True else flag for flag in row) for row in figures.forced)
        outputs = _arrays((energy, figures.bits, forced, figures.fits, figures.greedy))
        return (*outputs, [_Kept(traffic, watched)]), _largest(watched)


class _Latency(_Stage):
    def call(self, inputs: Any, space: Workspace) -> tuple[Any, Any]:  # noqa: ARG002 - as `ArrayFunction.call`
        """Return the cycles under one buffering; the largest magnitude watched."""
        (kept,), flags = inputs
        # a flag that is the same everywhere chooses nothing
        rows = tuple(
            tuple(bool(flag[0]) if flag.all() == flag.any() else flag for flag in row) for row in flags
        )
        cycles = compute_latency(self.model, kept.traffic, rows, columns_watched_by(kept.watched))
        return _arrays(cycles), _largest(kept.watched)


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """What the latency takes over."""

    traffic: Traffic
    watched: list[Array]

    def __getitem__(self, rows: Array) -> _Kept:
        """Return what it takes over for some of the mappings."""
        watched: list[Array] = []
        return _Kept(_part(self.traffic, rows, watched), watched)


def _state(state: OperandState, setting: Setting, watched: list[Array]) -> OperandState:
    """Return columns for what differs from mapping to mapping, and numbers for what does not."""
    most = float(setting.loops_at_most)
    # many entries are one and the same array
    rows: dict[int, Array] = {}
    _collect(state, rows)
    table = np.array(list(rows.values()))
    entries = {
        key: int(number) if same else Column(row, most, watched)
        for key, row, same, number in zip(
            rows, table, (table == table[:, :1]).all(axis=1).tolist(), table[:, 0].tolist(), strict=True
        )
    }

    def filled(structure: Any) -> Any:
        if type(structure) is np.ndarray:
            return entries[id(structure)]
        return [filled(part) for part in structure]

    return OperandState(*map(filled, state))


def _collect(structure: Any, rows: dict[int, Array]) -> None:
    """Collect the different arrays of a structure by their identity."""
    if type(structure) is np.ndarray:
        rows[id(structure)] = structure
    else:
        for part in structure:
            _collect(part, rows)


def _arrays(structure: Any) -> Any:
    """Return a nested structure with arrays in place of the columns."""
    if isinstance(structure, Column):
        return structure.array
    if isinstance(structure, tuple | list):
        return [_arrays(entry) for entry in structure]
    return structure


def _part(structure: Any, rows: Array, watched: list[Array]) -> Any:
    """Return a structure with some rows of all columns, watched elsewhere."""
    if isinstance(structure, Column):
        return Column(structure.array[rows], structure.high, watched)
    if isinstance(structure, np.ndarray):
        return structure[rows]
    if isinstance(structure, tuple | list):
        parts = [_part(entry, rows, watched) for entry in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    if is_dataclass(structure) and not isinstance(structure, type):
        return type(structure)(*(_part(getattr(structure, f.name), rows, watched) for f in fields(structure)))
    return structure


def _largest(watched: Sequence[Array]) -> Any:
    """Return the largest magnitude of all that was watched, per mapping, or 0 where it is small everywhere."""
    return np.abs(watched).max(axis=0) if watched else 0
