"""Small ONNX models for tests. Weights have shapes and no values; shapes of other tensors are left to infer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
from hypothesis import reject
from onnx import TensorProto, helper

from zzcp.errors import InputError


class ModelBuilder:
    """A model that grows node by node; every method returns the name of the tensor it adds."""

    def __init__(self, opset: int = 17) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.initializers: list[TensorProto] = []
        self.value_info: list[onnx.ValueInfoProto] = []
        self.opset = opset

    def input(self, *shape: int | str | None, name: str = "", dtype: int = TensorProto.FLOAT) -> str:
        name = name or f"input{len(self.inputs)}"
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def weight(self, *dims: int, name: str = "", dtype: int = TensorProto.FLOAT) -> str:
        name = name or f"weight{len(self.initializers)}"
        self.initializers.append(TensorProto(name=name, dims=dims, data_type=dtype))
        return name

    def values(self, *values: int) -> str:
        """Add an integer vector with its values, e.g. the target of a Reshape."""
        name = f"weight{len(self.initializers)}"
        self.initializers.append(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
        return name

    def node(self, operator: str, *inputs: str, name: str = "", outputs: int = 1, **attributes: Any) -> str:
        names = [f"t{len(self.nodes)}" + f"_{i}" * (i > 0) for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, name, **attributes))
        return names[0]

    def constant(self, *dims: int, name: str = "") -> str:
        """Add a Constant node."""
        zeros = bytes(4 * onnx.numpy_helper.np.prod(dims, dtype=int))
        return self.node("Constant", name=name, value=helper.make_tensor("", 1, dims, zeros, raw=True))

    def linear(self, tensor: str, c: int, k: int, name: str = "") -> str:
        """Add a MatMul with constant weights and the addition of a bias."""
        product = self.node("MatMul", tensor, self.weight(c, k), name=name)
        return self.node("Add", product, self.weight(k))

    def build(
        self,
        output: str = "",
        shape: Sequence[int | str | None] | None = None,
        dtype: int = TensorProto.FLOAT,
    ) -> onnx.ModelProto:
        """Return the model; `output` is the last node's where not given."""
        output = output or self.nodes[-1].output[0]
        graph = helper.make_graph(
            self.nodes,
            "test",
            self.inputs,
            [helper.make_tensor_value_info(output, dtype, shape)],
            self.initializers,
            value_info=self.value_info,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])

    def save(self, folder: Path, output: str = "", name: str = "model.onnx") -> Path:
        """Write the model into a folder."""
        return save(self.build(output), folder, name)


def save(model: onnx.ModelProto, folder: Path, name: str = "model.onnx") -> Path:
    """Write a model into a folder."""
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return path


def subgraph(nodes: Sequence[onnx.NodeProto], name: str = "branch") -> onnx.GraphProto:
    """Return the body of an If or Loop: no inputs, the last node's output."""
    output = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
    return helper.make_graph(nodes, name, [], [output])


