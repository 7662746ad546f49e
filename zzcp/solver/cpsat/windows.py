"""Windows of tiles that are kept once.

Such a tile may be refilled only in the part of its period before the irrelevant loops on top of its level: A = P /
(their product). The *window point* w of a boundary v stands beneath them: w <= v differs from v in irrelevant
exponents only, one factor z of the operand's data stands directly beneath it, and every boundary c of another operand
lies above the point or below that factor:

    c >= w   or   c <= w - z,        A = product(w).

Latency falls as A grows, so that the solver picks the true window by itself. A tile that is kept twice has its whole
period, and so has a level above the innermost one without data loops of its own: it passes its data on at once. The
innermost level without data loops holds one tile throughout, so that nothing stands beneath: A = 1.

The *tail* is the same device at the end of the whole order: the irrelevant loops outside of everything else, during
which all data of an operand has been used once before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zzcp.solver.cp_sat import cp_model
from zzcp.solver.cpsat.restrict import Point
from zzcp.solver.cpsat.variables import Boundary
from zzcp.solver.lattice.keys import Array, Key, enumerate_states
from zzcp.solver.lattice.tables import MoveTable


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A point of the order, and the factor directly beneath it.

    Parameters
    ----------
    operand : int
        Whose data the factor belongs to.
    point : list of (IntVar or int)
        The exponents below the point.
    beneath : dict of int to BoolVar
        Which factor it is, by the positions of the keys.
    idle : tuple of BoolVar
        Where there is none, one of these is set, and the point means nothing.
    """

    operand: int
    point: list[Any]
    beneath: dict[int, Any]
    idle: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The window of a boundary.

    Parameters
    ----------
    mark : Mark
        Where it ends.
    lengths : ndarray of int, shape (rows, reuse values)
        Its length, by the row of the boundary's costs and the reuse value of the point.
    index : IntVar or int
        Which of them, row by row.
    shares : ndarray of int, shape (shares,)
        Into how many windows a period can be divided.
    share : IntVar or int
        Which of them.
    """

    mark: Mark
    lengths: Array
    index: Any
    shares: Array
    share: Any


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """The loops at the end of the order during which all data of an operand has been used before.

    Parameters
    ----------
    product : IntVar or int
        Their product.
    mark : Mark or None
        Where they begin; None where there can be none.
    """

    product: Any
    mark: Mark | None = None


def add_window(
    model: cp_model.CpModel,
    keys: Sequence[Key],
    boundaries: Sequence[Sequence[Boundary | Point]],
    boundary: Boundary,
    doubled: Any,
) -> Window:
    """Create the window point of a boundary and place it in the chain."""
    table = boundary.table
    below = boundaries[boundary.operand][boundary.link - 1]
    innermost = boundary.link == 1
    empty = model.new_bool_var(f"empty{boundary.name}")
    point: list[Any] = list(boundary.exponents)
    for position in table.reuse.keys:
        top = boundary.exponents[position]
        if isinstance(top, int):
            continue
        point[position] = model.new_int_var(0, keys[position].multiplicity, f"w{boundary.name}.{position}")
        model.add(point[position] <= top)
        model.add(point[position] == top).only_enforce_if(doubled)
        if innermost:
            model.add(point[position] >= below.exponents[position]).only_enforce_if(~empty)
            model.add(point[position] == 0).only_enforce_if(empty)
        else:
            model.add(point[position] >= below.exponents[position])
    beneath = {
        position: model.new_bool_var(f"z{boundary.name}.{position}")
        for position in table.data.keys
        if not isinstance(boundary.exponents[position], int)
    }
    model.add_exactly_one([*beneath.values(), empty, doubled])
    for position, flag in beneath.items():
        model.add(boundary.exponents[position] >= below.exponents[position] + 1).only_enforce_if(flag)
        model.add(boundary.exponents[position] == below.exponents[position]).only_enforce_if(empty)
    mark = Mark(boundary.operand, point, beneath, (empty, doubled))
    for row in boundaries:
        for other in row:
            if other.operand != boundary.operand:
                _around(model, boundary.name, mark, other)
    return _chosen_lengths(model, boundary, mark)


def add_tail(
    model: cp_model.CpModel,
    keys: Sequence[Key],
    boundaries: Sequence[Sequence[Boundary | Point]],
    operand: int,
) -> Tail:
    """Create the tail of an operand and place it in the chain.

    Parameters
    ----------
    model : CpModel
        The model.
    keys : sequence of Key
        The prime factors.
    boundaries : sequence of sequence of Boundary
        Per operand and link.
    operand : int
        Whose loops count.
    """
    boundary = boundaries[operand][-1]
    assert isinstance(boundary, Boundary)
    table = boundary.table
    point: list[Any] = [key.multiplicity for key in keys]
    for position in table.reuse.keys:
        point[position] = model.new_int_var(0, keys[position].multiplicity, f"t{operand}.{position}")
    beneath = {position: model.new_bool_var(f"tz{operand}.{position}") for position in table.data.keys}
    if not beneath or not table.reuse.keys:
        return Tail(1)
    model.add_exactly_one(beneath.values())
    mark = Mark(operand, point, beneath)
    for row in boundaries:
        for other in row:
            _around(model, f"t{operand}", mark, other)
    states = enumerate_states(tuple(keys), table.reuse.keys)
    values, index = np.unique(states.product.max() // states.product, return_inverse=True)
    tail = model.new_int_var_from_domain(cp_model.Domain.from_values(values.tolist()), f"tail{operand}")
    rows = np.concatenate([states.exponents, values[index.reshape(-1)][:, None]], axis=1)
    model.add_allowed_assignments([*(point[position] for position in table.reuse.keys), tail], rows.tolist())
    return Tail(tail, mark)


def order_marks(model: cp_model.CpModel, one: Mark, other: Mark) -> None:
    """Let two marks belong to one order: one lies below the factor beneath the other, or both are the same.

    Parameters
    ----------
    model : CpModel
        The model.
    one, other : Mark
        Of different operands, or a window's and a tail's.
    """
    choices = []
    for lower, upper in ((one, other), (other, one)):
        choices.append(model.new_bool_var("below"))
        _at_most(model, lower.point, upper.point, upper.beneath, choices[-1])
    same = model.new_bool_var("same")
    for mine, theirs in zip(one.point, other.point, strict=True):
        model.add(mine == theirs).only_enforce_if(same)
    for position in one.beneath.keys() | other.beneath.keys():
        flags = [mark.beneath.get(position, 0) for mark in (one, other)]
        model.add(flags[0] == flags[1]).only_enforce_if(same)
    model.add_bool_or([*choices, same, *one.idle, *other.idle])


def _around(model: cp_model.CpModel, name: str, mark: Mark, other: Boundary | Point) -> None:
    """Another boundary lies above a mark or below the factor beneath it."""
    above = model.new_bool_var(f"u{name}<{other.name}")
    below = model.new_bool_var(f"u{other.name}<{name}")
    model.add_bool_or([above, below, *mark.idle])
    _at_most(model, mark.point, other.exponents, {}, above)
    _at_most(model, other.exponents, mark.point, mark.beneath, below)


def _at_most(
    model: cp_model.CpModel, lower: Sequence[Any], upper: Sequence[Any], more: Mapping[int, Any], flag: Any
) -> None:
    """Where a flag is set exponents, with one more of some keys, are at most others."""
    for position, (low, high) in enumerate(zip(lower, upper, strict=True)):
        factor = more.get(position, 0)
        if not isinstance(low, int) or not isinstance(high, int) or not isinstance(factor, int):
            model.add(low + factor <= high).only_enforce_if(flag)
        elif low + factor > high:
            model.add(flag == 0)


def _chosen_lengths(model: cp_model.CpModel, boundary: Boundary, mark: Mark) -> Window:
    """Return the length of the window in every row of a boundary's costs and for every reuse value of its point."""
    table, point = boundary.table, mark.point
    values = table.reuse_values
    free = [column for column, key in enumerate(table.reuse.keys) if not isinstance(point[key], int)]
    states, whole = boundary.representatives[boundary.pairs[:, 0]], boundary.pairs[:, 1]
    shortest = table.period[states, whole] // values[whole]
    if not free:
        return Window(mark, shortest[:, None], boundary.index, np.ones(1, dtype=np.int64), 0)
    own = model.new_int_var(0, len(values) - 1, f"hw{boundary.name}")
    rows = np.concatenate([table.reuse.exponents[:, free], table.reuse_index[:, None]], axis=1)
    model.add_allowed_assignments([*(point[table.reuse.keys[column]] for column in free), own], rows.tolist())
    divided, rest = np.divmod(values[whole][:, None], values[None, :])
    possible = np.flatnonzero(rest == 0)
    index = model.new_int_var_from_domain(
        cp_model.Domain.from_values(possible.tolist()), f"iw{boundary.name}"
    )
    model.add(index == boundary.index * len(values) + own)
    shares, which = np.unique(divided, return_inverse=True)
    share = model.new_int_var(0, len(shares) - 1, f"n{boundary.name}")
    model.add_element(index, which.reshape(-1).tolist(), share)
    return Window(mark, shortest[:, None] * values[None, :], index, np.maximum(shares, 1), share)


def late_cycles(model: cp_model.CpModel, boundary: Boundary, window: Window, table: MoveTable) -> Any:
    """Return a variable with the cycles of a movement that do not fit the boundary's window."""
    late: Any = 0
    for cycles, repeats in table.kinds:
        late = late + np.maximum(0, _rows(boundary, cycles) - window.lengths) * _rows(boundary, repeats)
    return _chosen(model, window, late, f"late{table.move}w")


def _rows(boundary: Boundary, values: Array) -> Array:
    """Return the entries of a table in the rows of a boundary's costs, as a column."""
    found = values[boundary.representatives[boundary.pairs[:, 0]], boundary.pairs[:, 1]]
    return np.asarray(found)[:, None]


def _chosen(model: cp_model.CpModel, window: Window, excess: Any, name: str) -> Any:
    """Return a variable for the entry that the window chooses, or the entry if all are the same."""
    flat = excess.reshape(-1)
    if (flat == flat[0]).all():
        return int(flat[0])
    variable = model.new_int_var(int(flat.min()), int(flat.max()), name)
    model.add_element(window.index, flat.tolist(), variable)
    return variable
