"""Padded sizes: all tile sizes are among their divisors."""

from __future__ import annotations

import math
from itertools import product

import pytest

from tests.solver.padding.every_chain import loops_of
from zzcp.solver.padding.choices import Paddings, padded_sizes
from zzcp.workload import Layer


@pytest.mark.parametrize("iterations", [*range(1, 24), 30, 48])
def test_every_chain_of_tile_sizes_belongs_to_a_padded_size(iterations: int) -> None:
    sizes = padded_sizes(iterations)
    assert sizes[0] == iterations
    assert len(set(sizes)) == len(sizes)
    for loops in loops_of(iterations):
        # the tile sizes but the last divide a padded size, which has the same tiles of them
        below = math.prod(loops[:-1])
        assert any(size % below == 0 and size >= iterations for size in sizes), loops


def test_padding_is_limited() -> None:
    assert padded_sizes(13, 0.0) == (13,)
    assert padded_sizes(13, 0.1) == (13, 14)
    assert max(padded_sizes(13)) == 24


def test_combinations_begin_with_loops_that_divide() -> None:
    layer = Layer.gemm(b=3, k=4, c=1)
    every = Paddings.of(layer, layer.sizes)
    assert list(every) == [{}, {"K": 6}, {"B": 4}, {"B": 4, "K": 6}]
    assert len(every) == 4


def test_windows_on_the_output_are_not_padded() -> None:
    layer = Layer("O[k][iy]+=W[k][fy]*I[k][oy]", {"K": 3, "OY": 5, "FY": 3}, relations=("iy=1*oy+1*fy",))
    assert Paddings.of(layer, layer.sizes).sizes == {"K": (3, 4), "OY": (5,), "FY": (3,)}


def test_promising_padded_sizes_have_many_divisors() -> None:
    layer = Layer.gemm(b=13, k=12, c=1)
    every = Paddings.of(layer, layer.sizes)
    assert every.promising(8) == [{"B": 24, "K": 12, "C": 1}, {"B": 13, "K": 12, "C": 1}]
    assert every.promising(1) == [{"B": 24, "K": 12, "C": 1}]


@pytest.mark.parametrize("apart", [(), ("B",), ("B", "K")])
def test_sets_of_combinations_are_all_but_that_of_loops_that_divide(apart: tuple[str, ...]) -> None:
    layer = Layer.gemm(b=5, k=4, c=1)
    every = Paddings.of(layer, layer.sizes)
    found = [
        dict(zip(sizes, some, strict=True))
        for sizes in every.split(apart)
        for some in product(*sizes.values())
    ]
    expected = [layer.sizes | padded for padded in every if padded or apart != ("B", "K")]
    assert sorted(found, key=str) == sorted(expected, key=str)
