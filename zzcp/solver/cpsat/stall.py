"""Temporal stall in the model: at least what every port asks.

    stall >= sum_i late_i,    stall >= sum_i cycles_i * repeats_i - run

over the movements i of a port, with late_i the cycles that do not fit the movement's window. It is the evaluator's
formula with the union of the windows taken as the whole run, which it is as soon as one of them is a whole period.
Where the windows of all links l of the port are parts 1 / n_l of their periods,

    stall >= sum_i cycles_i * repeats_i - run + run * product_l (1 - 1 / n_l).

Links that exclude each other without sharing one port (`zzcp.cost.formulas.couplings`) add up to at most the run, too.

*Proof* of the third. Windows stand at the beginning of their periods, and each period divides the next longer one. Let
F(x) be the cycles among the first x that the windows of shorter periods leave uncovered. They cover the more, the
earlier: F(x) / x <= F(P) / P for all x <= P, P the next period. Its window A takes F(A) of F(P), at most the part
A / P, so that at least F(P) (1 - A / P) is left; and (F(x) - F(A)) / x <= (F(P) - F(A)) / P again. ∎
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from zzcp.solver.cp_sat import cp_model
from zzcp.solver.cpsat.chain_model import ChainModel
from zzcp.solver.cpsat.variables import Boundary, lookup
from zzcp.solver.cpsat.windows import late_cycles
from zzcp.solver.lattice.tables import MoveTable

MOST_CYCLES = 2**50
"""Upper limit of every latency in the model."""
_MOST_PARTS = 20_000
"""Combinations of windows that are told apart at a port."""


def boundary_of(chain: ChainModel, number: int) -> tuple[Boundary, MoveTable]:
    """Return the boundary and the table of a movement."""
    move = chain.cost.moves[number]
    boundary = chain.boundaries[move.operand][move.link]
    return boundary, next(table for table in boundary.table.moves if table.move == number)


def add_stall(chain: ChainModel, run: int) -> Any:
    """Return a variable for the temporal stall."""
    model = chain.model
    stall = model.new_int_var(0, MOST_CYCLES, "stall")
    for moves in chain.cost.port_moves:
        late, busy = [], []
        for number in moves:
            boundary, table = boundary_of(chain, number)
            window = chain.windows.get((boundary.operand, boundary.link))
            if window is None:
                late.append(lookup(model, boundary, f"late{number}.", table.late))
            else:
                late.append(late_cycles(model, boundary, window, table))
            busy.append(lookup(model, boundary, f"busy{number}.", table.busy))
        model.add(stall >= cp_model.LinearExpr.sum(late))
        if len(moves) > 1:
            model.add(stall >= cp_model.LinearExpr.sum(busy) - run + _uncovered(chain, moves, run))
    for pairs in chain.cost.couplings:
        held = [_together(chain, *pair) for pair in pairs]
        model.add(stall >= cp_model.LinearExpr.sum(held) - run)
    return stall


def _together(chain: ChainModel, first: int, second: int) -> Any:
    """Return the cycles in which a link holds the ports of two of its movements."""
    (boundary, one), (_, other) = (boundary_of(chain, number) for number in (first, second))
    return lookup(chain.model, boundary, f"held{first}.{second}.", one.held_with(other))


def _uncovered(chain: ChainModel, moves: Sequence[int], run: int) -> Any:
    """Return the cycles of the run, at the least, that are in no window of some movements."""
    places = {(move.operand, move.link) for move in (chain.cost.moves[number] for number in moves)}
    if not places <= chain.windows.keys():
        return 0
    model = chain.model
    number: Any = 0
    parts = [Fraction(1)]
    for place in sorted(places):
        window = chain.windows[place]
        number = number * len(window.shares) + window.share
        parts = [part * (1 - Fraction(1, share)) for part in parts for share in window.shares]
        if len(parts) > _MOST_PARTS:
            return 0
    index = model.new_int_var(0, len(parts) - 1, "")
    model.add(index == number)
    uncovered = model.new_int_var(0, run, f"uncovered{moves[0]}")
    model.add_element(index, [int(run * part) for part in parts], uncovered)
    return uncovered
