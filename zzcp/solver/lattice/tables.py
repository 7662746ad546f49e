"""Cost tables of every boundary, filled by the evaluator's own functions.

For boundary a of an operand let d be a state of the keys that change its data and u the product of the irrelevant
loops below. Everything that the objective needs is a function of (d, u): the energy of the link, the cycles that it
keeps its ports busy, the part of them that does not fit its window, and the first fill. States with equal costs are
merged into classes, so that the tables stay small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zzcp.cost.formulas.capacity import held_bits
from zzcp.cost.formulas.core import Model
from zzcp.cost.formulas.links import Transfers, tile_elements, transfers, visits
from zzcp.cost.formulas.moves import access_energy
from zzcp.cost.formulas.numeric import NUMPY
from zzcp.cost.formulas.overlap import keeps
from zzcp.cost.formulas.refill import refill_excess
from zzcp.cost.formulas.remainders import busy as busy_cycles
from zzcp.cost.formulas.remainders import late as late_cycles
from zzcp.cost.formulas.remainders import move_transfers
from zzcp.cost.formulas.words import move_bits, move_words
from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, OperandSetting, Setting
from zzcp.cost.setting.state import OperandState
from zzcp.solver.clock import look
from zzcp.solver.lattice.energies import Accesses, EnergyUnit
from zzcp.solver.lattice.keys import Key, StateSpace, enumerate_states, split_keys
from zzcp.solver.lattice.slides import least_refills, least_words

Array = npt.NDArray[Any]

_EXACT_BELOW = 2**53
"""Integers that a float holds."""
MOST_FIGURE = 2**56
"""Figures of the tables are below this, so that sums of them fit 64 bits, too."""


@dataclass(frozen=True, slots=True, eq=False)
class MoveTable:
    """One movement over a link, as functions of (data state, reuse value).

    Parameters
    ----------
    move : int
        Position in `Model.moves`.
    cycles : ndarray, shape (data states, reuse values)
        Port cycles per period, of a whole tile.
    count : ndarray
        Periods over the layer.
    repeats : ndarray
        Transfers between the first fill and the last drain, of whole tiles where loops do not divide.
    busy, late : ndarray
        Cycles of all these transfers, and those beyond their periods; of tiles of every size.
    fresh : (ndarray, ndarray), optional
        Cycles and number of the transfers that bring only what is new into a memory that keeps the overlap of windows;
        all figures are the least then (see `zzcp.solver.lattice.slides`).
    beyond : ndarray, optional
        Cycles of all its transfers beyond the fill of the table, where that is known to be more than `busy`, which is
        for groups of tile sizes.
    """

    move: int
    cycles: Array
    count: Array
    repeats: Array
    busy: Array
    late: Array
    fresh: tuple[Array, Array] | None = None
    beyond: Array | None = None

    @property
    def kinds(self) -> list[tuple[Array, Array]]:
        """Cycles and number of its transfers by kinds: of whole tiles, and of what is new."""
        return [(self.cycles, self.repeats)] + ([] if self.fresh is None else [self.fresh])

    def held_with(self, other: MoveTable) -> Array:
        """Return the cycles in which its transfers and those of another movement over its link take place at once.

        The other one has no more of them.
        """
        held: Array = np.zeros_like(other.repeats)
        for (cycles, _), (others, repeats) in zip(self.kinds, other.kinds, strict=True):
            held = held + np.minimum(cycles, others) * repeats
        return held


@dataclass(frozen=True, slots=True, eq=False)
class BoundaryTable:
    """The costs of one boundary of one operand.

    Parameters
    ----------
    operand, link : int
        Which boundary: that below link `link`; 0 is the array's.
    data, reuse : StateSpace
        States of the keys that change the data, and of the irrelevant ones.
    reuse_values : ndarray
        Distinct products of irrelevant loops; where loops do not divide, those of distinct loops.
    reuse_index : ndarray
        Which of them every reuse state has.
    energy : ndarray of int, shape (data states, reuse values)
        Energy of the link in units of 1 / `CostTables.scale`, rounded down.
    moves : tuple of MoveTable
        Its movements.
    period : ndarray
        Cycles of a period.
    stored : ndarray, shape (data states,)
        Elements of one copy of the tile as its memory holds it; fractions where lanes count as fractions.
    bits, bits_partial : ndarray, shape (data states,)
        Bits of that copy at final and at partial precision, rounded down.
    overlaps : ndarray of bool, shape (data states,)
        Whether tiles of an output share elements, so that each is incomplete whatever the other loops do.
    effective : ndarray, shape (data states, reuse values)
        Bits of the tile, as they count for the energy: what ZigZag's buffering looks at if no loop of the operand's
        data is on top of the level.
    timed_bits : ndarray, shape (data states, reuse values)
        Bits of the tile as they count for ZigZag's average bandwidths.
    fill : ndarray, shape (data states, reuse values)
        Cycles of the first fill (last drain) on the slower side.
    room : ndarray
        How many of them may hide behind the computation at most.
    refill : tuple of ndarray, or None
        Where the array is refilled when this tile changes: the cycles beyond the setting's drain where the tile is kept
        twice, and where it is not.
    """

    operand: int
    link: int
    data: StateSpace
    reuse: StateSpace
    reuse_values: Array
    reuse_index: Array
    energy: Array
    moves: tuple[MoveTable, ...]
    period: Array
    stored: Array
    bits: Array
    bits_partial: Array
    overlaps: Array
    effective: Array
    timed_bits: Array
    fill: Array
    room: Array
    refill: tuple[Array, Array] | None


@dataclass(frozen=True, slots=True, eq=False)
class CostTables(Sequence[Sequence[BoundaryTable]]):
    """The tables of every operand's boundaries, links 0 .. L-1, and the unit of their energies.

    Parameters
    ----------
    rows : tuple of tuple of BoundaryTable
        Per operand and link; a sequence of these is what the tables are.
    scale : Fraction
        Energies are in units of 1 / `scale` of the unit of the input file.
    operations : int
        Energy of all operations in these units, rounded down.
    leakage : Fraction
        Energy of a cycle in these units.
    """

    rows: tuple[tuple[BoundaryTable, ...], ...]
    scale: Fraction
    operations: int
    leakage: Fraction

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]


def boundary_tables(model: Model, keys: tuple[Key, ...]) -> CostTables:
    """Return the tables of every operand's boundaries; `has_headroom` says whether their figures fit."""
    return tables_of(model, drafts_of(model, keys))


