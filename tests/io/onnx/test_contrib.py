"""Shapes of onnxruntime's own operators."""

from __future__ import annotations

import pytest

from zzcp.io.onnx.contrib import MICROSOFT, OTHER_DOMAINS, Vague, standard_twin, type_input

onnx = pytest.importorskip("onnx")


def shape(operator: str, *shapes: Vague | None, **attributes: int) -> Vague | None:
    """Return what is known of the first output."""
    node = onnx.helper.make_node(operator, ["x"], ["y"], domain=MICROSOFT, **attributes)
    return OTHER_DOMAINS[MICROSOFT, operator](node, shapes)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((2, 3), (2, 3), (2, 3)),
        ((2, 3), (3,), (2, 3)),
        ((3,), (2, 1), (2, 3)),
        ((1, None), (4, 5), (4, 5)),
        ((4, 5), (1, None), (4, 5)),
        ((), (2,), (2,)),
        (None, (2,), None),
        ((2,), None, None),
    ],
)
def test_sums_of_quantised_tensors_broadcast(
    first: Vague | None, second: Vague | None, expected: Vague | None
) -> None:
    scale, zero = (), ()
    assert shape("QLinearAdd", first, scale, zero, second) == expected
    assert shape("QLinearMul", first, scale, zero, second) == expected


def test_a_sum_of_too_few_inputs_is_not_known() -> None:
    assert shape("QLinearAdd", (2,), ()) is None


@pytest.mark.parametrize(
    ("first", "second", "attributes", "expected"),
    [
        ((7, 3), (3, 5), {}, (7, 5)),
        ((2, 7, 3), (3, 5), {}, (2, 7, 5)),
        ((3, 7), (5, 3), {"transA": 1, "transB": 1}, (7, 5)),
        ((None, 7, 3), (4, 3, 5), {}, (4, 7, 5)),
        ((3,), (3, 5), {}, None),
        (None, (3, 5), {}, None),
    ],
)
def test_products_take_rows_of_one_and_columns_of_the_other(
    first: Vague | None, second: Vague | None, attributes: dict[str, int], expected: Vague | None
) -> None:
    assert shape("FusedMatMul", first, second, **attributes) == expected


def test_a_product_of_one_input_is_not_known() -> None:
    assert shape("FusedMatMul", (7, 3)) is None


def test_packed_weights_state_their_columns() -> None:
    assert shape("MatMulNBits", (2, 7, 64), (5, 2, 16), N=5, K=64) == (2, 7, 5)
    assert shape("MatMulNBits", None, N=5, K=64) is None


def test_a_recurrent_layer_has_steps_directions_batch_and_hidden_size() -> None:
    assert shape("DynamicQuantizeLSTM", (9, 2, 30), (1, 30, 80), hidden_size=20) == (9, 1, 2, 20)
    assert shape("DynamicQuantizeLSTM", (9, 2, 30), None, hidden_size=20) is None
    assert shape("DynamicQuantizeLSTM", (9, 2), (1, 30, 80), hidden_size=20) is None


def test_what_keeps_its_shape() -> None:
    assert shape("BiasGelu", (2, None)) == (2, None)
    assert shape("BiasGelu") is None


def test_a_fused_convolution_is_one_without_its_activation() -> None:
    node = onnx.helper.make_node(
        "FusedConv",
        ["x", "w", "b", "z"],
        ["y"],
        domain=MICROSOFT,
        activation="Relu",
        activation_params=[0.1],
        strides=[2, 2],
    )
    twin = standard_twin(node)
    assert (twin.op_type, twin.domain, list(twin.input)) == ("Conv", "", ["x", "w", "b"])
    assert [entry.name for entry in twin.attribute] == ["strides"]
    other = onnx.helper.make_node("Conv", ["x", "w"], ["y"])
    assert standard_twin(other) is other


def test_the_element_type_stands_at_the_zero_point() -> None:
    nodes = {
        name: onnx.helper.make_node(name, ["x"], ["y"], domain=MICROSOFT)
        for name in ("QuantizeLinear", "DequantizeLinear", "BiasGelu")
    }
    assert {name: type_input(node) for name, node in nodes.items()} == {
        "QuantizeLinear": 2,
        "DequantizeLinear": 1,
        "BiasGelu": 0,
    }
