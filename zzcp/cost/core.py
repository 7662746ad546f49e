"""The cost of one mapping, or of a batch of mappings, from the states of its boundaries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from zzcp.cost.capacity import (
    Flags,
    effective_bits,
    forced_flags,
    greedy_buffering,
    refilled,
    stored_bits,
)
from zzcp.cost.links import Movement, Transfers, movements, transfer_cycles, transfers, words
from zzcp.cost.loading import Fill, Loading, LoadingPlan, compile_loading, scheduled_loading
from zzcp.cost.loading_zigzag import PortFill, takes_part, zigzag_loading
from zzcp.cost.numeric import Numeric
from zzcp.cost.setting import Setting, exact
from zzcp.cost.stall import Activity, port_stall
from zzcp.cost.state import OperandState
from zzcp.hardware import Direction

Key = tuple[int, int, Direction]
"""A movement: operand, memory level, direction."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A setting with everything that its evaluation needs more than once.

    Parameters
    ----------
    setting : Setting
        The compiled layer and machine.
    plan : LoadingPlan
        Fills and the orders in which they may be scheduled.
    scale : int
        Energies are integers in units of 1 / `scale` of the energy unit of the input file.
    coefficients : dict
        Scaled energy of one smallest word per movement.
    mac_energy : int
        Scaled energy of all operations.
    """

    setting: Setting
    plan: LoadingPlan
    scale: int
    coefficients: dict[Key, int]
    mac_energy: int


def compile_model(setting: Setting) -> Model:
    """Compile the energy table and the loading plan of a setting."""
    costs = {
        (index, level, direction): access_energy(operand.memories[level], direction)
        * Fraction(port.bandwidth_min, port.bandwidth_max)
        for index, operand in enumerate(setting.operands)
        for level, ports in enumerate(operand.ports)
        for direction, port in ports.items()
    }
    scale = math.lcm(setting.mac_energy.denominator, *(cost.denominator for cost in costs.values()))
    return Model(
        setting,
        compile_loading(setting),
        scale,
        {key: int(cost * scale) for key, cost in costs.items()},
        int(setting.mac_energy * scale),
    )


def access_energy(memory: Any, direction: Direction) -> Fraction:
    """Return the energy of one full-width access of a memory, as the decimal of the input file."""
    return exact(memory.write_energy if direction.is_write else memory.read_energy)


@dataclass(slots=True)
class Traffic:
    """What moves, and what it takes: independent of the buffering.

    Attributes
    ----------
    states : sequence of OperandState
        Boundaries of every operand.
    energy_moves, latency_moves : list of Transfers
        Per operand, as they count for energy and latency.
    words : dict of Key to Any
        Smallest words per period.
    word_counts : dict of Key to Any
        Smallest words over the layer and all instances.
    cycles : dict of Key to Any
        Port cycles per period.
    bits : list of list
        Bits of one copy of every tile, per operand and level.
    forced : Flags
        Tiles that their memory keeps twice in any case.
    run : Any
        Cycles of the computation without stalls.
    """

    states: Sequence[OperandState]
    energy_moves: list[Transfers]
    latency_moves: list[Transfers]
    moves: list[list[Movement]]
    words: dict[Key, Any]
    word_counts: dict[Key, Any]
    cycles: dict[Key, Any]
    bits: list[list[Any]]
    forced: Flags
    run: Any


def compute_traffic(
    model: Model,
    states: Sequence[OperandState],
    numeric: Numeric,
    fractional_tiles: Sequence[Sequence[Any] | None] | None = None,
) -> Traffic:
    """Return all transfers of a mapping.

    Parameters
    ----------
    model : Model
        The compiled setting.
    states : sequence of OperandState
        State of every operand's boundaries.
    numeric : Numeric
        Numbers or arrays.
    fractional_tiles : sequence, optional
        Tiles of operands with fractional spatial factors (see `zzcp.cost.links.fractional_tiles`).
    """
    setting = model.setting
    conventions = setting.conventions
    energy_moves, latency_moves, all_moves = [], [], []
    word_table: dict[Key, Any] = {}
    word_counts: dict[Key, Any] = {}
    cycles: dict[Key, Any] = {}
    for index, (operand, state) in enumerate(zip(setting.operands, states, strict=True)):
        tiles = fractional_tiles[index] if fractional_tiles else None
        moved = transfers(operand, operand.energy, state, conventions, numeric, tiles)
        same = operand.latency is operand.energy
        timed = moved if same else transfers(operand, operand.latency, state, conventions, numeric)
        energy_moves.append(moved)
        latency_moves.append(timed)
        moves = movements(operand, moved)
        timed_moves = moves if same else movements(operand, timed)
        all_moves.append(timed_moves)
        units = operand.energy.units
        for move, timed_move in zip(moves, timed_moves, strict=True):
            key = (index, move.level, move.direction)
            per_period = words(move, operand)
            word_table[key] = per_period
            word_counts[key] = per_period * move.count * units[move.level + 1]
            cycles[key] = transfer_cycles(timed_move, operand)
    total = states[0].period[-1]
    forced_any = any(memory.force_double_buffering for op in setting.operands for memory in op.memories)
    refills = refilled(setting, states, numeric) if forced_any else ()
    return Traffic(
        states=states,
        energy_moves=energy_moves,
        latency_moves=latency_moves,
        moves=all_moves,
        words=word_table,
        word_counts=word_counts,
        cycles=cycles,
        bits=stored_bits(setting, states, energy_moves, numeric),
        forced=forced_flags(setting, refills) if forced_any else no_flags(setting),
        run=total * setting.cycles_per_op,
    )


def no_flags(setting: Setting) -> Flags:
    """Return flags that double nothing."""
    return tuple((False,) * operand.depth for operand in setting.operands)


def accesses(model: Model, traffic: Traffic, numeric: Numeric) -> dict[Key, Any]:
    """Return full-width accesses per movement: truncated floats for ZigZag, else numerators over bandwidth_max."""
    if not model.setting.conventions.fractional_unrolling:
        return traffic.word_counts
    result: dict[Key, Any] = {}
    for index, operand in enumerate(model.setting.operands):
        for move in traffic.moves[index]:
            port = operand.ports[move.level][move.direction]
            key = (index, move.level, move.direction)
            ratio = port.bandwidth_min / port.bandwidth_max
            units = operand.energy.units[move.level + 1]
            result[key] = numeric.truncate(traffic.words[key] * ratio * move.count * units)
    return result


@dataclass(slots=True)
class Cycles:
    """The latency of a mapping, component by component, in cycles.

    Attributes
    ----------
    activities : list of list of Activity
        Per port what moves through it.
    stall : Any
        Temporal stall.
    loading : Loading
        First fills and last drains.
    zigzag_fills : dict of Key to Any
        Under ZigZag's rule what is left of every movement's fill.
    total : Any
        All components together.
    """

    activities: list[list[Activity]]
    stall: Any
    loading: Loading
    zigzag_fills: dict[Key, Any]
    total: Any


def compute_cycles(model: Model, traffic: Traffic, doubled: Flags, numeric: Numeric) -> Cycles:
    """Return the latency of a mapping under one buffering."""
    setting = model.setting
    factor = setting.cycles_per_op
    windows: list[list[Any]] = []
    periods: list[list[Any]] = []
    for state, flags in zip(traffic.states, doubled, strict=True):
        period = [p * factor for p in state.period]
        windows.append(
            [
                period[0],
                *(
                    numeric.where(flags[a - 1], period[a], period[a] // state.irrelevant_run[a])
                    for a in range(1, len(period))
                ),
            ]
        )
        periods.append(period)
    counts: dict[Key, Any] = {
        (index, move.level, move.direction): move.count
        for index, moves in enumerate(traffic.moves)
        for move in moves
    }
    activities = []
    stall: Any = 0
    for port in setting.ports:
        row = []
        for use in port.uses:
            key = (use.operand, use.level, use.direction)
            count = counts[key]
            repeats = numeric.maximum(0, count - 1)
            if not setting.conventions.first_partial_sum_reads and _reads_back(setting, use.operand, use.direction):
                repeats = count
            row.append(
                Activity(
                    traffic.cycles[key],
                    windows[use.operand][use.link],
                    periods[use.operand][use.link],
                    count,
                    repeats,
                )
            )
        activities.append(row)
        stall = numeric.maximum(stall, port_stall(row, traffic.run, numeric))
    zigzag_fills: dict[Key, Any] = {}
    if setting.conventions.combined_loading:
        fills = _zigzag_fills(model, traffic, counts, numeric)
        loading, zigzag_fills = zigzag_loading(setting, model.plan, fills, traffic.run, stall, numeric)
    else:
        loading = scheduled_loading(
            model.plan, _fills(model, traffic, windows, numeric), activities, traffic.run, stall, numeric
        )
    total = traffic.run + stall + loading.loading + loading.unloading + setting.drain
    return Cycles(activities, stall, loading, zigzag_fills, total)


def _reads_back(setting: Setting, operand: int, direction: Direction) -> bool:
    return setting.operands[operand].is_output and direction in (Direction.TO_BELOW, Direction.FROM_ABOVE)


def _fills(
    model: Model, traffic: Traffic, windows: Sequence[Sequence[Any]], numeric: Numeric
) -> dict[tuple[int, int], Fill]:
    """Collect the numbers of every fill; the least is the innermost tile of all instances below the link."""
    from zzcp.cost.links import tile_elements  # noqa: PLC0415

    setting = model.setting
    result = {}
    for chain in (*model.plan.inputs, model.plan.output):
        for fill in chain:
            operand = setting.operands[fill.operand]
            state, moved = traffic.states[fill.operand], traffic.latency_moves[fill.operand]
            lower = Direction.TO_ABOVE if operand.is_output else Direction.FROM_ABOVE
            upper = Direction.FROM_BELOW if operand.is_output else Direction.TO_BELOW
            precision = moved.drain_precision[fill.link] if operand.is_output else operand.precision
            sides = []
            for level, direction, spatial in ((fill.link - 1, lower, fill.link), (fill.link, upper, fill.link + 1)):
                elements = tile_elements(
                    operand, operand.latency, state, 1, spatial, setting.conventions, numeric
                )
                width = operand.ports[level][direction].bandwidth_max
                sides.append(-(-elements * precision // width))
            # before all its relevant loops have run once the data is not needed in full
            result[fill.operand, fill.link] = Fill(
                traffic.cycles[fill.operand, fill.link - 1, lower],
                traffic.cycles[fill.operand, fill.link, upper],
                sides[0],
                sides[1],
                state.count[fill.link] == 1,
                traffic.run // state.tail,
            )
    return result


def _zigzag_fills(
    model: Model, traffic: Traffic, counts: dict[Key, Any], numeric: Numeric
) -> dict[Key, PortFill]:
    setting = model.setting
    result = {}
    for port in setting.ports:
        for use in port.uses:
            if not takes_part(use, setting):
                continue
            key = (use.operand, use.level, use.direction)
            moved, state = traffic.latency_moves[use.operand], traffic.states[use.operand]
            link = use.link
            average = moved.tile[link] * moved.precision[link] / state.period[link]
            if use.level == link:
                average = average * setting.operands[use.operand].latency.boost[link]
            average = numeric.truncate(average)
            least = -(-moved.tile[1] * moved.precision[1] // port.port.bandwidth_max)
            result[key] = PortFill(
                traffic.cycles[key],
                least,
                counts[key] == 1,
                counts[key] > 1,
                -(-average // setting.cycles_per_op),
            )
    return result


def zigzag_buffering(
    model: Model, traffic: Traffic, numeric: Numeric
) -> tuple[Flags, dict[str, Any]]:
    """Return ZigZag's greedy buffering of a mapping, with the effective use of every memory after it."""
    effective = effective_bits(model.setting, traffic.states, traffic.energy_moves)
    return greedy_buffering(model.setting, effective, numeric)


def energy_units(model: Model, traffic: Traffic) -> Any:
    """Return the energy of a mapping in units of 1 / `Model.scale`, operations included."""
    total: Any = model.mac_energy
    for key, count in traffic.word_counts.items():
        total = total + count * model.coefficients[key]
    return total
