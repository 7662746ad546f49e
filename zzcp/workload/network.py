"""A network: layers and the graph of their data flow."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import networkx as nx

from zzcp.checks import all_of, entries, instance, integer, repr_of, two
from zzcp.errors import InputError, Place, nearest
from zzcp.workload.layer import Layer


@dataclass(frozen=True, slots=True)
class SkippedNode:
    """A node of a model file that is not mapped, and why.

    Parameters
    ----------
    id : int
        Position of the node in the file.
    name, operator : str
        Name and operator type of the node.
    reason : str
        Why it is not mapped.
    macs : int or None
        Multiply-accumulate operations that are left out with it: 0 where it has none, None where that is unknown.
    """

    id: int
    name: str
    operator: str
    reason: str
    macs: int | None = None


@dataclass(frozen=True, eq=False)
class Network(Sequence[Layer]):
    """A sequence of layers in topological order, with what was left out of the file.

    Parameters
    ----------
    name : str
        Name of the network.
    layers : tuple of Layer
        The layers that are mapped.
    skipped : tuple of SkippedNode
        Nodes of the file that are not mapped.
    edges : tuple of (int, int)
        Data flow between ids, skipped nodes included; where empty it is taken from the layers' sources.
    notes : tuple of str
        What the reader took for granted, for the user to know.
    crosswise : tuple of str
        Names of layers that ZigZag reads from the same file with rows and columns exchanged.

    Raises
    ------
    InputError
        If two layers share an id, a source or an end of an edge does not exist, the graph has a cycle, or a layer reads
        more of another one than that makes.
    """

    name: str
    layers: tuple[Layer, ...]
    skipped: tuple[SkippedNode, ...] = ()
    edges: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()
    crosswise: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        instance(self.name, str, "name of a network", "a text")
        for field, kind in (("layers", Layer), ("skipped", SkippedNode), ("notes", str), ("crosswise", str)):
            what = f"{field} of network {self.name}"
            object.__setattr__(
                self, field, all_of(getattr(self, field), kind, what, f"a tuple of {kind.__name__}")
            )
        edges = entries(self.edges, f"edges of network {self.name}", "pairs of ids")
        ends = (
            tuple(integer(end, "id of a layer") for end in two(edge, "edge", "two ids")) for edge in edges
        )
        object.__setattr__(self, "edges", tuple(ends))
        ids = [layer.id for layer in self.layers] + [node.id for node in self.skipped]
        if len(set(ids)) != len(ids):
            repeated = sorted(i for i, count in Counter(ids).items() if count > 1)
            last = max((i for i, layer in enumerate(self.layers) if layer.id == repeated[0]), default=0)
            raise InputError(
                "layer id given twice",
                place=Place(field=f"layers[{last}].id"),
                expected="every id once",
                found=_listed("ids", repeated),
            )
        known = set(ids)
        for i, layer in enumerate(self.layers):
            for operand, source in layer.sources.items():
                if source not in known:
                    raise InputError(
                        f"layer {layer.name}: operand {operand} comes from a layer that does not exist",
                        place=Place(field=f"layers[{i}].sources.{operand}"),
                        expected=_listed("an id of a layer", sorted(known)),
                        found=repr_of(source),
                    )
        for number, edge in enumerate(self.edges):
            for end in edge:
                if end not in known:
                    raise InputError(
                        f"network {self.name}: data flows from or to a layer that does not exist",
                        place=Place(field=f"edges[{number}]"),
                        expected=_listed("an id of a layer", sorted(known)),
                        found=repr_of(end),
                    )
        graph = self.graph()
        if not nx.is_directed_acyclic_graph(graph):
            cycle = [edge[0] for edge in nx.find_cycle(graph)]
            first = min((i for i, layer in enumerate(self.layers) if layer.id in cycle), default=0)
            raise InputError(
                "the layers feed each other in a cycle",
                place=Place(field=f"layers[{first}].sources"),
                expected="data flow without cycles",
                found=_listed("ids", cycle),
            )
        self._check_sizes()

    def _check_sizes(self) -> None:
        """Check that no layer reads more of another one than that makes."""
        by_id = {layer.id: layer for layer in self.layers}
        for i, layer in enumerate(self.layers):
            for operand, source in layer.sources.items():
                producer = by_id.get(source)
                if producer is None or may_feed(producer, layer, operand):
                    continue
                raise InputError(
                    f"layer {layer.name} reads more of layer {producer.name} than it makes",
                    place=Place(field=f"layers[{i}].sources.{operand}"),
                    expected=f"at most {producer.tensor_size(producer.output):,} elements",
                    found=f"{_least_read(layer, operand):,}",
                    hint="a tensor that comes from elsewhere, or from several layers, has no source",
                )

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of the layers; pooling and additions have none."""
        return sum(layer.macs for layer in self.layers if layer.multiplies)

    @property
    def unmapped(self) -> tuple[SkippedNode, ...]:
        """The nodes left out that have multiply-accumulate work, or may have some."""
        return tuple(node for node in self.skipped if node.macs != 0)

    @property
    def total_macs(self) -> int:
        """Multiply-accumulate operations of the whole file, as far as they are known."""
        return self.macs + sum(node.macs or 0 for node in self.skipped)

    def graph(self) -> nx.DiGraph[int]:
        """Return the data flow as a graph over ids; node attribute ``layer`` or ``skipped``."""
        graph: nx.DiGraph[int] = nx.DiGraph()
        for layer in self.layers:
            graph.add_node(layer.id, layer=layer)
        for node in self.skipped:
            graph.add_node(node.id, skipped=node)
        edges = self.edges or tuple(
            (source, layer.id) for layer in self.layers for source in layer.sources.values()
        )
        graph.add_edges_from(edges)
        return graph

    def layer(self, name: str) -> Layer:
        """Return the layer of that name (or id).

        Raises
        ------
        InputError
            If there is none, or several.
        """
        found = [layer for layer in self.layers if layer.name == name]
        found = found or [layer for layer in self.layers if str(layer.id) == name]
        if not found:
            names = [layer.name for layer in self.layers]
            raise InputError(
                f"network {self.name} has no layer of that name",
                expected=f"one of {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}",
                found=name,
                hint=nearest(name, names),
            )
        if len(found) > 1:
            raise InputError(f"network {self.name} has several layers of that name", found=name)
        return found[0]

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Layer, ...]: ...
    def __getitem__(self, index: int | slice) -> Layer | tuple[Layer, ...]:
        return self.layers[index]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)


def may_feed(producer: Layer, reader: Layer, operand: str) -> bool:
    """Return whether a layer makes as much as another one reads as an operand.

    Parameters
    ----------
    producer, reader : Layer
        The one that makes the tensor, and the one that reads it.
    operand : str
        Of the reader.
    """
    return _least_read(reader, operand) <= producer.tensor_size(producer.output)


def _least_read(layer: Layer, operand: str) -> int:
    """Return how many elements an input has at least: windows may begin and end in a padding that is not written."""
    relevance = layer.relevance(operand)
    elements = math.prod(layer.sizes[dim] for dim in relevance.relevant)
    for relation in relevance.partial:
        touched = layer.touched_positions(relation)
        if relation.window not in layer.padding and relation.window not in layer.window_sizes:
            touched = max(1, touched - 2 * relation.dilation * (layer.sizes[relation.inner] - 1))
        elements *= touched
    return elements


def _listed(label: str, ids: Sequence[int]) -> str:
    return f"{label}: {', '.join(map(str, ids[:20]))}{', ...' if len(ids) > 20 else ''}"
