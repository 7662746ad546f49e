"""`zzcp solve --constraints`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import ACCELERATOR, WORKLOAD, Run
from zzcp import Constraints, Mapping, constraint_violations, evaluate, load_accelerator, load_workload

FILES = ("-a", ACCELERATOR, "-w", WORKLOAD, "-m", "models/mappings/seed_mapping.yaml")
QUICK = ("--layer", "conv", "--gap", "0.1")


def written(tmp_path: Path, data: object) -> Path:
    path = tmp_path / "constraints.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


def test_the_mapping_obeys_and_is_read_again(zzcp: Run, tmp_path: Path) -> None:
    asked = {
        "outermost": ["K"],
        "tile_sizes": [{"memory": "sram_1M", "dimension": "B", "operand": "I", "max": 50}],
        "bypass": {"I": ["rf_64B_I"]},
    }
    path = tmp_path / "result.json"
    done = zzcp("solve", *FILES, *QUICK, "--constraints", written(tmp_path, asked), "--json", path, "-q")
    assert done.exit_code == 0, done.stderr
    (entry,) = json.loads(path.read_text())["layers"]
    assert entry["constraints"] == asked
    assert entry["bypass"] == {"I": ["rf_64B_I"]}
    assert len(entry["temporal_mapping"]["I"]) == 2
    fields = ("spatial_mapping", "temporal_mapping", "double_buffered", "bypass")
    mapping = Mapping.from_dict({name: entry[name] for name in fields})
    machine, layer = load_accelerator(ACCELERATOR), load_workload(WORKLOAD).layer("conv")
    assert evaluate(machine, layer, mapping).edp == entry["objective"]
    assert constraint_violations(machine, layer, mapping, Constraints.from_dict(asked)) == []
    again = zzcp("evaluate", *FILES[:4], "-m", path, "--layer", "conv", "--json", "-", "-q")
    assert again.exit_code == 0, again.stderr
    (found,) = json.loads(again.stdout)["layers"]
    assert found["evaluation"] == entry["evaluation"]
    assert found["bypass"] == entry["bypass"]
    shown = zzcp("show", ACCELERATOR, path)
    assert shown.exit_code == 0, shown.stderr


def test_the_report_names_the_memories_that_are_left(zzcp: Run, tmp_path: Path) -> None:
    path = written(tmp_path, {"bypass": {"I": ["sram_1M"]}})
    done = zzcp("solve", *FILES, *QUICK, "--constraints", path, "-q")
    assert done.exit_code == 0, done.stderr
    assert "level 0" not in done.stdout


def test_layers_have_their_own_constraints(zzcp: Run, tmp_path: Path) -> None:
    path = written(tmp_path, [{"name": "conv", "innermost": ["B"]}])
    done = zzcp("solve", *FILES, "--gap", "0.5", "--constraints", path, "--json", "-", "-q")
    assert done.exit_code == 0, done.stderr
    conv, gemm = json.loads(done.stdout)["layers"]
    assert conv["constraints"] == {"innermost": ["B"]}
    assert "constraints" not in gemm
    loops = [loop for level in conv["temporal_mapping"]["O"] for loop in level]
    assert loops[0][0] == "B"


def test_constraints_that_cannot_be_obeyed(zzcp: Run, tmp_path: Path) -> None:
    asked = {"innermost": ["B"], "loop_order": [["K", 5], ["*", "*"]], "max_energy": 1e15}
    path = tmp_path / "result.json"
    done = zzcp("solve", *FILES, *QUICK, "--constraints", written(tmp_path, asked), "--json", path, "-q")
    assert done.exit_code == 3
    text = (
        "conv has no mapping: no mapping obeys these 2 constraints together: innermost B, loop order K 5, *"
    )
    assert text in " ".join(done.stdout.split())
    (entry,) = json.loads(path.read_text())["layers"]
    assert entry["status"] == "infeasible"
    assert entry["diagnosis"].endswith("; drop 'innermost B'; drop 'loop order K 5, *'")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"innermost": ["OZ"]}, "layer conv: constraint 'innermost OZ': unknown dimension"),
        ({"bypass": {"I": ["dram"]}}, "I cannot bypass its outermost memory"),
        (
            {"max_latency": 0},
            "constraints.yaml:1: max_latency: wrong value: expected an integer >= 1, found 0",
        ),
        ({"max_time": 0}, "constraints.yaml:1: max_time: unknown key"),
    ],
)
def test_bad_files(data: object, message: str, zzcp: Run, tmp_path: Path) -> None:
    done = zzcp("solve", *FILES, *QUICK, "--constraints", written(tmp_path, data))
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_file_that_is_not_there(zzcp: Run) -> None:
    done = zzcp("solve", *FILES, "--constraints", "missing.yaml")
    assert done.exit_code == 2
    assert "missing.yaml" in done.stderr
