"""The suite about loops that need not divide: what is padded, and what its table says."""

from __future__ import annotations

from benchmarks.imperfect import LAYERS, MACHINES, padded_layer, page
from tests.machines import machine
from zzcp import Layer, SpatialMapping


def row(divide: float, every: float, gap: float, seconds: float) -> dict[str, object]:
    found = {
        "divide": {"objective": divide, "bound": divide, "gap": 0.0, "cpu_s": 0.5},
        "all": {"objective": every, "bound": every * (1 - gap), "gap": gap, "cpu_s": seconds},
        "padded": {"objective": divide * 1.25, "bound": divide, "gap": 0.0, "cpu_s": 0.5},
    }
    return {"machine": "small", "layer": "gemm", "spatial": {}, "padded_sizes": {}, "found": found}


def test_what_is_unrolled_is_padded_to_the_array() -> None:
    """4 x 2 units: 13 becomes 16, 7 becomes 8, and what lies on the array as a whole stays."""
    spatial = SpatialMapping.from_dict({"D1": {"K": 4}, "D2": {"C": 2}})
    assert padded_layer(machine(), Layer.gemm(b=5, k=13, c=7), spatial).sizes == {"B": 5, "K": 16, "C": 8}
    assert padded_layer(machine(), Layer.gemm(b=5, k=3, c=2), spatial).sizes == {"B": 5, "K": 3, "C": 2}


def test_the_table_has_what_is_asked_beside_what_is_reached() -> None:
    text = page([row(100.0, 90.0, 0.0, 1.0), row(100.0, 100.0, 0.5, 20.0)])
    assert "| gemm | small | +25.00% | -10.00% | 0.00% | 0.5 s | 1.0 s |" in text
    assert "| gemm | small | +25.00% | 0 | 50.00% | 0.5 s | 20.0 s |" in text
    assert "better than loops that divide in 1 of 2 cases, by up to 10.0%" in text
    assert "at most 10 times the processor time in the median, reached: 21 times" in text
    assert "all proven to 0.001 within 120 s, reached: 1 of 2 (at most 20 s of processor time)" in text


def test_the_suite_has_every_size_that_is_awkward() -> None:
    assert len(LAYERS) * len(MACHINES) == 56
