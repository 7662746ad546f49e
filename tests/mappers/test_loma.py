"""LOMA: every order with greedy allocation, and ZigZag's recorded searches."""

from __future__ import annotations

from itertools import permutations
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.differential.records import SEARCHES, bundled_machine, read_lines, search_layers
from tests.generators import odd_spatial, random_accelerator, random_order, random_spatial
from tests.mappers.problems import problem, tiny_problems
from tests.random_layers import KINDS, random_layer
from zzcp import EXACT, ZIGZAG, CostConventions, MappingError, SpatialMapping, evaluate
from zzcp.cost.setting_compiler import compile_setting
from zzcp.mappers import Budget, Problem, allocate, allocate_orders, loop_prime_factors, make_mapper


def recorded_searches() -> list[Any]:
    """Return ZigZag's recorded LOMA searches as test parameters."""
    lines = [line for line in read_lines(SEARCHES) if line["engine"] == "loma"]
    return [
        pytest.param(line, id=f"{line['accelerator']}-{line['layer']}-{line['mapper']}") for line in lines
    ]


def test_the_recorded_searches() -> None:
    lines = [param.values[0] for param in recorded_searches()]
    assert len(lines) == 48
    assert {line["lpf_limit"] for line in lines} == {6, 7, 8, 25}
    assert {line["opt"] for line in lines} == {"EDP", "energy", "latency"}


@pytest.mark.parametrize("line", recorded_searches())
def test_the_same_best_objective_as_zigzag(line: dict[str, Any]) -> None:
    spatial = SpatialMapping.from_dict(line["spatial_mapping"])
    objective = line["opt"].lower()
    task = Problem(
        bundled_machine(line["accelerator"]), search_layers()[line["layer"]], spatial, objective, ZIGZAG
    )
    found = make_mapper("loma", lpf_limit=line["lpf_limit"]).map(task, Budget())
    assert found.objective == line[objective]
    assert found.evaluations == line["n_cost_model_evals"]


@pytest.mark.parametrize("objective", ["edp", "energy", "latency", "ed2"])
def test_the_best_of_all_orders(objective: str) -> None:
    compared = 0
    for tiny in tiny_problems(10):
        task = Problem(tiny.accelerator, tiny.layer, tiny.spatial, objective, tiny.conventions)  # type: ignore[arg-type]
        for limit in (None, 3):
            loops = loop_prime_factors(task.spatial.temporal_sizes(task.layer), limit)
            found = make_mapper("loma", lpf_limit=limit).map(task, Budget())
            values = []
            orders = set(permutations(loops))
            for order in orders:
                try:
                    mapping = allocate(
                        task.accelerator, task.layer, task.spatial, order, task.conventions, None
                    )
                except MappingError:
                    continue
                values.append(task.value(evaluate(task.accelerator, task.layer, mapping, task.conventions)))
            assert found.evaluations == len(orders)
            assert found.objective == (float(min(values)) if values else None)
            compared += bool(values)
    assert compared >= 20


def test_a_search_cut_short_has_seen_a_spread_of_the_orders() -> None:
    task = problem()
    full = make_mapper("loma").map(task, Budget())
    part = make_mapper("loma").map(task, Budget(full.evaluations // 4))
    assert full.objective is not None
    assert part.objective is not None
    assert full.objective <= part.objective <= full.objective * 1.2


def columns(
    layer_dims: list[str], orders: list[list[tuple[str, int]]]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return orders of equal length as arrays."""
    data = np.array([[(layer_dims.index(dim), size) for dim, size in order] for order in orders])
    data = data.reshape(len(orders), len(orders[0]), 2)
    return data[:, :, 0].T, data[:, :, 1].T


@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
@pytest.mark.parametrize("part", range(4))
def test_many_orders_are_cut_as_one_by_one(conventions: CostConventions, part: int) -> None:
    rng = Random(f"allocate {part}")
    compared = refused = 0
    for number in range(20):
        machine = random_accelerator(rng, "machine")
        layer = random_layer(rng, rng.choice(list(KINDS)))
        spatial = (odd_spatial if number % 3 == 0 else random_spatial)(rng, machine, layer)
        try:
            setting = compile_setting(machine, layer, spatial, conventions)
        except MappingError:
            continue
        order = random_order(rng, layer, spatial)
        orders = [[(loop.dim, loop.size) for loop in rng.sample(order, len(order))] for _ in range(10)]
        batch, fits = allocate_orders(setting, *columns(list(layer.sizes), orders))
        for place, one in enumerate(orders):
            try:
                expected = allocate(machine, layer, spatial, one, conventions)
            except MappingError:
                assert not fits[place]
                refused += 1
                continue
            assert fits[place]
            assert batch.mapping(place, layer, spatial).temporal == expected.temporal
            compared += 1
    assert compared >= 50
    assert refused >= 10
