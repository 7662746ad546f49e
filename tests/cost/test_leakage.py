"""Leakage: energy of every cycle, of memories and of the array."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generators import random_accelerator, random_mapping, random_spatial
from tests.machines import ARRAY, MEMORIES, machine
from tests.random_layers import KINDS, random_layer
from zzcp import EXACT, ZIGZAG, ZIGZAG_3_0, Accelerator, InputError, Layer, Mapping, evaluate
from zzcp.cost import Evaluator
from zzcp.cost.arguments import not_counted
from zzcp.cost.batch import evaluate_batch
from zzcp.documents import parse_document
from zzcp.io import accelerator_to_yaml, read_accelerator

GEMM = Layer.gemm(b=2, k=4, c=2)
MAPPING = Mapping.from_dict(
    {
        "spatial_mapping": {"D1": {"K": 2}},
        "temporal_mapping": {
            "W": [[["C", 2], ["B", 2]], [["K", 2]]],
            "I": [[["C", 2]], [["B", 2]], [["K", 2]]],
            "O": [[["C", 2], ["B", 2]], [["K", 2]]],
        },
    }
)


def leaking(accelerator: Accelerator, array: float, *memories: float) -> Accelerator:
    """Return a machine whose array leaks, and its memories in turn."""
    rates = memories or (0.0,)
    return replace(
        accelerator,
        array=replace(accelerator.array, leakage=array),
        memories=tuple(
            replace(memory, leakage=rates[number % len(rates)])
            for number, memory in enumerate(accelerator.memories)
        ),
    )


@cache
def random_case(seed: int) -> tuple[Accelerator, Layer, Mapping]:
    rng = Random(f"leakage {seed}")
    while True:
        accelerator = random_accelerator(rng)
        layer = random_layer(rng, rng.choice(list(KINDS)), 2000)
        spatial = random_spatial(rng, accelerator, layer)
        mapping = random_mapping(rng, accelerator, layer, spatial)
        if mapping is not None:
            return accelerator, layer, mapping


def test_every_instance_leaks_in_every_cycle() -> None:
    """4 x 2 units: 8 w_regs, 2 i_regs that serve D1, one SRAM and one DRAM."""
    given_ = leaking(machine(), 0.3, 0.01, 0.02, 0.5, 2.0)
    assert given_.leakage == Fraction(3, 10) + 8 * Fraction(1, 100) + 2 * Fraction(2, 100) + Fraction(5, 2)
    plain, leaks = evaluate(machine(), GEMM, MAPPING), evaluate(given_, GEMM, MAPPING)
    assert leaks.latency == plain.latency
    assert leaks.energy.exact == plain.energy.exact + given_.leakage * plain.latency.total
    assert leaks.energy.leakage == float(given_.leakage * plain.latency.total)
    assert (leaks.energy.mac, leaks.energy.memory) == (plain.energy.mac, plain.energy.memory)
    assert leaks.energy.by_memory == plain.energy.by_memory
    assert leaks.edp_exact == leaks.energy.exact * leaks.latency.total
    assert leaks.to_dict()["energy"]["leakage"] == leaks.energy.leakage
    assert "leakage" not in plain.to_dict()["energy"]


@settings(max_examples=30)
@given(st.integers(0, 15), st.floats(1e-6, 1e6), st.floats(0.01, 100), st.integers(1, 10**6))
def test_what_leaks_is_added_to_the_rest(seed: int, array: float, memory: float, times: int) -> None:
    """In all forms of the evaluator, to the bit, and in proportion to the rate."""
    accelerator, layer, mapping = random_case(seed)
    leaks = leaking(accelerator, array, memory, 0.0)
    plain = evaluate(accelerator, layer, mapping, allow_invalid=True)
    found = evaluate(leaks, layer, mapping, allow_invalid=True)
    assert found.latency == plain.latency
    assert found.energy.exact == plain.energy.exact + leaks.leakage * plain.latency.total
    batch = evaluate_batch(leaks, layer, mapping.spatial, [mapping], EXACT, mapping.links)
    chosen = evaluate(leaks, layer, mapping.with_buffering(None), allow_invalid=True)
    assert batch.energy[0] == chosen.energy.total
    assert batch.energy_units is not None
    assert Fraction(int(batch.energy_units[0]), batch.scale) == chosen.energy.exact
    evaluator = Evaluator(leaks, layer, mapping.spatial, EXACT, mapping.links)
    assert evaluator.cost(mapping) == (found.energy.exact, found.latency.total)
    more = evaluate(leaking(accelerator, float(times), 0.0), layer, mapping, allow_invalid=True)
    assert more.energy.exact - plain.energy.exact == times * plain.latency.total


@pytest.mark.parametrize("conventions", [ZIGZAG, ZIGZAG_3_0], ids=lambda conventions: conventions.name)
def test_zigzag_knows_no_leakage(conventions: object) -> None:
    leaks = leaking(machine(), 1.0, 2.0)
    plain = evaluate(machine(), GEMM, MAPPING, conventions=conventions)  # type: ignore[arg-type]
    found = evaluate(leaks, GEMM, MAPPING, conventions=conventions)  # type: ignore[arg-type]
    assert found.energy == plain.energy
    assert found.to_dict() == plain.to_dict()
    assert not_counted(leaks, conventions) == ["leakage"]  # type: ignore[arg-type]
    assert not_counted(leaks, EXACT) == not_counted(machine(), ZIGZAG) == []


def test_a_memory_that_everything_bypasses_leaks_all_the_same() -> None:
    given_ = leaking(machine(), 0.0, 0.0, 0.7, 0.0, 0.0)
    bypassing = Mapping.from_dict(
        {
            **MAPPING.to_dict(),
            "temporal_mapping": {
                "W": [[["C", 2], ["B", 2]], [["K", 2]]],
                "I": [[["C", 2], ["B", 2]], [["K", 2]]],
                "O": [[["C", 2], ["B", 2]], [["K", 2]]],
            },
            "double_buffered": None,
            "bypass": {"I": ["i_regs"]},
        }
    )
    plain, leaks = evaluate(machine(), GEMM, bypassing), evaluate(given_, GEMM, bypassing)
    assert "i_regs" not in leaks.energy.by_memory
    assert leaks.energy.exact == plain.energy.exact + 2 * Fraction(7, 10) * plain.latency.total


def test_the_field_is_read_and_written() -> None:
    accelerator = leaking(machine(), 0.25, 0.0, 1e-3)
    text = accelerator_to_yaml(accelerator)
    assert text.count("leakage") == 3
    assert read_accelerator(parse_document(text)) == accelerator
    assert "leakage" not in accelerator_to_yaml(machine())


@pytest.mark.parametrize("value", ["-1", "true", "1 mW", "1e300"])
def test_bad_figures(value: str) -> None:
    text = accelerator_to_yaml(leaking(machine(), 0.0, 0.5, 0.0, 0.0, 0.0))
    with pytest.raises(InputError, match=r"memories.w_regs.leakage: wrong value"):
        read_accelerator(parse_document(text.replace("leakage: 0.5", f"leakage: {value}")))
    with pytest.raises(InputError, match="leakage"):
        replace(MEMORIES[0], leakage=-1.0)
    with pytest.raises(InputError, match="leakage of the array out of range"):
        replace(ARRAY, leakage=float("inf"))
