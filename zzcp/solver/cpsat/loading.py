"""Loading and unloading in the model, for the scheduled rule (`zzcp.cost.formulas.loading`), from below.

The first piece of a fill is all of it, or, where it happens once, what the array uses at once or a tile of a level
further in that is refilled. Each starts when the one that feeds it has arrived, and a port carries one at a time. With

    due(p) = all first fills (last drains) through port p,    idle(p) = run - recurring transfers through p,

    loading >= due(p) - idle(p) - stall,    unloading >= due(p) - idle(p) - stall,
    loading + unloading >= due(p) of both - idle(p) - stall,

and with tail t >= 2 (the run divided by the part of it after which an operand needs no new data), for what that
operand, operands with tails as long and the recurring fills have due at p,

    t * (due(p) - loading) <= max(0, idle(p)).

The stall is a variable with lower bounds: a longer one is waiting that the evaluator's formula has worked out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from zzcp.cost.formulas.loading import FillSetting
from zzcp.solver.cp_sat import cp_model
from zzcp.solver.cpsat.chain_model import ChainModel
from zzcp.solver.cpsat.stall import MOST_CYCLES, boundary_of
from zzcp.solver.cpsat.variables import lookup, merge_classes
from zzcp.solver.lattice.pieces import least_cycles
from zzcp.solver.lattice.tables import Array, BoundaryTable


def add_scheduled_loading(chain: ChainModel, run: int, stall: Any) -> Any:
    """Return the cycles of loading and unloading."""
    model, plan = chain.model, chain.cost.plan
    loading = model.new_int_var(0, MOST_CYCLES, "loading")
    unloading = model.new_int_var(0, MOST_CYCLES, "unloading")
    inputs = [fill for fills in plan.inputs for fill in fills]
    first = {(fill.operand, fill.link): _first_piece(chain, fill) for fill in (*inputs, *plan.output)}
    _schedule(chain, loading, first)
    drains = [first[fill.operand, fill.link] + _access_latency(chain, fill) for fill in plan.output]
    model.add(unloading >= cp_model.LinearExpr.sum(drains))
    ports = sorted({port for fill in (*inputs, *plan.output) for port in fill.ports})
    for port in ports:
        filled, drained = ([fill for fill in side if port in fill.ports] for side in (inputs, plan.output))
        if len(filled) > 1:
            model.add(loading >= cp_model.LinearExpr.sum([first[fill.operand, fill.link] for fill in filled]))
        if not any(_table(chain, fill).room.any() for fill in (*filled, *drained)):
            continue
        idle = run - cp_model.LinearExpr.sum(
            [
                lookup(model, boundary, f"busy{number}.", table.busy)
                for number in plan.port_moves[port]
                for boundary, table in (boundary_of(chain, number),)
            ]
        )
        fills, leaving = _sum(chain, filled, "fill"), _sum(chain, drained, "fill")
        model.add(loading >= fills - idle - stall)
        model.add(unloading >= leaving - idle - stall)
        model.add(loading + unloading >= fills + leaving - idle - stall)
        _meet_windows(chain, filled, loading, idle, run)
        _meet_windows(chain, drained, unloading, idle, run)
    return loading + unloading


def _schedule(chain: ChainModel, loading: Any, first: Mapping[tuple[int, int], Any]) -> None:
    """Start every first piece after the one that feeds it, and those on one port one after the other."""
    model, plan = chain.model, chain.cost.plan
    starts: dict[tuple[int, int], Any] = {}
    for fills in plan.inputs:
        ready: Any = 0
        for fill in fills:
            place = fill.operand, fill.link
            starts[place] = model.new_int_var(0, MOST_CYCLES, f"start{fill.operand}.{fill.link}")
            model.add(starts[place] >= ready)
            ready = starts[place] + first[place] + _access_latency(chain, fill)
        model.add(loading >= ready)
        # says the same, to the relaxation
        waiting = sum(_access_latency(chain, fill) for fill in fills)
        model.add(
            loading >= cp_model.LinearExpr.sum([first[fill.operand, fill.link] for fill in fills]) + waiting
        )
    for fills, others in combinations(plan.inputs, 2):
        for one, other in product(fills, others):
            if not set(one.ports) & set(other.ports):
                continue
            (a, b) = (one.operand, one.link), (other.operand, other.link)
            before = model.new_bool_var(f"before{a}{b}")
            model.add(starts[b] >= starts[a] + first[a]).only_enforce_if(before)
            model.add(starts[a] >= starts[b] + first[b]).only_enforce_if(~before)


def _meet_windows(chain: ChainModel, side: Sequence[FillSetting], cycles: Any, idle: Any, run: int) -> None:
    """What an operand's window has no room for comes before the run (or after it)."""
    model = chain.model
    for operand in sorted({fill.operand for fill in side if _table(chain, fill).room.any()}):
        tail = chain.tails[operand].product if operand in chain.tails else 1
        if isinstance(tail, int):
            continue
        own = [fill for fill in side if fill.operand == operand]
        others = [fill for fill in side if fill.operand != operand]
        due = _sum(chain, own, "fill") + _sum(chain, others, "recurring") + _as_early(chain, tail, others)
        name = f"{operand}.{own[0].ports}{own[0].link}"
        late = model.new_int_var(0, MOST_CYCLES, f"late{name}")
        model.add(late >= due - cycles)
        product = model.new_int_var(0, MOST_CYCLES, f"stretched{name}")
        model.add_multiplication_equality(product, [late, tail])
        room = model.new_int_var(0, run, f"idle{name}")
        model.add_max_equality(room, [idle, 0])
        short = model.new_bool_var(f"short{name}")
        model.add(tail >= 2).only_enforce_if(short)
        model.add(tail == 1).only_enforce_if(~short)
        model.add(product <= room).only_enforce_if(short)


