"""Additive figures of a mapping: what the relaxations by dynamic programming add up, boundary by boundary.

Every term is a sum over boundaries of a function of (data state, reuse value), plus a constant. The energy is one. The
latency is no sum, but it is at least any of

    run + stall + loading + unloading,    stall >= late(port),    stall >= busy(port) - run,
    loading >= exposed(input),    unloading >= exposed(output),
    stall + loading + unloading >= busy and filling(port) - run,

each of which is one; so are the bits that a memory holds, which are at most its size. The cycles in which a systolic
array is refilled tile by tile are a part of their own, and a function of one boundary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zzcp.cost.formulas.core import Model
from zzcp.cost.formulas.loading import FillSetting
from zzcp.cost.setting.setting import IRRELEVANT
from zzcp.solver.clock import look
from zzcp.solver.lattice.keys import Array, Place
from zzcp.solver.lattice.pieces import average_bits, least_cycles
from zzcp.solver.lattice.tables import BoundaryTable, CostTables

PARTS = STALL, LOADING, UNLOADING, REFILL = range(4)
"""The parts of the latency that depend on the mapping."""


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A sum over the boundaries of a mapping.

    Parameters
    ----------
    parts : mapping of Place to ndarray, shape (data states, reuse values)
        What every boundary adds.
    constant : float
        What is added to the sum.
    bounds : tuple of int
        Parts of the latency that are together at least this term; empty for energy and capacities.
    late : tuple of int
        Movements whose late transfers the term counts.
    crowded : tuple of int
        Movements over one link, of which the term counts what does not fit its windows together.
    pieces : tuple of Place
        Fills whose first pieces the term counts.
    """

    parts: Mapping[Place, Array]
    constant: float
    bounds: tuple[int, ...] = ()
    late: tuple[int, ...] = ()
    crowded: tuple[int, ...] = ()
    pieces: tuple[Place, ...] = ()


def energy_term(tables: CostTables) -> Term:
    """Return the energy, in the unit of the tables."""
    return Term(
        {(table.operand, table.link): table.energy.astype(float) for row in tables for table in row},
        float(tables.operations),
    )


def latency_terms(model: Model, tables: Sequence[Sequence[BoundaryTable]]) -> list[Term]:
    """Return sums that parts of the latency are at least."""
    run = run_cycles(model)
    terms = []
    for moves in model.port_moves:
        look()
        late: dict[Place, Array] = {}
        busy: dict[Place, Array] = {}
        for number in moves:
            move = model.moves[number]
            place = move.operand, move.link
            look()
            table = tables[move.operand][move.link]
            part = next(part for part in table.moves if part.move == number)
            _add(late, place, part.late)
            _add(busy, place, part.busy)
        terms.append(Term(late, 0.0, (STALL,), tuple(moves)))
        if len(moves) > 1 and len(busy) == 1:
            crowd = {place: np.maximum(0, cycles - run) for place, cycles in busy.items()}
            terms.append(Term(crowd, 0.0, (STALL,), crowded=tuple(moves)))
        elif len(moves) > 1:
            terms.append(Term(busy, -float(run), (STALL,)))
    for pairs in model.couplings:
        look()
        held: dict[Place, Array] = {}
        for first, second in pairs:
            move = model.moves[first]
            table = tables[move.operand][move.link]
            one, other = (
                next(part for part in table.moves if part.move == number) for number in (first, second)
            )
            _add(held, (move.operand, move.link), one.held_with(other))
        terms.append(Term(held, -float(run), (STALL,)))
    terms += _refill_terms(model, tables)
    exposed = _exposed_terms_zigzag if model.setting.conventions.combined_loading else _exposed_terms
    terms += exposed(model, tables)
    filling = _filling_terms_zigzag if model.setting.conventions.combined_loading else _filling_terms
    terms += filling(model, tables, run)
    return [
        term
        for term in terms
        if term.late
        or term.crowded
        or REFILL in term.bounds
        or any(part.any() for part in term.parts.values())
    ]


def _refill_terms(model: Model, tables: Sequence[Sequence[BoundaryTable]]) -> list[Term]:
    """Return the cycles in which the array is refilled: of tiles that can be kept twice, as if they were."""
    return [
        Term({(table.operand, table.link): least_refill(model, table).astype(float)}, 0.0, (REFILL,))
        for row in tables
        for table in row
        if table.refill is not None
    ]


def least_refill(model: Model, table: BoundaryTable) -> Array:
    """Return the cycles in which the array is refilled when a tile changes, at the least.

    Returns
    -------
    ndarray of int, shape (data states, reuse values)
        Beyond the setting's drain.
    """
    assert table.refill is not None
    twice, once = table.refill
    operand = model.setting.operands[table.operand]
    memory = operand.memories[table.link - 1]
    if memory.doubles(operand.memory_operand):
        return twice
    if operand.memory_operand in memory.kept_once:
        return once
    least, _ = tile_bits(model, table)
    return np.where(2 * least > memory.size, once, twice)


