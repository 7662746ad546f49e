"""Where the cycles go: a bar for every layer, or for every result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zzcp.plot.bars import Bar, Part, stacked
from zzcp.plot.entries import LATENCY, Entry
from zzcp.plot.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = {
    "ideal": Part(LATENCY["ideal"], BLUE, ""),
    "spatial_stall": Part(LATENCY["spatial_stall"], GREY, "...."),
    "temporal_stall": Part(LATENCY["temporal_stall"], VERMILION, "////"),
    "data_loading": Part(LATENCY["data_loading"], ORANGE, "\\\\\\\\"),
    "data_unloading": Part(LATENCY["data_unloading"], GREEN, "xxxx"),
    "drain": Part(LATENCY["drain"], PURPLE, "++++"),
}
"""How the components look."""


@styled
def latency_figure(
    entries: Sequence[Entry],
    *,
    title: str | None = None,
    log: bool = False,
    share: bool = False,
    width: float | None = None,
    height: float | None = None,
) -> Figure:
    """Return a picture of the latencies of some mapped layers, cut into their components.

    Parameters
    ----------
    entries : sequence of Entry
        The layers; those of the same name from several results stand together.
    title : str, optional
        Over the picture.
    log : bool
        Show the components as points on a logarithmic axis.
    share : bool
        Show shares of each latency.
    width, height : float, optional
        In inches.
    """
    bars = [
        Bar(entry.name, entry.result, {LATENCY[part]: value for part, value in entry.latency.items()})
        for entry in grouped(entries)
    ]
    shown = [part for name, part in PARTS.items() if any(entry.latency[name] for entry in entries)]
    return stacked(
        bars, shown, shown, quantity="latency", unit="cycles",
        title=title, log=log, share=share, width=width, height=height,
    )  # fmt: skip


def grouped(entries: Sequence[Entry]) -> list[Entry]:
    """Return entries with those of the same layer next to each other."""
    names = list(dict.fromkeys(entry.name for entry in entries))
    return sorted(entries, key=lambda entry: names.index(entry.name))
