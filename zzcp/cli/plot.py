"""``zzcp plot``: pictures of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import zzcp
from zzcp.cli.output import Output, check_writable
from zzcp.documents import load_document
from zzcp.errors import InputError, Place, placed_at
from zzcp.html.sources import read_source
from zzcp.io import load_accelerator
from zzcp.io.kinds import Kind, kind_of
from zzcp.io.mapping import MAX_RESULT_VALUES
from zzcp.io.result import load_results
from zzcp.plot.energy import energy_figure
from zzcp.plot.entries import Entry, entries_of, single
from zzcp.plot.front import pareto_figure
from zzcp.plot.hierarchy import hierarchy_figure
from zzcp.plot.latency import latency_figure
from zzcp.plot.nest import nest_figure
from zzcp.plot.progress import progress_figure, samples_of
from zzcp.plot.style import MAX_INCHES, format_of, require_matplotlib, save
from zzcp.plot.sweep import sweep_figure
from zzcp.report.style import plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[..., "Figure"]


def run(
    kind: str,
    files: Sequence[str],
    picture: str,
    layers: Sequence[str],
    labels: Sequence[str],
    title: str | None,
    log: bool,
    share: bool,
    size: str | None,
    dpi: int,
    output: Output,
) -> None:
    """Draw a picture; see `zzcp plot --help` for the parameters."""
    require_matplotlib()
    format_of(picture)
    check_writable(picture, "--output")
    looks: dict[str, Any] = {"title": title, **_size(size)}
    if log:
        if kind in ("nest", "hierarchy"):
            raise InputError("a picture of this kind has no axes", found=f"--log with {kind}")
        looks["log"] = True
    if share:
        if kind not in ("latency", "energy"):
            raise InputError("--share is for pictures of latency or energy", found=kind)
        looks["share"] = True
    figure = _DRAW[kind](files, layers, labels)(**looks)
    save(figure, picture, dpi=dpi)
    output.note(f"{picture} shows {_shown(kind, files)}")
    output.finish(
        {"zzcp_version": zzcp.__version__, "kind": kind, "picture": picture, "sources": list(files)}
    )


def _shown(kind: str, files: Sequence[str]) -> str:
    return f"{kind} of {files[0] if len(files) == 1 else plural(len(files), 'file')}"


def _size(text: str | None) -> dict[str, float]:
    """Return width and height from text such as ``7x3.5``."""
    if text is None:
        return {}
    try:
        width, height = (float(part) for part in text.lower().split("x"))
    except ValueError:
        width = height = 0.0
    if not (1 <= width <= MAX_INCHES and 1 <= height <= MAX_INCHES):
        raise InputError(
            "wrong size",
            place=Place(field="--size"),
            expected=f"width x height in inches, 1 to {MAX_INCHES:g}, such as 7x3.5",
            found=text,
        )
    return {"width": width, "height": height}


def _entries(files: Sequence[str], layers: Sequence[str], labels: Sequence[str]) -> list[Entry]:
    return entries_of([load_results(file) for file in files], layers=layers, labels=labels)


def _bars(draw: Draw) -> Callable[..., Draw]:
    def prepare(files: Sequence[str], layers: Sequence[str], labels: Sequence[str]) -> Draw:
        return partial(draw, _entries(files, layers, labels))

    return prepare


def _nest(files: Sequence[str], layers: Sequence[str], labels: Sequence[str]) -> Draw:
    return partial(nest_figure, single(_entries(files, layers, labels), "nest"))


def _progress(files: Sequence[str], layers: Sequence[str], labels: Sequence[str]) -> Draw:
    results = [load_results(file) for file in files]
    entry = single(entries_of(results, layers=layers, labels=labels), "progress")
    with placed_at(files[0]):
        samples = samples_of(entry)
    return partial(progress_figure, samples, objective=results[0].objective)


def _hierarchy(files: Sequence[str], layers: Sequence[str], labels: Sequence[str]) -> Draw:
    path = _one(files, layers, labels, "hierarchy")
    if kind_of(load_document(path, max_values=MAX_RESULT_VALUES)) is Kind.RESULT:
        return partial(hierarchy_figure, load_results(path).accelerator)
    return partial(hierarchy_figure, load_accelerator(path))


def _table(kind: str, draw: Draw) -> Callable[..., Draw]:
    """Return what draws the JSON of another command."""

    def prepare(files: Sequence[str], layers: Sequence[str], labels: Sequence[str]) -> Draw:
        path = _one(files, layers, labels, kind)
        document = load_document(path, max_values=MAX_RESULT_VALUES)
        data: Any = document.data
        if not isinstance(data, dict) or data.get("kind") != kind:
            raise document.error(("kind",), "wrong kind of file", expected=f"what zzcp {kind} --json writes")
        read_source(document)
        return partial(draw, data)

    return prepare


def _one(files: Sequence[str], layers: Sequence[str], labels: Sequence[str], kind: str) -> str:
    if len(files) > 1:
        raise InputError(f"a picture of kind {kind} shows one file", found=str(len(files)))
    for option, values in (("--layer", layers), ("--label", labels)):
        if values:
            raise InputError(f"{option} is not for pictures of kind {kind}")
    return files[0]


_DRAW: dict[str, Callable[..., Draw]] = {
    "latency": _bars(latency_figure),
    "energy": _bars(energy_figure),
    "nest": _nest,
    "hierarchy": _hierarchy,
    "progress": _progress,
    "sweep": _table("sweep", sweep_figure),
    "pareto": _table("pareto", pareto_figure),
}
"""For every kind a function that reads the files and returns what draws them."""
