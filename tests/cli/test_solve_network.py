"""`zzcp solve --scope network`: the result file, what is printed, and what is read of it again."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ACCELERATOR, WORKLOAD, Run
from zzcp.errors import InputError
from zzcp.io import network_to_yaml
from zzcp.io.result import load_results
from zzcp.networks.again import prove_totals
from zzcp.solver.options import SearchOptions
from zzcp.workload import Layer, Network

FILES = ("-a", ACCELERATOR, "-w", WORKLOAD, "-m", "models/mappings/seed_mapping.yaml")


def solved(zzcp: Run, path: Path, *options: str) -> dict[str, Any]:
    result = zzcp("solve", *FILES, "--scope", "network", "--json", path, *options)
    assert result.exit_code == 0, result.stderr
    assert "together" in result.stdout
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_the_totals_have_one_bound(zzcp: Run, tmp_path: Path) -> None:
    data = solved(zzcp, tmp_path / "network.json")
    assert (data["scope"], data["complete"]) == ("network", True)
    totals = data["totals"]
    assert totals["status"] == "optimal"
    assert 0 <= totals["gap"] <= 1e-4
    assert totals["lower_bound"] <= totals["objective"]
    assert totals["slope"] > 0
    assert totals["resident"] == []
    assert totals["alone"]["objective"] >= totals["objective"]
    energies = [entry["evaluation"]["energy"]["total"] for entry in data["layers"]]
    assert totals["energy"] == float(sum(map(Fraction, energies)))
    assert totals["latency"] == sum(entry["evaluation"]["latency"]["total"] for entry in data["layers"])
    layers = json.loads(zzcp("solve", *FILES, "--json", "-", "-q").stdout)
    assert (layers["scope"], layers["complete"]) == ("layers", True)
    assert layers["totals"]["edp"] >= totals["lower_bound"]


def test_the_file_is_verified_with_the_bound_of_the_totals(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    data = solved(zzcp, path, "-j", "2")
    assert len(load_results(path).layers) == len(data["layers"])
    found = zzcp("verify", path)
    assert found.exit_code == 0, found.stdout
    assert "the bound of the totals: re-proven" in found.stdout
    for field, factor in (("energy", 1.5), ("objective", 0.5), ("gap", 2.0)):
        wrong = json.loads(path.read_text())
        wrong["totals"][field] = wrong["totals"][field] * factor + 1
        (tmp_path / "wrong.json").write_text(json.dumps(wrong))
        found = zzcp("verify", tmp_path / "wrong.json", "--no-bound")
        assert found.exit_code == 5
        assert f"totals.{field}" in found.stdout
    wrong = json.loads(path.read_text())
    wrong["totals"]["lower_bound"] *= 1.5
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    found = zzcp("verify", tmp_path / "wrong.json")
    assert found.exit_code == 5
    assert "together exist, better than the bound" in found.stdout


WRONG_TENSORS: tuple[tuple[Any, str], ...] = (
    (None, "totals.tensors: wrong value: expected a list, found nothing"),
    ([None], "totals.tensors[0]: wrong value: expected a mapping"),
    ([{"producer": 9}], "totals.tensors[0]: producer: expected an integer from 0 to"),
    ([{"uses": []}], "totals.tensors[0]: uses: expected at least one layer that reads it, found none"),
    ([{"uses": [[0, "I"]]}], "totals.tensors[0]: reader: expected an integer from 1 to"),
    ([{"uses": [[1, "Q"]]}], "totals.tensors[0]: unknown operand"),
    ([{"memories": ["no"]}], "totals.tensors[0]: unknown memory"),
)


def test_tensors_that_cannot_be(zzcp: Run, tmp_path: Path) -> None:
    """Some of them ended in a traceback, the others in a message without a place."""
    path = tmp_path / "network.json"
    data = solved(zzcp, path)
    tensor = {"producer": 0, "uses": [[1, "I"]], "bits": 8, "memories": ["dram"]}
    for change, message in WRONG_TENSORS:
        data["totals"]["tensors"] = change and [entry and tensor | entry for entry in change]
        path.write_text(json.dumps(data))
        try:
            file = load_results(path)
            with pytest.raises(InputError) as caught:
                prove_totals(file, SearchOptions(600.0, seed=1))
            error = caught.value
        except InputError as refused:
            error = refused
        assert f"{path}:1: {message}" in str(error)


def test_totals_beside_a_layer_without_a_mapping(zzcp: Run, tmp_path: Path) -> None:
    """They are those of the others, as printed; the file said 0 and `verify` called it wrong."""
    workload, path = tmp_path / "network.yaml", tmp_path / "network.json"
    layers = (
        Layer.gemm(b=4, k=4, c=4, name="fits", id=0),
        Layer.gemm(b=1, k=10**5, c=10**5, name="large", id=1),
    )
    workload.write_text(network_to_yaml(Network("two", layers)))
    files = ("-a", ACCELERATOR, "-w", workload, "--spatial", "full")
    for option in ((), ("--keep-on-chip",)):
        result = zzcp("solve", *files, "--scope", "network", *option, "--json", path)
        assert result.exit_code == 3
        data = json.loads(path.read_text())
        assert [entry["status"] for entry in data["layers"]] == ["optimal", "infeasible"]
        counted = data["layers"][0]["evaluation"]
        totals = data["totals"]
        assert (totals["energy"], totals["latency"]) == (
            counted["energy"]["total"],
            counted["latency"]["total"],
        )
        assert totals["energy"] > 0
        assert (totals["status"], totals["objective"], totals["gap"]) == ("infeasible", None, None)
        data["layers"] = data["layers"][1:]
        (tmp_path / "none.json").write_text(json.dumps(data))
        none = zzcp("convert", tmp_path / "none.json", "--to", "timeloop", "-o", "-")
        assert (none.exit_code, none.stderr.endswith("none.json: no layer has a mapping\n")) == (2, True)
        found = zzcp("verify", path)
        assert found.exit_code == 0, found.stdout


def test_totals_of_a_run_that_was_stopped(zzcp: Run, tmp_path: Path) -> None:
    """There is no objective of all layers where some are missing; `verify` said what that of the others was."""
    path = tmp_path / "network.json"
    data = solved(zzcp, path)
    first, *rest = data["layers"]
    counted = first["evaluation"]
    data["totals"] |= {
        "energy": counted["energy"]["total"],
        "latency": counted["latency"]["total"],
        "edp": counted["energy"]["total"] * counted["latency"]["total"],
        "objective": None,
        "lower_bound": 0.0,
        "gap": None,
        "status": "unknown",
    }
    missing = [{"id": entry["id"], "name": entry["name"]} for entry in rest]
    path.write_text(json.dumps(data | {"layers": [first], "complete": False, "missing": missing}))
    found = zzcp("verify", path)
    assert found.exit_code == 0, found.stdout


def test_what_a_network_does_not_have_is_refused(zzcp: Run) -> None:
    for option in (("--deterministic-limit", "1"), ("--progress-log",)):
        result = zzcp("solve", *FILES, "--scope", "network", *option)
        assert result.exit_code == 2
        assert f"{option[0]} is for --scope layers" in result.stderr


def test_tensors_stay_on_the_chip(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    files = ("-a", "models/accelerators/tpu_like.yaml", "-w", "models/workloads/resnet18.onnx")
    narrow = ("--precision", "W=8,I=8,O=16,O_final=8", "-m", "models/mappings/tpu_like.yaml")
    some = ("--layer", "layer1.0.conv1", "--layer", "layer1.0.conv2")
    result = zzcp("solve", *files, *narrow, *some, "--scope", "network", "--keep-on-chip", "--json", path)
    assert result.exit_code == 0, result.stderr
    assert "on the chip between layers" in result.stdout
    data = json.loads(path.read_text())
    (stays,) = data["totals"]["resident"]
    assert (stays["tensor"], stays["memory"]) == ("layer1.0.conv1", "unified_buffer")
    assert data["layers"][0]["resident"] == {"O": "unified_buffer"}
    assert data["totals"]["objective"] < data["totals"]["without_residents"]
    found = zzcp("verify", path)
    assert found.exit_code == 0, found.stdout
    assert "the bound of the totals: re-proven" in found.stdout
    assert zzcp("explain", path).exit_code == 0
    scored = zzcp("evaluate", *files, *narrow[:2], *some, "-m", path, "--json", "-")
    assert json.loads(scored.stdout)["totals"]["energy"] == data["totals"]["energy"]
    alone = zzcp("solve", *files, *narrow, "--keep-on-chip")
    assert alone.exit_code == 2
    assert "--keep-on-chip is for --scope network" in alone.stderr


def test_what_was_solved_beside_resident_tensors_is_no_proof_for_a_layer_by_itself(
    zzcp: Run, tmp_path: Path
) -> None:
    """`--resume` took over layers whose inputs or outputs stayed on the chip: an EDP of 476,470 for one of 609,510."""
    workload, path = tmp_path / "network.yaml", tmp_path / "network.json"
    layers = (
        Layer.gemm(b=4, k=6, c=10, name="first", id=0),
        replace(Layer.gemm(b=4, k=7, c=6, name="second", id=1), sources={"I": 0}),
    )
    workload.write_text(network_to_yaml(Network("two", layers)))
    files = ("-a", ACCELERATOR, "-w", workload, "--spatial", "full", "--no-cache")
    assert zzcp("solve", *files, "--scope", "network", "--keep-on-chip", "--json", path).exit_code == 0
    together = json.loads(path.read_text())
    assert [entry.get("resident") for entry in together["layers"]] == [{"O": "sram_1M"}, {"I": "sram_1M"}]
    assert together["layers"][0]["status"] == "optimal"
    fresh, resumed = (
        json.loads(zzcp("solve", *files, *option, "-q", "--json", "-").stdout)
        for option in ((), ("--resume", path))
    )
    objectives = [entry["objective"] for entry in fresh["layers"]]
    assert objectives[0] == 609_510
    assert [entry["objective"] for entry in resumed["layers"]] == objectives
