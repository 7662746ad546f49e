"""The batch evaluator: bit for bit the scalar one, whatever the mapping."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.generators import odd_spatial, random_accelerator, random_order, random_spatial
from tests.machines import machine
from tests.random_layers import ALL_KINDS, random_layer
from zzcp.cost import (
    EXACT,
    ZIGZAG,
    ZIGZAG_3_0,
    CostConventions,
    Evaluator,
)
from zzcp.cost.batch import BatchEvaluation, MappingBatch, evaluate_batch
from zzcp.cost.batch import buffering as batch_buffering
from zzcp.cost.batch import evaluate as batch
from zzcp.cost.batch import score as batch_score
from zzcp.cost.evaluate import cached_evaluator
from zzcp.errors import InputError, MappingError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

MIXED = (
    replace(EXACT, name="exposed", once_only_loads="exposed"),
    replace(EXACT, name="by the run", once_only_loads="hidden_by_run", same_data_free=False),
    replace(EXACT, name="greedy", greedy_buffering=True, multiplied_windows=True),
    replace(EXACT, name="all reads", first_partial_sum_reads=True, early_final_precision=True),
    replace(ZIGZAG, name="scheduled", combined_loading=False, greedy_buffering=False),
    replace(ZIGZAG, name="whole lanes", fractional_unrolling=False, overcounted_slivers=False),
)
SMALL = machine()
GEMM = Layer.gemm(b=5, k=8, c=6)
SPATIAL = SpatialMapping.from_dict({"D1": {"K": 4}, "D2": {"C": 2}})


def scalar_figures(evaluator: Evaluator, mapping: Mapping) -> list[Any]:
    """Return what a batch says of a mapping, from the formulas as they stand (an evaluator that is not compiled)."""
    found = evaluator.evaluate(mapping, allow_invalid=True)
    exact = None if evaluator.setting.conventions.fractional_unrolling else found.energy.exact
    return [
        found.energy.total,
        exact,
        found.latency.total,
        found.latency.temporal_stall,
        found.latency.data_loading,
        found.latency.data_unloading,
        found.valid,
        {operand: list(flags) for operand, flags in found.double_buffered.items()},
    ]


def batch_figures(found: BatchEvaluation, number: int) -> list[Any]:
    units = found.energy_units
    return [
        found.energy[number],
        None if units is None else Fraction(int(units[number]), found.scale),
        found.latency[number],
        found.temporal_stall[number],
        found.data_loading[number],
        found.data_unloading[number],
        found.valid[number],
        {operand: list(flags[:, number]) for operand, flags in found.double_buffered.items()},
    ]


def assert_same(
    accelerator: Accelerator,
    layer: Layer,
    spatial: SpatialMapping,
    mappings: MappingBatch,
    conventions: CostConventions,
) -> BatchEvaluation:
    plain = evaluate_batch(accelerator, layer, spatial, mappings, conventions)
    # whoever asks for the compiled formulas gets them for good
    assert cached_evaluator(accelerator, layer, spatial, conventions)._arrays is None
    cached_evaluator(accelerator, layer, spatial, conventions).arrays  # noqa: B018
    found = evaluate_batch(accelerator, layer, spatial, mappings, conventions)
    evaluator = Evaluator(accelerator, layer, spatial, conventions)
    for number in range(len(mappings)):
        mapping = mappings.mapping(number, layer, spatial)
        expected = scalar_figures(evaluator, mapping)
        assert batch_figures(plain, number) == expected, (number, mapping)
        assert batch_figures(found, number) == expected, (number, mapping)
    return found


def random_batch(
    rng: Random, accelerator: Accelerator, layer: Layer, spatial: SpatialMapping, number: int, wrong: float
) -> MappingBatch:
    """Return random orders with random boundaries, most of them low; some with faults of every kind."""
    names = list(layer.sizes)
    orders = [
        [[names.index(loop.dim), loop.size] for loop in random_order(rng, layer, spatial)]
        for _ in range(number)
    ]
    for order in orders:
        if rng.random() < wrong:
            fault = rng.choice(("more", "fewer", "other"))
            if fault == "more":
                order.insert(rng.randint(0, len(order)), [rng.randrange(len(names)), rng.choice((2, 3, 7))])
            elif order:
                place = rng.randrange(len(order))
                order[place] = [rng.randrange(len(names)), order[place][1]] if fault == "other" else [0, 1]
    depth = max(map(len, orders)) + rng.randint(0, 2)
    for order in orders:  # loops of size 1 anywhere
        while len(order) < depth:
            order.insert(rng.randint(0, len(order)), [rng.randrange(len(names)), 1])
    loops = np.array(orders, dtype=np.int64).reshape(number, depth, 2)
    ends = {}
    for operand, link in layer.default_links.items():
        levels = len(accelerator.levels(link))
        rows = []
        for _ in range(number):
            lean = rng.choice((1, 2, 4))
            row = sorted(int(rng.random() ** lean * (depth + 1)) for _ in range(levels - 1))
            row.append(depth if rng.random() >= wrong / 4 else rng.randint(0, depth))
            if rng.random() < wrong / 4:
                rng.shuffle(row)
            rows.append(row)
        ends[operand] = np.array(rows, dtype=np.int64).reshape(number, levels).T
    return MappingBatch(loops[:, :, 0].T, loops[:, :, 1].T, ends)


def drawn(
    seed: str, kind: str, *, odd: bool = False
) -> Iterator[tuple[Accelerator, Layer, SpatialMapping, Random]]:
    """Yield a random machine, layer and unrolling."""
    rng = Random(seed)
    accelerator = random_accelerator(rng)
    layer = random_layer(rng, kind)
    yield accelerator, layer, (odd_spatial if odd else random_spatial)(rng, accelerator, layer), rng


# ---- the same bits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda value: value.name)
def test_same_as_scalar(kind: str, seed: int, conventions: CostConventions) -> None:
    for accelerator, layer, spatial, rng in drawn(f"{seed} {kind}", kind):
        mappings = random_batch(rng, accelerator, layer, spatial, 12, wrong=0.2)
        assert_same(accelerator, layer, spatial, mappings, conventions)


@pytest.mark.parametrize(
    "kind", ["conv_strided", "conv_dilated", "conv_1d", "depthwise", "gemm_batched", "add"]
)
def test_same_where_lanes_are_fractions(kind: str) -> None:
    for accelerator, layer, spatial, rng in drawn(f"odd {kind}", kind, odd=True):
        mappings = random_batch(rng, accelerator, layer, spatial, 25, wrong=0.1)
        assert_same(accelerator, layer, spatial, mappings, ZIGZAG)


@pytest.mark.parametrize("conventions", [ZIGZAG_3_0, *MIXED], ids=lambda value: value.name)
@pytest.mark.parametrize("kind", ["conv_strided", "gemm"])
def test_same_under_other_conventions(conventions: CostConventions, kind: str) -> None:
    for accelerator, layer, spatial, rng in drawn(f"{conventions.name} {kind}", kind):
        mappings = random_batch(rng, accelerator, layer, spatial, 12, wrong=0.1)
        assert_same(accelerator, layer, spatial, mappings, conventions)


@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda value: value.name)
def test_same_where_copies_are_forced(conventions: CostConventions) -> None:
    doubled = replace(
        SMALL, memories=tuple(replace(memory, force_double_buffering=True) for memory in SMALL.memories)
    )
    mappings = random_batch(Random(1), doubled, GEMM, SPATIAL, 60, wrong=0)
    found = assert_same(doubled, GEMM, SPATIAL, mappings, conventions)
    if conventions is EXACT:  # ZigZag's rule does not look at what is forced
        assert any(flags.any() for flags in found.double_buffered.values())


def test_best_of_several_bufferings_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for one copy of several: such a mapping is scored with each of its choices, the others once."""
    *inner, top = SMALL.memories
    cramped = replace(SMALL, memories=(*(replace(memory, size=1200) for memory in inner), top))
    layer = Layer.gemm(b=12, k=32, c=16)
    choices: list[int] = []

    def spying(*args: Any) -> Any:
        choices.append(args[4])
        return flags(*args)

    flags = batch_buffering._flags
    monkeypatch.setattr(batch_buffering, "_flags", spying)
    mappings = random_batch(Random(3), cramped, layer, SPATIAL, 300, wrong=0)
    assert_same(cramped, layer, SPATIAL, mappings, EXACT)
    assert choices == [0, 1, 0, 1]  # for the plain and for the compiled formulas


