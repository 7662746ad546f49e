"""Curves of a sweep: the optimum at every step, and below it the data loading of the optimal mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from zzcp.errors import InputError
from zzcp.plot.style import (
    DASHES,
    MARKERS,
    PALETTE,
    WIDTH,
    fitted_text,
    new_figure,
    objective_axis,
    scaled_axis,
    set_title,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from zzcp.sweeps import SweepTable

PANEL = 2.1
"""Inches: height of the picture of one objective."""
SMALLEST, STEP = 4.5, 3.0
"""Points: size of a marker, and how much larger those are that others could hide."""
MAX_CURVES = 24
"""Most curves that can be told apart."""


class Curve(NamedTuple):
    """What was found along the first axis.

    Attributes
    ----------
    label : str
        What the curve stands for: layer and values of the other axes.
    steps : list of int
        Positions on the first axis.
    values, loading : list of float
        The objective and the cycles of data loading there.
    proven : list of bool
        Whether the objective is a proven optimum.
    """

    label: str
    steps: list[int]
    values: list[float]
    loading: list[float]
    proven: list[bool]


def curves_of(data: Mapping[str, Any]) -> dict[str, list[Curve]]:
    """Return the curves of a sweep, by objective."""
    axes = data["axes"]
    steps = [{tuple(step): number for number, step in enumerate(axis["values"])} for axis in axes]
    several_layers = len({(point["workload"], point["layer"]) for point in data["points"]}) > 1
    several_files = len({point["workload"] for point in data["points"]}) > 1
    found: dict[str, dict[str, Curve]] = {}
    for point in data["points"]:
        if point.get("objective") is None:
            continue
        places = [
            known[tuple(point["values"][field["name"]] for field in axis["fields"])]
            for axis, known in zip(axes, steps, strict=True)
        ]
        parts = [f"{point['workload']}: {point['layer']}" if several_files else point["layer"]]
        parts = parts if several_layers else []
        parts += [
            f"{_short(axis['name'])} {axis['labels'][place]}"
            for axis, place in zip(axes[1:], places[1:], strict=True)
        ]
        label = ", ".join(parts) or point["layer"]
        curve = found.setdefault(point["objective_name"], {}).setdefault(label, Curve(label, [], [], [], []))
        curve.steps.append(places[0] if places else 0)
        curve.values.append(float(point["objective"]))
        curve.loading.append(float(point["evaluation"]["latency"]["data_loading"]))
        curve.proven.append(point["status"] == "optimal")
    return {objective: list(curves.values()) for objective, curves in found.items()}


def _short(name: str) -> str:
    return ", ".join(part.strip().removeprefix("memories.") for part in name.split(","))


@styled
def sweep_figure(
    table: SweepTable | Mapping[str, Any],
    *,
    title: str | None = None,
    log: bool = False,
    width: float | None = None,
    height: float | None = None,
) -> Figure:
    """Return a picture of a sweep: along its first axis, a curve for every layer and value of the other axes.

    Parameters
    ----------
    table : SweepTable or mapping
        The sweep, or what its `to_dict` returned.
    title : str, optional
        Over the picture.
    log : bool
        Logarithmic axes.
    width, height : float, optional
        In inches.

    Raises
    ------
    InputError
        If no point has a mapping, or there are too many curves.
    """
    data = table if isinstance(table, Mapping) else table.to_dict()
    found = curves_of(data)
    if not found:
        raise InputError("no point of the sweep has a mapping to draw")
    most = max(map(len, found.values()))
    if most > MAX_CURVES:
        raise InputError("too many curves for one picture", expected=f"at most {MAX_CURVES}", found=str(most))
    axis: Mapping[str, Any] = data["axes"][0] if data["axes"] else {"name": "", "labels": [""]}
    rows = len(found) + 1
    labels = [label.replace(", ", "\n").replace("/", "\n") for label in axis["labels"]]
    lines = max(label.count("\n") + 1 for label in labels)
    figure = new_figure(width or WIDTH, height or PANEL * rows + 0.5 + 0.14 * lines)
    panels = figure.subplots(rows, 1, squeeze=False, sharex=True)[:, 0]
    drawn: list[list[tuple[Line2D, str]]] = []
    for panel, (objective, curves) in zip(panels, found.items(), strict=False):
        drawn.append(_draw(panel, curves, "values"))
        top = max(value for curve in curves for value in curve.values)
        _limit(panel, top, log)
        objective_axis(panel.yaxis, objective, top, "least ")
    first = next(iter(found))
    _draw(panels[-1], found[first], "loading")
    loading = max(value for curve in found[first] for value in curve.loading)
    _limit(panels[-1], loading, log)
    name = {"edp": "EDP", "ed2": "ED²"}.get(first, first)
    scaled_axis(panels[-1].yaxis, f"data loading\nat the best {name}", loading, "cycles")
    crowded = len(labels) > 12
    panels[-1].set_xticks(range(len(labels)), labels, rotation=60 if crowded else 0)
    panels[-1].set_xlim(-0.4, len(labels) - 0.6)
    panels[-1].set_xlabel(fitted_text(_short(axis["name"]), 90))
    for panel in panels:
        panel.grid(visible=True)
    if most > 1 or any(not all(curve.proven) for curves in found.values() for curve in curves):
        handles, names = zip(*drawn[0], strict=True)
        figure.legend(handles, [fitted_text(name, 40) for name in names], loc="outside upper center", ncols=2)
    set_title(panels[0], title)
    return figure


def _draw(panel: Axes, curves: list[Curve], field: str) -> list[tuple[Line2D, str]]:
    """Draw curves, and return what the legend is to show; names may begin with an underscore."""
    shown: list[tuple[Line2D, str]] = []
    for number, curve in enumerate(curves):
        # curves that are equal are seen one around the other
        size = SMALLEST + STEP * min(len(curves) - 1 - number, 3)
        colour = PALETTE[number % (len(PALETTE) - 1)]
        values = getattr(curve, field)
        (line,) = panel.plot(
            curve.steps, values, DASHES[number // 7 % len(DASHES)], color=colour, label=curve.label,
            marker=MARKERS[number % len(MARKERS)], markersize=size,
        )  # fmt: skip
        shown.append((line, curve.label))
        open_ends = [(x, y) for x, y, sure in zip(curve.steps, values, curve.proven, strict=True) if not sure]
        if open_ends:
            (marks,) = panel.plot(
                *zip(*open_ends, strict=True), MARKERS[number % len(MARKERS)], color=colour,
                markersize=size, markerfacecolor="white",
            )  # fmt: skip
            if number == 0:
                shown.append((marks, "not proven optimal"))
    return shown


def _limit(panel: Axes, top: float, log: bool) -> None:
    if log and top > 0:
        panel.set_yscale("log")
    else:
        panel.set_ylim(0, 1.08 * top or 1)
