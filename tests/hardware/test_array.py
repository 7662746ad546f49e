"""The operational array: what it refuses, and its sizes. Arrays that compute in memory: see test_imc."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zzcp.errors import InputError
from zzcp.hardware import InMemoryComputing, OperationalArray
from zzcp.hardware.array import MAX_RESOLUTION, MAX_UNITS
from zzcp.hardware.imc import array_area

GOOD: dict[str, Any] = {"dimensions": ("D1", "D2"), "sizes": (4, 2)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"sizes": (4,)},
            "sizes: the array needs one size per dimension: expected 2 sizes for D1, D2, found 1 sizes",
        ),
        (
            {"dimensions": ()},
            "sizes: the array needs one size per dimension: expected 0 sizes for no dimensions, found 2 sizes",
        ),
        ({"dimensions": ("D1", "D1")}, "dimensions: array dimension given twice: found D1, D1"),
        ({"sizes": (4, 0)}, "array dimension D2: size out of range: expected >= 1, found 0"),
        (
            {"sizes": (2**16, 2**16)},
            f"sizes: the array is too large: expected at most {2**31} units, found {2**32}",
        ),
        (
            {"systolic_dimensions": ("D1", "D3")},
            "systolic_dimensions: systolic dimension is not a dimension of the array: "
            "expected D1, D2, found D3",
        ),
        ({"unit_energy": -1.0}, "unit energy out of range: expected a finite number >= 0, found -1.0"),
        ({"unit_energy": math.nan}, "unit energy out of range: expected a finite number >= 0, found nan"),
        ({"unit_area": math.inf}, "unit area out of range: expected a finite number >= 0, found inf"),
    ],
)
def test_arrays_that_cannot_be(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        OperationalArray(**(GOOD | change))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_precision": (6, 8)}, "input_precision: wrong value: expected a power of two, found 6"),
        ({"input_precision": (8, 0)}, "input_precision: wrong value: expected a power of two, found 0"),
        ({"bit_serial_precision": 3}, "bit_serial_precision: wrong value: expected a power of two, found 3"),
        (
            {"bit_serial_precision": 16},
            "bit_serial_precision: more bits per cycle than an activation has: expected at most 8, found 16",
        ),
        (
            {"analog": False},
            "adc_resolution: adc_resolution of a digital array: expected 0, or no such key, found 6",
        ),
        (
            {"adc_resolution": MAX_RESOLUTION + 1},
            "adc_resolution: wrong value: expected 0 to 64 bits, found 65",
        ),
        ({"adc_resolution": -1}, "adc_resolution: wrong value: expected 0 to 64 bits, found -1"),
    ],
)
def test_macros_that_cannot_be(change: dict[str, Any], message: str) -> None:
    good = {"analog": True, "input_precision": (8, 8), "bit_serial_precision": 2, "adc_resolution": 6}
    InMemoryComputing(**good)
    with pytest.raises(InputError) as caught:
        InMemoryComputing(**(good | change))
    assert str(caught.value) == message


@given(st.lists(st.integers(1, 12), max_size=5), st.floats(0, 10))
@settings(max_examples=40)
def test_units_and_area(sizes: list[int], unit_area: float) -> None:
    dimensions = tuple(f"D{number}" for number in range(1, len(sizes) + 1))
    array = OperationalArray(dimensions, tuple(sizes), unit_area=unit_area)
    assert array.units == math.prod(sizes)
    assert array_area(array) == unit_area * math.prod(sizes)
    assert [array.size(dimension) for dimension in dimensions] == sizes
    assert pickle.loads(pickle.dumps(array)) == array
    assert hash(pickle.loads(pickle.dumps(array))) == hash(array)


def test_the_largest_array() -> None:
    assert OperationalArray(("D1", "D2"), (2, MAX_UNITS // 2)).units == MAX_UNITS
