"""What a page can be about: results of ``solve``, and the JSON of ``sweep`` and ``pareto``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from zzcp.documents import load_document
from zzcp.documents.nodes import Document, FieldPath
from zzcp.errors import InputError
from zzcp.html.tables import FrontPoint, FrontTable, SweptPoint, SweptTable
from zzcp.io.kinds import Kind, kind_of
from zzcp.io.mapping import MAX_RESULT_VALUES
from zzcp.io.result import SOLVED, ResultFile, read_results
from zzcp.io.schema import validate
from zzcp.mapping import Mapping


@dataclass(frozen=True, slots=True)
class SweepFile:
    """A sweep, read again.

    Parameters
    ----------
    path : str
        The file.
    table : SweptTable
        What it holds.
    places : tuple of tuple of int
        For every point its step on every axis.
    total_places : tuple of tuple of int
        The same for the totals.
    loops : tuple of str
        For every point its loops, innermost first; empty where there is no mapping.
    """

    path: str
    table: SweptTable
    places: tuple[tuple[int, ...], ...]
    total_places: tuple[tuple[int, ...], ...]
    loops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FrontFile:
    """A front, read again.

    Parameters
    ----------
    path : str
        The file.
    table : FrontTable
        What it holds.
    loops : tuple of str
        For every point its loops, innermost first.
    """

    path: str
    table: FrontTable
    loops: tuple[str, ...]


Source = ResultFile | SweepFile | FrontFile

_SWEEP = TypeAdapter(SweptTable)
_FRONT = TypeAdapter(FrontTable)
WANTED = "the JSON of zzcp solve, sweep or pareto"


def load_source(path: str | Path) -> Source:
    """Read what a page can be about.

    Parameters
    ----------
    path : str or Path
        A file that ``zzcp solve``, ``zzcp sweep`` or ``zzcp pareto`` wrote with ``--json``.

    Raises
    ------
    InputError
        If it holds something else, is not whole, or has nothing to show.
    """
    return read_source(load_document(path, max_values=MAX_RESULT_VALUES))


def read_source(document: Document) -> Source:
    """Return what a document holds that a page can be about; see `load_source`."""
    root = document.root.value
    kind = root["kind"].value if isinstance(root, dict) and "kind" in root else None
    if kind == "sweep":
        return _sweep(document)
    if kind == "pareto":
        return _front(document)
    if kind is not None or kind_of(document) is not Kind.RESULT:
        error = InputError("a page cannot show this", expected=WANTED, found=_found(document))
        raise document.placed(error, ("kind",))
    return read_results(document)


def _found(document: Document) -> str:
    root = document.root.value
    if isinstance(root, dict) and "kind" in root:
        return f"kind: {root['kind'].describe()}"
    return kind_of(document) or document.root.describe()


def _sweep(document: Document) -> SweepFile:
    table = validate(_SWEEP, document)
    if not any(point.evaluation for point in table.points):
        raise document.error(("points",), "no point of the sweep has a mapping to show")
    for number_, axis in enumerate(table.axes):
        if len(axis.labels) != len(axis.values):
            raise document.error(
                ("axes", number_, "labels"), "wrong number of labels", expected=str(len(axis.values)),
                found=str(len(axis.labels)),
            )  # fmt: skip
    for number_, point in enumerate(table.points):
        found = point.status in SOLVED
        for name in ("objective", "gap", "evaluation"):
            if (getattr(point, name) is not None) != found:
                raise document.error(
                    ("points", number_, name), f"the status is {point.status}",
                    expected=f"{name} of a mapping" if found else f"no {name}",
                )  # fmt: skip
    axes = _axes(table)
    return SweepFile(
        document.file,
        table,
        tuple(_place(document, ("points", i), axes, point.values) for i, point in enumerate(table.points)),
        tuple(_place(document, ("totals", i), axes, total.values) for i, total in enumerate(table.totals)),
        tuple(_loops(document, ("points", i), point) for i, point in enumerate(table.points)),
    )


def _front(document: Document) -> FrontFile:
    table = validate(_FRONT, document)
    if not table.points:
        raise document.error(("points",), "the front has no points to show")
    return FrontFile(
        document.file,
        table,
        tuple(_loops(document, ("points", i), point) for i, point in enumerate(table.points)),
    )


class _Axis(NamedTuple):
    """An axis, with where each of its steps stands."""

    name: str
    fields: list[str]
    places: dict[tuple[Any, ...], int]


def _axes(table: SweptTable) -> list[_Axis]:
    return [
        _Axis(
            axis.name,
            [field.name for field in axis.fields],
            {tuple(step): number for number, step in reversed([*enumerate(axis.values)])},
        )
        for axis in table.axes
    ]


def _place(
    document: Document, path: FieldPath, axes: Sequence[_Axis], values: dict[str, int | float | bool | str]
) -> tuple[int, ...]:
    """Return where values stand on the axes."""
    places = []
    for axis in axes:
        place = axis.places.get(tuple(values.get(field, "") for field in axis.fields))
        if place is None:
            raise document.error((*path, "values"), f"these are no values of the axis {axis.name}")
        places.append(place)
    return tuple(places)


def _loops(document: Document, path: FieldPath, point: SweptPoint | FrontPoint) -> str:
    """Return the loops of a point's mapping in one line."""
    if point.temporal_mapping is None:
        return ""
    form = {"temporal_mapping": point.temporal_mapping, "spatial_mapping": point.spatial_mapping or {}}
    with document.placing(path):
        order = Mapping.from_dict(form).order
    return "  ".join(f"{loop.dim} {loop.size}" for loop in order)


def subject(sources: Sequence[Source]) -> str:
    """Return what the sources are about, for a title."""
    names: dict[str, list[str]] = {}
    for source in sources:
        match source:
            case ResultFile():
                names.setdefault("mappings of", []).append(source.accelerator.name)
            case SweepFile():
                names.setdefault("sweep of", []).append(source.table.accelerator)
            case FrontFile():
                front = source.table
                names.setdefault("front of", []).append(f"{front.layer.name} on {front.accelerator}")
    text = "; ".join(f"{kind} {', '.join(dict.fromkeys(found))}" for kind, found in names.items())
    return text[0].upper() + text[1:]
