"""The unrolling when the array changes."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.machines import MEMORIES, machine
from zzcp.hardware import Accelerator, OperationalArray
from zzcp.mapping import SpatialMapping
from zzcp.sweeps.refit import refit
from zzcp.workload import Layer

LAYER = Layer.conv(b=1, k=24, c=6, oy=5, ox=7, fy=3, fx=3)
ARRAY = OperationalArray(("D1", "D2"), (4, 6))


def array(*sizes: int) -> OperationalArray:
    return OperationalArray(("D1", "D2"), sizes)


@pytest.mark.parametrize(
    ("before", "sizes", "after"),
    [
        ({"D1": {"K": 4}, "D2": {"C": 6}}, (4, 6), {"D1": {"K": 4}, "D2": {"C": 6}}),
        ({"D1": {"K": 4}, "D2": {"C": 6}}, (8, 6), {"D1": {"K": 8}, "D2": {"C": 6}}),
        ({"D1": {"K": 4}, "D2": {"C": 6}}, (2, 12), {"D1": {"K": 2}, "D2": {"C": 6}}),
        # what is left of K after D1 goes to D2
        ({"D1": {"K": 4}, "D2": {"K": 6}}, (12, 6), {"D1": {"K": 12}, "D2": {"K": 2}}),
        # nine units: FY and FX whole; six: one of them and two of the other, in 3 * 2 iterations
        ({"D1": {"K": 4}, "D2": {"FY": 3, "FX": 2}}, (4, 9), {"D1": {"K": 4}, "D2": {"FY": 3, "FX": 3}}),
        # 13 lanes would take as many iterations as 12
        ({"D1": {"K": 4}}, (13, 6), {"D1": {"K": 12}}),
        ({"D1": {"K": 4}}, (100, 6), {"D1": {"K": 24}}),
    ],
)
def test_refit(
    before: dict[str, dict[str, int]], sizes: tuple[int, int], after: dict[str, dict[str, int]]
) -> None:
    found = refit(SpatialMapping.from_dict(before), LAYER, ARRAY, array(*sizes))
    assert found.to_dict() == after


@given(
    units=st.integers(1, 40),
    dims=st.lists(st.sampled_from(["K", "C", "OX", "FY"]), min_size=1, max_size=3, unique=True),
)
def test_the_fewest_iterations(units: int, dims: list[str]) -> None:
    before = SpatialMapping.from_dict({"D1": dict.fromkeys(dims, 1)})
    found = refit(before, LAYER, ARRAY, array(units, 6)) if units != 4 else None
    if found is None:
        return
    assert not [text for text in found.violations(machine_of(units), LAYER) if "units" in text]
    best = min(
        prod(-(-LAYER.sizes[dim] // factor) for dim, factor in zip(dims, factors, strict=True))
        for factors in product(*(range(1, min(units, LAYER.sizes[dim]) + 1) for dim in dims))
        if prod(factors) <= units
    )
    assert prod(-(-LAYER.sizes[dim] // found.total(dim)) for dim in dims) == best


def machine_of(units: int) -> Accelerator:
    return machine(MEMORIES, array(units, 6))
