"""The chart of a sweep: a line for every layer, objective and step of the other axes, along the first axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from zzcp.html.charts import escaped, framed, hover_text, legend_only
from zzcp.html.sources import SweepFile
from zzcp.html.tables import SweptPoint, SweptTotal
from zzcp.plot.style import INK, PALETTE
from zzcp.report.style import amount, count, product_of

QUANTITIES = {
    "energy": "energy (pJ)",
    "latency": "latency (cycles)",
    "edp": "energy-delay product (pJ cycles)",
    "loading": "data loading (cycles)",
}
"""What the chart can show of every mapping, and how its axis is called."""
NAMES = {"energy": "energy", "latency": "latency", "edp": "EDP", "ed2": "ED²", "loading": "data loading"}
"""What these and the objectives are called."""
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "star")
"""Plotly's markers, in the order of the palette."""
LINES = ("solid", "dash", "dot", "dashdot")
"""Kinds of lines, one for each objective."""
HEIGHT, LINE = 420, 20
"""Pixels: height of the chart, and of a line of its legend."""
SMALLEST, STEP = 9, 4
"""Pixels: size of a marker, and how much larger those are that others could hide."""
FEW = 8
"""Most lines that are shown at once where the page can show one objective after the other."""


class Spot(NamedTuple):
    """A point of a line: its figures by quantity, whether it is proven, and what is said of it."""

    figures: dict[str, int | float]
    proven: bool
    text: str


class Line(NamedTuple):
    """A line of the chart.

    Attributes
    ----------
    name, objective : str
        What it is called, and what was minimised.
    kind : int
        Which lines have its colour: those of the same layer and other axes.
    spots : dict of int to Spot
        By step of the first axis.
    """

    name: str
    objective: str
    kind: int
    spots: dict[int, Spot]


ALL = -1
"""The kind of lines that stand for all layers of a network."""


def quantities_of(point: SweptPoint | SweptTotal) -> dict[str, int | float]:
    """Return what the chart can show of a point; nothing where it has no mapping."""
    if isinstance(point, SweptTotal):
        return {"energy": point.energy, "latency": point.latency, "edp": point.edp}
    if point.evaluation is None:
        return {}
    cost = point.evaluation
    return {
        "energy": cost.energy.total,
        "latency": cost.latency.total,
        "edp": cost.edp,
        "loading": cost.latency.data_loading,
    }


def lines_of(source: SweepFile) -> list[Line]:
    """Return the lines of a sweep."""
    table = source.table
    layers = list(dict.fromkeys((point.workload, point.layer) for point in table.points))
    workloads = {workload for workload, _ in layers}
    objectives = list(dict.fromkeys(point.objective_name for point in table.points))

    def name(layer: tuple[str, str] | None, places: Sequence[int], objective: str) -> str:
        parts = []
        if layer is not None and len(layers) > 1:
            parts.append(": ".join(layer) if len(workloads) > 1 else layer[1])
        parts += [
            f"{axis.title} {axis.labels[place]}"
            for axis, place in zip(table.axes[1:], places[1:], strict=True)
        ]
        if len(objectives) > 1:
            parts.append(f"least {NAMES[objective]}")
        return ", ".join(parts) or (layer[1] if layer else "all layers")

    lines: dict[tuple[Any, ...], Line] = {}
    kinds: dict[tuple[Any, ...], int] = {}
    for point, places, loops in zip(table.points, source.places, source.loops, strict=True):
        layer = (point.workload, point.layer)
        kind = kinds.setdefault((layer, places[1:]), len(kinds))
        label = name(layer, places, point.objective_name)
        line = lines.setdefault(
            (layer, places[1:], point.objective_name), Line(label, point.objective_name, kind, {})
        )
        if point.evaluation is not None:
            at = _at(source, places)
            line.spots[_first(places)] = Spot(
                quantities_of(point), point.proven, _text(label, at, point, loops)
            )
    for total, places in zip(table.totals, source.total_places, strict=True):
        if total.layers > 1:
            whole = "all layers" if len(workloads) == 1 else f"{total.workload}: all layers"
            rest = name(None, places, total.objective_name)
            label = whole if rest == "all layers" else f"{whole}, {rest}"
            key = (total.workload, None, places[1:], total.objective_name)
            line = lines.setdefault(key, Line(label, total.objective_name, ALL, {}))
            line.spots[_first(places)] = Spot(
                quantities_of(total),
                _all_proven(source, total, places),
                _total_text(label, _at(source, places), total),
            )
    return [line for line in lines.values() if line.spots]


def _first(places: Sequence[int]) -> int:
    return places[0] if places else 0


def _at(source: SweepFile, places: Sequence[int]) -> str:
    axes = source.table.axes
    return "; ".join(f"{axis.title} {axis.labels[place]}" for axis, place in zip(axes, places, strict=True))


def _all_proven(source: SweepFile, total: SweptTotal, places: tuple[int, ...]) -> bool:
    return all(
        point.proven
        for point, others in zip(source.table.points, source.places, strict=True)
        if (point.workload, point.objective_name, others) == (total.workload, total.objective_name, places)
    )


def _text(name: str, at: str, point: SweptPoint, loops: str) -> str:
    """Return what is shown where the pointer is, as lines."""
    cost = point.evaluation
    assert cost is not None
    latency = cost.latency
    proof = "proven optimal" if point.proven else "not proven optimal"
    stalls = latency.spatial_stall + latency.temporal_stall
    lines = [
        f"<b>{escaped(name)}</b>",
        escaped(at or "the machine as it is"),
        f"{proof}, gap {point.gap:.4%}",
        f"energy {amount(cost.energy.total)} pJ",
        f"latency {count(latency.total)} cycles: loading {count(latency.data_loading)}, stalls {count(stalls)}, "
        f"unloading {count(latency.data_unloading)}",
        f"EDP {product_of(cost.edp)} pJ cycles",
    ]
    return hover_text(lines, loops)


