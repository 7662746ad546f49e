"""What is shown during a search."""

from __future__ import annotations

import time

import pytest

from zzcp.cli import live
from zzcp.cli.live import Monitor, now
from zzcp.solver import Progress

STATE = Progress(1.5, 4.0, 3.0, 0.25, "relaxation")


def test_lines_come_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(live, "PAUSE", 0.0)
    with Monitor(["conv", "gemm"], quiet=False) as monitor:
        monitor.started(1)
        monitor.progress(1, STATE)
        monitor.ended(1)
    said = capsys.readouterr().err
    assert said == "zzcp: layer gemm (2 of 2): relaxation, best 4, bound 3, gap 25.000%, 1.5 s\n"


def test_quick_or_quiet_searches_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (False, True):
        with Monitor(["conv"], quiet=quiet) as monitor:
            monitor.started(0)
            monitor.progress(0, STATE)
            monitor.ended(0)
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_every_layer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys  # noqa: PLC0415

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with Monitor(["conv", "gemm"], quiet=False, verb="proving") as monitor:
        monitor.started(0)
        monitor.started(1)
        monitor.progress(1, STATE)
        time.sleep(0.6)
        monitor.ended(0)
    shown = capsys.readouterr().err
    assert "proving: 0 of 2 different layers done" in shown
    assert "layer gemm" in shown
    assert "gap 25.000%" in shown


def test_the_time_left_is_estimated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live, "PAUSE", 0.0)
    with Monitor(["conv", "gemm", "fc"], quiet=False) as monitor:
        monitor.started(0)
        monitor.estimate.running[0] -= 40.0
        monitor.ended(0)
        monitor.started(1)
        monitor.progress(1, STATE)
    assert capsys.readouterr().err.endswith("1.5 s, about 80 s left for all\n")


@pytest.mark.parametrize(
    ("running", "text"), [((), ""), (("a",), "; now a"), (("a", "b", "c", "d"), "; now a, b and 2 more")]
)
def test_what_is_running_is_named(running: tuple[str, ...], text: str) -> None:
    assert now(running) == text
