"""The cost of one mapping, or of a batch of mappings, from the states of its boundaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from zzcp.cost.formulas.capacity import (
    Flags,
    effective_bits,
    forced_flags,
    greedy_buffering,
    held_bits,
    occupied_bits,
    refilled,
    stated_flags,
    stored_bits,
)
from zzcp.cost.formulas.couplings import Pair, compile_couplings
from zzcp.cost.formulas.links import Transfers, fractional_tiles, side_bits, tile_elements, transfers
from zzcp.cost.formulas.loading import Fill, Loading, LoadingPlan, compile_loading, scheduled_loading
from zzcp.cost.formulas.loading_zigzag import PortFill, zigzag_loading
from zzcp.cost.formulas.moves import Move, access_energy, compile_moves, word_energies
from zzcp.cost.formulas.numeric import PYTHON, Numeric
from zzcp.cost.formulas.overlap import keeps, kept_transfers, kept_words
from zzcp.cost.formulas.refill import refill_excess
from zzcp.cost.formulas.remainders import Transfer, move_transfers
from zzcp.cost.formulas.stall import Activities, coupled_stall, port_stall
from zzcp.cost.formulas.words import move_bits, move_words
from zzcp.cost.setting.setting import OperandSetting, Refill, Setting
from zzcp.cost.setting.state import OperandState, mapping_states
from zzcp.hardware import Direction
from zzcp.mapping.mapping import Levels

DIRECTIONS = (Direction.FROM_ABOVE, Direction.TO_ABOVE, Direction.FROM_BELOW, Direction.TO_BELOW)
"""The order in which figures of the four directions are reported."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A setting with everything that its evaluation needs more than once.

    Parameters
    ----------
    setting : Setting
        The compiled layer and machine.
    moves : tuple of Move
        Every movement.
    port_moves : tuple of tuple of int
        The movements through every port of the setting.
    couplings : tuple of tuple of (int, int)
        Pairs of movements on two ports each that exclude each other (see `zzcp.cost.formulas.couplings`).
    plan : LoadingPlan
        Fills and the orders in which they may be scheduled.
    scale : int
        Energies are integers in units of 1 / `scale` of the energy unit of the input file.
    word_energies : tuple of int
        Scaled energy of one smallest word, per movement.
    mac_energy : int
        Scaled energy of all operations.
    leakage : int
        Scaled energy of a cycle.
    forced : bool
        Whether some memory keeps every refilled tile twice.
    """

    setting: Setting
    moves: tuple[Move, ...]
    port_moves: tuple[tuple[int, ...], ...]
    couplings: tuple[tuple[Pair, ...], ...]
    plan: LoadingPlan
    scale: int
    word_energies: tuple[int, ...]
    mac_energy: int
    leakage: int
    forced: bool


def compile_model(setting: Setting) -> Model:
    """Compile the movements, the energy table and the loading plan of a setting."""
    moves = compile_moves(setting)
    by_move = {(move.operand, move.level, move.direction): index for index, move in enumerate(moves)}
    port_moves = tuple(
        tuple(by_move[use.operand, use.level, use.direction] for use in port.uses) for port in setting.ports
    )
    scale, energies = word_energies(setting, moves)
    return Model(
        setting=setting,
        moves=moves,
        port_moves=port_moves,
        couplings=compile_couplings(setting, moves, port_moves),
        plan=compile_loading(setting, moves, port_moves),
        scale=scale,
        word_energies=energies,
        mac_energy=int(setting.mac_energy * scale),
        leakage=int(setting.leakage * scale),
        forced=any(memory.doubles(op.memory_operand) for op in setting.operands for memory in op.memories),
    )


@dataclass(slots=True)
class Traffic:
    """What moves, and what it takes: independent of the buffering. Lists run over `Model.moves`.

    Attributes
    ----------
    states : sequence of OperandState
        Boundaries of every operand.
    energy_moves, latency_moves : list of Transfers
        Per operand, as they count for energy and latency.
    words, counts : list
        Smallest words, and how often they move (see `zzcp.cost.formulas.words`).
    cycles : list
        Port cycles per period, of the largest tile.
    run : Any
        Cycles of the computation without stalls.
    """

    states: Sequence[OperandState]
    energy_moves: list[Transfers]
    latency_moves: list[Transfers]
    words: list[Any]
    counts: list[Any]
    cycles: list[Any]
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
        Tiles of operands with fractional spatial factors (see `zzcp.cost.formulas.links.fractional_tiles`).
    """
    setting = model.setting
    energy_moves, latency_moves = [], []
    for index, (operand, state) in enumerate(zip(setting.operands, states, strict=True)):
        tiles = fractional_tiles[index] if fractional_tiles else None
        moved = transfers(operand, operand.energy, state, setting.conventions, numeric, tiles)
        energy_moves.append(moved)
        latency_moves.append(
            moved
            if operand.latency is operand.energy
            else transfers(operand, operand.latency, state, setting.conventions, numeric)
        )
    words, counts, cycles = [], [], []
    for move in model.moves:
        moved, timed = energy_moves[move.operand], latency_moves[move.operand]
        operand = setting.operands[move.operand]
        word, count = move_words(move, operand, states[move.operand], moved, setting.conventions, numeric)
        kept = keeps(operand, move.link)
        if kept:
            word, count = kept_words(setting, move, states[move.operand], moved, word, numeric)
        words.append(word)
        counts.append(count)
        plain = timed is moved and operand.volumes is None and not kept
        if plain and move.width == move.width_min and move.turns == 1:
            cycles.append(word)
            continue
        bits, _ = move_bits(move, operand, timed, numeric)
        cycles.append(move.cycles(bits))
    return Traffic(
        states,
        energy_moves,
        latency_moves,
        words,
        counts,
        cycles,
        states[0].period[-1] * setting.cycles_per_op,
    )


