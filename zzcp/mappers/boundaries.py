"""Boundaries of many loop orders at random: how many of the loops lie at or below every memory level."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from zzcp.cost.execution.array_states import Array, LoopTables
from zzcp.cost.setting.setting import Setting
from zzcp.mappers.allocate_orders import tile_table

Boundaries = dict[str, Array]
"""For every operand the number of loops at or below every level, shape (levels, mappings)."""


def largest_boundaries(setting: Setting, dims: Array, sizes: Array) -> Boundaries:
    """Return the most loops that every level can hold if its memory holds nothing else.

    No valid mapping lies above; many that lie below are invalid, since operands share memories.

    Parameters
    ----------
    setting : Setting
        Machine, layer and unrolling.
    dims, sizes : ndarray of int, shape (loops, orders)
        The orders.
    """
    depth, length = dims.shape
    tables = LoopTables(setting.temporal_sizes, depth, length)
    tables.load(dims, sizes)
    result = {}
    for operand in setting.operands:
        rows = np.full((operand.depth, length), depth, dtype=np.int64)
        for level, memory in enumerate(operand.memories[:-1]):
            elements, bits = tile_table(setting, operand, level, tables), operand.stored[level].least
            # one element more than fits, since fractional tiles are rounded
            room = memory.size if operand.energy.integral else memory.size + bits
            rows[level] = np.maximum((elements * bits <= room).sum(axis=0) - 1, 0)
        # a level holds at least the loops of the level below
        for above, below in pairwise(rows[::-1]):
            np.minimum(below, above, out=below)
        result[operand.name] = rows
    return result


def random_boundaries(largest: Boundaries, depth: int, rng: np.random.Generator) -> Boundaries:
    """Draw boundaries that never decrease from level to level, all that lie below the largest equally likely.

    Parameters
    ----------
    largest : mapping of str to ndarray
        For every operand the most loops at or below every level.
    depth : int
        Number of loops.
    rng : numpy.random.Generator
        The source of the draws.
    """
    return {operand: _draw(rows, depth, rng) for operand, rows in largest.items()}


def _draw(largest: Array, depth: int, rng: np.random.Generator) -> Array:
    levels, length = largest.shape
    places = np.arange(depth + 1)[:, None]
    # ways[level][end]: how many boundaries of the levels above follow this end
    ways: list[Array] = [np.ones((depth + 1, length))]
    for row in largest[-2::-1]:
        here = ways[0] * (places <= row)
        # the next lower level may end anywhere at or below: sum over all ends of this level from there on
        ways.insert(0, np.cumsum(here[::-1], axis=0)[::-1])
    ends = np.full((levels, length), depth, dtype=np.int64)
    lowest = np.zeros(length, dtype=np.int64)
    for level in range(levels - 1):
        weights = ways[level + 1] * ((places <= largest[level]) & (places >= lowest))
        total = np.cumsum(weights, axis=0)
        drawn = rng.random(length) * total[-1]
        lowest = np.minimum((total <= drawn).sum(axis=0), largest[level])
        ends[level] = lowest
    return ends


def outermost_boundaries(setting: Setting, depth: int, length: int) -> Boundaries:
    """Return the boundaries that leave all loops to the outermost memories: only partial sums may take less room."""
    result = {}
    for operand in setting.operands:
        rows = np.zeros((operand.depth, length), dtype=np.int64)
        rows[-1] = depth
        result[operand.name] = rows
    return result
