"""Transposed convolutions: the loops give back the shapes that onnx infers, and every product is counted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from tests.io.onnx.builders import ModelBuilder, reject_where_only_padding_is_read, save
from tests.io.onnx.counted import tool_macs
from zzcp.errors import InputError
from zzcp.io.onnx import load_onnx
from zzcp.workload import Layer


def build(image: tuple[int, ...], weights: tuple[int, ...], **attributes: Any) -> onnx.ModelProto:
    net = ModelBuilder()
    net.node("ConvTranspose", net.input(*image), net.weight(*weights), name="up", **attributes)
    return net.build()


def read(model: onnx.ModelProto, folder: Path) -> Layer:
    (layer,) = load_onnx(save(model, folder))
    return layer


def test_upsampling(tmp_path: Path) -> None:
    """64 channels of 16 x 16 to 32 of 32 x 32, filter 4 x 4, stride 2: was left out."""
    model = build((1, 64, 16, 16), (64, 32, 4, 4), kernel_shape=[4, 4], strides=[2, 2], pads=[1] * 4)
    layer = read(model, tmp_path)
    assert str(layer.equation) == "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]"
    assert [str(relation) for relation in layer.relations] == ["ox=2*ix+1*fx", "oy=2*iy+1*fy"]
    assert layer.sizes == {"B": 1, "K": 32, "G": 1, "IX": 16, "IY": 16, "C": 64, "FX": 4, "FY": 4}
    assert layer.padding == {"OX": (1, 1), "OY": (1, 1)}
    assert layer.macs == 64 * 32 * 16 * 16 * 4 * 4
    assert [layer.tensor_size(operand) for operand in "WIO"] == [64 * 32 * 16, 64 * 256, 32 * 1024]


@pytest.mark.parametrize("groups", [1, 4])
def test_operations_equal_those_of_onnx_tool(groups: int, tmp_path: Path) -> None:
    """The tool counts outputs times taps times output channels: right where the stride is 1 and channels agree."""
    model = build((2, 8, 9, 7), (8, 8 // groups, 3, 3), pads=[1] * 4, group=groups)
    assert read(model, tmp_path).macs == tool_macs(model)


def test_output_shape_and_padding(tmp_path: Path) -> None:
    layer = read(build((1, 1, 3, 3), (1, 2, 3, 3), strides=[3, 2], output_shape=[10, 8]), tmp_path)
    assert layer.window_sizes == {"OX": 8, "OY": 10}
    layer = read(build((1, 1, 3, 3), (1, 2, 3, 3), strides=[3, 2], output_padding=[1, 1]), tmp_path)
    assert layer.window_sizes == {"OX": 8, "OY": 10}
    assert layer.padding == {}


def test_pads_may_not_eat_the_output(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"size out of range|leave nothing of the output"):
        read(build((1, 1, 2, 2), (1, 1, 3, 3), pads=[3] * 4), tmp_path)


@st.composite
def transposed(draw: st.DrawFn) -> dict[str, Any]:
    """Return a transposed convolution with one to three axes."""
    axes, group = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    c, k = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    size, kernel, stride, dilation = (
        [draw(st.integers(1, high)) for _ in range(axes)] for high in (6, 4, 4, 3)
    )
    extra = [draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)]
    attributes: dict[str, Any] = {
        "strides": stride, "dilations": dilation, "group": group, "output_padding": extra
    }  # fmt: skip
    spans = [(n - 1) * s + (f - 1) * d + 1 for n, s, f, d in zip(size, stride, kernel, dilation, strict=True)]
    before = [draw(st.integers(0, (span - 1) // 2)) for span in spans]
    attributes["pads"] = before + [draw(st.integers(0, (span - 1) // 2)) for span in spans]
    return {"image": (2, group * c, *size), "weights": (group * c, k, *kernel), **attributes}


@given(transposed())
def test_loops_reproduce_what_onnx_infers(
    tmp_path_factory: pytest.TempPathFactory, case: dict[str, Any]
) -> None:
    model = build(**case)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.output[0].type
    batch, features, *outer = (dim.dim_value for dim in inferred.tensor_type.shape.dim)
    with reject_where_only_padding_is_read():
        layer = read(model, tmp_path_factory.getbasetemp())
    assert (layer.sizes["B"], layer.sizes["G"] * layer.sizes["K"]) == (batch, features)
    assert [layer.window_sizes[f"O{letter}"] for letter in "XYZ"[: len(outer)]] == outer[::-1]
    assert layer.macs == math.prod(case["image"]) * math.prod(case["weights"][1:])


def test_every_output_element_is_touched_as_often_as_the_reference_adds(tmp_path: Path) -> None:
    """With ones everywhere the outputs add up to the products that are not cropped: with pads of 0, to all."""
    model = build((1, 3, 4, 5), (3, 2, 2, 3), strides=[1, 2])
    for tensor in model.graph.initializer:
        tensor.CopyFrom(onnx.numpy_helper.from_array(np.ones(tensor.dims, np.float32), tensor.name))
    feeds = {"input0": np.ones((1, 3, 4, 5), np.float32)}
    (output,) = ReferenceEvaluator(model).run(None, feeds)
    assert read(model, tmp_path).macs == output.sum()
