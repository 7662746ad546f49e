"""`zzcp solve` with mapping files that bound the unrolling, or that no unrolling is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

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
