"""What is said of a network whose layers were solved together."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from tests.networks.test_residency import chain, machine
from zzcp import NetworkResult, optimize_network
from zzcp.report.networks import network_report
from zzcp.report.style import render


def said(result: NetworkResult) -> str:
    return render(Console(width=120, force_terminal=False), network_report(machine(64), result))


def test_what_was_not_proven_is_not_said_to_cost_more() -> None:
    """A search that was stopped said that tensors on the chip "would cost more", and called its layers optimal."""
    result = optimize_network(machine(64), chain(4, 4, 4), spatial={}, keep_on_chip=True)
    assert (result.status, result.resident) == ("optimal", ())
    assert "no tensor stays on the chip: that would cost more" in said(result)
    stopped = said(replace(result, status="feasible"))
    assert "no tensor stays on the chip: no plan that costs less was found" in stopped
    assert "nothing better was found than every layer at its own best mapping" in stopped
