"""Full disks, folders that cannot be written, damaged or locked databases: one message or note, no traceback."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import zzcp
from zzcp.mapping.default import default_spatial
from zzcp.solver.cache import store

SEED = (
    "-a models/accelerators/seed_eyeriss_1_2_4.yaml -w models/workloads/seed_workload.yaml "
    "-m models/mappings/seed_mapping.yaml"
)
SOLVE = f"solve {SEED} --layer gemm -j 1"
SWEEP = f"sweep {SEED} --layer gemm -j 1 --vary memories.sram_8KB.size=8KB --no-cache --db"


def environment() -> dict[str, str]:
    """Return the environment without what other tests set."""
    return {name: value for name, value in os.environ.items() if name != "ZZCP_NO_CACHE"}


def limited() -> None:
    """Leave no room for files beyond a little, as a full disk does."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def run(root: Path, command: str, cache: Path, *, full: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zzcp", *command.split()],
        cwd=root,
        env={**environment(), "ZZCP_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=limited if full else None,
    )


def test_a_full_disk_costs_the_cache_a_note_and_the_result_a_message(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    out.write_text("{}")
    done = run(root, f"{SOLVE} --json {out}", tmp_path / "cache", full=True)
    assert done.returncode == 2
    assert "note: cache" in done.stderr
    assert f"error: {out}: --json: cannot be written: found File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert out.read_text() == "{}"
    assert "optimal" in done.stdout  # what was found is shown all the same


def test_a_full_disk_ends_a_sweep_with_a_message(root: Path, tmp_path: Path) -> None:
    done = run(root, f"{SWEEP} {tmp_path / 'points.db'}", tmp_path / "cache", full=True)
    assert done.returncode == 2
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("damage", [b"", b"no database at all", b"SQLite format 3\0" + b"\0" * 200])
def test_a_damaged_cache_costs_a_note(root: Path, tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "solved.sqlite").write_bytes(damage)
    done = run(root, SOLVE, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_costs_a_note(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(root, SOLVE, tmp_path / "file" / "cache")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    done = run(root, f"{SWEEP} {tmp_path / 'file' / 'points.db'}", tmp_path)
    assert done.returncode == 2
    assert "cannot be used as the database of a sweep" in done.stderr


def test_a_locked_cache_costs_a_note(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = zzcp.Layer.gemm(b=4, k=4, c=4)
    toy = zzcp.load_accelerator(root / "docs/toy.yaml")
    spatial = default_spatial(toy, layer)
    zzcp.optimize(toy, layer, spatial=spatial, cache=tmp_path)
    monkeypatch.setattr(store, "_PATIENCE", 0.2)
    with sqlite3.connect(tmp_path / "solved.sqlite") as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.warns(UserWarning, match="locked"):
            found = zzcp.optimize(toy, layer, spatial=spatial, cache=tmp_path)
        assert found.status == "optimal"
