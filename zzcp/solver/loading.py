"""Loading and unloading in the model, for the scheduled rule (`zzcp.cost.loading`), from below.

A fill takes its slower side's cycles less what hides. Only once-only fills hide, never their first piece (what the
array uses at once, or a tile of a level further in that is refilled), and on every port of theirs only in idle cycles:
with tail t (the part of the run after which no new data is needed)

    hidden <= cycles - first piece,    t * hidden <= run + stall - recurring transfers,

and all that hide at a port share the idle cycles. The schedule is at least as long as every operand's chain of fills
and as all fills at one port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ortools.sat.python import cp_model

from zzcp.cost.loading import FillSetting
from zzcp.solver.stall import MOST_CYCLES, boundary_of
from zzcp.solver.tables import Array, BoundaryTable, least_cycles
from zzcp.solver.variables import lookup, merge_classes

if TYPE_CHECKING:
    from zzcp.solver.model import ChainModel


def add_scheduled_loading(chain: ChainModel, run: int, stall: Any) -> Any:
    """Return the cycles of loading and unloading."""
    model, plan = chain.model, chain.cost.plan
    hidden: dict[tuple[int, int], Any] = {}
    exposed: dict[tuple[int, int], Any] = {}
    for fills in (*plan.inputs, plan.output):
        for fill in fills:
            place = fill.operand, fill.link
            cycles = lookup(
                model, chain.boundaries[fill.operand][fill.link], "fill", _table(chain, fill).fill
            )
            hidden[place] = _hidden(chain, fill, cycles)
            exposed[place] = cycles - hidden[place]
    _share_idle_cycles(chain, hidden, run, stall)
    loading = model.new_int_var(0, MOST_CYCLES, "loading")
    per_port: dict[int, list[Any]] = {}
    for fills in plan.inputs:
        terms = [exposed[fill.operand, fill.link] for fill in fills]
        model.add(
            loading >= cp_model.LinearExpr.sum(terms) + sum(_access_latency(chain, fill) for fill in fills)
        )
        for fill, term in zip(fills, terms, strict=True):
            for port in fill.ports:
                per_port.setdefault(port, []).append(term)
    for terms in per_port.values():
        if len(terms) > 1:
            model.add(loading >= cp_model.LinearExpr.sum(terms))
    drains = [exposed[fill.operand, fill.link] + _access_latency(chain, fill) for fill in plan.output]
    return loading + cp_model.LinearExpr.sum(drains)


def _table(chain: ChainModel, fill: FillSetting) -> Any:
    return chain.boundaries[fill.operand][fill.link].table


def _hidden(chain: ChainModel, fill: FillSetting, cycles: Any) -> Any:
    """Return a variable for the cycles of a fill that hide, or 0 where none ever do."""
    room = _table(chain, fill).room
    if not room.any():
        return 0
    model = chain.model
    hidden = model.new_int_var(0, int(room.max()), f"hidden{fill.operand}.{fill.link}")
    model.add(hidden <= lookup(model, chain.boundaries[fill.operand][fill.link], "room", room))
    for below in range(fill.link):
        boundary = chain.boundaries[fill.operand][below]
        least = _lowest_per_class(
            boundary.table, least_cycles(chain.cost, fill.operand, fill.link, below, boundary.table)
        )
        model.add(hidden <= cycles - lookup(model, boundary, f"least{fill.link}.", least))
    return hidden


def _lowest_per_class(table: BoundaryTable, values: Array) -> Array:
    """Return values that no data state of the same class falls below (classes do not know these values)."""
    representatives, classes = merge_classes(table)
    lowest = values[representatives]
    np.minimum.at(lowest, classes, values)
    return np.asarray(lowest[classes])


def _share_idle_cycles(chain: ChainModel, hidden: dict[tuple[int, int], Any], run: int, stall: Any) -> None:
    model, plan = chain.model, chain.cost.plan
    per_port: dict[int, list[tuple[int, Any]]] = {}
    for fills in (*plan.inputs, plan.output):
        for fill in fills:
            variable = hidden[fill.operand, fill.link]
            if not isinstance(variable, int):
                for port in fill.ports:
                    per_port.setdefault(port, []).append((fill.operand, variable))
    for port, parts in per_port.items():
        busy = []
        for number in plan.port_moves[port]:
            boundary, table = boundary_of(chain, number)
            recurring = np.where(table.count > 1, table.cycles * table.repeats, 0)
            busy.append(lookup(model, boundary, f"recurring{number}.", recurring))
        idle = run + stall - cp_model.LinearExpr.sum(busy)
        model.add(cp_model.LinearExpr.sum([variable for _, variable in parts]) <= idle)
        for operand, variable in parts:
            tail = chain.tails.get(operand, 1)
            if isinstance(tail, int):
                continue
            # the idle cycles of a part of the run are that part of the idle cycles
            stretched = model.new_int_var(0, MOST_CYCLES, f"stretched{operand}.{port}")
            model.add_multiplication_equality(stretched, [variable, tail])
            model.add(stretched <= idle)


def _access_latency(chain: ChainModel, fill: FillSetting) -> int:
    """Return the access latency of a fill, where it is certain to move something."""
    operand = chain.cost.setting.operands[fill.operand]
    return fill.latency if min(operand.precision, operand.final_precision) > 0 else 0
