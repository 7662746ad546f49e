"""Bits of operands: what the types in the file say, packed and quantised ones among them, and what the user says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from tests.io.onnx.builders import ModelBuilder, save
from zzcp import load_workload
from zzcp.errors import InputError
from zzcp.io.onnx import load_onnx
from zzcp.io.onnx.precision import TYPES
from zzcp.workload import Layer

EIGHT = {"W": 8, "I": 8, "O": 16, "O_final": 8}


def bits(layer: Layer) -> list[int]:
    return [layer.precision[key] for key in ("W", "I", "O", "O_final")]


def product(dtype: int, right: int | None = None) -> onnx.ModelProto:
    net = ModelBuilder(23)
    net.node("MatMul", net.input(5, 6, dtype=dtype), net.weight(6, 7, dtype=right or dtype), name="product")
    return net.build(dtype=dtype)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (TensorProto.FLOAT, [32, 32, 32, 32]),
        (TensorProto.FLOAT16, [16, 16, 32, 16]),
        (TensorProto.BFLOAT16, [16, 16, 32, 16]),
        (TensorProto.DOUBLE, [64, 64, 64, 64]),
        (TensorProto.FLOAT8E4M3FN, [8, 8, 32, 8]),
        (TensorProto.FLOAT4E2M1, [4, 4, 32, 4]),
        (TensorProto.INT8, [8, 8, 32, 8]),
        (TensorProto.UINT4, [4, 4, 32, 4]),
        (TensorProto.INT2, [2, 2, 32, 2]),
        (TensorProto.UINT16, [16, 16, 64, 16]),
        (TensorProto.INT32, [32, 32, 64, 32]),
    ],
)
def test_bits_of_the_types_in_the_file(dtype: int, expected: list[int], tmp_path: Path) -> None:
    """Every layer had 8, 8, 16 and 8."""
    (layer,) = load_onnx(save(product(dtype), tmp_path))
    assert bits(layer) == expected


def test_every_type_of_onnx_is_known() -> None:
    numbered = set(TensorProto.DataType.values()) - {TensorProto.UNDEFINED, TensorProto.STRING}
    assert numbered <= set(TYPES)  # older releases of onnx lack the newest ones
    usual = {"float": "float32", "double": "float64", "bool": "bool8"}
    for number in numbered:
        name, width = TYPES[number]
        theirs = TensorProto.DataType.Name(number).lower()
        assert name == usual.get(theirs, theirs).removesuffix("8" if theirs == "bool" else "")
        digits = re.match(r"(?:b?float|uint|int|complex|bool)(\d+)", usual.get(theirs, theirs))
        assert digits is not None
        assert width == int(digits[1])


def quantised(dtype: int = TensorProto.INT8, *, between: tuple[str, ...] = ()) -> ModelBuilder:
    """Return a product whose operands are dequantised, and whose result is quantised behind some nodes."""
    net = ModelBuilder(21)
    scale, zero = net.weight(), net.weight(dtype=dtype)
    data = net.node("DequantizeLinear", net.node("QuantizeLinear", net.input(5, 6), scale, zero), scale, zero)
    weights = net.node("DequantizeLinear", net.weight(7, 6, dtype=dtype), scale)
    tensor = net.node("MatMul", data, net.node("Transpose", weights), name="product")
    for operator in between:
        tensor = net.node(operator, tensor, *([net.weight(7)] if operator == "Add" else []))
    net.node("QuantizeLinear", tensor, scale, zero)
    return net


@pytest.mark.parametrize("between", [(), ("Relu",), ("Add", "Relu"), ("Reshape",)])
def test_quantise_and_dequantise(between: tuple[str, ...], tmp_path: Path) -> None:
    net = quantised(between=between if between != ("Reshape",) else ("Identity",))
    network = load_onnx(net.save(tmp_path))
    assert bits(network[0]) == [8, 8, 32, 8]
    assert network[0].constant_operands == ("W",)


def test_result_that_something_else_reads_is_not_quantised(tmp_path: Path) -> None:
    net = quantised()
    product_node = next(node for node in net.nodes if node.name == "product")
    net.node("Relu", product_node.output[0])
    assert bits(load_onnx(net.save(tmp_path))[0]) == [8, 8, 32, 32]


def test_packed_weights_take_their_bits(tmp_path: Path) -> None:
    """Dequantised int4 weights of 512 x 512 took 128 KiB of 8 bits, and were no weights."""
    net = ModelBuilder(21)
    weights = net.node("DequantizeLinear", net.weight(512, 512, dtype=TensorProto.INT4), net.weight())
    net.node("MatMul", net.input(1, 512), weights)
    (layer,) = load_onnx(net.save(tmp_path))
    assert layer.precision["W"] == 4
    assert layer.constant_operands == ("I", "W")
    assert layer.tensor_size("W") * layer.precision["W"] == 128 * 2**10 * 8


def test_packed_product_of_onnxruntime(tmp_path: Path) -> None:
    net = ModelBuilder(21)
    packed = net.weight(64, 8, 8, dtype=TensorProto.UINT8)
    data = net.node("Relu", net.input(2, 3, 128))
    net.node(
        "MatMulNBits", data, packed, net.weight(64, 8), name="packed", domain="com.microsoft", K=128, N=64, bits=4,
        block_size=16,
    )  # fmt: skip
    net.node("MatMul", "t1", net.weight(64, 5), name="after")
    network = load_onnx(net.save(tmp_path))
    assert network[0].sizes == {"C": 128, "D": 3, "K": 64, "B": 2}
    assert network[0].precision == {"W": 4, "I": 32, "O": 32, "O_final": 32}
    assert network[0].tensor_size("W") == 128 * 64
    assert network[1].sizes == {"C": 64, "D": 3, "K": 5, "B": 2}


def test_weights_kept_in_half_precision(tmp_path: Path) -> None:
    net = ModelBuilder()
    weights = net.node("Cast", net.weight(6, 7, dtype=TensorProto.FLOAT16), to=TensorProto.FLOAT)
    net.node("MatMul", net.input(5, 6), weights)
    assert bits(load_onnx(net.save(tmp_path))[0]) == [16, 32, 32, 32]


@pytest.mark.parametrize("operator", ["Identity", "Transpose", "DequantizeLinear", "Constant"])
def test_weights_behind_other_nodes_are_weights(operator: str, tmp_path: Path) -> None:
    net = ModelBuilder()
    if operator == "Constant":
        weights = net.constant(6, 6)
    elif operator == "DequantizeLinear":
        weights = net.node(operator, net.weight(6, 6, dtype=TensorProto.INT8), net.weight())
    else:
        weights = net.node(operator, net.weight(6, 6))
    net.node("MatMul", net.node("Relu", net.input(5, 6)), weights)
    (layer,) = load_onnx(net.save(tmp_path))
    assert layer.constant_operands == ("W",)


def attention() -> onnx.ModelProto:
    net = ModelBuilder()
    left, right = (net.node("Relu", net.input(5, 5)) for _ in range(2))
    net.node("MatMul", left, right, name="activations")
    net.node("MatMul", net.weight(5, 5), right, name="constant first")
    return net.build()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("file", {"product": [32, 32, 32, 32]}),
        (EIGHT, {"product": [8, 8, 16, 8]}),
        ({"W": 4}, {"product": [4, 32, 32, 32]}),
        ({"O": 24, "O_final": 8}, {"product": [32, 32, 24, 8]}),
    ],
)
def test_bits_that_the_user_gives(given: Any, expected: dict[str, list[int]], tmp_path: Path) -> None:
    network = load_workload(save(product(TensorProto.FLOAT), tmp_path), precision=given)
    assert {layer.name: bits(layer) for layer in network} == expected


def test_bits_of_weights_are_those_of_constants(tmp_path: Path) -> None:
    network = load_onnx(save(attention(), tmp_path), precision={"W": 4, "I": 8})
    assert {layer.name: bits(layer)[:2] for layer in network} == {
        "activations": [8, 8],
        "constant first": [8, 4],
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X": 8}, "precision of an unknown operand: expected W, I, O, O_final, found 'X'"),
        ({"o": 8}, "did you mean 'O'?"),
        ({"W": -1}, "precision of W out of range"),
        ({"W": True}, "precision of W out of range"),
        ({"W": 10**6}, "precision of W out of range: expected 0 to 4096 bits"),
    ],
)
def test_bits_are_checked(given: dict[str, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        load_onnx(save(product(TensorProto.FLOAT), tmp_path), precision=given)
    assert message in str(error.value)


def test_the_note_says_what_was_taken(tmp_path: Path) -> None:
    path = save(product(TensorProto.FLOAT16), tmp_path)
    (note,) = load_onnx(path).notes
    assert note.startswith("bits as the file's types say: W 16, I 16, O 32, O_final 16 (--precision ")
    assert load_onnx(path, precision=EIGHT).notes == ()


def test_types_that_the_file_does_not_say(tmp_path: Path) -> None:
    net = ModelBuilder()
    tensors = [net.node("Custom", net.input(5), domain="org.example") for _ in range(2)]
    for tensor in tensors:
        net.value_info.append(helper.make_tensor_value_info(tensor, TensorProto.UNDEFINED, [5, 5]))
    net.node("MatMul", *tensors, name="product")
    network = load_onnx(net.save(tmp_path))
    assert bits(network[0]) == [32, 32, 32, 32]
    assert network.notes[0] == "product: the file does not say the types of the operands, float32 is taken"


def test_other_bits_for_a_workload_in_yaml(root: Path) -> None:
    path = root / "models" / "workloads" / "seed_workload.yaml"
    network = load_workload(path, precision={"W": 4})
    assert {layer.precision["W"] for layer in network} == {4}
    assert [layer.precision["O"] for layer in network] == [
        layer.precision["O"] for layer in load_workload(path)
    ]
    with pytest.raises(
        InputError, match=r"precision of an unknown operand: expected I, O, O_final, W, found 'X'"
    ):
        load_workload(path, precision={"X": 4})
    with pytest.raises(InputError, match=r"sizes of open dimensions are for ONNX files: found batch"):
        load_workload(path, dimensions={"batch": 4})
