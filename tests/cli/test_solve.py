"""`zzcp solve`: the seed example, the result file, equal layers, and layers that do not fit."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import ACCELERATOR, LARGE, WORKLOAD, Golden, Run
from zzcp import Mapping, evaluate, load_accelerator, load_workload, verify
from zzcp.solver import portable

SPATIAL = "models/mappings/seed_mapping.yaml"


def test_without_files_the_seed_example_is_solved(zzcp: Run) -> None:
    result = zzcp("solve")
    assert result.exit_code == 0, result.stderr
    assert "seed_eyeriss_1_2_4" in result.stdout
    assert result.stdout.count("optimal") == 2


def test_the_bundled_seed_files_are_those_of_models(root: Path) -> None:
    for name, folder in (
        ("seed_eyeriss_1_2_4.yaml", "accelerators"),
        ("seed_workload.yaml", "workloads"),
        ("seed_mapping.yaml", "mappings"),
    ):
        bundled = (root / "zzcp" / "data" / "seed" / name).read_text()
        assert bundled == (root / "models" / folder / name).read_text()


def test_the_result_file_is_read_again_and_scores_the_same(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    files = ("-a", ACCELERATOR, "-w", WORKLOAD)
    assert zzcp("solve", *files, "-m", SPATIAL, "--json", path, "-q").exit_code == 0
    data = json.loads(path.read_text())
    assert list(data)[:5] == ["zzcp_version", "accelerator", "objective", "conventions", "layers"]
    assert (data["objective"], data["conventions"]) == ("edp", "exact")
    for entry, layer in zip(data["layers"], load_workload(WORKLOAD), strict=True):
        assert entry["status"] == "optimal"
        assert 0 <= entry["gap"] <= 1e-4
        assert entry["lower_bound"] <= entry["objective"] == entry["evaluation"]["edp"]
        fields = ("spatial_mapping", "temporal_mapping", "double_buffered")
        mapping = Mapping.from_dict({name: entry[name] for name in fields})
        assert evaluate(load_accelerator(ACCELERATOR), layer, mapping).edp == entry["objective"]
    again = zzcp("evaluate", *files, "-m", path, "--json", "-", "-q")
    assert again.exit_code == 0, again.stderr
    found = json.loads(again.stdout)
    assert found["totals"] == data["totals"]
    assert [entry["evaluation"] for entry in found["layers"]] == [
        entry["evaluation"] for entry in data["layers"]
    ]


def test_the_same_seed_gives_the_same_result(zzcp: Run) -> None:
    def solve() -> dict[str, object]:
        result = zzcp("solve", "--layer", "gemm", "--seed", 3, "--json", "-")
        data = json.loads(result.stdout)
        for layer in data["layers"]:
            del layer["wall_s"]
        return data

    assert solve() == solve()


def test_more_memory_is_never_worse(zzcp: Run) -> None:
    """The answer to the seed question: loading may take longer, the optimum does not get worse."""
    best = []
    for machine in (ACCELERATOR, LARGE):
        result = zzcp("solve", "-a", machine, "-w", WORKLOAD, "-m", SPATIAL, "--layer", "conv", "--json", "-")
        (layer,) = json.loads(result.stdout)["layers"]
        assert layer["status"] == "optimal"
        best.append(layer)
    assert best[1]["lower_bound"] <= best[0]["objective"]


@pytest.mark.parametrize("objective", ["energy", "latency", "ed2"])
def test_other_objectives(objective: str, zzcp: Run) -> None:
    result = zzcp("solve", "--layer", "conv", "--objective", objective, "--json", "-")
    (layer,) = json.loads(result.stdout)["layers"]
    assert layer["status"] == "optimal"
    latency = layer["evaluation"]["latency"]["total"]
    totals = {name: layer["evaluation"][name]["total"] for name in ("energy", "latency")}
    totals["ed2"] = totals["energy"] * latency**2
    assert layer["objective"] == pytest.approx(totals[objective], rel=1e-15)


def test_the_result_holds_its_inputs_but_no_paths(zzcp: Run, root: Path) -> None:
    result = zzcp(
        "solve", "-a", root / ACCELERATOR, "-w", root / WORKLOAD, "-m", root / SPATIAL, "--json", "-", "-q"
    )
    data = json.loads(result.stdout)
    assert str(root) not in result.stdout
    inputs = data["inputs"]
    assert inputs["accelerator"]["file"] == Path(ACCELERATOR).name
    assert inputs["workload"]["sha256"] == sha256((root / WORKLOAD).read_bytes()).hexdigest()
    assert data["options"] == {"gap": 1e-4, "seed": 0, "engine": "auto"}


def test_a_result_that_is_not_complete_says_so_wherever_it_is_read(zzcp: Run, tmp_path: Path) -> None:
    path, page = tmp_path / "result.json", tmp_path / "page.html"
    zzcp("solve", "--layer", "conv", "--json", path)
    data = json.loads(path.read_text())
    assert data["complete"] is True
    assert "missing" not in data
    path.write_text(json.dumps(data | {"complete": False, "missing": [{"id": 1, "name": "gemm"}]}))
    text = "not complete: 1 of 2 layers is missing (gemm)"
    assert text in zzcp("explain", path).stderr
    assert text in zzcp("verify", path, "--no-bound").stderr
    assert zzcp("report", path, "-o", page).exit_code == 0
    assert text in page.read_text()


def test_a_stopped_run_goes_on(zzcp: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, part = tmp_path / "whole.json", tmp_path / "part.json"
    arguments = ("solve", "-a", ACCELERATOR, "-w", WORKLOAD, "-m", SPATIAL, "--no-cache")
    zzcp(*arguments, "--json", whole)
    data = json.loads(whole.read_text())
    first, second = data["layers"]
    stopped = data | {"layers": [first], "complete": False, "missing": [{"id": 1, "name": second["name"]}]}
    part.write_text(json.dumps(stopped))
    searched = []
    search = portable.run_job
    monkeypatch.setattr(
        portable, "run_job", lambda job, tell: searched.append(job.layer.name) or search(job, tell)
    )
    result = zzcp(*arguments, "--resume", part, "--json", part)
    assert f"1 of 2 layers are proven in {part}" in result.stderr
    assert searched == [second["name"]]
    assert without_times(part.read_text()) == without_times(whole.read_text())
    # nothing is left to do, and nothing is believed that the evaluator does not say
    assert zzcp(*arguments, "--resume", whole).exit_code == 0
    assert searched == [second["name"]]
    first["objective"] *= 0.5
    part.write_text(json.dumps(data | {"layers": [first]}))
    assert "the recorded objective is not what the mapping costs" in zzcp(*arguments, "--resume", part).stderr
    other = zzcp(*arguments, "--resume", whole, "--objective", "energy")
    assert other.exit_code == 2
    assert "the result to resume is of another run: expected energy, found edp" in other.stderr


def without_times(text: str) -> str:
    return re.sub(r'"wall_s": [0-9.e-]+', "", text)


def test_a_deterministic_limit_gives_the_same_bytes(zzcp: Run) -> None:
    arguments = ("solve", "--layer", "conv", "--deterministic-limit", 0.003, "--gap", 0, "--json", "-", "-q")
    one, other = (zzcp(*arguments) for _ in range(2))
    assert json.loads(one.stdout)["layers"][0]["status"] == "feasible", "the limit was not reached"
    assert without_times(one.stdout) == without_times(other.stdout)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_signal_leaves_what_was_found(jobs: int, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    files = [f"models/{name}" for name in ("accelerators/eyeriss_like.yaml", "workloads/mobilenetv2.onnx")]
    command = [sys.executable, "-m", "zzcp", "solve", "-a", files[0], "-w", files[1], "--gap", "0"]
    command += ["-m", "models/mappings/eyeriss_like.yaml", "-j", str(jobs), "--json", str(path)]
    command += ["--precision", "W=8,I=8,O=16,O_final=8"]
    for seconds in (5, 20, 40):  # a busy machine takes long to begin
        with subprocess.Popen(
            command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            time.sleep(seconds)
            process.send_signal(signal.SIGTERM if jobs == 2 else signal.SIGINT)
            output, messages = process.communicate(timeout=600)
        if "zzcp: note: stopped" in messages and '"status"' in path.read_text():
            break
    else:
        pytest.skip("done before the signal, or not begun")
    assert process.returncode == 130
    assert "eyeriss_like, edp, conventions exact" in output
    data = json.loads(path.read_text())
    assert 0 < len(data["layers"]) < 53
    assert data["complete"] is False
    assert len(data["layers"]) + len(data["missing"]) == 53
    assert re.search(rf"not complete: {len(data['missing'])} of 53 layers (is|are) missing", output)
    for layer in data["layers"]:
        assert layer["lower_bound"] <= layer["objective"]
    with pytest.warns(UserWarning, match="layers (is|are) missing"):
        found = verify(path, bounds=False)
    assert found.ok, [(layer.violations, layer.differences, layer.proof) for layer in found.layers]


def test_equal_layers_are_solved_once(zzcp: Run, tmp_path: Path) -> None:
    (conv, _) = yaml.safe_load(Path(WORKLOAD).read_text())
    twice = [
        {**conv, "id": number, "name": f"conv{number}", "operand_source": {"W": number, "I": number}}
        for number in (0, 1)
    ]
    path = tmp_path / "twice.yaml"
    path.write_text(yaml.safe_dump(twice))
    result = zzcp("solve", "-a", ACCELERATOR, "-w", path, "-m", SPATIAL, "-j", 2, "--json", "-")
    first, second = json.loads(result.stdout)["layers"]
    assert (first["name"], second["name"]) == ("conv0", "conv1")
    assert first["wall_s"] == second["wall_s"]
    assert first["temporal_mapping"] == second["temporal_mapping"]


def test_a_layer_that_does_not_fit(zzcp: Run, tmp_path: Path) -> None:
    machine = yaml.safe_load(Path(ACCELERATOR).read_text())
    machine["memories"]["rf_16B"]["size"] = 16
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(machine, sort_keys=False))
    result = zzcp("solve", "-a", path, "-w", WORKLOAD, "-m", SPATIAL, "--layer", "conv")
    assert result.exit_code == 3
    assert "memory rf_16B holds 16 bits, the smallest tiles need 32 (16 too many: O 32)" in result.stdout
    assert "a rf_16B of 32 bits would do" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-a", ACCELERATOR), "--workload is missing"),
        (("--time-limit", "0"), "is not in the range"),
        (("--objective", "power"), "is not one of"),
        (("--layer", "cnov"), "did you mean 'conv'?"),
    ],
)
def test_bad_usage(arguments: tuple[str, ...], message: str, zzcp: Run) -> None:
    result = zzcp("solve", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_table_in_the_width_of_the_page(
    zzcp: Run, golden: Golden, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    files = ("-a", "models/accelerators/eyeriss_like.yaml", "-m", "models/mappings/eyeriss_like.yaml")
    layers = ("--layer", "features.0", "--layer", "classifier.4")
    result = zzcp("solve", *files, "-w", "models/workloads/alexnet.onnx", *layers)
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= columns
    text = re.sub(r" +\d+\.\d$", "", result.stdout, flags=re.MULTILINE)
    if columns == 120:  # on a busy machine the column of seconds is wider
        text = re.sub("─+", "─", re.sub(" +", " ", text))
    golden(f"solve_{columns}_columns", text)


def test_loops_need_not_divide(zzcp: Run, tmp_path: Path) -> None:
    """The proof says what it holds for, and is checked again."""
    path = tmp_path / "result.json"
    files = ("-a", ACCELERATOR, "-w", WORKLOAD, "--layer", "conv")
    asked = ("--factors", "imperfect", "--max-padding", "0.02", "--time-limit", "100")
    result = zzcp("solve", *files, *asked, "--json", path)
    assert result.exit_code == 0, result.stderr
    data = json.loads(path.read_text())
    (layer,) = data["layers"]
    assert data["options"]["factors"] == "imperfect"
    assert layer["space"]["factors"] == "imperfect"
    assert layer["space"]["max_padding"] == 0.02
    assert layer["status"] == "optimal"
    again = zzcp("verify", path, "--time-limit", "100")
    assert again.exit_code == 0, again.stdout + again.stderr


GEMMINI = ("-a", "models/accelerators/gemmini_like.yaml", "-w", "tests/data/tiny_gemm.yaml")


def test_what_is_not_obeyed_of_a_mapping_file_is_said(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(
        "- {name: default, spatial_mapping: {D1: ['C, 2'], D2: ['K, 2']}, temporal_ordering: [[B, '*']]}\n"
    )
    result = zzcp("solve", *GEMMINI, "-m", path, "--gap", 0.5)
    assert result.exit_code == 0, result.stderr
    assert "note: temporal_ordering of default is not obeyed: all loop orders are searched" in result.stderr


def test_what_zigzag_would_cut_is_said_under_its_conventions(zzcp: Run, tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(
        "- {name: default, spatial_mapping: {D1: ['C, 2'], D2: ['K, 2']}}\n"
    )
    files = ("-a", "docs/toy.yaml", *GEMMINI[2:], "-m", tmp_path / "mapping.yaml", "--gap", 0.5)
    said = zzcp("solve", *files, "--conventions", "zigzag").stderr
    assert (
        "ZigZag itself would use another unrolling; it cuts C 2 on D1 to 1: reg_I carries 8 bits of I a cycle"
        in said
    )
    assert "ZigZag" not in zzcp("solve", *files).stderr
