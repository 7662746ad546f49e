"""`zzcp cache`, and what commands do with solved layers of earlier runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import ACCELERATOR, WORKLOAD, Run
from zzcp.solver.cache import ResultCache

FILES = ("-a", ACCELERATOR, "-w", WORKLOAD, "-m", "models/mappings/seed_mapping.yaml")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that commands keep what they solve in."""
    monkeypatch.delenv("ZZCP_NO_CACHE")
    monkeypatch.setenv("ZZCP_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_second_run_gives_the_same_bytes_and_says_where_they_come_from(
    zzcp: Run, folder: Path, jobs: str
) -> None:
    first = zzcp("solve", *FILES, "-j", jobs, "--json", "-")
    assert "cache" not in first.stderr
    second = zzcp("solve", *FILES, "-j", jobs, "--json", "-")
    assert "2 of 2 layers from the cache, scored again" in second.stderr
    assert second.stdout == first.stdout
    without = zzcp("solve", *FILES, "-j", jobs, "--json", "-", "--no-cache")
    assert "cache" not in without.stderr

    def timeless(text: str) -> str:
        return re.sub(r'"wall_s": [\d.]+', "", text)

    assert timeless(without.stdout) == timeless(first.stdout)


def test_no_cache_keeps_nothing(zzcp: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert zzcp("solve", "--no-cache", "-q").exit_code == 0
    monkeypatch.setenv("ZZCP_NO_CACHE", "1")
    assert zzcp("solve", "-q").exit_code == 0
    assert not folder.exists()


def test_a_log_of_the_progress_is_not_taken_from_the_cache(zzcp: Run, folder: Path) -> None:
    zzcp("solve", "-q")
    logged = json.loads(zzcp("solve", "--progress-log", "-q", "--json", "-").stdout)
    assert all(entry["progress"] for entry in logged["layers"])


def test_other_commands_use_what_solve_has_found(zzcp: Run, folder: Path, tmp_path: Path) -> None:
    zzcp("solve", *FILES, "-q")
    compared = zzcp("compare", *FILES, "--mappers", "greedy")
    assert "2 of 2 layers from the cache" in compared.stderr
    before = ResultCache(folder).info().entries
    swept = zzcp("sweep", *FILES, "--vary", "memories.sram_8KB.latency=7", "--db", ":memory:", "-q")
    assert swept.exit_code == 0, swept.stderr
    assert ResultCache(folder).info().entries > before


def test_a_front_is_kept(zzcp: Run, folder: Path) -> None:
    files = ("-a", "docs/toy.yaml", "-w", "tests/data/tiny_gemm.yaml", "--spatial", "full", "--supported")
    first = zzcp("pareto", *files, "--json", "-")
    assert first.exit_code == 0, first.stderr
    assert ResultCache(folder).info().entries == 1
    second = zzcp("pareto", *files, "--json", "-")
    assert "the front is from the cache, scored again" in second.stderr
    assert second.stdout == first.stdout
    for more in (("--no-cache",), ("--gap", "0"), ("--seed", "1")):
        assert "cache" not in zzcp("pareto", *files, *more).stderr
    assert "cache" not in zzcp("pareto", *files[:-1]).stderr


def test_info_and_clear(zzcp: Run, folder: Path) -> None:
    assert "0 solved layers" in zzcp("cache", "info").stdout
    zzcp("solve", "-q")
    told = zzcp("cache", "info").stdout
    assert str(folder) in told
    assert "2 solved layers and fronts, 2 of them found by this version" in told
    found = json.loads(zzcp("cache", "info", "--json", "-").stdout)
    assert (found["entries"], found["current"]) == (2, 2)
    assert found["size"] > 0
    assert "2 solved layers and fronts removed" in zzcp("cache", "clear").stdout
    assert json.loads(zzcp("cache", "clear", "--json", "-").stdout)["removed"] == 0
    assert not ResultCache(folder).path.exists()


def test_a_damaged_file_is_one_message(zzcp: Run, folder: Path) -> None:
    folder.mkdir()
    ResultCache(folder).path.write_bytes(b"nothing of the kind " * 100)
    result = zzcp("cache", "info")
    assert result.exit_code == 2
    assert "the cache cannot be read" in result.stderr
    assert "zzcp cache clear" in result.stderr
    solved = zzcp("solve", "-j", "1")
    assert solved.exit_code == 0
    assert "note: cache" in solved.stderr
    assert zzcp("cache", "clear").exit_code == 0


def test_by_default_the_cache_is_in_the_users_folder(
    zzcp: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZZCP_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    told = json.loads(zzcp("cache", "info", "--json", "-").stdout)
    assert Path(told["path"]).is_relative_to(tmp_path)
    assert "zzcp" in Path(told["path"]).parts
