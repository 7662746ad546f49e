"""The variables of the model: one exponent vector per boundary, and the classes that index its cost tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from zzcp.solver.clock import look
from zzcp.solver.cp_sat import cp_model
from zzcp.solver.lattice.keys import Array, Key
from zzcp.solver.lattice.lattice import Places
from zzcp.solver.lattice.tables import BoundaryTable

_FINE = 2**20
"""Parts of an element that make a difference."""
_MOST_JOINT = 20_000
"""Vectors of a boundary that are listed one by one; beyond it data states and reuse values are, each by themselves."""


@dataclass(slots=True, eq=False)
class Boundary:
    """One boundary of one operand in the model.

    Parameters
    ----------
    operand, link : int
        Which boundary.
    exponents : list of IntVar or int
        Factors of every key below it.
    table : BoundaryTable
        Its costs.
    representatives : ndarray of int
        One data state per class.
    data_class, reuse_class : IntVar
        Class of its data state, and position of its reuse value.
    index : IntVar
        The row of every cost table.
    pairs : ndarray of int, shape (rows, 2)
        Class of the data state and position of the reuse value of every row.
    """

    operand: int
    link: int
    exponents: list[Any]
    table: BoundaryTable
    representatives: Array
    data_class: Any
    reuse_class: Any
    index: Any
    pairs: Array
    cache: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Short name for variables."""
        return f"{self.operand}.{self.link}"


@lru_cache(maxsize=64)
def merge_classes(table: BoundaryTable) -> tuple[Array, Array]:
    """Merge data states with equal costs.

    Returns
    -------
    representatives : ndarray of int
        One state per class.
    classes : ndarray of int
        The class of every state.
    """
    columns = [
        table.effective,
        table.timed_bits,
        table.stored[:, None] * _FINE,
        table.overlaps[:, None],
        table.energy,
        table.period,
        table.fill,
        table.room,
        *(table.refill or ()),
    ]
    columns += [part for move in table.moves for part in (move.cycles, move.repeats, move.busy, move.late)]
    columns += [part for move in table.moves for part in move.fresh or ()]
    features = np.concatenate([np.asarray(column, dtype=np.int64) for column in columns], axis=1)
    _, first, inverse = np.unique(features, axis=0, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)


def add_boundary(
    model: cp_model.CpModel, keys: Sequence[Key], table: BoundaryTable, places: Places | None = None
) -> Boundary:
    """Create the exponents and the classes of one boundary.

    Parameters
    ----------
    model : CpModel
        The model.
    keys : sequence of Key
        The prime factors.
    table : BoundaryTable
        The costs of the boundary.
    places : Places, optional
        The vectors that are left for it; else all that the table has.
    """
    look()
    if places is None:
        return _add_factored(model, keys, table)
    if len(places.vectors) > _MOST_JOINT:
        return _add_factored(model, keys, table, places)
    representatives, classes = merge_classes(table)
    used, classes = np.unique(classes[places.rows], return_inverse=True)
    values, reuse = np.unique(places.columns, return_inverse=True)
    pairs, index = np.unique(np.stack([classes, reuse], axis=1), axis=0, return_inverse=True)
    index = index.reshape(-1)
    name = f"{table.operand}.{table.link}"
    exponents: list[Any] = []
    free = []
    for position, key in enumerate(keys):
        column = places.vectors[:, position]
        low, high = int(column.min(initial=0 if not len(column) else 10**9)), int(column.max(initial=0))
        if high == 0:
            exponents.append(0)
            continue
        exponents.append(model.new_int_var(low, high, f"v{name}.{key.dim}{key.prime}"))
        if high > low:
            free.append(position)
    data_class = model.new_int_var(0, len(used) - 1, f"g{name}") if len(used) > 1 else 0
    values_at = values.tolist()
    reuse_class: Any = values_at[0]
    if len(values) > 1:
        reuse_class = model.new_int_var_from_domain(cp_model.Domain.from_values(values_at), f"h{name}")
    row = model.new_int_var(0, len(pairs) - 1, f"i{name}") if len(pairs) > 1 else 0
    columns = [places.vectors[:, position] for position in free]
    variables = [exponents[position] for position in free]
    for variable, column in ((row, index), (data_class, classes), (reuse_class, places.columns)):
        if not isinstance(variable, int):
            variables.append(variable)
            columns.append(column)
    if variables:
        model.add_allowed_assignments(variables, np.stack(columns, axis=1).tolist())
    pairs = np.stack([pairs[:, 0], values[pairs[:, 1]]], axis=1)
    return Boundary(
        table.operand,
        table.link,
        exponents,
        table,
        representatives[used],
        data_class,
        reuse_class,
        row,
        pairs,
    )


