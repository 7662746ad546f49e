"""ONNX networks against ZigZag's own reading of them: live where it is installed, and as recorded from it.

ZigZag exchanges rows and columns of what the attributes of a convolution say: their first entry goes to X. Ours belongs
to the rows, as ONNX says. Layers are compared after that exchange (`as_zigzag`), which changes nothing where both axes
are alike.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import helper

from tests.io.onnx.builders import (
    ModelBuilder,
    alexnet,
    bert_block,
    mobilenetv2,
    resnet18,
    save,
    subgraph,
    vit_block,
)
from zzcp.io.onnx.reader import load_onnx
from zzcp.workload import DimensionRelation, Equation, Layer, Network

GOLDEN = Path(__file__).parents[2] / "golden" / "onnx_zigzag.json"
"""ZigZag's reading of its bundled files; the differential tests write it anew with ZZCP_UPDATE_GOLDEN=1."""

EIGHT = {"W": 8, "I": 8, "O": 16, "O_final": 8}
"""The bits that ZigZag gives to every layer, whatever the types in the file."""

BUNDLED: dict[str, Callable[[], onnx.ModelProto]] = {
    "alexnet": alexnet,
    "mobilenetv2": mobilenetv2,
    "resnet18": resnet18,
}


def line(**parts: Any) -> str:
    return " | ".join(f"{key} {value}" for key, value in parts.items())


def pairs(mapping: Any) -> str:
    return " ".join(f"{key}={value}" for key, value in sorted(mapping.items()))


def as_zigzag(layer: Layer) -> Layer:
    """Return the layer that ZigZag makes of the same node: what its attributes say of X and Y exchanged."""
    relations = {relation.window: relation for relation in layer.relations}
    if not relations.keys() >= {"IX", "IY"}:
        return layer
    x, y = relations["IX"], relations["IY"]
    padding = {"IX": layer.padding.get("IY", (0, 0)), "IY": layer.padding.get("IX", (0, 0))}
    return replace(
        layer,
        sizes=layer.sizes | {"FX": layer.sizes["FY"], "FY": layer.sizes["FX"]},
        relations=(
            replace(x, stride=y.stride, dilation=y.dilation),
            replace(y, stride=x.stride, dilation=x.dilation),
        ),
        padding=padding,
    )


def describe_layer(layer: Layer) -> str:
    layer = as_zigzag(layer)
    return line(
        layer=f"{layer.id} {layer.operator} {layer.name}",
        equation=layer.equation,
        sizes=" ".join(f"{dim}={size}" for dim, size in layer.sizes.items()),
        relations=" ".join(map(str, layer.relations)),
        windows=pairs(layer.window_sizes),
        padding=pairs(layer.padding),
        bits=pairs(layer.precision),
        sources=pairs(layer.sources),
    )


def describe(network: Network) -> dict[str, Any]:
    """Return what is compared: every node, and the edges."""
    nodes = {layer.id: describe_layer(layer) for layer in network}
    nodes |= {node.id: f"{node.id} {node.operator.lower()} {node.name}" for node in network.skipped}
    return {"nodes": [nodes[i] for i in sorted(nodes)], "edges": edge_text(set(network.edges))}


def edge_text(edges: set[tuple[int, int]]) -> str:
    return " ".join(f"{source}>{target}" for source, target in sorted(edges))


