"""The reader of hardware files: every field, and ZigZag's defaults and relics."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from tests.io import good_files
from zzcp.errors import InputError
from zzcp.hardware import Accelerator, Allocation, Direction, InMemoryComputing, PortType
from zzcp.io import load_accelerator, parse_document, read_accelerator


def read(text: str) -> Accelerator:
    return read_accelerator(parse_document(text))


def test_every_field_of_a_memory() -> None:
    text = good_files.HARDWARE.replace("latency: 1\n    mem_type: dram", "latency: 7\n    mem_type: dram")
    text = text.replace(
        "served_dimensions: [D1, D2]",
        "served_dimensions: [D1]\n    force_double_buffering: true\n    keeps_overlap: [I1, I1]",
    )
    dram = read(text).memory("dram")
    assert (dram.size, dram.read_energy, dram.write_energy, dram.area, dram.latency) == (10**6, 10, 20, 0, 7)
    assert (dram.memory_type, dram.operands, dram.served_dimensions) == ("dram", ("I1", "I2", "O"), ("D1",))
    assert dram.force_double_buffering
    assert dram.keeps_overlap == ("I1",)
    port = dram.ports[1]
    assert (port.name, port.type, port.bandwidth_min, port.bandwidth_max) == (
        "w_port_1",
        PortType.WRITE,
        8,
        64,
    )
    assert port.allocation == (Allocation("O", Direction.FROM_BELOW),)


@pytest.mark.parametrize(
    ("keeping", "message"),
    [
        ("[W]", r"memories.rf.keeps_overlap\[0\]: .*expected one of I1, I2, O"),
        ("I1", r"memories.rf.keeps_overlap: .*expected a list"),
    ],
)
def test_wrong_operands_that_are_kept(keeping: str, message: str) -> None:
    text = good_files.HARDWARE.replace("  rf:\n", f"  rf:\n    keeps_overlap: {keeping}\n", 1)
    assert text != good_files.HARDWARE
    with pytest.raises(InputError, match=message):
        read(text)


def test_defaults_are_zigzags() -> None:
    accelerator = read(good_files.HARDWARE)
    memory = accelerator.memory("rf")
    assert (memory.memory_type, memory.force_double_buffering) == ("sram", False)
    assert (accelerator.array.systolic_dimensions, accelerator.array.input_precision) == ((), None)
    assert accelerator.array.in_memory_computing is None
    assert accelerator.dataflows is None


def test_every_field_of_the_array() -> None:
    text = good_files.HARDWARE.replace(
        "sizes: [4, 2]",
        "sizes: [4, 2]\n  systolic_dimensions: [D2]\n  input_precision: [8, 4]\n  is_imc: false",
    )
    array = read(text).array
    assert (array.dimensions, array.sizes) == (("D1", "D2"), (4, 2))
    assert (array.unit_energy, array.unit_area) == (0.5, 1.0)
    assert (array.systolic_dimensions, array.input_precision) == (("D2",), (8, 4))


def test_null_stands_for_no_value_where_zigzag_takes_it() -> None:
    text = good_files.HARDWARE.replace(
        "sizes: [4, 2]",
        "sizes: [4, 2]\n  imc_type: null\n  adc_resolution: null\n  bit_serial_precision: null",
    )
    assert read(text) == read(good_files.HARDWARE)


def test_array_dimensions_beyond_nine() -> None:
    assert read(good_files.HARDWARE.replace("D2", "D12")).array.dimensions == ("D1", "D12")


def test_dataflows_keep_their_order() -> None:
    text = good_files.HARDWARE + "dataflows:\n  D2: ['FX, 2', 'C, 1']\n  D1: ['K, 4']\n"
    dataflows = read(text).dataflows
    assert dataflows == {"D2": {"FX": 2, "C": 1}, "D1": {"K": 4}}
    assert [list(factors) for factors in dataflows.values()] == [["FX", "C"], ["K"]]


@pytest.mark.parametrize(
    ("change", "macro"),
    [
        ("", InMemoryComputing(True, (8, 4), 2, 6)),
        ("adc_resolution: 6.0", InMemoryComputing(True, (8, 4), 2, 6)),
        ("adc_resolution: null", InMemoryComputing(True, (8, 4), 2, 0)),
        ("imc_type: digital\n  adc_resolution: 0", InMemoryComputing(False, (8, 4), 2, 0)),
    ],
)
def test_arrays_that_compute_in_memory(change: str, macro: InMemoryComputing) -> None:
    text = good_files.IN_MEMORY
    for line in change.splitlines():
        key = line.split(":")[0].strip()
        text = re.sub(rf"{key}: \w+", line.strip(), text)
    array = read(text).array
    assert array.in_memory_computing == macro
    assert array.input_precision == (8, 4)


def test_numbers_in_exponent_notation_are_costs() -> None:
    assert read(good_files.HARDWARE.replace("r_cost: 0.1", "r_cost: 1e-3")).memory("rf").read_energy == 0.001


def test_a_movement_that_is_given_twice_counts_once() -> None:
    text = good_files.HARDWARE.replace('["O, fl"]', '["O, fl", "O,fl"]')
    assert read(text) == read(good_files.HARDWARE)


def test_the_last_of_several_ports_carries_a_movement() -> None:
    """Where a movement is given to two ports, as in ZigZag's generic_array_cacti.yaml."""
    text = good_files.HARDWARE.replace(
        '["O, fl"]', '["O, fl"]\n      - {name: r_port_2, type: read, bandwidth_min: 8, bandwidth_max: 8,\n'
        '         allocation: ["O, tl"]}'
    )  # fmt: skip
    dram = read(text).memory("dram")
    assert dram.port("O", Direction.TO_BELOW) == dram.ports[2]
    assert dram.port("I1", Direction.TO_BELOW) == dram.ports[0]