@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda value: value.name)
def test_parts_do_not_matter(conventions: CostConventions, monkeypatch: pytest.MonkeyPatch) -> None:
    mappings = random_batch(Random(2), SMALL, GEMM, SPATIAL, 23, wrong=0.1)
    whole = evaluate_batch(SMALL, GEMM, SPATIAL, mappings, conventions)
    monkeypatch.setattr(batch, "CHUNK", 5)
    parts = evaluate_batch(SMALL, GEMM, SPATIAL, mappings, conventions)
    for number in range(len(mappings)):
        assert batch_figures(parts, number) == batch_figures(whole, number)
    assert np.array_equal(parts.edp, whole.energy * whole.latency)
    assert len(parts) == 23


def test_memory_layout_does_not_matter() -> None:
    mappings = random_batch(Random(4), SMALL, GEMM, SPATIAL, 10, wrong=0.1)
    other = MappingBatch(
        np.asfortranarray(mappings.dims).astype(np.int16),
        mappings.sizes[::-1][::-1],
        {operand: np.asfortranarray(ends).astype(np.uint8) for operand, ends in mappings.ends.items()},
    )
    for conventions in (EXACT, ZIGZAG):
        found = (evaluate_batch(SMALL, GEMM, SPATIAL, entry, conventions) for entry in (mappings, other))
        first, second = ([batch_figures(entry, number) for number in range(10)] for entry in found)
        assert first == second


