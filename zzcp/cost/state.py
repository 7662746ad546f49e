"""What of a temporal mapping the costs depend on: the state of every boundary of every operand.

A boundary is the cut between the loops that a level holds and those above it. Costs see it through a few numbers
only: the products of the loops below it by relevance, and the runs of loops directly beneath it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from zzcp.cost.setting import IRRELEVANT, PARTIAL, RELEVANT, OperandSetting
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


def merge_down(kind: dict[str, int], levels: Levels) -> tuple[list[Loop], list[int], int]:
    """Move irrelevant loops that stand directly above a boundary below it: they cost no space and save refills.

    Parameters
    ----------
    kind : dict of str to int
        Relevance of every dimension to the operand.
    levels : Levels
        The operand's loops per memory level.

    Returns
    -------
    loops : list of Loop
        All loops, innermost first.
    ends : list of int
        Number of loops at or below each memory level after the move.
    stationary : int
        Number of irrelevant loops at the array, below everything else.
    """
    loops: list[Loop] = []
    ends: list[int] = []
    for level in levels:
        loops.extend(level)
        ends.append(len(loops))
    total = len(loops)
    after_run = [total] * (total + 1)
    for position in range(total - 1, -1, -1):
        irrelevant = kind[loops[position][0]] == IRRELEVANT
        after_run[position] = after_run[position + 1] if irrelevant else position
    return loops, [after_run[end] for end in ends], after_run[0]


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
    kind: Any = operand.kind
    loops, ends, stationary = merge_down(kind, levels)
    cuts = [0 if operand.is_output or not same_data_free else stationary, *ends]
    period, relevant = 1, 1
    window_loops: dict[str, int] = {}
    window_dims = [(relation.outer, relation.inner) for relation in operand.relations]
    periods: list[int] = []
    relevants: list[int] = []
    windows: list[list[tuple[int, int]]] = []
    irrelevant_below: list[int] = []
    irrelevant = 1
    position = 0
    for cut in cuts:
        while position < cut:
            dim, size = loops[position]
            position += 1
            period *= size
            relevance = kind[dim]
            if relevance == RELEVANT:
                relevant *= size
            elif relevance == IRRELEVANT:
                irrelevant *= size
            else:
                window_loops[dim] = window_loops.get(dim, 1) * size
        periods.append(period)
        relevants.append(relevant)
        irrelevant_below.append(irrelevant)
        windows.append([(window_loops.get(o, 1), window_loops.get(i, 1)) for o, i in window_dims])
    irrelevant_run, relevant_run = [1], [1]
    lower = 0
    for end in ends:
        run_kind = PARTIAL
        run = 1
        position = end
        while position > lower:
            dim, size = loops[position - 1]
            if run == 1:
                run_kind = kind[dim]
            elif kind[dim] != run_kind:
                break
            run *= size
            position -= 1
        irrelevant_run.append(run if run_kind == IRRELEVANT else 1)
        relevant_run.append(run if run_kind == RELEVANT else 1)
        lower = end
    tail = 1
    for dim, size in reversed(loops):
        if kind[dim] != IRRELEVANT:
            break
        tail *= size
    return OperandState(
        periods,
        [period // below for below in periods],
        relevants,
        windows,
        [irrelevant // below for below in irrelevant_below],
        irrelevant_run,
        relevant_run,
        tail,
    )


def mapping_states(
    operands: Sequence[OperandSetting], temporal: Any, *, same_data_free: bool
) -> list[OperandState]:
    """Return the states of all operands of one mapping, in the order of `operands`."""
    return [operand_state(op, temporal[op.name], same_data_free=same_data_free) for op in operands]
