"""Convolution nodes: attributes, shapes and groups against what ONNX itself says about them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.io.onnx.builders import ModelBuilder, reject_where_only_padding_is_read, save
from tests.io.onnx.counted import tool_macs
from zzcp.errors import InputError
from zzcp.io.onnx.reader import load_onnx
from zzcp.workload import Layer


def read(
    folder: Path,
    image: tuple[int | str | None, ...] = (1, 4, 10, 10),
    weights: tuple[int, ...] = (8, 4, 3, 3),
    *,
    operator: str = "Conv",
    **attributes: Any,
) -> Layer:
    """Return the layer of a model that is one convolution."""
    net = ModelBuilder()
    net.node(operator, net.input(*image), net.weight(*weights), name="conv", **attributes)
    (layer,) = load_onnx(net.save(folder))
    return layer


def sizes(layer: Layer, dims: str) -> list[int]:
    return [layer.sizes[dim] for dim in dims.split()]


def test_filter_is_taken_from_the_weights_where_the_attribute_is_missing(tmp_path: Path) -> None:
    layer = read(tmp_path)
    assert str(layer.equation) == "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]"
    assert layer.sizes == {"B": 1, "K": 8, "G": 1, "OX": 8, "OY": 8, "C": 4, "FX": 3, "FY": 3}
    assert layer.window_sizes == {"IX": 10, "IY": 10}
    assert list(layer.sizes) == ["B", "K", "G", "OX", "OY", "C", "FX", "FY"]
    assert layer.constant_operands == ("W", "I")
    assert (layer.name, layer.operator, layer.id) == ("conv", "Conv", 0)


def test_first_attribute_belongs_to_the_rows(tmp_path: Path) -> None:
    """FX was 3, FY 5, and IX had the padding of the rows, as in ZigZag."""
    layer = read(tmp_path, (1, 4, 10, 20), (8, 4, 3, 5), strides=[1, 2], dilations=[2, 1], pads=[2, 3, 4, 5])
    assert sizes(layer, "OY OX FY FX") == [12, 12, 3, 5]
    assert [str(relation) for relation in layer.relations] == ["ix=2*ox+1*fx", "iy=1*oy+2*fy"]
    assert layer.padding == {"IX": (3, 5), "IY": (2, 4)}
    assert layer.window_sizes == {"IX": 20, "IY": 10}


def test_oblong_filters_of_an_audio_network(tmp_path: Path) -> None:
    """1 x 7, then 7 x 1 on 17 x 33: FX and FY were exchanged."""
    row = read(tmp_path, (1, 16, 17, 33), (20, 16, 1, 7), kernel_shape=[1, 7], pads=[0, 3, 0, 3])
    column = read(tmp_path, (1, 20, 17, 33), (24, 20, 7, 1), kernel_shape=[7, 1], pads=[3, 0, 3, 0])
    assert sizes(row, "OY OX FY FX") == [17, 33, 1, 7]
    assert sizes(column, "OY OX FY FX") == [17, 33, 7, 1]
    assert (row.padding, column.padding) == ({"IX": (3, 3)}, {"IY": (3, 3)})


def test_stride_of_the_rows_reads_the_whole_input(tmp_path: Path) -> None:
    """A stride of [2, 1] on 40 x 100: 17,600 elements were read of 32,000."""
    layer = read(tmp_path, (1, 8, 40, 100), (16, 8, 3, 3), strides=[2, 1], pads=[1] * 4)
    assert sizes(layer, "OY OX") == [20, 100]
    assert layer.tensor_size("I") == 32_000


def test_first_layer_of_keyword_spotting(tmp_path: Path) -> None:
    """49 x 10 features, filter 10 x 4, stride 2: FX was 10, FY 4."""
    layer = read(tmp_path, (1, 1, 49, 10), (64, 1, 10, 4), strides=[2, 2], pads=[4, 1, 5, 1])
    assert sizes(layer, "OY OX FY FX") == [25, 5, 10, 4]
    assert layer.padding == {"IX": (1, 1), "IY": (4, 5)}


def test_rows_and_columns_are_exchanged_with_the_image(tmp_path: Path) -> None:
    """The transposed image with the transposed filter is the same layer with X and Y exchanged."""
    layer = read(tmp_path, (1, 4, 10, 20), (8, 4, 3, 5), strides=[1, 2], dilations=[2, 1], pads=[2, 3, 4, 5])
    turned = read(tmp_path, (1, 4, 20, 10), (8, 4, 5, 3), strides=[2, 1], dilations=[1, 2], pads=[3, 2, 5, 4])
    swap = str.maketrans("XYxy", "YXyx")
    assert turned.sizes == {dim.translate(swap): size for dim, size in layer.sizes.items()}
    assert turned.padding == {dim.translate(swap): pad for dim, pad in layer.padding.items()}
    assert {str(rel) for rel in turned.relations} == {str(rel).translate(swap) for rel in layer.relations}


def test_depthwise(tmp_path: Path) -> None:
    layer = read(tmp_path, (2, 6, 10, 10), (6, 1, 3, 3), group=6, pads=[1] * 4)
    assert sizes(layer, "B K G OX OY C FX FY") == [2, 1, 6, 10, 10, 1, 3, 3]
    assert layer.tensor_size("W") == 6 * 9
    assert layer.tensor_size("I") == 2 * 6 * 100


def test_1d(tmp_path: Path) -> None:
    layer = read(tmp_path, (1, 4, 50), (8, 4, 5), strides=[3], pads=[2, 0], dilations=[2])
    assert sizes(layer, "OX OY FX FY C K") == [15, 1, 5, 1, 4, 8]
    assert layer.padding == {"IX": (2, 0)}
    assert layer.window_sizes == {"IX": 50, "IY": 1}
    assert layer.macs == 8 * 4 * 5 * 15
    assert layer.tensor_size("I") == 4 * len(
        {3 * x + 2 * f for x in range(15) for f in range(5)} - {0, 1}
    )  # these are padding


@pytest.mark.parametrize(
    ("mode", "stride", "output", "padding"),
    [
        ("VALID", 2, 3, {}),
        ("SAME_UPPER", 2, 5, {"IX": (1, 2), "IY": (1, 2)}),
        ("SAME_LOWER", 2, 5, {"IX": (2, 1), "IY": (2, 1)}),
        ("SAME_UPPER", 6, 2, {"IX": (0, 1), "IY": (0, 1)}),
        ("SAME_UPPER", 9, 2, {"IX": (2, 2), "IY": (2, 2)}),
        ("SAME_LOWER", 5, 2, {}),
        ("NOTSET", 2, 5, {"IX": (2, 1), "IY": (2, 1)}),
    ],
)
def test_automatic_padding(
    mode: str, stride: int, output: int, padding: dict[str, Any], tmp_path: Path
) -> None:
    pads = {"pads": [2, 2, 1, 1]} if mode == "NOTSET" else {}
    layer = read(tmp_path, weights=(8, 4, 5, 5), auto_pad=mode, strides=[stride] * 2, **pads)
    assert sizes(layer, "OX OY") == [output, output]
    assert layer.padding == padding


@pytest.mark.parametrize("operator", ["ConvInteger", "QLinearConv"])
def test_quantized(operator: str, tmp_path: Path) -> None:
    net = ModelBuilder()
    image = net.input(1, 4, 10, 10, dtype=onnx.TensorProto.UINT8)
    weights = net.weight(8, 4, 3, 3, dtype=onnx.TensorProto.UINT8)
    scale, zero = net.weight(), net.weight(dtype=onnx.TensorProto.UINT8)
    inputs = (
        [image, weights]
        if operator == "ConvInteger"
        else [image, scale, zero, weights, scale, zero, scale, zero]
    )
    net.node(operator, *inputs)
    model = net.build(dtype=onnx.TensorProto.INT32 if operator == "ConvInteger" else onnx.TensorProto.UINT8)
    (layer,) = load_onnx(save(model, tmp_path))
    assert sizes(layer, "K C OX OY") == [8, 4, 8, 8]
    assert layer.operator == operator


def test_weights_from_nodes_keep_their_operand(tmp_path: Path) -> None:
    """ZigZag assigns producers in order of appearance, so that a bias or the weights could become I.

    What comes from constants only is a constant: it was an operand "from 0".
    """
    net = ModelBuilder()
    weights = net.node("DequantizeLinear", net.weight(8, 4, 3, 3, dtype=onnx.TensorProto.INT8), net.weight())
    bias = net.node("DequantizeLinear", net.weight(8, dtype=onnx.TensorProto.INT32), net.weight())
    net.node("Conv", net.input(1, 4, 10, 10), weights, bias, weight_size=4)
    network = load_onnx(net.save(tmp_path))
    assert network[0].sources == {}
    assert network[0].constant_operands == ("W", "I")
    assert network[0].precision["W"] == 4
    assert network.edges == ((0, 2), (1, 2))


def test_3d(tmp_path: Path) -> None:
    layer = read(tmp_path, (1, 4, 8, 9, 10), (8, 4, 1, 2, 3), strides=[3, 2, 1], pads=[0, 1, 2, 0, 1, 2])
    assert str(layer.equation) == "O[b][g][k][oz][oy][ox]+=W[g][k][c][fz][fy][fx]*I[b][g][c][iz][iy][ix]"
    assert sizes(layer, "OZ OY OX FZ FY FX") == [3, 5, 12, 1, 2, 3]
    assert [str(rel) for rel in layer.relations] == ["ix=1*ox+1*fx", "iy=2*oy+1*fy", "iz=3*oz+1*fz"]
    assert layer.macs == 8 * 4 * 6 * 3 * 5 * 12
    assert layer.tensor_size("W") == 8 * 4 * 6


def test_operations_in_three_dimensions_equal_those_of_onnx_tool(tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node("Conv", net.input(1, 4, 8, 9, 10), net.weight(8, 4, 1, 2, 3), strides=[3, 2, 1])
    model = net.build()
    assert load_onnx(save(model, tmp_path, "volume.onnx"))[0].macs == tool_macs(model)


@pytest.mark.parametrize(
    ("image", "weights", "attributes", "message"),
    [
        ((1, 6, 9, 9), (9, 2, 3, 3), {"group": 4}, "tensors disagree about the input channels"),
        ((1, 6, 9, 9), (9, 3, 3, 3), {"group": 2}, "divide the output channels: expected a divisor of 9"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"group": 0}, "group out of range: expected at least 1, found "),
        ((1, 4, 9, 9), (8, 3, 3, 3), {}, "tensors disagree about the input channels: found 4 and 3"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"strides": [0, 1]}, "strides out of range: expected at least 1, found [0, 1]"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"dilations": [1, -1]}, "dilations out of range"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"pads": [0, -1, 0, 0]}, "pads out of range"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"pads": [1, 1]}, "attribute pads has the wrong form: expected 4 integers"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"strides": 2}, "attribute strides has the wrong form"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"group": [1]}, "attribute group has the wrong type"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"weight_size": 4.0}, "attribute weight_size has the wrong type"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"weight_size": -1}, "precision of W out of range"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"auto_pad": "WRAP"}, "unknown auto_pad"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"kernel_shape": [5, 5]}, "tensors disagree about the kernel: found 5 and 3"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"dilations": [5, 5]}, "found shape [1, 8, -1, -1]"),
        ((1, 4, 9, 9), (8, 4, 3, 3), {"pads": [2**62] * 4}, "size out of range"),
        ((1, 4, 9, 9), (8, 4, 0, 3), {}, "kernel out of range"),
        ((1, 4, 9), (8, 4, 3, 3), {}, "tensors of the wrong rank"),
        ((1, 4), (8, 4), {}, "tensors of the wrong rank"),
        ((1, 4, 9, 10**12), (8, 4, 3, 3), {}, "size out of range"),
        ((10**8, 10**8, 10**8, 9), (8, 10**8, 3, 3), {}, "the layer is too large"),
    ],
)  # fmt: skip
def test_contradictions_name_the_node(
    image: tuple[int, ...], weights: tuple[int, ...], attributes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, image, weights, **attributes)
    assert message in str(error.value)
    assert error.value.place.file == str(tmp_path / "model.onnx")
    assert error.value.place.field is not None
    assert error.value.place.field.startswith(("node conv", "tensor"))


def test_filter_must_fit(tmp_path: Path) -> None:
    """With the output's shape in the file nothing is inferred, and the node is checked on its own."""
    net = ModelBuilder()
    net.node("Conv", net.input(1, 4, 9, 9), net.weight(8, 4, 3, 3), dilations=[5, 5])
    with pytest.raises(
        InputError, match=r"does not fit in the padded input: expected at most 9, found 3 taps at"
    ):
        load_onnx(save(net.build(shape=(1, 8, 1, 1)), tmp_path))


