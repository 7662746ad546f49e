"""What is given and what is chosen of an unrolling."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.machines import machine
from zzcp.errors import InputError
from zzcp.mapping import SpatialMapping
from zzcp.mapping.default import default_spatial
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.unrollings import UnrollingOptions
from zzcp.workload import Layer

LAYER = Layer.gemm(b=2, k=4, c=4)
FACTORS = {"D1": {"K": 16}}


def test_what_is_given_is_fitted_to_the_layer() -> None:
    factors = {**FACTORS, "D2": {"C": 2}}
    found = UnrollingOptions().unrolling(machine(), LAYER, factors)
    assert found == SpatialMapping.from_dict({"D1": {"K": 4}, "D2": {"C": 2}})


def test_array_dimensions_that_a_file_leaves_out_are_chosen() -> None:
    options = UnrollingOptions()
    assert options.unrolling(machine(), LAYER, FACTORS) == Freedom(fixed={"D1": {"K": 4}})
    hints = {"D1": ["B"], "D2": ["C", "OX"]}
    assert options.unrolling(machine(), LAYER, FACTORS, hints) == Freedom(
        allowed={"D2": ["C"]}, fixed={"D1": {"K": 4}}
    )
    assert UnrollingOptions.of(None, 3).unrolling(machine(), LAYER, {"D2": {}}) == Freedom(
        3, fixed={"D2": {}}
    )
    # what is there and takes nothing of the layer stays idle
    both = {"D1": {"OX": 4}, "D2": {"C": 2}}
    assert options.unrolling(machine(), LAYER, both) == SpatialMapping.from_dict({"D2": {"C": 2}})
    small = replace(machine(), array=replace(machine().array, sizes=(4, 1)))
    assert options.unrolling(small, LAYER, FACTORS) == SpatialMapping.from_dict({"D1": {"K": 4}})


def test_what_is_not_given_is_full_where_that_is_said() -> None:
    hints = {"D1": ["K"]}
    options = UnrollingOptions.of("full")
    assert options.unrolling(machine(), LAYER, None, hints) == default_spatial(machine(), LAYER)
    assert options.unrolling(machine(), LAYER, FACTORS) == SpatialMapping.from_dict({"D1": {"K": 4}})


def test_what_nothing_fixes_is_chosen() -> None:
    assert UnrollingOptions().unrolling(machine(), LAYER, None, {"D1": ["K"]}) == Freedom(
        allowed={"D1": ["K"]}
    )
    stated = replace(machine(), dataflows={"D1": {"K": 2}})
    assert UnrollingOptions().unrolling(stated, LAYER) == SpatialMapping.from_dict({"D1": {"K": 2}})
    assert UnrollingOptions.of("auto").unrolling(stated, LAYER) == Freedom()


def test_hints_bound_what_is_chosen_and_what_the_layer_lacks_is_left_out() -> None:
    options = UnrollingOptions.of("auto", 3)
    assert options.unrolling(machine(), LAYER, FACTORS, {"D1": ["K", "OX"]}) == Freedom(3, {"D1": ["K"]})
    assert options.unrolling(machine(), LAYER) == Freedom(3)


def test_mistakes() -> None:
    with pytest.raises(InputError, match="unknown spatial mapping"):
        UnrollingOptions.of("all")
    with pytest.raises(InputError, match="array dimension does not exist"):
        UnrollingOptions.of("auto").unrolling(machine(), LAYER, None, {"D9": ["K"]})