# ---- large numbers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda value: value.name)
@pytest.mark.parametrize(
    ("size", "again"), [(2**8, "none"), (2**15, "none"), (2**18, "all")], ids=["small", "medium", "large"]
)
def test_large_layers_are_exact(
    size: int, again: str, conventions: CostConventions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where floats would round, the mapping is scored again by the scalar evaluator."""
    rows: list[int] = []

    def spying(evaluator: Evaluator, mappings: MappingBatch, numbers: Any, result: Any) -> BatchEvaluation:
        rows.extend(numbers)
        return one_by_one(evaluator, mappings, numbers, result)

    one_by_one = batch_score.one_by_one
    monkeypatch.setattr(batch_score, "one_by_one", spying)
    monkeypatch.setattr(batch, "one_by_one", spying)
    layer = Layer.gemm(b=size, k=size, c=size, precision={"W": 4096, "I": 4096, "O": 4096, "O_final": 4096})
    large = replace(SMALL, memories=tuple(replace(memory, size=2**60) for memory in SMALL.memories))
    mappings = random_batch(Random(5), large, layer, SPATIAL, 20, wrong=0)
    found = assert_same(large, layer, SPATIAL, mappings, conventions)
    if conventions is EXACT:
        # the plain and the compiled formulas agree on which
        assert sorted(rows[: len(rows) // 2]) == sorted(rows[len(rows) // 2 :])
        assert {0: "none", 20: "all"}.get(len(rows) // 2, "some") == again
        assert found.energy_units is not None
        assert (max(map(int, found.energy_units)) >= 2**63) is (found.energy_units.dtype == object)


# ---- the arrays -----------------------------------------------------------------------------------------------


def test_mappings_come_back() -> None:
    rng, layer = Random(6), Layer.gemm(b=12, k=32, c=16)
    orders = [random_order(rng, layer, SPATIAL) for _ in range(20)]
    given = [
        Mapping.from_order(
            SPATIAL,
            order,
            {
                operand: [*sorted(rng.randint(0, len(order)) for _ in SMALL.levels(link)[1:]), len(order)]
                for operand, link in layer.default_links.items()
            },
        )
        for order in orders
    ]
    collected = MappingBatch.from_mappings(layer, given)
    assert len({len(order) for order in orders}) > 1  # so that some are padded
    assert len(collected) == 20
    assert [collected.mapping(number, layer, SPATIAL) for number in range(20)] == given
    directly = evaluate_batch(SMALL, layer, SPATIAL, given)
    collectively = evaluate_batch(SMALL, layer, SPATIAL, collected)
    assert np.array_equal(directly.latency, collectively.latency)


def test_operands_may_group_their_loops_differently() -> None:
    order = [("K", 2), ("C", 3), ("B", 5)]
    fine = Mapping.from_order(
        SPATIAL, [("C", 3), *order[:1], *order[2:]], {"O": [0, 3], "W": [0, 3], "I": [0, 0, 3]}
    )
    assert MappingBatch.from_mappings(GEMM, [fine]).mapping(0, GEMM, SPATIAL) == fine


def test_contradicting_orders_are_refused() -> None:
    mapping = Mapping.from_order(SPATIAL, [("K", 2), ("B", 5)], {"O": [0, 2], "W": [0, 2], "I": [0, 0, 2]})
    swapped = {**mapping.temporal, "W": ((), mapping.temporal["W"][1][::-1])}
    with pytest.raises(MappingError, match="different loop orders"):
        MappingBatch.from_mappings(GEMM, [mapping, replace(mapping, temporal=swapped)])


@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda value: value.name)
def test_empty_batch(conventions: CostConventions) -> None:
    empty = np.zeros((3, 0), dtype=np.int64)
    without_mappings = MappingBatch(
        empty, empty, {operand: np.zeros((2, 0), dtype=np.int64) for operand in GEMM.operands}
    )
    for mappings in ([], without_mappings):
        found = evaluate_batch(SMALL, GEMM, SPATIAL, mappings, conventions)
        assert len(found) == len(found.latency) == len(found.valid) == len(found.edp) == 0
        assert found.double_buffered["I"].shape == (2, 0)


def test_no_loops_at_all() -> None:
    layer = Layer.gemm(b=1, k=4, c=2)
    mappings = random_batch(Random(7), SMALL, layer, SPATIAL, 3, wrong=0)
    for conventions in (EXACT, ZIGZAG):
        found = assert_same(SMALL, layer, SPATIAL, mappings, conventions)
        assert found.valid.all()


def good() -> dict[str, Any]:
    """Return the arrays of a good batch of two mappings."""
    loops = [[2, 2], [1, 1], [0, 0]], [[3, 3], [2, 2], [5, 5]]
    ends = {"O": [[0, 1], [3, 3]], "W": [[0, 1], [3, 3]], "I": [[0, 0], [1, 2], [3, 3]]}
    return {
        "dims": np.array(loops[0]),
        "sizes": np.array(loops[1]),
        "ends": {operand: np.array(rows) for operand, rows in ends.items()},
    }


def test_good_batch_is_good() -> None:
    assert evaluate_batch(SMALL, GEMM, SPATIAL, MappingBatch(**good())).valid.all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dims": np.zeros((3, 3), dtype=int)}, "one shape"),
        ({"dims": np.zeros(3, dtype=int), "sizes": np.ones(3, dtype=int)}, "one shape"),
        ({"dims": np.full((3, 2), 3)}, "dims of a batch out of range: expected 0 to 2, found 3 to 3"),
        ({"dims": np.full((3, 2), -1)}, "dims of a batch out of range"),
        ({"sizes": np.zeros((3, 2), dtype=int)}, "sizes of a batch out of range: expected 1 or more"),
        ({"sizes": np.ones((3, 2))}, "sizes of a batch: expected integers, found float64"),
        ({"W": np.zeros((2, 5), dtype=int)}, "ends of operand W: expected shape"),
        ({"W": np.zeros((3, 2), dtype=int)}, "ends of operand W: expected 2 levels"),
        ({"W": np.full((2, 2), 4)}, "ends of operand W of a batch out of range: expected 0 to 3"),
        ({"W": np.full((2, 2), -1)}, "ends of operand W of a batch out of range"),
        ({"W": None}, "the batch lacks the allocation of an operand: found W"),
    ],
)
def test_bad_arrays_are_refused(change: dict[str, Any], message: str) -> None:
    arrays = good()
    for name, value in change.items():
        if name in arrays:
            arrays[name] = value
        elif value is None:
            del arrays["ends"][name]
        else:
            arrays["ends"][name] = value
    with pytest.raises(InputError, match=message):
        evaluate_batch(SMALL, GEMM, SPATIAL, MappingBatch(**arrays))


def test_mappings_of_different_shape_are_refused() -> None:
    ends = {"O": [0, 1], "W": [0, 1], "I": [0, 0, 1]}
    first = Mapping.from_order(SPATIAL, [("B", 5)], ends)
    second = Mapping.from_order(SPATIAL, [("B", 5)], {**ends, "I": [0, 1]})
    with pytest.raises(InputError, match=r"same operands and levels: found I: 2 .* and I: 3"):
        evaluate_batch(SMALL, GEMM, SPATIAL, [first, second])
    unknown = Mapping.from_order(SPATIAL, [("OX", 5)], ends)
    with pytest.raises(InputError, match="lacks: expected B, K, C, found OX"):
        evaluate_batch(SMALL, GEMM, SPATIAL, [first, unknown])
