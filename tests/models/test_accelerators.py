"""The bundled accelerators: the seed machines are what was asked about, and every figure follows its source."""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import zzcp

SEED = ("seed_eyeriss_1_2_4", "seed_eyeriss_8_64_1024")
DERIVED = ("tpu_like", "gemmini_like", "simba_like", "edge_tpu_like")
NAMES = (*SEED, "eyeriss_like", *DERIVED)

# SHA-256 of the canonical JSON of the files in which the question was asked.
SEED_DIGESTS = {
    "accelerators/seed_eyeriss_1_2_4.yaml": "b19ef889551fb088",
    "accelerators/seed_eyeriss_8_64_1024.yaml": "0f9895ed9098794f",
    "workloads/seed_workload.yaml": "fd0afc6793c7f308",
    "mappings/seed_mapping.yaml": "528ee39ba2c69505",
}

# Size in KiB of the bank that an access opens, where it is not the whole memory.
BANKS = {
    "tpu_like": {"unified_buffer": 1024},
    "gemmini_like": {"scratchpad": 64, "accumulator": 32},
    "simba_like": {"weight_buffer": 4},
    "edge_tpu_like": {},
}


def document(models: Path, name: str) -> dict[str, Any]:
    return yaml.safe_load((models / "accelerators" / f"{name}.yaml").read_text())


def test_nothing_is_left_untested(models: Path) -> None:
    assert {path.stem for path in (models / "accelerators").iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_is_read_under_its_own_name(models: Path, name: str) -> None:
    assert zzcp.load_accelerator(models / "accelerators" / f"{name}.yaml").name == name


@pytest.mark.parametrize("path", SEED_DIGESTS)
def test_seed_files_say_what_the_question_said(models: Path, path: str) -> None:
    content = json.dumps(yaml.safe_load((models / path).read_text()), sort_keys=True)
    assert hashlib.sha256(content.encode()).hexdigest()[:16] == SEED_DIGESTS[path]


def test_seed_machines_differ_in_three_sizes_only(models: Path) -> None:
    small, large = (document(models, name) for name in SEED)
    changed = {
        name: (memory["size"], large["memories"][name]["size"])
        for name, memory in small["memories"].items()
        if memory != large["memories"][name]
    }
    assert changed == {
        "sram_8KB": (8_000, 64_000),
        "sram_64KB": (16_000, 512_000),
        "sram_1M": (32_000, 8_192_000),
    }
    for machine in (small, large):
        machine.pop("name")
        for name in changed:
            machine["memories"][name].pop("size")
    assert small == large


def sram_energy(kib: float, bits: int) -> float:
    """Return pJ per access: straight lines between Horowitz's three caches, on logarithmic axes."""
    (low, cheap), (high, dear) = ((8, 10), (32, 20)) if kib <= 32 else ((32, 20), (1024, 100))
    return cheap * (kib / low) ** math.log(dear / cheap, high / low) * bits / 64


def derived_energy(machine: str, name: str, memory: dict[str, Any]) -> float:
    bits = memory["ports"][0]["bandwidth_max"]
    if name.endswith("_reg"):
        return bits / 32
    if name.endswith("dram"):
        return 20 * bits
    return sram_energy(BANKS[machine].get(name, memory["size"] / 8 / 1024), bits)


@pytest.mark.parametrize("name", DERIVED)
def test_derived_energies_follow_the_rule(models: Path, name: str) -> None:
    machine = document(models, name)
    for label, memory in machine["memories"].items():
        assert memory["r_cost"] == pytest.approx(derived_energy(name, label, memory), rel=5e-4), label
        assert memory["w_cost"] == memory["r_cost"]
    assert machine["operational_array"]["unit_energy"] == pytest.approx(0.2 + 0.1)


def test_the_rule_goes_through_the_published_points() -> None:
    assert [round(sram_energy(kib, 64), 6) for kib in (8, 32, 1024)] == [10, 20, 100]


def test_eyeriss_energies_are_the_published_ratios(models: Path) -> None:
    machine = document(models, "eyeriss_like")
    per_word = {
        name: memory["r_cost"] * 16 / memory["ports"][0]["bandwidth_max"]
        for name, memory in machine["memories"].items()
    }
    assert machine["operational_array"]["unit_energy"] == 1
    assert per_word == dict.fromkeys(("filter_spad", "ifmap_spad", "psum_spad"), 1) | {
        "glb_filter": 6,
        "glb": 6,
        "dram": 200,
    }


@pytest.mark.parametrize("name", NAMES)
def test_an_access_has_one_width(models: Path, name: str) -> None:
    """The format has one energy for all ports of a memory, so ports of different width would differ per bit."""
    for label, memory in document(models, name)["memories"].items():
        assert len({port["bandwidth_max"] for port in memory["ports"]}) == 1, label


@pytest.mark.parametrize(
    ("name", "units", "on_chip_kib"),
    [
        ("eyeriss_like", 168, 108 + 168 * (224 + 12 + 24) * 2 / 1024),
        ("tpu_like", 256 * 256, 24 * 1024 + 4 * 1024 + 256 + 2 * 64),
        ("gemmini_like", 256, 256 + 64 + 0.5),
        ("simba_like", 1024, 64 + 16 * (32 + 8 + 3) + 1),
        ("edge_tpu_like", 4096, 16 * (192 + 512) + 4 + 4),
    ],
)
def test_totals_are_the_chips(models: Path, name: str, units: int, on_chip_kib: float) -> None:
    machine = zzcp.load_accelerator(models / "accelerators" / f"{name}.yaml")
    on_chip = sum(
        memory.size * machine.instances(memory)
        for memory in machine.memories
        if not memory.name.endswith("dram")
    )
    assert machine.array.units == units
    assert on_chip == on_chip_kib * 8192


@pytest.mark.parametrize("name", ["eyeriss_like", *DERIVED])
def test_every_figure_has_a_comment(models: Path, name: str) -> None:
    lines = (models / "accelerators" / f"{name}.yaml").read_text().splitlines()
    figures = [
        number
        for number, line in enumerate(lines)
        if re.match(r" +(size|r_cost|unit_energy|sizes|input_precision):", line)
    ]
    bare = [lines[n] for n in figures if "#" not in lines[n] and not lines[n - 1].lstrip().startswith("#")]
    assert len(figures) > 8
    assert bare == []
