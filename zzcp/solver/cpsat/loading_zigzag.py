"""Loading and unloading in the model, for ZigZag's rule (`zzcp.cost.formulas.loading_zigzag`), from below.

Every side of a link is reduced by itself: a movement that takes place once hides in the spare bandwidth of its port,
but not the cycles of the innermost tile. The slower side of every link counts, and the inputs are combined by which
of their ports both share, in the better of two orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from zzcp.cost.formulas.loading import FillSetting
from zzcp.solver.cp_sat import cp_model
from zzcp.solver.cpsat.chain_model import ChainModel
from zzcp.solver.cpsat.stall import MOST_CYCLES, boundary_of
from zzcp.solver.cpsat.variables import lookup
from zzcp.solver.lattice.pieces import average_bits, innermost_cycles

_MOST_ROOM = 2**52
"""The spare bandwidth of wider and longer fills is not limited: the solver needs the sum of all domains below 2^63."""


@dataclass(frozen=True, slots=True)
class _Hidden:
    """A movement that may hide in the spare bandwidth of its port.

    Parameters
    ----------
    part : IntVar
        Cycles that hide.
    cycles : IntVar or int
        Cycles of the fill or drain.
    whole : IntVar
        Cycles that can hide; 0 if it happens more than once.
    """

    part: Any
    cycles: Any
    whole: Any


def add_combined_loading(chain: ChainModel, run: int, stall: Any) -> Any:
    """Return the cycles of loading and unloading."""
    model, plan = chain.model, chain.cost.plan
    left = _left_per_move(chain, run, stall)
    exposed: dict[tuple[int, int], Any] = {}
    for fills in (*plan.inputs, plan.output):
        for fill in fills:
            slower = model.new_int_var(0, MOST_CYCLES, f"fill{fill.operand}.{fill.link}")
            for move in fill.moves:
                model.add(slower >= left[move])
            exposed[fill.operand, fill.link] = slower
    loading = model.new_int_var(0, MOST_CYCLES, "loading")
    parts = [_parts(chain, fills, exposed) for fills in plan.inputs]
    if len(parts) == 1:
        model.add(loading >= parts[0][0])
    else:
        first = model.new_bool_var("first")
        for flag, (one, other) in ((first, parts), (~first, parts[::-1])):
            model.add(loading >= one[2] + other[2] + other[1] + other[0]).only_enforce_if(flag)
            model.add(loading >= one[2] + one[1] + one[0]).only_enforce_if(flag)
    return loading + cp_model.LinearExpr.sum([exposed[fill.operand, fill.link] for fill in plan.output])


def _parts(
    chain: ChainModel, fills: tuple[FillSetting, ...], exposed: dict[tuple[int, int], Any]
) -> tuple[Any, Any, Any]:
    """Return the cycles on exclusive links, on the outermost half-shared link, and on shared links."""
    ports = chain.cost.setting.ports
    exclusive: Any = 0
    half: Any = 0
    shared: Any = 0
    for fill in reversed(fills):
        cycles = exposed[fill.operand, fill.link]
        sides = sum(ports[port].both_inputs for port in fill.ports)
        if sides == 0:
            exclusive = exclusive + cycles
        elif sides == 2:
            shared = shared + cycles
        else:
            half = cycles
    return exclusive, half, shared


def _left_per_move(chain: ChainModel, run: int, stall: Any) -> dict[int, Any]:
    """Return what is left of every movement's fill after hiding."""
    model = chain.model
    hides = chain.cost.setting.conventions.once_only_loads != "exposed"
    left: dict[int, Any] = {}
    for moves, port in zip(chain.cost.port_moves, chain.cost.setting.ports, strict=True):
        hidden: list[_Hidden] = []
        most = 0
        average: Any = 0
        for number in moves:
            if chain.cost.moves[number].back:
                continue
            boundary, table = boundary_of(chain, number)
            cycles = lookup(model, boundary, f"cycles{number}.", table.cycles)
            room = np.where(table.count == 1, table.cycles, 0)
            left[number] = cycles
            average = average + lookup(
                model, boundary, f"average{number}.", average_bits(chain.cost, number, boundary.table)
            )
            if not hides or boundary.link == 0 or not room.any():
                continue
            once = lookup(model, boundary, f"room{number}.", room)
            innermost = chain.boundaries[boundary.operand][1]
            least = lookup(
                model, innermost, f"least{number}.", innermost_cycles(chain.cost, number, innermost.table)
            )
            # where the innermost tiles are partial sums they may take longer than the drain
            part = model.new_int_var(0, int(room.max()), f"hidden{number}")
            whole = model.new_int_var(0, int(room.max()), f"whole{number}")
            model.add_max_equality(whole, [0, once - least])
            model.add(part <= whole)
            hidden.append(_Hidden(part, cycles, whole))
            most += int(room.max()) + 1
            left[number] = cycles - part
        if hidden:
            _hide_longest_first(model, hidden)
            _limit(chain, [fill.part for fill in hidden], most, average, port.port.bandwidth_max, run + stall)
    return left


def _hide_longest_first(model: cp_model.CpModel, fills: Sequence[_Hidden]) -> None:
    """Let a fill hide only if those that are longer, or as long and before it, hide in full."""
    if len(fills) == 1:
        return
    some = []
    for number, fill in enumerate(fills):
        some.append(model.new_bool_var(f"hides{number}"))
        model.add(fill.part == 0).only_enforce_if(~some[-1])
    for (i, one), (j, other) in combinations(enumerate(fills), 2):
        first = model.new_bool_var(f"longer{i}.{j}")
        model.add(one.cycles >= other.cycles).only_enforce_if(first)
        model.add(one.cycles < other.cycles).only_enforce_if(~first)
        model.add(one.part >= one.whole).only_enforce_if(first, some[j])
        model.add(other.part >= other.whole).only_enforce_if(~first, some[i])


def _limit(chain: ChainModel, hidden: list[Any], most: int, average: Any, width: int, cycles: Any) -> None:
    """All that hides at a port takes the bandwidth that the recurring transfers leave over the whole run."""
    model = chain.model
    # in so many cycles the narrowest spare bandwidth hides everything; more of them would only widen the domains
    longest = most * width
    if longest * width > _MOST_ROOM:
        return
    spare = model.new_int_var(0, width, "spare")
    model.add_max_equality(spare, [0, width - average])
    room = model.new_int_var(0, longest * width, "room")
    length = model.new_int_var(0, longest, "length")
    model.add(length <= cycles)
    model.add_multiplication_equality(room, [spare, length])
    # hidden cycles are fractions in ZigZag, but of one fill at a port at the most: the longest hide first, in full
    model.add(width * cp_model.LinearExpr.sum(hidden) <= room + width - 1)
