"""Charts of the page: figures of Plotly as plain data, with the colours of the pictures."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from zzcp.plot.energy import part_keys, part_name
from zzcp.plot.entries import ARRAY, LATENCY, Entry
from zzcp.plot.latency import PARTS, grouped
from zzcp.plot.style import HATCHES, INK, PALETTE

PATTERNS = dict(zip(HATCHES, ("", "/", ".", "\\", "x", "+", "-", "|"), strict=True))
"""Plotly's patterns for our hatches."""
ROW, FRAME = 26, 190
"""Pixels: height of a bar, and of axes and legend."""


def latency_chart(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return bars of latencies by component, in cycles."""
    shown = grouped(entries)
    labels = _labels(shown)
    traces = [
        bars(
            LATENCY[name], labels, [entry.latency[name] for entry in shown], part.colour, part.hatch, "cycles"
        )
        for name, part in PARTS.items()
        if any(entry.latency[name] for entry in shown)
    ]
    return stacked(traces, "latency (cycles)", len(shown))


def energy_chart(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return bars of energies by memory and operand, in pJ."""
    shown = grouped(entries)
    labels = _labels(shown)
    keys = part_keys(shown)
    memories = list(dict.fromkeys(memory for memory, _ in keys if memory != ARRAY))
    operands = list(dict.fromkeys(operand for _, operand in keys if operand is not None))
    traces = []
    for memory, operand in keys:
        colour = INK if memory == ARRAY else PALETTE[memories.index(memory) % len(PALETTE)]
        hatch = "" if operand is None else HATCHES[operands.index(operand) % len(HATCHES)]
        values = [entry.energies.get((memory, operand), 0.0) for entry in shown]
        traces.append(bars(part_name(memory, operand), labels, values, colour, hatch, "pJ"))
    return stacked(traces, "energy (pJ)", len(shown))


def _labels(entries: Sequence[Entry]) -> list[str]:
    """Return a different label for every bar; Plotly reads some HTML in them, so that theirs is escaped."""
    several = len({entry.result for entry in entries}) > 1
    return [escaped(f"{entry.name} · {entry.result}" if several else entry.name) for entry in entries]


def bars(
    name: str,
    labels: Sequence[str],
    values: Sequence[float],
    colour: str,
    hatch: str,
    unit: str,
    **looks: Any,
) -> dict[str, Any]:
    """Return the bars of one part: a value for every label.

    Parameters
    ----------
    name : str
        Of the part.
    labels : sequence of str
        What the bars are about.
    values : sequence of float
        How long they are.
    colour, hatch, unit : str
        How they look, and what is counted.
    **looks
        More of how they look.
    """
    shown = escaped(name)
    return {
        "type": "bar",
        "orientation": "h",
        "name": shown,
        "y": list(labels),
        "x": list(values),
        "marker": {
            "color": colour,
            **looks,
            "pattern": {
                "shape": PATTERNS[hatch],
                "fillmode": "overlay",
                "fgcolor": "rgba(255,255,255,0.7)",
                "size": 6,
                "solidity": 0.3,
            },
        },
        "hovertemplate": "%{y}<br>" + shown.replace("{", "&#123;") + ": %{x:,} " + unit + "<extra></extra>",
    }


def stacked(traces: list[dict[str, Any]], title: str, number: int) -> dict[str, Any]:
    """Return a chart of so many stacked bars."""
    layout = framed(ROW * number + FRAME, title, "")
    layout["barmode"] = "stack"
    layout["xaxis"] |= {"exponentformat": "SI"}
    layout["yaxis"] = {"autorange": "reversed", "automargin": True, "type": "category"}
    return {"data": traces, "layout": layout}


def framed(height: int, across: str, upwards: str) -> dict[str, Any]:
    """Return the layout that all charts share; the script of the page adds the colours of its ground.

    Parameters
    ----------
    height : int
        In pixels.
    across, upwards : str
        Titles of the axes.
    """
    return {
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 40},
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "hoverlabel": {"align": "left", "namelength": -1},
        "xaxis": _axis(across),
        "yaxis": _axis(upwards),
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "traceorder": "normal"},
    }


def legend_only(name: str, mode: str = "markers", **looks: Any) -> dict[str, Any]:
    """Return a trace that stands in the legend only.

    Parameters
    ----------
    name : str
        What the legend says.
    mode : str
        Plotly's mode of the trace.
    **looks
        Its other fields, such as `marker`.
    """
    return {
        "type": "scatter",
        "mode": mode,
        "name": escaped(name),
        "x": [None],
        "y": [None],
        "hoverinfo": "skip",
        **looks,
    }


def hover_text(lines: Sequence[str], loops: str) -> str:
    """Return what is shown where the pointer is: lines, and the loops of a mapping where there is one.

    Parameters
    ----------
    lines : sequence of str
        Lines in Plotly's HTML.
    loops : str
        The loops, innermost first.
    """
    return "<br>".join([*lines, f"loops, innermost first: {escaped(loops)}"] if loops else lines)


def _axis(title: str) -> dict[str, Any]:
    return {
        "title": {"text": escaped(title), "standoff": 14},
        "automargin": True,
        "exponentformat": "SI",
        "separatethousands": True,
    }


def escaped(text: str) -> str:
    """Return a text as Plotly shows it letter by letter; it reads some HTML, and formulas between dollars."""
    return html.escape(text, quote=False).replace("$", "&#36;")
