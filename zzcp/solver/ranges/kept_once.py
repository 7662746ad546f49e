"""What the tiles of whole chains that their memories have no room to keep twice lack of their windows.

Labels know it of a tile as soon as it is certain, which may be when all that shares its memory is placed: then its
window has passed. Of a whole chain everything is known but the order inside its segments.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zzcp.solver.lattice.factors import Factors
from zzcp.solver.lattice.keys import Array, Place
from zzcp.solver.ranges.candidates import late_of, memory_of
from zzcp.solver.ranges.relaxation import Relaxation

_MARGIN = 1e-9
"""More than the relative error of sums in floating point."""


def late_terms(relaxation: Relaxation, factors: Factors, chain: Mapping[Place, Array], used: Array) -> Array:
    """Return the terms of the latency of whole chains, with what single copies lack; buffering is free.

    Parameters
    ----------
    relaxation : Relaxation
        Whose terms they are.
    factors : Factors
        What its vectors stand for.
    chain : mapping of Place to ndarray of int, shape (chains,)
        The vectors of all boundaries.
    used : ndarray, shape (memories, chains)
        Share of every shared memory that is taken.

    Returns
    -------
    ndarray, shape (terms, chains)
        Those of late transfers; the others are less than any.
    """
    terms = np.full((len(relaxation.latency), used.shape[1]), -np.inf)
    numbers = [number for number, term in enumerate(relaxation.latency) if term.late or term.crowded]
    for number in numbers:
        terms[number] = relaxation.latency[number].constant
    for place, at in chain.items():
        rows, columns = relaxation.lattice.states(place, tuple(factors.vectors[at].T))
        for number in numbers:
            part = relaxation.latency[number].parts.get(place)
            if part is not None:
                terms[number] += part[rows, columns]
        late = late_of(relaxation, factors, place, at)
        if not late:
            continue
        chosen = _is_once(relaxation, factors, chain, used, place, rows, columns)
        run = _run(factors, chain, place)
        chosen &= run > 1
        for number, cycles, period, repeats, whole in late:
            window = np.minimum(period, whole // run)
            more = np.maximum(0, cycles - window) - np.maximum(0, cycles - period)
            terms[number] += np.where(chosen, more * repeats, 0)
    return terms


def _is_once(
    relaxation: Relaxation,
    factors: Factors,
    chain: Mapping[Place, Array],
    used: Array,
    place: Place,
    rows: Array,
    columns: Array,
) -> Array:
    """Return of which chains the tile of a boundary is certain to be kept once."""
    operand, link = place
    setting = relaxation.model.setting
    memory = memory_of(setting, place)
    if setting.operands[operand].memory_operand in memory.kept_once:
        return np.ones(len(rows), dtype=bool)
    least, partial = (bits[rows, columns] / memory.size for bits in relaxation.tile_bits(place))
    share = least
    if setting.operands[operand].is_output:
        reuse = factors.reuse[operand]
        share = np.where(reuse[chain[operand, link - 1]] == reuse.max(), least, partial)
    once = np.asarray(2 * share > 1 + _MARGIN)
    shared = relaxation.capacity_of(place)
    if shared is not None:
        once |= used[shared] + share > 1 + _MARGIN
    return once


def _run(factors: Factors, chain: Mapping[Place, Array], place: Place) -> Array:
    """Return at the least the product of the irrelevant loops beneath a boundary, down to where its data grows."""
    operand, link = place
    data, reuse, most = factors.data[operand], factors.reuse[operand], factors.most_reuse[operand]
    at, beneath = chain[place], chain[operand, link - 1]
    start = at
    for point in chain.values():
        # points of one chain: where the data is the same the loops beneath are fewer or more
        within = (data[point] == data[at]) & (reuse[point] >= reuse[beneath]) & (reuse[point] < reuse[start])
        start = np.where(within, point, start)
    return np.where(start == at, 1, np.maximum(1, reuse[at] // most[start]))
