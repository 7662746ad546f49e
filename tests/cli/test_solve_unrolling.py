"""`zzcp solve` with mapping files that bound the unrolling, or that no unrolling is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from zzcp import load_accelerator, load_workload, optimize

FILES = ("-a", "models/accelerators/gemmini_like.yaml", "-w", "tests/data/unrolling/19-vgg-first.yaml")


def test_hints_are_the_space(zzcp: Run) -> None:
    hints = "tests/data/unrolling/19-map-hint.yaml"
    result = zzcp("solve", *FILES, "-m", hints, "--spatial", "auto", "--json", "-", "-q")
    assert result.exit_code == 0, result.stderr
    (entry,) = json.loads(result.stdout)["layers"]
    assert entry["space"]["freedom"]["allowed"] == {"D1": ["C", "FX", "FY"], "D2": ["K"]}
    assert set(entry["spatial_mapping"]["D1"]) <= {"C", "FX", "FY"}
    assert set(entry["spatial_mapping"]["D2"]) <= {"K"}
    assert entry["status"] == "optimal"


def test_a_dimension_that_no_layer_has_is_refused_with_the_nearest(zzcp: Run) -> None:
    result = zzcp("solve", *FILES, "-m", "tests/data/unrolling/mapping_unknown_dim.yaml")
    assert result.exit_code == 2
    assert "mapping_unknown_dim.yaml" in result.stderr
    assert "no layer has a dimension of that name" in result.stderr
    assert "did you mean 'K'?" in result.stderr


def test_constraints_on_the_unrolling_bound_the_space(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "constraints.yaml"
    path.write_text("spatial:\n  D1: {allow: [C, FX, FY], most: 2}\n  D2: {fix: {K: 16}}\n")
    result = zzcp("solve", *FILES, "--spatial", "auto", "--constraints", path, "--json", "-", "-q")
    assert result.exit_code == 0, result.stderr
    (entry,) = json.loads(result.stdout)["layers"]
    assert entry["spatial_mapping"]["D2"]["K"] == 16
    assert set(entry["spatial_mapping"]["D1"]) <= {"C", "FX", "FY"}
    assert entry["constraints"]["spatial"]["D1"] == {"allow": ["C", "FX", "FY"], "most": 2}
    path.write_text("spatial:\n  D1: {allow: [Kx]}\n")
    result = zzcp("solve", *FILES, "--spatial", "auto", "--constraints", path)
    assert result.exit_code == 2
    assert "constraint 'unrolled on D1 only KX': unknown dimension" in result.stderr
    assert str(path) in result.stderr


def test_array_dimensions_that_a_file_leaves_out_are_chosen(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text("- {name: default, spatial_mapping: {D1: ['C, 3', 'FX, 3']}}\n")
    result = zzcp("solve", *FILES, "-m", path, "--json", "-", "-q")
    assert result.exit_code == 0, result.stderr
    (entry,) = json.loads(result.stdout)["layers"]
    assert entry["spatial_mapping"]["D1"] == {"C": 3, "FX": 3}
    assert entry["spatial_mapping"]["D2"]
    assert entry["space"]["freedom"]["fixed"] == {"D1": {"C": 3, "FX": 3}}
    assert entry["status"] == "optimal"


@pytest.mark.parametrize("given", [True, False])
def test_that_no_unrolling_obeys_is_proven_again(given: bool, zzcp: Run, tmp_path: Path) -> None:
    constraints, mapping, found = (tmp_path / name for name in ("c.yaml", "m.yaml", "found.json"))
    constraints.write_text("spatial:\n  D1: {allow: [C], fix: {K: 2}}\n")
    mapping.write_text("- {name: default, spatial_mapping: {D1: ['K, 2'], D2: ['C, 2']}}\n")
    chosen = ("-m", mapping) if given else ("--spatial", "auto")
    toy = ("-a", "docs/toy.yaml", "-w", "tests/data/tiny_gemm.yaml")
    result = zzcp("solve", *toy, *chosen, "--constraints", constraints, "--json", found, "-q")
    assert result.exit_code == 3
    assert "unrolled on D1 only C" in result.stdout
    again = zzcp("verify", found)
    assert again.exit_code == 0, again.stderr
    assert "every bound re-proven" in again.stdout


def test_an_idle_array_is_told_with_what_another_unrolling_promises(zzcp: Run, tmp_path: Path) -> None:
    """The factor is what was found over a bound of the other one: no mapping of that is better."""
    given = tmp_path / "given.yaml"
    given.write_text('- name: default\n  spatial_mapping: {D1: ["K, 4"], D2: ["OX, 1"]}\n')
    result = zzcp("solve", *FILES, "-m", given, "--spatial", "full", "--json", tmp_path / "full.json")
    assert result.exit_code == 0, result.stderr
    found = re.search(
        r"keeps 4 of 256 units busy.*; (.*) may have up to ([\d.,]+) times less EDP", result.stderr
    )
    assert found is not None, result.stderr
    factors = {
        name: {dim: int(factor) for dim, factor in (pair.split() for pair in text.split(" x "))}
        for name, text in (part.split(" ", 1) for part in found[1].split(", "))
    }
    (layer,) = load_workload(FILES[3]).layers
    best = optimize(load_accelerator(FILES[1]), layer, spatial=factors, time_limit=600)
    assert best.objective is not None
    value = json.loads((tmp_path / "full.json").read_text())["layers"][0]["objective"]
    assert 1 < value / best.objective <= float(found[2].replace(",", ""))


def test_nothing_is_promised_that_the_hints_do_not_allow(zzcp: Run, tmp_path: Path) -> None:
    given = tmp_path / "given.yaml"
    given.write_text(
        '- name: default\n  spatial_mapping: {D1: ["K, 4"], D2: ["OX, 1"]}\n'
        "  spatial_mapping_hint: {D1: [C], D2: [C]}\n"
    )
    result = zzcp("solve", *FILES, "-m", given, "--spatial", "full")
    assert result.exit_code == 0, result.stderr
    assert "units busy" not in result.stderr
