"""`zzcp explain`: one result, two results, several layers, and files that cannot be explained."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

import zzcp as library
from tests.cli.conftest import Golden, Run
from zzcp.io import load_mapping_source
from zzcp.records.layers import SolvedLayer
from zzcp.records.plain import json_text
from zzcp.records.solved import solved_data
from zzcp.solver import Result

Write = Callable[..., Path]


@pytest.fixture
def write(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes a result file with the mappings of the seed question."""
    monkeypatch.chdir(root)

    def file(memories: str, *names: str, conventions: library.CostConventions = library.EXACT) -> Path:
        machine = library.load_accelerator(f"models/accelerators/seed_eyeriss_{memories}.yaml")
        workload = library.load_workload("models/workloads/seed_workload.yaml")
        solved = []
        for name in names or ("conv",):
            source = load_mapping_source(f"examples/seed/{name}_{memories}.yaml")
            mapping = library.Mapping.from_dict(source.by_layer[None])
            evaluation = library.evaluate(machine, workload.layer(name), mapping, conventions)
            result = Result(
                "feasible",
                evaluation.edp,
                evaluation.edp / 2,
                0.5,
                mapping,
                evaluation,
                None,
                conventions.name,
                "edp",
                0.0,
            )
            solved.append(SolvedLayer(workload.layer(name), result))
        path = tmp_path / f"{memories}_{conventions.name}.json"
        path.write_text(json_text(solved_data(library.__version__, machine, "edp", conventions.name, solved)))
        return path

    return file


def test_one_result(zzcp: Run, golden: Golden, write: Write) -> None:
    result = zzcp("explain", write("1_2_4"))
    assert (result.exit_code, result.stderr) == (0, "")
    golden("explain", result.stdout)


@pytest.mark.parametrize("conventions", [library.EXACT, library.ZIGZAG_3_0], ids=lambda entry: entry.name)
def test_two_results(zzcp: Run, golden: Golden, write: Write, conventions: library.CostConventions) -> None:
    files = [write(memories, conventions=conventions) for memories in ("1_2_4", "8_64_1024")]
    result = zzcp("explain", *files)
    assert (result.exit_code, result.stderr) == (0, "")
    golden(f"explain_two_{conventions.name}", result.stdout)


def test_json_says_the_same(zzcp: Run, write: Write) -> None:
    path = write("8_64_1024", "conv", "gemm")
    data = json.loads(zzcp("explain", path, "--json", "-").stdout)
    text = " ".join(zzcp("explain", path).stdout.split())
    assert [entry["layer"] for entry in data["layers"]] == ["conv", "gemm"]
    for entry in data["layers"]:
        assert all(line in text for line in entry["sentences"])
        assert entry["latency"]["total"] == 251_581
    (only,) = json.loads(zzcp("explain", path, "--layer", "gemm", "--json", "-").stdout)["layers"]
    assert only == data["layers"][1]
    assert not json.loads(zzcp("explain", path, "--no-what-if", "--json", "-").stdout)["layers"][0]["changes"]


def test_the_json_names_what_it_was_made_from(zzcp: Run, write: Write) -> None:
    files = [write("1_2_4"), write("8_64_1024")]
    digests = [{"file": file.name, "sha256": sha256(file.read_bytes()).hexdigest()} for file in files]
    one = json.loads(zzcp("explain", files[0], "--no-what-if", "--json", "-").stdout)["inputs"]
    assert one == {"results": digests[:1], "accelerators": [], "workload": None}
    machine = Path("models/accelerators/seed_eyeriss_1_2_4.yaml")
    two = json.loads(zzcp("explain", *files, "--json", "-").stdout)["inputs"]
    assert two["results"] == digests
    given = ("-a", machine, "-w", "models/workloads/seed_workload.yaml", "--no-what-if")
    inputs = json.loads(zzcp("explain", files[0], *given, "--json", "-").stdout)["inputs"]
    assert inputs["workload"]["file"] == "seed_workload.yaml"
    assert inputs["accelerators"] == [
        {"file": machine.name, "sha256": sha256(machine.read_bytes()).hexdigest()}
    ]


