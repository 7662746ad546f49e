"""Shape inference of whole models, by the onnx package."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from zzcp.io.onnx.tensors import KEPT_ELEMENTS

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto, TypeProto

_DATA_FIELDS = (
    "float_data",
    "int32_data",
    "string_data",
    "int64_data",
    "double_data",
    "uint64_data",
    "raw_data",
)


def infer_shapes(model: ModelProto) -> ModelProto:
    """Return the model with the shapes that the onnx package infers where some are missing.

    Large weights lose their values first. Where the package fails, the model is returned as it is: shapes are then
    found node by node (`zzcp.io.onnx.tensors`). So are those of functions, which the package would expand without
    limit.
    """
    import onnx  # noqa: PLC0415 - an optional dependency

    drop_values(model)
    if _complete(model.graph):
        return model
    # the package refuses nodes of a domain without a version, although it skips what it does not know
    imported = {opset.domain for opset in model.opset_import}
    for domain in {node.domain for node in model.graph.node} - imported:
        model.opset_import.add(domain=domain, version=1 if domain else onnx.defs.onnx_opset_version())
    functions = list(model.functions)
    del model.functions[:]
    try:
        result = onnx.shape_inference.infer_shapes(model, strict_mode=False, data_prop=True)
    except Exception:  # noqa: BLE001 - the package raises several unrelated types, RuntimeError among them
        result = model
    result.functions.extend(functions)
    return result


def _complete(graph: GraphProto) -> bool:
    """Return whether the file states the shape of everything that its nodes compute."""
    known = {value.name for value in (*graph.output, *graph.value_info) if _fixed(value.type)}
    return all(
        name in known or not name
        for node in graph.node
        if node.op_type != "Constant"
        for name in node.output[:1]
    )


def _fixed(declared: TypeProto) -> bool:
    shape = declared.tensor_type.shape
    return declared.tensor_type.HasField("shape") and all(dim.HasField("dim_value") for dim in shape.dim)


def drop_values(model: ModelProto) -> None:
    """Remove the values of large tensors, in place: only shapes and types count."""
    for tensor in _stored(model.graph):
        if math.prod(tensor.dims) > KEPT_ELEMENTS:
            for field in _DATA_FIELDS:
                tensor.ClearField(field)


def _stored(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("g"):
                yield from _stored(attribute.g)