def drafts_of(model: Model, keys: tuple[Key, ...]) -> list[list[Draft]]:
    """Return the tables of every operand's boundaries without their energies."""
    return [
        [_boundary(model, keys, index, link) for link in range(operand.depth)]
        for index, operand in enumerate(model.setting.operands)
    ]


def tables_of(model: Model, drafts: Sequence[Sequence[Draft]]) -> CostTables:
    """Return tables with their energies, in one unit."""
    unit = EnergyUnit.of(model, [part for row in drafts for draft in row for part in draft.accesses])
    look()
    rows = tuple(tuple(draft.with_energies(unit) for draft in row) for row in drafts)
    return CostTables(rows, unit.scale, unit.operations, model.setting.leakage * unit.scale)


def has_headroom(model: Model) -> bool:
    """Return whether all figures of the tables but the energies, whose unit is chosen, fit 64-bit integers.

    The largest are bits of a tile times its transfers. Every element takes part in some operation, so that these are at
    most the bits of an element times the operations, idle lanes included; ZigZag's count of windows may be a multiple.
    """
    setting = model.setting
    lanes = max(
        math.prod(factor for unrolled in variant.spatial for _, factor in unrolled)
        for operand in setting.operands
        for variant in (operand.energy, operand.latency)
    )
    bits = max(max(bits.most, 1) for operand in setting.operands for bits in operand.stored)
    slivers = max(math.prod(1 + r.dilation for r in operand.relations) for operand in setting.operands)
    run = math.prod(setting.temporal_sizes.values()) * setting.cycles_per_op
    refill = setting.refill
    fills = 1 if refill is None else 2 * (refill.shift + refill.fill + 1)
    return run * math.ceil(lanes) * bits * slivers * fills < MOST_FIGURE


