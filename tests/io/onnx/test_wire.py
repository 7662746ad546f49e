"""Bytes without the values of weights: the same model but for those, or a refusal where protobuf refuses, too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from tests.io.onnx.builders import ModelBuilder, subgraph, vit_block
from zzcp.io.onnx.wire import SMALL_BYTES, without_values


def weighted() -> onnx.ModelProto:
    """Return a model with large values wherever a model may have some, and small ones beside them."""
    large = numpy_helper.from_array(np.arange(5000, dtype=np.float32), "large")
    inner = subgraph([helper.make_node("Constant", [], ["c"], value=large)])
    inner.initializer.append(large)
    net = ModelBuilder()
    net.input(name="condition", dtype=TensorProto.BOOL)
    net.values(1, 2, 3)
    net.node("If", "condition", then_branch=inner, else_branch=inner, name="if")
    net.node("Constant", value=large)
    model = net.build()
    model.graph.initializer.append(large)
    model.graph.initializer.append(helper.make_tensor("packed", TensorProto.INT64, [4000], range(4000)))
    model.graph.sparse_initializer.add(values=large, indices=large, dims=[9999])
    model.doc_string = "x" * 20_000
    return model


def stripped(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model without large values, by way of protobuf."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    waiting = [copy.graph]
    for graph in waiting:
        tensors = [
            *graph.initializer,
            *(part for s in graph.sparse_initializer for part in (s.values, s.indices)),
        ]
        for node in graph.node:
            tensors += [attribute.t for attribute in node.attribute if attribute.HasField("t")]
            waiting += [attribute.g for attribute in node.attribute if attribute.HasField("g")]
        for tensor in tensors:
            for field in ("raw_data", "int64_data"):
                if tensor.ByteSize() > SMALL_BYTES:
                    tensor.ClearField(field)
    return copy


@pytest.mark.parametrize("make", [weighted, vit_block])
def test_everything_but_large_values_stays(make: object) -> None:
    model = make()  # type: ignore[operator]
    light = without_values(memoryview(model.SerializeToString()))
    assert onnx.load_model_from_string(light) == stripped(model)
    assert len(light) < (40_000 if make is weighted else 20_000)


MODEL = weighted().SerializeToString()


@given(st.data())
def test_damaged_bytes_are_refused_or_mean_what_protobuf_reads(data: st.DataObject) -> None:
    content = bytearray(MODEL)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, min(len(content), 400) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.sampled_from([len(content), 300, 21_000]))]
    try:
        light = without_values(memoryview(bytes(content)))
    except ValueError:
        return
    try:
        whole = onnx.load_model_from_string(bytes(content))
    except DecodeError:
        with pytest.raises(DecodeError):
            onnx.load_model_from_string(light)
        return
    assert onnx.load_model_from_string(light).graph.node == stripped(whole).graph.node


def with_a_hole(path: Path, size: int) -> Path:
    """Write a product whose weights are `size` bytes that no disk holds, at the end of the file."""
    net = ModelBuilder()
    net.node("MatMul", net.input(1, 1024), "w", name="product")
    tensor = TensorProto(name="w", dims=[1024, size // 4096], data_type=TensorProto.FLOAT).SerializeToString()
    tensor += b"\x4a" + varint(size)  # raw_data
    graph = b"\x2a" + varint(len(tensor) + size) + tensor  # an initializer, in a second part of the graph
    model = net.build().SerializeToString() + b"\x3a" + varint(len(graph) + size) + graph
    with path.open("wb") as file:
        file.write(model)
        file.truncate(len(model) + size)
    return path


def varint(value: int) -> bytes:
    return (
        b""
        if value < 0
        else bytes([value & 127 | 128]) + varint(value >> 7)
        if value > 127
        else bytes([value])
    )


def test_weights_take_no_memory(tmp_path: Path) -> None:
    """Two files with 1.9 GB and 4 KB of weights: both are read within the same memory, but for some MB."""
    code = (
        "import resource, sys; from zzcp.io.onnx import load_onnx; (layer,) = load_onnx(sys.argv[1]); "
        "print(layer.tensor_size('W'), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    found = []
    for size in (4096, 1_900 * 2**20):
        path = with_a_hole(tmp_path / f"{size}.onnx", size)
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        elements, kilobytes = map(int, done.stdout.split())
        assert elements == size // 4
        found.append(kilobytes)
    assert found[1] - found[0] < 50_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x3a\xff\xff\xff\xff\x0f", "a field beyond the end"),
        (b"\x3a", "a number without an end"),
        (b"\xff" * 12, "a number without an end"),
        (b"\x0b", "a field of an unknown kind"),
        (b"\x09\x00", "a field beyond the end"),
        (b"\x00\x00", "a field beyond the end"),
    ],
)
def test_what_is_no_message(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        without_values(memoryview(content))
