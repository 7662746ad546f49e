"""The configurations of NVDLA, and what docs/validation.md says of them."""

from __future__ import annotations

import pytest

from benchmarks.nvdla import CONFIGURATIONS, Configuration, layers
from benchmarks.validation import VALIDATION
from zzcp import Layer, SpatialMapping, evaluate, optimize


def test_resnet_50_has_its_operations() -> None:
    found = layers()
    assert sum(found.values()) == 54
    assert sum(layer.macs * times for layer, times in found.items()) == pytest.approx(4.09e9, rel=0.01)


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_unrollings_fit_the_lanes(configuration: Configuration) -> None:
    for layer in layers():
        spatial = SpatialMapping.from_dict(configuration.spatial(layer))
        for dimension, factors in spatial.unrolling:
            lanes = configuration.accelerator.array.size(dimension)
            product = 1
            for _, factor in factors:
                product *= factor
            assert 1 <= product <= lanes


def test_dram_is_what_holds_a_product_up() -> None:
    """One row of a product: every weight comes once over a bus of one byte per cycle."""
    configuration = CONFIGURATIONS[-1]
    layer = Layer.gemm(b=1, k=64, c=64, precision={"W": 8, "I": 8, "O": 32, "O_final": 8})
    spatial = {"D1": {"C": 8}, "D2": {"K": 8}}
    result = optimize(configuration.accelerator, layer, "latency", spatial=spatial)
    assert result.mapping is not None
    total = evaluate(configuration.accelerator, layer, result.mapping).latency.total
    assert 64 * 64 + 64 <= total <= 1.1 * (64 * 64 + 2 * 64)


def test_the_page_has_the_configurations() -> None:
    page = VALIDATION.read_text(encoding="utf-8")
    for some in CONFIGURATIONS:
        row = f"| {some.channels} x {some.filters} | {some.buffer} KB | {some.bandwidth} GB/s | {some.frames:g} |"
        assert row in page
