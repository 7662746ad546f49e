"""The elements of a Timeloop architecture, from the outermost inwards, whichever form the file has.

Version 0.4 is a list of nodes with tags, in which every fan-out multiplies what follows it. Versions 0.2 and 0.3 are
trees of ``subtree`` and ``local``, in which ranges such as ``PE[0..255]`` and ``meshX`` say how often a node is there.
The form before that is a list ``storage`` beside ``arithmetic``, with ``instances``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from zzcp.conversion.arithmetic import ExpressionError, evaluate, values_of, whole
from zzcp.conversion.notes import Notes
from zzcp.conversion.parts import Part
from zzcp.errors import InputError

_RANGED = re.compile(r"(.*?)\s*\[(.+?)\.\.(.+?)\]")
_CONTAINERS = ("Container", "Hierarchical", "Array")


@dataclass(frozen=True, slots=True)
class Element:
    """A component: a memory, the multiply-accumulate units, or something else.

    Parameters
    ----------
    name, kind : str
        Its name, and its class.
    part : Part
        Where it stands.
    attributes : mapping of str to Part
        Its attributes under Timeloop's newer names.
    names : mapping
        Values that its expressions may use.
    columns, rows : int
        How often it is there along X and along Y.
    parallel : bool
        Whether it stands beside others, so that it holds what it is told to only.
    """

    name: str
    kind: str
    part: Part
    attributes: Mapping[str, Part]
    names: Mapping[str, Any]
    columns: int
    rows: int
    parallel: bool = False

    def whole(self, key: str, least: int = 1) -> int | None:
        """Return a whole number of the attributes, None where it is not there."""
        part = self.attributes.get(key)
        return whole(part, self.names, f"{key} of {self.name}", least) if part else None


@dataclass(frozen=True, slots=True)
class _Scope:
    """What holds for the nodes inside of one."""

    columns: int = 1
    rows: int = 1
    names: Mapping[str, Any] = field(default_factory=dict)


_RENAMED = {
    "memory_depth": "depth",
    "memory_width": "width",
    "data_width": "word_bits",
    "datawidth": "word_bits",
    "n_words": "block_size",
    "sizekb": "sizeKB",
    "size_kb": "sizeKB",
    "meshx": "meshX",
    "meshy": "meshY",
    "mesh_x": "meshX",
    "mesh_y": "meshY",
}


def elements(architecture: Part, variables: Mapping[str, Any], notes: Notes) -> list[Element]:
    """Return the components of an architecture, the outermost first, the units last.

    Parameters
    ----------
    architecture : Part
        What stands under ``architecture`` or ``arch``.
    variables : mapping
        Values of the variables of version 0.4.
    notes : Notes
        Where remarks go.

    Raises
    ------
    InputError
        If it is in none of the forms, or has no component.
    """
    scope = _Scope(names=variables)
    if architecture.at("nodes").exists:
        found = list(_nodes(architecture.at("nodes"), _Counter(scope), notes, parallel=False))
    elif architecture.at("subtree").exists:
        found = [element for node in architecture.at("subtree").items() for element in _tree(node, scope)]
    elif architecture.at("storage").exists:
        found = list(_listed(architecture, scope))
    else:
        raise architecture.error(
            "no components",
            expected="nodes (version 0.4), subtree (0.2 and 0.3) or storage and arithmetic (before)",
        )
    if len(found) < 2:
        raise architecture.error("too few components", expected="a memory and the units that compute")
    return found


class _Counter:
    """The scope of version 0.4, which goes on from node to node."""

    def __init__(self, scope: _Scope) -> None:
        self.columns, self.rows, self.names = scope.columns, scope.rows, dict(scope.names)


def _nodes(nodes: Part, counter: _Counter, notes: Notes, *, parallel: bool) -> Iterator[Element]:
    """Yield the components of a list of tagged nodes."""
    for node in nodes.items():
        if node.at("enabled").exists and node.at("enabled").scalar("true or false") is False:
            continue
        if node.tag in ("Parallel", "Pipelined"):
            yield from _nodes(node.at("nodes"), counter, notes, parallel=True)
            continue
        spatial = node.at("spatial")
        for key in spatial.names():
            if key not in ("meshX", "meshY"):
                notes.miss(f"spatial.{key} of {_name(node)}", "it is not looked at")
        counter.columns *= _count(spatial.at("meshX"), counter.names)
        counter.rows *= _count(spatial.at("meshY"), counter.names)
        if node.at("nodes").exists and node.tag in (*_CONTAINERS, ""):
            yield from _nodes(node.at("nodes"), counter, notes, parallel=parallel)
        elif node.tag in _CONTAINERS:
            counter.names = values_of(node.at("attributes"), counter.names)
        elif node.tag in ("Component", ""):
            yield _element(node, counter.columns, counter.rows, counter.names, _name(node), parallel=parallel)
        else:
            raise node.error(
                "a node that is not understood",
                expected="!Component, !Container, !Hierarchical or !Parallel",
                found=f"!{node.tag}",
            )


def _tree(node: Part, scope: _Scope) -> Iterator[Element]:
    """Yield the components of a tree of ``local`` and ``subtree``: what is local comes before what is below."""
    _, count = _ranged(node, scope.names)
    inner = _Scope(scope.columns, scope.rows, values_of(node.at("attributes"), scope.names))
    total = scope.columns * scope.rows * count
    for local in node.at("local").items():
        label, own = _ranged(local, inner.names)
        attributes = _attributes(local)
        instances = total * max(own, _instances(attributes, inner.names))
        yield from _meshed(local, instances, attributes, inner.names, label)
    below = _Scope(total, 1, inner.names)
    for child in node.at("subtree").items():
        yield from _tree(child, below)


def _listed(architecture: Part, scope: _Scope) -> Iterator[Element]:
    """Yield the components of the oldest form, whose storage stands from the inside out."""
    for node in reversed(architecture.at("storage").items()):
        attributes = _attributes(node, under=())
        instances = _instances(attributes, scope.names)
        yield from _meshed(node, instances, attributes, scope.names, _name(node))
    node = architecture.at("arithmetic")
    attributes = _attributes(node, under=())
    yield from _meshed(node, _instances(attributes, scope.names), attributes, scope.names, "arithmetic")


def _instances(attributes: Mapping[str, Part], names: Mapping[str, Any]) -> int:
    return whole(attributes["instances"], names, "instances") if "instances" in attributes else 1


def _meshed(
    node: Part, instances: int, attributes: Mapping[str, Part], names: Mapping[str, Any], label: str
) -> Iterator[Element]:
    """Yield a component that is there so often; without ``meshX`` all instances lie along X."""
    columns = _count(attributes["meshX"], names) if "meshX" in attributes else None
    rows = _count(attributes["meshY"], names) if "meshY" in attributes else None
    columns = columns or (instances // rows if rows else instances)
    if instances % columns or (rows and columns * rows != instances):
        raise node.error(
            f"{label} does not fill its mesh",
            expected=f"meshX and meshY with {instances} instances",
            found=f"meshX {columns}" + (f", meshY {rows}" if rows else ""),
        )
    yield _element(node, columns, instances // columns, names, label, attributes=attributes)


def _element(
    node: Part,
    columns: int,
    rows: int,
    names: Mapping[str, Any],
    label: str,
    *,
    attributes: Mapping[str, Part] | None = None,
    parallel: bool = False,
) -> Element:
    attributes = _attributes(node) if attributes is None else attributes
    kind = node.first("class", "subclass", "technology")
    own = values_of(node.at("attributes"), names)
    return Element(label, kind.text() if kind.exists else "", node, attributes, own, columns, rows, parallel)


def _attributes(node: Part, under: tuple[str, ...] = ("attributes",)) -> dict[str, Part]:
    """Return the attributes of a component under the newer of their names."""
    part = node.at(*under)
    found = {}
    for key in part.names():
        plain = key.replace("-", "_")
        found[_RENAMED.get(plain.lower(), _RENAMED.get(plain, plain))] = part.at(key)
    return found


def _count(part: Part, names: Mapping[str, Any]) -> int:
    return whole(part, names, f"{part.key}") if part.exists else 1


def _name(node: Part) -> str:
    return node.at("name").text("a name")


def _ranged(node: Part, names: Mapping[str, Any]) -> tuple[str, int]:
    """Return the name of a node without its range, and how many instances the range has."""
    text = _name(node)
    match = _RANGED.fullmatch(text.strip())
    if match is None:
        return text, 1
    try:
        first, last = (evaluate(bound, names) for bound in match.group(2, 3))
    except ExpressionError:
        raise _wrong_range(node, text) from None
    if first != int(first) or last != int(last) or last < first:
        raise _wrong_range(node, text)
    return match[1], int(last) - int(first) + 1


def _wrong_range(node: Part, text: str) -> InputError:
    return node.at("name").error("wrong range", expected="a name such as PE[0..255]", found=text)
