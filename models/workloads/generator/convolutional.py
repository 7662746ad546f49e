"""The convolutional networks, as torchvision builds them, with BatchNorm folded into the convolutions.

Node names are torchvision's module names, so that a layer is found again in the PyTorch model.
"""

from __future__ import annotations

from collections.abc import Iterator

from onnx import ModelProto

from generator.graph import Graph

IMAGE = (1, 3, 224, 224)
CLASSES = 1000


def alexnet() -> ModelProto:
    """Return AlexNet in torchvision's variant: one tower, 64 filters in the first layer, no LRN."""
    graph = Graph(
        "alexnet",
        "AlexNet, the one-tower variant of Krizhevsky, 'One weird trick' (arXiv:1404.5997), as in torchvision",
    )
    tensor = graph.input("input", IMAGE)
    # (position in torchvision's `features`, input channels, output channels, filter, stride, padding, pooled)
    layers = (
        (0, 3, 64, 11, 4, 2, True),
        (3, 64, 192, 5, 1, 2, True),
        (6, 192, 384, 3, 1, 1, False),
        (8, 384, 256, 3, 1, 1, False),
        (10, 256, 256, 3, 1, 1, True),
    )
    for index, c, k, filter_size, stride, padding, pooled in layers:
        tensor = graph.conv(tensor, f"features.{index}", c, k, filter_size, stride=stride, padding=padding)
        tensor = graph.node("Relu", [tensor], f"features.{index + 1}")
        if pooled:
            tensor = graph.node(
                "MaxPool", [tensor], f"features.{index + 2}", kernel_shape=[3, 3], strides=[2, 2]
            )
    # torchvision's adaptive pooling to 6x6 does nothing at this image size
    tensor = graph.node("Flatten", [tensor], "flatten", axis=1)
    for index, c, k in ((1, 256 * 6 * 6, 4096), (4, 4096, 4096), (6, 4096, CLASSES)):
        tensor = graph.gemm(tensor, f"classifier.{index}", c, k)
        if k != CLASSES:
            tensor = graph.node("Relu", [tensor], f"classifier.{index + 1}")
    return graph.build({tensor: (1, CLASSES)})


def resnet18() -> ModelProto:
    """Return ResNet-18: two 3x3 convolutions a block."""
    graph = Graph("resnet18", "ResNet-18 (He et al., CVPR 2016, Table 1), as in torchvision")
    return _resnet(graph, (2, 2, 2, 2), bottleneck=False)


def resnet50() -> ModelProto:
    """Return ResNet-50: bottleneck blocks, the stride in the 3x3 convolution (torchvision's 'v1.5')."""
    graph = Graph(
        "resnet50",
        "ResNet-50 (He et al., CVPR 2016, Table 1), as in torchvision: the stride is in the 3x3 convolution",
    )
    return _resnet(graph, (3, 4, 6, 3), bottleneck=True)


def _resnet(graph: Graph, blocks: tuple[int, ...], *, bottleneck: bool) -> ModelProto:
    tensor = graph.conv(graph.input("input", IMAGE), "conv1", 3, 64, 7, stride=2, padding=3)
    tensor = graph.node("Relu", [tensor], "relu")
    tensor = graph.node(
        "MaxPool", [tensor], "maxpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
    )
    channels = 64
    for stage, count in enumerate(blocks):
        width = 64 << stage
        for index in range(count):
            stride = 2 if stage and not index else 1
            name = f"layer{stage + 1}.{index}"
            block = _bottleneck_block if bottleneck else _basic_block
            tensor, channels = block(graph, tensor, name, channels, width, stride)
    tensor = graph.node("GlobalAveragePool", [tensor], "avgpool")
    tensor = graph.node("Flatten", [tensor], "flatten", axis=1)
    tensor = graph.gemm(tensor, "fc", channels, CLASSES)
    return graph.build({tensor: (1, CLASSES)})


