"""Tiles under fractional spatial factors for many mappings.

The array form of `zzcp.cost.formulas.links.fractional_tiles`.
The same products are taken in the same order, so that every rounding is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zzcp.cost.execution.array_states import Array, Dims, LoopTables
from zzcp.cost.setting.setting import IRRELEVANT, PARTIAL, RELEVANT, OperandSetting, Variant


def fractional_tile_arrays(
    operand: OperandSetting, variant: Variant, tables: LoopTables, ends: Array
) -> list[Array]:
    """Return the tile of every arch level.

    Parameters
    ----------
    operand, variant
        The operand and its unrolling.
    tables : LoopTables
        The loops of the mappings.
    ends : ndarray of int, shape (levels, mappings)
        How many loops lie at or below every level, at the last one all of them.
    """
    run_end = tables.run_ends(tables.group(operand.kind, IRRELEVANT)).ravel()
    cuts = [*(run_end[tables.at(row)] for row in ends[:-1]), np.full(tables.length, tables.depth)]
    relevant_dims = tables.group(operand.kind, RELEVANT)
    sizes = {
        dims: tables.factors(dims, np.empty((tables.depth, tables.length)))
        for dims in (relevant_dims, *(frozenset([dim]) for dim in tables.group(operand.kind, PARTIAL)))
    }
    loops = _Loops(operand, tables.length)
    every = slice(None)
    for place in range(tables.depth + 1):
        for level, cut in enumerate(cuts):
            ending = np.flatnonzero(cut == place)
            if len(ending):
                for dim, factor in variant.spatial[level]:
                    loops.multiply(frozenset([dim]), factor, ending)
                loops.close(level, ending)
        if place < tables.depth:
            for dims, factors in sizes.items():
                loops.multiply(dims, factors[place], every)
    return [np.rint(product) for product in np.cumprod([loops.ones, *loops.levels], axis=0)]


class _Loops:
    """The loops seen so far, as they count for the tile of the level that they belong to."""

    def __init__(self, operand: OperandSetting, length: int) -> None:
        self.operand = operand
        self.ones = np.ones(length)
        self.product = np.ones(length)
        self.levels = [np.ones(length) for _ in operand.memories]
        self.window_loops = {dim: np.ones(length) for dim, kind in operand.kind.items() if kind == PARTIAL}
        self.windows = [np.ones(length) for _ in operand.relations]

    def multiply(self, dims: Dims, factor: Array | float, rows: Array | slice) -> None:
        """Add a loop (of one size, or a size per mapping) over dimensions of one kind to some mappings."""
        kind = self.operand.kind[next(iter(dims), "")] if dims else IRRELEVANT
        if kind == RELEVANT:
            self.product[rows] *= factor
        if kind != PARTIAL:
            return
        (dim,) = dims
        self.window_loops[dim][rows] *= factor
        for number, relation in enumerate(self.operand.relations):
            if dim not in (relation.outer, relation.inner):
                continue
            outer, inner = (np.trunc(self.window_loops[d][rows]) for d in (relation.outer, relation.inner))
            count: Any = relation.distinct_zigzag  # counts arrays as well
            window = np.minimum(self.operand.window_sizes[number], count(outer, inner))
            self.product[rows] *= window / self.windows[number][rows]
            self.windows[number][rows] = window

    def close(self, level: int, rows: Array) -> None:
        """End a level of some mappings."""
        self.levels[level][rows] = self.product[rows]
        self.product[rows] = 1
