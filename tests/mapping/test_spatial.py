"""Spatial mappings: forms, what fits a layer, what is left for time, and by how much one does not fit."""

from __future__ import annotations

import math
import pickle
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generators import random_accelerator, random_spatial
from tests.machines import machine
from tests.random_layers import KINDS, random_layer
from zzcp.errors import InputError
from zzcp.mapping import SpatialMapping
from zzcp.workload import Layer

GEMM = Layer.gemm(b=10, k=6, c=4)

unrollings = st.dictionaries(
    st.sampled_from(["D1", "D2", "D3"]),
    st.dictionaries(st.sampled_from(["B", "K", "C", "OX", "Z"]), st.integers(1, 20), max_size=3),
)


@given(unrollings)
@settings(max_examples=50)
def test_round_trip(data: dict[str, dict[str, int]]) -> None:
    spatial = SpatialMapping.from_dict(data)
    assert spatial.to_dict() == data
    assert list(spatial.to_dict()) == list(data)  # in the order of the user
    assert SpatialMapping.from_dict(spatial.to_dict()) == spatial
    assert list(spatial) == [
        (row, dim, factor) for row, loops in data.items() for dim, factor in loops.items()
    ]
    for dim in ("B", "K", "Z"):
        assert spatial.total(dim) == math.prod(loops.get(dim, 1) for loops in data.values())
    assert pickle.loads(pickle.dumps(spatial)) == spatial
    assert hash(SpatialMapping.from_dict(data)) == hash(spatial)


def test_names_of_layer_dimensions_may_be_in_lower_case() -> None:
    assert SpatialMapping.from_dict({"D1": {"k": 2, "ox": 3}}).to_dict() == {"D1": {"K": 2, "OX": 3}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"D1": {"K": 0}},
            "spatial mapping of D1: factor of K: expected an integer >= 1, found 0",
        ),
        (
            {"D1": {"K": 2.5}},
            "spatial mapping of D1: factor of K: expected an integer >= 1, found 2.5",
        ),
        (
            {"D1": {"K": True}},
            "spatial mapping of D1: factor of K: expected an integer >= 1, found True",
        ),
        (
            {"D1": ["K", 4]},
            "spatial mapping of D1: expected layer dimensions with factors, found ['K', 4]",
        ),
        (
            {"D2": {"k": 2, "K": 3}},
            "spatial mapping of D2: layer dimension given twice: found k, K",
        ),
    ],
)
def test_unrollings_that_cannot_be(data: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        SpatialMapping.from_dict(data)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("data", "sizes", "cycles"),
    [
        ({}, {"B": 10, "K": 6, "C": 4}, 240),
        ({"D1": {"K": 3}}, {"B": 10, "K": 2, "C": 4}, 80),
        ({"D1": {"K": 4}}, {"B": 10, "K": 2, "C": 4}, 80),
        ({"D1": {"B": 3, "C": 2}, "D2": {"B": 2}}, {"B": 2, "K": 6, "C": 2}, 24),
    ],
)
def test_what_is_left_for_time(data: dict[str, dict[str, int]], sizes: dict[str, int], cycles: int) -> None:
    spatial = SpatialMapping.from_dict(data)
    assert spatial.temporal_sizes(GEMM) == sizes
    assert spatial.cycles(GEMM) == cycles


def test_fitted_leaves_out_what_a_layer_lacks_and_reduces_what_is_too_large() -> None:
    spatial = SpatialMapping.from_dict({"D1": {"K": 4, "OX": 2}, "D2": {"K": 4}, "D3": {"FX": 3}})
    # 4 of 6 on D1 leave 2 for D2
    assert spatial.fitted(GEMM).to_dict() == {"D1": {"K": 4}, "D2": {"K": 2}}
    assert SpatialMapping.from_dict({"D1": {"C": 32}}).fitted(GEMM).to_dict() == {"D1": {"C": 4}}


@given(unrollings)
@settings(max_examples=50)
def test_what_is_fitted_fits_the_layer(data: dict[str, dict[str, int]]) -> None:
    spatial = SpatialMapping.from_dict(data)
    fitted = spatial.fitted(GEMM)
    found = fitted.violations(machine(), GEMM)
    assert not [text for text in found if "layer" in text]
    assert fitted.fitted(GEMM) == fitted
    assert set(fitted) <= {(row, dim, used) for row, dim, factor in spatial for used in range(1, factor + 1)}
    # nothing is lost: the layer runs as fast as with all that was asked for
    assert fitted.cycles(GEMM) == spatial.cycles(GEMM)


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 10**6))
@settings(max_examples=50)
def test_an_unrolling_that_fits_is_left_as_it_is(kind: str, seed: int) -> None:
    rng = Random(seed)
    accelerator, layer = random_accelerator(rng), random_layer(rng, kind)
    spatial = random_spatial(rng, accelerator, layer)
    assert spatial.violations(accelerator, layer) == []
    assert spatial.fitted(layer) == spatial
    for dim, size in layer.sizes.items():
        iterations = spatial.temporal_sizes(layer)[dim]
        assert (iterations - 1) * spatial.total(dim) < size <= iterations * spatial.total(dim)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"D1": {"K": 4}, "D2": {"C": 2}}, []),
        (
            {"D1": {"K": 3, "C": 2}},
            ["spatial mapping: D1 has 4 units, the unrolling needs 6 (2 too many)"],
        ),
        ({"D3": {"K": 2}}, ["spatial mapping: array dimension D3 does not exist (known: D1, D2)"]),
        ({"D1": {"OX": 2}}, ["spatial mapping: layer gemm has no dimension OX"]),
        (
            {"D1": {"C": 4}, "D2": {"C": 2}},
            [
                "spatial mapping: C is unrolled 2 times on D2, the layer has 1 iterations of it left "
                "(1 too many)"
            ],
        ),
        (
            {"D1": {"C": 8}},
            [
                "spatial mapping: D1 has 4 units, the unrolling needs 8 (4 too many)",
                "spatial mapping: C is unrolled 8 times on D1, the layer has 4 iterations of it left "
                "(4 too many)",
            ],
        ),
        ({"D1": {"K": 4}, "D2": {"K": 2}}, []),  # 6 on 4 leave 2
    ],
)
def test_violations_with_their_amounts(data: dict[str, dict[str, int]], found: list[str]) -> None:
    assert SpatialMapping.from_dict(data).violations(machine(), GEMM) == found