def largest_table(model: Model, keys: tuple[Key, ...]) -> int:
    """Return how many entries the largest cost table of a layer has, before states that do not fit are dropped."""
    largest = 0
    for operand in model.setting.operands:
        data, reuse = split_keys(operand, keys)
        states = math.prod(keys[index].multiplicity + 1 for index in data)
        by_prime: dict[int, int] = {}
        for index in reuse:
            by_prime[keys[index].prime] = by_prime.get(keys[index].prime, 0) + keys[index].multiplicity
        values = math.prod(total + 1 for total in by_prime.values())
        largest = max(largest, states * values if operand.depth > 1 else 1)
    return largest


class Draft(NamedTuple):
    """A table that lacks its energies, and what they are made of.

    Attributes
    ----------
    table : callable
        Takes the energies.
    accesses : list of Accesses
        What costs energy, movement by movement.
    state : OperandState
        The boundary in all states, data by data, the reuse values of each one after the other.
    moved, timed : Transfers
        What moves over the links of the operand, as the energy and as the latency counts it.
    """

    table: Callable[..., BoundaryTable]
    accesses: list[Accesses]
    state: OperandState
    moved: Transfers
    timed: Transfers

    def with_energies(self, unit: EnergyUnit) -> BoundaryTable:
        """Return the whole table."""
        return self.table(energy=unit.sum(self.accesses))


def _boundary(model: Model, keys: tuple[Key, ...], index: int, link: int) -> Draft:
    """Return the costs of one boundary for every state that its memory can hold."""
    look()
    setting = model.setting
    operand = setting.operands[index]
    data_keys, reuse_keys = split_keys(operand, keys)
    data = enumerate_states(keys, data_keys)
    reuse = enumerate_states(keys, reuse_keys)
    if link == 0:
        # at the array nothing but irrelevant loops lie below: the operand does not change
        data = data.only(np.flatnonzero(data.product == 1))
        if operand.is_output or not setting.conventions.same_data_free:
            reuse = reuse.only(np.flatnonzero(reuse.product == 1))
    data = _fitting(model, index, link, data)
    values, inverse, factors = _reuse_values(model, reuse)
    shape = (len(data), len(values))
    if setting.remainders:
        # rows of data and columns of irrelevant loops: what only one of them tells is worked out once
        rows = {dim: row[:, None] for dim, row in data.by_dim.items()}
        columns = {dim: row[None, :] for dim, row in factors.items()}
        state = _grid_with_remainders(model, index, link, {**rows, **columns}, (1, 1))
    else:
        grid_data = np.repeat(np.arange(len(data)), len(values))
        state = grid_state(model, index, link, data.only(grid_data), np.tile(values, len(data)))
    look()
    moved, timed = _transfers(model, index, state)
    accesses, move_tables = [], []
    for number, move in enumerate(model.moves):
        if move.operand != index or move.link != link:
            continue
        look()
        words, count = move_words(move, operand, state, moved, setting.conventions, NUMPY)
        if keeps(operand, link):
            words, count = least_words(model, move, state, moved, words, math.prod(shape)), 1
        accesses.append(accesses_of(model, number, words, count, shape))
        move_tables.append(_move_table(model, number, state, timed, shape))
    period = shaped(state.period[link] * setting.cycles_per_op, shape)
    effective = _whole(shaped(held_bits(operand, moved, link, NUMPY), shape))
    stored = _stored(model, index, link, data)
    fill, room = _fill(model, link, move_tables, shape)
    table = partial(
        BoundaryTable,
        operand=index,
        link=link,
        data=data,
        reuse=reuse,
        reuse_values=values,
        reuse_index=inverse.reshape(-1),
        moves=tuple(move_tables),
        period=period,
        stored=stored,
        bits=_whole(stored * operand.held(link).final),
        bits_partial=_whole(stored * operand.held(link).partial),
        overlaps=overlapping(model, index, link, data),
        effective=effective,
        timed_bits=shaped(held_bits(operand, timed, link, NUMPY), shape),
        fill=fill,
        room=room,
        refill=_refill(setting, index, link, state, timed, shape),
    )
    return Draft(table, accesses, state, moved, timed)


