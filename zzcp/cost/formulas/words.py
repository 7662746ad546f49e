"""Words that move over the layer: every transfer is rounded up to whole smallest words of its port.

Where all tiles of an operand are of one size, that is the words of one of them times its transfers. Else the words of
all its tiles are added up (`zzcp.cost.setting.volumes`), and the transfers are those of each: the steps of the loops
that bring the same tile again.
"""

from __future__ import annotations

from typing import Any

from zzcp.cost.conventions import CostConventions
from zzcp.cost.formulas.links import Transfers, side_bits, volume_arguments
from zzcp.cost.formulas.moves import Move
from zzcp.cost.formulas.numeric import Numeric, ceil_div
from zzcp.cost.setting.setting import OperandSetting
from zzcp.cost.setting.state import OperandState


def move_bits(move: Move, operand: OperandSetting, moved: Transfers, numeric: Numeric) -> tuple[Any, Any]:
    """Return the bits per period and instance of one movement (of the largest tile), and its periods over the layer."""
    elements = (moved.upper if move.is_upper else moved.tile)[move.link]
    precision = move_precision(move, operand, moved, numeric)
    return elements * precision, (moved.back if move.back else moved.counts)[move.link]


def move_precision(move: Move, operand: OperandSetting, moved: Transfers, numeric: Numeric) -> Any:
    """Return the bits of an element of one movement: as its memory stores it, none where nothing is read back."""
    if move.back:
        return numeric.where(moved.returning[move.link], operand.stored[move.level].partial, 0)
    return side_bits(operand, moved, move.link, numeric, upper=move.is_upper)


def move_words(
    move: Move,
    operand: OperandSetting,
    state: OperandState,
    moved: Transfers,
    conventions: CostConventions,
    numeric: Numeric,
) -> tuple[Any, Any]:
    """Return smallest words, and how often they move; times `Move.units` these are all that move over the layer.

    Parameters
    ----------
    move : Move
        The movement.
    operand, state : OperandSetting, OperandState
        What moves, and its boundaries.
    moved : Transfers
        Its transfers.
    conventions : CostConventions
        How to count.
    numeric : Numeric
        Numbers or arrays.
    """
    if operand.volumes is None:
        bits, count = move_bits(move, operand, moved, numeric)
        return ceil_div(bits, move.width_min), count
    link = move.link
    repeats = state.irrelevant_above[link]
    if not move.back:
        partial = (moved.returning if move.is_upper else moved.lower)[link]
        return _all_words(move, operand, state, partial, numeric), repeats
    precision = operand.stored[move.level].partial
    if conventions.first_partial_sum_reads:
        words = _words(move, operand, state, precision, numeric)
        return numeric.where(moved.partial[link], words, 0), repeats
    if not operand.revisited:
        return _words(move, operand, state, precision, numeric), repeats - 1
    return _words_again(move, operand, state, numeric), 1


def _words_again(move: Move, operand: OperandSetting, state: OperandState, numeric: Numeric) -> Any:
    """Return the words of partial sums that an output with windows reads back.

    Loops that visit the same tiles again read all of each. Of a tile that they visit for the first time what others
    hold that were visited before it comes back.
    """
    assert operand.volumes is not None
    link, precision = move.link, operand.stored[move.level].partial
    windows = {dim for relation in operand.relations if relation.inner for dim in relation.loops}
    shared = any(dim in windows and factor > 1 for dim, factor in operand.energy.spatial[link])
    # instances that share sums are sent them together: each gets what those before it did not
    spatial = link + (move.is_upper or shared)
    table = operand.volumes.words_again(spatial, precision, move.width_min)
    again = numeric.lookup(table, volume_arguments(state, link))
    whole = operand.volumes.words(spatial, precision, move.width_min)
    return numeric.lookup(whole, volume_arguments(state, link)) * (state.irrelevant_above[link] - 1) + again


def _all_words(
    move: Move, operand: OperandSetting, state: OperandState, partial: Any, numeric: Numeric
) -> Any:
    """Return the words of all tiles, at the precision that they have."""
    bits = operand.stored[move.level]
    full = _words(move, operand, state, bits.partial, numeric)
    if bits.final == bits.partial:
        return full
    final = _words(move, operand, state, bits.final, numeric)
    return numeric.where(partial, full, final)


def _words(move: Move, operand: OperandSetting, state: OperandState, precision: int, numeric: Numeric) -> Any:
    assert operand.volumes is not None
    table = operand.volumes.words(move.link + move.is_upper, precision, move.width_min)
    return numeric.lookup(table, volume_arguments(state, move.link))
