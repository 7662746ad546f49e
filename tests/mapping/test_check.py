"""What makes a mapping invalid apart from capacity: every violation is named with its amount."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generators import random_accelerator, random_mapping, random_spatial
from tests.machines import machine
from tests.random_layers import KINDS, random_layer
from zzcp.mapping import Mapping, SpatialMapping, check_structure
from zzcp.workload import Layer

SMALL = machine()
"""Levels of O: sram, dram; of W: w_regs, dram; of I: i_regs, sram, dram."""
GEMM = Layer.gemm(b=5, k=8, c=6)
GOOD: dict[str, Any] = {
    "spatial_mapping": {"D1": {"K": 4}, "D2": {"C": 2}},
    "temporal_mapping": {
        "O": [[["C", 3]], [["K", 2], ["B", 5]]],
        "W": [[["C", 3], ["K", 2]], [["B", 5]]],
        "I": [[], [["C", 3], ["K", 2]], [["B", 5]]],
    },
}


def mapping(**operands: Any) -> Mapping:
    """Return the good mapping with the levels of some operands replaced, or without them where None."""
    temporal = {**GOOD["temporal_mapping"], **operands}
    return Mapping.from_dict(
        GOOD | {"temporal_mapping": {name: rows for name, rows in temporal.items() if rows is not None}}
    )


def test_a_good_mapping_has_no_violations() -> None:
    assert check_structure(SMALL, GEMM, mapping()) == ([], [])


@pytest.mark.parametrize(
    ("operands", "broken"),
    [
        ({"I": None}, ["the temporal mapping lacks operand I"]),
        ({"V": [[]]}, ["layer gemm has no operand V (it has O, W, I)"]),
        (
            {"W": [[["C", 3], ["K", 2], ["B", 5]]]},
            ["operand W has 1 levels of loops, the accelerator has 2 (w_regs, dram)"],
        ),
        (
            {"O": [[["C", 3]], [["K", 2]], [["B", 5]]]},
            ["operand O has 3 levels of loops, the accelerator has 2 (sram, dram)"],
        ),
        (
            {"W": [[["OX", 3], ["K", 2]], [["B", 5], ["OX", 2], ["Z", 3]]]},
            [
                "operand W has a loop over OX, which layer gemm lacks",
                "operand W has a loop over Z, which layer gemm lacks",
            ],
        ),
    ],
)
def test_broken_shapes(operands: dict[str, Any], broken: list[str]) -> None:
    assert check_structure(SMALL, GEMM, mapping(**operands)) == (broken, [])


@pytest.mark.parametrize(
    ("operands", "violations"),
    [
        (
            {"W": [[["C", 3]], [["B", 5]]]},
            [
                "operand W: its loops run 1 iterations of K, the layer needs 2 after unrolling 4 of 8 (1 too few)"
            ],
        ),
        (
            {"I": [[], [["C", 3], ["K", 8]], [["B", 7]]]},
            [
                "operand I: its loops run 7 iterations of B, the layer needs 5 (2 too many)",
                "operand I: its loops run 8 iterations of K, the layer needs 2 after unrolling 4 of 8 (6 too many)",
            ],
        ),
        (
            {
                "O": [[["C", 3]], [["K", 2]]],
                "W": [[["C", 3]], [["K", 2]]],
                "I": [[], [["C", 3]], [["K", 2]]],
            },
            # a gap that all operands share is one gap
            ["operand O: its loops run 1 iterations of B, the layer needs 5 (4 too few)"],
        ),
        (
            {"W": [[["K", 2], ["C", 3]], [["B", 5]]]},
            [
                "operands O and W have different loop orders (innermost first): "
                "C 3, K 2, B 5 against K 2, C 3, B 5"
            ],
        ),
        (
            {
                "W": [[["K", 2], ["C", 3]], [["B", 5]]],
                "I": [[["C", 3]], [["B", 5]], [["K", 2]]],
            },
            [
                "operands O and W have different loop orders (innermost first): "
                "C 3, K 2, B 5 against K 2, C 3, B 5",
                "operands O and I have different loop orders (innermost first): "
                "C 3, K 2, B 5 against C 3, B 5, K 2",
            ],
        ),
    ],
)
def test_violations_with_their_amounts(operands: dict[str, Any], violations: list[str]) -> None:
    assert check_structure(SMALL, GEMM, mapping(**operands)) == ([], violations)


def test_operands_may_split_their_loops_differently() -> None:
    layer = Layer.gemm(b=12, k=4, c=1)
    split = Mapping.from_dict(
        {
            "spatial_mapping": {"D1": {"K": 4}},
            "temporal_mapping": {
                "O": [[["B", 12]], []],
                "W": [[["B", 2]], [["B", 6]]],
                "I": [[["B", 4]], [["B", 3]], []],
            },
        }
    )
    assert check_structure(SMALL, layer, split) == ([], [])


@pytest.mark.parametrize(
    ("flags", "broken"),
    [
        ({"W": [True], "I": [False, True]}, []),
        ({"W": [True, True]}, []),  # the top level may have one, too
        (
            {"I": [True]},
            ["operand I has 1 double-buffering flags, expected one per level below the top (2)"],
        ),
        ({"V": [True]}, ["double buffering of operand V, which layer gemm lacks"]),
    ],
)
def test_flags_of_double_buffering(flags: dict[str, list[bool]], broken: list[str]) -> None:
    flagged = Mapping.from_dict(GOOD | {"double_buffered": flags})
    assert check_structure(SMALL, GEMM, flagged) == (broken, [])


def test_links_decide_which_levels_an_operand_has() -> None:
    exchanged = {"W": "I1", "I": "I2", "O": "O"}
    swapped = {"W": GOOD["temporal_mapping"]["I"], "I": GOOD["temporal_mapping"]["W"]}
    linked = Mapping.from_dict(mapping(**swapped).to_dict() | {"memory_operand_links": exchanged})
    assert check_structure(SMALL, GEMM, linked) == ([], [])
    assert check_structure(SMALL, GEMM, mapping(**swapped), exchanged) == ([], [])
    assert check_structure(SMALL, GEMM, mapping(), exchanged).broken == [
        "operand W has 2 levels of loops, the accelerator has 3 (i_regs, sram, dram)",
        "operand I has 3 levels of loops, the accelerator has 2 (w_regs, dram)",
    ]


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 10**6), st.data())
@settings(max_examples=30)
def test_every_lost_or_doubled_loop_is_found(kind: str, seed: int, data: st.DataObject) -> None:
    rng = Random(seed)
    accelerator, layer = random_accelerator(rng), random_layer(rng, kind)
    spatial = SpatialMapping() if rng.random() < 0.2 else random_spatial(rng, accelerator, layer)
    valid = random_mapping(rng, accelerator, layer, spatial)
    if valid is None or not valid.order:
        return
    assert check_structure(accelerator, layer, valid) == ([], [])
    order = list(valid.order)
    position = data.draw(st.integers(0, len(order) - 1))
    dim, size = order[position]
    if data.draw(st.booleans()):
        changed = [*order[:position], (dim, size * 2), *order[position + 1 :]]
    else:
        changed = [*order[:position], (dim, 1), *order[position + 1 :]]
    wrong = Mapping.from_order(spatial, changed, valid.allocation)
    (violation,) = check_structure(accelerator, layer, wrong).violations
    assert violation.startswith(f"operand {layer.output}: its loops run ")
    assert f"iterations of {dim}, the layer needs {spatial.temporal_sizes(layer)[dim]}" in violation