@pytest.mark.parametrize(("kind", "found"), [("sweep", "a sweep of zzcp"), ("pareto", "a front of zzcp")])
def test_other_tables_are_called_by_their_name(kind: str, found: str, zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps({"zzcp_version": "1", "kind": kind, "accelerator": "toy"}))
    result = zzcp("explain", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"wrong kind of file: expected a result of zzcp, found {found}" in result.stderr


def test_a_pipe_has_no_hash(zzcp: Run, write: Write, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = write("1_2_4").read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=(text,), daemon=True)
    writer.start()
    data = json.loads(zzcp("explain", pipe, "--no-what-if", "--json", "-").stdout)
    writer.join(10)
    assert data["inputs"]["results"] == [{"file": "pipe", "sha256": None}]


def test_a_result_of_solve(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    solved = zzcp("solve", "-a", "docs/toy.yaml", "-w", "tests/data/tiny_gemm.yaml", "--json", path, "-q")
    assert solved.exit_code == 0, solved.stderr
    result = zzcp("explain", path, "--resolve", "--time-limit", "10")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "gemm on toy, conventions exact: optimal, gap 0%" in result.stdout
    assert "What would help, with the best mapping searched again" in result.stdout


def test_many_layers_are_an_overview(zzcp: Run, write: Write) -> None:
    path = write("1_2_4")
    data = json.loads(path.read_text())
    data["layers"] = [
        {
            **data["layers"][0],
            "id": i,
            "name": f"l{i}",
            "definition": {**data["layers"][0]["definition"], "id": i, "name": f"l{i}"},
        }
        for i in range(4)
    ]
    path.write_text(json.dumps(data))
    result = zzcp("explain", path)
    assert result.exit_code == 0, result.stderr
    assert "4 layers on seed_eyeriss_1_2_4" in result.stdout
    assert "--layer NAME explains one" in result.stdout
    assert zzcp("explain", path, "--layer", "l2").stdout.startswith("l2 on seed_eyeriss_1_2_4")


def test_figures_that_are_not_those_of_the_mapping_are_noted(zzcp: Run, write: Write) -> None:
    path = write("1_2_4")
    data = json.loads(path.read_text())
    data["layers"][0]["evaluation"]["latency"]["total"] += 1
    path.write_text(json.dumps(data))
    result = zzcp("explain", path)
    assert result.exit_code == 0
    assert "explained as evaluated now, which is not what the file says" in result.stderr


def test_names_of_two_results_of_one_machine(zzcp: Run, write: Write, tmp_path: Path) -> None:
    path = write("1_2_4")
    copy = tmp_path / "copy.json"
    copy.write_text(path.read_text())
    result = zzcp("explain", path, copy)
    assert result.exit_code == 0, result.stderr
    assert "1_2_4_exact and copy take the same 250,651 cycles" in result.stdout


def test_files_without_machine_and_layers(zzcp: Run, write: Write) -> None:
    path = write("1_2_4")
    data = json.loads(path.read_text())
    del data["inputs"]["accelerator"]["content"]
    del data["layers"][0]["definition"]
    path.write_text(json.dumps(data))
    bare = zzcp("explain", path)
    assert bare.exit_code == 2
    assert "with -a" in bare.stderr
    files = ("-a", "models/accelerators/seed_eyeriss_1_2_4.yaml", "-w", "models/workloads/seed_workload.yaml")
    assert zzcp("explain", path, *files).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "missing argument"),
        (("none.json",), "none.json"),
        (("a.json", "b.json", "c.json"), "too many results"),
        (("docs/toy.yaml",), "wrong kind of file"),
        (("a.json", "-a", "x", "-a", "y"), "--accelerator given too often"),
    ],
)
def test_bad_usage(arguments: tuple[str, ...], message: str, zzcp: Run) -> None:
    result = zzcp("explain", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_layer_that_is_not_there(zzcp: Run, write: Write) -> None:
    result = zzcp("explain", write("1_2_4"), "--layer", "gemm")
    assert result.exit_code == 2
    assert "no such layer with a mapping: expected one of conv, found gemm" in result.stderr
    # the only layers of two results are compared whatever they are called
    both = zzcp("explain", write("1_2_4"), write("8_64_1024", "gemm"))
    assert both.exit_code == 0, both.stderr
    assert "layer conv and gemm" in both.stdout
    one = write("1_2_4", "conv", "gemm")
    other = zzcp("explain", one, write("8_64_1024", "conv", "gemm"), "--layer", "other")
    assert other.exit_code == 2
    assert "no such layer with a mapping" in other.stderr
