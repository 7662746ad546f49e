"""Pooling, additions and other work without multiply-accumulates, as layers where they are asked for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.io.onnx.builders import ModelBuilder, bert_block, resnet18, save
from zzcp.errors import InputError
from zzcp.io.onnx import load_onnx
from zzcp.workload import Layer


def read(folder: Path, operator: str, *shapes: tuple[int, ...], **attributes: Any) -> Layer:
    net = ModelBuilder()
    net.node(operator, *(net.input(*shape) for shape in shapes), name="node", **attributes)
    (layer,) = load_onnx(net.save(folder), operators="all")
    return layer


def test_off_by_default(tmp_path: Path) -> None:
    path = save(resnet18(), tmp_path)
    usual, everything = load_onnx(path), load_onnx(path, operators="all")
    assert len(usual) == 21
    assert len(everything) == 21 + 17 + 8 + 2
    assert everything.macs == usual.macs == everything.total_macs
    assert {node.operator for node in everything.skipped} == {"Flatten"}
    assert [layer for layer in everything if layer.multiplies] == [
        layer for layer in everything if layer.operator in ("Conv", "Gemm")
    ]
    with pytest.raises(InputError, match="unknown operators: expected macs or all, found 'some'"):
        load_onnx(path, operators="some")  # type: ignore[arg-type]


def test_the_way_through_the_network_is_kept(tmp_path: Path) -> None:
    everything = load_onnx(save(resnet18(), tmp_path), operators="all")
    add = next(layer for layer in everything if layer.operator == "Add")
    assert [everything.graph().nodes[source]["layer"].operator for source in add.sources.values()] == [
        "Conv", "MaxPool"
    ]  # fmt: skip


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_pooling(operator: str, tmp_path: Path) -> None:
    layer = read(tmp_path, operator, (2, 4, 10, 20), kernel_shape=[2, 3], strides=[2, 1], pads=[0, 1, 1, 2])
    assert str(layer.equation) == "O[b][g][oy][ox]+=W[fy][fx]*I[b][g][iy][ix]"
    assert layer.sizes == {"B": 2, "G": 4, "OX": 21, "OY": 5, "FX": 3, "FY": 2}
    assert layer.padding == {"IX": (1, 2), "IY": (0, 1)}
    assert layer.precision == {"W": 0, "I": 32, "O": 32, "O_final": 32}
    assert not layer.multiplies


def test_pooling_of_everything(tmp_path: Path) -> None:
    layer = read(tmp_path, "GlobalAveragePool", (1, 4, 7, 9))
    assert layer.sizes == {"B": 1, "G": 4, "OX": 1, "OY": 1, "FX": 9, "FY": 7}
    assert [layer.tensor_size("I"), layer.tensor_size("O")] == [4 * 63, 4]


@given(st.data())
def test_pooling_reproduces_the_shapes_that_onnx_infers(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    axes = data.draw(st.integers(1, 3))
    kernel, stride = ([data.draw(st.integers(1, 4)) for _ in range(axes)] for _ in range(2))
    pads = [data.draw(st.integers(0, size // 2)) for size in (*kernel, *kernel)]
    image = [size + data.draw(st.integers(0, 9)) for size in kernel]
    attributes = {
        "kernel_shape": kernel,
        "strides": stride,
        "pads": pads,
        "ceil_mode": data.draw(st.integers(0, 1)),
    }
    net = ModelBuilder(22)
    net.node("MaxPool", net.input(1, 2, *image), name="pool", **attributes)
    model = net.build()
    (layer,) = load_onnx(save(model, tmp_path_factory.getbasetemp()), operators="all")
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.output[0].type
    outer = [dim.dim_value for dim in inferred.tensor_type.shape.dim][2:]
    assert [layer.sizes[f"O{letter}"] for letter in "XYZ"[:axes]] == outer[::-1]


@pytest.mark.parametrize(
    ("operator", "shapes", "equation"),
    [
        ("Add", [(1, 4, 5, 6), (1, 4, 5, 6)], "O[b][g][oy][ox]+=I[b][g][oy][ox]+W[b][g][oy][ox]"),
        ("Mul", [(1, 4, 5, 6), (1, 4, 1, 1)], "O[b][g][oy][ox]+=I[b][g][oy][ox]+W[b][g]"),
        ("Sub", [(5, 6), (6,)], "O[d][k]+=I[d][k]+W[k]"),
        ("Div", [(5, 6), ()], "O[d][k]+=I[d][k]+W"),
        ("Add", [(5, 1), (1, 6)], "O[d][k]+=I[d]+W[k]"),
        ("Relu", [(2, 3, 4)], "O[b][d][k]+=I[b][d][k]"),
        ("Softmax", [(2, 3, 4)], "O[b][d][k]+=I[b][d][k]"),
        ("Sigmoid", [(1, 2, 3, 4, 5)], "O[t][b][g][oy][ox]+=I[t][b][g][oy][ox]"),
        ("ReduceSum", [(2, 3, 4)], "O[b]+=I[b][c]"),
    ],
)
def test_element_by_element(
    operator: str, shapes: list[tuple[int, ...]], equation: str, tmp_path: Path
) -> None:
    layer = read(tmp_path, operator, *shapes)
    assert str(layer.equation) == equation
    assert layer.operator == operator
    assert not layer.multiplies


@given(st.data())
def test_elements_are_those_of_numpy(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = data.draw(st.lists(st.integers(1, 4), max_size=6))
    shapes = [
        tuple(
            data.draw(st.sampled_from((1, size))) for size in whole[data.draw(st.integers(0, len(whole))) :]
        )
        for _ in range(2)
    ]
    layer = read(tmp_path_factory.getbasetemp(), "Add", *shapes)
    total = np.zeros(shapes[0]) + np.zeros(shapes[1])
    assert layer.tensor_size("O") == layer.macs == total.size
    assert sorted([layer.tensor_size("I"), layer.tensor_size("W")]) == sorted(map(math.prod, shapes))


def test_a_square_reads_its_data_once(tmp_path: Path) -> None:
    net = ModelBuilder()
    data = net.input(5, 6)
    net.node("Mul", data, data)
    (layer,) = load_onnx(net.save(tmp_path), operators="all")
    assert layer.inputs == ("I",)


def test_arithmetic_of_sizes_is_no_work(tmp_path: Path) -> None:
    net = ModelBuilder()
    data = net.input(5, 6)
    length = net.node("Gather", net.node("Shape", data), net.values(0))
    target = net.node("Concat", net.node("Mul", length, net.values(2)), net.values(3), axis=0)
    net.node("Reshape", data, target)
    assert len(load_onnx(net.save(tmp_path), operators="all")) == 0


def test_a_whole_transformer(tmp_path: Path) -> None:
    network = load_onnx(save(bert_block(1, 8), tmp_path), operators="all")
    assert {node.operator for node in network.skipped} <= {"Gather", "Reshape", "Transpose", "Constant"}


def test_tensors_that_do_not_match(tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node("Add", net.input(5, 6), net.input(5, 7), name="sum")
    model = net.build(shape=(5, 6))
    with pytest.raises(InputError, match="node sum: tensors do not match: expected 6, or 1, found 7"):
        load_onnx(save(model, tmp_path), operators="all")
