"""Refills of memories that keep the overlap of windows, as far as a boundary alone tells them: at the least.

Which loop steps directly above a boundary depends on the order of the loops. Of all loops that may stand there, each
with all steps that are left of it, the least counts:

- energy: of the loops, the one with which the fewest words move;
- cycles: as many refills that bring only what is new as any loop allows, each of as few cycles as with any.

The more steps a round has, the fewer refills bring all of a tile, and none brings more than a tile; so no order takes
fewer words, and no sum over refills of something that grows with their cycles is less.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from zzcp.cost.formulas.core import Model
from zzcp.cost.formulas.links import Transfers
from zzcp.cost.formulas.moves import Move
from zzcp.cost.formulas.numeric import NUMPY
from zzcp.cost.formulas.overlap import kept_words, new_elements
from zzcp.cost.setting.state import OperandState
from zzcp.solver.lattice.keys import Array


def possible_rounds(model: Model, move: Move, state: OperandState) -> Iterator[tuple[int, int, Array]]:
    """Yield the loops of windows that may step directly above a boundary, with all steps that are left of them."""
    slides = model.setting.operands[move.operand].slides
    assert slides is not None
    for number, loop in slides.loops:
        below = np.asarray(state.windows[move.link][number][loop])
        yield number, loop, slides.sizes[number][loop] // below


def least_words(
    model: Model, move: Move, state: OperandState, moved: Transfers, all_words: Any, length: int
) -> Array:
    """Return the words that a movement into a memory that keeps overlaps takes at the least.

    Parameters
    ----------
    model, move : Model, Move
        The setting and the movement.
    state : OperandState
        The grid of states of its boundary, of some length.
    moved : Transfers
        The transfers of whole tiles.
    all_words : Any
        As for `zzcp.cost.formulas.overlap.kept_words`.
    length : int
        How many states there are.
    """
    least: Array | None = None
    one = np.ones(length, dtype=np.int64)
    operand = model.setting.operands[move.operand]
    for number, loop, steps in possible_rounds(model, move, state):
        row: list[tuple[Any, Any]] = [(one, one) for _ in operand.relations]
        row[number] = (steps, one) if loop == 0 else (one, steps)
        slid = state._replace(slides=[row if a == move.link else [] for a in range(operand.depth + 1)])
        words, count = kept_words(model.setting, move, slid, moved, all_words, NUMPY)
        total = np.broadcast_to(np.asarray(words * count), (length,))
        least = total if least is None else np.minimum(least, total)
    assert least is not None
    return least


def least_refills(model: Model, move: Move, state: OperandState, count: Array) -> tuple[Array, Array, Array]:
    """Return how many refills bring all of a tile at the least, and cycles and number of those that need not.

    Parameters
    ----------
    model, move, state
        As for `least_words`.
    count : ndarray
        Refills over the layer.
    """
    operand = model.setting.operands[move.operand]
    most = np.ones(len(count), dtype=np.int64)
    least = np.full(len(count), np.iinfo(np.int64).max)
    for number, loop, steps in possible_rounds(model, move, state):
        new = new_elements(model.setting, move, state, number, loop, NUMPY)
        cycles = move.cycles(new * operand.stored[move.level].partial)
        least = np.where(steps > 1, np.minimum(least, cycles), least)
        most = np.maximum(most, steps)
    whole = np.maximum(1, count // most)
    return whole, np.where(whole < count, least, 0), count - whole
