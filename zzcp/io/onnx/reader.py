"""ONNX files as networks.

What becomes a layer, and with which loops, is what ``zigzag.parser.onnx`` of zigzag-dse 3.9.1 makes of the file:
``Conv``, ``QLinearConv``, ``Gemm`` and ``MatMul`` are layers whose id is their position in the file, everything
else stays in the graph as a skipped node. In addition ``ConvInteger``, ``MatMulInteger`` and ``QLinearMatMul``
are layers, and missing shapes are inferred.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from zzcp.errors import InputError
from zzcp.io.onnx.conv import conv_layer
from zzcp.io.onnx.file import read_model
from zzcp.io.onnx.graph import STANDARD_DOMAINS, OnnxGraph, OnnxNode, read_graph
from zzcp.io.onnx.matmul import gemm_layer, matmul_layer
from zzcp.io.onnx.operands import known
from zzcp.io.onnx.reasons import reason_not_mapped
from zzcp.io.onnx.dimensions import infer_shapes, set_dimensions
from zzcp.workload.layer import Layer
from zzcp.workload.network import Network, SkippedNode


class _Operator(NamedTuple):
    """How an operator becomes a layer, and at which inputs its operands I and W are."""

    layer: Callable[[OnnxNode, OnnxGraph, str, str], Layer | str]
    weights: int = 1
    data: int = 0

    def tensors(self, node: OnnxNode) -> tuple[str, str]:
        return node.input(self.data), node.input(self.weights)


_OPERATORS = {
    "Conv": _Operator(conv_layer),
    "ConvInteger": _Operator(conv_layer),
    "QLinearConv": _Operator(conv_layer, weights=3),
    "Gemm": _Operator(gemm_layer),
    "MatMul": _Operator(matmul_layer),
    "MatMulInteger": _Operator(matmul_layer),
    "QLinearMatMul": _Operator(matmul_layer, weights=3),
}


def load_onnx(path: str | Path, *, dimensions: Mapping[str, int] | None = None) -> Network:
    """Read an ONNX file.

    Weights are never read, so the files with their external data need not exist. Layers have the ids of their
    nodes; all other nodes are in `Network.skipped`, each with a reason. `Network.edges` is ZigZag's workload
    graph: what layers read (biases included), and the first two inputs of skipped nodes.

    Parameters
    ----------
    path : str or Path
        A binary ONNX file.
    dimensions : mapping of str to int, optional
        Sizes for the open dimensions of the model's inputs, by symbol (``{"sequence": 128}``) or by place
        (``{"input_ids[1]": 128}``). An open first dimension that is not given is a batch of 1.

    Raises
    ------
    InputError
        If the file cannot be read, is no valid model, refers to data outside its folder, or leaves sizes open
        that a layer depends on.
    """
    path = Path(path)
    try:
        model = read_model(path)
        open_dimensions = set_dimensions(model, dimensions or {})
        graph = read_graph(model, open_dimensions)
        if not all(_has_shapes(node, graph) for node in graph.nodes):
            graph = read_graph(infer_shapes(model), open_dimensions)
        return _network(path.stem, graph)
    except InputError as error:
        raise error.at(file=path) from error.__cause__


def _operator(node: OnnxNode) -> _Operator | None:
    return _OPERATORS.get(node.operator) if node.domain in STANDARD_DOMAINS else None


def _has_shapes(node: OnnxNode, graph: OnnxGraph) -> bool:
    operator = _operator(node)
    if operator is None:
        return True
    shapes = [graph.shapes.get(tensor) for tensor in (*operator.tensors(node), node.output())]
    return all(shape is not None and known(*shape) is not None for shape in shapes)


def _network(name: str, graph: OnnxGraph) -> Network:
    layers: list[Layer] = []
    skipped: list[SkippedNode] = []
    edges: list[tuple[int, int]] = []
    for node in graph.nodes:
        operator = _operator(node)
        result: Layer | str
        if operator is None:
            result = reason_not_mapped(node, graph)
        else:
            data, weights = operator.tensors(node)
            result = operator.layer(node, graph, data, weights)
        if isinstance(result, Layer):
            layers.append(result)
            sources = graph.predecessors(node)
        else:
            skipped.append(SkippedNode(node.id, node.name, node.operator, result))
            sources = graph.predecessors(node)[:2]
        edges += [(source, node.id) for source in dict.fromkeys(sources)]
    return Network(name, tuple(layers), tuple(skipped), tuple(edges))
