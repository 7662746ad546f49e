"""The variables of the model: one exponent vector per boundary, and the classes that index its cost tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from ortools.sat.python import cp_model

from zzcp.solver.keys import Key
from zzcp.solver.tables import BoundaryTable

Array = npt.NDArray[Any]

_FINE = 2**20
"""Parts of an element that make a difference."""


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
        ``data_class * reuse values + reuse_class``: the row of every cost table.
    """

    operand: int
    link: int
    exponents: list[Any]
    table: BoundaryTable
    representatives: Array
    data_class: Any
    reuse_class: Any
    index: Any
    cache: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Short name for variables."""
        return f"{self.operand}.{self.link}"


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
        table.tile[:, None],
        table.timed_tile[:, None],
        table.stored[:, None] * _FINE,
        table.energy,
        table.period,
        table.fill,
        table.room,
    ]
    columns += [part for move in table.moves for part in (move.cycles, move.repeats)]
    features = np.concatenate([np.asarray(column, dtype=np.int64) for column in columns], axis=1)
    _, first, inverse = np.unique(features, axis=0, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)


def add_boundary(model: cp_model.CpModel, keys: Sequence[Key], table: BoundaryTable) -> Boundary:
    """Create the exponents and the classes of one boundary."""
    name = f"{table.operand}.{table.link}"
    exponents: list[Any] = []
    highest = {key: column.max() for key, column in zip(table.data.keys, table.data.exponents.T, strict=True)}
    highest |= {
        key: column.max() for key, column in zip(table.reuse.keys, table.reuse.exponents.T, strict=True)
    }
    for position, key in enumerate(keys):
        top = int(highest.get(position, 0))
        exponents.append(model.new_int_var(0, top, f"v{name}.{key.dim}{key.prime}") if top else 0)
    representatives, classes = merge_classes(table)
    count = len(table.reuse_values)
    data_class = _class_variable(model, exponents, table.data.keys, table.data.exponents, classes, f"g{name}")
    reuse_class = _class_variable(
        model, exponents, table.reuse.keys, table.reuse.exponents, table.reuse_index, f"h{name}"
    )
    index = model.new_int_var(0, len(representatives) * count - 1, f"i{name}")
    model.add(index == data_class * count + reuse_class)
    return Boundary(
        table.operand, table.link, exponents, table, representatives, data_class, reuse_class, index
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
    flat = np.asarray(values)[boundary.representatives].reshape(-1)
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
