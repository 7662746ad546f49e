"""The machine that AccelForge and zzcp both express: the same energies, from the recorded figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.accelforge.machine import CONVENTIONS, WORD, layer, machine
from zzcp import Mapping, SpatialMapping, evaluate, optimize
from zzcp.errors import MappingError

FOLDER = Path(__file__).parents[2] / "benchmarks" / "accelforge"
CASES: list[dict[str, Any]] = json.loads((FOLDER / "recorded.json").read_text())["cases"]
ENUMERATED = [case for case in CASES if case["least_energy"] is not None]
SMALL = [
    case for case in ENUMERATED if case["name"] in ("GEMM 100x100x100", "GEMM 96x96x64", "GEMM 64x64x512")
]


def gemm_energy(words: dict[str, tuple[int, int]], outputs: int, macs: int) -> int:
    """Return the energy by the formulas of AccelForge's machine: words moved into SRAM and registers."""
    energy = macs
    for operand in "IW":
        sram, reg = words[operand]
        energy += sram * (400 + 14) + reg * (12 + 3) + 2 * macs
    sram, reg = words["O"]
    energy += sram * (12 + 420) + (sram - outputs) * (400 + 14)
    energy += reg * (2 + 14) + (reg - outputs) * (12 + 3)
    return energy + 3 * macs + 2 * (macs - outputs)


def test_energies_follow_the_formulas() -> None:
    """AccelForge's mapping of GEMM 100x100x100, loop by loop."""
    order = [("B", 5), ("K", 10), ("C", 100), ("B", 20), ("K", 10)]
    ends = {"W": (1, 4, 5), "I": (2, 5, 5), "O": (3, 4, 5)}
    mapping = Mapping.from_order(SpatialMapping(), order, ends)
    case = next(case for case in CASES if case["name"] == "GEMM 100x100x100")
    found = evaluate(machine(case["machine"]), layer(case["layer"]), mapping, CONVENTIONS)
    words = {"I": (10_000, 100_000), "W": (10_000, 200_000), "O": (10_000, 10_000)}
    assert found.energy.total == gemm_energy(words, 10_000, 10**6) == case["least_energy"]


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case["name"])
def test_the_least_energy_is_that_of_the_enumeration(case: dict[str, Any]) -> None:
    result = optimize(
        machine(case["machine"]),
        layer(case["layer"]),
        "energy",
        spatial={},
        conventions=CONVENTIONS,
        gap=1e-7,
        time_limit=120,
    )
    assert result.evaluation.energy.total == case["least_energy"]
    assert result.lower_bound <= case["least_energy"]


@pytest.mark.slow
@pytest.mark.parametrize("case", ENUMERATED, ids=lambda case: case["name"])
def test_every_least_energy_is_that_of_the_enumeration(case: dict[str, Any]) -> None:
    test_the_least_energy_is_that_of_the_enumeration(case)


def test_windows_that_slide_are_the_difference_on_convolutions() -> None:
    """AccelForge keeps 7 of the 9 inputs of a window and streams the rest: two words less than we must keep."""
    case = next(case for case in CASES if case["name"] == "conv 512x512, 7x7, 3x3")
    order = [("OX", 7), ("K", 8), ("FX", 3), ("FY", 3), ("C", 32), ("OY", 7), ("K", 64), ("C", 16)]
    ends = {"W": (1, 6, 8), "I": (3, 7, 8), "O": (5, 8, 8)}
    mapping = Mapping.from_order(SpatialMapping(), order, ends)
    conv = layer(case["layer"])
    with pytest.raises(MappingError, match=f"{2 * WORD} too many"):
        evaluate(machine(case["machine"]), conv, mapping, CONVENTIONS)
    larger = machine({**case["machine"], "REG_WORDS": 66})
    found = evaluate(larger, conv, mapping, CONVENTIONS)
    assert found.energy.total == case["accelforge"]["edp"]["energy"]
