"""`zzcp plot`: every kind of picture, and what it says of wrong input."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

from tests.cli.conftest import ACCELERATOR, Run

DATA = "tests/plot/data"


@pytest.mark.parametrize(
    ("kind", "files", "options"),
    [
        ("latency", ("small", "large"), ("--label", "A", "--label", "B", "--title", "Both")),
        ("latency", ("small",), ("--log", "--size", "5x3")),
        ("energy", ("small",), ("--share", "--dpi", "60")),
        ("nest", ("small",), ("--layer", "conv")),
        ("nest", ("small",), ("--layer", "1")),
        ("hierarchy", ("small",), ()),
        ("progress", ("small",), ("--layer", "conv")),
        ("sweep", ("sweep",), ("--log",)),
        ("pareto", ("pareto",), ("--log",)),
    ],
)
def test_pictures_are_written(
    kind: str, files: tuple[str, ...], options: tuple[str, ...], zzcp: Run, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    result = zzcp("plot", kind, *(f"{DATA}/{name}.json" for name in files), "-o", picture, *options)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_hierarchy_of_a_hardware_file(zzcp: Run, tmp_path: Path) -> None:
    picture = tmp_path / "machine.svg"
    assert zzcp("plot", "hierarchy", ACCELERATOR, "-o", picture, "-q").exit_code == 0
    assert picture.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("latency", "small", "-o", "x.gif"), "ends in .png, .svg, .pdf, found .gif"),
        (("nest", "small", "-o", "x.png"), "--layer with one of conv, gemm"),
        (("nest", "small", "--layer", "cnov", "-o", "x.png"), "did you mean 'conv'?"),
        (("latency", "small", "--label", "A", "--label", "B", "-o", "x.png"), "as many labels"),
        (("latency", "small", "--size", "7", "-o", "x.png"), "such as 7x3.5"),
        (("nest", "small", "--log", "-o", "x.png"), "--log with nest"),
        (("sweep", "sweep", "--share", "-o", "x.png"), "--share is for"),
        (("sweep", "small", "-o", "x.png"), "what zzcp sweep --json writes"),
        (("sweep", "sweep", "--layer", "conv", "-o", "x.png"), "--layer is not for"),
        (("progress", "large", "--layer", "conv", "-o", "x.png"), "--progress-log"),
        (("latency", "missing", "-o", "x.png"), "missing.json"),
    ],
)
def test_wrong_input(arguments: tuple[str, ...], message: str, zzcp: Run, tmp_path: Path) -> None:
    kind, name, *rest = arguments
    rest = [str(tmp_path / part) if part.startswith("x.") else part for part in rest]
    result = zzcp("plot", kind, f"{DATA}/{name}.json", *rest)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "x.png").exists()


def test_a_broken_table_is_named(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(json.dumps({"kind": "sweep", "axes": [], "points": [{"layer": 3}]}))
    result = zzcp("plot", "sweep", path, "-o", tmp_path / "x.png")
    assert result.exit_code == 2
    assert "broken.json:1: zzcp_version: the key 'zzcp_version' is missing" in result.stderr


def test_without_matplotlib_the_extra_is_named(
    zzcp: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zzcp.plot.style.find_spec", lambda _: None)
    result = zzcp("plot", "latency", f"{DATA}/small.json", "-o", tmp_path / "x.png")
    assert result.exit_code == 2
    assert "pip install 'zzcp[plot]'" in result.stderr


def test_nothing_imports_matplotlib_before_it_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def guarded(name: str, *rest: Any) -> Any:
        assert not name.startswith("matplotlib"), name
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", guarded)
    import importlib  # noqa: PLC0415

    import zzcp.cli.plot  # noqa: PLC0415

    importlib.reload(zzcp.cli.plot)


def test_solve_records_progress_on_request(zzcp: Run, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    assert zzcp("solve", "--layer", "conv", "--progress-log", "--json", path, "-q").exit_code == 0
    (layer,) = json.loads(path.read_text())["layers"]
    assert layer["progress"]
    assert set(layer["progress"][0]) == {"seconds", "objective", "lower_bound", "gap", "stage"}
    assert zzcp("plot", "progress", path, "-o", tmp_path / "p.png").exit_code == 0