def mapping_tiles(setting: Setting, temporal: Mapping[str, Levels]) -> Sequence[Sequence[Any] | None]:
    """Return for a mapping the tiles of operands with fractional spatial factors, None for all others."""
    return [
        None if operand.energy.integral else fractional_tiles(operand, operand.energy, temporal[operand.name])
        for operand in setting.operands
    ]


def mapping_traffic(model: Model, temporal: Mapping[str, Levels]) -> Traffic:
    """Return all transfers of a mapping."""
    setting = model.setting
    states = mapping_states(setting.operands, temporal, same_data_free=setting.conventions.same_data_free)
    return compute_traffic(model, states, PYTHON, mapping_tiles(setting, temporal))


def energy_units(model: Model, traffic: Traffic) -> Any:
    """Return the energy of a mapping in units of 1 / `Model.scale`, operations included."""
    total: Any = model.mac_energy
    for move, words, count, energy in zip(
        model.moves, traffic.words, traffic.counts, model.word_energies, strict=True
    ):
        total = total + words * count * (move.units * energy)
    return total


@dataclass(slots=True)
class Figures:
    """What the traffic of a mapping comes to under any buffering.

    Attributes
    ----------
    energy : Any
        Units of 1 / `Model.scale`, operations included; where lanes count as fractions ZigZag's sum of floats, of
        the memories only.
    bits : list of list
        Bits of one copy of every tile, per operand and level.
    forced : Flags
        Which tiles their memory keeps twice in any case.
    fits : Any
        Whether every memory holds what it must.
    greedy : Flags or None
        ZigZag's buffering, where the conventions ask for it.
    """

    energy: Any
    bits: list[list[Any]]
    forced: Flags
    fits: Any
    greedy: Flags | None


