"""What of a temporal mapping the costs depend on: the state of every boundary of every operand.

A boundary is the cut between the loops that a level holds and those above it. Costs see it through a few numbers
only: the products of the loops below it by relevance, and the runs of loops directly beneath it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from zzcp.cost.setting import IRRELEVANT, RELEVANT, OperandSetting
from zzcp.mapping.mapping import Levels, Loop


class OperandState(NamedTuple):
    """The boundaries of one operand; every list runs over arch levels 0 .. L (see `zzcp.cost.setting`).

    Entries are integers, or integer arrays over a batch of mappings.

    Attributes
    ----------
    period : list of int
        Cycles (in operations) between two refills: the product of all temporal loops below.
    counts : list of int
        How often the data below is replaced over the layer: total iterations / period.
    relevant : list of int
        Product of the relevant loops below.
    windows : list of list of (int, int)
        For every window the products of its outer and its inner loop below.
    irrelevant_above : list of int
        Product of the irrelevant loops above.
    irrelevant_run, relevant_run : list of int
        Product of the irrelevant (relevant) loops directly beneath the boundary, within the level's own loops.
    tail : int
        Product of the outermost irrelevant loops of the whole order: all data has been used once before them.
    """

    period: list[Any]
    counts: list[Any]
    relevant: list[Any]
    windows: list[list[tuple[Any, Any]]]
    irrelevant_above: list[Any]
    irrelevant_run: list[Any]
    relevant_run: list[Any]
    tail: Any


def merge_down(kind: Mapping[str, int], levels: Levels) -> tuple[list[Loop], list[int], int]:
    """Move irrelevant loops that stand directly above a boundary below it: they cost no space and save refills.

    Parameters
    ----------
    kind : mapping of str to int
        Relevance of every dimension to the operand.
    levels : Levels
        The operand's loops per memory level.

    Returns
    -------
    loops : list of Loop
        All loops, innermost first; those of size 1 are left out.
    ends : list of int
        Number of loops at or below each memory level after the move.
    stationary : int
        Number of irrelevant loops at the array, below everything else.
    """
    loops: list[Loop] = []
    ends: list[int] = []
    for level in levels:
        loops += [loop for loop in level if loop[1] != 1]
        ends.append(len(loops))
    total = len(loops)

    def above_run(position: int) -> int:
        while position < total and kind[loops[position][0]] == IRRELEVANT:
            position += 1
        return position

    return loops, [above_run(end) for end in ends], above_run(0)


def operand_state(operand: OperandSetting, levels: Levels, *, same_data_free: bool) -> OperandState:
    """Return the state of every boundary of one operand of one mapping.

    Parameters
    ----------
    operand : OperandSetting
        The operand.
    levels : Levels
        Its temporal loops per memory level.
    same_data_free : bool
        Whether an input stays at the array during the irrelevant loops directly above it.
    """
    kind = operand.kind
    loops, ends, stationary = merge_down(kind, levels)
    stays = same_data_free and not operand.is_output
    at_array = math.prod([size for _, size in loops[:stationary]]) if stays else 1
    window_dims = [(relation.outer, relation.inner) for relation in operand.relations]
    window_loops: dict[str, int] = {}
    periods, relevants, irrelevants = [at_array], [1], [at_array]
    windows = [[(1, 1) for _ in window_dims]]
    irrelevant_runs, relevant_runs = [1], [1]
    period = relevant = irrelevant = tail = 1
    start = 0
    for end in ends:
        irrelevant_run = relevant_run = 1
        for dim, size in loops[start:end]:
            period *= size
            relevance = kind[dim]
            if relevance == IRRELEVANT:
                irrelevant *= size
                tail *= size
                irrelevant_run *= size
                relevant_run = 1
                continue
            irrelevant_run = tail = 1
            if relevance == RELEVANT:
                relevant *= size
                relevant_run *= size
            else:
                window_loops[dim] = window_loops.get(dim, 1) * size
                relevant_run = 1
        periods.append(period)
        relevants.append(relevant)
        irrelevants.append(irrelevant)
        irrelevant_runs.append(irrelevant_run)
        relevant_runs.append(relevant_run)
        windows.append([(window_loops.get(o, 1), window_loops.get(i, 1)) for o, i in window_dims])
        start = end
    return OperandState(
        periods,
        [period // below for below in periods],
        relevants,
        windows,
        [irrelevant // below for below in irrelevants],
        irrelevant_runs,
        relevant_runs,
        tail,
    )


def mapping_states(
    operands: Sequence[OperandSetting], temporal: Any, *, same_data_free: bool
) -> list[OperandState]:
    """Return the states of all operands of one mapping, in the order of `operands`."""
    return [operand_state(op, temporal[op.name], same_data_free=same_data_free) for op in operands]