def test_declared_output_must_agree(tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node("Conv", net.input(1, 4, 9, 9), net.weight(8, 4, 3, 3))
    with pytest.raises(InputError, match="tensors disagree about the output size: found 7 and 5"):
        load_onnx(save(net.build(shape=(1, 8, 5, 7)), tmp_path))


@st.composite
def convolutions(draw: st.DrawFn) -> dict[str, Any]:
    """Return a convolution with one to three spatial axes whose filter fits."""
    group, c, k = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    axes = draw(st.integers(1, 3))
    kernel, stride, dilation, begin, end = (
        [draw(st.integers(low, high)) for _ in range(axes)]
        for low, high in ((1, 4), (1, 4), (1, 3), (0, 3), (0, 3))
    )
    extra = [draw(st.integers(0, 9)) for _ in range(axes)]
    fit = [
        max(1, (f - 1) * d + 1 - b - e) + more
        for f, d, b, e, more in zip(kernel, dilation, begin, end, extra, strict=True)
    ]
    attributes: dict[str, Any] = {"strides": stride, "group": group}
    mode = draw(st.sampled_from(["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]))
    if mode == "NOTSET":
        attributes |= {"pads": begin + end, "dilations": dilation}
    else:  # the onnx package infers no automatic padding for dilated filters
        attributes["auto_pad"] = mode
        fit = [size + 12 for size in fit]
    if draw(st.booleans()):
        attributes["kernel_shape"] = kernel
    return {"image": (2, group * c, *fit), "weights": (group * k, c, *kernel), "attributes": attributes}


@given(convolutions())
def test_loops_reproduce_the_shapes_that_onnx_infers(
    tmp_path_factory: pytest.TempPathFactory, conv: dict[str, Any]
) -> None:
    net = ModelBuilder()
    net.node("Conv", net.input(*conv["image"]), net.weight(*conv["weights"]), **conv["attributes"])
    model = net.build()
    with reject_where_only_padding_is_read():
        (layer,) = load_onnx(save(model, tmp_path_factory.getbasetemp(), "random.onnx"))
    inferred = (
        onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.output[0].type.tensor_type.shape.dim
    )
    batch, features, *outer = (dim.dim_value for dim in inferred)
    assert layer.sizes["B"] == batch
    assert layer.sizes["G"] * layer.sizes["K"] == features
    assert [layer.sizes[f"O{letter}"] for letter in "XYZ"[: len(outer)]] == outer[::-1]
    assert [layer.sizes[f"F{letter}"] for letter in "XYZ"[: len(outer)]] == list(conv["weights"][:1:-1])
    for relation, size, count in zip(layer.relations, conv["image"][:1:-1], outer[::-1], strict=False):
        before, after = layer.padding.get(relation.window, (0, 0))
        assert layer.window_sizes[relation.window] == size
        reach = relation.span(count, layer.sizes[relation.inner])
        assert 0 <= size + before + after - reach < relation.stride
    assert layer.macs == math.prod((batch, *outer, *conv["weights"]))
