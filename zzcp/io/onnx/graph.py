"""The graph of an ONNX model as plain data: nodes, tensor shapes and who produces what."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import networkx as nx

from zzcp.errors import InputError, Place
from zzcp.workload.checks import MAX_LOOP

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TypeProto

AttributeValue = int | float | str | tuple[int, ...] | None
Shape = tuple[int | str, ...]
"""Sizes of a tensor; a name (``?`` where it has none) in the place of a size that the file leaves open."""

UNKNOWN = "?"
"""A size without a value or a name."""

STANDARD_DOMAINS = ("", "ai.onnx")
"""Domains of the operators that the ONNX standard defines."""


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """A node of an ONNX graph.

    Parameters
    ----------
    id : int
        Position in the file; nodes of an unrolled branch follow those of the graph around it.
    name, operator, domain : str
        As in the file; ``Op<id>`` for a node without a name.
    inputs, outputs : tuple of str
        Names of tensors, empty where an optional one is left out.
    attributes : mapping of str to int, float, str, tuple of int or None
        None stands for a value of any other type.
    note : str
        What reading the graph has to say about the node, e.g. that a branch of it was unrolled.
    """

    id: int
    name: str
    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, AttributeValue]
    note: str = ""

    def integer(self, name: str, default: int) -> int:
        """Return an integer attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise self.error(f"attribute {name} has the wrong type", expected="an integer", found=repr(value))
        return value

    def integers(self, name: str, length: int) -> tuple[int, ...] | None:
        """Return an attribute of `length` integers, or None where it is missing."""
        if name not in self.attributes:
            return None
        value = self.attributes[name]
        if not isinstance(value, tuple) or len(value) != length:
            raise self.error(
                f"attribute {name} has the wrong form", expected=f"{length} integers", found=repr(value)
            )
        return value

    def input(self, position: int) -> str:
        """Return the name of a required input."""
        if position >= len(self.inputs) or not self.inputs[position]:
            raise self.error(f"{self.operator} lacks input {position}", found=f"{len(self.inputs)} inputs")
        return self.inputs[position]

    def output(self) -> str:
        """Return the name of the first output."""
        if not self.outputs or not self.outputs[0]:
            raise self.error(f"{self.operator} has no output")
        return self.outputs[0]

    def error(self, message: str, *, expected: str | None = None, found: str | None = None) -> InputError:
        """Return an error that names the node."""
        return InputError(message, place=Place(field=f"node {self.name}"), expected=expected, found=found)

    def enclose(self, error: InputError) -> InputError:
        """Return the error of a part of the node with the node's name added to its place."""
        named = error.at()
        named.place = Place(field=": ".join(filter(None, (f"node {self.name}", error.place.field))))
        return named


@dataclass(frozen=True, slots=True)
class OnnxGraph:
    """A flat graph.

    Parameters
    ----------
    nodes : tuple of OnnxNode
        In the order of their ids.
    shapes : mapping of str to Shape
        Shapes of the tensors whose rank is known.
    producers : mapping of str to int
        Which node produces a tensor; graph inputs and initializers have none.
    constants : frozenset of str
        Tensors that do not depend on the graph's inputs.
    functions : frozenset of (str, str)
        Domain and name of the operators that the file itself defines.
    open_dimensions : tuple of str
        Sizes of graph inputs that neither the file nor the caller fixes.
    """

    nodes: tuple[OnnxNode, ...]
    shapes: Mapping[str, Shape]
    producers: Mapping[str, int]
    constants: frozenset[str] = frozenset()
    functions: frozenset[tuple[str, str]] = frozenset()
    open_dimensions: tuple[str, ...] = ()

    def predecessors(self, node: OnnxNode) -> list[int]:
        """Return the nodes that produce the inputs of a node, one per such input."""
        return [self.producers[tensor] for tensor in node.inputs if tensor in self.producers]


def read_graph(model: ModelProto, open_dimensions: tuple[str, ...] = ()) -> OnnxGraph:
    """Return the graph of a model, with ``If`` nodes unrolled as ZigZag does.

    The ``If`` itself stays; the nodes of its longer branch are appended after those of the graph around it.

    Raises
    ------
    InputError
        If a tensor is produced twice or by no one, the nodes are out of order or form a cycle, or a shape is
        absurd.
    """
    walk = _Walk()
    walk.graph(model.graph, ChainMap(), "")
    constants = set(walk.initializers)
    for node in walk.nodes:
        inputs = [tensor for tensor in node.inputs if tensor]
        if node.operator == "Constant" or (inputs and constants.issuperset(inputs)):
            constants.update(node.outputs)
    constants.discard("")
    return OnnxGraph(
        tuple(walk.nodes),
        walk.shapes,
        walk.producers,
        frozenset(constants),
        frozenset((function.domain, function.name) for function in model.functions),
        open_dimensions,
    )


