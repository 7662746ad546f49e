"""The chart of an energy-latency front, with the curve of equal energy-delay product through its best point."""

from __future__ import annotations

from typing import Any

from zzcp.html.charts import framed, hover_text, legend_only
from zzcp.html.sources import FrontFile
from zzcp.html.tables import FrontPoint
from zzcp.plot.style import BLUE, INK, ORANGE, VERMILION
from zzcp.report.style import amount, count, product_of

HEIGHT = 460
"""Pixels."""
STEPS = 200
"""Parts of the curve."""


def best_of(source: FrontFile) -> int:
    """Return the place of the point with the lowest energy-delay product; of equals the first."""
    products = [point.edp for point in source.table.points]
    return products.index(min(products))


def front_chart(source: FrontFile) -> dict[str, Any]:
    """Return the figure of a front."""
    points = source.table.points
    order = sorted(range(len(points)), key=lambda place: points[place].latency)
    latencies = [points[place].latency for place in order]
    energies = [points[place].energy for place in order]
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": latencies,
            "y": energies,
            "line": {"color": BLUE, "width": 1, "shape": "hv"},
            "showlegend": False,
            "hoverinfo": "skip",
        }
    ]
    low, high = _room(min(latencies), max(latencies), 0.06)
    bottom, top = _room(min(energies), max(energies), 0.1)
    best = points[best_of(source)]
    traces.append(_equal_products(best, low, high))
    for kept, name, symbol in (
        (True, "on the convex hull", "circle"),
        (False, "above the convex hull", "circle-open"),
    ):
        chosen = [place for place in order if points[place].supported is kept]
        if chosen:
            traces.append(_markers(source, chosen, name, symbol, BLUE, 10))
    traces.append(_markers(source, [best_of(source)], "least EDP", "star", ORANGE, 16))
    layout = framed(HEIGHT, "latency (cycles)", "energy (pJ)")
    layout["xaxis"] |= {"range": [low, high], "hoverformat": ","}
    layout["yaxis"] |= {"range": [bottom, top]}
    layout["shapes"] = [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": entry.first - 0.5,
            "x1": entry.last + 0.5,
            "y0": 0,
            "y1": 1,
            "line": {"width": 0},
            "fillcolor": "rgba(128,128,128,0.25)",
            "layer": "below",
        }
        for entry in source.table.open
    ]
    if source.table.open:
        grey = {"color": "rgba(128,128,128,0.35)", "size": 14, "symbol": "square"}
        traces.append(legend_only("grey: points could be missing", marker=grey))
    return {"data": traces, "layout": layout}


def _room(least: float, most: float, part: float) -> tuple[float, float]:
    """Return the ends of an axis: a part of the range wider on both sides."""
    room = part * ((most - least) or most or 1)
    return max(least - room, least / 2), most + room


def _equal_products(best: FrontPoint, low: float, high: float) -> dict[str, Any]:
    places = [low + (high - low) * step / STEPS for step in range(STEPS + 1)]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"EDP = {product_of(best.edp)} pJ cycles",
        "x": places,
        "y": [best.edp / place if place else None for place in places],
        "line": {"color": VERMILION, "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }


def _markers(
    source: FrontFile, chosen: list[int], name: str, symbol: str, colour: str, size: int
) -> dict[str, Any]:
    points = source.table.points
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [points[place].latency for place in chosen],
        "y": [points[place].energy for place in chosen],
        "text": [_text(points[place], source.loops[place]) for place in chosen],
        "hovertemplate": "%{text}<extra></extra>",
        "cliponaxis": False,
        "marker": {
            "color": colour,
            "size": size,
            "symbol": symbol,
            "line": {"width": 1 if colour == ORANGE else 2, "color": INK if colour == ORANGE else colour},
        },
    }


def _text(point: FrontPoint, loops: str) -> str:
    latency = point.evaluation.latency
    stalls = latency.spatial_stall + latency.temporal_stall
    lines = [
        f"<b>{count(point.latency)} cycles, {amount(point.energy)} pJ</b>",
        f"EDP {product_of(point.edp)} pJ cycles",
        f"no mapping this fast takes less than {amount(point.lower_bound)} pJ (gap {point.gap:.4%})",
        f"loading {count(latency.data_loading)}, stalls {count(stalls)}, unloading {count(latency.data_unloading)}",
    ]
    return hover_text(lines, loops)
