"""Every mapping of a tiny layer whose loops need not divide, and the best of them.

All chains of tile sizes t_1 | t_2 | ... of every dimension, with an outermost count that is a ceiling, in every order
and with every allocation; nothing in here knows of padded sizes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, permutations, product

import numpy as np

from tests.generators import prime_factors
from tests.solver.brute_force import Best, Case
from zzcp.cost import EXACT
from zzcp.cost.batch import MappingBatch, score_batch
from zzcp.cost.setting.remainders import undivided

Loops = tuple[int, ...]
"""The loops of a dimension, innermost first."""


def loops_of(iterations: int) -> list[Loops]:
    """Return all loops of a dimension in which every one does something."""
    found: list[Loops] = []

    def extend(below: int, loops: Loops) -> None:
        most = -(-iterations // below)
        found.append((*loops, most))
        for size in range(2, most):
            extend(below * size, (*loops, size))

    if iterations == 1:
        return [()]
    extend(1, ())
    return found


def dividing_loops_of(iterations: int) -> list[Loops]:
    """Return all orders of a dimension's prime factors."""
    return sorted(set(permutations(prime_factors(iterations))))


def chains_of(case: Case) -> Iterator[dict[str, Loops]]:
    """Yield every combination of loops of the dimensions."""
    kept = undivided(case.layer)
    sizes = case.spatial.temporal_sizes(case.layer)
    every = [dividing_loops_of(n) if dim in kept else loops_of(n) for dim, n in sizes.items()]
    for loops in product(*every):
        yield dict(zip(sizes, loops, strict=True))


def depths_of(case: Case) -> dict[str, int]:
    """Return the memory levels of every operand."""
    links = case.layer.default_links
    return {operand: len(case.accelerator.levels(links[operand])) for operand in case.layer.operands}


def count(case: Case) -> int:
    """Return how many mappings there are."""
    total = 0
    for loops in chains_of(case):
        number = sum(map(len, loops.values()))
        orders = math.factorial(number) // math.prod(math.factorial(len(some)) for some in loops.values())
        total += orders * math.prod(
            math.comb(number + depth - 1, number) for depth in depths_of(case).values()
        )
    return total


def best_mappings(case: Case) -> dict[str, Best]:
    """Return the best mapping for every objective; nothing if no mapping is valid."""
    found: dict[str, Best] = {}
    base = case.evaluator(EXACT)
    for loops in chains_of(case):
        batch = _batch(case, loops)
        costs = score_batch(base.with_padded({dim: math.prod(some) for dim, some in loops.items()}), batch)
        latency = costs.latency.astype(float)
        objectives = {"edp": costs.energy * latency, "energy": costs.energy, "latency": latency}
        for name, values in objectives.items():
            least = np.where(costs.valid, values, np.inf)
            winner = int(np.argmin(least))
            if least[winner] < (found[name].value if name in found else np.inf):
                mapping = batch.mapping(winner, case.layer, case.spatial).with_factors("imperfect")
                found[name] = Best(float(least[winner]), mapping)
    return found


def _batch(case: Case, loops: dict[str, Loops]) -> MappingBatch:
    """Return all orders and allocations of some loops."""
    names = list(case.layer.sizes)
    orders = list(_merged([[(names.index(dim), size) for size in some] for dim, some in loops.items()]))
    length, depths = len(orders[0]), depths_of(case)
    cuts = [
        [(*cut, length) for cut in combinations_with_replacement(range(length + 1), depth - 1)]
        for depth in depths.values()
    ]
    allocations = list(product(*cuts))
    table = np.array(orders, dtype=np.int64).reshape(len(orders), length, 2)
    dims, sizes = (np.repeat(table[:, :, side].T, len(allocations), axis=1) for side in (0, 1))
    ends = {
        operand: np.tile(np.array([entry[place] for entry in allocations], dtype=np.int64).T, len(orders))
        for place, operand in enumerate(depths)
    }
    return MappingBatch(dims, sizes, ends)


def _merged(parts: Sequence[Sequence[tuple[int, int]]]) -> Iterator[list[tuple[int, int]]]:
    """Yield all orders in which the loops of every part keep theirs."""
    parts = [part for part in parts if part]
    if not parts:
        yield []
    for number, part in enumerate(parts):
        rest = [other if place != number else part[1:] for place, other in enumerate(parts)]
        for order in _merged(rest):
            yield [part[0], *order]