def compute_figures(model: Model, traffic: Traffic, numeric: Numeric, *, energy: bool = True) -> Figures:
    """Return what the traffic of a mapping comes to; the energy may be left out, as 0."""
    setting = model.setting
    total: Any = 0
    if not energy:
        pass
    elif setting.conventions.fractional_unrolling:
        total = 0.0
        for *_, level_energy in level_energies(model, access_counts(model, traffic, numeric)):
            total = total + level_energy
    else:
        total = energy_units(model, traffic)
    bits, forced = copies(model, traffic, numeric)
    fits: Any = True
    for _, used, size in occupied_bits(setting, bits, forced):
        fits = fits & (used <= size)
    greedy = None
    if setting.conventions.greedy_buffering:
        greedy = stated_flags(setting, zigzag_buffering(model, traffic, numeric)[0], forced)
    return Figures(total, bits, forced, fits, greedy)


def access_counts(model: Model, traffic: Traffic, numeric: Numeric) -> list[Any]:
    """Return the full-width accesses of every movement as ZigZag truncates them."""
    return [
        numeric.truncate(words * (move.width_min / move.width) * count * move.units)
        for move, words, count in zip(model.moves, traffic.words, traffic.counts, strict=True)
    ]


def level_energies(model: Model, counts: Sequence[Any]) -> list[tuple[Any, Any, Any, Any, Any]]:
    """Return per operand and level the energy from above, to above, from below, to below, and in all.

    Parameters
    ----------
    model : Model
        The compiled setting.
    counts : sequence
        Full-width accesses of every movement. With integers or floats the costs are floats, added in ZigZag's
        order; with rationals they are the decimals of the input file.
    """
    table = dict(
        zip(((move.operand, move.level, move.direction) for move in model.moves), counts, strict=True)
    )
    rows = []
    for index, operand in enumerate(model.setting.operands):
        for level, memory in enumerate(operand.memories):
            write: Any = memory.write_energy
            read: Any = memory.read_energy
            if not model.setting.conventions.fractional_unrolling:
                write, read = (
                    access_energy(memory, Direction.FROM_BELOW),
                    access_energy(memory, Direction.TO_BELOW),
                )
            from_above, to_above, from_below, to_below = (
                table.get((index, level, direction), 0) * cost
                for direction, cost in zip(DIRECTIONS, (write, read, write, read), strict=True)
            )
            total = (to_above + to_below) + (from_above + from_below)
            rows.append((from_above, to_above, from_below, to_below, total))
    return rows


@dataclass(slots=True)
class Cycles:
    """The latency of a mapping, component by component, in cycles.

    Attributes
    ----------
    activities : Activities
        What every movement asks of its port.
    stall : Any
        Temporal stall.
    loading : Loading
        First fills and last drains.
    zigzag_fills : dict of int to Any
        Under ZigZag's rule what is left of every movement's fill.
    total : Any
        All components together.
    """

    activities: Activities
    stall: Any
    loading: Loading
    zigzag_fills: dict[int, Any]
    total: Any


def compute_cycles(model: Model, traffic: Traffic, doubled: Flags, numeric: Numeric) -> Cycles:
    """Return the latency of a mapping under one buffering."""
    setting = model.setting
    activities = _activities(model, traffic, doubled, numeric)
    stall: Any = 0
    for moves in model.port_moves:
        stall = numeric.maximum(stall, port_stall(moves, activities, traffic.run, numeric))
    for pairs in model.couplings:
        stall = numeric.maximum(stall, coupled_stall(pairs, activities, traffic.run, numeric))
    zigzag_fills: dict[int, Any] = {}
    if setting.conventions.combined_loading:
        fills = _zigzag_fills(model, traffic, numeric)
        loading, zigzag_fills = zigzag_loading(
            setting, model.moves, model.plan, fills, traffic.run, stall, numeric
        )
    else:
        loading = scheduled_loading(
            model.plan, _fills(model, traffic, numeric), activities, traffic.run, stall, numeric
        )
    total = traffic.run + stall + loading.loading + loading.unloading + setting.drain
    if setting.refill is not None:
        total = total + _refilling(setting.refill, setting, traffic, doubled, numeric)
    return Cycles(activities, stall, loading, zigzag_fills, total)


