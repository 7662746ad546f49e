"""What is asked of an unrolling, and what of it unrollings violate."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.machines import machine
from zzcp import Constraints, Mapping, constraint_violations
from zzcp.errors import InputError
from zzcp.mapping import SpatialMapping
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.unrolling_constraints import (
    AllowedDims,
    FixedFactor,
    MinArrayUtilization,
    MostDims,
    UnrollingConstraint,
    check_names,
    units_in_use,
    violation,
)
from zzcp.workload import Layer

LAYER = Layer.gemm(b=3, k=5, c=4)
SPATIAL = SpatialMapping.from_dict({"D1": {"K": 2, "C": 2}, "D2": {"B": 2}})


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (AllowedDims("D1", ("K", "C", "B")), None),
        (AllowedDims("D1", ("K",)), "K 2 x C 2 is unrolled there"),
        (AllowedDims("D2", ()), "B 2 is unrolled there"),
        (MostDims("D1", 2), None),
        (MostDims("D1", 1), "K 2 x C 2 is unrolled there"),
        (FixedFactor("D1", "K", 2), None),
        (FixedFactor("D1", "K", 3), "K 2 x C 2 is unrolled there"),
        (FixedFactor("D2", "K", 1), None),
        (FixedFactor("D2", "FX", 8), None),  # the layer has one iteration of it
        (FixedFactor("D3", "K", 1), None),
        (FixedFactor("D3", "K", 2), "nothing is unrolled there"),
        (MinArrayUtilization(Fraction(1)), None),
    ],
)
def test_violations(item: UnrollingConstraint, expected: str | None) -> None:
    assert violation(item, machine(), LAYER, SPATIAL) == expected


def test_lanes_that_the_iterations_do_not_need_are_not_in_use() -> None:
    layer = Layer.gemm(b=1, k=9, c=1)
    assert units_in_use(layer, SpatialMapping.from_dict({"D1": {"K": 8}, "D2": {"K": 2}})) == 10
    small = Layer.gemm(b=1, k=5, c=1)
    spatial = SpatialMapping.from_dict({"D1": {"K": 4}})
    assert units_in_use(small, spatial) == 3
    assert (
        violation(MinArrayUtilization(Fraction(1, 2)), machine(), small, spatial) == "3 of 8 units are in use"
    )


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            AllowedDims("D9", ("K",)),
            "constraint 'unrolled on D9 only K': unknown array dimension: expected one of D1, D2",
        ),
        (
            FixedFactor("D1", "Kx", 2),
            "unknown dimension: expected one of B, K, C, found Kx (did you mean 'K'?)",
        ),
        (AllowedDims("D1", ("K", "Z")), "unknown dimension: expected one of B, K, C, found Z"),
    ],
)
def test_names_that_do_not_exist_are_refused(item: UnrollingConstraint, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_names((item,), machine(), LAYER)
    assert message in str(caught.value)


def test_dimensions_that_other_layers_have_may_be_named() -> None:
    check_names((AllowedDims("D1", ("K", "FX")), MostDims("D1", 1)), machine(), LAYER)


def test_a_mapping_is_checked() -> None:
    mapping = Mapping.from_dict(
        {
            "spatial_mapping": {"D1": {"K": 2}},
            "temporal_mapping": {"W": [[], [["C", 4]]], "I": [[], [], [["C", 4]]], "O": [[], [["C", 4]]]},
        }
    )
    asked = {"spatial": {"D1": {"allow": ["C"], "fix": {"K": 2}}}, "min_array_utilization": 0.5}
    assert constraint_violations(machine(), Layer.gemm(b=1, k=2, c=4), mapping, asked) == [
        "unrolled on D1 only C: K 2 is unrolled there",
        "utilization of the array at least 0.5: 2 of 8 units are in use",
    ]


def test_they_bound_a_space() -> None:
    asked = Constraints.from_dict(
        {
            "spatial": {"D1": {"allow": ["C", "FX"], "most": 1}, "D2": {"fix": {"K": 8}}},
            "min_array_utilization": 0.25,
        }
    )
    bounded = Freedom(3, {"D1": ["C", "K"]}).under(asked.on_unrolling, LAYER)
    assert bounded == Freedom(3, {"D1": ["C"]}, {}, 0.25, {"D1": 1}, {"D2": {"K": 5}})
    assert bounded.description == (
        "up to 3 layer dimensions on every array dimension, D1 of C, at most 1 on D1, D2 with K 5, "
        "at least 0.25 of the units in use"
    )
    assert Freedom.from_dict(bounded.to_dict()) == bounded
    assert bounded.least_units(8) == 2
    assert bounded.holds(machine(), LAYER, SpatialMapping.from_dict({"D1": {"C": 4}, "D2": {"K": 5}}))
    for other in ({"D1": {"K": 4}, "D2": {"K": 5}}, {"D1": {"C": 4}, "D2": {"K": 2}}):
        assert not bounded.holds(machine(), LAYER, SpatialMapping.from_dict(other))


def test_a_share_never_asks_for_a_unit_more() -> None:
    for used in range(1, 300):
        asked = (MinArrayUtilization(Fraction(used, 300)),)
        assert Freedom().under(asked, LAYER).least_units(300) == used
