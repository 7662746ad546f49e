"""Exact energies of many mappings: sums of products of any size, as integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zzcp.cost.execution.array_states import Array
from zzcp.cost.execution.codegen_arrays import EXACT_BELOW
from zzcp.cost.formulas.core import Model

_LIMIT = 2**63
"""64-bit integers are below this."""


def exact_energy(
    model: Model, words: Sequence[Any], counts: Sequence[Any], length: int
) -> tuple[Array, Array]:
    """Return energies in units of 1 / `Model.scale`, as integers of any size, and as floats.

    Parameters
    ----------
    model : Model
        The compiled setting.
    words, counts : sequence of (ndarray or int)
        Smallest words and periods of every movement, whole numbers. What is not below 2^53 is watched by the formulas,
        and counts as nothing here.
    length : int
        Number of mappings.

    Returns
    -------
    units : ndarray of int, shape (mappings,)
        64-bit integers where these hold all of them, else Python's.
    energy : ndarray of float, shape (mappings,)
        The nearest floats.
    """
    costs = [move.units * energy for move, energy in zip(model.moves, model.word_energies, strict=True)]
    if max(model.scale, model.mac_energy, *costs) < EXACT_BELOW:
        # a sum of products that stays below 2^53 was exact all the way as a sum of floats
        total = np.full(length, float(model.mac_energy))
        for word, count, cost in zip(words, counts, costs, strict=True):
            total += word * count * float(cost)
        if float(total.max(initial=0.0)) * 1.001 < EXACT_BELOW:
            return total.astype(np.int64), total / model.scale
    units: Array = model.mac_energy + _weighted(
        [_products(_whole(word), _whole(count), length) for word, count in zip(words, counts, strict=True)],
        costs,
    )
    if units.max(initial=0) < _LIMIT:
        units = units.astype(np.int64)
    # Python divides integers without rounding them first
    return units, np.array([unit / model.scale for unit in units.tolist()], dtype=float)


def _whole(value: Any) -> Any:
    """Return whole numbers of all mappings, or one that they share, as integers."""
    if not isinstance(value, np.ndarray):
        return int(value)
    if not (value.min(initial=0) >= 0 and value.max(initial=0) < EXACT_BELOW):
        value = np.where((value >= 0) & (value < EXACT_BELOW), value, 0)
    return value.astype(np.int64)


def _products(one: Any, other: Any, length: int) -> Array:
    """Return the products of two numbers of every mapping, as 64-bit integers where these hold all of them."""
    fits = max(_most(one), _most(other)) < _LIMIT
    if fits and _most(one) * _most(other) >= _LIMIT:
        # the largest of both need not belong to one mapping
        fits = np.multiply(one, other, dtype=float).max() < _LIMIT / 2
    product: Any = np.multiply(one, other, dtype=np.int64 if fits else object)
    return np.full(length, product)


def _most(value: Any) -> int:
    return int(value.max(initial=0)) if isinstance(value, np.ndarray) else value


def _weighted(rows: Sequence[Array], weights: Sequence[int]) -> Array:
    """Return the sums of rows of whole numbers times a weight each, as Python's integers.

    The weights are cut into digits, of so few bits each that the sum of all rows times a digit fits 64-bit integers.
    """
    bits = _LIMIT.bit_length() - 2 - sum(map(_most, rows)).bit_length()
    total: Array = np.zeros(len(rows[0]), dtype=object)
    if bits < 1:
        for row, weight in zip(rows, weights, strict=True):
            total += row.astype(object) * weight
        return total
    table = np.array(rows)
    for place in range(0, max(weights).bit_length(), bits):
        digits = np.array([weight >> place & (1 << bits) - 1 for weight in weights], dtype=np.int64)
        total += (digits @ table).astype(object) << place
    return total


def with_leakage(model: Model, units: Array, latency: Array) -> tuple[Array, Array]:
    """Return energies with what leaks in the cycles of the mappings: as `exact_energy` does, of energies without it.

    Parameters
    ----------
    model : Model
        The compiled setting.
    units : ndarray of int, shape (mappings,)
        Energies in units of 1 / `Model.scale`.
    latency : ndarray of int
        Cycles.
    """
    most = _most(units) + model.leakage * _most(latency)
    if most < _LIMIT:
        units = units + model.leakage * latency
        if max(most, model.scale) < EXACT_BELOW:
            return units, units / model.scale
    else:
        units = units.astype(object) + model.leakage * latency.astype(object)
    return units, np.array([unit / model.scale for unit in units.tolist()], dtype=float)
