"""A network whose layers were solved together: its layers, its totals with their bound, and who gave way."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.hardware import Accelerator
from zzcp.networks.result import NetworkResult
from zzcp.records.layers import evaluated
from zzcp.records.networks import solved_layers
from zzcp.report.solved import solved_report
from zzcp.report.style import amount, count, plural, product_of, section, share
from zzcp.report.tables import table
from zzcp.workload import Layer

_MOST = 5
"""Layers that are named as those that dominate."""
_NAMED = 12
"""Layers that are named where they gave way."""


def network_report(
    machine: Accelerator, result: NetworkResult, missing: Sequence[Layer] = ()
) -> RenderableType:
    """Return a row per layer, the totals of the network with their bound, and what dominates them."""
    layers = solved_layers(result)
    parts: list[RenderableType] = [
        solved_report(machine, result.objective_name, result.conventions, layers, missing, single=False)
    ]
    if result.exact is None or result.gap is None:
        parts.append(Text(f"network: {result.status}"))
        return Group(*parts)
    totals = table(
        "network", ">gap", f">{result.objective_name}", ">bound", ">energy pJ", ">cycles", ">slope pJ/cycle"
    )
    totals.add_row(
        result.status,
        f"{result.gap:.4%}",
        product_of(float(result.exact)),
        product_of(result.lower_bound),
        amount(result.energy),
        count(result.latency),
        "" if result.slope is None else f"{result.slope:.4g}",
    )
    searches = f"{plural(result.slopes, 'slope')}, {result.searches:,} searches"
    parts.append(section(f"all {plural(len(layers), 'layer')} together, by {searches}", totals))
    parts.append(Text(_gain(result)))
    if result.without is not None:
        parts.append(_residents(result))
    parts.append(_dominant(result))
    return Group(*parts)


def _gain(result: NetworkResult) -> str:
    """Return how much better the network is than with every layer at its own optimum."""
    alone = result.alone
    if alone is None or result.gain is None:
        return ""
    if result.gain <= 0:
        if result.status != "optimal":
            return "nothing better was found than every layer at its own best mapping"
        return "the layers' own optima are the best for the network, too"
    text = f"{result.gain:.2g} of it less than with every layer at its own optimum"
    if not alone.gave_way:
        return text
    return f"{text}; {_listed(alone.gave_way)} gave way"


def _residents(result: NetworkResult) -> RenderableType:
    """Return what stays on the chip, and what that brings."""
    without = result.without
    assert without is not None
    assert result.exact is not None
    if not result.resident:
        why = "that would cost more" if result.status == "optimal" else "no plan that costs less was found"
        return Text(f"no tensor stays on the chip: {why}")
    gain = float(1 - result.exact / without) if without else 0.0
    rows = table("~tensor of", "~stays in", ">bits", "~until")
    for entry in result.resident:
        rows.add_row(Text(entry.tensor), Text(entry.memory), f"{entry.bits:,}", Text(entry.layers[-1]))
    head = (
        f"{plural(len(result.resident), 'tensor')} on the chip between layers: {gain:.2%} less than without"
    )
    return section(head, rows)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(dict.fromkeys(names[:_NAMED]))
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _dominant(result: NetworkResult) -> RenderableType:
    """Return the layers that take most of the network's energy and cycles together."""
    layers = evaluated(solved_layers(result))

    def weight(number: int) -> float:
        evaluation = layers[number].evaluation
        return evaluation.energy.total / result.energy + evaluation.latency.total / result.latency

    if not result.energy or not result.latency or len(layers) < 2:
        return Group()
    most = sorted(range(len(layers)), key=lambda number: (-weight(number), number))[:_MOST]
    rows = table("~what dominates", ">of the energy", ">of the cycles")
    for number in most:
        evaluation = layers[number].evaluation
        rows.add_row(
            Text(layers[number].layer.name),
            share(evaluation.energy.total, result.energy),
            share(evaluation.latency.total, result.latency),
        )
    return Group(Text(""), rows)