@dataclass(slots=True)
class _Walk:
    """What is collected while walking through a graph and the branches in it."""

    nodes: list[OnnxNode] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    producers: dict[str, int] = field(default_factory=dict)
    initializers: set[str] = field(default_factory=set)

    def graph(self, graph: GraphProto, outer: ChainMap[str, str], prefix: str) -> None:
        """Add a graph; `outer` gives the full names of the tensors visible in it."""
        scope = outer.new_child()
        first = len(self.nodes)
        self._define(graph, scope, prefix, first)
        self._read_shapes(graph, prefix)
        out_of_order = False
        for position, proto in enumerate(graph.node):
            node = self._node(proto, first + position, scope)
            out_of_order |= any(self.producers.get(tensor, -1) >= node.id for tensor in node.inputs)
            self.nodes.append(node)
        if out_of_order:
            raise self._disorder()
        for node, proto in zip(self.nodes[first:], graph.node, strict=False):
            branch = longer_branch(proto)
            if branch is not None:
                self.graph(branch.g, scope, f"{prefix}{node.name}[{node.id}]/")

    def _define(self, graph: GraphProto, scope: MutableMapping[str, str], prefix: str, first: int) -> None:
        """Enter the names that a graph defines, each once."""
        given = [tensor.name for tensor in graph.initializer]
        given += [sparse.values.name for sparse in graph.sparse_initializer]
        self.initializers.update(prefix + name for name in given)
        inputs = [value.name for value in graph.input]
        for names, label in ((given, "initializers"), (inputs, "graph inputs")):
            if len(set(names)) != len(names):
                twice = Counter(names).most_common(1)[0][0]
                raise InputError(f"two {label} have the same name", place=Place(field="graph"), found=twice)
            scope.update((name, prefix + name) for name in names)
        local = {*given, *inputs}
        for position, proto in enumerate(graph.node):
            for name in filter(None, proto.output):
                if name in local:
                    raise InputError(
                        f"tensor {name!r} is defined twice",
                        place=Place(field=f"node {proto.name or f'Op{first + position}'}"),
                        expected="one node, input or initializer per tensor",
                    )
                local.add(name)
                scope[name] = prefix + name
                self.producers[prefix + name] = first + position

    def _node(self, proto: NodeProto, node_id: int, scope: Mapping[str, str]) -> OnnxNode:
        name = proto.name or f"Op{node_id}"
        for tensor in proto.input:
            if tensor and tensor not in scope:
                raise InputError(
                    f"tensor {tensor!r} does not exist",
                    place=Place(field=f"node {name}"),
                    expected="the output of a node, a graph input or an initializer",
                )
        return OnnxNode(
            node_id,
            name,
            proto.op_type,
            proto.domain,
            tuple(scope[tensor] if tensor else "" for tensor in proto.input),
            tuple(scope[tensor] if tensor else "" for tensor in proto.output),
            {attribute.name: _attribute(attribute) for attribute in proto.attribute},
            _note(proto),
        )

    def _read_shapes(self, graph: GraphProto, prefix: str) -> None:
        for tensor in graph.initializer:
            self._shape(prefix, tensor.name, tuple(tensor.dims))
        for sparse in graph.sparse_initializer:
            self._shape(prefix, sparse.values.name, tuple(sparse.dims))
        for value in (*graph.input, *graph.output, *graph.value_info):
            shape = declared_shape(value.type)
            if shape is not None:
                self._shape(prefix, value.name, shape)

    def _shape(self, prefix: str, name: str, shape: Shape) -> None:
        for size in shape:
            if not isinstance(size, str) and not 0 <= size <= MAX_LOOP:
                raise InputError(
                    "size out of range",
                    place=Place(field=f"tensor {prefix}{name}"),
                    expected=f"0 to {MAX_LOOP}",
                    found=f"shape {list(shape)}",
                )
        self.shapes.setdefault(prefix + name, shape)

    def _disorder(self) -> InputError:
        """Return the error for a node that uses a tensor before it is produced."""
        edges = [
            (self.producers[tensor], node.id)
            for node in self.nodes
            for tensor in node.inputs
            if tensor in self.producers
        ]
        names = {node.id: node.name for node in self.nodes}
        graph = nx.DiGraph(edges)
        if nx.is_directed_acyclic_graph(graph):
            source, target = next((source, target) for source, target in edges if source >= target)
            return InputError(
                f"node uses the output of {names[source]}, which follows it",
                place=Place(field=f"node {names[target]}"),
                expected="nodes in topological order",
            )
        cycle = [names[source] for source, _ in nx.find_cycle(graph)]
        return InputError(
            "the nodes feed each other in a cycle",
            place=Place(field=f"node {cycle[0]}"),
            found=" -> ".join([*cycle[:8], *(["..."] if len(cycle) > 8 else []), cycle[0]]),
        )


def declared_shape(declared: TypeProto) -> Shape | None:
    """Return the shape that a type states, or None where it states no rank."""
    if not declared.HasField("tensor_type") or not declared.tensor_type.HasField("shape"):
        return None
    return tuple(
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or UNKNOWN
        for dim in declared.tensor_type.shape.dim
    )


def longer_branch(node: NodeProto) -> AttributeProto | None:
    """Return the attribute of an ``If`` whose branch has more nodes (the first if equal); else None."""
    if node.op_type != "If" or node.domain not in STANDARD_DOMAINS:
        return None
    branches = [attribute for attribute in node.attribute if attribute.HasField("g")]
    return max(branches, key=lambda attribute: len(attribute.g.node), default=None)


def _note(node: NodeProto) -> str:
    branch = longer_branch(node)
    if branch is None:
        return ""
    return f"its longer branch ({branch.name}, {len(branch.g.node)} nodes) is read, the other left out"


def _attribute(attribute: AttributeProto) -> AttributeValue:
    if attribute.type == attribute.INT:
        return int(attribute.i)
    if attribute.type == attribute.INTS:
        return tuple(attribute.ints)
    if attribute.type == attribute.FLOAT:
        return float(attribute.f)
    if attribute.type == attribute.STRING:
        return attribute.s.decode(errors="replace")
    return None
