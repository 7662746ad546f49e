"""Recurrent nodes: products per time step, each waiting for the one before, counted as onnx-tool counts them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.io.onnx.builders import ModelBuilder, save
from tests.io.onnx.counted import tool_macs
from zzcp.errors import InputError
from zzcp.io.onnx import load_onnx

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def build(
    operator: str,
    *,
    steps: int = 5,
    batch: int = 2,
    inputs: int = 20,
    hidden: int = 32,
    directions: int = 1,
    **attributes: Any,
) -> onnx.ModelProto:
    net = ModelBuilder()
    columns = GATES[operator] * hidden
    data = net.node("Relu", net.input(steps, batch, inputs))
    weights = net.weight(directions, columns, inputs), net.weight(directions, columns, hidden)
    bias = net.weight(directions, 2 * columns)
    if directions == 2:
        attributes["direction"] = "bidirectional"
    outputs = 3 if operator == "LSTM" else 2
    result = net.node(
        operator, data, *weights, bias, name="rnn", hidden_size=hidden, outputs=outputs, **attributes
    )
    net.node("Relu", result, name="after")
    return net.build()


@pytest.mark.parametrize("operator", GATES)
def test_layers(operator: str, tmp_path: Path) -> None:
    network = load_onnx(save(build(operator), tmp_path))
    columns = GATES[operator] * 32
    assert [layer.name for layer in network] == ["rnn/input", *(f"rnn/step{step}" for step in range(5))]
    assert network[0].sizes == {"C": 20, "D": 10, "K": columns}
    assert all(layer.sizes == {"C": 32, "D": 2, "K": columns} for layer in network[1:])
    assert network.macs == 10 * columns * (20 + 32)
    assert [layer.tensor_size("W") for layer in network[:2]] == [20 * columns, 32 * columns]
    assert network.unmapped == ()


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("operator", ["LSTM", "GRU"])
def test_operations_equal_those_of_onnx_tool(operator: str, directions: int, tmp_path: Path) -> None:
    model = build(operator, directions=directions)
    assert load_onnx(save(model, tmp_path)).macs == tool_macs(model, recurrent=True)


def test_every_step_waits_for_the_one_before(tmp_path: Path) -> None:
    network = load_onnx(save(build("LSTM", steps=4), tmp_path))
    before, *steps = network
    assert before.sources == {"I": 0}
    assert [layer.constant_operands for layer in steps] == [("I", "W"), *[("W",)] * 3]
    for layer, following in itertools.pairwise(steps):
        assert following.sources == {"I": layer.id}
        assert (before.id, following.id) in network.edges
    assert steps[-1].id == 1  # the node's own id: what reads its output needs the last step
    assert (1, 2) in network.edges


def test_both_directions(tmp_path: Path) -> None:
    network = load_onnx(save(build("GRU", steps=2, directions=2), tmp_path))
    assert [layer.name for layer in network] == [
        f"rnn/{way}/{part}" for way in ("forward", "reverse") for part in ("input", "step0", "step1")
    ]
    assert network[2].id != network[5].id == 1
    assert (network[2].id, 1) in network.edges


def test_batch_first(tmp_path: Path) -> None:
    model = build("LSTM", steps=2, batch=7, layout=1)  # two sequences of seven steps
    network = load_onnx(save(model, tmp_path))
    assert len(network) == 1 + 7
    assert network[1].sizes["D"] == 2


def test_quantised_weights_of_onnxruntime_are_transposed(tmp_path: Path) -> None:
    net = ModelBuilder()
    data = net.input(6, 1, 20)
    weights = [net.weight(1, size, 128, dtype=onnx.TensorProto.INT8) for size in (20, 32)]
    net.node("DynamicQuantizeLSTM", data, *weights, name="rnn", domain="com.microsoft", hidden_size=32)
    network = load_onnx(net.save(tmp_path))
    assert network.macs == 6 * 128 * 52
    assert {layer.precision["W"] for layer in network} == {8}
    assert {layer.precision["I"] for layer in network} == {32}


def test_long_sequences_are_in_sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zzcp.io.onnx.recurrent.MAX_STEPS", 4)
    network = load_onnx(save(build("LSTM"), tmp_path))
    (node,) = network.unmapped
    assert node.macs == network.total_macs == 10 * 128 * 52
    assert node.reason == "LSTM of 5 time steps: its multiply-accumulate work is left out"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": 31}, "tensors disagree about the hidden size: found 32 and 31"),
        ({"weights": (1, 128, 19)}, "tensors disagree about the input size: found 20 and 19"),
        ({"weights": (1, 96, 20)}, "tensors disagree about the gates: found 96 and 128"),
        ({"weights": (128, 20)}, "tensors of the wrong rank"),
    ],
)
def test_contradictions(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    net = ModelBuilder()
    weights = net.weight(*change.pop("weights", (1, 128, 20)))
    net.node("LSTM", net.input(5, 2, 20), weights, net.weight(1, 128, 32), name="rnn", **change)
    with pytest.raises(InputError) as error:
        load_onnx(net.save(tmp_path))
    assert message in str(error.value)