def _exposed_terms(model: Model, tables: Sequence[Sequence[BoundaryTable]]) -> list[Term]:
    """Return the first pieces, one after the other: those of every operand, and those of the inputs at one port."""
    terms = []
    by_port: dict[int, list[FillSetting]] = {}
    for chain, part_of in (
        *((chain, LOADING) for chain in model.plan.inputs),
        (model.plan.output, UNLOADING),
    ):
        exposed = {
            (fill.operand, fill.link): with_latency(
                fill, least_piece(model, tables[fill.operand], fill.link)
            ).astype(float)
            for fill in chain
        }
        if exposed:
            terms.append(Term(exposed, 0.0, (part_of,), pieces=tuple(exposed)))
        for fill in chain if part_of == LOADING else ():
            for port in fill.ports:
                by_port.setdefault(port, []).append(fill)
    for fills in by_port.values():
        if len({fill.operand for fill in fills}) > 1:
            pieces = {
                (fill.operand, fill.link): least_piece(model, tables[fill.operand], fill.link).astype(float)
                for fill in fills
            }
            terms.append(Term(pieces, 0.0, (LOADING,), pieces=tuple(pieces)))
    return terms


def least_piece(model: Model, row: Sequence[BoundaryTable], link: int) -> Array:
    """Return the cycles of the first piece of a fill as far as its own boundary tells them.

    Parameters
    ----------
    model : Model
        The compiled setting.
    row : sequence of BoundaryTable
        The tables of the operand.
    link : int
        The link that is filled.

    Returns
    -------
    ndarray of int, shape (data states, reuse values)
        All of a fill that recurs, of others what the array uses at once.
    """
    table = row[link]
    array = least_cycles(model, table.operand, link, 0, row[0])
    return np.asarray(np.minimum(table.fill, np.maximum(table.fill - table.room, array.min())))


def with_latency(fill: FillSetting, cycles: Array) -> Array:
    """Return the cycles of a fill with the access to the memory that it reads, where it moves anything."""
    return np.asarray(cycles + np.where(cycles > 0, fill.latency, 0))


def _exposed_terms_zigzag(model: Model, tables: Sequence[Sequence[BoundaryTable]]) -> list[Term]:
    """Return the fills that recur, one after the other."""
    terms = []
    for chain, part_of in (
        *((chain, LOADING) for chain in model.plan.inputs),
        (model.plan.output, UNLOADING),
    ):
        exposed: dict[Place, Array] = {}
        for fill in _counted(model, chain):
            table = tables[fill.operand][fill.link]
            exposed[fill.operand, fill.link] = (table.fill - table.room).astype(float)
        if exposed:
            terms.append(Term(exposed, 0.0, (part_of,)))
    return terms


def _counted(model: Model, chain: Sequence[FillSetting]) -> list[FillSetting]:
    """Return the fills of an operand that add up.

    ZigZag counts one of those with one port that both inputs use, and none with any where there is one input.
    """
    if not chain or chain[0] in model.plan.output:
        return list(chain)
    ports = model.setting.ports
    sides = {fill: sum(ports[port].both_inputs for port in fill.ports) for fill in chain}
    if len(model.plan.inputs) == 1:
        return [fill for fill in chain if sides[fill] == 0]
    half = [fill for fill in chain if sides[fill] == 1]
    return [fill for fill in chain if fill not in half[1:]]


