"""The same input, seed and version give the same bytes: whatever hashes are, and wherever searches run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli import everything
from tests.runs.clusters import LocalCluster

LONGEST = 1800


def run(folder: Path, where: str, hashes: int, *slow: str) -> dict[str, bytes]:
    """Return the files of a run in a process of its own, without what says how long something took."""
    subprocess.run(
        [sys.executable, "-m", "tests.cli.everything", str(folder), where, *slow],
        cwd=everything.ROOT,
        env=os.environ | {"PYTHONHASHSEED": str(hashes), "ZZCP_NO_CACHE": "1"},
        check=True,
        timeout=LONGEST,
    )
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def same(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert sorted(one) == sorted(other)
    assert [name for name in one if one[name] != other[name]] == []


def test_hashes_and_processes_change_nothing(tmp_path: Path) -> None:
    one = run(tmp_path / "one", "1", 1)
    assert len(one) > len(everything.PARALLEL) + len(everything.ALONE)
    same(one, run(tmp_path / "two", "2", 2))


@pytest.mark.slow
def test_nor_do_executors(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """All of it, in this process, in others, and on a cluster; thrice with other hashes."""
    pytest.importorskip("distributed")
    one = run(tmp_path / "one", "1", 1, "slow")
    same(one, run(tmp_path / "two", "2", 2, "slow"))
    with LocalCluster(tmp_path_factory.mktemp("dask")) as cluster:
        far: Any = run(tmp_path / "far", cluster.scheduler_address, 3, "slow")
    assert len(far) > len(everything.PARALLEL)
    same({name: one[name] for name in far}, far)


def test_what_is_left_out_are_times_alone() -> None:
    text = '{"wall_s": 1.25, "energy": 3.5, "seconds": 2, "gap": 1e-5, "front_seconds": 7.5}'
    left = '{"wall_s": 0, "energy": 3.5, "seconds": 0, "gap": 1e-5, "front_seconds": 0}'
    assert everything.TIMES.sub(r"\g<1>0", text) == left
