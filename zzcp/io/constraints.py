"""Reader of constraints: YAML or JSON in the form of `Constraints.from_dict`, for all layers or layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zzcp.documents.document import load_document
from zzcp.documents.nodes import Document, FieldPath, steps_of
from zzcp.documents.scalars import with_numbers
from zzcp.errors import InputError
from zzcp.io.kinds import Kind, require_kind
from zzcp.mapping.constraints import Constraints, LayerConstraints
from zzcp.workload import Layer

DEFAULT = "default"
"""Name of the entry for the layers that no other entry is for."""

_WRAPPER = "constraints"


def load_constraints(path: str | Path) -> LayerConstraints:
    """Read a file of constraints.

    Parameters
    ----------
    path : str or Path
        A mapping of kinds of constraints, which are for every layer; or a list of such mappings, each with the
        `name` of a layer, an operator type or ``default``. Either may stand under a key ``constraints``.

    Raises
    ------
    InputError
        If the file is no such thing: file, line, field, what was expected and what was found.
    """
    return read_constraints(load_document(path))


def read_constraints(document: Document) -> LayerConstraints:
    """Return the constraints that a document holds; see `load_constraints`."""
    require_kind(document, Kind.CONSTRAINTS)
    base, data = _unwrapped(document)
    if not isinstance(data, list):
        return LayerConstraints(((DEFAULT, _read(document, base, data)),), document.file)
    entries: list[tuple[str, Constraints]] = []
    for number, entry in enumerate(data):
        path: FieldPath = (*base, number)
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            raise document.error(
                (*path, "name") if isinstance(entry, dict) else path,
                "an entry without a name",
                expected=f"the name of a layer, an operator type or {DEFAULT!r}",
            )
        if name in dict(entries):
            raise document.error(
                (*path, "name"),
                "two entries have the same name",
                expected="one entry per name",
                found=repr(name),
            )
        rest = {key: value for key, value in entry.items() if key != "name"}
        entries.append((name, _read(document, path, rest)))
    return LayerConstraints(tuple(entries), document.file)


def placed(error: InputError, constraints: LayerConstraints, layer: Layer) -> InputError:
    """Return an error about what a file asks of a layer, with its place in the file.

    Parameters
    ----------
    error : InputError
        The error; the field of its place is that of the dictionary form.
    constraints : LayerConstraints
        What a file holds.
    layer : Layer
        Whose constraints are wrong.
    """
    error.message = f"layer {layer.name}: {error.message}"
    entry = constraints.entry_for(layer.name, layer.operator)
    if constraints.file is None or entry is None:
        return error
    document = load_document(constraints.file)
    base, data = _unwrapped(document)
    return _placed(error, document, (*base, entry) if isinstance(data, list) else base)


def _unwrapped(document: Document) -> tuple[FieldPath, Any]:
    """Return what a file holds without the key that it may stand under, and where that is."""
    data = with_numbers(document.data)
    if isinstance(data, dict) and list(data) == [_WRAPPER]:
        return (_WRAPPER,), data[_WRAPPER]
    return (), data


def _read(document: Document, base: FieldPath, data: Any) -> Constraints:
    try:
        return Constraints.from_dict(data)
    except InputError as error:
        raise _placed(error, document, base) from None


def _placed(error: InputError, document: Document, base: FieldPath) -> InputError:
    field = error.place.field or ""
    return document.placed(error, base, {field: steps_of(field)})
