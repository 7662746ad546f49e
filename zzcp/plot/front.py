"""The energy-latency front of a layer, with the curve of equal energy-delay product through its best point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zzcp.errors import InputError
from zzcp.plot.style import (
    BLUE,
    HEIGHT,
    INK,
    ORANGE,
    VERMILION,
    WIDTH,
    new_figure,
    scaled_axis,
    set_title,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from zzcp.solver import Front


@styled
def pareto_figure(
    front: Front | Mapping[str, Any],
    *,
    title: str | None = None,
    log: bool = False,
    width: float | None = None,
    height: float | None = None,
) -> Figure:
    """Return a picture of a front.

    Parameters
    ----------
    front : Front or mapping
        The front, or what its `to_dict` returned.
    title : str, optional
        Over the picture.
    log : bool
        Logarithmic axes.
    width, height : float, optional
        In inches.

    Raises
    ------
    InputError
        If it has no points.
    """
    data = front if isinstance(front, Mapping) else front.to_dict()
    points = sorted(data["points"], key=lambda point: float(point["latency"]))
    if not points:
        raise InputError("the front has no points to draw")
    latencies, energies = ([float(point[name]) for point in points] for name in ("latency", "energy"))
    figure = new_figure(width or WIDTH, height or HEIGHT)
    axes = figure.subplots()
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.plot(latencies, energies, drawstyle="steps-post", color=BLUE, linewidth=1.0, alpha=0.6)
    for kept, fill, name, order in (
        (True, BLUE, "on the convex hull", 3.5),
        (False, "white", "above the convex hull", 3.0),
    ):
        chosen = [place for place, point in enumerate(points) if bool(point["supported"]) is kept]
        if chosen:
            axes.plot(
                [latencies[i] for i in chosen], [energies[i] for i in chosen], "o", color=fill,
                markeredgecolor=BLUE, label=name, zorder=order,
            )  # fmt: skip
    best = min(points, key=lambda point: float(point["edp"]))
    spread = max(latencies) - min(latencies) or max(latencies) * 0.1
    low, high = max(min(latencies) - 0.06 * spread, min(latencies) * 0.5), max(latencies) + 0.06 * spread
    curve = [low + (high - low) * step / 200 for step in range(201)]
    top, bottom = max(energies), min(energies)
    room = 0.1 * (top - bottom) or 0.1 * top
    axes.plot(
        curve, [float(best["edp"]) / value for value in curve], "--", color=VERMILION, linewidth=1.1,
        label=f"EDP = {float(best['edp']):.4g} pJ cycles",
    )  # fmt: skip
    axes.plot(
        [float(best["latency"])], [float(best["energy"])], "*", color=ORANGE, markersize=13,
        markeredgecolor=INK, markeredgewidth=0.6, label="least EDP", zorder=4,
    )  # fmt: skip
    for number, entry in enumerate(data["open"]):
        axes.axvspan(
            entry["first"], entry["last"], color="#EEEEEE", linewidth=0, zorder=0,
            label="not proven complete" if number == 0 else None,
        )  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_ylim(max(bottom - room, bottom * 0.5), top + room)
    scaled_axis(axes.xaxis, "latency", max(latencies), "cycles")
    scaled_axis(axes.yaxis, "energy", top, "pJ")
    axes.grid(visible=True)
    figure.legend(loc="outside right upper")
    set_title(axes, title)
    return figure
