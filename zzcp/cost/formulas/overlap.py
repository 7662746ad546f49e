"""Refills of memories that keep the overlap of sliding windows: what is brought, and what that takes.

Let the loop directly above a tile (after the loops that do not matter to it) be one of a window, of s steps. In every
round of it the first refill brings the tile, and each of the s - 1 others what the window adds; of N refills N / s are
whole, and N - N / s bring only what is new. What stays are bits of the tile, which is written like a circular buffer.
Where another loop steps nothing stays. (Ours; Timeloop counts the same where one loop slides.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

from zzcp.cost.formulas.links import Transfers, tile_elements, volume_arguments
from zzcp.cost.formulas.moves import Move
from zzcp.cost.formulas.numeric import Numeric, ceil_div
from zzcp.cost.formulas.remainders import Transfer
from zzcp.cost.setting.setting import OperandSetting, Setting
from zzcp.cost.setting.state import OperandState


class Round(NamedTuple):
    """A loop of a window that may step directly above a tile.

    Attributes
    ----------
    number, loop : int
        The window, and 0 for its outer or 1 for its inner loop.
    steps : Any
        How often it steps in a round; 1 where it does not stand there.
    """

    number: int
    loop: int
    steps: Any


def keeps(operand: OperandSetting, link: int) -> bool:
    """Return whether the memory below a link keeps the overlap of an operand's windows."""
    return operand.slides is not None and operand.slides.kept[link]


def rounds(operand: OperandSetting, state: OperandState, link: int) -> list[Round]:
    """Return the loops of windows that may step directly above a boundary; at most one of them does."""
    assert operand.slides is not None
    return [Round(number, loop, state.slides[link][number][loop]) for number, loop in operand.slides.loops]


def whole_refills(operand: OperandSetting, state: OperandState, link: int, numeric: Numeric) -> Any:
    """Return how many refills bring all of a tile."""
    whole = state.counts[link]
    for step in rounds(operand, state, link):
        whole = whole // step.steps
    return numeric.within(whole, 1, None)


def new_elements(
    setting: Setting, move: Move, state: OperandState, number: int, loop: int, numeric: Numeric
) -> Any:
    """Return the most elements that one refill adds to a tile, on one side of a link.

    Parameters
    ----------
    setting, move, state, numeric
        The setting, the movement, and its operand's boundaries.
    number, loop : int
        The window that slides, and which of its loops steps.
    """
    operand, link = setting.operands[move.operand], move.link
    assert operand.slides is not None
    table = operand.slides.new(number, loop, link, upper=move.is_upper)
    extents = {number: numeric.lookup(table, state.windows[link][number])}
    return tile_elements(
        operand, operand.energy, state, link, link + move.is_upper, setting.conventions, numeric, extents
    )


def kept_words(
    setting: Setting, move: Move, state: OperandState, moved: Transfers, all_words: Any, numeric: Numeric
) -> tuple[Any, Any]:
    """Return the words of a refilled memory that keeps the overlap, and how often they move.

    Parameters
    ----------
    setting, move, state, numeric
        As for `new_elements`.
    moved : Transfers
        The transfers of the operand.
    all_words : Any
        Words of all different tiles, where they are not of one size; else it does not matter.
    """
    operand, link = setting.operands[move.operand], move.link
    assert operand.slides is not None
    precision = operand.stored[move.level].partial
    if operand.volumes is None:
        tile = (moved.upper if move.is_upper else moved.tile)[link]
        words = ceil_div(tile * precision, move.width_min)
        for number, loop, steps in rounds(operand, state, link):
            new = new_elements(setting, move, state, number, loop, numeric)
            words = words + (steps - 1) * ceil_div(new * precision, move.width_min)
        return words, whole_refills(operand, state, link, numeric)
    words = all_words
    most = operand.volumes.words(link + move.is_upper, precision, move.width_min).high
    for number, loop, steps in rounds(operand, state, link):
        table = operand.slides.words(
            number,
            loop,
            link,
            upper=move.is_upper,
            precision=precision,
            width=move.width_min,
            most=most,
        )
        slid = numeric.lookup(table, [*volume_arguments(state, link), steps])
        words = numeric.where(steps > 1, slid, words)
    return words, state.irrelevant_above[link]


def kept_transfers(
    setting: Setting, move: Move, state: OperandState, cycles: Any, window: Any, numeric: Numeric
) -> list[Transfer]:
    """Return the transfers into a memory that keeps the overlap, whole tiles first, without the first fill.

    Parameters
    ----------
    setting, move, state, numeric
        As for `new_elements`.
    cycles, window : Any
        Cycles of a whole tile, and those in which a refill may take place.
    """
    operand, link = setting.operands[move.operand], move.link
    precision = operand.stored[move.level].partial
    whole = whole_refills(operand, state, link, numeric)
    found = [Transfer(cycles, window, whole - 1)]
    for number, loop, steps in rounds(operand, state, link):
        new = new_elements(setting, move, state, number, loop, numeric)
        found.append(Transfer(move.cycles(new * precision), window, (steps - 1) * whole))
    return found
