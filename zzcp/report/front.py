"""An energy-latency front as a table, with what is proven of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.hardware import Accelerator
from zzcp.io import layer_to_dict
from zzcp.records.sources import Sources, inputs_data
from zzcp.report.style import amount, count, loops, plural, product_of, section
from zzcp.report.tables import table
from zzcp.solver import Front
from zzcp.solver.fronts.front import OpenRange

_MANY = 12
"""Most open ranges that are listed."""


def front_report(front: Front) -> RenderableType:
    """Return the points of a front from the fastest to the one of least energy, and what could be missing.

    Parameters
    ----------
    front : Front
        The front.
    """
    points = front.points
    rows = table(
        ">cycles", ">energy pJ", ">EDP", ">gap", "supported", ">loading", ">unloading", ">stalls",
        "loops, innermost first", spare=("stalls", "unloading", "loading"),
    )  # fmt: skip
    best = min((point.edp for point in points), default=0.0)
    for point in points:
        latency = point.evaluation.latency
        rows.add_row(
            count(point.latency),
            amount(point.energy),
            product_of(point.edp) + (" *" if point.edp == best else "  "),
            f"{point.gap:.4%}",
            "yes" if point.supported else "",
            count(latency.data_loading),
            count(latency.data_unloading),
            count(latency.spatial_stall + latency.temporal_stall),
            loops((loop.dim, loop.size) for loop in point.mapping.order),
        )
    lines = [Text(front.statement)]
    if points:
        lines.append(Text(f"* the lowest energy-delay product{_proof(front)}"))
    if front.diagnosis is not None:
        lines.append(Text(front.diagnosis))
    lines += [Text(_open(range_)) for range_ in front.open[:_MANY]]
    kind = plural(len(points), "supported point") if front.supported_only else plural(len(points), "point")
    title = f"{front.layer.name} on {front.accelerator}, conventions {front.conventions}: {kind}"
    body: list[RenderableType] = [rows] if points else []
    return Group(section(title, *body, *lines))


def front_data(
    version: str, machine: Accelerator, front: Front, inputs: Sources, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the JSON of a front, with all that it takes to find it again.

    Parameters
    ----------
    version : str
        Version of zzcp.
    machine : Accelerator
        The machine.
    front : Front
        The front.
    inputs : mapping of str to Source
        The files that the inputs come from, by their roles.
    options : mapping
        With what the front was searched.
    """
    data = front.to_dict()
    return {
        "zzcp_version": version,
        **data,
        "layer": {**data["layer"], "definition": layer_to_dict(front.layer)},
        "inputs": inputs_data(inputs, machine),
        "options": dict(options),
    }


def _proof(front: Front) -> str:
    """Say what the front proves of its lowest product."""
    if not front.complete:
        return " that was found"
    if front.supported_only:
        return " of these; that of a point above the hull may be lower"
    return f", to {front.gap:g}" if front.gap else ""


def _open(entry: OpenRange) -> str:
    where = f"{entry.text} cycles"
    bound = f"takes less than {amount(entry.lower_bound)} pJ"
    if entry.energy is None:
        return f"{where}: no mapping is known, none {bound}"
    return f"{where}: {amount(entry.energy)} pJ is known, no mapping {bound}"
