"""A first incumbent: random loop orders with greedy allocation, scored in batches.

Nothing is proven here; a good mapping to start from bounds the variables of the model and prunes its search.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from zzcp.cost.batch import MappingBatch, operand_states, score_batch
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.formulas.links import tile_elements
from zzcp.cost.formulas.numeric import NUMPY
from zzcp.cost.objective import Goal, objective_values
from zzcp.cost.setting.setting import IRRELEVANT, Setting
from zzcp.mapping import Mapping
from zzcp.solver.lattice.keys import Key

_BATCH = 2048
_ASKED = 16
"""Mappings of a batch, the best ones, about which a caller is asked."""
_SLOW_BATCH = 32
"""Mappings per batch where they are scored one by one (fractions of lanes, numbers beyond 64 bits)."""


_PER_ORDER = 32
"""Mappings per batch and order of the loops, where there are few of these."""


def outermost_order(setting: Setting) -> list[tuple[str, int]]:
    """Return the loops in the order in which tiles of single elements take the fewest bits.

    Where complete outputs take fewer bits than partial sums the reduction loops come first, since outputs are then
    complete at the array; else last.
    """
    output = next(operand for operand in setting.operands if operand.is_output)
    first = output.final_precision <= output.precision
    order = [(dim, size) for dim, size in setting.temporal_sizes.items() if size > 1]
    return sorted(order, key=lambda loop: (output.kind[loop[0]] != IRRELEVANT) == first)


def outermost_mapping(setting: Setting, order: Sequence[tuple[str, int]] | None = None) -> Mapping:
    """Return the mapping with all loops in the outermost memories, which fits in some order if anything does.

    Parameters
    ----------
    setting : Setting
        The compiled layer and machine.
    order : sequence of (str, int), optional
        The loops, innermost first; by default those of `outermost_order`.
    """
    order = outermost_order(setting) if order is None else order
    ends = {operand.name: [0] * (operand.depth - 1) + [len(order)] for operand in setting.operands}
    return Mapping.from_order(setting.spatial, order, ends, links=setting.own_links)


def first_mapping(
    evaluator: Evaluator,
    keys: tuple[Key, ...],
    objective: Goal,
    seed: int,
    deadline: float,
    rounds: int = 4,
    admits: Callable[[Mapping], bool] | None = None,
) -> Mapping | None:
    """Return the best of some thousand random mappings, or None if none of them is valid.

    Parameters
    ----------
    evaluator : Evaluator
        Scores the candidates.
    keys : tuple of Key
        Prime factors of the temporal loops.
    objective : str or WeightedSum
        What is minimised.
    seed : int
        Of the random orders.
    deadline : float
        When to stop, on the monotonic clock.
    rounds : int
        Batches to try; more are tried while nothing valid is found, unless it must be admitted, too.
    admits : callable, optional
        Which mappings may be returned; all, if None. Of every batch only the best few are asked about.
    """
    rng = np.random.default_rng(seed)
    setting = evaluator.setting
    width = _SLOW_BATCH if evaluator.arrays is None else _BATCH
    width = min(width, _PER_ORDER * math.factorial(sum(key.multiplicity for key in keys)))
    best: tuple[float, Mapping] | None = None
    for number in range(rounds * 4):
        if time.monotonic() > deadline or (number >= rounds and (best is not None or admits is not None)):
            break
        batch = _random_batch(evaluator, keys, rng, width)
        found = score_batch(evaluator, batch)
        values = objective_values(found.energy, found.latency.astype(float), objective)
        values = np.where(found.valid, values, np.inf)
        for winner in np.argsort(values)[:_ASKED] if admits else [np.argmin(values)]:
            if not np.isfinite(values[winner]) or (best is not None and values[winner] >= best[0]):
                break
            mapping = batch.mapping(int(winner), setting.layer, setting.spatial)
            if admits is None or admits(mapping):
                best = float(values[winner]), mapping
                break
    return best[1] if best else None


def _random_batch(
    evaluator: Evaluator, keys: tuple[Key, ...], rng: np.random.Generator, width: int
) -> MappingBatch:
    """Return random orders, cut for every memory where a random share of it is full."""
    setting = evaluator.setting
    names = {dim: position for position, dim in enumerate(setting.layer.sizes)}
    factors = [(names[key.dim], key.prime) for key in keys for _ in range(key.multiplicity)]
    depth = len(factors)
    base = np.array(factors, dtype=np.int64).reshape(depth, 2)
    order = np.argsort(rng.random((depth, width)), axis=0)
    dims, sizes = base[:, 0][order], base[:, 1][order]
    shares = {
        (operand, level): share
        for tenancy in setting.tenancies
        for (operand, level), share in zip(
            tenancy.tenants, rng.dirichlet(np.ones(len(tenancy.tenants)) * 0.7, width).T, strict=True
        )
    }
    everywhere = {
        operand.name: np.repeat(np.arange(depth + 1)[:, None], width, axis=1) for operand in setting.operands
    }
    every_cut = MappingBatch(dims, sizes, everywhere)
    ends = {}
    for index, operand in enumerate(setting.operands):
        # what slides above a cut does not matter to the size of a tile
        state = operand_states(replace(operand, slides=None), every_cut, setting)
        cuts = state._replace(
            relevant=[np.stack(state.relevant[1:])],
            windows=[
                [
                    (np.stack([outer for outer, _ in window]), np.stack([inner for _, inner in window]))
                    for window in zip(*state.windows[1:], strict=True)
                ]
            ],
        )
        rows = []
        below = np.zeros(width, dtype=np.int64)
        for level, memory in enumerate(operand.memories):
            if level == operand.depth - 1:
                rows.append(np.full(width, depth, dtype=np.int64))
                break
            room = memory.size * shares[index, level] / (2 if memory.force_double_buffering else 1)
            tiles = tile_elements(operand, operand.energy, cuts, 0, level + 1, setting.conventions, NUMPY)
            fits = tiles * operand.stored[level].most <= room
            below = np.maximum(below, np.maximum(fits.sum(axis=0) - 1, 0))
            rows.append(below)
        ends[operand.name] = np.stack(rows)
    return MappingBatch(dims, sizes, ends)