LEGACY = "    ports:\n      - fh: w_port_1\n        tl: r_port_1\n"


def test_left_over_ports_in_the_old_form_are_ignored_with_a_warning(tmp_path: Path) -> None:
    """zigzag-dse 3.9.1's tpu_like.yaml has ports twice in a memory, first in a form of older versions."""
    path = tmp_path / "machine.yaml"
    path.write_text(good_files.HARDWARE.replace("    ports:\n", LEGACY + "    ports:\n", 1))
    with pytest.warns(UserWarning, match=r":10: memories\.rf\.ports is given again on line 13") as caught:
        accelerator = load_accelerator(path)
    assert accelerator == read(good_files.HARDWARE)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "ports",
    [
        LEGACY + LEGACY,
        "    ports: []\n",
        "    ports: [{}]\n",
        "    ports: [{fh: w, name: x}]\n",
        "    ports: {fh: w}\n",
    ],
)
def test_other_ports_that_are_given_twice_are_refused(ports: str, tmp_path: Path) -> None:
    path = tmp_path / "machine.yaml"
    path.write_text(good_files.HARDWARE.replace("    ports:\n", ports + "    ports:\n", 1))
    with pytest.raises(InputError, match="key given twice"):
        load_accelerator(path)


def test_ports_in_the_old_form_alone_are_refused(tmp_path: Path) -> None:
    first = good_files.HARDWARE.index("    ports:\n")
    last = good_files.HARDWARE.index("    served_dimensions")
    path = tmp_path / "machine.yaml"
    path.write_text(good_files.HARDWARE[:first] + LEGACY + good_files.HARDWARE[last:])
    with pytest.raises(InputError, match=r":11: memories\.rf\.ports\[0\]\.fh: unknown key"):
        load_accelerator(path)


def test_costs_are_the_files_own_with_a_warning_where_zigzag_is_not_installed(
    tmp_path: Path, without_zigzag: None
) -> None:
    path = tmp_path / "machine.yaml"
    path.write_text(good_files.HARDWARE.replace("  rf:\n", "  rf:\n    auto_cost_extraction: true\n"))
    said = (
        r":4: memories\.rf\.auto_cost_extraction: the costs of the file count, none are extracted: .*"
        r"zigzag-dse is not installed \(pip install 'zzcp\[zigzag\]'\)"
    )
    with pytest.warns(UserWarning, match=said):
        assert load_accelerator(path) == read(good_files.HARDWARE)
    text = good_files.HARDWARE.replace("r_cost: 0.1", "auto_cost_extraction: true", 1)
    with pytest.warns(UserWarning, match="none are extracted"), pytest.raises(InputError) as error:
        read(text)
    assert "3: memories.rf.r_cost: no r_cost, and none can be extracted: expected a number" in str(
        error.value
    )
    assert "pip install 'zzcp[zigzag]'" in str(error.value)


def test_no_warning_without_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "machine.yaml"
    path.write_text(good_files.HARDWARE.replace("  rf:\n", "  rf:\n    auto_cost_extraction: false\n"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_accelerator(str(path))
