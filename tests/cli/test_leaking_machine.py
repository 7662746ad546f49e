"""Fields that ZigZag does not know, as commands show them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from zzcp.cli.main import cli

LEAKING = "    leakage: 0.5\n    r_cost: 100\n"
WORKLOAD = """- id: 0
  name: gemm
  operator_type: Gemm
  equation: O[b][k]+=W[k][c]*I[b][c]
  dimension_relations: []
  loop_dims: [B, K, C]
  loop_sizes: [4, 4, 4]
  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}
  operand_source: {W: 0, I: 0}
"""


@pytest.fixture
def files(root: Path, tmp_path: Path) -> list[str]:
    machine, workload = tmp_path / "machine.yaml", tmp_path / "workload.yaml"
    toy = (root / "docs/toy.yaml").read_text()
    machine.write_text(toy.replace("    r_cost: 100\n", LEAKING))
    workload.write_text(WORKLOAD)
    return ["-a", str(machine), "-w", str(workload)]


def invoke(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code == 0, result.output
    return result


def test_leakage_is_shown_and_written(files: list[str], tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    shown = invoke("solve", *files, "--no-cache", "--json", str(path)).stdout
    found = json.loads(path.read_text())["layers"][0]["evaluation"]
    assert found["energy"]["leakage"] == 0.5 * found["latency"]["total"]
    assert found["energy"]["total"] == sum(found["energy"][part] for part in ("mac", "memory", "leakage"))
    assert "leakage" in shown
    assert "leakage" in invoke("explain", str(path)).stdout
    assert "leaks 0.5 pJ a cycle" in " ".join(invoke("show", files[1]).stdout.split())
    invoke("verify", str(path))


def test_what_zigzag_does_not_count_is_said(files: list[str]) -> None:
    result = invoke("solve", *files, "--no-cache", "--conventions", "zigzag")
    assert "leakage does not count under the conventions zigzag" in " ".join(result.stderr.split())
    assert "does not count" not in invoke("solve", *files, "--no-cache").stderr
