"""Memories that operands pass by: the mapping, what moves, and the machine without them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.machines import machine, memory, port
from tests.mapping.constrained import LAYER, MACHINE, MAPPING, broken
from zzcp import Constraints, Mapping, evaluate
from zzcp.errors import InputError, MappingError
from zzcp.mapping.constraints import Bypass
from zzcp.mapping.machine import without_bypassed

BYPASSING = Mapping.from_dict(
    {
        **MAPPING.to_dict(),
        "temporal_mapping": {
            "W": [[["C", 2]], [["B", 4], ["K", 3], ["B", 2]]],
            "I": [[["C", 2], ["B", 4]], [["K", 3], ["B", 2]]],
            "O": [[["C", 2], ["B", 4]], [["K", 3], ["B", 2]]],
        },
        "bypass": {"I": ["sram"]},
    }
)


def test_a_mapping_with_a_bypass_is_written_and_read() -> None:
    assert Mapping.from_dict(BYPASSING.to_dict()) == BYPASSING
    assert Mapping.from_yaml(BYPASSING.to_yaml()) == BYPASSING
    assert BYPASSING.bypass == {"I": ("sram",)}
    assert "bypass" not in MAPPING.to_dict()


def test_a_bypassed_memory_moves_nothing_of_the_operand() -> None:
    result = evaluate(MACHINE, LAYER, BYPASSING)
    assert [row.memory for row in result.energy.by_direction["I"]] == ["i_regs", "dram"]
    # from the DRAM straight to the registers
    assert sorted((link.source, link.target) for link in result.links if link.operand == "I") == [
        ("dram", "i_regs"),
        ("i_regs", "array"),
    ]
    through = evaluate(MACHINE, LAYER, MAPPING)
    assert [row.memory for row in through.energy.by_direction["I"]] == ["i_regs", "sram", "dram"]


def test_a_bypass_is_the_machine_without_it() -> None:
    links = LAYER.default_links
    direct = without_bypassed(MACHINE, {"I": ["sram"]}, links)
    assert direct.memory("sram").operands == ("O",)
    assert [name.name for name in direct.levels("I1")] == ["i_regs", "dram"]
    plain = Mapping.from_dict({**BYPASSING.to_dict(), "bypass": None})
    assert evaluate(direct, LAYER, plain).edp == evaluate(MACHINE, LAYER, BYPASSING).edp
    assert without_bypassed(MACHINE, {}, links) is MACHINE


def test_a_memory_that_all_bypass_is_gone() -> None:
    gone = without_bypassed(MACHINE, {"I": ["sram", "i_regs"], "O": ["sram"]}, LAYER.default_links)
    assert [held.name for held in gone.memories] == ["w_regs", "dram"]


def test_ports_with_nothing_left_are_gone() -> None:
    shadowed = machine(
        (
            memory(
                "sram",
                "I1 O",
                port("first", "read_write", 64, "I1 fh", "O fh", "O th"),
                port("second", "read_write", 64, "I1 tl", "O fh", "O th", "O tl", "O fl"),
                size=8192,
                served_dimensions=("D1", "D2"),
            ),
            memory("dram", "I1 I2 O", size=10**9, served_dimensions=("D1", "D2")),
        )
    )
    direct = without_bypassed(shadowed, {"I": ["sram"]}, LAYER.default_links)
    assert [held.name for held in direct.memory("sram").ports] == ["second"]


@pytest.mark.parametrize(
    ("bypass", "text"),
    [
        ({"X": ["sram"]}, "bypass.X: bypass of an operand that the layer does not have"),
        ({"W": ["sram"]}, "memory that does not hold W: expected w_regs, found sram"),
        ({"I": ["dram"]}, "cannot bypass its outermost memory"),
        ({"I": ["sarm"]}, "memory that does not hold I: expected i_regs, sram, found sarm"),
    ],
)
def test_a_bypass_that_cannot_be(bypass: dict[str, list[str]], text: str) -> None:
    with pytest.raises(InputError) as caught:
        evaluate(MACHINE, LAYER, Mapping.from_dict({**BYPASSING.to_dict(), "bypass": bypass}))
    assert text in str(caught.value)


def test_a_bypass_that_is_asked_for() -> None:
    assert broken({"bypass": {"I": ["sram"]}}, BYPASSING) == []
    assert broken({"bypass": {"I": ["sram"]}}) == ["bypass of sram by I: sram has a level for it"]
    assert Constraints.from_dict({"bypass": {"I": "sram"}}).items == (Bypass("I", "sram"),)


def test_levels_of_a_bypassing_mapping_are_checked() -> None:
    mapping = Mapping.from_dict({**MAPPING.to_dict(), "bypass": {"I": ["sram"]}})
    with pytest.raises(MappingError, match=r"operand I has 3 levels of loops, the accelerator has 2"):
        evaluate(MACHINE, LAYER, mapping)


@pytest.mark.parametrize("bypass", [{"I": "sram"}, {"I": [3]}, ["I"]])
def test_a_malformed_bypass(bypass: Any) -> None:
    with pytest.raises(InputError, match="bypass"):
        Mapping.from_dict({**MAPPING.to_dict(), "bypass": bypass})
