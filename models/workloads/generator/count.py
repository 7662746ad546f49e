"""Counting what a model contains: multiply-accumulate operations and parameters, from the shapes in the file."""

from __future__ import annotations

import math

from onnx import ModelProto, NodeProto

PRODUCTS = ("Conv", "Gemm", "MatMul")
"""The operators whose multiply-accumulate operations are counted, as in the published figures."""


def shapes(model: ModelProto) -> dict[str, list[int]]:
    """Return the shape of every tensor that the file declares."""
    graph = model.graph
    declared = (*graph.input, *graph.output, *graph.value_info)
    return {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in declared}


def macs(model: ModelProto) -> int:
    """Return the multiply-accumulate operations of all convolutions and matrix products."""
    known = shapes(model)
    return sum(_node_macs(node, known) for node in model.graph.node if node.op_type in PRODUCTS)


def _node_macs(node: NodeProto, known: dict[str, list[int]]) -> int:
    results = math.prod(known[node.output[0]])
    if node.op_type == "Conv":
        return results * math.prod(known[node.input[1]][1:])
    return results * known[node.input[0]][-1]


def parameters(model: ModelProto) -> int:
    """Return the number of trained parameters: the inputs of the graph that are named as such."""
    known = shapes(model)
    names = [value.name for value in model.graph.input]
    trained = [
        name for name in names if name.endswith((".weight", ".bias")) or name.startswith("embeddings.")
    ]
    return sum(math.prod(known[name]) for name in trained)
