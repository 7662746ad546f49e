"""Padded sizes: all tile sizes are among their divisors."""

from __future__ import annotations

import math

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
