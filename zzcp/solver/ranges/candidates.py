"""Where every boundary can be, and what it costs there: the steps from which labels are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zzcp.cost.setting.setting import Setting
from zzcp.hardware import Memory
from zzcp.solver.clock import look
from zzcp.solver.lattice.boxes import Counts
from zzcp.solver.lattice.factors import Factors
from zzcp.solver.lattice.keys import Array, Place
from zzcp.solver.ranges.multipliers import Line
from zzcp.solver.ranges.relaxation import Relaxation
from zzcp.solver.ranges.terms import REFILL, run_cycles


@dataclass(slots=True, eq=False)
class Candidates:
    """Where one boundary can be, and what it costs there; arrays run over its vectors.

    Parameters
    ----------
    at : ndarray of int
        Number of the vector.
    relaxed, energy : ndarray
        What the boundary adds to the relaxed cost and to the energy.
    beyond, energy_beyond : ndarray
        What all boundaries that follow add at least.
    terms, used : ndarray, shape (terms or memories, vectors)
        What it adds to the latency's terms, and to the shares of shared memories.
    late : list of (int, ndarray, ndarray, ndarray, ndarray)
        Per term of the stall the cycles, period and repeats of its movements, and the product of the loops, which
        irrelevant ones on top divide, or of all together over the run; none where the tile is certain to be kept twice.
    refill : tuple of (int, ndarray) or None
        The term of the cycles in which the array is refilled, and how many more these are where the tile is kept once.
    least, partial : ndarray
        Share of the memory that the tile takes, at the least and as partial sums.
    effective : ndarray
        The same as ZigZag's buffering counts it above irrelevant loops.
    """

    at: Array
    relaxed: Array
    beyond: Array
    energy: Array
    energy_beyond: Array
    terms: Array
    used: Array
    late: list[tuple[int, Array, Array, Array, Array]]
    refill: tuple[int, Array] | None
    least: Array
    partial: Array
    effective: Array


def candidates_of(
    relaxation: Relaxation, factors: Factors, line: Line, weights: Array
) -> dict[Place, dict[Counts, Candidates]]:
    """Return for every boundary its vectors and costs, with the bounds of what follows per counts.

    Parameters
    ----------
    relaxation : Relaxation
        The relaxation, whose lattice holds the vectors.
    factors : Factors
        What they stand for.
    line, weights
        For which the relaxation's bounds are used.
    """
    lattice, setting = relaxation.lattice, relaxation.model.setting
    costs = relaxation.costs(line, weights)
    beyond = lattice.beyond(costs)
    energies = {place: lattice.costs(place, part) for place, part in relaxation.energy.parts.items()}
    energy_beyond = lattice.beyond(energies)
    result: dict[Place, dict[Counts, Candidates]] = {}
    for operand, link in lattice.alive:
        look()
        place = operand, link
        alive = np.flatnonzero(np.broadcast_to(lattice.alive[place], lattice.shape))
        there = lattice.boxed(place, lattice.alive[place])
        vectors = tuple(factors.vectors[alive].T)
        rows, columns = lattice.states(place, vectors)
        terms = np.zeros((len(relaxation.latency), len(alive)))
        for number, term in enumerate(relaxation.latency):
            if place in term.parts:
                terms[number] = term.parts[place][rows, columns]
        used = np.zeros((len(relaxation.capacity), len(alive)))
        for number, term in enumerate(relaxation.capacity):
            if place in term.parts:
                used[number] = term.parts[place][rows, columns]
        late = late_of(relaxation, factors, place, alive)
        least = partial = effective = np.zeros(len(alive))
        if link:
            size = memory_of(setting, place).size
            effective = lattice.tables[operand][link].effective[rows, columns] / size
            least, partial = (bits[rows, columns] / size for bits in relaxation.tile_bits(place))
        shared: dict[str, Any] = {
            "at": alive,
            "relaxed": costs[place][there],
            "energy": energies[place][there],
            "terms": terms,
            "used": used,
            "late": late,
            "refill": _refill(relaxation, place, rows, columns),
            "least": least,
            "partial": partial,
            "effective": effective,
        }
        result[place] = {
            counts: Candidates(beyond=after, energy_beyond=energy_beyond[place][counts], **shared)
            for counts, after in beyond[place].items()
        }
    return result


def memory_of(setting: Setting, place: Place) -> Memory:
    """Return the memory that a boundary's tile is kept in."""
    operand, link = place
    return setting.operands[operand].memories[link - 1]


def _refill(relaxation: Relaxation, place: Place, rows: Array, columns: Array) -> tuple[int, Array] | None:
    """Return what `Candidates.refill` has of a boundary."""
    operand, link = place
    table = relaxation.lattice.tables[operand][link]
    if table.refill is None:
        return None
    number = next(number for number, term in enumerate(relaxation.latency) if REFILL in term.bounds)
    setting = relaxation.model.setting
    if memory_of(setting, place).doubles(setting.operands[operand].memory_operand):
        return None
    return number, (table.refill[1] - relaxation.latency[number].parts[place])[rows, columns]


def late_of(
    relaxation: Relaxation, factors: Factors, place: Place, at: Array
) -> list[tuple[int, Array, Array, Array, Array]]:
    """Return per term of the stall what `Candidates.late` has of a boundary's movements, or of all of them at once.

    Parameters
    ----------
    relaxation : Relaxation
        Whose terms they are.
    factors : Factors
        What its vectors stand for.
    place : Place
        The boundary.
    at : ndarray of int
        Numbers of its vectors.
    """
    operand, link = place
    if link == 0 or memory_of(relaxation.model.setting, place).doubles(
        relaxation.model.setting.operands[operand].memory_operand
    ):
        return []
    table = relaxation.lattice.tables[operand][link]
    setting = relaxation.model.setting
    rows, columns = relaxation.lattice.states(place, tuple(factors.vectors[at].T))
    period = whole = table.period[rows, columns]
    if setting.remainders:
        # where loops do not divide, no window is longer than what the loops beneath the run come to
        whole = _most_loops(relaxation, factors, place, at, rows, columns) * setting.cycles_per_op
    late = [
        (number, cycles[rows, columns], period, repeats[rows, columns], whole)
        for number, port in relaxation.stall_ports
        for part in table.moves
        if part.move in port
        for cycles, repeats in part.kinds
    ]
    run, once = np.full(len(rows), run_cycles(relaxation.model)), np.ones(len(rows), dtype=np.int64)
    # windows are laid out with whole tiles: no more of them begin in the run than periods do
    together = whole * -(-run // period) if setting.remainders else run
    for number, term in enumerate(relaxation.latency):
        if term.crowded and place in term.parts:
            busy = sum(part.busy for part in table.moves if part.move in term.crowded)
            late.append((number, np.asarray(busy)[rows, columns], run, once, together))
    return late


def _most_loops(
    relaxation: Relaxation, factors: Factors, place: Place, at: Array, rows: Array, columns: Array
) -> Array:
    """Return what the loops beneath a boundary come to at the most: larger tiles do not fit their memory."""
    operand = place[0]
    most = factors.most_loops[at]
    if len(factors.linear[operand]) < len(factors.of_data[operand]):
        return most
    # without windows a tile has a fixed number of bits for each of its steps
    bits = np.maximum(1, relaxation.tile_bits(place)[0][rows, columns])
    size = memory_of(relaxation.model.setting, place).size
    steps = factors.data[operand, at] * size // bits
    return np.asarray(np.minimum(most, steps * factors.most_reuse[operand, at]))