def _as_early(chain: ChainModel, tail: Any, fills: Sequence[FillSetting]) -> Any:
    """Return the cycles of once-only fills of operands whose tails are at least as long."""
    model = chain.model
    terms: list[Any] = []
    for operand in sorted({fill.operand for fill in fills}):
        other = chain.tails[operand].product if operand in chain.tails else 1
        theirs = [fill for fill in fills if fill.operand == operand and _table(chain, fill).room.any()]
        if isinstance(other, int) or not theirs:
            continue
        later = model.new_bool_var(f"later{operand}")
        model.add(other <= tail - 1).only_enforce_if(later)
        most = sum(int(_table(chain, fill).room.max()) for fill in theirs)
        early = model.new_int_var(0, most, f"early{operand}")
        model.add(early >= _sum(chain, theirs, "room")).only_enforce_if(~later)
        terms.append(early)
    return cp_model.LinearExpr.sum(terms)


def _sum(chain: ChainModel, fills: Sequence[FillSetting], what: str) -> Any:
    """Return the cycles of fills, of all of them, of those that recur or of those that happen once (room)."""
    terms = []
    for fill in fills:
        table = _table(chain, fill)
        values = {"fill": table.fill, "room": table.room, "recurring": table.fill - table.room}[what]
        terms.append(lookup(chain.model, chain.boundaries[fill.operand][fill.link], what, values))
    return cp_model.LinearExpr.sum(terms)


def _table(chain: ChainModel, fill: FillSetting) -> BoundaryTable:
    return chain.boundaries[fill.operand][fill.link].table


def _first_piece(chain: ChainModel, fill: FillSetting) -> Any:
    """Return a variable for the cycles of what must be there before the run, or leaves after it."""
    model, boundary, table = chain.model, chain.boundaries[fill.operand][fill.link], _table(chain, fill)
    if not table.room.any():
        return lookup(model, boundary, "fill", table.fill)
    piece = model.new_int_var(0, int(table.fill.max()), f"piece{fill.operand}.{fill.link}")
    model.add(piece >= lookup(model, boundary, "recurring", table.fill - table.room))
    operand = chain.cost.setting.operands[fill.operand]
    # what recurs may be partial sums, and these shorter than a first piece of results
    sides = (operand.held(fill.link), operand.stored[fill.link])
    shorter = operand.is_output and any(bits.final > bits.partial for bits in sides)
    once = lookup(model, boundary, "once", (table.room > 0).astype(np.int64)) if shorter else 1
    for below in range(fill.link):
        beneath = chain.boundaries[fill.operand][below]
        least = _lowest_per_class(
            beneath.table, least_cycles(chain.cost, fill.operand, fill.link, below, beneath.table)
        )
        model.add(
            piece >= lookup(model, beneath, f"least{fill.link}.", least) - int(least.max()) * (1 - once)
        )
    return piece


def _lowest_per_class(table: BoundaryTable, values: Array) -> Array:
    """Return values that no data state of the same class falls below (classes do not know these values)."""
    representatives, classes = merge_classes(table)
    lowest = values[representatives]
    np.minimum.at(lowest, classes, values)
    return np.asarray(lowest[classes])


def _access_latency(chain: ChainModel, fill: FillSetting) -> int:
    """Return the access latency of a fill, where it is certain to move something."""
    operand = chain.cost.setting.operands[fill.operand]
    return fill.latency if min(operand.precision, operand.final_precision) > 0 else 0
