"""Quality against time: how the mappers' best mappings approach what the solver proves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zzcp.comparison.layers import SOLVER, ComparedLayer
from zzcp.comparison.result import Comparison
from zzcp.plot.style import (
    DASHES,
    HEIGHT,
    INK,
    MARKERS,
    WIDTH,
    colours,
    fitted_text,
    new_figure,
    set_title,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = Sequence[tuple[float, float]]
"""Points (seconds, objective / reference) of a step curve: a value counts until the next point."""

MAX_LAYERS = 12
"""Most layers in one picture; of more, the first are shown."""
COLUMNS = 3
"""Most layers side by side."""
LEAST_SECONDS = 1e-3
"""Earlier moments are drawn as this one: the axis is logarithmic."""
LEAST_RATIO = 0.3
"""Bounds further below the reference are not shown."""
USUAL_RATIO = 10.0
"""Mappings further above the reference are shown only where a mapper ends there."""


@styled
def quality_figure(
    comparison: Comparison,
    *,
    title: str | None = None,
    width: float | None = None,
    height: float | None = None,
) -> Figure:
    """Return a picture of the best objective so far against time, for every layer of a comparison.

    Both axes are logarithmic. Objectives are relative to the proven optimum, or to the lower bound where there is no
    optimum; the solver's incumbent and bound are black.

    Parameters
    ----------
    comparison : Comparison
        What was compared. Of layers of equal shape the first is shown.
    title : str, optional
        Over the picture.
    width, height : float, optional
        In inches.
    """
    layers = different(comparison)[:MAX_LAYERS]
    columns = max(1, min(COLUMNS, len(layers)))
    rows = max(1, -(-len(layers) // columns))
    figure = new_figure(width or WIDTH, height or (HEIGHT if rows == 1 else 0.8 + 2.2 * rows))
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    places = list(grid.flat)
    colour = colours(comparison.names)
    curves = [layer_curves(entry) for entry in layers]
    end = max((points[-1][0] for found in curves for points in found.values() if points), default=1.0)
    for axes, entry, found in zip(places, layers, curves, strict=False):
        _draw(axes, entry, found, comparison.names, colour, end)
    for axes in places[len(layers) :]:
        axes.set_visible(False)
    _limit(places[0], curves, end)
    for axes in grid[:, 0]:
        axes.set_ylabel(f"{comparison.objective} / reference")
    for number, axes in enumerate(places[: len(layers)]):
        if number + columns >= len(layers):
            axes.set_xlabel("seconds")
            axes.xaxis.set_tick_params(labelbottom=True)
    handles, labels = places[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper")
    if title:
        if len(layers) > 1:
            figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=10)
        else:
            set_title(places[0], title)
    return figure


def different(comparison: Comparison) -> list[ComparedLayer]:
    """Return the layers of a comparison that can be drawn, each shape once."""
    return [entry for entry in comparison.different if entry.reference is not None]


def layer_curves(entry: ComparedLayer) -> dict[str, Curve]:
    """Return the curves of a layer: every mapper's by its name, the solver's, and its ``bound``."""
    assert entry.reference is not None
    reference = float(entry.reference)
    curves: dict[str, Curve] = {}
    for mapper in entry.mappers:
        points = [(sample.seconds, sample.objective / reference) for sample in mapper.history]
        if mapper.value is not None:
            points.append((mapper.wall_s, float(mapper.value) / reference))
        curves[mapper.name] = points
    result = entry.result
    incumbent = [
        (progress.seconds, progress.objective / reference)
        for progress in entry.trace
        if progress.objective is not None
    ]
    if result.objective is not None:
        incumbent.append((result.wall_s, result.objective / reference))
    curves[SOLVER] = incumbent
    bound = [(progress.seconds, progress.lower_bound / reference) for progress in entry.trace]
    bound.append((result.wall_s, result.lower_bound / reference))
    curves["bound"] = [point for point in bound if point[1] > 0]
    return curves


def _draw(
    axes: Axes,
    entry: ComparedLayer,
    found: dict[str, Curve],
    names: Sequence[str],
    colour: dict[str, str],
    end: float,
) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.axhline(1, color="#BBBBBB", linewidth=0.8, zorder=0)
    for number, name in enumerate(names):
        _step(
            axes, found.get(name, ()), end, color=colour[name], label=name, marker=MARKERS[number % len(MARKERS)],
            markevery=[-2] if len(found.get(name, ())) > 1 else None,
        )  # fmt: skip
    _step(axes, found[SOLVER], end, color=INK, linewidth=2.0, label=f"{SOLVER}, best mapping")
    _step(axes, found["bound"], end, color=INK, linestyle=DASHES[1], label=f"{SOLVER}, proven bound")
    axes.grid(visible=True)
    status = "optimum" if entry.proven else "lower bound"
    axes.set_title(f"{fitted_text(entry.layer.name, 28)}\nreference: {status}", fontsize=8.5)


def _step(axes: Axes, points: Curve, end: float, **look: object) -> None:
    """Draw a step curve, and go on flat to the end of the time."""
    drawn = [(max(seconds, LEAST_SECONDS), ratio) for seconds, ratio in points]
    if drawn:
        drawn.append((max(end, drawn[-1][0]), drawn[-1][1]))
    axes.plot(
        [seconds for seconds, _ in drawn],
        [ratio for _, ratio in drawn],
        drawstyle="steps-post",
        **look,  # type: ignore[arg-type]
    )


def _limit(axes: Axes, curves: Sequence[dict[str, Curve]], end: float) -> None:
    """Set the limits of the axes, and ticks that are read without powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415 - an optional dependency

    ratios = [ratio for found in curves for points in found.values() for _, ratio in points]
    last = max((points[-1][1] for found in curves for points in found.values() if points), default=1.0)
    low = max(LEAST_RATIO, min([0.9, *ratios]))
    high = min(max(USUAL_RATIO, 1.3 * last), max([1.1, *ratios]))
    axes.set_ylim(low / 1.08, high * 1.15)
    axes.set_xlim(LEAST_SECONDS, max(end, 10 * LEAST_SECONDS) * 1.1)
    wide = high / low > 30
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
