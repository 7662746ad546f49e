"""Greedy construction: the orders it writes down."""

from __future__ import annotations

from math import prod

import pytest

from tests.machines import ARRAY, memory
from tests.mappers.problems import problem
from zzcp import EXACT, Layer, SpatialMapping
from zzcp.cost.setting_compiler import compile_setting
from zzcp.hardware import Accelerator
from zzcp.mappers import Budget, Problem, make_mapper
from zzcp.mappers.greedy import stationary_order
from zzcp.mapping.mapping import Loop

LAYER = Layer.gemm(b=8, k=12, c=6)


def machine(size: int) -> Accelerator:
    """Return a machine with one buffer for all operands below the main memory."""
    return Accelerator(
        "two", (memory("buffer", "I1 I2 O", size=size), memory("dram", "I1 I2 O", size=10**9)), ARRAY
    )


@pytest.mark.parametrize(
    ("size", "dims", "order"),
    [
        # 8 bits per weight and input, 16 per output: C 6 takes 6 + 6 + 1 elements, 112 bits; a B more 64
        (112, "CBK", [("C", 6), ("B", 8), ("K", 12)]),
        (175, "CBK", [("C", 6), ("B", 8), ("K", 12)]),
        (176, "CBK", [("C", 6), ("B", 2), ("B", 4), ("K", 12)]),
        # of 3 and 2 the larger factor is tried first: C 3 is 48 + 16 bits
        (64, "CBK", [("C", 3), ("C", 2), ("B", 8), ("K", 12)]),
        (63, "CBK", [("C", 2), ("C", 3), ("B", 8), ("K", 12)]),
        # where one dimension no longer fits, the next may
        (10**6, "KBC", [("K", 12), ("B", 8), ("C", 6)]),
    ],
)
def test_tiles_grow_until_the_memory_is_full(size: int, dims: str, order: list[tuple[str, int]]) -> None:
    setting = compile_setting(machine(size), LAYER, SpatialMapping(), EXACT)
    assert stationary_order(setting, dims) == tuple(Loop(*loop) for loop in order)


def test_windows_count_as_their_positions() -> None:
    layer = Layer.conv(ox=8, fx=3, k=1, c=1)
    setting = compile_setting(machine(16 * 8 + 3 * 8 + 10 * 8), layer, SpatialMapping(), EXACT)
    assert stationary_order(setting, ["FX", "OX"]) == (Loop("FX", 3), Loop("OX", 8))
    smaller = compile_setting(machine(16 * 8 + 3 * 8 + 10 * 8 - 1), layer, SpatialMapping(), EXACT)
    assert stationary_order(smaller, ["FX", "OX"]) == (Loop("FX", 3), Loop("OX", 4), Loop("OX", 2))


def test_orders_cover_the_layer() -> None:
    task = problem()
    setting = compile_setting(task.accelerator, task.layer, task.spatial, EXACT)
    for dims in (["B", "K", "C"], ["C", "K", "B"]):
        order = stationary_order(setting, dims)
        for dim, size in setting.temporal_sizes.items():
            assert prod(factor for other, factor in order if other == dim) == size


def test_every_dataflow_is_one_of_all() -> None:
    task = Problem(machine(700), LAYER, SpatialMapping(), "energy")
    found = {
        name: make_mapper("greedy", stationary=name).map(task, Budget())
        for name in ("all", "output", "weight", "input")
    }
    single = [found[name].objective for name in ("output", "weight", "input")]
    assert None not in single
    assert found["all"].objective == min(value for value in single if value is not None)
    assert len(set(single)) > 1
    # irrelevant to the output is C: two lists; one order each at most
    assert found["output"].evaluations <= 2
    assert make_mapper("greedy", lists=1).map(task, Budget()).evaluations <= 3


def test_a_stationary_operand_stays_longest() -> None:
    task = Problem(machine(700), LAYER, SpatialMapping(), "energy")
    for name, dims in (("output", "C"), ("weight", "B"), ("input", "K")):
        mapping = make_mapper("greedy", stationary=name).map(task, Budget()).mapping
        assert mapping is not None
        assert mapping.order[0].dim == dims
