"""Compiled formulas: the same figures as the formulas as they stand, and plain errors where they cannot be compiled."""

from __future__ import annotations

import pickle
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.generators import odd_spatial, random_accelerator, random_mapping, random_spatial
from tests.machines import machine
from tests.random_layers import KINDS, random_layer
from tests.strategies import EVERY
from zzcp.cost import EXACT, ZIGZAG, CostConventions, Evaluator, evaluator
from zzcp.cost.execution.compiled import record
from zzcp.cost.execution.symbolic import Symbol
from zzcp.cost.setting.state import mapping_states
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

SMALL = machine()
GEMM = Layer.gemm(b=5, k=8, c=6)
SPATIAL = SpatialMapping.from_dict({"D1": {"K": 4}, "D2": {"C": 2}})
MAPPING = Mapping.from_order(
    SPATIAL, [("C", 3), ("K", 2), ("B", 5)], {"O": [1, 3], "W": [2, 3], "I": [0, 2, 3]}
)


def always_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "COMPILE_AFTER", 0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.sampled_from(sorted(KINDS)), st.sampled_from(EVERY), st.booleans())
def test_same_as_formulas_as_they_stand(
    monkeypatch: pytest.MonkeyPatch, seed: int, kind: str, conventions: CostConventions, odd: bool
) -> None:
    rng = Random(seed)
    accelerator, layer = random_accelerator(rng), random_layer(rng, kind)
    spatial = (odd_spatial if odd else random_spatial)(rng, accelerator, layer)
    mapping = random_mapping(rng, accelerator, layer, spatial, conventions)
    if mapping is None:
        return
    with monkeypatch.context() as patch:
        plain = Evaluator(accelerator, layer, spatial, conventions)
        expected = plain.evaluate(mapping)
        always_compiled(patch)
        compiled = Evaluator(accelerator, layer, spatial, conventions)
        found = compiled.evaluate(mapping)
        assert found.to_dict() == expected.to_dict()
        assert found.energy.exact == expected.energy.exact
        assert compiled.cost(mapping) == (expected.energy.exact, expected.latency.total)
        stated = mapping.with_buffering(
            {op: tuple(rng.random() < 0.5 for _ in levels) for op, levels in mapping.temporal.items()}
        )
        both = [entry.evaluate(stated, allow_invalid=True).to_dict() for entry in (plain, compiled)]
        assert both[0] == both[1]


def test_what_is_wrong_is_found_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled formulas take a mapping to cover the layer; any other one is scored by the formulas."""
    always_compiled(monkeypatch)
    scorer = Evaluator(SMALL, GEMM, SPATIAL)
    for size in (1, 3, 5, 10):
        other = Mapping.from_order(SPATIAL, [("C", 3), ("K", 2), ("B", size)], MAPPING.allocation)
        found = scorer.evaluate(other, allow_invalid=True)
        assert found.valid is (size == 5)
        assert found.latency.ideal + found.latency.spatial_stall == 6 * size


def test_loops_of_size_one_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    always_compiled(monkeypatch)
    order = [("B", 1), ("C", 3), ("C", 1), ("K", 2), ("K", 1), ("B", 5), ("C", 1)]
    padded = Mapping.from_order(SPATIAL, order, {"O": [3, 7], "W": [4, 7], "I": [0, 4, 7]})
    for conventions in EVERY:
        scorer = Evaluator(SMALL, GEMM, SPATIAL, conventions)
        assert scorer.evaluate(padded).to_dict() == scorer.evaluate(MAPPING).to_dict()


def test_compiles_when_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "COMPILE_AFTER", 3)
    scorer = Evaluator(SMALL, GEMM, SPATIAL)
    compiled = []
    for _ in range(5):
        scorer.evaluate(MAPPING)
        compiled.append(scorer._compiled is not None)
    assert compiled == [False, False, False, True, True]


def test_compiled_evaluator_can_be_sent_to_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    always_compiled(monkeypatch)
    scorer = Evaluator(SMALL, GEMM, SPATIAL, ZIGZAG)
    expected = scorer.evaluate(MAPPING)
    assert scorer.arrays is not None
    copy = pickle.loads(pickle.dumps(scorer))
    assert copy.evaluate(MAPPING).to_dict() == expected.to_dict()
    assert pickle.loads(pickle.dumps(expected)).to_dict() == expected.to_dict()


@pytest.mark.parametrize("conventions", EVERY, ids=lambda value: value.name)
def test_recorded_bounds_hold(conventions: CostConventions) -> None:
    """The states of all mappings lie within the bounds that the graph was recorded with."""
    scorer = Evaluator(SMALL, GEMM, SPATIAL, conventions)
    states, _ = record(scorer.model).inputs
    operands = scorer.setting.operands
    found = mapping_states(operands, MAPPING.temporal, same_data_free=conventions.same_data_free)
    pairs = []
    for symbols, numbers in zip(states, found, strict=True):
        for name in ("period", "counts", "relevant", "irrelevant_above", "irrelevant_run", "relevant_run"):
            pairs += zip(getattr(symbols, name), getattr(numbers, name), strict=True)
    # inputs have no partial sums to read, so that it does not matter how often they could be read
    for symbol, number in pairs:
        if isinstance(symbol, Symbol):
            assert symbol.low <= number <= symbol.high
        else:
            assert symbol == number


def test_numbers_that_floats_cannot_hold_are_not_compiled_for_arrays() -> None:
    layer = Layer.gemm(b=2**20, k=2**20, c=2**20)
    memories = tuple(replace(memory, size=2**62) for memory in SMALL.memories)
    large = replace(SMALL, memories=memories)
    assert Evaluator(large, layer, SPATIAL, EXACT).arrays is None
    assert Evaluator(SMALL, GEMM, SPATIAL, EXACT).arrays is not None
