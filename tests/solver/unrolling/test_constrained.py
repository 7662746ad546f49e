"""The joint search under constraints on the unrolling, against every unrolling and every mapping there is."""

from __future__ import annotations

from random import Random

import pytest

from tests.solver.brute_force import Case, best_mappings
from tests.solver.unrolling.every_unrolling import tiny_case, unrollings
from zzcp import Constraints, constraint_violations
from zzcp.cost import EXACT, ZIGZAG, CostConventions
from zzcp.hardware import Accelerator
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.unrolling_constraints import violation
from zzcp.solver import optimize
from zzcp.solver.unrolling.choices import choices_of
from zzcp.workload import Layer

GAP = 1e-4
FLOAT_ERROR = 1e-12
BOTH = pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda value: value.name)


def asked_of(rng: Random, accelerator: Accelerator, layer: Layer) -> Constraints:
    """Return some random constraints on the unrolling."""
    dims = [dim for dim, size in layer.sizes.items() if size > 1] or list(layer.sizes)
    data: dict[str, dict[str, object]] = {}
    for name in accelerator.array.dimensions:
        entry: dict[str, object] = {}
        if rng.random() < 0.5:
            entry["allow"] = rng.sample(dims, rng.randint(0, len(dims)))
        if rng.random() < 0.3:
            entry["most"] = rng.randint(0, 2)
        if rng.random() < 0.4:
            entry["fix"] = {rng.choice(dims): rng.randint(1, 4)}
        if entry:
            data[name] = entry
    share = {"min_array_utilization": rng.choice([0.2, 0.5, 0.75, 1.0])} if rng.random() < 0.5 else {}
    return Constraints.from_dict(({"spatial": data} if data else {}) | share)


def check(seed: int, conventions: CostConventions) -> str:
    """Compare the joint search with the enumeration; return the status."""
    rng = Random(seed)
    accelerator, layer = tiny_case(rng)
    asked = asked_of(rng, accelerator, layer)
    objective = ("edp", "energy", "latency", "ed2")[seed % 4]
    values = []
    for spatial in unrollings(accelerator, layer, 2):
        if all(violation(item, accelerator, layer, spatial) is None for item in asked.on_unrolling):
            found = best_mappings(Case(accelerator, layer, spatial), conventions).get(objective)
            values += [] if found is None else [found.value]
    result = optimize(
        accelerator, layer, objective, spatial="auto", constraints=asked, conventions=conventions, gap=GAP
    )
    where = f"{asked}: {min(values, default=None)}, found {result.objective} of {result.lower_bound}"
    if not values:
        assert result.status == "infeasible", where
        return result.status
    assert result.status == "optimal", where
    assert result.objective is not None
    assert result.lower_bound <= min(values) * (1 + FLOAT_ERROR), where
    assert min(values) * (1 - FLOAT_ERROR) <= result.objective <= min(values) * (1 + GAP), where
    assert result.mapping is not None
    assert constraint_violations(accelerator, layer, result.mapping, asked, conventions) == []
    assert result.constraints == asked
    return result.status


@BOTH
def test_no_unrolling_that_obeys_is_better(conventions: CostConventions) -> None:
    assert {check(seed, conventions) for seed in range(16)} == {"optimal", "infeasible"}


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("part", range(10))
def test_no_unrolling_that_obeys_is_better_slow(part: int, conventions: CostConventions) -> None:
    for seed in range(1000 + 50 * part, 1050 + 50 * part):
        check(seed, conventions)


@pytest.mark.parametrize("seed", range(60))
def test_the_space_holds_what_obeys(seed: int) -> None:
    rng = Random(seed)
    accelerator, layer = tiny_case(rng)
    asked = asked_of(rng, accelerator, layer).on_unrolling
    freedom = Freedom().under(asked, layer)
    choices = choices_of(accelerator, layer, freedom)
    obeying = [
        spatial
        for spatial in unrollings(accelerator, layer, 2)
        if all(violation(item, accelerator, layer, spatial) is None for item in asked)
    ]
    assert choices.is_empty == (not obeying)
    assert all(freedom.holds(accelerator, layer, spatial) for spatial in obeying)
    if not choices.is_empty:
        for block in choices.blocks(choices.least_units):
            for row in block:
                spatial = choices.spatial(row)
                assert freedom.holds(accelerator, layer, spatial)
                assert all(violation(item, accelerator, layer, spatial) is None for item in asked)
