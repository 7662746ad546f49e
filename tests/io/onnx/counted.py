"""Multiply-accumulate operations as onnx-tool counts them, without element-wise work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
import onnx_tool
import onnx_tool.node
from onnx import helper


@contextmanager
def products_only() -> Iterator[None]:
    """Let onnx-tool count no additions, exponentials and the like, nor the products of gates."""
    names = [name for name in dir(onnx_tool.node) if name.endswith("_MACS")]
    before = {name: getattr(onnx_tool.node, name) for name in names}
    try:
        for name in names:
            setattr(onnx_tool.node, name, 0)
        yield
    finally:
        for name, value in before.items():
            setattr(onnx_tool.node, name, value)


def tool_macs(model: onnx.ModelProto, *, recurrent: bool = False) -> int:
    """Return the operations of all nodes but activations; of a recurrent node only those of its matrix products."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:  # the tool wants values
        if not tensor.raw_data and not tensor.int64_data:
            dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.zeros(tensor.dims, dtype), tensor.name))
    parsed = onnx_tool.Model(copy, {"verbose": False, "constant_folding": False})
    feeds = {
        value.name: np.zeros(
            [dim.dim_value for dim in value.type.tensor_type.shape.dim],
            helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type),
        )
        for value in copy.graph.input
    }
    parsed.graph.shape_infer(feeds)
    if recurrent:
        with products_only():
            parsed.graph.profile()
    else:
        parsed.graph.profile()
    return int(sum(node.macs[0] for node in parsed.graph.nodemap.values() if node.op_type != "Relu"))
