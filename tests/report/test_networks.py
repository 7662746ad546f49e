"""What is said of a network whose layers were solved together."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from tests.networks.test_residency import chain, machine
from zzcp import Layer, NetworkResult, evaluate, explain, optimize, optimize_network
from zzcp.mapping.machine import with_residents
from zzcp.report.evaluation import evaluation_report
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


def test_what_stays_is_named_where_a_layer_is_evaluated_or_explained() -> None:
    """Both counted it and did not say so."""
    chip, layer = machine(), Layer.gemm(b=2, k=2, c=2)
    found = optimize(
        with_residents(chip, {"I": "buffer"}, {"buffer": 64}, layer.default_links), layer, spatial={}
    )
    assert found.mapping is not None
    mapping = replace(found.mapping, resident={"I": "buffer"}, reserved={"buffer": 64})
    evaluation = evaluate(chip, layer, mapping)
    known = replace(found, mapping=mapping, evaluation=evaluation)
    page = render(
        Console(width=120, force_terminal=False), evaluation_report(chip, layer, mapping, evaluation)
    )
    for text in (page, "\n".join(explain(known).sentences)):
        assert "I stays on the chip, in buffer: between layers nothing of it moves above." in text
        assert "Tensors of other layers that stay in buffer take 64 of its bits." in text
