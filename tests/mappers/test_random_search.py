"""Random search: it finds every valid mapping, each as often as it says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations_with_replacement, pairwise, product
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.generators import random_accelerator, random_spatial
from tests.machines import machine, memory
from tests.random_layers import KINDS, random_layer
from tests.solver.brute_force import Case, mappings_of
from zzcp import EXACT, Layer, SpatialMapping
from zzcp.cost.batch import MappingBatch, evaluate_batch
from zzcp.cost.setting_compiler import compile_setting
from zzcp.hardware import Accelerator
from zzcp.mappers import Budget, Problem, Run, loop_prime_factors, make_mapper, shuffled
from zzcp.mappers.boundaries import largest_boundaries, random_boundaries

Key = tuple[Any, ...]


def tiny() -> Problem:
    """Return a problem whose memories hold only some of the tiles."""
    memories = (memory("regs", "I2", size=16), memory("sram", "I1 I2 O", size=96), machine().memories[-1])
    accelerator = Accelerator("tiny", memories, machine().array)
    return Problem(accelerator, Layer.gemm(b=3, k=2, c=2), SpatialMapping())


def keys(batch: MappingBatch, valid: Any) -> list[Key]:
    """Return what tells the valid mappings of a batch apart."""
    rows = [batch.dims, batch.sizes, *batch.ends.values()]
    return list(map(tuple, np.concatenate(rows)[:, valid].T.tolist()))


def every_mapping(task: Problem) -> dict[Key, Key]:
    """Return all valid mappings, each with its order."""
    setting = compile_setting(task.accelerator, task.layer, task.spatial, EXACT)
    loops = loop_prime_factors(setting.temporal_sizes)
    names, depth = list(task.layer.sizes), len(loops)
    orders = sorted(
        {
            tuple(column)
            for column in np.concatenate(shuffled(loops, names, np.random.default_rng(0), 3000)).T.tolist()
        }
    )
    cuts = [
        [(*below, depth) for below in combinations_with_replacement(range(depth + 1), operand.depth - 1)]
        for operand in setting.operands
    ]
    found = {}
    for order in orders:
        grid = list(product(*cuts))
        batch = MappingBatch(
            np.repeat(np.array(order[:depth])[:, None], len(grid), axis=1),
            np.repeat(np.array(order[depth:])[:, None], len(grid), axis=1),
            {
                operand.name: np.array([choice[index] for choice in grid]).T
                for index, operand in enumerate(setting.operands)
            },
        )
        valid = evaluate_batch(task.accelerator, task.layer, task.spatial, batch).valid
        found.update(dict.fromkeys(keys(batch, valid), order))
    assert len(orders) == 6
    return found


def test_every_valid_mapping_is_found_as_often_as_the_others_of_its_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = tiny()
    known = every_mapping(task)
    drawn: Counter[Key] = Counter()
    score = Run.score

    def counted(self: Run, batch: Any, fits: Any = None) -> Any:
        values = score(self, batch, fits)
        drawn.update(keys(batch, np.isfinite(values)))
        return values

    monkeypatch.setattr(Run, "score", counted)
    make_mapper("random").map(task, Budget(120_000, seed=1))
    assert set(drawn) == set(known)
    by_order = Counter(known.values())
    assert len(set(by_order.values())) > 1
    total = sum(drawn.values())
    assert total > 20 * len(known)
    # every order has an equal share, within it every mapping: chi-squared against that
    expected = {key: total / len(by_order) / by_order[order] for key, order in known.items()}
    statistic = sum((drawn[key] - mean) ** 2 / mean for key, mean in expected.items())
    freedom = len(known) - 1
    assert statistic < freedom + 5 * (2 * freedom) ** 0.5


def test_boundaries_below_given_ones_are_equally_likely() -> None:
    largest = {"O": np.repeat(np.array([[1], [3], [4]]), 40_000, axis=1)}
    drawn = random_boundaries(largest, 4, np.random.default_rng(2))["O"]
    counts = Counter(map(tuple, drawn.T.tolist()))
    expected = {(a, b, 4) for a in range(2) for b in range(a, 4)}
    assert set(counts) == expected
    mean = 40_000 / len(expected)
    assert all(abs(count - mean) < 0.05 * mean for count in counts.values())


def test_no_valid_mapping_lies_above_the_largest_boundaries() -> None:
    rng, compared = Random(4), 0
    while compared < 15:
        accelerator = random_accelerator(rng, "machine")
        layer = random_layer(rng, rng.choice(list(KINDS)), max_macs=10_000)
        spatial = random_spatial(rng, accelerator, layer)
        loops = loop_prime_factors(spatial.temporal_sizes(layer))
        if not 2 <= len(loops) <= 5 or mappings_of(Case(accelerator, layer, spatial)) > 10**6:
            continue
        setting = compile_setting(accelerator, layer, spatial, EXACT)
        depth = len(loops)
        dims, sizes = shuffled(loops, list(layer.sizes), np.random.default_rng(compared), 2000)
        highest = {operand.name: np.full((operand.depth, 2000), depth) for operand in setting.operands}
        batch = MappingBatch(dims, sizes, random_boundaries(highest, depth, np.random.default_rng(compared)))
        valid = evaluate_batch(accelerator, layer, spatial, batch).valid
        for operand, rows in largest_boundaries(setting, dims, sizes).items():
            assert (batch.ends[operand] <= rows)[:, valid].all()
            assert all((below <= above).all() for below, above in pairwise(rows))
        compared += bool(valid.any())


def test_the_budget_decides_how_long() -> None:
    assert make_mapper("random", samples=70, batch=32).map(tiny(), Budget()).evaluations == 70
    assert make_mapper("random", samples=70, batch=32).map(tiny(), Budget(100)).evaluations == 100


def test_an_impossible_problem_ends() -> None:
    small = replace(
        tiny(), accelerator=Accelerator("small", (memory("sram", "I1 I2 O", size=8),), machine().array)
    )
    assert make_mapper("random", samples=500).map(small, Budget()).mapping is None
