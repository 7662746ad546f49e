"""Gemm and MatMul nodes: every form of product against numpy's broadcasting."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.io.onnx.builders import ModelBuilder, save
from zzcp.errors import InputError
from zzcp.io.onnx.reader import load_onnx
from zzcp.workload import Layer


def read(
    folder: Path,
    left: tuple[int, ...],
    right: tuple[int, ...],
    *,
    operator: str = "MatMul",
    variable: bool = True,
    **attributes: Any,
) -> Layer:
    """Return the layer of one product of two activations, or of an activation and constant weights."""
    net = ModelBuilder()
    inputs = [net.node("Relu", net.input(*left))]
    inputs.append(net.node("Relu", net.input(*right)) if variable else net.weight(*right))
    net.node(operator, *inputs, name="product", **attributes)
    (layer,) = load_onnx(net.save(folder))
    return layer


@pytest.mark.parametrize(
    ("left", "right", "variable", "equation", "sizes"),
    [
        # vectors are matrices of one row or column
        ((6,), (6, 7), True, "O[d][k]+=I[d][c]*W[c][k]", "C=6 D=1 K=7"),
        ((5, 6), (6,), True, "O[d][k]+=I[d][c]*W[c][k]", "C=6 D=5 K=1"),
        ((6,), (6,), True, "O[d][k]+=I[d][c]*W[c][k]", "C=6 D=1 K=1"),
        ((6,), (3, 6, 7), True, "O[b][d][k]+=I[d][c]*W[b][c][k]", "C=6 D=1 K=7 B=3"),
        ((3, 5, 6), (6,), True, "O[b][d][k]+=I[b][d][c]*W[c][k]", "C=6 D=5 K=1 B=3"),
        # what is broadcast is indexed by one operand only
        ((3, 5, 6), (6, 7), True, "O[b][d][k]+=I[b][d][c]*W[c][k]", "C=6 D=5 K=7 B=3"),
        ((5, 6), (3, 6, 7), True, "O[b][d][k]+=I[d][c]*W[b][c][k]", "C=6 D=5 K=7 B=3"),
        ((3, 1, 5, 6), (1, 4, 6, 7), True, "O[b][h][d][k]+=I[b][d][c]*W[h][c][k]", "C=6 D=5 K=7 B=3 H=4"),
        ((3, 4, 5, 6), (4, 6, 7), True, "O[b][h][d][k]+=I[b][h][d][c]*W[h][c][k]", "C=6 D=5 K=7 B=3 H=4"),
        # constant weights that differ from batch to batch
        ((3, 5, 6), (3, 6, 7), False, "O[b][d][k]+=I[b][d][c]*W[b][c][k]", "C=6 D=5 K=7 B=3"),
        # more than two batch axes are folded by what indexes them
        ((2, 3, 4, 5, 6), (2, 3, 4, 6, 7), True, "O[b][d][k]+=I[b][d][c]*W[b][c][k]", "C=6 D=5 K=7 B=24"),
        ((2, 3, 4, 5, 6), (6, 7), False, "O[b][d][k]+=I[b][d][c]*W[c][k]", "C=6 D=5 K=7 B=24"),
        ((2, 3, 1, 5, 6), (2, 1, 4, 6, 7), True, "O[b][h][g][d][k]+=I[b][h][d][c]*W[b][g][c][k]",
         "C=6 D=5 K=7 B=2 H=3 G=4"),
        ((1, 1, 1, 5, 6), (6, 7), False, "O[d][k]+=I[d][c]*W[c][k]", "C=6 D=5 K=7"),
    ],
)  # fmt: skip
def test_shapes(
    left: tuple[int, ...], right: tuple[int, ...], variable: bool, equation: str, sizes: str, tmp_path: Path
) -> None:
    layer = read(tmp_path, left, right, variable=variable)
    assert str(layer.equation) == equation
    assert " ".join(f"{dim}={size}" for dim, size in layer.sizes.items()) == sizes


@st.composite
def shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return two shapes that MatMul accepts."""
    batch = draw(st.lists(st.integers(1, 4), max_size=4))
    c = draw(st.integers(1, 4))

    def operand(matrix: tuple[int, int]) -> tuple[int, ...]:
        kept = batch[draw(st.integers(0, len(batch))) :]
        return (*(draw(st.sampled_from((1, size))) for size in kept), *matrix)

    left, right = operand((draw(st.integers(1, 4)), c)), operand((c, draw(st.integers(1, 4))))
    return (c,) if draw(st.booleans()) else left, (c,) if draw(st.booleans()) else right


@given(shapes(), st.booleans())
def test_elements_are_those_of_numpy(
    tmp_path_factory: pytest.TempPathFactory,
    operands: tuple[tuple[int, ...], tuple[int, ...]],
    variable: bool,
) -> None:
    left, right = operands
    layer = read(tmp_path_factory.getbasetemp(), left, right, variable=variable)
    product = np.matmul(np.ones(left), np.ones(right))
    assert layer.tensor_size("O") == product.size
    assert layer.tensor_size("I") == math.prod(left)
    assert layer.tensor_size("W") == math.prod(right)
    assert layer.macs == product.sum()


