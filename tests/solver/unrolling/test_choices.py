"""The space of unrollings, and what of it is merged."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zzcp
from tests.solver.unrolling.every_unrolling import tiny_case, unrollings
from zzcp.cost import EXACT, Evaluator
from zzcp.hardware import Accelerator
from zzcp.mapping.freedom import Freedom
from zzcp.solver.unrolling.choices import choices_of, smallest_factors, symmetries
from zzcp.workload import Layer


@given(st.integers(1, 300), st.integers(1, 300))
def test_factors_are_the_smallest_of_their_quotients(size: int, most: int) -> None:
    quotients = {-(-size // factor): factor for factor in range(min(size, most), 0, -1)}
    assert smallest_factors(size, most) == sorted(quotients.values())


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Layer.gemm(b=4, k=4, c=4), []),
        (
            Layer.conv(k=4, c=3, oy=8, ox=8, fy=3, fx=3, padding=1),
            [{"OY": "OX", "OX": "OY", "FY": "FX", "FX": "FY"}],
        ),
        (Layer.conv(k=4, c=3, oy=8, ox=8, fy=3, fx=3, padding=(1, 0)), []),
        (Layer.conv(k=4, c=3, oy=8, ox=8, fy=3, fx=3, stride=(1, 2)), []),
        (Layer.conv(k=4, c=3, oy=8, ox=4, fy=3, fx=3), []),
        (Layer.add(g=4, oy=8, ox=8), [{"OY": "OX", "OX": "OY"}]),
    ],
)
def test_symmetries_of_a_layer(layer: Layer, expected: list[dict[str, str]]) -> None:
    dims = [dim for dim, size in layer.sizes.items() if size > 1]
    found = [
        {one: other for one, other in entry.items() if one != other} for entry in symmetries(layer, dims)
    ]
    assert found == expected


def _seen(evaluator: Evaluator) -> tuple[object, int]:
    """What the cost model sees of an unrolling, and the cycles along systolic dimensions."""
    setting = evaluator.setting
    return (
        tuple(setting.temporal_sizes.items()),
        tuple(
            (operand.energy.relevant, operand.energy.windows, operand.energy.units, operand.energy.boost)
            for operand in setting.operands
        ),
    ), setting.drain


@pytest.mark.parametrize("seed", range(8))
def test_every_unrolling_is_the_same_as_one_that_is_kept(seed: int) -> None:
    accelerator, layer = tiny_case(Random(seed))
    choices = choices_of(accelerator, layer, Freedom())
    kept = [choices.spatial(row) for block in choices.blocks() for row in block]
    assert all(not spatial.violations(accelerator, layer) for spatial in kept)
    assert len(kept) <= choices.held()
    if symmetries(layer, choices.dims):
        return  # images differ in the names of their dimensions
    drains: dict[object, int] = {}
    for spatial in kept:
        seen, drain = _seen(Evaluator(accelerator, layer, spatial, EXACT))
        drains[seen] = min(drain, drains.get(seen, drain))
    for spatial in unrollings(accelerator, layer, 2):
        seen, drain = _seen(Evaluator(accelerator, layer, spatial, EXACT))
        assert seen in drains, spatial.to_dict()
        # lanes that are not in use lengthen the way out
        assert drains[seen] <= drain, spatial.to_dict()


def test_fewest_lanes_leave_out_what_has_less() -> None:
    accelerator, layer = tiny_case(Random(3))
    choices = choices_of(accelerator, layer, Freedom())
    every = np.concatenate(list(choices.blocks()))
    some = np.concatenate([*choices.blocks(3), np.zeros((0, every.shape[1]), dtype=int)])
    lanes = choices.totals(every).prod(axis=1)
    assert sorted(map(tuple, some)) == sorted(map(tuple, every[lanes >= 3]))


def test_large_array_dimensions_that_are_alike_stand_for_themselves() -> None:
    """To merge them would take longer, and more memory, than to look at all."""
    layer = Layer.conv(k=64, c=64, oy=56, ox=56, fy=3, fx=3)
    merged, alone = (choices_of(_square(size), layer, Freedom()) for size in (16, 256))
    assert [group.members for group in merged.groups] == [("D1", "D2")]
    assert [group.members for group in alone.groups] == [("D1",), ("D2",)]
    assert alone.held() == len(alone.groups[0].lanes) ** 2


def _square(size: int) -> Accelerator:
    """Return a machine whose two array dimensions are alike."""
    toy = zzcp.load_accelerator("docs/toy.yaml")
    served = tuple(replace(memory, served_dimensions=("D1", "D2")) for memory in toy.memories)
    return replace(toy, memories=served, array=replace(toy.array, sizes=(size, size), systolic_dimensions=()))


def test_more_layer_dimensions_than_there_are_change_nothing() -> None:
    """With `max_dims` of 10^11 the search counted up to it, whatever its time limit."""
    accelerator, layer = tiny_case(Random(3))
    blocks = [
        np.concatenate(list(choices_of(accelerator, layer, Freedom(most), fractional=False).blocks()))
        for most in (len(layer.sizes), 10**11)
    ]
    assert (blocks[0] == blocks[1]).all()


def test_what_does_not_fit_is_not_tried() -> None:
    """Seven dimensions of many factors each: all their products were, of which next to none fit the array."""
    chip = replace(zzcp.load_accelerator("docs/toy.yaml"))
    chip = replace(chip, array=replace(chip.array, sizes=tuple(8 for _ in chip.array.sizes)))
    layer = Layer.conv(b=64, k=64, c=64, oy=64, ox=64, fy=64, fx=64)
    choices = choices_of(chip, layer, Freedom(7), fractional=False)
    # at most three factors of at least 2 come to 8
    three = choices_of(chip, layer, Freedom(3), fractional=False)
    assert choices.held(1) == three.held(1)
