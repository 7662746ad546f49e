"""Mappings of chains of groups: every chain of tile sizes is one of them."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from tests.machines import MEMORIES, machine
from tests.solver.padding.every_chain import loops_of
from tests.solver.padding.test_grouped import a_case, padded, some_groups
from tests.solver.ranges.test_kept_once import is_own, some_chain
from zzcp import Layer, SpatialMapping
from zzcp.cost.batch import score_batch
from zzcp.cost.evaluator import Evaluator
from zzcp.solver.lattice.keys import Place, Vector, keys_of
from zzcp.solver.lattice.lattice import Lattice
from zzcp.solver.lattice.tables import boundary_tables
from zzcp.solver.padding.completions import Tiling, joined
from zzcp.solver.padding.groups import groups_of, keys_of_groups

LAYER = Layer.gemm(b=13, k=6, c=1)
SPATIAL = SpatialMapping.from_dict({})


def every(layer: Layer = LAYER, *, room: int = 1) -> Evaluator:
    sizes = {dim: tuple(range(1, size + 1)) for dim, size in layer.sizes.items() if size > 2}
    memories = tuple(replace(memory, size=memory.size * room) for memory in MEMORIES)
    return Evaluator(machine(memories), layer, SPATIAL, padded=sizes)


def tiling(evaluator: Evaluator, never_divide: frozenset[str] = frozenset()) -> Tiling:
    setting = evaluator.setting
    groups = {dim: groups_of(setting.iterations[dim]) for dim in setting.remainders}
    return Tiling(setting, keys_of_groups(groups), groups, never_divide)


def chain_at(some: Tiling, points: list[dict[str, int]]) -> dict[Place, Vector]:
    """Return boundaries, of every operand the same, at the tile sizes of some points, the innermost first."""
    vectors = [
        tuple(
            next(place for place, group in enumerate(some.groups[dim]) if group.low <= size <= group.high)
            for dim, size in point.items()
        )
        for point in points
    ]
    return {
        (index, link): vectors[link - 1] if 0 < link <= len(vectors) else (vectors[-1] if link else (0, 0))
        for index, operand in enumerate(some.setting.operands)
        for link in range(operand.depth)
    }


@pytest.mark.parametrize("loops", loops_of(13))
def test_every_chain_of_tile_sizes_is_among_the_mappings(loops: tuple[int, ...]) -> None:
    evaluator = every(room=8)
    some = tiling(evaluator)
    below = math.prod(loops[:-1])
    batches, complete = some.batches(chain_at(some, [{"B": below, "K": 1}]), 4096)
    assert complete
    batch = joined(batches)
    found = set()
    for number in range(len(batch)):
        mapping = batch.mapping(number, LAYER, SPATIAL)
        cut = mapping.allocation["I"][0]
        found.add(math.prod(size for dim, size in mapping.order[:cut] if dim == "B"))
    assert below in found
    group = next(group for group in some.groups["B"] if group.low <= below <= group.high)
    assert found == set(range(group.low, group.high + 1))


def test_tile_sizes_divide_each_other() -> None:
    some = tiling(every())
    # 5 and 6 are one group, 7 to 12 are one: 5 | 10, 6 | 12
    assert some.groups["B"][4:6] == ((5, 6), (7, 12))
    sizes = some._sizes_of("B", [(4, 0), (5, 0), (6, 3)])
    assert sizes == [(5, 10, 13), (6, 12, 13)]


def test_loops_that_divide_can_be_left_out() -> None:
    # 3 is a group by itself, 4 and 5 are one
    assert tiling(every())._sizes_of("K", [(0, 2), (6, 4)]) == [(3, 6)]
    assert tiling(every(), frozenset({"K"}))._sizes_of("K", [(0, 2), (6, 4)]) == []
    assert tiling(every(), frozenset({"K"}))._sizes_of("K", [(0, 3), (6, 4)]) == [(4, 6), (5, 6)]
    # 3 tiles of 2: an outermost loop of two steps over 4 and 2
    assert tiling(every(), frozenset({"K"}))._sizes_of("K", [(0, 1), (6, 4)]) == [(2, 6)]


def test_the_outermost_loop_may_be_cut_short() -> None:
    """Batches of an evaluator of all tile sizes score loops with more than the iterations, to the bit."""
    evaluator = every()
    some = tiling(evaluator)
    batch = joined(some.batches(chain_at(some, [{"B": 5, "K": 3}]), 4096)[0])
    scores = score_batch(evaluator, batch)
    assert scores.valid.any()
    for number in range(len(batch)):
        mapping = batch.mapping(number, LAYER, SPATIAL).with_factors("imperfect")
        exact = Evaluator(machine(), LAYER, SPATIAL).evaluate(mapping, allow_invalid=True)
        assert (exact.energy.total, exact.latency.total) == (scores.energy[number], scores.latency[number])
        assert exact.valid == scores.valid[number]


def test_there_can_be_too_many() -> None:
    some = tiling(every(room=8))
    chain = chain_at(some, [{"B": 7, "K": 1}])
    batches, complete = some.batches(chain, 4)
    assert not complete
    assert 0 < sum(map(len, batches)) <= 4
    assert some.wide(chain) == {"B": {5}, "K": set()}


def test_orders_that_are_left_out_are_no_better(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(check_orders(seed, monkeypatch) for seed in range(16)) > 50


def check_orders(seed: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Compare mappings of some chains in all orders with those that are scored; return how many were compared."""
    rng = Random(f"orders {seed}")
    case = a_case(rng)
    groups, single = some_groups(case, rng)
    sizes = case.spatial.temporal_sizes(case.layer)
    keys = (
        *keys_of({dim: n for dim, n in sizes.items() if dim not in groups and n > 1}),
        *keys_of_groups(groups),
    )
    evaluator = padded(case, single)
    some = Tiling(evaluator.setting, keys, groups, frozenset())
    lattice = Lattice(keys, boundary_tables(padded(case, groups).model, keys))
    every = set(range(len(evaluator.setting.operands)))
    compared = 0
    for _ in range(60):
        chain = some_chain(rng, lattice)
        if chain is None:
            continue
        batches, complete = some.batches(chain, 4000)
        with monkeypatch.context() as patch:
            patch.setattr(Tiling, "_concerned", lambda _, __, ___, segments: [every for _ in segments])
            others, all_complete = some.batches(chain, 4000)
        if not (complete and all_complete and batches):
            continue
        few, many = joined(batches), joined(others)
        costs, all_costs = score_batch(evaluator, few), score_batch(evaluator, many)
        least = np.where(costs.valid, costs.energy * costs.latency, np.inf).min()
        for number in np.flatnonzero(all_costs.valid):
            # mappings with loops that count beneath a boundary are those of another chain
            if is_own(many.mapping(int(number), case.layer, case.spatial), chain, some):
                compared += 1
                assert least <= all_costs.energy[number] * all_costs.latency[number]
    return compared