@pytest.mark.parametrize(
    ("transposed", "left", "right"),
    [
        ({}, (5, 6), (6, 7)),
        ({"transA": 1}, (6, 5), (6, 7)),
        ({"transB": 1}, (5, 6), (7, 6)),
        ({"transA": 1, "transB": 1}, (6, 5), (7, 6)),
    ],
)
def test_gemm(
    transposed: dict[str, int], left: tuple[int, ...], right: tuple[int, ...], tmp_path: Path
) -> None:
    layer = read(tmp_path, left, right, operator="Gemm", variable=False, **transposed)
    assert layer.sizes == {"C": 6, "D": 5, "K": 7}
    assert list(layer.sizes) == ["C", "D", "K"]
    assert layer.operator == "Gemm"
    assert layer.sources == {"I": 0}


def test_gemm_with_a_computed_bias(tmp_path: Path) -> None:
    """ZigZag takes the bias for the weights, or gives up on three producers."""
    net = ModelBuilder()
    data = net.node("Relu", net.input(5, 6))
    bias = net.node("Relu", net.input(7))
    net.node("Gemm", data, net.weight(6, 7), bias, weight_size=4)
    network = load_onnx(net.save(tmp_path))
    assert network[0].sources == {"I": 0}
    assert network[0].precision == {"W": 4, "I": 8, "O": 16, "O_final": 8}
    assert network.edges == ((0, 2), (1, 2))


@pytest.mark.parametrize("how", ["graph input", "Constant", "initializer", "computed from constants"])
def test_weights_of_any_origin(how: str, tmp_path: Path) -> None:
    net = ModelBuilder()
    data = net.node("Relu", net.input(3, 5, 6))
    if how == "graph input":
        weights = net.input(6, 7)
    elif how == "Constant":
        weights = net.constant(6, 7)
    else:
        weights = net.weight(6, 7) if how == "initializer" else net.node("Transpose", net.weight(7, 6))
    net.node("MatMul", data, weights, weight_size=4)
    (layer,) = load_onnx(net.save(tmp_path))
    assert str(layer.equation) == "O[b][d][k]+=I[b][d][c]*W[c][k]"
    assert layer.precision["W"] == 4
    assert layer.sources == {"I": 0}


def test_constant_left_operand(tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node("MatMul", net.weight(5, 6), net.node("Relu", net.input(6, 7)), weight_size=4, act_size=6)
    (layer,) = load_onnx(net.save(tmp_path))
    assert layer.sources == {"W": 0}
    assert layer.precision == {"W": 6, "I": 4, "O": 12, "O_final": 6}


@pytest.mark.parametrize("operator", ["MatMulInteger", "QLinearMatMul"])
def test_quantized(operator: str, tmp_path: Path) -> None:
    net = ModelBuilder()
    data = net.input(2, 5, 6, dtype=onnx.TensorProto.UINT8)
    weights = net.weight(6, 7, dtype=onnx.TensorProto.UINT8)
    scale, zero = net.weight(), net.weight(dtype=onnx.TensorProto.UINT8)
    inputs = (
        [data, weights]
        if operator == "MatMulInteger"
        else [data, scale, zero, weights, scale, zero, scale, zero]
    )
    net.node(operator, *inputs)
    dtype = onnx.TensorProto.INT32 if operator == "MatMulInteger" else onnx.TensorProto.UINT8
    (layer,) = load_onnx(save(net.build(dtype=dtype), tmp_path))
    assert layer.sizes == {"C": 6, "D": 5, "K": 7, "B": 2}
    assert layer.operator == operator


@pytest.mark.parametrize("operator", ["Gemm", "MatMul"])
def test_data_of_unknown_shape_follows_from_weights_and_output(operator: str, tmp_path: Path) -> None:
    net = ModelBuilder()
    data = net.node("Custom", net.input(5), domain="org.example")
    net.node(operator, data, net.weight(6, 7))
    (layer,) = load_onnx(save(net.build(shape=(5, 7)), tmp_path))
    assert layer.sizes == {"C": 6, "D": 5, "K": 7}


def test_unknown_shape_is_listed(tmp_path: Path) -> None:
    net = ModelBuilder()
    data = net.node("Custom", net.input(5), domain="org.example")
    net.node("MatMul", data, data, name="lost")
    network = load_onnx(net.save(tmp_path))
    assert len(network) == 0
    assert network.skipped[1].reason == "MatMul with a tensor of unknown shape: t0 (no shape); t1 (no shape)"
    assert "domain org.example" in network.skipped[0].reason


@pytest.mark.parametrize(
    ("operator", "left", "right", "message"),
    [
        ("MatMul", (5, 6), (7, 8), "tensors disagree about the reduction: found 6 and 7"),
        ("MatMul", (2, 5, 6), (3, 6, 7), "batch axes do not match"),
        ("MatMul", (), (6, 7), "MatMul of a scalar"),
        ("Gemm", (5, 6), (7, 8), "tensors disagree about the reduction: found 6 and 7"),
        (
            "Gemm",
            (2, 5, 6),
            (6, 7),
            "Gemm multiplies matrices: expected tensors of rank 2, found ranks 3, 2, ?",
        ),
    ],
)
def test_contradictions_name_the_node(
    operator: str, left: tuple[int, ...], right: tuple[int, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, left, right, operator=operator)
    assert message in str(error.value)
    assert error.value.place.field == "node product"


def test_declared_output_must_agree(tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node("MatMul", net.input(5, 6), net.weight(6, 7))
    for shape, message in (
        ((5, 8), "disagree about the columns"),
        ((4, 7), "the rows"),
        ((5,), "wrong rank"),
    ):
        with pytest.raises(InputError, match=message):
            load_onnx(save(net.build(shape=shape), tmp_path))
