"""The dynamic program over the lattice against the enumeration of all chains."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

import zzcp.solver.lattice.boxes as module
import zzcp.solver.lattice.lattice as dynamic
from tests.solver.test_optimize import machine
from zzcp import EXACT, Layer, SpatialMapping
from zzcp.cost import Evaluator
from zzcp.solver.lattice.boxes import Counts
from zzcp.solver.lattice.keys import Array, Place, Vector, keys_of
from zzcp.solver.lattice.lattice import Lattice
from zzcp.solver.lattice.tables import boundary_tables

LAYER = Layer.gemm(b=4, k=3, c=5)
NO_UNROLLING = SpatialMapping.from_dict({})


def small_lattice() -> Lattice:
    evaluator = Evaluator(machine(), LAYER, NO_UNROLLING, EXACT)
    keys = keys_of(evaluator.setting.temporal_sizes)
    return Lattice(keys, boundary_tables(evaluator.model, keys))


def random_costs(lattice: Lattice, seed: int) -> dict[Place, Array]:
    """Draw costs, more than half of them infinite."""
    rng = np.random.default_rng(seed)
    return {
        place: np.where(rng.random(lattice.shape) < 0.6, np.inf, rng.integers(1, 100, lattice.shape))
        for place in lattice.alive
    }


def chains(lattice: Lattice, costs: dict[Place, Array]) -> Iterator[dict[Place, Vector]]:
    """Enumerate all chains of finite cost: boundaries in any order that keeps each operand's own."""
    vectors = list(np.ndindex(*lattice.shape))

    def extend(counts: Counts, last: Vector, chain: dict[Place, Vector]) -> Iterator[dict[Place, Vector]]:
        if counts == lattice.depths:
            yield dict(chain)
            return
        for operand, (count, depth) in enumerate(zip(counts, lattice.depths, strict=True)):
            if count == depth:
                continue
            following = (*counts[:operand], count + 1, *counts[operand + 1 :])
            for vector in vectors:
                if all(x >= y for x, y in zip(vector, last, strict=True)) and np.isfinite(
                    costs[operand, count][vector]
                ):
                    yield from extend(following, vector, {**chain, (operand, count): vector})

    yield from extend(tuple(0 for _ in lattice.depths), tuple(0 for _ in lattice.shape), {})


@cache
def enumerated(seed: int) -> tuple[float, dict[Place, Array]]:
    """Return the cost of the cheapest of all chains, and of the cheapest through every vector."""
    lattice = small_lattice()
    costs = random_costs(lattice, seed)
    least = np.inf
    through = {place: np.full(lattice.shape, np.inf) for place in costs}
    for chain in chains(lattice, costs):
        total = sum(costs[place][vector] for place, vector in chain.items())
        least = min(least, total)
        for place, vector in chain.items():
            through[place][vector] = min(through[place][vector], total)
    return float(least), through


@pytest.mark.parametrize(
    ("at_once", "small"), [(1, 0), (1, 4096), (40, 4096), (40, 0), (2**15, 4096), (2**15, 0)]
)
@pytest.mark.parametrize("seed", range(4))
def test_the_cheapest_chains_are_those_of_the_enumeration(
    seed: int, at_once: int, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where tables have only a part of the vectors, and where runs of entries are gone through one by one."""
    monkeypatch.setattr(module, "_ENTRIES_AT_ONCE", at_once)
    monkeypatch.setattr(module, "_SMALL", small)
    monkeypatch.setattr(dynamic, "_MANY", 1 if at_once == 40 else 256)
    costs = random_costs(small_lattice(), seed)
    lattice = small_lattice().restricted({place: np.isfinite(cost) for place, cost in costs.items()})
    boxed = {place: lattice.boxed(place, cost) for place, cost in costs.items()}
    least, through = enumerated(seed)
    total, cheapest = lattice.cheapest(boxed)
    assert total == least
    if cheapest:
        assert sum(costs[place][vector] for place, vector in cheapest.items()) == least
    found = lattice.through(boxed)
    for place, values in through.items():
        np.testing.assert_array_equal(found[place], values)
    for place, by_counts in lattice.beyond(boxed).items():
        above = [np.full(int(np.isfinite(costs[place]).sum()), np.inf), *by_counts.values()]
        assert {len(values) for values in above} == {len(above[0])}


def test_some_draws_have_a_chain_and_some_have_none() -> None:
    finite = [np.isfinite(enumerated(seed)[0]) for seed in range(4)]
    assert any(finite)
    assert not all(finite)