def _basic_block(graph: Graph, tensor: str, name: str, c: int, width: int, stride: int) -> tuple[str, int]:
    inner = graph.conv(tensor, f"{name}.conv1", c, width, 3, stride=stride, padding=1)
    inner = graph.node("Relu", [inner], f"{name}.relu1")
    inner = graph.conv(inner, f"{name}.conv2", width, width, 3, padding=1)
    return _join(graph, tensor, inner, name, c, width, stride), width


def _bottleneck_block(
    graph: Graph, tensor: str, name: str, c: int, width: int, stride: int
) -> tuple[str, int]:
    k = 4 * width
    inner = graph.conv(tensor, f"{name}.conv1", c, width, 1)
    inner = graph.node("Relu", [inner], f"{name}.relu1")
    inner = graph.conv(inner, f"{name}.conv2", width, width, 3, stride=stride, padding=1)
    inner = graph.node("Relu", [inner], f"{name}.relu2")
    inner = graph.conv(inner, f"{name}.conv3", width, k, 1)
    return _join(graph, tensor, inner, name, c, k, stride), k


def _join(graph: Graph, tensor: str, inner: str, name: str, c: int, k: int, stride: int) -> str:
    """Add the shortcut, through a 1x1 convolution where the shape changes."""
    if c != k or stride != 1:
        tensor = graph.conv(tensor, f"{name}.downsample.0", c, k, 1, stride=stride)
    total = graph.node("Add", [inner, tensor], f"{name}.add")
    return graph.node("Relu", [total], f"{name}.relu")


def mobilenetv2() -> ModelProto:
    """Return MobileNetV2 of width 1.0."""
    graph = Graph(
        "mobilenetv2", "MobileNetV2 (Sandler et al., CVPR 2018, Table 2), width 1.0, as in torchvision"
    )
    tensor = graph.conv(graph.input("input", IMAGE), "features.0.0", 3, 32, 3, stride=2, padding=1)
    tensor = _relu6(graph, tensor, "features.0.2")
    c = 32
    for index, (expansion, k, stride) in enumerate(_inverted_residuals(), start=1):
        tensor = _inverted_residual(graph, tensor, f"features.{index}", c, k, expansion, stride)
        c = k
    tensor = graph.conv(tensor, "features.18.0", c, 1280, 1)
    tensor = _relu6(graph, tensor, "features.18.2")
    tensor = graph.node("GlobalAveragePool", [tensor], "avgpool")
    tensor = graph.node("Flatten", [tensor], "flatten", axis=1)
    tensor = graph.gemm(tensor, "classifier.1", 1280, CLASSES)
    return graph.build({tensor: (1, CLASSES)})


def _inverted_residuals() -> Iterator[tuple[int, int, int]]:
    """Yield expansion, output channels and stride of every block: Table 2 of the paper, row by row."""
    # (expansion t, output channels c, repetitions n, stride s of the first)
    rows = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    for expansion, k, repetitions, stride in rows:
        yield expansion, k, stride
        for _ in range(repetitions - 1):
            yield expansion, k, 1


def _inverted_residual(
    graph: Graph, tensor: str, name: str, c: int, k: int, expansion: int, stride: int
) -> str:
    hidden, inner, part = c * expansion, tensor, 0
    if expansion != 1:
        inner = graph.conv(inner, f"{name}.conv.0.0", c, hidden, 1)
        inner = _relu6(graph, inner, f"{name}.conv.0.2")
        part = 1
    inner = graph.conv(
        inner, f"{name}.conv.{part}.0", hidden, hidden, 3, stride=stride, padding=1, groups=hidden
    )
    inner = _relu6(graph, inner, f"{name}.conv.{part}.2")
    inner = graph.conv(inner, f"{name}.conv.{part + 1}", hidden, k, 1)
    return graph.node("Add", [tensor, inner], f"{name}.add") if stride == 1 and c == k else inner


def _relu6(graph: Graph, tensor: str, name: str) -> str:
    return graph.node("Clip", [tensor, graph.scalar(0.0), graph.scalar(6.0)], name)
