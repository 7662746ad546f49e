"""A mapping as a loop nest."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from tests.machines import machine, memory
from zzcp import Layer, Mapping, load_accelerator, optimize
from zzcp.report.nest import level_names, loop_nest
from zzcp.report.style import PIPED, render

LINKS = {"O": "O", "W": "I2", "I": "I1"}


def nest(
    temporal: dict[str, Any], spatial: dict[str, dict[str, int]] | None = None, **extra: Any
) -> list[list[str]]:
    """Return the cells of a loop nest, with memories called by operand and level."""
    mapping = Mapping.from_dict({"spatial_mapping": spatial or {}, "temporal_mapping": temporal, **extra})
    names = {op: [f"{op}{level}" for level in range(len(levels))] for op, levels in temporal.items()}
    text = render(Console(width=PIPED, force_terminal=False), loop_nest(mapping, names))
    rows = [line for line in text.splitlines() if "─" not in line and not line.startswith("x2")]
    return [[cell.strip() for cell in row.split("   ") if cell.strip()] for row in rows]


def test_a_memory_stands_at_the_outermost_of_its_loops() -> None:
    assert nest({"A": [[["K", 2], ["C", 3]], [["B", 5]]], "B": [[["K", 2]], [["C", 3], ["B", 5]]]}) == [
        ["loop", "A", "B"],
        ["for B in 5", "A1", "B1"],
        ["for C in 3", "A0", "|"],
        ["for K in 2", "|", "B0"],
        ["multiply, accumulate", "|", "|"],
    ]


def test_memories_without_loops_hold_what_the_next_inner_one_holds() -> None:
    assert nest({"A": [[], [["K", 2]], [], []], "B": [[], [], [["K", 2]], []]}) == [
        ["loop", "A", "B"],
        ["for K in 2", "A3 > A2 > A1", "B3 > B2"],
        ["multiply, accumulate", "A0", "B1 > B0"],
    ]


def test_a_loop_is_split_where_another_operand_splits_it() -> None:
    assert [row[0] for row in nest({"A": [[["K", 6]]], "B": [[["K", 2], ["K", 3]]]})] == [
        "loop",
        "for K in 3",
        "for K in 2",
        "multiply, accumulate",
    ]


def test_unrolled_loops_stand_inside() -> None:
    rows = nest({"A": [[["K", 2]]]}, {"D1": {"K": 4, "C": 2}, "D2": {"B": 3}})
    assert [row[0] for row in rows] == [
        "loop",
        "for K in 2",
        "parallel K in 4 on D1",
        "parallel C in 2 on D1",
        "parallel B in 3 on D2",
        "multiply, accumulate",
    ]


def test_what_is_kept_twice_is_marked() -> None:
    flags = {"A": [True, False]}
    assert nest({"A": [[["K", 2]], [["B", 2]]]}, double_buffered=flags)[1:3] == [
        ["for B in 2", "A1"],
        ["for K in 2", "A0 x2"],
    ]


def test_memories_are_named_where_their_number_fits() -> None:
    machine = load_accelerator("models/accelerators/seed_eyeriss_1_2_4.yaml")
    data = {"spatial_mapping": {}, "temporal_mapping": {"W": [[], [], []], "I": [[], []], "X": [[]]}}
    assert level_names(Mapping.from_dict(data), machine) == {
        "W": ("rf_64B_W", "sram_64KB", "dram"),
        "I": ("level 0", "level 1"),
        "X": ("level 0",),
    }
    assert level_names(Mapping.from_dict(data), machine, {"W": "I1"})["W"][0] == "rf_64B_I"


OTHER_NAMES = {
    "spatial_mapping": {},
    "temporal_mapping": {"Y": [[], [["K", 2]]], "A": [[["K", 2]], []], "B": [[["K", 2]]]},
    "bypass": {"B": ["sram"]},
}


def test_operands_of_other_names_and_a_bypass() -> None:
    """A mapping that states no links ended in a message about a layer that has O, W and I."""
    small = machine((memory("sram", "I1 I2 O"), memory("dram", "I1 I2 O", size=10**9)))
    assert level_names(Mapping.from_dict(OTHER_NAMES), small) == {
        "Y": ("level 0", "level 1"),
        "A": ("level 0", "level 1"),
        "B": ("level 0",),
    }
    links = {"memory_operand_links": {"Y": "O", "A": "I2", "B": "I1"}}
    assert level_names(Mapping.from_dict(OTHER_NAMES | links), small) == {
        "Y": ("sram", "dram"),
        "A": ("sram", "dram"),
        "B": ("dram",),
    }


def test_a_solved_mapping_says_what_holds_operands_of_other_names() -> None:
    layer = Layer("Y[b][k]+=A[b][c]*B[c][k]", {"B": 2, "K": 2, "C": 2})
    result = optimize(machine(), layer, spatial={})
    assert result.mapping is not None
    assert result.mapping.links == {"Y": "O", "A": "I2", "B": "I1"}
    usual = optimize(machine(), Layer.gemm(b=2, k=2, c=2), spatial={})
    assert usual.mapping is not None
    assert usual.mapping.links is None
