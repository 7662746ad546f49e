"""The graph of an ONNX model with everything that is inside of nodes laid out flat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zzcp.errors import InputError, Place
from zzcp.io.onnx.control import expand
from zzcp.io.onnx.graph import UNKNOWN, OnnxGraph, Shape
from zzcp.io.onnx.scope import Scope, check_functions, versions
from zzcp.io.onnx.walk import MAX_EXPANDED, Walk
from zzcp.workload.checks import MAX_LOOP

if TYPE_CHECKING:
    from onnx import ModelProto, TypeProto


def read_graph(
    model: ModelProto, open_dimensions: tuple[str, ...] = (), values: Mapping[str, int] | None = None
) -> OnnxGraph:
    """Return the graph of a model, flat.

    Functions that the file defines are expanded. Of an ``If`` the branch that its condition chooses is read, or the
    longer one, as ZigZag does, where the condition depends on the graph's inputs. The body of a ``Loop`` or ``Scan`` is
    read once for each iteration. The nodes themselves stay, without work of their own; what is inside of them has ids
    after those of the graph around it.

    Parameters
    ----------
    model : ModelProto
        The model.
    open_dimensions : tuple of str
        Sizes of its inputs that are not known.
    values : mapping of str to int, optional
        Values of inputs.

    Raises
    ------
    InputError
        If a tensor is produced twice or by no one, the nodes are out of order or form a cycle, or a shape is
        absurd.
    """
    functions = {(function.domain, function.name): function for function in model.functions}
    check_functions(functions, MAX_EXPANDED)
    walk = Walk(functions, expand)
    for value in model.graph.input:
        if values and value.name in values:
            walk.tensors.fill(value.name, value.type, values[value.name])
    walk.graph(model.graph, Scope(versions(model.opset_import)))
    shapes: dict[str, Shape] = {}
    types: dict[str, int] = {}
    for name, declared in walk.tensors.types.items():
        shape = declared_shape(declared)
        if shape is not None:
            check_shape(name, shape)
            shapes[name] = shape
        if declared.tensor_type.elem_type:
            types[name] = declared.tensor_type.elem_type
    walk.constants.discard("")
    return OnnxGraph(
        tuple(walk.nodes), shapes, types, walk.producers, frozenset(walk.constants), open_dimensions
    )


def declared_shape(declared: TypeProto) -> Shape | None:
    """Return the shape that a type states, or None where it states no rank."""
    if not declared.HasField("tensor_type") or not declared.tensor_type.HasField("shape"):
        return None
    return tuple(
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or UNKNOWN
        for dim in declared.tensor_type.shape.dim
    )


def check_shape(name: str, shape: Shape) -> None:
    """Check that the sizes of a tensor are in range.

    Raises
    ------
    InputError
        If they are not.
    """
    if any(isinstance(size, int) and not 0 <= size <= MAX_LOOP for size in shape):
        raise InputError(
            "size out of range",
            place=Place(field=f"tensor {name}"),
            expected=f"0 to {MAX_LOOP}",
            found=f"shape {list(shape)}",
        )
