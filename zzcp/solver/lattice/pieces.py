"""What follows from the costs of a boundary: cycles of first pieces and innermost tiles, and average bandwidths."""

from __future__ import annotations

import math

import numpy as np

from zzcp.cost.formulas.core import Model
from zzcp.cost.formulas.links import side_bits, tile_elements, transfers
from zzcp.cost.formulas.numeric import NUMPY
from zzcp.cost.setting.setting import IRRELEVANT
from zzcp.solver.lattice.keys import StateSpace
from zzcp.solver.lattice.tables import Array, BoundaryTable, as_array, grid_state


def least_cycles(model: Model, index: int, link: int, below: int, table: BoundaryTable) -> Array:
    """Return the cycles that a first piece of a once-only fill takes, as functions of the boundary that sets its size.

    They cannot hide behind the computation, since without the piece it does not begin. A boundary whose tile is not
    replaced sets no size; that at the array always does.

    Parameters
    ----------
    model : Model
        The compiled setting.
    index, link : int
        Operand and link.
    below : int
        The boundary, beneath the link.
    table : BoundaryTable
        Its costs.
    """
    lower, upper = _once_precisions(model, index, link)
    sides = [
        _piece(model, number, below, table.data, link + move.is_upper, upper if move.is_upper else lower)
        for number, move in enumerate(model.moves)
        if move.operand == index and move.link == link and not move.back
    ]
    least = np.broadcast_to(np.maximum.reduce(sides)[:, None], table.period.shape)
    if not below:
        return np.asarray(least)
    # the movements of partial sums, which may not take place, do not count
    count = next(part.count for part in table.moves if not model.moves[part.move].back)
    return np.where(count > 1, least, 0)


def innermost_cycles(model: Model, number: int, table: BoundaryTable) -> Array:
    """Return the cycles that one instance's innermost tile takes at the port of a movement (ZigZag's floor)."""
    return np.asarray(model.moves[number].cycles(table.timed_bits))


def _once_precisions(model: Model, index: int, link: int) -> tuple[int, int]:
    """Return the bits per element, on the lower and the upper side, of a fill that happens once.

    All loops that matter to the operand, those of a reduction among them, are beneath its link then.
    """
    operand = model.setting.operands[index]
    sizes = model.setting.temporal_sizes
    irrelevant = math.prod(size for dim, size in sizes.items() if operand.kind.get(dim) == IRRELEVANT)
    of_data = {dim: np.array([size]) for dim, size in sizes.items() if operand.kind.get(dim) != IRRELEVANT}
    product = np.array([math.prod(sizes.values()) // irrelevant])
    whole = StateSpace((), np.zeros((1, 0), dtype=np.int64), of_data, product)
    others = {dim: np.array([size]) for dim, size in sizes.items() if operand.kind.get(dim) == IRRELEVANT}
    state = grid_state(model, index, link, whole, np.array([irrelevant]), others)
    moved = transfers(operand, operand.latency, state, model.setting.conventions, NUMPY)
    lower, upper = (
        int(as_array(side_bits(operand, moved, link, NUMPY, upper=side), 1)[0]) for side in (False, True)
    )
    return lower, upper


def _piece(model: Model, number: int, temporal: int, data: StateSpace, spatial: int, precision: int) -> Array:
    move = model.moves[number]
    operand = model.setting.operands[move.operand]
    state = grid_state(model, move.operand, temporal, data, np.ones(len(data), dtype=np.int64))
    elements = tile_elements(
        operand, operand.latency, state, temporal, spatial, model.setting.conventions, NUMPY
    )
    return as_array(move.cycles(elements * precision), len(data))


def average_bits(model: Model, number: int, table: BoundaryTable) -> Array:
    """Return the bits per cycle that a recurring movement needs on average, as ZigZag truncates them."""
    move = model.moves[number]
    moved = next(part for part in table.moves if part.move == number)
    per_cycle = table.timed_bits / (table.period // model.setting.cycles_per_op)
    if move.is_upper:
        per_cycle = per_cycle * model.setting.operands[move.operand].latency.boost[move.link]
    bits = -(-np.trunc(per_cycle).astype(np.int64) // model.setting.cycles_per_op)
    return np.where(moved.count > 1, bits, 0)
