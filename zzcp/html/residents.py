"""The picture of what stays on the chip between the layers of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zzcp.html.charts import bars, escaped, stacked
from zzcp.io.result import ResultFile
from zzcp.plot.entries import Entry
from zzcp.plot.style import HATCHES, INK, PALETTE
from zzcp.report.style import bits

_OPTIONAL = ("lower_bound", "gap", "without_residents")
"""What the totals of a network need not say."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A tensor that stays in a memory while some layers run.

    Parameters
    ----------
    tensor, memory : str
        Name of the layer that makes it, and where it is.
    size : int
        Bits that it takes.
    layers : tuple of int
        Positions of the layers during which it is there.
    """

    tensor: str
    memory: str
    size: int
    layers: tuple[int, ...]


def stays_of(result: ResultFile) -> list[Stay]:
    """Return the tensors that stay on the chip in a result, as its totals say.

    A tensor is there from the layer that makes it to the last that reads it. Where names occur twice the first run of
    layers with these names counts that no other tensor of the same layer has.
    """
    names = [entry.layer.name for entry in result.layers]
    found: list[Stay] = []
    for data in result.data["totals"].get("resident", ()):
        run = _run(names, data["layers"], {stay.layers[0] for stay in found})
        if run is not None:
            found.append(Stay(data["tensor"], data["memory"], data["bits"], run))
    return found


def _run(names: Sequence[str], layers: Sequence[str], taken: set[int]) -> tuple[int, ...] | None:
    """Return where some names follow each other, not from a place that is taken."""
    length = len(layers)
    for first in range(len(names) - length + 1):
        if length and first not in taken and list(names[first : first + length]) == list(layers):
            return tuple(range(first, first + length))
    return None


def residency_chart(result: ResultFile, stays: Sequence[Stay], entries: Sequence[Entry]) -> dict[str, Any]:
    """Return bars of the bits that stay on the chip while each layer runs, with the sizes of the memories.

    Parameters
    ----------
    result : ResultFile
        The result.
    stays : sequence of Stay
        Its tensors.
    entries : sequence of Entry
        Its layers, every one with a mapping.
    """
    labels = [escaped(entry.name) for entry in entries]
    memories = [memory.name for memory in result.accelerator.memories]
    traces = [_trace(stay, number, labels, memories) for number, stay in enumerate(stays)]
    chart = stacked(traces, "bits on the chip between layers", len(labels))
    layout = chart["layout"]
    layout["yaxis"] |= {"categoryorder": "array", "categoryarray": labels}
    sizes = {memory.name: memory.size for memory in result.accelerator.memories}
    used = list(dict.fromkeys(stay.memory for stay in stays if stay.memory in sizes))
    layout["shapes"] = [_limit(sizes[name]) for name in used]
    layout["annotations"] = [_named(name, sizes[name]) for name in used]
    return chart


def _trace(stay: Stay, number: int, labels: Sequence[str], memories: Sequence[str]) -> dict[str, Any]:
    """Return the bars of a tensor: its bits at every layer during which it is there."""
    place = memories.index(stay.memory) if stay.memory in memories else 0
    sizes = [stay.size if position in stay.layers else 0 for position in range(len(labels))]
    name, colour, hatch = (
        f"{stay.tensor} in {stay.memory}",
        PALETTE[place % len(PALETTE)],
        HATCHES[number % len(HATCHES)],
    )
    return bars(name, labels, sizes, colour, hatch, "bits", line={"color": INK, "width": 0.5})


def _limit(size: int) -> dict[str, Any]:
    """Return the line at the size of a memory."""
    line = {"color": INK, "dash": "dot", "width": 1}
    return {"type": "line", "x0": size, "x1": size, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _named(name: str, size: int) -> dict[str, Any]:
    """Return what stands at that line."""
    return {
        "x": size,
        "y": 0,
        "yref": "paper",
        "yanchor": "bottom",
        "xanchor": "right",
        "showarrow": False,
        "textangle": -90,
        "text": escaped(f"{name}: {bits(size)}"),
    }


def network_of(result: ResultFile) -> Mapping[str, Any] | None:
    """Return what the totals of a network say as a whole; None where every layer was solved by itself."""
    totals = result.data["totals"]
    if result.data.get("scope") != "network" or totals.get("objective") is None:
        return None
    return {**dict.fromkeys(_OPTIONAL), "status": "", **totals}
