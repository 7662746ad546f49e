"""`zzcp show`: every kind of file, as text and as data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import ACCELERATOR, CONV, WORKLOAD, Golden, Run
from tests.io import good_files
from zzcp import Mapping, load_accelerator, load_workload
from zzcp.io import accelerator_to_dict

ORDERING = """\
- name: default
  spatial_mapping: {D1: ["K, 4"], D2: ["C, 2", "FX, 3"]}
  memory_operand_links: {O: O, W: I2, I: I1}
- name: Gemm
  spatial_mapping_hint: {D1: [K, C], D2: [B]}
  temporal_ordering: [[C, 5], [B, "*"], ["*", "*"]]
"""


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("show_accelerator", [ACCELERATOR]),
        ("show_tpu_like", ["models/accelerators/tpu_like.yaml"]),
        ("show_workload", [WORKLOAD]),
        ("show_block", ["models/workloads/resnet18_block.yaml"]),
        ("show_mapping_file", ["models/mappings/seed_mapping.yaml"]),
        ("show_full_mapping", [CONV]),
        ("show_full_mapping_with_memories", [ACCELERATOR, CONV]),
    ],
)
def test_what_is_printed(name: str, files: list[str], zzcp: Run, golden: Golden) -> None:
    result = zzcp("show", *files)
    assert (result.exit_code, result.stderr) == (0, "")
    golden(name, result.stdout)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("show_in_memory", good_files.IN_MEMORY),
        ("show_entries", ORDERING),
        ("show_result", good_files.RESULT),
    ],
)
def test_what_is_printed_of_small_files(
    name: str, text: str, tmp_path: Path, zzcp: Run, golden: Golden
) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    result = zzcp("show", path)
    assert (result.exit_code, result.stderr) == (0, "")
    golden(name, result.stdout)


def test_nodes_without_work_are_one_line(zzcp: Run) -> None:
    network = load_workload("models/workloads/resnet18.onnx")
    output = zzcp("show", "models/workloads/resnet18.onnx").stdout
    assert len(network.skipped) == 28
    first, second, third = output.splitlines()[:3]
    assert first == "resnet18: 21 layers"
    assert second == "100 % of the MACs of this network are in 21 layers"
    assert third == (
        "28 nodes without multiply-accumulate work: 17 Relu, 8 Add, 1 Flatten, 1 GlobalAveragePool, 1 MaxPool"
    )


def test_json_of_an_accelerator(zzcp: Run) -> None:
    data = json.loads(zzcp("show", ACCELERATOR, "--json", "-").stdout)
    (entry,) = data["files"]
    accelerator = load_accelerator(ACCELERATOR)
    assert entry["file"] == ACCELERATOR
    assert entry["kind"] == "accelerator"
    assert {key: entry[key] for key in accelerator_to_dict(accelerator)} == accelerator_to_dict(accelerator)
    assert entry["instances"]["rf_16B"] == 16
    assert entry["totals"] == {"units": 16, "capacity": accelerator.capacity, "area": accelerator.area}


def test_json_of_a_workload_and_a_mapping(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "shown.json"
    result = zzcp("show", WORKLOAD, CONV, "models/mappings/seed_mapping.yaml", "--json", path)
    assert "seed_workload: 2 layers" in result.stdout
    workload, mapping, file = json.loads(path.read_text())["files"]
    assert [layer["macs"] for layer in workload["layers"]] == [10**6, 10**6]
    assert workload["layers"][1]["operand_bits"] == {"O": 320_000, "W": 320_000, "I": 320_000}
    assert workload["totals"] == {"layers": 2, "macs": 2 * 10**6, "total_macs": 2 * 10**6}
    (full,) = mapping["mappings"]
    assert full.pop("layer") is None
    assert Mapping.from_dict(full) == Mapping.from_yaml(Path(CONV).read_text())
    assert [entry["name"] for entry in file["entries"]] == ["default", "Gemm"]


def test_json_shows_a_free_size_as_a_star(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(ORDERING)
    (entry,) = json.loads(zzcp("show", path, "--json", "-").stdout)["files"]
    assert entry["entries"][1]["temporal_ordering"] == [["C", 5], ["B", "*"], ["*", "*"]]
    assert entry["entries"][1]["spatial_mapping"] is None


def test_a_mapping_file_to_begin_with(zzcp: Run, golden: Golden, tmp_path: Path) -> None:
    result = zzcp("show", "models/accelerators/gemmini_like.yaml", "--mapping-skeleton")
    assert (result.exit_code, result.stderr) == (0, "")
    golden("show_mapping_skeleton", result.stdout)
    path = tmp_path / "mapping.yaml"
    path.write_text(result.stdout)
    (tmp_path / "layer.yaml").write_text(Path("tests/data/tiny_gemm.yaml").read_text())
    solved = zzcp(
        "solve", "-a", "models/accelerators/gemmini_like.yaml", "-w", tmp_path / "layer.yaml", "-m", path,
        "--spatial", "auto", "--json", "-", "-q",
    )  # fmt: skip
    assert solved.exit_code == 0, solved.stderr
    (layer,) = json.loads(solved.stdout)["layers"]
    assert layer["space"]["freedom"]["allowed"]["D1"] == ["B", "K", "C"]


def test_a_mapping_file_is_for_machines(zzcp: Run) -> None:
    result = zzcp("show", WORKLOAD, "--mapping-skeleton")
    assert result.exit_code == 2
    assert "no mapping file can be made of it: expected an accelerator" in result.stderr
