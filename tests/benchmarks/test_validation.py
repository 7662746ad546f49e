"""The chip's mappings, and what docs/validation.md says of them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from rich.console import Console

from benchmarks import validation
from benchmarks.cases import own_machines
from benchmarks.validation import LAYERS, VALIDATION, WORD, figures, keeping
from zzcp import evaluate, load_accelerator

_, MACHINE = own_machines()["eyeriss_like"]


@pytest.mark.parametrize(
    ("name", "elements", "inputs", "sums"),
    [
        ("CONV1", 154, 15.5, 72.2),
        ("CONV2", 135, 3.8, 91.1),
        ("CONV3", 156, 7.0, 84.5),
        ("CONV4", 156, 10.5, 84.5),
        ("CONV5", 156, 10.5, 84.5),
    ],
)
def test_tiles_are_those_that_the_paper_prints(name: str, elements: int, inputs: float, sums: float) -> None:
    """Kilobytes in the global buffer, and elements at work (Tables III and V)."""
    chip = LAYERS[name]
    layer, mapping = chip.layer, chip.mapping
    use = evaluate(MACHINE, layer, mapping).utilization.individual
    held = [use[operand][1] * MACHINE.memory("glb").size / 8 / 1024 for operand in ("I", "O")]
    assert held == pytest.approx([inputs, sums], abs=0.06)
    assert chip.rows * chip.e * chip.r * chip.t == elements
    # a set that is folded leaves an element of its last row idle in every row of the filter
    assert math.prod(lanes for _, _, lanes in mapping.spatial) - elements in (0, chip.rows)


def test_the_variant_in_models_is_the_machine_that_keeps_overlaps() -> None:
    variant = load_accelerator("models/variants/eyeriss_sliding.yaml")
    assert replace(variant, name=MACHINE.name) == keeping(MACHINE)


def test_kept_overlaps_come_near_the_chip() -> None:
    refetched, kept = (
        [figures(machine, chip) for chip in LAYERS.values()] for machine in (MACHINE, keeping(MACHINE))
    )
    chips = LAYERS.values()
    measured = sum(chip.processing for chip in chips)
    assert sum(entry["latency"] for entry in kept) == pytest.approx(measured, rel=0.03)
    assert sum(entry["latency"] for entry in refetched) > 1.2 * measured
    for (name, chip), entry, other in zip(LAYERS.items(), kept, refetched, strict=True):
        assert entry["latency"] == pytest.approx(chip.processing, rel=0.11)
        if name != "CONV3":
            assert entry["buffer"] == pytest.approx(chip.buffer, rel=0.085)
        assert other["buffer"] > entry["buffer"]
        assert other["dram"] == entry["dram"] > chip.dram


def test_words_of_the_paper() -> None:
    # operations in units of 10^9, and totals
    macs = [round(chip.layer.macs / 1e9, 2) for chip in LAYERS.values()]
    assert macs == [0.42, 0.9, 0.6, 0.45, 0.3]
    chips = LAYERS.values()
    assert sum(chip.latency for chip in chips) == pytest.approx(115.3)
    assert sum(chip.processing for chip in chips) == pytest.approx(103.5)
    assert sum(chip.dram for chip in chips) == pytest.approx(15.4)
    assert sum(chip.buffer for chip in chips) == pytest.approx(208.5, abs=0.15)
    assert WORD == 16


def test_the_page_has_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(validation, "replace_part", lambda _, text, __: written.append(text))
    validation.run(quick=False, console=Console(quiet=True))
    assert written[0].strip() in VALIDATION.read_text(encoding="utf-8")