def _filling_terms_zigzag(model: Model, tables: Sequence[Sequence[BoundaryTable]], run: int) -> list[Term]:
    """Return what once-only fills take beyond the spare bandwidth of a port.

    With the share a of a port's width that recurring transfers take on average, at most (1 - a) (run + stall) cycles
    hide. Where every share is lowered to that of the transfers during the run, which the stall knows of, too, it
    follows that stall + exposed >= fills + (a - 1) run.
    """
    terms = []
    drains = {move: (fill.operand, fill.link) for fill in model.plan.output for move in fill.moves}
    for port, moves in enumerate(model.port_moves):
        look()
        share: dict[Place, Array] = {}
        drained: dict[Place, Array] = {}
        for number in moves:
            move = model.moves[number]
            table = tables[move.operand][move.link]
            part = next(part for part in table.moves if part.move == number)
            if not move.back:
                average = average_bits(model, number, table) / model.setting.ports[port].port.bandwidth_max
                taken = average * (part.count - 1) / np.maximum(part.count, 1) * run
                _add(share, (move.operand, move.link), np.minimum(taken, part.cycles * part.repeats))
            if number in drains:
                _add(drained, drains[number], np.where(part.count == 1, part.cycles, 0))
        for chain in model.plan.inputs:
            filled: dict[Place, Array] = dict(share)
            some = False
            for fill in _counted(model, chain):
                for number in {*fill.moves}.intersection(moves):
                    table = tables[fill.operand][fill.link]
                    part = next(part for part in table.moves if part.move == number)
                    _add(filled, (fill.operand, fill.link), np.where(part.count == 1, part.cycles, 0))
                    some = True
            if some:
                terms.append(Term(filled, -float(run), (STALL, LOADING)))
                if drained:
                    both = dict(filled)
                    for place, values in drained.items():
                        _add(both, place, values)
                    terms.append(Term(both, -float(run), (STALL, LOADING, UNLOADING)))
        if drained:
            only = dict(share)
            for place, values in drained.items():
                _add(only, place, values)
            terms.append(Term(only, -float(run), (STALL, UNLOADING)))
    return terms


def _filling_terms(model: Model, tables: Sequence[Sequence[BoundaryTable]], run: int) -> list[Term]:
    """Return what every port moves in all: what hides fits the cycles that recurring transfers leave idle."""
    filling: dict[int, dict[Place, Array]] = {}
    hiding = set()
    for fill in (fill for chain in (*model.plan.inputs, model.plan.output) for fill in chain):
        table = tables[fill.operand][fill.link]
        for port in fill.ports:
            _add(filling.setdefault(port, {}), (fill.operand, fill.link), table.fill)
            if table.room.any():
                hiding.add(port)
    terms = []
    for port, parts in filling.items():
        look()
        if port not in hiding:
            # the first pieces are all there is, and the terms of loading, unloading and stall add up to this one
            continue
        for number in model.plan.port_moves[port]:
            move = model.moves[number]
            table = tables[move.operand][move.link]
            part = next(part for part in table.moves if part.move == number)
            recurring = np.where(part.count > 1, part.busy if part.beyond is None else part.beyond, 0)
            _add(parts, (move.operand, move.link), recurring)
        terms.append(Term(parts, -float(run), (STALL, LOADING, UNLOADING)))
    return terms


def tile_bits(model: Model, table: BoundaryTable) -> tuple[Array, Array]:
    """Return the bits of a tile in its memory, forced copies included: at the least, and as partial sums.

    A tile of the output is complete only if no reduction loops are left above the boundary beneath it; none are left
    above its own then either. Beneath the innermost one is the array's, below which there are none.

    Returns
    -------
    least, partial : ndarray, shape (data states, reuse values)
        The same but for the output.
    """
    operand = model.setting.operands[table.operand]
    level = table.link - 1
    copies: Any = 1
    if operand.memories[level].doubles(operand.memory_operand):
        copies = 1 + (table.stored < table.stored.max(initial=0))
    partial = np.broadcast_to((table.bits_partial * copies)[:, None], table.period.shape)
    if not operand.is_output or operand.energy.reduction_above[level] > 1:
        return partial, partial
    final = np.broadcast_to((table.bits * copies)[:, None], table.period.shape)
    ends = complete(model, table)
    if level == 0:
        ends = ends & (table.reuse_values == 1)
    may_end = ends[None, :] & ~table.overlaps[:, None]
    return np.where(may_end, np.minimum(final, partial), partial), partial


def complete(model: Model, table: BoundaryTable) -> Array:
    """Return for every reuse value whether it is the product of all irrelevant loops."""
    total = 1
    for dim, size in model.setting.temporal_sizes.items():
        if model.setting.operands[table.operand].kind[dim] == IRRELEVANT:
            total *= size
    return np.asarray(table.reuse_values == total)


def capacity_terms(model: Model, tables: Sequence[Sequence[BoundaryTable]]) -> list[Term]:
    """Return what the memories hold beyond their size, as a part of it: at most 0."""
    terms = []
    for tenancy in model.setting.tenancies:
        parts: dict[Place, Array] = {}
        for index, level in tenancy.tenants:
            if level + 1 < model.setting.operands[index].depth:
                least, _ = tile_bits(model, tables[index][level + 1])
                _add(parts, (index, level + 1), least / tenancy.memory.size)
        if len(parts) > 1:
            terms.append(Term(parts, -1.0))
    return terms


def run_cycles(model: Model) -> int:
    """Return the cycles of the computation without stalls."""
    return model.setting.run_cycles


def _add(parts: dict[Place, Array], place: Place, values: Array) -> None:
    values = np.asarray(values, dtype=float)
    parts[place] = parts[place] + values if place in parts else values
