"""What the tests of the command line share: a way to run it, and files with what it printed before."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from zzcp.cli.main import cli

ACCELERATOR = "models/accelerators/seed_eyeriss_1_2_4.yaml"
LARGE = "models/accelerators/seed_eyeriss_8_64_1024.yaml"
WORKLOAD = "models/workloads/seed_workload.yaml"
CONV = "examples/seed/conv_1_2_4.yaml"

Run = Callable[..., Result]
Golden = Callable[[str, str], None]


@pytest.fixture
def zzcp(root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the command line in the project's folder."""
    monkeypatch.chdir(root)
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: str | Path) -> Result:
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture(scope="session")
def golden(root: Path) -> Golden:
    """Return a function that compares a text with the golden file of a name (ZZCP_UPDATE_GOLDEN=1 writes it)."""

    def compare(name: str, text: str) -> None:
        path = root / "tests" / "golden" / "cli" / f"{name}.txt"
        if os.environ.get("ZZCP_UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare
