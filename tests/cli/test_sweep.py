"""`zzcp sweep`: the table, files, what is kept, and messages."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

import zzcp as library
from tests.cli.conftest import Golden, Run
from zzcp.cli.sweep import progress_text
from zzcp.sweeps import SweepProgress

FILES = ("-a", "docs/toy.yaml", "-w", "tests/data/tiny_gemm.yaml", "--spatial", "full")
SIZES = ("--vary", "memories.buf.size=16B:64B:x2")


def digest(path: Path) -> dict[str, str]:
    return {"file": path.name, "sha256": sha256(path.read_bytes()).hexdigest()}


def steady(text: str) -> str:
    """Return a report without what differs from run to run: the seconds, and what is not the same in all optima.

    Of several mappings with the same optimum any may be found. Their energy and latency are the same here, but not what
    the latency is made of: the columns of loading and stalls are left out, and how often loading takes longer.
    """
    text = re.sub(r"(?<=\d) +\d+ +\d+ +\d+\.\d$", "", text, flags=re.MULTILINE)
    text = re.sub(r" +\d+\.\d$", "", text, flags=re.MULTILINE)
    return re.sub(r"; in [\d,]+ of them data loading takes longer all the same", "", text)


def test_report(zzcp: Run, golden: Golden, tmp_path: Path) -> None:
    arguments = ("sweep", *FILES, *SIZES, "--vary", "memories.dram.ports.rw.bandwidth_max=8,16")
    result = zzcp(*arguments, "--gap", 0, "--db", tmp_path / "points.sqlite")
    assert result.exit_code == 0, result.stderr
    golden("sweep", steady(result.stdout))


def test_figures_of_the_points_are_those_of_their_mappings(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    result = zzcp("sweep", *FILES, *SIZES, "--gap", 0, "--db", ":memory:", "--json", path)
    assert result.exit_code == 0, result.stderr
    toy, layer = library.load_accelerator("docs/toy.yaml"), library.load_workload(FILES[3]).layers[0]
    rows = [line.split() for line in result.stdout.splitlines() if "optimal" in line]
    for row, point in zip(rows, json.loads(path.read_text())["points"], strict=True):
        size = point["values"]["memories.buf.size"]
        memories = tuple(replace(m, size=size) if m.name == "buf" else m for m in toy.memories)
        form = {key: point[key] for key in ("spatial_mapping", "temporal_mapping", "double_buffered")}
        found = library.evaluate(
            replace(toy, memories=memories), layer, library.Mapping.from_dict(form)
        ).to_dict()
        assert point["evaluation"] == json.loads(json.dumps(found))
        cycles = found["latency"]
        stalls = cycles["spatial_stall"] + cycles["temporal_stall"]
        assert row[5:10] == [
            f"{found['energy']['total']:,.0f}",
            str(cycles["total"]),
            "4",
            f"({100 * found['utilization']['spatial']:.1f}%)",
            str(cycles["data_loading"]),
        ]
        assert row[10] == str(stalls)


def test_points_without_a_mapping(zzcp: Run, golden: Golden) -> None:
    vary = ("--vary", "memories.buf.size,memories.reg_I.size=4B/8b,8B/16b")
    result = zzcp("sweep", *FILES, *vary, "--db", ":memory:")
    assert result.exit_code == 0, result.stderr
    golden("sweep_infeasible", steady(result.stdout))


def test_what_is_known_is_not_solved_again(zzcp: Run, tmp_path: Path) -> None:
    arguments = ("sweep", *FILES, *SIZES, "--db", tmp_path / "points.sqlite", "--json", "-")
    first, second = (json.loads(zzcp(*arguments).stdout) for _ in range(2))
    assert {point.pop("reused") for point in first["points"]} == {False}
    assert {point.pop("reused") for point in second["points"]} == {True}
    assert first == second
    assert (first["kind"], first["complete"], first["total"]) == ("sweep", True, 3)
    assert first["monotonicity"][0]["holds"]


def test_the_json_names_what_it_was_made_from(zzcp: Run, root: Path) -> None:
    result = zzcp("sweep", *FILES, *SIZES, "--db", ":memory:", "--json", "-")
    inputs = json.loads(result.stdout)["inputs"]
    assert list(inputs) == ["accelerator", "workloads", "mapping"]
    assert inputs["workloads"] == [digest(root / FILES[3])]
    assert inputs["mapping"] is None
    assert inputs["accelerator"].pop("content")["name"] == "toy"
    assert inputs["accelerator"] == digest(root / FILES[1])
    assert str(root) not in result.stdout


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (SweepProgress(0, 1, 0, 0.0, None), "0 of 1 point"),
        (SweepProgress(1, 4, 0, 5.0, 15.0), "1 of 4 points, about 15 s left"),
        (SweepProgress(3, 4, 2, 5.0, 400.0), "3 of 4 points, 2 known, about 7 min left"),
        (SweepProgress(4, 4, 0, 5.0, 0.0), "4 of 4 points"),
    ],
)
def test_progress_says_what_is_left(progress: SweepProgress, text: str) -> None:
    assert progress_text(progress) == text


def test_csv_and_picture(zzcp: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    table, picture = tmp_path / "table.csv", tmp_path / "picture.png"
    result = zzcp("sweep", *FILES, *SIZES, "--db", ":memory:", "--csv", table, "--plot", picture, "-q")
    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["memories.buf.size"] for row in rows] == ["128", "256", "512"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_layers_one_after_the_other(zzcp: Run) -> None:
    result = zzcp(
        "sweep", "-a", "models/accelerators/seed_eyeriss_1_2_4.yaml", "-w", "models/workloads/seed_workload.yaml",
        "-m", "models/mappings/seed_mapping.yaml", "--objective", "latency", "--db", ":memory:",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "Layers one after the other" in result.stdout
    (found,) = re.findall(r"conv: lowest latency ([\d,]+) at the machine as it is", result.stdout)
    # at least the array and its ports; at most the best that is known, and the gap
    assert 62_500 + 187_497 <= int(found.replace(",", "")) <= 250_036 / (1 - 1e-4)


def test_list_of_fields(zzcp: Run) -> None:
    result = zzcp("sweep", *FILES, "--list-fields", "--json", "-")
    names = [field["name"] for field in json.loads(result.stdout)["fields"]]
    assert {
        "memories.buf.ports.rw.bandwidth_max",
        "operational_array.sizes.D1",
        "workload.loop_sizes.K",
    } <= set(names)
    assert "memories.buf.size                           32 B" in zzcp("sweep", *FILES, "--list-fields").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--vary", "memories.bfu.size=4"), "--vary memories.bfu.size: no such field to vary"),
        (("--vary", "memories.bfu.size=4"), "did you mean 'memories.buf.size'?"),
        (("--vary", "memories.buf.size=4q"), "--vary memories.buf.size: cannot read the value"),
        (("--vary", "memories.buf.size=0"), "--vary memories.buf.size = 0: memory buf: size out of range"),
        (("--vary", "buf"), "cannot read what to vary: expected NAME=VALUES"),
        (("--objective", "edp,power"), "unknown objective"),
        (("--layer", "other"), "no layer of that name"),
        (
            ("--db", "no/such/folder.sqlite"),
            "no/such/folder.sqlite: cannot be used as the database of a sweep",
        ),
        (("--csv", "no/such/folder.csv"), "no/such/folder.csv: --csv: cannot be written"),
        (("-j", "0"), "is not in the range"),
    ],
)
def test_bad_usage(arguments: tuple[str, ...], message: str, zzcp: Run) -> None:
    result = zzcp("sweep", *FILES, *(("--db", ":memory:") if "--db" not in arguments else ()), *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