def _refilling(refill: Refill, setting: Setting, traffic: Traffic, doubled: Flags, numeric: Numeric) -> Any:
    """Return the cycles in which a systolic array is refilled beyond the setting's drain."""
    moved, state = traffic.latency_moves[refill.operand], traffic.states[refill.operand]
    period = state.period[1] * setting.cycles_per_op
    twice, once = refill_excess(refill, moved.tile[1], moved.counts[1], period, numeric)
    return numeric.where(doubled[refill.operand][0], twice, once)


class LatencyFigures(NamedTuple):
    """The cycles of a mapping under one buffering: in all, and the parts that depend on the mapping."""

    total: Any
    stall: Any
    loading: Any
    unloading: Any


def compute_latency(model: Model, traffic: Traffic, doubled: Flags, numeric: Numeric) -> LatencyFigures:
    """Return the cycles of a mapping under one buffering."""
    cycles = compute_cycles(model, traffic, doubled, numeric)
    return LatencyFigures(cycles.total, cycles.stall, cycles.loading.loading, cycles.loading.unloading)


def _activities(model: Model, traffic: Traffic, doubled: Flags, numeric: Numeric) -> Activities:
    """Return what every movement asks of its port.

    A tile that is kept twice may be refilled during its whole period; else not during the irrelevant loops on top
    of its level, which use all of it again and again.
    """
    factor = model.setting.cycles_per_op
    transfers = None
    if model.setting.remainders:
        transfers = _transfers(model, traffic, doubled, numeric)
    windows, periods = [], []
    for state, flags in zip(traffic.states, doubled, strict=True):
        period = [p * factor for p in state.period] if factor != 1 else state.period
        if transfers is not None:
            passes = [
                numeric.where(flag, whole, part * factor)
                for flag, whole, part in zip(flags, period[1:], state.first_pass[1:], strict=True)
            ]
            windows.append([period[0], *passes])
            periods.append(period)
            continue
        windows.append(
            [
                period[0],
                *(
                    numeric.where(flag, whole, whole // run)
                    for flag, whole, run in zip(flags, period[1:], state.irrelevant_run[1:], strict=True)
                ),
            ]
        )
        periods.append(period)
    reads_all = model.setting.conventions.first_partial_sum_reads
    # not the counts of the energy: where ZigZag floors a fraction of lanes to one, no partial sums remain
    counts = [
        (moved.back if move.back else moved.counts)[move.link]
        for move in model.moves
        for moved in (traffic.latency_moves[move.operand],)
    ]
    repeats = [
        # the first visit of a tile reads no partial sums, so that none of the reads falls into the loading
        (numeric.maximum(0, count - 1) if reads_all else count) if move.back else count - 1
        for move, count in zip(model.moves, counts, strict=True)
    ]
    move_windows = [windows[move.operand][move.link] for move in model.moves]
    if model.setting.keeps_overlap:
        transfers = [
            kept_transfers(model.setting, move, traffic.states[move.operand], cycles, window, numeric)
            if keeps(model.setting.operands[move.operand], move.link)
            else [Transfer(cycles, window, times)]
            for move, cycles, window, times in zip(
                model.moves, traffic.cycles, move_windows, repeats, strict=True
            )
        ]
    return Activities(
        traffic.cycles,
        move_windows,
        [periods[move.operand][move.link] for move in model.moves],
        counts,
        repeats,
        transfers,
    )


def _transfers(model: Model, traffic: Traffic, doubled: Flags, numeric: Numeric) -> list[list[Transfer]]:
    """Return the transfers of every movement by the kinds of tiles, where temporal loops do not divide."""
    return [
        move_transfers(
            model.setting,
            move,
            traffic.states[move.operand],
            traffic.latency_moves[move.operand],
            doubled[move.operand][move.link - 1] if move.link else False,
            numeric,
        )
        for move in model.moves
    ]


def _fills(model: Model, traffic: Traffic, numeric: Numeric) -> dict[tuple[int, int], Fill]:
    """Collect the numbers of every fill; the least is the first piece, for all instances below the link."""
    setting = model.setting
    until_needed = setting.conventions.once_only_loads == "hidden_until_needed"
    result = {}
    for chain in (*model.plan.inputs, model.plan.output):
        for fill in chain:
            operand, state = setting.operands[fill.operand], traffic.states[fill.operand]
            once: Any = False
            if fill.link and setting.conventions.once_only_loads != "exposed":
                once = state.counts[fill.link] == 1
            least: list[Any] = [0, 0]
            if once is not False:
                moved = traffic.latency_moves[fill.operand]
                for side, move in enumerate(fill.moves):
                    elements = first_piece(setting, operand, state, fill.link, fill.link + side, numeric)
                    upper = model.moves[move].is_upper
                    bits = elements * side_bits(operand, moved, fill.link, numeric, upper=upper)
                    least[side] = model.moves[move].cycles(bits)
            # only the last of the relevant loops brings the last of the data
            result[fill.operand, fill.link] = Fill(
                0 if fill.lower_move is None else traffic.cycles[fill.lower_move],
                traffic.cycles[fill.upper_move],
                least[0],
                least[1],
                once,
                # at least 1, also where the operands of an invalid mapping run differently long
                numeric.maximum(1, traffic.run // (state.tail if until_needed else 1)),
            )
    return result


def first_piece(
    setting: Setting, operand: OperandSetting, state: OperandState, link: int, spatial: int, numeric: Numeric
) -> Any:
    """Return the elements of a once-only fill that must be there before the first operation.

    They are what the links below move at a time: a tile of the next level that is refilled, or, where none is, what
    the array uses at once.

    Parameters
    ----------
    setting, operand, state, numeric
        As for `tile_elements`.
    link : int
        The link of the fill.
    spatial : int
        The lanes of links below this one count.
    """
    conventions = setting.conventions
    elements = tile_elements(operand, operand.latency, state, 0, spatial, conventions, numeric)
    for below in range(1, link):
        tile = tile_elements(operand, operand.latency, state, below, spatial, conventions, numeric)
        elements = numeric.where(state.counts[below] > 1, tile, elements)
    return elements


def _zigzag_fills(model: Model, traffic: Traffic, numeric: Numeric) -> dict[int, PortFill]:
    setting = model.setting
    result = {}
    for index, move in enumerate(model.moves):
        if move.back:
            continue
        moved, state = traffic.latency_moves[move.operand], traffic.states[move.operand]
        operand = setting.operands[move.operand]
        average = held_bits(operand, moved, move.link, numeric) / state.period[move.link]
        if move.is_upper:
            average = average * operand.latency.boost[move.link]
        if setting.conventions.truncated_bandwidth:
            average = -(-numeric.truncate(average) // setting.cycles_per_op)
        else:
            average = average / setting.cycles_per_op
        result[index] = PortFill(
            traffic.cycles[index],
            move.cycles(held_bits(operand, moved, 1, numeric)),
            traffic.counts[index] == 1,
            traffic.counts[index] > 1,
            average,
        )
    return result


def copies(model: Model, traffic: Traffic, numeric: Numeric) -> tuple[list[list[Any]], Flags]:
    """Return the bits of one copy of every tile, and which tiles their memory keeps twice in any case."""
    bits = stored_bits(model.setting, traffic.states, traffic.energy_moves, numeric)
    if not model.forced:
        return bits, tuple((False,) * operand.depth for operand in model.setting.operands)
    return bits, forced_flags(model.setting, refilled(model.setting, traffic.states, numeric))


def zigzag_buffering(model: Model, traffic: Traffic, numeric: Numeric) -> tuple[Flags, dict[str, Any]]:
    """Return ZigZag's greedy buffering of a mapping, with the effective use of every memory after it."""
    effective = effective_bits(model.setting, traffic.states, traffic.energy_moves, numeric)
    return greedy_buffering(model.setting, effective, numeric)
