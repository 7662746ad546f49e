"""What is inside a node: functions of the file, branches of an ``If``, bodies of a ``Loop`` or ``Scan``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zzcp.io.onnx.graph import OnnxNode
from zzcp.io.onnx.scope import Scope
from zzcp.io.onnx.walk import MAX_EXPANDED, Walk

if TYPE_CHECKING:
    from onnx import FunctionProto, GraphProto, NodeProto, TypeProto

MAX_OPEN = 256
"""Most iterations that are read of a loop that states no number of them."""


def expand(walk: Walk, proto: NodeProto, node: OnnxNode, scope: Scope) -> OnnxNode:
    """Read what is inside a node, and return the node with a note about it."""
    function = walk.functions.get((proto.domain, proto.op_type))
    if function is not None:
        return _function(walk, proto, node, scope, function)
    if proto.op_type == "If":
        return _branch(walk, proto, node, scope)
    if proto.op_type == "Loop":
        return _loop(walk, proto, node, scope)
    return _scan(walk, proto, node, scope)


def _function(
    walk: Walk, proto: NodeProto, node: OnnxNode, scope: Scope, function: FunctionProto
) -> OnnxNode:
    inner = scope.function(function, proto, f"{scope.prefix}{node.name}[{node.id}]/", f"{node.name}/")
    for position, name in enumerate(function.input):
        given = node.inputs[position] if position < len(node.inputs) else ""
        inner.names[name] = given or _absent(inner, name)
    for value in function.value_info:
        walk.tensors.declare(inner.prefix + value.name, value.type)
    walk.block(function.node, inner, set(function.input))
    for outer, name in zip(proto.output, function.output, strict=False):
        if outer and name in inner.names:
            _alias(walk, scope, outer, inner.names[name])
    return replace(node, note="function of the file: what is in it is read")


def _absent(scope: Scope, name: str) -> str:
    """Return a full name for an argument that the caller leaves out."""
    return scope.prefix + name


def _alias(walk: Walk, scope: Scope, outer: str, full: str) -> None:
    """Let the output of a node stand for a tensor inside of it."""
    walk.tensors.alias(scope.prefix + outer, full)
    scope.names[outer] = full


def _branch(walk: Walk, proto: NodeProto, node: OnnxNode, scope: Scope) -> OnnxNode:
    branches = [attribute for attribute in proto.attribute if attribute.HasField("g")]
    if not branches:
        return replace(node, note="without branches")
    value = walk.tensors.value(node.inputs[0]) if node.inputs and node.inputs[0] else None
    wanted = None
    if value is not None and value.size == 1:
        wanted = "then_branch" if bool(value.reshape(())) else "else_branch"
    chosen = next((branch for branch in branches if branch.name == wanted), None)
    if chosen is None:
        chosen = max(branches, key=lambda branch: len(branch.g.node))
        why = "its longer branch"
    else:
        why = "the branch that its condition chooses"
    inner = scope.inner(f"{scope.prefix}{node.name}[{node.id}]/")
    walk.graph(chosen.g, inner)
    for outer, result in zip(proto.output, chosen.g.output, strict=False):
        if outer and result.name in inner.names:
            _alias(walk, scope, outer, inner.names[result.name])
    nodes = len(chosen.g.node)
    return replace(node, note=f"{why} ({chosen.name}, {nodes} nodes) is read, the other left out")


def _body(proto: NodeProto) -> GraphProto | None:
    return next((attribute.g for attribute in proto.attribute if attribute.name == "body"), None)


def _loop(walk: Walk, proto: NodeProto, node: OnnxNode, scope: Scope) -> OnnxNode:
    body = _body(proto)
    if body is None or len(body.input) != len(proto.input) or len(body.output) < len(proto.input) - 1:
        return replace(node, note="its body does not fit it and is not read", complete=False)
    limit = _scalar(walk, node.inputs[0]) if node.inputs[0] else None
    condition = _scalar(walk, node.inputs[1]) if node.inputs[1] else 1
    carried = list(node.inputs[2:])
    state = _State(walk, proto, node, scope, body)
    while (limit is None or state.done < limit) and condition != 0:
        if not state.fits(limit):
            return _partly(
                state, carried, f"of {limit or 'an unknown number of'} iterations {state.done:,} are read"
            )
        inner = state.enter()
        _bind(walk, inner, body, 0, np.array(state.done, dtype=np.int64))
        _bind(walk, inner, body, 1, np.array(True))
        for value, full in zip(body.input[2:], carried, strict=True):
            inner.names[value.name] = full
        walk.graph(body, inner)
        results = [inner.names.get(value.name, "") for value in body.output]
        condition = _scalar(walk, results[0])
        carried, scanned = results[1 : len(carried) + 1], results[len(carried) + 1 :]
        state.leave(scanned)
        if condition is None and limit is None:
            return _partly(state, carried, "it ends when data say so: one iteration is read")
    state.finish(carried)
    return replace(node, note=f"its body is read {state.done} times")


def _scan(walk: Walk, proto: NodeProto, node: OnnxNode, scope: Scope) -> OnnxNode:
    body = _body(proto)
    attributes = {attribute.name: attribute for attribute in proto.attribute}
    scans = attributes["num_scan_inputs"].i if "num_scan_inputs" in attributes else 0
    if body is None or len(body.input) != len(proto.input) or not 0 < scans <= len(proto.input):
        return replace(node, note="its body does not fit it and is not read", complete=False)
    states = len(proto.input) - scans
    axes = list(attributes["scan_input_axes"].ints) if "scan_input_axes" in attributes else [0] * scans
    shapes = [walk.tensors.shape(name) for name in node.inputs[states:]]
    if shapes[0] is None or len(axes) != scans or not -len(shapes[0]) <= axes[0] < len(shapes[0]):
        return replace(node, note="over a tensor of unknown shape: its body is not read", complete=False)
    limit = shapes[0][axes[0]]
    carried = list(node.inputs[:states])
    state = _State(walk, proto, node, scope, body)
    while state.done < limit:
        if not state.fits(limit):
            return _partly(state, carried, f"of {limit} iterations {state.done:,} are read")
        inner = state.enter()
        for value, full in zip(body.input, carried, strict=False):
            inner.names[value.name] = full
        for value, full, shape, axis in zip(
            body.input[states:], node.inputs[states:], shapes, axes, strict=True
        ):
            if shape is not None and -len(shape) <= axis < len(shape):
                rest = list(shape)
                del rest[axis]
                element = walk.tensors.types[full].tensor_type.elem_type
                walk.tensors.types[inner.prefix + value.name] = walk.tensors.typed(element, rest)
        walk.graph(body, inner)
        results = [inner.names.get(value.name, "") for value in body.output]
        carried = results[:states]
        state.leave(results[states:])
    state.finish(carried)
    return replace(node, note=f"its body is read {state.done} times")


class _State:
    """How far the iterations of a node have come."""

    def __init__(self, walk: Walk, proto: NodeProto, node: OnnxNode, scope: Scope, body: GraphProto) -> None:
        self.walk, self.proto, self.node, self.scope, self.body = walk, proto, node, scope, body
        self.done = 0
        self.before = self.size = 0
        self.types: list[TypeProto | None] = []

    def fits(self, limit: int | None) -> bool:
        """Return whether the iterations that remain leave room for the rest of the model."""
        if not self.done:
            return True
        if limit is None and self.done >= MAX_OPEN:
            return False
        left = 1 if limit is None else limit - self.done
        return self.walk.count + left * self.size <= MAX_EXPANDED // 2

    def enter(self) -> Scope:
        """Return the scope of the next iteration."""
        self.before = self.walk.count
        name = self.node.name
        return self.scope.inner(
            f"{self.scope.prefix}{name}[{self.node.id}]@{self.done}/", f"{name}/", f"[{self.done}]"
        )

    def leave(self, scanned: Sequence[str]) -> None:
        """Note the end of an iteration, and what it adds to the stacked outputs."""
        self.size = max(1, self.walk.count - self.before)
        self.types = [self.walk.tensors.types.get(name) for name in scanned]
        self.done += 1

    def finish(self, carried: Sequence[str]) -> None:
        """Let the outputs of the node stand for what the last iteration leaves, and what all of them stack."""
        outputs = list(self.proto.output)
        for outer, full in zip(outputs, carried, strict=False):
            if outer and full:
                _alias(self.walk, self.scope, outer, full)
        for outer, declared in zip(outputs[len(carried) :], self.types, strict=False):
            if outer and declared is not None and declared.tensor_type.HasField("shape"):
                dims = declared.tensor_type.shape.dim
                rest = [dim.dim_value if dim.HasField("dim_value") else None for dim in dims]
                stacked = self.walk.tensors.typed(declared.tensor_type.elem_type, [self.done, *rest])
                self.walk.tensors.types[self.scope.prefix + outer] = stacked


def _partly(state: _State, carried: Sequence[str], note: str) -> OnnxNode:
    state.finish(carried)
    return replace(state.node, note=note, complete=False)


def _bind(walk: Walk, scope: Scope, body: GraphProto, position: int, value: np.ndarray[Any, Any]) -> None:
    """Give an input of a body its value."""
    name = body.input[position].name
    walk.tensors.fix(scope.prefix + name, value)
    walk.constants.add(scope.prefix + name)


def _scalar(walk: Walk, name: str) -> int | None:
    """Return a scalar as an integer if it is known."""
    value = walk.tensors.value(name) if name else None
    if value is None or value.size != 1 or value.dtype.kind not in "biu":
        return None
    return int(value.reshape(()))
