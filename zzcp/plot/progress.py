"""The solver at work: best mapping so far and proven bound over time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from zzcp.errors import InputError
from zzcp.plot.entries import Entry
from zzcp.plot.style import BLUE, HEIGHT, VERMILION, WIDTH, new_figure, objective_axis, set_title, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def samples_of(entry: Entry) -> Sequence[dict[str, Any]]:
    """Return the samples that a result holds for a layer.

    Raises
    ------
    InputError
        If it holds none.
    """
    samples: list[dict[str, Any]] = list(entry.data.get("progress") or ())
    if not samples:
        raise InputError(
            f"the result {entry.result} does not hold the progress of layer {entry.name}",
            hint="times differ from run to run, so they are recorded on request: zzcp solve --progress-log --json FILE",
        )
    last = {
        "seconds": max(entry.data.get("wall_s") or 0.0, samples[-1]["seconds"]),
        "objective": entry.data["objective"],
        "lower_bound": entry.data["lower_bound"],
    }
    return [*samples, last]


@styled
def progress_figure(
    samples: Sequence[dict[str, Any]],
    *,
    objective: str = "edp",
    title: str | None = None,
    log: bool = False,
    width: float | None = None,
    height: float | None = None,
) -> Figure:
    """Return a picture of a search: the best mapping so far, the bound, and the gap between them.

    Parameters
    ----------
    samples : sequence of dict
        With ``seconds``, ``objective`` (None before the first mapping) and ``lower_bound``.
    objective : str
        What was minimised.
    title : str, optional
        Over the picture.
    log : bool
        Logarithmic time.
    width, height : float, optional
        In inches.
    """
    figure = new_figure(width or WIDTH, height or HEIGHT)
    axes = figure.subplots()
    found = [(entry["seconds"], entry["objective"]) for entry in samples if entry["objective"] is not None]
    # what has once been proven stays proven, though a later step of the search starts from a lower bound of its own
    bounds = list(accumulate((entry["lower_bound"] for entry in samples), max))
    bound = [(entry["seconds"], value) for entry, value in zip(samples, bounds, strict=True)]
    end = max(entry["seconds"] for entry in samples)
    if found:
        axes.plot(
            *zip(*found, (end, found[-1][1]), strict=True), drawstyle="steps-post", color=BLUE, marker="o",
            markersize=3, markevery=range(len(found)), label="best mapping",
        )  # fmt: skip
    axes.plot(
        *zip(*bound, strict=True),
        drawstyle="steps-post",
        color=VERMILION,
        linestyle="--",
        label="proven bound",
    )
    steps = sorted({entry["seconds"] for entry in samples if entry["objective"] is not None})
    if steps:
        best = [min(value for at, value in found if at <= second) for second in steps]
        proven = [max(value for at, value in bound if at <= second) for second in steps]
        axes.fill_between(steps, proven, best, step="post", color="#EEEEEE", zorder=0, label="gap")
    if log:
        axes.set_xscale("log")
    axes.set_xlabel("time (s)")
    top = max([value for _, value in found] or [value for _, value in bound])
    objective_axis(axes.yaxis, objective, top)
    axes.set_ylim(0, 1.06 * top or 1)
    axes.grid(visible=True)
    figure.legend(loc="outside right upper")
    set_title(axes, title)
    return figure