def describe_zigzag(model: onnx.ModelProto | str) -> dict[str, Any]:
    """Return the same from ZigZag's parser."""
    import zigzag  # noqa: PLC0415
    from zigzag.parser.onnx.onnx_model_parser import ONNXModelParser  # noqa: PLC0415

    logging.getLogger("zigzag").setLevel(logging.ERROR)
    mapping = Path(zigzag.__path__[0]) / "inputs" / "mapping" / "default.yaml"
    workload = ONNXModelParser(model, str(mapping)).run()
    nodes = {}
    for node in workload.nodes:
        if not hasattr(node, "layer_dim_sizes"):
            nodes[node.id] = f"{node.id} {node.type} {node.name}"
            continue
        constants = {str(operand) for operand in node.constant_operands}
        sources = {str(operand): source for operand, source in node.input_operand_source.items()}
        assert constants | set(sources) == {"W", "I"}
        nodes[node.id] = line(
            layer=f"{node.id} {node.type} {node.name}",
            equation=Equation.parse(node.equation.data),
            sizes=" ".join(f"{dim}={size}" for dim, size in node.layer_dim_sizes.items()),
            relations=" ".join(str(DimensionRelation.parse(rel.data)) for rel in node.dimension_relations),
            windows=pairs({str(dim): size for dim, size in node.pr_layer_dim_sizes.items()}),
            padding=pairs({str(dim): pad for dim, pad in node.padding.data.items() if any(pad)}),
            bits=pairs({str(operand): bits for operand, bits in node.operand_precision.data.items()}),
            sources=pairs(sources),
        )
    edges = {(source.id, target.id) for source, target in workload.edges}
    return {"nodes": [nodes[i] for i in sorted(nodes)], "edges": edge_text(edges)}


# ---- the bundled files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUNDLED)
def test_networks_equal_what_zigzag_reads_from_its_files(name: str, tmp_path: Path) -> None:
    network = load_onnx(save(BUNDLED[name](), tmp_path, f"{name}.onnx"), precision=EIGHT)
    assert network.name == name
    assert describe(network) == json.loads(GOLDEN.read_text())[name]
    assert all(node.reason for node in network.skipped)


@pytest.mark.differential
def test_bundled_files_equal_zigzag() -> None:
    import zigzag  # noqa: PLC0415

    folder = Path(zigzag.__path__[0]) / "inputs" / "workload"
    files = {path.stem: path for path in sorted(folder.glob("*.onnx"))}
    assert set(files) == set(BUNDLED)
    expected = {name: describe_zigzag(str(path)) for name, path in files.items()}
    if os.environ.get("ZZCP_UPDATE_GOLDEN"):
        GOLDEN.write_text(json.dumps(expected, indent=1) + "\n")
    assert {name: describe(load_onnx(path, precision=EIGHT)) for name, path in files.items()} == expected
    assert json.loads(GOLDEN.read_text()) == expected


# ---- models of our own ----------------------------------------------------------------------------------------