def _total_text(name: str, at: str, total: SweptTotal) -> str:
    lines = [
        f"<b>{escaped(name)}</b>",
        escaped(at or "the machine as it is"),
        f"{count(total.layers)} layers one after the other",
        f"energy {amount(total.energy)} pJ",
        f"latency {count(total.latency)} cycles",
        f"EDP {product_of(total.edp)} pJ cycles",
    ]
    return hover_text(lines, "")


def sweep_chart(source: SweepFile) -> dict[str, Any]:
    """Return the figure of a sweep, with what it takes to show another quantity or objective of it.

    First in `data` are the lines, then the entries of the legend. Beside `data` and `layout` it has `quantities`: for
    each a name, the title of its axis and the values of every line; and `objectives`: for each a name and the traces of
    it, and which of them is `shown` first.
    """
    lines = lines_of(source)
    objectives = list(dict.fromkeys(line.objective for line in lines))
    axis = source.table.axes[0] if source.table.axes else None
    labels = ["the machine as it is"] if axis is None else _different(axis.labels)
    shown = "" if len(lines) <= FEW or len(objectives) == 1 else objectives[0]
    first = next(iter(objectives))
    quantity = first if first in QUANTITIES else "edp"
    ticks = [escaped(label).replace(" / ", "<br>") for label in labels]
    kinds = 1 + max(line.kind for line in lines)
    traces = [
        _trace(line, ticks, objectives, quantity, shown, kinds) | {"legendgroup": str(number)}
        for number, line in enumerate(lines)
    ]
    # the legend would show the marker of a line's first point, even if that is an open one
    entries = [_legend_of(trace, line) for trace, line in zip(traces, lines, strict=True)]
    if any(not spot.proven for line in lines for spot in line.spots.values()):
        entries.append(
            legend_only("open marker: not proven optimal", marker=_marker(INK, SMALLEST, "circle-open"))
        )
    quantities = {
        name: {
            "name": NAMES[name],
            "title": title,
            "y": [_values(line, name, len(ticks)) for line in lines],
        }
        for name, title in QUANTITIES.items()
    }
    height = HEIGHT + LINE * (len(entries) if len(entries) > 1 else 0) // 2
    layout = framed(min(height, 2 * HEIGHT), "" if axis is None else axis.title, QUANTITIES[quantity])
    layout["xaxis"] |= {"type": "category", "categoryorder": "array", "categoryarray": ticks}
    layout["yaxis"] |= {"rangemode": "tozero"}
    layout["showlegend"] = len(entries) > 1
    return {
        "data": [*traces, *entries],
        "layout": layout,
        "quantities": quantities,
        "objectives": [{"value": name, "name": NAMES[name]} for name in objectives],
        "quantity": quantity,
        "shown": shown,
    }


def _different(labels: Sequence[str]) -> list[str]:
    """Return labels that differ: equal ones would be one place of the axis."""
    return [
        label if list(labels).count(label) == 1 else f"{label} ({number})"
        for number, label in enumerate(labels, 1)
    ]


def _values(line: Line, quantity: str, steps: int) -> list[int | float | None]:
    return [line.spots[step].figures.get(quantity) if step in line.spots else None for step in range(steps)]


def _trace(
    line: Line, ticks: Sequence[str], objectives: Sequence[str], quantity: str, shown: str, kinds: int
) -> dict[str, Any]:
    """Return a line; `kinds` is how many there are, so that equal ones are seen one around the other."""
    whole = line.kind == ALL
    colour = INK if whole else PALETTE[line.kind % len(PALETTE)]
    size = SMALLEST + STEP * min(max(kinds - 1 - line.kind, 0), 3) if not whole else SMALLEST
    symbol = "hexagon" if whole else SYMBOLS[line.kind % len(SYMBOLS)]
    spots = [line.spots.get(step) for step in range(len(ticks))]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": escaped(line.name),
        "meta": line.objective,
        "showlegend": False,
        "visible": not shown or shown == line.objective,
        "x": list(ticks),
        "y": _values(line, quantity, len(ticks)),
        "text": [spot.text if spot else "" for spot in spots],
        "hovertemplate": "%{text}<extra></extra>",
        "line": {
            "color": colour,
            "dash": LINES[objectives.index(line.objective) % len(LINES)],
            "width": 3 if whole else 2,
        },
        "marker": _marker(
            colour, size, [symbol if spot is None or spot.proven else f"{symbol}-open" for spot in spots]
        ),
    }


def _legend_of(trace: dict[str, Any], line: Line) -> dict[str, Any]:
    """Return the entry of a line in the legend, with the marker of a proven point; a click on it is one on the line."""
    symbol = trace["marker"]["symbol"][0].removesuffix("-open")
    shared = {name: trace[name] for name in ("meta", "legendgroup", "visible", "line")}
    marker = _marker(trace["marker"]["color"], trace["marker"]["size"], symbol)
    return legend_only(line.name, trace["mode"], marker=marker, **shared)


def _marker(colour: str, size: int, symbol: str | Sequence[str]) -> dict[str, Any]:
    return {"color": colour, "size": size, "symbol": symbol, "line": {"width": 2, "color": colour}}
