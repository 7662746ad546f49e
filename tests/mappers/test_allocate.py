"""Greedy allocation: laws of the result, the cases that it refuses, and the comparison with ZigZag's allocator."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path
from random import Random

import pytest

from tests.generators import random_accelerator, random_spatial
from tests.random_layers import KINDS, random_layer
from zzcp import EXACT, ZIGZAG, Layer, Mapping, MappingError, SpatialMapping, evaluate, load_accelerator
from zzcp.hardware import Accelerator
from zzcp.io import accelerator_to_yaml
from zzcp.mappers import allocate

PRECISION = {"W": 32, "I": 32, "O": 32, "O_final": 32}
LAYER = Layer.gemm(b=100, k=100, c=100, precision=PRECISION)
SPATIAL = SpatialMapping.from_dict({"D1": {"K": 4}, "D2": {"C": 4}})


def random_order(rng: Random, layer: Layer, spatial: SpatialMapping) -> list[tuple[str, int]]:
    """Return the prime factors of what is left for the loops in a random order."""
    loops = []
    for dim, size in spatial.temporal_sizes(layer).items():
        factor, rest = 2, size
        while rest > 1:
            if rest % factor:
                factor += 1
            else:
                rest //= factor
                loops.append((dim, factor))
    rng.shuffle(loops)
    return loops


@pytest.mark.parametrize("size", ["1_2_4", "8_64_1024"])
def test_the_orders_of_the_seed_question_are_cut_as_zigzag_cut_them(size: str) -> None:
    machine = load_accelerator(f"models/accelerators/seed_eyeriss_{size}.yaml")
    expected = Mapping.from_yaml(Path(f"examples/seed/conv_{size}.yaml").read_text())
    found = allocate(machine, LAYER, SPATIAL, expected.order, ZIGZAG)
    assert found.to_dict()["temporal_mapping"] == {
        operand: expected.to_dict()["temporal_mapping"][operand] for operand in LAYER.operands
    }


@pytest.mark.parametrize("seed", range(60))
def test_every_allocation_is_a_valid_mapping(seed: int) -> None:
    rng = Random(seed)
    machine = random_accelerator(rng, "machine")
    layer = random_layer(rng, rng.choice(list(KINDS)))
    spatial = random_spatial(rng, machine, layer)
    order = random_order(rng, layer, spatial)
    try:
        mapping = allocate(machine, layer, spatial, order)
    except MappingError:
        return  # no law for what does not fit
    assert prod(size for _, size in mapping.order) == spatial.cycles(layer)
    assert evaluate(machine, layer, mapping, EXACT).valid


def test_a_layer_that_is_unrolled_completely_has_no_loops() -> None:
    machine = load_accelerator("models/accelerators/seed_eyeriss_1_2_4.yaml")
    mapping = allocate(machine, Layer.gemm(b=1, k=4, c=4), SPATIAL, ())
    assert all(level == () for levels in mapping.temporal.values() for level in levels)


def with_memory(machine: Accelerator, name: str, size: int, **changes: object) -> Accelerator:
    """Return a machine with another size of one memory."""
    memories = tuple(
        replace(memory, size=size, **changes) if memory.name == name else memory  # type: ignore[arg-type]
        for memory in machine.memories
    )
    return replace(machine, memories=memories)


@pytest.mark.parametrize(
    ("memory", "size", "message"),
    [
        ("rf_64B_W", 31, "operand W needs 32 there before the memory holds any loop of its own (1 too many)"),
        (
            "sram_1M",
            255,
            "operands I, O need 256 there before the memory holds any loop of its own (1 too many)",
        ),
        ("dram", 319_999, "memory dram is the outermost of operand"),
    ],
)
def test_what_does_not_fit_is_said(memory: str, size: int, message: str) -> None:
    machine = with_memory(load_accelerator("models/accelerators/seed_eyeriss_1_2_4.yaml"), memory, size)
    with pytest.raises(MappingError) as caught:
        allocate(machine, LAYER, SPATIAL, [("B", 100), ("C", 25), ("K", 25)])
    assert message in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_memory_that_keeps_tiles_twice_takes_fewer_loops() -> None:
    machine = load_accelerator("models/accelerators/seed_eyeriss_1_2_4.yaml")
    order = [("K", 5), ("B", 100), ("K", 5), ("C", 25)]
    # K 5 and K 5 are 12,800 bits for the 16 units, twice as much where a tile is kept twice
    for size, force, held in (
        (12_799, False, ()),
        (12_800, False, (("K", 5),)),
        (25_599, True, ()),
        (25_600, True, (("K", 5),)),
    ):
        changed = with_memory(machine, "sram_64KB", size, force_double_buffering=force)
        assert allocate(changed, LAYER, SPATIAL, order).temporal["W"][1] == held


def test_of_equals_the_larger_tile_counts() -> None:
    # B 4 needs four times the space and is refilled a quarter as often
    machine = load_accelerator("models/accelerators/seed_eyeriss_1_2_4.yaml")
    mapping = allocate(machine, Layer.gemm(b=4, k=4, c=1), SpatialMapping(), [("K", 4), ("B", 4)])
    assert mapping.temporal["I"][0] == (("K", 4), ("B", 4))


@pytest.mark.differential
def test_random_orders_are_cut_as_zigzag_cuts_them(tmp_path: Path) -> None:
    from tests.mappers.zigzag_allocator import zigzag_allocation  # noqa: PLC0415 - needs zigzag-dse

    rng = Random(7)
    compared = refused = 0
    for number in range(80):
        machine = random_accelerator(rng, f"machine_{number}")
        path = tmp_path / f"{machine.name}.yaml"
        path.write_text(accelerator_to_yaml(machine))
        layer = random_layer(rng, rng.choice(list(KINDS)), max_macs=200_000)
        spatial = random_spatial(rng, machine, layer)
        order = random_order(rng, layer, spatial)
        expected = zigzag_allocation(path, layer, spatial, order)
        try:
            mapping = allocate(machine, layer, spatial, order, ZIGZAG)
        except MappingError:
            assert expected is None
            refused += 1
            continue
        found = {
            operand: [[tuple(loop) for loop in level] for level in levels]
            for operand, levels in mapping.temporal.items()
        }
        assert found == expected, f"machine {number}"
        compared += 1
    assert compared > 20
