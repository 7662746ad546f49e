"""Systolic arrays that are filled and drained for every tile that stays in their units."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from itertools import product
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks import systolic
from tests.generators import random_mapping, random_spatial
from tests.machines import ARRAY, MEMORIES, machine, memory
from tests.random_layers import KINDS, random_layer
from tests.solver.brute_force import random_case as tiny_case
from tests.solver.machine_fields import systolic_refill
from zzcp import (
    EXACT,
    ZIGZAG,
    Accelerator,
    InputError,
    Layer,
    Mapping,
    MappingError,
    SpatialMapping,
    evaluate,
)
from zzcp.cost import Evaluation, Evaluator
from zzcp.cost.arguments import not_counted
from zzcp.cost.batch import evaluate_batch
from zzcp.documents import parse_document
from zzcp.io import accelerator_to_yaml, read_accelerator


def refilled(memories: tuple[Any, ...] = MEMORIES, **options: Any) -> Accelerator:
    """Return the machine of 4 x 2 units, systolic along both dimensions, whose weights stay in the units."""
    array = replace(ARRAY, systolic_dimensions=("D1", "D2"), **{"systolic_refill": "per_tile", **options})
    return machine(memories, array)


@cache
def random_case(seed: int) -> tuple[Accelerator, Layer, Mapping]:
    rng = Random(f"refill {seed}")
    while True:
        accelerator = systolic_refill(rng, tiny_case(rng, 300).accelerator)
        layer = random_layer(rng, rng.choice(list(KINDS)), 3000)
        spatial = random_spatial(rng, accelerator, layer)
        mapping = random_mapping(rng, accelerator, layer, spatial)
        if mapping is not None:
            return accelerator, layer, mapping


def plain(accelerator: Accelerator) -> Accelerator:
    return replace(accelerator, array=replace(accelerator.array, systolic_refill="per_layer"))


# ---- SCALE-Sim ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(systolic.CASES)), ids=lambda n: systolic.CASES[n].name)
def test_cycles_are_those_of_scale_sim(root: Path, number: int) -> None:
    """Recorded by ``python -m benchmarks systolic --scalesim-python ...`` with SCALE-Sim 3.0.0."""
    recorded = json.loads((root / "tests/data/scalesim.json").read_text())
    assert recorded["scalesim"] == "3.0.0"
    case = systolic.CASES[number]
    assert recorded["cases"][number] == case.name
    assert recorded["cycles"][number] == systolic.cycles_of(case)


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    m=st.integers(1, 300),
    n=st.integers(1, 300),
    k=st.integers(1, 300),
    dataflow=st.sampled_from(["ws", "os", "is"]),
)
@settings(max_examples=40)
def test_every_fold_fills_and_drains(rows: int, columns: int, m: int, n: int, k: int, dataflow: str) -> None:
    """SCALE-Sim's formula, rows + T + rows + columns - 2 a fold, without the first rows where outputs stay."""
    along, across, streamed = {"ws": (k, n, m), "os": (m, n, k), "is": (k, m, n)}[dataflow]
    each = streamed + rows + columns - 2 + (0 if dataflow == "os" else rows)
    case = systolic._gemm(dataflow, rows, columns, m, n, k)
    assert systolic.cycles_of(case) + 1 == each * ceil(along / rows) * ceil(across / columns)


def test_a_second_copy_hides_all_refills_but_the_first() -> None:
    case = systolic.CASES[4]  # 16 folds of 64 cycles on 16 x 16 units
    once, twice = (systolic.evaluation_of(case, copies) for copies in (1, 2))
    assert once.latency.drain == 16 * (16 + 30)
    assert twice.double_buffered["W"] == (True,)
    assert twice.latency.drain == 16 + 30


def test_a_second_copy_moves_in_no_faster() -> None:
    """8 x 8 units, one row of inputs: a tile is used for one cycle, and the next needs eight to move in."""
    case = systolic.CASES[3]
    assert systolic.evaluation_of(case, 2).latency.drain == 8 + 14 + (8 * 13 - 1) * (8 - 1)


# ---- the evaluator ----------------------------------------------------------------------------------------------


def tiles_of(layer: Layer, mapping: Mapping, operand: str) -> int:
    """Walk through the loops above the innermost level and count how often the operand's tile becomes another one."""
    order, (cut, *_) = mapping.order, mapping.allocation[operand]
    irrelevant = layer.relevance(operand).irrelevant
    above = list(order[cut:])
    while above and above[0][0] in irrelevant:
        above.pop(0)
    changes, last = 0, None
    for step in product(*(range(size) for _, size in reversed(above))):
        tile = tuple(
            position
            for position, (dim, _) in zip(step, reversed(above), strict=True)
            if dim not in irrelevant
        )
        changes += tile != last
        last = tile
    return changes