def conv(**attributes: Any) -> onnx.ModelProto:
    """Return two convolutions on a 12 x 16 image, the second one with an activation in between."""
    net = ModelBuilder()
    group = attributes.pop("group", 1)
    kernel = attributes.pop("kernel_shape", [3, 3])
    bits = {"act_size": 8} if any(name.endswith("_size") for name in attributes) else {}
    tensor = net.node("Conv", net.input(2, 4, 12, 16), net.weight(8, 4, 1, 1), kernel_shape=[1, 1], **bits)
    tensor = net.node("Relu", tensor)
    weights = net.weight(16, 8 // group, *kernel)
    net.node("Conv", tensor, weights, kernel_shape=kernel, group=group, **attributes)
    return net.build()


def product(
    *shapes: tuple[int, ...], operator: str = "MatMul", variable: bool = False, **attributes: Any
) -> onnx.ModelProto:
    """Return a product of an activation with constant weights, or of two activations."""
    net = ModelBuilder()
    left = net.node("Relu", net.input(*shapes[0]))
    right = net.node("Relu", net.input(*shapes[1])) if variable else net.weight(*shapes[1])
    net.node(operator, left, right, **attributes)
    return net.build()


def quantized_conv() -> onnx.ModelProto:
    net = ModelBuilder()
    image = net.input(1, 4, 8, 8, dtype=onnx.TensorProto.UINT8)
    scales = [net.weight(), net.weight(dtype=onnx.TensorProto.UINT8)]
    weights = net.weight(8, 4, 3, 3, dtype=onnx.TensorProto.UINT8)
    net.node("QLinearConv", image, *scales, weights, *scales, *scales, kernel_shape=[3, 3])
    return net.build(dtype=onnx.TensorProto.UINT8)


def gather_and_concat() -> onnx.ModelProto:
    """Return nodes with none, one, two equal and three predecessors."""
    net = ModelBuilder()
    tensor = net.node("Relu", net.input(1, 4, 8, 8))
    other = net.node("Sigmoid", tensor)
    third = net.node("Concat", tensor, tensor, other, axis=1)
    net.node("Concat", other, tensor, third, axis=1)
    return net.build()


def branches() -> onnx.ModelProto:
    """Return an If whose longer branch holds a convolution, in the one form that ZigZag can unroll."""
    net = ModelBuilder()
    net.input(name="condition", dtype=onnx.TensorProto.BOOL)
    outer = net.node("Conv", net.input(1, 4, 8, 8), net.weight(4, 4, 1, 1), kernel_shape=[1, 1])
    weights = net.weight(6, 4, 3, 3)
    short = [helper.make_node("Identity", [outer], ["a"])]
    long = [
        helper.make_node("Relu", [outer], ["b"]),
        helper.make_node("Conv", ["b", weights], ["c"], "inner", kernel_shape=[3, 3]),
    ]
    chosen = net.node("If", "condition", then_branch=subgraph(short), else_branch=subgraph(long))
    net.node("Relu", chosen)
    model = net.build()
    model.graph.output.append(helper.make_tensor_value_info(outer, onnx.TensorProto.FLOAT, [1, 4, 8, 8]))
    model.graph.value_info.append(model.graph.output[-1])
    return model


MODELS: dict[str, Callable[[], onnx.ModelProto]] = {
    "conv": conv,
    "conv strided and padded": lambda: conv(strides=[2, 3], pads=[1, 0, 2, 1]),
    "conv dilated": lambda: conv(dilations=[2, 3], pads=[2, 3, 2, 3]),
    "conv grouped": lambda: conv(group=4),
    "conv depthwise with two filters a channel": lambda: conv(group=8, pads=[1, 1, 1, 1]),
    "conv with an oblong filter": lambda: conv(kernel_shape=[1, 5], strides=[1, 2]),
    "conv with precisions": lambda: conv(weight_size=4, act_size=6, output_size=20),
    "conv with activation precision": lambda: conv(act_size=4),
    "quantized conv": quantized_conv,
    "gemm": lambda: product((5, 6), (6, 7), operator="Gemm"),
    "gemm transposed": lambda: product((6, 5), (7, 6), operator="Gemm", transA=1, transB=1),
    "gemm of activations": lambda: product((5, 6), (6, 7), operator="Gemm", variable=True, weight_size=4, act_size=6),
    "matmul": lambda: product((5, 6), (6, 7), weight_size=4),
    "matmul with batch": lambda: product((3, 5, 6), (6, 7)),
    "matmul with batch and heads": lambda: product((3, 2, 5, 6), (6, 7)),
    "matmul of activations": lambda: product((5, 6), (6, 7), variable=True),
    "matmul of batches": lambda: product((3, 5, 6), (3, 6, 7), variable=True, output_size=32),
    "matmul of heads": lambda: product((3, 2, 5, 6), (3, 2, 6, 7), variable=True, act_size=4),
    "matmul of heads, batch 1": lambda: product((1, 2, 5, 6), (1, 2, 6, 7), variable=True),
    "several inputs": gather_and_concat,
    "branches": branches,
    "vision transformer": vit_block,
    "BERT": lambda: bert_block(1, 8),
}  # fmt: skip


@pytest.mark.differential
@pytest.mark.parametrize("name", MODELS)
def test_models_equal_zigzag(name: str, tmp_path: Path) -> None:
    model = MODELS[name]()
    stated = any(
        attribute.name.endswith("_size") for node in model.graph.node for attribute in node.attribute
    )
    network = load_onnx(save(model, tmp_path), precision="file" if stated else EIGHT)
    ours, theirs = (
        describe(network),
        describe_zigzag(onnx.shape_inference.infer_shapes(model, data_prop=True)),
    )
    if name == "branches":  # ZigZag loses the way from a branch to what reads its result
        assert (ours.pop("edges"), theirs.pop("edges")) == ("0>3 3>4 4>2", "0>3 1>2 3>4")
    assert ours == theirs
