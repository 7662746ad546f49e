"""`zzcp verify`: exit codes, messages, and what it prints about a result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ACCELERATOR, LARGE, WORKLOAD, Run

Edit = Callable[[Any], None]


@pytest.fixture(scope="module")
def solved(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from click.testing import CliRunner  # noqa: PLC0415

    from zzcp.cli.main import cli  # noqa: PLC0415

    path = tmp_path_factory.mktemp("solved") / "result.json"
    files = (
        "-a",
        root / ACCELERATOR,
        "-w",
        root / WORKLOAD,
        "-m",
        root / "models/mappings/seed_mapping.yaml",
    )
    result = CliRunner().invoke(cli, [str(part) for part in ("solve", *files, "--json", path, "-q")])
    assert result.exit_code == 0, result.stderr
    data: dict[str, Any] = json.loads(path.read_text())
    return data


@pytest.fixture
def file(solved: dict[str, Any], tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the result after an edit."""

    def write(edit: Edit = lambda _: None) -> Path:
        data = json.loads(json.dumps(solved))
        edit(data)
        path = tmp_path / "result.json"
        path.write_text(json.dumps(data, indent=1))
        return path

    return write


def test_a_right_result(zzcp: Run, file: Callable[..., Path]) -> None:
    result = zzcp("verify", file())
    assert result.exit_code == 0, result.stdout
    assert result.stdout.count("re-proven") == 3
    assert "verified: 2 layers" in result.stdout


def test_a_space_that_is_not_said_is_that_of_the_given_unrolling(
    zzcp: Run, file: Callable[..., Path]
) -> None:
    result = zzcp("verify", file(lambda data: [entry.update(space=None) for entry in data["layers"]]))
    assert result.exit_code == 0, result.stderr
    assert "verified: 2 layers" in result.stdout


def test_with_the_files_themselves(zzcp: Run, file: Callable[..., Path]) -> None:
    result = zzcp(
        "verify", file(), "-a", ACCELERATOR, "-w", WORKLOAD, "--layer", "gemm", "-j", 2, "--json", "-"
    )
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert (data["ok"], data["proven"]) == (True, True)
    (layer,) = data["layers"]
    assert (layer["name"], layer["bound"], layer["differences"]) == ("gemm", "re-proven", [])


def test_with_another_machine(zzcp: Run, file: Callable[..., Path]) -> None:
    result = zzcp("verify", file(), "-a", LARGE, "--no-bound")
    assert result.exit_code == 5
    assert "accelerator: recorded 'seed_eyeriss_1_2_4', recomputed 'seed_eyeriss_8_64_1024'" in result.stdout


def test_an_edited_figure(zzcp: Run, file: Callable[..., Path]) -> None:
    def edit(data: Any) -> None:
        data["layers"][1]["evaluation"]["energy"]["by_memory"]["dram"] += 1
        data["totals"]["latency"] -= 1

    result = zzcp("verify", file(edit), "--no-bound")
    assert result.exit_code == 5
    assert (
        "layers[1].evaluation.energy.by_memory.dram: recorded 50000001.0, recomputed 50000000.0"
        in result.stdout
    )
    assert "totals.latency: recorded" in result.stdout
    assert " DIFFER" in result.stdout
    assert "NOT VERIFIED: 1 of 2 layers wrong" in result.stdout


def test_an_edited_mapping(zzcp: Run, file: Callable[..., Path]) -> None:
    def edit(data: Any) -> None:
        data["layers"][0]["temporal_mapping"]["W"][0].clear()

    result = zzcp("verify", file(edit))
    assert result.exit_code == 5
    assert "layer conv: invalid mapping: " in result.stdout
    assert "INVALID" in result.stdout


def test_a_bound_that_is_too_high(zzcp: Run, file: Callable[..., Path]) -> None:
    def edit(data: Any) -> None:
        layer = data["layers"][0]
        layer["lower_bound"] = layer["objective"] * 1.5
        layer["gap"] = 0.0

    result = zzcp("verify", file(edit), "--layer", "conv")
    assert result.exit_code == 5
    assert "CONTRADICTED" in result.stdout
    assert "layer conv: a mapping with edp 18468931910000.0 exists, better than the bound" in result.stdout


def test_a_proof_that_takes_too_long(zzcp: Run, file: Callable[..., Path]) -> None:
    result = zzcp("verify", file(), "--layer", "conv", "--time-limit", "1e-9")
    assert result.exit_code == 4
    assert "not re-proven within the time limit" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.json",), "nowhere.json: no such file"),
        ((ACCELERATOR,), "wrong kind of file: expected a result of zzcp, found a hardware file"),
        ((), "missing argument 'RESULT'"),
    ],
)
def test_bad_usage(arguments: tuple[str, ...], message: str, zzcp: Run) -> None:
    result = zzcp("verify", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_broken_results(zzcp: Run, file: Callable[..., Path]) -> None:
    path = file()
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    result = zzcp("verify", path)
    assert result.exit_code == 2
    assert str(path) in result.stderr
    result = zzcp("verify", file(lambda data: data.pop("inputs")))
    assert result.exit_code == 2
    assert "give the hardware file, with -a" in result.stderr
    result = zzcp("verify", file(), "--layer", "cnov")
    assert result.exit_code == 2
    assert "did you mean 'conv'?" in result.stderr