def _transfers(model: Model, index: int, state: OperandState) -> tuple[Transfers, Transfers]:
    """Return what moves over the links of an operand, as the energy and as the latency counts it."""
    operand, conventions = model.setting.operands[index], model.setting.conventions
    moved = transfers(operand, operand.energy, state, conventions, NUMPY, _rounded(model, index, state))
    if operand.latency is operand.energy:
        return moved, moved
    return moved, transfers(operand, operand.latency, state, conventions, NUMPY)


def _move_table(
    model: Model, number: int, state: OperandState, timed: Transfers, shape: tuple[int, int]
) -> MoveTable:
    """Return the table of one movement, given the states of its boundary and its operand's transfers in the latency."""
    setting, move = model.setting, model.moves[number]
    link = move.link
    timed_bits, timed_count = move_bits(move, setting.operands[move.operand], timed, NUMPY)
    count = shaped(timed_count, shape)
    reads_all = setting.conventions.first_partial_sum_reads
    repeats = count if move.back and not reads_all else np.maximum(0, count - 1)
    cycles = shaped(move.cycles(timed_bits), shape)
    period = shaped(state.period[link] * setting.cycles_per_op, shape)
    fresh: tuple[Array, Array] | None = None
    if setting.remainders:
        kinds = move_transfers(setting, move, state, timed, True, NUMPY)
        repeats = shaped(kinds[0].repeats, shape)
        moving, late = busy_cycles(kinds), late_cycles(kinds, NUMPY)
    else:
        moving, late = cycles * repeats, np.maximum(0, cycles - period) * repeats
    if keeps(setting.operands[move.operand], link):
        whole, new, times = (
            part.reshape(shape) for part in least_refills(model, move, state, count.reshape(-1))
        )
        repeats = np.maximum(0, whole - 1)
        moving = cycles * repeats + new * times
        late = np.maximum(0, cycles - period) * repeats + np.maximum(0, new - period) * times
        fresh = new, times
    return MoveTable(number, cycles, count, repeats, shaped(moving, shape), shaped(late, shape), fresh)


def _refill(
    setting: Setting, index: int, link: int, state: OperandState, timed: Transfers, shape: tuple[int, int]
) -> tuple[Array, Array] | None:
    """Return the cycles in which a systolic array is refilled when a tile changes, kept twice and kept once."""
    if setting.refill is None or (index, link) != (setting.refill.operand, 1):
        return None
    period = state.period[link] * setting.cycles_per_op
    twice, once = refill_excess(setting.refill, timed.tile[link], timed.counts[link], period, NUMPY)
    return shaped(twice, shape), shaped(once, shape)


def _reuse_values(model: Model, reuse: StateSpace) -> tuple[Array, Array, dict[str, Array]]:
    """Return the products of irrelevant loops that cost differently, which every state has, and their loops.

    Where loops do not divide, the loops of every dimension count, else their product alone.
    """
    setting = model.setting
    if not setting.remainders:
        values, inverse = np.unique(reuse.product, return_inverse=True)
        return values, inverse, {}
    dims = [*reuse.by_dim]
    rows = np.stack([reuse.by_dim[dim] for dim in dims] or [reuse.product], axis=1)
    found, inverse = np.unique(rows, axis=0, return_inverse=True)
    return found.prod(axis=1), inverse, {dim: found[:, place] for place, dim in enumerate(dims)}


