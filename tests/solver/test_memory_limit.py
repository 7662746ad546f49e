"""A search that takes more memory than it may ends with its best and its bound."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import zzcp
from zzcp.errors import InputError
from zzcp.mapping.default import default_spatial
from zzcp.solver import memory_limit
from zzcp.solver.memory_limit import available, exceeded, limited, peak, taken

GEMM = "-a models/accelerators/eyeriss_like.yaml -w models/workloads/gemm_512.yaml -m models/mappings/eyeriss_like.yaml"


def test_what_the_system_says() -> None:
    assert 10**6 < taken() <= peak() + 2**24  # the system counts the two in different places
    left = available()
    assert left is not None
    assert 0 < left[0] <= left[1]


def test_the_limit_holds_in_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not exceeded()
    with limited(1):
        assert exceeded()
        with limited(2**50):
            assert not exceeded()
    assert not exceeded()
    monkeypatch.setattr(memory_limit, "available", lambda: (2**20, 2**40))
    with limited(None):
        assert exceeded()
    monkeypatch.undo()


def test_a_search_ends_with_its_best_and_its_bound(root: Path) -> None:
    machine = zzcp.load_accelerator(root / "models/accelerators/eyeriss_like.yaml")
    (layer,) = zzcp.load_workload(root / "models/workloads/gemm_512.yaml")
    spatial, stages = default_spatial(machine, layer), []
    ended = zzcp.optimize(
        machine, layer, spatial=spatial, memory_limit=1000, on_progress=lambda told: stages.append(told.stage)
    )
    whole = zzcp.optimize(machine, layer, spatial=spatial, memory_limit=2**50)
    assert (ended.status, whole.status, ended.interrupted) == ("feasible", "optimal", False)
    assert ended.objective is not None
    assert whole.objective is not None
    assert ended.lower_bound <= whole.objective <= ended.objective
    assert ended.wall_s < 60
    assert stages[-1] == "out of memory"
    with pytest.raises(InputError, match="memory limit"):
        zzcp.optimize(machine, layer, memory_limit=0)


def test_the_command_line_says_what_was_taken(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = [
        sys.executable,
        "-m",
        "zzcp",
        "solve",
        *GEMM.split(),
        "-q",
        "--json",
        str(out),
        "--memory-limit",
    ]
    done = subprocess.run([*command, "50MB"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    data = json.loads(out.read_text())
    assert data["layers"][0]["status"] == "feasible"
    assert data["peak_memory"] > 50e6
    done = subprocess.run([*command, "many"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "expected bytes with a unit, such as 4GB or 512MiB, found 'many'" in done.stderr
