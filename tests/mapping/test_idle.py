"""What is said of unrollings that leave most of the array idle."""

from __future__ import annotations

import pytest

import zzcp
from zzcp.mapping import SpatialMapping
from zzcp.mapping.idle import idle_units
from zzcp.workload import Layer

MACHINE = zzcp.load_accelerator("models/accelerators/gemmini_like.yaml")
LAYER = Layer.gemm(b=512, k=512, c=512)


def test_one_unit_of_many() -> None:
    text = idle_units(MACHINE, LAYER, SpatialMapping())
    assert text is not None
    assert "keeps 1 of 256 units busy on average, another one 256, which takes 256 times fewer" in text


@pytest.mark.parametrize("factors", [{"D1": {"C": 16}, "D2": {"K": 8}}, {"D1": {"C": 16}, "D2": {"K": 16}}])
def test_half_of_the_array_is_not_worth_a_word(factors: dict[str, dict[str, int]]) -> None:
    assert idle_units(MACHINE, LAYER, SpatialMapping.from_dict(factors)) is None


def test_nothing_is_said_where_no_unrolling_does_better() -> None:
    small = Layer.gemm(b=1, k=2, c=1)
    assert idle_units(MACHINE, small, SpatialMapping.from_dict({"D1": {"K": 2}})) is None