def resnet18() -> onnx.ModelProto:
    """Return the network of ZigZag's resnet18.onnx: same nodes, names and order."""
    net = ModelBuilder(14)

    def conv(tensor: str, name: str, c: int, k: int, size: int, stride: int, relu: str = "") -> str:
        tensor = net.node(
            "Conv",
            tensor,
            net.weight(k, c, size, size),
            net.weight(k),
            name=f"{name}/Conv",
            kernel_shape=[size] * 2,
            strides=[stride] * 2,
            pads=[size // 2] * 4,
            group=1,
        )
        return net.node("Relu", tensor, name=relu) if relu else tensor

    tensor = conv(net.input(1, 3, 224, 224), "/conv1", 3, 64, 7, 2, "/relu/Relu")
    tensor = net.node(
        "MaxPool", tensor, name="/maxpool/MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4
    )
    c = 64
    for stage, k in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            name, stride = f"/layer{stage}/layer{stage}.{block}", 2 if stage > 1 and not block else 1
            inner = conv(tensor, f"{name}/conv1", c, k, 3, stride, f"{name}/relu/Relu")
            inner = conv(inner, f"{name}/conv2", k, k, 3, 1)
            if stride > 1:
                tensor = conv(tensor, f"{name}/downsample/downsample.0", c, k, 1, 2)
            tensor, c = net.node("Add", inner, tensor, name=f"{name}/Add"), k
            tensor = net.node("Relu", tensor, name=f"{name}/relu_1/Relu")
    tensor = net.node("GlobalAveragePool", tensor, name="/avgpool/GlobalAveragePool")
    tensor = net.node("Flatten", tensor, name="/Flatten")
    net.node("Gemm", tensor, net.weight(1000, c), net.weight(1000), name="/fc/Gemm", transB=1)
    return net.build()


def mobilenetv2() -> onnx.ModelProto:
    """Return the network of ZigZag's mobilenetv2.onnx: same nodes, names and order."""
    net = ModelBuilder(14)

    def conv(
        tensor: str, name: str, c: int, k: int, size: int = 1, *, stride: int = 1, group: int = 1
    ) -> str:
        weights, pads = net.weight(k, c // group, size, size), [size // 2] * 4
        return net.node(
            "Conv", tensor, weights, net.weight(k), name=f"{name}/Conv",
            kernel_shape=[size] * 2, strides=[stride] * 2, pads=pads, group=group,
        )  # fmt: skip

    def clip(tensor: str, name: str) -> str:
        low = net.constant(name=f"{name}/Constant")
        high = net.constant(name=f"{name}/Constant_1")
        return net.node("Clip", tensor, low, high, name=f"{name}/Clip")

    stem = "/features/features.0/features.0"
    tensor = clip(conv(net.input(1, 3, 224, 224), f"{stem}.0", 3, 32, 3, stride=2), f"{stem}.2")
    c, number = 32, 0
    blocks = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    for expansion, k, count, first_stride in blocks:
        for repeat in range(count):
            number += 1
            name, stride, wide = (
                f"/features/features.{number}",
                first_stride if not repeat else 1,
                c * expansion,
            )
            inner, part = tensor, 0
            if expansion > 1:
                inner = clip(
                    conv(inner, f"{name}/conv/conv.0/conv.0.0", c, wide), f"{name}/conv/conv.0/conv.0.2"
                )
                part = 1
            depth = f"{name}/conv/conv.{part}/conv.{part}"
            inner = conv(inner, f"{depth}.0", wide, wide, 3, stride=stride, group=wide)
            inner = conv(clip(inner, f"{depth}.2"), f"{name}/conv/conv.{part + 1}", wide, k)
            tensor = net.node("Add", tensor, inner, name=f"{name}/Add") if stride == 1 and c == k else inner
            c = k
    head = "/features/features.18/features.18"
    tensor = clip(conv(tensor, f"{head}.0", c, 1280), f"{head}.2")
    tensor = net.node("GlobalAveragePool", tensor, name="/GlobalAveragePool")
    tensor = net.node("Flatten", tensor, name="/Flatten")
    name = "/classifier/classifier.1/Gemm"
    net.node("Gemm", tensor, net.weight(1000, 1280), net.weight(1000), name=name, transB=1)
    return net.build()


def alexnet() -> onnx.ModelProto:
    """Return the network of ZigZag's alexnet.onnx: two towers, nodes without names."""
    net = ModelBuilder(12)
    tensor = net.input(1, 3, 224, 224)
    # input channels of a tower, output channels, filter, stride, padding, towers, what follows
    for c, k, size, stride, pad, group, tail in (
        (3, 96, 11, 4, 0, 1, "LRN MaxPool"),
        (48, 256, 5, 1, 2, 2, "LRN MaxPool"),
        (256, 384, 3, 1, 1, 1, ""),
        (192, 384, 3, 1, 1, 2, ""),
        (192, 256, 3, 1, 1, 2, "MaxPool"),
    ):
        weights, shape = net.weight(k, c, size, size), [size] * 2
        tensor = net.node(
            "Conv",
            tensor,
            weights,
            net.weight(k),
            kernel_shape=shape,
            strides=[stride] * 2,
            pads=[pad] * 4,
            group=group,
        )
        tensor = net.node("Relu", tensor)
        if "LRN" in tail:
            tensor = net.node("LRN", tensor, size=5)
        if "MaxPool" in tail:
            pads = [0, 0, 0, 0] if "LRN" in tail else [0, 0, 1, 1]
            tensor = net.node("MaxPool", tensor, kernel_shape=[3, 3], strides=[2, 2], pads=pads)
    tensor = net.node("Reshape", tensor, net.values(1, 9216))
    for c, k in ((9216, 4096), (4096, 4096), (4096, 1000)):
        tensor = net.node("Gemm", tensor, net.weight(k, c), net.weight(k), transB=1)
        if k == 1000:
            net.node("Softmax", tensor)
        else:
            tensor = net.node("Relu", tensor)
            tensor = net.node("Dropout", tensor, net.weight(), outputs=2)
    return net.build()


def attention(net: ModelBuilder, tensor: str, tokens: int, width: int, heads: int) -> str:
    """Add multi-head attention as PyTorch exports it: projections, Q K^T, softmax, times V, projection."""
    depth = width // heads

    def split(name: str, order: Sequence[int]) -> str:
        part = net.linear(tensor, width, width, name=name)
        part = net.node("Reshape", part, net.values(0, tokens, heads, depth))
        return net.node("Transpose", part, perm=order)

    query, key, value = split("query", (0, 2, 1, 3)), split("key", (0, 2, 3, 1)), split("value", (0, 2, 1, 3))
    scores = net.node("Softmax", net.node("MatMul", query, key, name="scores"))
    mixed = net.node("MatMul", scores, value, name="mixed")
    mixed = net.node("Transpose", mixed, perm=(0, 2, 1, 3))
    mixed = net.node("Reshape", mixed, net.values(0, tokens, width))
    return net.node("Add", net.linear(mixed, width, width, name="projection"), tensor)


def feed_forward(net: ModelBuilder, tensor: str, width: int, hidden: int) -> str:
    """Add a layer normalisation and the two matrix products of a transformer block, with exported GELU."""
    tensor = net.node("LayerNormalization", tensor, net.weight(width), net.weight(width))
    inner = net.linear(tensor, width, hidden, name="up")
    gate = net.node("Erf", net.node("Div", inner, net.weight()))
    inner = net.node("Mul", inner, net.node("Add", gate, net.weight()))
    return net.node("Add", net.linear(inner, hidden, width, name="down"), tensor)


def vit_block() -> onnx.ModelProto:
    """Return patch embedding and one block of a small vision transformer (batch 1, 4x4 patches, 2 heads)."""
    net = ModelBuilder()
    image = net.input(1, 3, 16, 16)
    patches = net.node(
        "Conv", image, net.weight(32, 3, 4, 4), kernel_shape=[4, 4], strides=[4, 4], name="patch"
    )
    tokens = net.node("Transpose", net.node("Reshape", patches, net.values(0, 32, -1)), perm=(0, 2, 1))
    tokens = net.node("Concat", net.weight(1, 1, 32), tokens, axis=1)
    tokens = attention(net, tokens, 17, 32, 2)
    feed_forward(net, tokens, 32, 64)
    return net.build()


def bert_block(batch: int | str = "batch", sequence: int | str = "sequence") -> onnx.ModelProto:
    """Return embedding, one encoder block and the pooler of a small BERT (8 tokens once the sizes are known)."""
    net = ModelBuilder()
    ids = net.input(batch, sequence, name="input_ids", dtype=TensorProto.INT64)
    tokens = net.node("Gather", net.weight(100, 32), ids)
    tokens = attention(net, tokens, 8, 32, 4)
    tokens = feed_forward(net, tokens, 32, 128)
    index = helper.make_tensor("", TensorProto.INT64, [], [0])
    first = net.node("Gather", tokens, net.node("Constant", value=index), axis=1)
    net.node("Tanh", net.node("Gemm", first, net.weight(32, 32), net.weight(32), transB=1, name="pooler"))
    return net.build()


@contextmanager
def reject_where_only_padding_is_read() -> Iterator[None]:
    """Leave out layers none of whose windows holds anything but padding: they are refused, with one message."""
    try:
        yield
    except InputError as error:
        if "has no elements left after padding" not in str(error):
            raise
        reject()
