"""Walking through the graphs of an ONNX model: who produces what, and which shapes follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import networkx as nx

from zzcp.errors import InputError, Place
from zzcp.io.onnx.graph import STANDARD_DOMAINS, AttributeValue, OnnxNode
from zzcp.io.onnx.scope import Scope
from zzcp.io.onnx.tensors import Tensors

if TYPE_CHECKING:
    from onnx import AttributeProto, FunctionProto, GraphProto, NodeProto

MAX_EXPANDED = 100_000
"""Most nodes after functions and iterations are expanded."""


Expand = Callable[["Walk", "NodeProto", OnnxNode, Scope], OnnxNode]
"""Reads what is inside a node, and returns the node with a note about it."""


@dataclass(slots=True)
class Walk:
    """What is collected while walking through a model.

    Parameters
    ----------
    functions : mapping
        The functions that the file defines, by domain and name.
    expand : callable
        Reads what is inside a node: see `zzcp.io.onnx.control.expand`.
    """

    functions: Mapping[tuple[str, str], FunctionProto]
    expand: Expand
    nodes: list[OnnxNode] = field(default_factory=list)
    tensors: Tensors = field(default_factory=Tensors)
    producers: dict[str, int] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)
    count: int = 0

    def graph(self, graph: GraphProto, scope: Scope) -> None:
        """Add a graph."""
        initializers = [tensor.name for tensor in graph.initializer]
        initializers += [sparse.values.name for sparse in graph.sparse_initializer]
        inputs = [value.name for value in graph.input]
        for names, label in ((initializers, "initializers"), (inputs, "graph inputs")):
            if len(set(names)) != len(names):
                twice = Counter(names).most_common(1)[0][0]
                raise InputError(f"two {label} have the same name", place=Place(field="graph"), found=twice)
            for name in names:
                if name not in scope.names.maps[0]:  # an argument of a body stands for a tensor outside
                    scope.names[name] = scope.prefix + name
        self.constants.update(scope.prefix + name for name in initializers)
        for tensor in graph.initializer:
            self.tensors.store(scope.prefix + tensor.name, tensor)
        for sparse in graph.sparse_initializer:
            dense = self.tensors.typed(sparse.values.data_type, sparse.dims)
            self.tensors.declare(scope.prefix + sparse.values.name, dense)
        for value in (*graph.input, *graph.output, *graph.value_info):
            self.tensors.declare(scope.prefix + value.name, value.type)
        self.block(graph.node, scope, {*initializers, *inputs})

    def block(self, protos: Sequence[NodeProto], scope: Scope, given: set[str]) -> None:
        """Add the nodes of a graph or a function; `given` are the names that it defines otherwise."""
        first = self.count
        self.count += len(protos)
        if self.count > MAX_EXPANDED:
            raise InputError(
                "the model is too large with its functions and iterations expanded",
                expected=f"at most {MAX_EXPANDED} nodes",
                found="more",
            )
        # nodes without a name are numbered: as in the file, or within the function or body that they stand in
        start = 0 if scope.label else first
        names = [
            f"{scope.label}{proto.name or f'Op{start + i}'}{scope.mark}" for i, proto in enumerate(protos)
        ]
        positions = _positions(protos, names, given)
        for name, position in positions.items():
            scope.names[name] = scope.prefix + name
            self.producers[scope.prefix + name] = first + position
        _check_order(protos, names, positions, scope)
        for i, written in enumerate(protos):
            proto = scope.resolved(written)
            self._add(proto, first + i, names[i], scope)

    def _add(self, proto: NodeProto, node_id: int, name: str, scope: Scope) -> None:
        inputs = tuple(scope.names[tensor] if tensor else "" for tensor in proto.input)
        outputs = tuple(scope.prefix + tensor if tensor else "" for tensor in proto.output)
        node = OnnxNode(
            node_id,
            name,
            proto.op_type,
            proto.domain,
            inputs,
            outputs,
            {attribute.name: _attribute(attribute) for attribute in proto.attribute},
        )
        read = [tensor for tensor in inputs if tensor]
        if proto.op_type == "Constant" or (read and self.constants.issuperset(read)):
            self.constants.update(outputs)
        if not is_container(proto, self.functions):
            self.tensors.infer(proto, inputs, outputs, scope.opsets)
            self.nodes.append(node)
            return
        place = len(self.nodes)
        self.nodes.append(node)
        self.nodes[place] = self.expand(self, proto, node, scope)


def is_container(proto: NodeProto, functions: Mapping[tuple[str, str], FunctionProto]) -> bool:
    """Return whether a node has other nodes inside."""
    if (proto.domain, proto.op_type) in functions:
        return True
    return proto.domain in STANDARD_DOMAINS and proto.op_type in ("If", "Loop", "Scan")


def _positions(protos: Sequence[NodeProto], names: Sequence[str], given: set[str]) -> dict[str, int]:
    """Return which node produces a tensor, each once."""
    found: dict[str, int] = {}
    for position, proto in enumerate(protos):
        for tensor in filter(None, proto.output):
            if tensor in given or tensor in found:
                raise InputError(
                    f"tensor {tensor!r} is defined twice",
                    place=Place(field=f"node {names[position]}"),
                    expected="one node, input or initializer per tensor",
                )
            found[tensor] = position
    return found


def _check_order(
    protos: Sequence[NodeProto], names: Sequence[str], positions: Mapping[str, int], scope: Scope
) -> None:
    """Check that every tensor exists before it is used."""
    ordered = True
    for position, proto in enumerate(protos):
        for tensor in filter(None, proto.input):
            if tensor not in scope.names:
                raise InputError(
                    f"tensor {tensor!r} does not exist",
                    place=Place(field=f"node {names[position]}"),
                    expected="the output of a node, a graph input or an initializer",
                )
            ordered &= positions.get(tensor, -1) < position
    if not ordered:
        raise _disorder(protos, names, positions)


def _disorder(protos: Sequence[NodeProto], names: Sequence[str], positions: Mapping[str, int]) -> InputError:
    """Return the error for a node that uses a tensor before it is produced."""
    edges = [
        (positions[tensor], position)
        for position, proto in enumerate(protos)
        for tensor in proto.input
        if tensor in positions
    ]
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
