"""Costs of arrays that compute in memory: against recorded figures, against zigzag-dse, and by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.macros import array_of, machine, macro, random_macro, recorded, zigzag_macro
from zzcp.errors import InputError
from zzcp.hardware import InMemoryComputing, Memory, OperationalArray
from zzcp.hardware.imc import (
    MacroUse,
    area_breakdown,
    array_area,
    clock_breakdown,
    clock_period,
    layer_energy,
    peak_energy,
    precharge_energy_per_weight,
)
from zzcp.io import accelerator_to_yaml, parse_document, read_accelerator

CELLS_AREA = 2.5e-6

FULL_ADDER = (3 * 0.7 + 2 * 1.05) * 1e-3 * 0.81
HALF_ADDER = 2 * 1.05 * 1e-3 * 0.81
"""Energy in pJ of an adder with both inputs active, and with one."""

RECORDED = recorded("arrays")


def figures(array: OperationalArray) -> dict[str, dict[str, float]]:
    return {
        "area": area_breakdown(array, CELLS_AREA),
        "clock": clock_breakdown(array),
        "peak": peak_energy(array),
    }


def zigzag_figures(array: OperationalArray) -> dict[str, dict[str, float]]:
    theirs = zigzag_macro(array, cells_area=CELLS_AREA)
    return {
        "area": theirs.area_breakdown,
        "clock": theirs.tclk_breakdown,
        "peak": theirs.get_peak_energy_single_cycle(),
    }


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: str(case["array"]))
def test_recorded_figures(case: dict[str, Any]) -> None:
    assert figures(array_of(case["array"])) == case["figures"]


@pytest.mark.differential
@pytest.mark.parametrize("case", RECORDED, ids=lambda case: str(case["array"]))
def test_recorded_figures_are_those_of_zigzag(case: dict[str, Any]) -> None:
    assert zigzag_figures(array_of(case["array"])) == case["figures"]


@pytest.mark.differential
@pytest.mark.parametrize("seed", range(10))
def test_random_arrays_as_zigzag(seed: int) -> None:
    rng = Random(seed)
    for _ in range(30):
        array = random_macro(rng)
        theirs = zigzag_macro(array, cells_area=CELLS_AREA)
        assert figures(array) == zigzag_figures(array), array
        assert clock_period(array) == theirs.tclk
        assert sum(area_breakdown(array, CELLS_AREA).values()) == theirs.area
        assert array.macro_dimensions == (theirs.wl_dim.name, theirs.bl_dim.name)


@st.composite
def trees(draw: st.DrawFn) -> tuple[int, int, int]:
    """Return the inputs of an adder tree, how many of them are active, and their bits."""
    rows = 2 ** draw(st.integers(0, 8))
    return rows, draw(st.integers(1, 2 * rows)), 2 ** draw(st.integers(0, 4))


@given(trees())
def test_adders_of_a_tree_counted_one_by_one(tree: tuple[int, int, int]) -> None:
    rows, active, bits = tree

    def energy(first: int, size: int) -> float:
        """Energy of the subtree over `size` rows from `first` on."""
        if size == 1:
            return 0.0
        left, right = first < active, first + size // 2 < active
        width = bits + int(math.log2(size)) - 1
        own = width * (FULL_ADDER if right else HALF_ADDER if left else 0.0)
        return own + energy(first, size // 2) + energy(first + size // 2, size // 2)

    array = macro(3, rows, analog=False, precision=(8, bits), serial=1)
    found = layer_energy(array, MacroUse(rows=active, columns=2, activations=0.5))["adders_regular"]
    assert found == pytest.approx(energy(0, rows) * 2 * 8 * 0.5, rel=1e-12)


def test_a_full_array_takes_its_peak_energy() -> None:
    """In every cycle of a layer that fills it."""
    for analog in (True, False):
        array = macro(16, 32, 3, analog=analog)
        cycles = 4  # of 2 bits of an activation
        layer = layer_energy(array, MacroUse(rows=32, columns=16, activations=3))
        for part, energy in peak_energy(array).items():
            assert layer[part] == pytest.approx(energy * cycles)


def test_what_each_kind_of_array_has() -> None:
    use = MacroUse(32, 16, 1)
    analog, digital = macro(16, 32), macro(16, 32, analog=False)
    for part in ("dacs", "adcs", "analog_bl_addition"):
        assert layer_energy(analog, use)[part] > 0
        assert layer_energy(digital, use)[part] == 0
    assert layer_energy(digital, use)["adders_regular"] > 0
    assert layer_energy(analog, use)["adders_regular"] == 0
    one_pass = macro(16, 32, analog=False, serial=8)
    assert layer_energy(one_pass, use)["accumulators"] == area_breakdown(one_pass, 0)["accumulators"] == 0


def test_precharge() -> None:
    array = macro(16, 32, precision=(8, 4))
    assert precharge_energy_per_weight(array, 4) == 0
    # four wordlines, and four local bitlines that three weights load: 0.35 fF and 0.81 V^2 each
    assert precharge_energy_per_weight(array, 12) == pytest.approx(4 * 0.35e-3 * 0.81 * (1 + 3))


def test_area_of_a_machine() -> None:
    """Cells are a memory like the others: counted once per unit, with the array or with the memories."""
    array = macro(16, 32, 2)
    parts = area_breakdown(array, CELLS_AREA)
    accelerator = machine(array, cells_area=CELLS_AREA)
    assert parts["cells"] == 1024 * CELLS_AREA
    registers, dram = 0.5 * 64, 3.0
    assert array_area(array) == pytest.approx(sum(parts.values()) - parts["cells"])
    assert accelerator.area == pytest.approx(sum(parts.values()) + registers + dram)


def test_plain_arrays_have_no_macros() -> None:
    with pytest.raises(InputError, match="does not compute in memory"):
        clock_period(OperationalArray(("D1", "D2"), (4, 4)))


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"input_precision": (6, 8)}, "input_precision", "expected a power of two, found 6"),
        ({"input_precision": (8, 0)}, "input_precision", "expected a power of two, found 0"),
        ({"bit_serial_precision": 3}, "bit_serial_precision", "expected a power of two, found 3"),
        ({"bit_serial_precision": 16}, "bit_serial_precision", "expected at most 8, found 16"),
        ({"analog": False}, "adc_resolution", "adc_resolution of a digital array: expected 0"),
        ({"adc_resolution": -1}, "adc_resolution", "expected 0 to 64 bits, found -1"),
        ({"adc_resolution": 65}, "adc_resolution", "expected 0 to 64 bits, found 65"),
    ],
)
def test_numbers_of_a_macro(change: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        replace(InMemoryComputing(True, (8, 8), 2, 8), **change)
    assert caught.value.place.field == field


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"dimensions": ("D1",), "sizes": (4,)}, "dimensions", "needs columns and rows: expected at least 2"),
        ({"systolic_dimensions": ("D2",)}, "systolic_dimensions", "has no systolic dimensions"),
        ({"sizes": (4, 6)}, "sizes", "expected a power of two for D2, found 6"),
    ],
)
def test_shape_of_a_macro(change: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        replace(macro(6, 4, analog=False), **change)
    assert caught.value.place.field == field
    assert macro(6, 6).size("D2") == 6  # an analog one may have any rows


def without(memories: tuple[Memory, ...], **changes: Any) -> tuple[Memory, ...]:
    """Return memories with other cells; none where there are no changes."""
    cells, *rest = memories
    return (*([replace(cells, **changes)] if changes else []), *rest)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({}, "memories", "no memory 'cells': expected cells, found registers, dram"),
        ({"size": 12}, "memories.cells.size", "expected a multiple of 8 bits, found 12"),
        ({"served_dimensions": ("D1",)}, "memories.cells.served_dimensions", r"expected \[\], found \[D1\]"),
    ],
)
def test_cells_of_a_machine(changes: dict[str, Any], field: str, message: str) -> None:
    accelerator = machine(macro(4, 4))
    with pytest.raises(InputError, match=message) as caught:
        replace(accelerator, memories=without(accelerator.memories, **changes))
    assert caught.value.place.field == field


def test_cells_are_innermost_and_hold_weights() -> None:
    accelerator = machine(macro(4, 4))
    cells, registers, dram = accelerator.memories
    port = replace(cells.ports[0], allocation=registers.ports[0].allocation)
    with pytest.raises(InputError, match=r"cells hold weights only: expected \[I2\], found \[I1\]"):
        replace(accelerator, memories=(replace(cells, operands=("I1",), ports=(port,)), dram))
    inner = replace(cells, name="inner", served_dimensions=("D1", "D2"))
    with pytest.raises(
        InputError, match="cells is not the innermost memory of I2: expected cells before inner"
    ):
        replace(accelerator, memories=(inner, cells, registers, dram))


@pytest.mark.parametrize(
    ("replaced", "by", "message"),
    [
        (
            "mem_type: sram",
            "auto_cost_extraction: true",
            "9: memories.cells.auto_cost_extraction: .* CACTI lays out no memory of a few bits",
        ),
        ("size: 8", "size: 12", r"4: memories.cells.size: .* a multiple of 8 bits, found 12"),
        ("systolic_dimensions: []", "systolic_dimensions: [D1]", r"operational_array.systolic_dimensions: "),
        (
            "adc_resolution: 8",
            "adc_resolution: 99",
            r"operational_array.adc_resolution: .* 0 to 64 bits, found 99",
        ),
    ],
)
def test_place_in_a_file(replaced: str, by: str, message: str) -> None:
    text = accelerator_to_yaml(machine(macro(4, 4)))
    assert read_accelerator(parse_document(text)) == machine(macro(4, 4))
    assert replaced in text
    with pytest.raises(InputError, match=message):
        read_accelerator(parse_document(text.replace(replaced, by, 1)))