@given(st.integers(0, 40), st.booleans())
@settings(max_examples=40)
def test_the_drain_is_that_of_every_tile(seed: int, twice: bool) -> None:
    accelerator, layer, mapping = random_case(seed)
    operand = next(name for name, held in layer.default_links.items() if held == accelerator.stationary)
    levels = len(mapping.temporal[operand]) - 1
    mapping = mapping.with_buffering(
        {
            name: (name == operand and twice,) + (False,) * (len(rows) - 2)
            for name, rows in mapping.temporal.items()
        }
    )
    found = evaluate(accelerator, layer, mapping, allow_invalid=True)
    other = evaluate(plain(accelerator), layer, mapping, allow_invalid=True)
    array, evaluator = accelerator.array, Evaluator(accelerator, layer, mapping.spatial)
    sizes = [array.size(name) for name in array.systolic_dimensions]
    fill, tiles = sum(size - 1 for size in sizes), tiles_of(layer, mapping, operand)
    shift = 0
    if operand != layer.output:
        shift = sizes[0] * max(1, largest_tile(evaluator, mapping, operand))
    kept_twice = found.double_buffered[operand][0] if levels else False
    if kept_twice:
        period = evaluator.setting.run_cycles // tiles
        expected = shift + fill + (tiles - 1) * max(0, shift - period)
    else:
        expected = tiles * (shift + fill)
    assert found.latency.drain == expected
    assert found.energy == other.energy
    assert found.latency.total - found.latency.drain == other.latency.total - other.latency.drain
    assert_sums(found)


def largest_tile(evaluator: Evaluator, mapping: Mapping, operand: str) -> int:
    """Return the elements of the innermost level's largest tile, from its use of the memory."""
    index = evaluator.setting.operand_index(operand)
    size = evaluator.setting.operands[index].memories[0].size
    bits = evaluator.setting.operands[index].precision
    found = evaluator.evaluate(mapping, allow_invalid=True).utilization.individual[operand][0]
    return round(found * size / bits)


def assert_sums(found: Evaluation) -> None:
    parts = found.latency
    assert parts.total == (
        parts.ideal
        + parts.spatial_stall
        + parts.temporal_stall
        + parts.data_loading
        + parts.data_unloading
        + parts.drain
    )


@pytest.mark.parametrize("seed", range(12))
def test_batches_are_equal_to_the_bit(seed: int) -> None:
    accelerator, layer, mapping = random_case(seed)
    mapping = mapping.with_buffering(None)
    try:
        expected = evaluate(accelerator, layer, mapping)
    except MappingError:
        return
    batch = evaluate_batch(accelerator, layer, mapping.spatial, [mapping, mapping], EXACT, mapping.links)
    assert list(batch.latency) == [expected.latency.total] * 2
    assert {
        name: tuple(rows[:, 0]) for name, rows in batch.double_buffered.items()
    } == expected.double_buffered


@given(st.integers(0, 40))
@settings(max_examples=20)
def test_the_buffering_is_the_best_one(seed: int) -> None:
    """Of all bufferings that fit, none is faster than the one that is chosen."""
    accelerator, layer, mapping = random_case(seed)
    levels = {name: len(rows) - 1 for name, rows in mapping.temporal.items()}
    assume(sum(levels.values()) <= 7)
    try:
        chosen = evaluate(accelerator, layer, mapping.with_buffering(None))
    except MappingError:
        return
    for flags in product((False, True), repeat=sum(levels.values())):
        left = iter(flags)
        given_ = {name: tuple(next(left) for _ in range(count)) for name, count in levels.items()}
        try:
            other = evaluate(accelerator, layer, mapping.with_buffering(given_))
        except MappingError:
            continue
        assert chosen.latency.total <= other.latency.total


def test_zigzag_counts_one_drain_a_layer() -> None:
    layer, spatial = Layer.gemm(b=4, k=4, c=8), SpatialMapping.from_dict({"D1": {"C": 4}, "D2": {"K": 2}})
    loops = [("B", 4), ("C", 2), ("K", 2)]
    cuts = {"W": [1, 3], "I": [0, 1, 3], "O": [3, 3]}
    mapping = Mapping.from_order(spatial, loops, cuts)
    given_ = refilled()
    assert (
        evaluate(given_, layer, mapping, ZIGZAG).to_dict()
        == evaluate(plain(given_), layer, mapping, ZIGZAG).to_dict()
    )
    assert not_counted(given_, ZIGZAG) == ["systolic_refill"]
    assert not_counted(given_, EXACT) == not_counted(plain(given_), ZIGZAG) == []


# ---- the field --------------------------------------------------------------------------------------------------


def test_the_field_is_read_and_written() -> None:
    text = accelerator_to_yaml(refilled())
    assert "systolic_refill: per_tile" in text
    assert read_accelerator(parse_document(text)) == refilled()
    assert "systolic_refill" not in accelerator_to_yaml(plain(refilled()))
    assert refilled().stationary == "I2"
    assert plain(refilled()).stationary is None


def test_bad_values_are_one_message() -> None:
    text = accelerator_to_yaml(refilled())
    with pytest.raises(InputError, match=r"operational_array.systolic_refill: wrong value"):
        read_accelerator(parse_document(text.replace("per_tile", "sometimes")))
    with pytest.raises(InputError, match="nothing moves through the array from unit to unit"):
        replace(ARRAY, systolic_refill="per_tile")
    with pytest.raises(InputError, match="expected one operand whose innermost memory serves no systolic"):
        refilled((memory("all", "I1 I2 O", size=10**9, served_dimensions=("D1", "D2")),))
    broken = text.replace("served_dimensions:\n    - D1\n", "served_dimensions: []\n", 1)
    assert broken != text
    with pytest.raises(InputError, match=r"operational_array.systolic_refill: .*found I1, I2"):
        read_accelerator(parse_document(broken))
