"""Lower bounds of a chain's latency from sums over its boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zzcp.solver.lattice.keys import Array, Place
from zzcp.solver.ranges.relaxation import Relaxation
from zzcp.solver.ranges.terms import LOADING, PARTS, UNLOADING, run_cycles


def least_latency(relaxation: Relaxation, terms: Array, before: Any = 0, after: Any = 0) -> Array:
    """Return the latency of sums of its terms.

    Parameters
    ----------
    relaxation : Relaxation
        Whose terms they are.
    terms : ndarray, shape (terms, chains)
        The sums.
    before, after : ndarray
        Cycles of loading and unloading at least.
    """
    parts = np.zeros((len(PARTS), terms.shape[1]))
    parts[LOADING] = before
    parts[UNLOADING] = after
    for row, term in zip(terms, relaxation.latency, strict=True):
        if len(term.bounds) == 1:
            np.maximum(parts[term.bounds[0]], row, out=parts[term.bounds[0]])
    total = parts.sum(axis=0)
    for row, term in zip(terms, relaxation.latency, strict=True):
        if len(term.bounds) > 1:
            others = [parts[part] for part in PARTS if part not in term.bounds]
            np.maximum(total, row + sum(others), out=total)
    return np.asarray(relaxation.base + total)


def early_cycles(
    relaxation: Relaxation, states: Mapping[Place, tuple[Array, Array]], tails: Array
) -> tuple[Array, Array]:
    """Return the cycles before and after the run that fills with a window shorter than the run take at least.

    Parameters
    ----------
    relaxation : Relaxation
        The relaxation.
    states : mapping of Place to (ndarray of int, ndarray of int)
        Data states and positions of the reuse values of the boundaries of every chain.
    tails : ndarray of int, shape (operands, chains)
        Product of the outermost irrelevant loops.
    """
    model = relaxation.model
    nothing = np.zeros(tails.shape[1])
    if model.setting.conventions.once_only_loads != "hidden_until_needed" or model.setting.remainders:
        # where loops do not divide, a window may be longer than the run divided by the loops above
        return nothing, nothing
    run = run_cycles(model)
    tables = relaxation.lattice.tables
    result = []
    for side in ([fill for chain in model.plan.inputs for fill in chain], list(model.plan.output)):
        most = nothing
        for port in {port for fill in side for port in fill.ports}:
            fills = [fill for fill in side if port in fill.ports]
            full, once = [], []
            for fill in fills:
                table, at = tables[fill.operand][fill.link], states[fill.operand, fill.link]
                full.append(table.fill[at])
                once.append((table.moves[0].count[at] == 1) & (fill.link > 0))
            busy: Any = 0
            for number in model.plan.port_moves[port]:
                move = model.moves[number]
                table, at = tables[move.operand][move.link], states[move.operand, move.link]
                part = next(part for part in table.moves if part.move == number)
                busy = busy + part.busy[at]
            for operand in {fill.operand for fill in fills}:
                tail = tails[operand]
                due: Any = 0
                some = np.zeros(tails.shape[1], dtype=bool)
                for fill, cycles, single in zip(fills, full, once, strict=True):
                    due = due + np.where(single & (tails[fill.operand] < tail), 0, cycles)
                    if fill.operand == operand:
                        some |= single
                missing = due - np.maximum(0, run - busy) / tail - 1
                most = np.maximum(most, np.where(some & (tail > 1), missing, 0))
        result.append(most)
    return result[0], result[1]