def _add_factored(
    model: cp_model.CpModel, keys: Sequence[Key], table: BoundaryTable, places: Places | None = None
) -> Boundary:
    """Create a boundary whose class of data states and reuse value are found each by itself."""
    name = f"{table.operand}.{table.link}"
    exponents: list[Any] = []
    rows = np.arange(len(table.data)) if places is None else np.unique(places.rows)
    states = table.data.exponents[rows]
    highest = {key: column.max(initial=0) for key, column in zip(table.data.keys, states.T, strict=True)}
    highest |= {
        key: column.max() for key, column in zip(table.reuse.keys, table.reuse.exponents.T, strict=True)
    }
    for position, key in enumerate(keys):
        top = int(highest.get(position, 0))
        exponents.append(model.new_int_var(0, top, f"v{name}.{key.dim}{key.prime}") if top else 0)
    representatives, classes = merge_classes(table)
    used, numbers = np.unique(classes[rows], return_inverse=True)
    representatives = representatives[used]
    count = len(table.reuse_values)
    data_class = _class_variable(model, exponents, table.data.keys, states, numbers.reshape(-1), f"g{name}")
    reuse_class = _class_variable(
        model, exponents, table.reuse.keys, table.reuse.exponents, table.reuse_index, f"h{name}"
    )
    index = model.new_int_var(0, len(representatives) * count - 1, f"i{name}")
    if places is not None:
        left = np.unique(np.searchsorted(used, classes[places.rows]) * count + places.columns)
        index = model.new_int_var_from_domain(cp_model.Domain.from_values(left.tolist()), f"i{name}")
    model.add(index == data_class * count + reuse_class)
    grid = np.indices((len(representatives), count)).reshape(2, -1).T
    return Boundary(
        table.operand, table.link, exponents, table, representatives, data_class, reuse_class, index, grid
    )


def _class_variable(
    model: cp_model.CpModel,
    exponents: Sequence[Any],
    keys: Sequence[int],
    states: Array,
    classes: Array,
    name: str,
) -> Any:
    """Return the class of the exponents over some keys: a table constraint, one row per state."""
    free = [column for column, key in enumerate(keys) if not isinstance(exponents[key], int)]
    if not free:
        return 0
    look()
    variable = model.new_int_var(0, int(classes.max()), name)
    rows = np.concatenate([states[:, free], classes[:, None]], axis=1)
    model.add_allowed_assignments([*(exponents[keys[column]] for column in free), variable], rows.tolist())
    return variable


def lookup(model: cp_model.CpModel, boundary: Boundary, name: str, values: Array) -> Any:
    """Return a variable that holds an entry of a cost table, chosen by the boundary's classes.

    Parameters
    ----------
    model : CpModel
        The model.
    boundary : Boundary
        Whose classes choose.
    name : str
        Name of the table; the same table is looked up once.
    values : ndarray, shape (data states, reuse values)
        The table over all data states.
    """
    if name in boundary.cache:
        return boundary.cache[name]
    look()
    states = boundary.representatives[boundary.pairs[:, 0]]
    flat = np.broadcast_to(values, boundary.table.period.shape)[states, boundary.pairs[:, 1]]
    variable: Any
    if (flat == flat[0]).all():
        variable = int(flat[0])
    else:
        domain = np.unique(flat)
        variable = model.new_int_var_from_domain(
            cp_model.Domain.from_values(domain.tolist())
            if len(domain) <= 5000
            else cp_model.Domain(int(domain[0]), int(domain[-1])),
            f"{name}{boundary.name}",
        )
        model.add_element(boundary.index, flat.tolist(), variable)
    boundary.cache[name] = variable
    return variable


def lookup_data(model: cp_model.CpModel, boundary: Boundary, name: str, values: Array) -> Any:
    """Return a variable that holds an entry of a table over the data states alone."""
    flat = np.asarray(values)[boundary.representatives]
    if (flat == flat[0]).all():
        return int(flat[0])
    variable = model.new_int_var(int(flat.min()), int(flat.max()), f"{name}{boundary.name}")
    model.add_element(boundary.data_class, flat.tolist(), variable)
    return variable