def _rounded(model: Model, index: int, state: OperandState) -> Sequence[Any] | None:
    """Tiles of fractional unrollings are rounded, halves to even, as `zzcp.cost.formulas.links.fractional_tiles` does.

    Where the product depends on the order of its factors a half counts as rounded down, since a bound may only be low.
    """
    operand = model.setting.operands[index]
    if operand.energy.integral:
        return None
    exact = _is_exact(operand)
    rounded = []
    for a in range(operand.depth + 1):
        tile = tile_elements(operand, operand.energy, state, a, a, model.setting.conventions, NUMPY)
        elements = np.asarray(tile, dtype=float)
        rounded.append((np.rint(elements) if exact else np.ceil(elements - 0.5 - 1e-6)).astype(np.int64))
    return rounded


def _is_exact(operand: OperandSetting) -> bool:
    """Return whether no product of the factors of a fractional unrolling is rounded, in whatever order."""
    factors = [Fraction(factor) for unrolled in operand.energy.spatial for _, factor in unrolled]
    finest = math.prod(factor.denominator for factor in factors)
    # the quotients of windows are rounded
    return not operand.relations and operand.elements * finest < _EXACT_BELOW


def grid_state(
    model: Model,
    index: int,
    link: int,
    data: StateSpace,
    reuse: Array,
    loops: Mapping[str, Array] | None = None,
) -> OperandState:
    """Return the state of a batch of imaginary mappings whose boundary `link` runs through a grid of states.

    Parameters
    ----------
    model, index, link
        Setting, operand and boundary.
    data : StateSpace
        The loops of its data.
    reuse : ndarray
        Products of the irrelevant loops.
    loops : mapping of str to ndarray, optional
        The same by dimension, which matters where loops do not divide; where missing, there are none.
    """
    setting = model.setting
    if setting.remainders:
        return _grid_with_remainders(model, index, link, {**data.by_dim, **(loops or {})}, (len(reuse),))
    operand = setting.operands[index]
    length = len(reuse)
    total = 1
    irrelevant_total = 1
    for dim, size in setting.temporal_sizes.items():
        total *= size
        if dim in operand.kind and operand.kind[dim] == 0:
            irrelevant_total *= size
    one = np.ones(length, dtype=np.int64)
    relevant = one.copy()
    for dim, values in data.by_dim.items():
        if operand.kind[dim] == RELEVANT:
            relevant = relevant * values
    windows = [
        (data.by_dim.get(relation.outer, one), data.by_dim.get(relation.inner, one))
        for relation in operand.relations
    ]
    period = data.product * reuse
    levels = range(operand.depth + 1)
    return OperandState(
        [period if a == link else one for a in levels],
        [total // period if a == link else one for a in levels],
        [relevant if a == link else one for a in levels],
        [windows if a == link else [(one, one)] * len(windows) for a in levels],
        [irrelevant_total // reuse if a == link else one for a in levels],
        [one for _ in levels],
        [one for _ in levels],
        one,
    )


def _grid_with_remainders(
    model: Model, index: int, link: int, loops: Mapping[str, Array], shape: tuple[int, ...]
) -> OperandState:
    """Return the state of a grid where loops do not divide; of kept tiles, whose windows are their periods."""
    setting = model.setting
    operand, iterations = setting.operands[index], setting.iterations
    one = np.ones(shape, dtype=np.int64)
    tile = {dim: np.minimum(loops.get(dim, one), size) for dim, size in iterations.items()}
    levels = range(operand.depth + 1)
    dims = [dim for dim, _ in operand.remainders]

    def product(dims: Iterable[str], *, above: bool) -> Array:
        result = one
        for dim in dims:
            result = result * (-(-iterations[dim] // tile[dim]) if above else tile[dim])
        return result

    def at_link(values: Any, elsewhere: Any = one) -> list[Any]:
        return [values if a == link else elsewhere for a in levels]

    kinds = {
        kind: [dim for dim in iterations if operand.kind[dim] == kind] for kind in (IRRELEVANT, RELEVANT)
    }
    windows = [(tile[r.outer], tile.get(r.inner, one)) for r in operand.relations]
    tiles = [tile[dim] for dim in dims]
    period = at_link(product(iterations, above=False))
    return OperandState(
        period=period,
        counts=at_link(product(iterations, above=True)),
        relevant=at_link(product(kinds[RELEVANT], above=False)),
        windows=at_link(windows, [(one, one)] * len(windows)),
        irrelevant_above=at_link(product(kinds[IRRELEVANT], above=True)),
        irrelevant_run=at_link(one),
        relevant_run=at_link(one),
        tail=one,
        tiles=at_link(tiles, [one] * len(dims)),
        first_pass=period,
        passed=at_link(tiles, [one] * len(dims)),
    )


def _fitting(model: Model, index: int, link: int, data: StateSpace) -> StateSpace:
    """Drop the states whose tile alone exceeds the memory beneath the link."""
    if link == 0:
        return data
    operand = model.setting.operands[index]
    memory = operand.memories[link - 1]
    least = operand.held(link).least
    return data.only(np.flatnonzero(_whole(_stored(model, index, link, data) * least) <= memory.size))


def _stored(model: Model, index: int, link: int, data: StateSpace) -> Array:
    operand = model.setting.operands[index]
    state = grid_state(model, index, link, data, np.ones(len(data), dtype=np.int64))
    tile = tile_elements(operand, operand.energy, state, link, link, model.setting.conventions, NUMPY)
    return as_array(tile, len(data))


def overlapping(model: Model, index: int, link: int, data: StateSpace) -> Array:
    """Return for some states below a link of an operand whether its tiles share elements that the link adds up."""
    operand = model.setting.operands[index]
    if not operand.revisited:
        return np.zeros(len(data), dtype=bool)
    state = grid_state(model, index, link, data, np.ones(len(data), dtype=np.int64))
    return np.asarray(as_array(visits(operand, state, link, link + 1, NUMPY), len(data)) > operand.elements)


def _whole(bits: Array) -> Array:
    """Round down; fractions that lack less than a millionth of a bit are rounding themselves."""
    return bits if bits.dtype.kind == "i" else np.floor(bits + 1e-6).astype(np.int64)


def accesses_of(model: Model, number: int, words: Any, count: Any, shape: tuple[int, int]) -> Accesses:
    """Return how often a movement costs energy, and how much, given its words in all states of a table's shape."""
    counted, cost = _accesses(model, number, words, count)
    return Accesses(shaped(counted, shape), cost)


def _accesses(model: Model, number: int, words: Any, count: Any) -> tuple[Any, Fraction]:
    """Return how often a movement costs energy, and how much."""
    move = model.moves[number]
    if not model.setting.conventions.fractional_unrolling:
        return words * count, Fraction(move.units * model.word_energies[number], model.scale)
    accesses = NUMPY.truncate(words * (move.width_min / move.width) * count * move.units)
    memory = model.setting.operands[move.operand].memories[move.level]
    return accesses, access_energy(memory, move.direction)


def _fill(model: Model, link: int, moves: Sequence[MoveTable], shape: tuple[int, int]) -> tuple[Array, Array]:
    nothing = np.zeros(shape, dtype=np.int64)
    conventions = model.setting.conventions
    if link == 0 and not conventions.fills_array:
        return nothing, nothing
    sides = [table for table in moves if not model.moves[table.move].back]
    fill = np.maximum.reduce([table.cycles for table in sides])
    hides = link > 0 and conventions.once_only_loads != "exposed"
    room = np.where(sides[0].count == 1, fill, 0) if hides else nothing
    return fill, room


def as_array(value: Any, length: int) -> Array:
    """Return figures of so many states, of which there may be one for all."""
    array = np.asarray(value)
    return np.broadcast_to(array, (length,)).copy() if array.ndim == 0 else array


def shaped(value: Any, shape: tuple[int, int]) -> Array:
    """Return figures as an array of some shape: all of them, row by row, or those of its rows or columns alone."""
    array = np.asarray(value)
    return array.reshape(shape) if array.size == math.prod(shape) else np.broadcast_to(array, shape).copy()
