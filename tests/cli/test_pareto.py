"""`zzcp pareto`: the table, files, limits and messages."""

from __future__ import annotations

import csv
import json
import re
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

import zzcp as library
from tests.cli.conftest import Golden, Run
from zzcp.cli.pareto import progress_text
from zzcp.solver.fronts.exploration import FrontProgress

FILES = ("-a", "docs/toy.yaml", "-w", "tests/data/tiny_gemm.yaml", "--spatial", "full")
EYERISS = (
    "-a", "models/accelerators/seed_eyeriss_8_64_1024.yaml", "-w", "models/workloads/seed_workload.yaml",
    "-m", "models/mappings/seed_mapping.yaml",
)  # fmt: skip


@pytest.fixture
def machine(root: Path, tmp_path: Path) -> Path:
    """Return a machine on which energy and latency contradict each other."""
    data = yaml.safe_load((root / "docs" / "toy.yaml").read_text())
    data["memories"]["dram"]["ports"][0]["bandwidth_max"] = 16
    path = tmp_path / "machine.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


def settled(text: str) -> str:
    """Return a report without what differs between mappings of one point: the parts of the latency, and the loops."""
    row = r"^( *[\d,]+ +[\d,.]+ +[\d.e+]+(?: \*)? +[\d.]+%(?: +yes)?).*$"
    return re.sub(row, r"\1", text, flags=re.MULTILINE)


def test_report(zzcp: Run, golden: Golden, machine: Path) -> None:
    result = zzcp("pareto", "-a", machine, *FILES[2:], "--gap", 0)
    assert result.exit_code == 0, result.stderr
    golden("pareto", settled(result.stdout))


def test_figures_of_the_points_are_those_of_their_mappings(zzcp: Run, machine: Path, tmp_path: Path) -> None:
    path = tmp_path / "front.json"
    result = zzcp("pareto", "-a", machine, *FILES[2:], "--json", path)
    assert result.exit_code == 0, result.stderr
    data = json.loads(path.read_text())
    rows = [line for line in result.stdout.splitlines() if "%" in line]
    accelerator = library.load_accelerator(machine)
    layer = library.load_workload(FILES[3]).layers[0]
    for row, point in zip(rows, data["points"], strict=True):
        form = {key: point[key] for key in ("spatial_mapping", "temporal_mapping", "double_buffered")}
        mapping = library.Mapping.from_dict(form)
        found = library.evaluate(accelerator, layer, mapping).to_dict()
        assert point["evaluation"] == json.loads(json.dumps(found))
        cycles = found["latency"]
        stalls = cycles["spatial_stall"] + cycles["temporal_stall"]
        parts = [str(value) for value in (cycles["data_loading"], cycles["data_unloading"], stalls)]
        loops = "  ".join(f"{loop.dim} {loop.size}" for loop in mapping.order)
        assert row.endswith(loops)
        assert row.removesuffix(loops).split()[-3:] == parts


def test_json_csv_and_picture(zzcp: Run, tmp_path: Path, machine: Path) -> None:
    pytest.importorskip("matplotlib")
    table, picture = tmp_path / "front.csv", tmp_path / "front.png"
    result = zzcp("pareto", "-a", machine, *FILES[2:], "--json", "-", "--csv", table, "--plot", picture)
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert (data["kind"], data["complete"]) == ("pareto", True)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [float(row["energy"]) for row in rows] == [point["energy"] for point in data["points"]]
    energies = [point["energy"] for point in data["points"]]
    latencies = [point["latency"] for point in data["points"]]
    assert energies == sorted(energies, reverse=True)
    assert latencies == sorted(latencies)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_json_names_what_it_was_made_from(zzcp: Run, root: Path, machine: Path) -> None:
    result = zzcp("pareto", "-a", machine, *FILES[2:], "--seed", 3, "--json", "-")
    data = json.loads(result.stdout)
    inputs = data["inputs"]
    assert inputs["accelerator"]["sha256"] == sha256(machine.read_bytes()).hexdigest()
    assert inputs["workload"] == {
        "file": "tiny_gemm.yaml",
        "sha256": sha256((root / FILES[3]).read_bytes()).hexdigest(),
    }
    assert inputs["mapping"] is None
    assert data["options"] == {
        "time_limit": 600.0,
        "search_limit": 60.0,
        "gap": 1e-4,
        "seed": 3,
        "engine": "auto",
    }
    # machine and layer are in the file, so that it can be checked without the others
    again = tuple(inputs["accelerator"]["content"]["memories"])
    assert again == tuple(yaml.safe_load(machine.read_text())["memories"])
    assert data["layer"]["definition"]["loop_sizes"] == [4, 4, 4]
    assert str(root) not in result.stdout


def test_progress_is_in_words() -> None:
    assert progress_text(FrontProgress(1, 1, 1, 2.2)) == "1 point after 1 search, 1 range open, 2 s"
    assert progress_text(FrontProgress(3, 0, 4, 2.6)) == "3 points after 4 searches, 0 ranges open, 3 s"


def test_a_limit_is_said(zzcp: Run) -> None:
    result = zzcp("pareto", *EYERISS, "--layer", "conv", "--points", 2, "--search-limit", 5, "--gap", 0.01)
    assert result.exit_code == 0, result.stderr
    assert "where points could be missing" in result.stdout
    assert "takes less than" in result.stdout
    assert "the lowest energy-delay product that was found" in result.stdout


def test_supported_points_only(zzcp: Run, machine: Path) -> None:
    every = zzcp("pareto", "-a", machine, *FILES[2:], "--json", "-")
    supported = sum(point["supported"] for point in json.loads(every.stdout)["points"])
    result = zzcp("pareto", "-a", machine, *FILES[2:], "--supported")
    assert result.exit_code == 0, result.stderr
    assert "supported points" in result.stdout
    assert result.stdout.count("   yes ") == supported


def test_a_layer_that_does_not_fit(zzcp: Run, root: Path, tmp_path: Path) -> None:
    data = yaml.safe_load((root / "docs" / "toy.yaml").read_text())
    data["memories"]["reg_W"]["size"] = 4
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    result = zzcp("pareto", "-a", path, *FILES[2:])
    assert result.exit_code == 3
    assert "no mapping exists" in result.stdout
    assert "a reg_W of 8 bits would do" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (EYERISS, "a front is for one layer, the workload has 2: expected --layer with one of conv, gemm"),
        ((*EYERISS, "--layer", "cnov"), "did you mean 'conv'?"),
        ((*FILES, "--points", "0"), "is not in the range"),
        ((*FILES, "--gap", "1"), "is not in the range"),
        ((*FILES, "--csv", "no/such/folder.csv"), "no/such/folder.csv: --csv: cannot be written"),
        ((*FILES, "--supportd"), "did you mean '--supported'?"),
    ],
)
def test_bad_usage(arguments: tuple[str, ...], message: str, zzcp: Run) -> None:
    result = zzcp("pareto", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_where_nothing_fixes_the_unrolling_the_front_is_that_of_all(zzcp: Run) -> None:
    result = zzcp("pareto", *FILES[:4], "--max-dims", 1, "--supported", "--json", "-")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert (data["complete"], data["freedom"]["max_dims"]) == (True, 1)
    assert "over all unrollings" in data["statement"]
