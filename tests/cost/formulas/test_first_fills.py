"""The shortest schedule of two chains of fills is that of the best of all orders of them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks.load import UNROLLED, deep
from zzcp import Layer, SpatialMapping, optimize
from zzcp.cost.conventions import EXACT
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.formulas import loading
from zzcp.cost.formulas.first_fills import TwoChains
from zzcp.cost.formulas.loading import FillSetting, _orders, schedule
from zzcp.cost.formulas.numeric import NUMPY, PYTHON
from zzcp.solver.lattice.keys import keys_of
from zzcp.solver.lattice.start import first_mapping

LAYER = Layer.gemm(b=64, k=64, c=64)
MAPPINGS = 7


def chains_of(random_: random.Random) -> list[tuple[FillSetting, ...]]:
    """Return two chains of fills on random ports, some of which wait for their memory."""
    most = random_.choice([2, 3, 6])
    return [
        tuple(
            FillSetting(
                chain, 0, ports[0] if ports[1:] else None, ports[-1], 0, 0, random_.choice([0, 0, 1, 3])
            )
            for ports in (
                random_.sample(range(most), random_.randint(1, 2)) for _ in range(random_.randint(1, 5))
            )
        )
        for chain in (0, 1)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_best_of_all_orders(seed: int) -> None:
    random_ = random.Random(seed)
    for _ in range(10):
        chains = chains_of(random_)
        two, orders = TwoChains(chains), _orders(chains)
        steps = [(chain, step) for chain in (0, 1) for step in range(len(chains[chain]))]
        cycles = {step: np.array(random_.choices((0, 1, 2, 3, 5, 8, 13), k=MAPPINGS)) for step in steps}
        least = np.minimum.reduce([schedule(chains, cycles, order, NUMPY)[0] for order in orders])
        assert (two.shortest(cycles, NUMPY)[0] == least).all()
        for number in range(MAPPINGS):
            of_one = {step: int(values[number]) for step, values in cycles.items()}
            shortest, order = two.shortest(of_one, PYTHON)
            assert shortest == least[number]
            assert sorted(order) == steps
            assert schedule(chains, of_one, order, PYTHON)[0] == shortest


def test_a_machine_of_many_levels_has_the_same_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its generated code, its arrays, and its report, whichever way the orders are gone through."""
    spatial = SpatialMapping.from_dict(UNROLLED)
    found = []
    for few in (0, 10**6):
        monkeypatch.setattr(loading, "_FEW_ORDERS", few)
        evaluator = Evaluator(deep(6), LAYER, spatial, EXACT)
        assert (evaluator.model.plan.many_orders is None) == (few > 0)
        mapping = first_mapping(evaluator, keys_of(evaluator.setting.temporal_sizes), "edp", 0, float("inf"))
        assert mapping is not None
        found.append((mapping, evaluator.evaluate(mapping).latency))
    assert found[0] == found[1]


def test_twelve_levels_end_with_a_mapping_and_a_bound() -> None:
    found = optimize(deep(12), LAYER, spatial=SpatialMapping.from_dict(UNROLLED), deterministic_limit=0.01)
    assert found.status == "feasible"
    assert found.mapping is not None
    assert found.lower_bound > 0
