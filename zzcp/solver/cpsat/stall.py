"""Temporal stall in the model: at least what every port asks.

    stall >= sum_i late_i,    stall >= sum_i cycles_i * repeats_i - run

over the movements i of a port, with late_i the cycles that do not fit the movement's window. It is the evaluator's
formula with the union of the windows taken as the whole run, which it is as soon as one of them is a whole period. The
union is no longer than all windows one after the other either; those of one link are the same. With the links l of
the port

    stall >= sum_l (sum_i cycles_i * repeats_i - (run / period_l) * window_l),    i over link l.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from zzcp.solver.cpsat.chain_model import ChainModel
from zzcp.solver.cpsat.variables import Boundary, lookup
from zzcp.solver.cpsat.windows import crowded_cycles, late_cycles
from zzcp.solver.lattice.keys import Place
from zzcp.solver.lattice.tables import MoveTable

MOST_CYCLES = 2**50
"""Upper limit of every latency in the model."""


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
                excess = np.maximum(0, table.cycles - boundary.table.period) * table.repeats
                late.append(lookup(model, boundary, f"late{number}.", excess))
            else:
                late.append(late_cycles(model, boundary, window, table))
            busy.append(lookup(model, boundary, f"busy{number}.", table.cycles * table.repeats))
        model.add(stall >= cp_model.LinearExpr.sum(late))
        if len(moves) > 1:
            model.add(stall >= cp_model.LinearExpr.sum(busy) - run)
            _add_crowd(chain, stall, moves, run)
    return stall


def _add_crowd(chain: ChainModel, stall: Any, moves: Sequence[int], run: int) -> None:
    """A port stops the array for what does not fit all windows of its movements together."""
    links: dict[Place, list[MoveTable]] = {}
    for number in moves:
        boundary, table = boundary_of(chain, number)
        links.setdefault((boundary.operand, boundary.link), []).append(table)
    if links.keys() <= chain.windows.keys():
        crowds = [
            crowded_cycles(
                chain.model, chain.boundaries[place[0]][place[1]], chain.windows[place], tables, run
            )
            for place, tables in links.items()
        ]
        chain.model.add(stall >= cp_model.LinearExpr.sum(crowds))
