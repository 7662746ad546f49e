"""The command line of the benchmarks: options of all suites beside each other."""

from __future__ import annotations

import sys

import pytest

from benchmarks import __main__ as command


def test_help_names_every_suite(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Two suites once had an option of the same name, and no suite could be run."""
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--help"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(name in said for name in command.SUITES)


def test_long_suites_are_suites() -> None:
    assert set(command.LONG) < set(command.SUITES)
