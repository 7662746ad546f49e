"""Bars cut into parts, one under the other: across layers, across results, or both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from zzcp.plot.style import (
    GREY,
    INK,
    MARKERS,
    RC,
    WIDTH,
    fitted_text,
    ink_on,
    new_figure,
    scale_of,
    scaled_axis,
    set_title,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PITCH, GAP, THICKEST = 0.22, 0.12, 0.34
"""Inches: from one bar to the next, between groups, and the height of the thickest bar."""
FILLED = 0.78
"""Part of the pitch that a bar fills."""
LEGEND_ROW = 0.175
"""Inches of a row of the legend."""
LABEL = 34
"""Letters of the longest label."""


class Part(NamedTuple):
    """One kind of parts of all bars.

    Attributes
    ----------
    name : str
        What it is; unique.
    colour, hatch : str
        How it is filled.
    """

    name: str
    colour: str
    hatch: str


class Bar(NamedTuple):
    """One bar.

    Attributes
    ----------
    group, name : str
        Labels: bars of the same group stand together.
    values : dict of str to float
        Per part its value.
    """

    group: str
    name: str
    values: dict[str, float]

    @property
    def total(self) -> float:
        """Sum of the parts."""
        return sum(self.values.values())


class Heading(NamedTuple):
    """A heading in a legend; an empty one leaves a gap."""

    text: str


Legend = Sequence[Part | Heading]


def stacked(
    bars: Sequence[Bar],
    parts: Sequence[Part],
    legend: Legend,
    *,
    quantity: str,
    unit: str,
    title: str | None,
    log: bool,
    share: bool,
    width: float | None,
    height: float | None,
) -> Figure:
    """Return a picture of bars.

    Parameters
    ----------
    bars : sequence of Bar
        From top to bottom; those of one group next to each other.
    parts : sequence of Part
        The parts, from left to right.
    legend : sequence of Part or Heading
        What the legend says.
    quantity, unit : str
        What is shown.
    title : str, optional
        Over the picture.
    log : bool
        Points on a logarithmic axis in place of bars, whose parts could not be compared there.
    share : bool
        Every bar has the same length.
    width, height : float, optional
        In inches; by default what the bars need.
    """
    parts = [part for part in parts if any(bar.values.get(part.name) for bar in bars)]
    pitch, rows = _rows(bars, LEGEND_ROW * len(legend) + 0.1)
    body = rows[-1] + pitch
    figure = new_figure(width or WIDTH, height or body + (0.95 if title else 0.65))
    axes = figure.subplots()
    if log:
        _draw_points(axes, bars, rows, parts)
    else:
        _draw_bars(axes, bars, rows, parts, min(FILLED * pitch, THICKEST), share, unit)
    axes.set_ylim(body - pitch / 2, -pitch / 2)
    largest = 1.0 if share else max((bar.total for bar in bars), default=0.0)
    if share:
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.set_xlabel(f"share of the {quantity}")
    else:
        scaled_axis(axes.xaxis, quantity, largest, unit)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(not log)
    axes.tick_params(axis="y", length=0)
    _label(figure, axes, bars, rows)
    set_title(axes, title)
    _add_legend(figure, legend, parts, log)
    return figure


def _rows(bars: Sequence[Bar], least: float) -> tuple[float, list[float]]:
    """Return the pitch of the bars and the middle of each, in inches from the top.

    Groups of several bars stand apart; few bars spread over what the legend needs at least.
    """
    sizes = [len(list(group)) for _, group in groupby(bars, key=lambda bar: bar.group)]
    gap = GAP if max(sizes) > 1 else 0.0
    stretch = max(1.0, least / (len(bars) * PITCH + (len(sizes) - 1) * gap))
    rows: list[float] = []
    y = 0.0
    for size in sizes:
        for _ in range(size):
            rows.append(y)
            y += PITCH * stretch
        y += gap * stretch
    return PITCH * stretch, rows


def _draw_bars(
    axes: Axes,
    bars: Sequence[Bar],
    rows: Sequence[float],
    parts: Sequence[Part],
    thick: float,
    share: bool,
    unit: str,
) -> None:
    longest = max((bar.total for bar in bars), default=0.0)
    left = [0.0] * len(bars)
    for part in parts:
        values = [bar.values.get(part.name, 0.0) for bar in bars]
        if share:
            values = [value / (bar.total or 1.0) for value, bar in zip(values, bars, strict=True)]
        axes.barh(
            rows, values, thick, left=left, color=part.colour, hatch=part.hatch,
            edgecolor=ink_on(part.colour), linewidth=0.3, label=part.name,
        )  # fmt: skip
        left = [start + value for start, value in zip(left, values, strict=True)]
    divisor, name = scale_of(longest, unit)
    for bar, y, end in zip(bars, rows, left, strict=True):
        text = f"{bar.total / divisor:,.4g}" + (f" {name}" if share else "")
        axes.annotate(text, (end, y), (3, 0), textcoords="offset points", va="center", fontsize=7, color=INK)
    room = 1 + (0.02 + 0.013 * max((len(f"{bar.total / divisor:,.4g}") for bar in bars), default=0))
    axes.set_xlim(0, (1.0 if share else longest or 1.0) * (1.32 if share else room))
    if share:
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1])


def _draw_points(axes: Axes, bars: Sequence[Bar], rows: Sequence[float], parts: Sequence[Part]) -> None:
    axes.set_xscale("log")
    axes.hlines(rows, 0, 1, color="#EEEEEE", linewidth=0.8, transform=axes.get_yaxis_transform(), zorder=0)
    for number, part in enumerate(parts):
        points = [(bar.values.get(part.name, 0), y) for bar, y in zip(bars, rows, strict=True)]
        shown = [point for point in points if point[0] > 0]
        if shown:
            axes.plot(
                *zip(*shown, strict=True), MARKERS[number % len(MARKERS)], color=part.colour,
                markeredgecolor=INK, markeredgewidth=0.3, label=part.name,
            )  # fmt: skip
    totals = [(bar.total, y) for bar, y in zip(bars, rows, strict=True) if bar.total > 0]
    if totals:
        axes.plot(
            *zip(*totals, strict=True), "|", color=INK, markersize=9, markeredgewidth=1.6, label="total"
        )


def _label(figure: Figure, axes: Axes, bars: Sequence[Bar], rows: Sequence[float]) -> None:
    """Name the bars, and their groups to the left of that where there are several of each."""
    groups = [(name, list(members)) for name, members in groupby(range(len(bars)), lambda i: bars[i].group)]
    names = [fitted_text(bar.name, LABEL) for bar in bars]
    if all(len(members) == 1 for _, members in groups) and len(groups) > 1:
        names = [fitted_text(bar.group, LABEL) for bar in bars]
        groups = []
    axes.set_yticks(rows, names)
    if len(groups) < 2:
        return
    size = float(RC["ytick.labelsize"])
    offset = text_width(figure, names, size) * 72 + 12
    for name, members in groups:
        middle = (rows[members[0]] + rows[members[-1]]) / 2
        axes.annotate(
            fitted_text(name, LABEL), (0, middle), (-offset, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", va="center", fontsize=size, fontweight="bold",
        )  # fmt: skip


def _add_legend(figure: Figure, legend: Legend, parts: Sequence[Part], log: bool) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - an optional dependency
    from matplotlib.patches import Patch  # noqa: PLC0415 - an optional dependency

    handles: list[Artist] = []
    names = [part.name for part in parts]
    for entry in legend:
        if isinstance(entry, Heading):
            handles.append(Patch(facecolor="none", edgecolor="none", label=entry.text))
        elif log and entry.name in names:
            marker = MARKERS[names.index(entry.name) % len(MARKERS)]
            handles.append(Line2D([], [], linestyle="", marker=marker, color=entry.colour, label=entry.name))
        else:
            handles.append(
                Patch(
                    facecolor=entry.colour, hatch=entry.hatch, linewidth=0.4, label=fitted_text(entry.name, 24),
                    edgecolor=GREY if entry.colour == "white" else ink_on(entry.colour),
                )
            )  # fmt: skip
    if log:
        handles.append(
            Line2D(
                [], [], linestyle="", marker="|", color=INK, markersize=9, markeredgewidth=1.6, label="total"
            )
        )
    box = figure.legend(handles=handles, loc="outside right upper")
    for text, entry in zip(box.get_texts(), legend, strict=False):
        if isinstance(entry, Heading):
            text.set_fontweight("bold")
            text.set_position((-20, 0))
