"""One bound for many padded sizes: never above what any of their mappings takes."""

from __future__ import annotations

from random import Random

import pytest

from tests.solver.brute_force import random_case
from tests.solver.padding.every_chain import best_mappings, count
from zzcp.cost import EXACT
from zzcp.cost.objective import Objective
from zzcp.solver.padding.choices import Paddings
from zzcp.solver.padding.relaxed import Relaxed, tile_sizes_of


def test_tile_sizes_of_several_padded_sizes() -> None:
    assert tile_sizes_of(13, (14, 16)) == (1, 2, 4, 7, 8, 13)
    assert tile_sizes_of(6, (6,)) == (1, 2, 3, 6)


@pytest.mark.parametrize("seed", range(12))
def test_no_mapping_is_below_the_bound_of_all_padded_sizes(seed: int) -> None:
    rng = Random(f"relaxed {seed}")
    while True:
        case = random_case(rng, 20_000)
        sizes = case.spatial.temporal_sizes(case.layer)
        if max(sizes.values()) > 2 and count(case) <= 30_000 and (best := best_mappings(case)):
            break
    evaluator = case.evaluator(EXACT)
    every = Paddings.of(case.layer, sizes)
    relaxed = Relaxed(evaluator, every.sizes)
    objectives: tuple[Objective, ...] = ("edp", "energy", "latency")
    for objective in objectives:
        bounds = [
            relaxed.bound(some, objective, best[objective].value * 2, 0.0)
            for some in every.split(relaxed.idle)
        ]
        perfect = relaxed.bound(
            {dim: (n,) for dim, n in sizes.items()}, objective, best[objective].value * 2, 0.0
        )
        assert min([*bounds, perfect]) <= best[objective].value * (1 + 1e-9)
        assert max(bounds) > 0
