"""`zzcp evaluate`: every form of a mapping, the report, the JSON, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import ACCELERATOR, CONV, LARGE, WORKLOAD, Golden, Run
from zzcp import Mapping, evaluate, load_accelerator, load_workload
from zzcp.cost import CONVENTIONS

MACHINES = {"1_2_4": ACCELERATOR, "8_64_1024": LARGE}
ORDER = [["C", 5], ["B", 20], ["K", 5], ["C", "*"], ["K", "*"], ["B", "*"]]
ENTRIES = [
    {"name": "default", "spatial_mapping": {"D1": ["K, 4"], "D2": ["C, 4"]}, "temporal_ordering": ORDER},
    {
        "name": "Gemm",
        "spatial_mapping": {"D1": ["K, 4"], "D2": ["M, 4"]},
        "temporal_ordering": [["K", 5], ["N", 20], ["M", 5], ["K", "*"], ["M", "*"], ["N", "*"]],
    },
]


def evaluation(zzcp: Run, *arguments: str | Path, accelerator: str = ACCELERATOR) -> dict[str, Any]:
    """Return the JSON of an evaluation."""
    result = zzcp("evaluate", "-a", accelerator, "-w", WORKLOAD, *arguments, "--json", "-")
    assert result.exit_code == 0, result.stderr
    data: dict[str, Any] = json.loads(result.stdout)
    return data


@pytest.fixture
def ordering(tmp_path: Path) -> Path:
    """Return a ZigZag mapping file with a complete order for both seed layers."""
    path = tmp_path / "ordering.yaml"
    path.write_text(yaml.safe_dump(ENTRIES))
    return path


@pytest.mark.parametrize("conventions", CONVENTIONS)
@pytest.mark.parametrize("size", MACHINES)
def test_the_report(size: str, conventions: str, zzcp: Run, golden: Golden) -> None:
    files = ("-a", MACHINES[size], "-w", WORKLOAD, "-m", f"examples/seed/conv_{size}.yaml")
    result = zzcp("evaluate", *files, "--layer", "conv", "--conventions", conventions)
    assert (result.exit_code, result.stderr) == (0, "")
    golden(f"evaluate_{size}_{conventions}", result.stdout)


@pytest.mark.parametrize("layer", ["conv", "gemm"])
@pytest.mark.parametrize(
    ("size", "loading", "total"), [("1_2_4", 220, 250_439), ("8_64_1024", 5020, 260_519)]
)
def test_the_figures_of_the_seed_question(size: str, loading: int, total: int, layer: str, zzcp: Run) -> None:
    mapping = f"examples/seed/{layer}_{size}.yaml"
    arguments = ("-m", mapping, "--layer", layer, "--conventions", "zigzag-3.0")
    (entry,) = evaluation(zzcp, *arguments, accelerator=MACHINES[size])["layers"]
    latency = entry["evaluation"]["latency"]
    assert (latency["data_loading"], latency["total"]) == (loading, total)
    readme = Path("examples/seed/README.md").read_text()
    assert f"| `seed_eyeriss_{size}` | {loading:,} | {total:,} |" in readme


def test_what_the_example_says_of_the_exact_conventions(zzcp: Run) -> None:
    loading = []
    for size, machine in MACHINES.items():
        mapping = f"examples/seed/conv_{size}.yaml"
        (entry,) = evaluation(zzcp, "-m", mapping, "--layer", "conv", accelerator=machine)["layers"]
        loading.append(entry["evaluation"]["latency"]["data_loading"])
    readme = " ".join(Path("examples/seed/README.md").read_text().split())
    assert f"the second command prints {loading[1]} cycles of loading, the first {loading[0]}." in readme


def test_json_has_the_documented_fields(zzcp: Run) -> None:
    data = evaluation(zzcp, "-m", CONV, "--layer", "conv", "--conventions", "zigzag")
    assert list(data) == [
        "zzcp_version", "accelerator", "conventions", "layers", "totals", "left_out", "macs"
    ]  # fmt: skip
    assert data["macs"] == {"in_layers": 10**6, "total": 10**6}
    assert (data["accelerator"], data["conventions"]) == ("seed_eyeriss_1_2_4", "zigzag")
    (layer,) = data["layers"]
    assert list(layer) == [
        "id",
        "name",
        "operator",
        "spatial_mapping",
        "temporal_mapping",
        "double_buffered",
        "evaluation",
    ]
    assert (layer["id"], layer["name"], layer["operator"]) == (0, "conv", "Conv")
    assert {operand: len(levels) for operand, levels in layer["temporal_mapping"].items()} == {
        "W": 3,
        "I": 3,
        "O": 4,
    }
    assert {operand: len(flags) for operand, flags in layer["double_buffered"].items()} == {
        "O": 3,
        "W": 2,
        "I": 2,
    }
    found = layer["evaluation"]
    assert {"edp", "energy", "latency", "accesses", "utilization", "ports", "links"} <= set(found)
    assert {"total", "mac", "memory", "by_memory", "by_operand"} <= set(found["energy"])
    assert list(found["latency"]) == [
        "total",
        "ideal",
        "spatial_stall",
        "temporal_stall",
        "data_loading",
        "data_unloading",
        "drain",
    ]
    assert set(found["accesses"]["W"][0]) == {"from_above", "to_above", "from_below", "to_below"}
    assert data["totals"] == {
        "energy": found["energy"]["total"],
        "latency": found["latency"]["total"],
        "edp": found["edp"],
    }


def test_json_is_what_the_library_returns(zzcp: Run) -> None:
    layer = load_workload(WORKLOAD).layer("conv")
    expected = evaluate(load_accelerator(ACCELERATOR), layer, Mapping.from_yaml(Path(CONV).read_text()))
    (entry,) = evaluation(zzcp, "-m", CONV, "--layer", "conv")["layers"]
    assert entry["evaluation"] == json.loads(json.dumps(expected.to_dict()))


def test_the_same_input_gives_the_same_bytes(zzcp: Run) -> None:
    arguments = ("evaluate", "-a", ACCELERATOR, "-w", WORKLOAD, "-m", CONV, "--layer", "conv", "--json", "-")
    assert zzcp(*arguments).stdout == zzcp(*arguments).stdout


@pytest.mark.parametrize("conventions", CONVENTIONS)
def test_a_result_is_read_back_to_the_same_figures(conventions: str, zzcp: Run, tmp_path: Path) -> None:
    first = evaluation(zzcp, "-m", CONV, "--layer", "conv", "--conventions", conventions)
    path = tmp_path / "result.json"
    path.write_text(json.dumps(first))
    assert evaluation(zzcp, "-m", path, "--layer", "conv", "--conventions", conventions) == first


def test_double_buffers_of_other_conventions_are_chosen_anew(zzcp: Run, tmp_path: Path) -> None:
    # ZigZag's rule keeps tiles twice where their effective size leaves room, more than the memories hold
    path = tmp_path / "result.json"
    path.write_text(json.dumps(evaluation(zzcp, "-m", CONV, "--layer", "conv", "--conventions", "zigzag")))
    result = zzcp("evaluate", "-a", ACCELERATOR, "-w", WORKLOAD, "-m", path, "--layer", "conv", "--json", "-")
    assert (
        result.stderr
        == f"zzcp: note: {path} was computed under other conventions; double buffers are chosen anew\n"
    )
    expected = evaluation(zzcp, "-m", CONV, "--layer", "conv")
    assert json.loads(result.stdout) == expected


def test_loops_are_the_same_for_every_operand(zzcp: Run, tmp_path: Path) -> None:
    text = Path(CONV).read_text().replace("- [[C, 5], [B, 20]]", "- [[C, 5], [B, 4], [B, 5]]")
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    (entry,) = evaluation(zzcp, "-m", path, "--layer", "conv")["layers"]
    orders = {
        operand: [loop for level in levels for loop in level]
        for operand, levels in entry["temporal_mapping"].items()
    }
    assert orders["W"] == orders["I"] == orders["O"]
    assert orders["W"][1:3] == [["B", 4], ["B", 5]]


def test_an_order_is_allocated_as_zigzag_does(ordering: Path, zzcp: Run) -> None:
    # the order of examples/seed/conv_1_2_4.yaml, which ZigZag's allocator cut into that mapping
    (entry,) = evaluation(zzcp, "-m", ordering, "--layer", "conv", "--conventions", "zigzag-3.0")["layers"]
    expected = Mapping.from_yaml(Path(CONV).read_text()).to_dict()
    assert entry["temporal_mapping"] == expected["temporal_mapping"]
    assert entry["evaluation"]["latency"]["total"] == 250_439


def test_several_layers_are_a_table(ordering: Path, zzcp: Run, golden: Golden) -> None:
    result = zzcp("evaluate", "-a", ACCELERATOR, "-w", WORKLOAD, "-m", ordering)
    assert result.exit_code == 0
    golden("evaluate_two_layers", result.stdout)
    data = evaluation(zzcp, "-m", ordering)
    energy, latency = (
        sum(layer["evaluation"][figure]["total"] for layer in data["layers"])
        for figure in ("energy", "latency")
    )
    assert data["totals"] == {"energy": energy, "latency": latency, "edp": energy * latency}


def test_named_layers_are_reported_in_full(ordering: Path, zzcp: Run) -> None:
    arguments = ("evaluate", "-a", ACCELERATOR, "-w", WORKLOAD, "-m", ordering)
    output = zzcp(*arguments, "--layer", "1", "--layer", "conv", "--layer", "gemm").stdout
    assert output.index("layer gemm (Gemm)") < output.index("layer conv (Conv)") < output.index("2 layers")
    assert output.count("Data loading and unloading") == 2


def test_layers_without_a_mapping_are_left_out_and_named(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    entries = [{key: value for key, value in ENTRIES[0].items() if key != "temporal_ordering"}, ENTRIES[1]]
    path.write_text(yaml.safe_dump(entries))
    result = zzcp("evaluate", "-a", ACCELERATOR, "-w", WORKLOAD, "-m", path)
    assert result.exit_code == 0
    assert "1 node of the workload not in these figures" in result.stdout
    data = evaluation(zzcp, "-m", path)
    assert [layer["name"] for layer in data["layers"]] == ["gemm"]
    assert data["left_out"] == [
        {"id": 0, "name": "conv", "operator": "Conv", "reason": "no loop order for layer conv", "macs": 10**6}
    ]


def test_skipped_nodes_are_left_out_and_named(zzcp: Run, tmp_path: Path) -> None:
    network = "models/workloads/alexnet.onnx"
    fc = load_workload(network).layer("classifier.6")
    entry = {
        "name": "default",
        "spatial_mapping": {"D1": ["K, 4"]},
        "temporal_ordering": [["C", "*"], ["K", "*"], ["B", "*"]],
    }
    named = [{**entry, "name": fc.name}, {"name": "default", "spatial_mapping": {}}]
    path = tmp_path / "mapping.yaml"
    path.write_text(yaml.safe_dump(named))
    result = zzcp("evaluate", "-a", LARGE, "-w", network, "-m", path, "--json", "-")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    loaded = load_workload(network)
    assert [layer["name"] for layer in data["layers"]] == [fc.name]
    assert len(data["left_out"]) == len(loaded) - 1 + len(loaded.skipped)
    assert data["macs"] == {"in_layers": fc.macs, "total": loaded.total_macs}
    named_only = zzcp(
        "evaluate", "-a", LARGE, "-w", network, "-m", path, "--layer", fc.name, "--json", "-"
    ).stdout
    assert json.loads(named_only)["left_out"] == []


def test_links_of_the_mapping_are_used_and_written(zzcp: Run, tmp_path: Path) -> None:
    swapped = {"W": "I1", "I": "I2", "O": "O"}
    path = tmp_path / "mapping.yaml"
    path.write_text(yaml.safe_dump([{**ENTRIES[0], "memory_operand_links": swapped}]))
    data = evaluation(zzcp, "-m", path, "--layer", "conv")
    (entry,) = data["layers"]
    assert entry["memory_operand_links"] == swapped
    result = tmp_path / "result.json"
    result.write_text(json.dumps(data))
    assert evaluation(zzcp, "-m", result, "--layer", "conv") == data


def test_an_invalid_mapping_is_scored_on_request(zzcp: Run, golden: Golden) -> None:
    files = ("-a", ACCELERATOR, "-w", WORKLOAD, "-m", "examples/seed/conv_8_64_1024.yaml", "--layer", "conv")
    result = zzcp("evaluate", *files, "--allow-invalid")
    assert result.exit_code == 0
    assert result.stderr == "zzcp: note: not valid, but scored all the same: conv\n"
    golden("evaluate_invalid", result.stdout)
    data = evaluation(zzcp, *files[4:], "--allow-invalid")
    assert data["layers"][0]["evaluation"]["valid"] is False
    assert len(data["layers"][0]["evaluation"]["violations"]) == 3


def test_operands_without_a_common_order_are_shown_apart(zzcp: Run, tmp_path: Path) -> None:
    text = Path(CONV).read_text().replace("- [[C, 5], [B, 20]]", "- [[B, 20], [C, 5]]", 1)
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    files = ("evaluate", "-a", ACCELERATOR, "-w", WORKLOAD, "-m", path, "--layer", "conv")
    refused = zzcp(*files)
    assert refused.exit_code == 3
    assert "different loop orders" in refused.stderr
    output = zzcp(*files, "--allow-invalid").stdout
    assert "W         rf_64B_W    B 20  C 5" in output


def test_loops_that_do_not_divide(zzcp: Run, tmp_path: Path) -> None:
    """The seed layer has 100 inputs: 25 per lane of four, here in tiles of 3."""
    data = Mapping.from_yaml(Path(CONV).read_text()).to_dict()
    levels = {"C": [3, 9], "K": [25], "B": [100]}
    loops = [[dim, size] for dim, sizes in levels.items() for size in sizes]
    for operand, rows in data["temporal_mapping"].items():
        data["temporal_mapping"][operand] = [[] for _ in rows[:-1]] + [loops]
    path = tmp_path / "mapping.yaml"
    path.write_text(yaml.safe_dump(data))
    refused = zzcp("evaluate", "-a", ACCELERATOR, "-w", WORKLOAD, "-m", path, "--layer", "conv")
    assert refused.exit_code == 3
    assert "27 iterations of C, the layer needs 25" in refused.stderr
    path.write_text(yaml.safe_dump(data | {"factors": "imperfect"}))
    found = evaluation(zzcp, "-m", path, "--layer", "conv")
    assert found["layers"][0]["factors"] == "imperfect"
    again = tmp_path / "again.json"
    again.write_text(json.dumps(found))
    assert evaluation(zzcp, "-m", again, "--layer", "conv")["layers"] == found["layers"]
    path.write_text(yaml.safe_dump(data | {"factors": "maybe"}))
    refused = zzcp("evaluate", "-a", ACCELERATOR, "-w", WORKLOAD, "-m", path, "--layer", "conv")
    assert refused.exit_code == 2
    assert "factors" in refused.stderr
    assert "perfect" in refused.stderr
