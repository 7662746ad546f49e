"""Bad files that are no text: each function writes one, and is named for what is wrong with it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from tests.io.onnx.builders import ModelBuilder
from zzcp.solver.cache import store as cache
from zzcp.sweeps import store

HUGE = 2**62


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


def link_to_the_zero_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def too_large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


def byte_order_mark_of_utf16(path: Path) -> None:
    path.write_bytes("name: x".encode("utf-16"))


# ---- ONNX ------------------------------------------------------------------------------------------------------


def _saved(path: Path, model: onnx.ModelProto, change: Callable[[bytes], bytes] = lambda raw: raw) -> None:
    path.write_bytes(change(model.SerializeToString()))


def _matmul(*shape: int | str | None, k: int = 7, **options: Any) -> ModelBuilder:
    net = ModelBuilder(**options)
    net.node("MatMul", net.input(*(shape or (5, 6))), net.weight(6, k, name="w"), name="product")
    return net


def _conv(
    weight: tuple[int, ...] = (8, 4, 3, 3), image: tuple[int, ...] = (1, 4, 9, 9), **attributes: Any
) -> Any:
    net = ModelBuilder()
    net.node("Conv", net.input(*image), net.weight(*weight), name="conv", **attributes)
    return net.build()


def field(number: int, content: bytes) -> bytes:
    """Return a field as protobuf writes it."""
    size, length = len(content), b""
    while size > 127:
        length += bytes([size % 128 + 128])
        size //= 128
    return bytes([number * 8 + 2]) + length + bytes([size]) + content


def onnx_empty(path: Path) -> None:
    path.write_bytes(b"")


def onnx_text(path: Path) -> None:
    path.write_text("memories: {}\n")


def onnx_random(path: Path) -> None:
    path.write_bytes(bytes(range(255, 0, -1)) * 40)


def onnx_cut(path: Path) -> None:
    _saved(path, _matmul().build(), lambda raw: raw[:-20])


def onnx_without_nodes(path: Path) -> None:
    net = _matmul()
    model = net.build()
    del model.graph.node[:]
    _saved(path, model)


def onnx_without_graph(path: Path) -> None:
    model = _matmul().build()
    model.ClearField("graph")
    _saved(path, model)


def onnx_huge_dimension(path: Path) -> None:
    _saved(path, _matmul(HUGE, 6).build())


def onnx_huge_weights(path: Path) -> None:
    _saved(path, _matmul(k=HUGE).build())


def onnx_negative_dimension(path: Path) -> None:
    _saved(path, _matmul(-5, 6).build())


def onnx_open_dimension(path: Path) -> None:
    _saved(path, _matmul("batch", 6).build())


def onnx_other_sizes(path: Path) -> None:
    _saved(path, _matmul(5, 9).build())


def onnx_cycle(path: Path) -> None:
    net = _matmul()
    model = net.build()
    model.graph.node.append(helper.make_node("Add", ["b", "b"], ["a"], "first"))
    model.graph.node.append(helper.make_node("Add", ["a", "a"], ["b"], "second"))
    _saved(path, model)


def onnx_reads_its_own_output(path: Path) -> None:
    model = _matmul().build()
    model.graph.node[0].input[0] = model.graph.node[0].output[0]
    _saved(path, model)


def onnx_output_twice(path: Path) -> None:
    net = _matmul()
    model = net.build()
    again = model.graph.node.add()
    again.CopyFrom(model.graph.node[0])
    _saved(path, model)


def onnx_input_from_nowhere(path: Path) -> None:
    model = _matmul().build()
    model.graph.node[0].input[0] = "nowhere"
    _saved(path, model)


def onnx_lacks_an_input(path: Path) -> None:
    model = _matmul().build()
    del model.graph.node[0].input[1]
    _saved(path, model)


def onnx_lacks_its_output(path: Path) -> None:
    model = _matmul().build()
    del model.graph.node[0].output[:]
    _saved(path, model)


def onnx_name_no_text(path: Path) -> None:
    _saved(path, _matmul().build(), lambda raw: raw.replace(b"product", b"pr\xff\xfect"))


def onnx_long_name(path: Path) -> None:
    model = _matmul().build()
    model.graph.node[0].name = "x" * 10**6
    _saved(path, model)


def _external(path: Path, location: str | None) -> None:
    net = _matmul()
    tensor = net.initializers[0]
    tensor.data_location = TensorProto.EXTERNAL
    if location is not None:
        tensor.external_data.add(key="location", value=location)
    _saved(path, net.build())


def onnx_data_at_an_absolute_path(path: Path) -> None:
    _external(path, f"{os.sep}data.bin")


def onnx_data_above_the_folder(path: Path) -> None:
    _external(path, "../data.bin")


def onnx_data_on_a_drive(path: Path) -> None:
    _external(path, "C:\\data.bin")


def onnx_data_through_a_link(path: Path) -> None:
    path.with_name("out").symlink_to("..", target_is_directory=True)
    _external(path, "out/data.bin")


def onnx_data_without_location(path: Path) -> None:
    _external(path, None)


def onnx_conv_group_zero(path: Path) -> None:
    _saved(path, _conv(group=0))


def onnx_conv_group_of_three(path: Path) -> None:
    _saved(path, _conv(group=3))


def onnx_conv_stride_zero(path: Path) -> None:
    _saved(path, _conv(strides=[0, 0]))


def onnx_conv_negative_stride(path: Path) -> None:
    _saved(path, _conv(strides=[-1, 1]))


def onnx_conv_dilation_zero(path: Path) -> None:
    _saved(path, _conv(dilations=[0, 1]))


def onnx_conv_three_strides(path: Path) -> None:
    _saved(path, _conv(strides=[1, 1, 1]))


def onnx_conv_text_for_strides(path: Path) -> None:
    _saved(path, _conv(strides="one"))


def onnx_conv_huge_pads(path: Path) -> None:
    _saved(path, _conv(pads=[HUGE] * 4))


def onnx_conv_negative_pads(path: Path) -> None:
    _saved(path, _conv(pads=[-1, -1, -1, -1]))


def onnx_conv_filter_too_large(path: Path) -> None:
    _saved(path, _conv((8, 4, 30, 30)))


def onnx_conv_other_kernel_shape(path: Path) -> None:
    _saved(path, _conv(kernel_shape=[5, 5]))


def onnx_conv_flat_weights(path: Path) -> None:
    _saved(path, _conv((8, 4)))


def onnx_conv_auto_pad(path: Path) -> None:
    _saved(path, _conv(auto_pad="SOMEHOW"))


def onnx_einsum_malformed(path: Path) -> None:
    net = ModelBuilder()
    net.node("Einsum", net.input(3, 4), net.input(4, 5), name="sum", equation="ij,jk->->ik")
    _saved(path, net.build())


def onnx_einsum_disagrees(path: Path) -> None:
    net = ModelBuilder()
    net.node("Einsum", net.input(3, 4), net.input(5, 6), name="sum", equation="ij,jk->ik")
    _saved(path, net.build())


def onnx_function_calls_itself(path: Path) -> None:
    model = _matmul().build()
    node = helper.make_node("Loop1", ["a"], ["b"], domain="own")
    model.functions.append(
        helper.make_function("own", "Loop1", ["a"], ["b"], [node], [helper.make_opsetid("own", 1)])
    )
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.node.append(helper.make_node("Loop1", ["t0"], ["end"], "call", domain="own"))
    _saved(path, model)


def onnx_deep(path: Path) -> None:
    """Branches in branches, deeper than protobuf reads."""
    graph = b""
    for _ in range(500):
        graph = field(1, field(5, field(6, graph)))  # a node with an attribute that is a graph
    path.write_bytes(field(7, graph))


def onnx_many_nodes(path: Path) -> None:
    """More nodes than are accepted, in bytes that repeat: building them one by one would take long."""
    model = _matmul().build()
    raw = helper.make_node("Relu", ["input0"], ["x"]).SerializeToString()
    graph = model.graph.SerializeToString() + (bytes([0x0A, len(raw)]) + raw) * 100_001
    model.ClearField("graph")
    path.write_bytes(model.SerializeToString() + field(7, graph))


# ---- databases -------------------------------------------------------------------------------------------------


def _database(path: Path, *statements: str) -> None:
    database = sqlite3.connect(path)
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()


def database_of_something_else(path: Path) -> None:
    _database(path, "CREATE TABLE birds (name TEXT)")


def database_of_text(path: Path) -> None:
    path.write_text("points: []\n" * 100)


def database_of_zeros(path: Path) -> None:
    path.write_bytes(bytes(8192))


def sweep_cut(path: Path) -> None:
    _sweep(path)
    path.write_bytes(path.read_bytes()[:5000])


def sweep_overwritten(path: Path) -> None:
    _sweep(path)
    raw = path.read_bytes()
    path.write_bytes(raw[:4096] + b"\xa5" * (len(raw) - 4096))


def sweep_without_columns(path: Path) -> None:
    _database(
        path, f"PRAGMA application_id = {store.APPLICATION}", "CREATE TABLE points (key TEXT PRIMARY KEY)"
    )


def _sweep(path: Path) -> None:
    """Write a database with as many rows as fill some pages."""
    _database(
        path,
        f"PRAGMA application_id = {store.APPLICATION}",
        "CREATE TABLE points (key TEXT PRIMARY KEY, solved TEXT NOT NULL, what TEXT NOT NULL, "
        "time_limit REAL NOT NULL, gap REAL NOT NULL, outcome TEXT NOT NULL)",
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
        "INSERT INTO points SELECT 'key' || i, '', '{}', 1, 0, '{}' FROM n",
    )


def cache_cut(path: Path) -> None:
    _database(
        path,
        f"PRAGMA application_id = {cache.APPLICATION}",
        "CREATE TABLE solved (key TEXT PRIMARY KEY, code TEXT NOT NULL, gap REAL NOT NULL, saved TEXT NOT NULL, "
        "digest TEXT NOT NULL, entry TEXT NOT NULL)",
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
        "INSERT INTO solved SELECT 'key' || i, '', 0, '', '', '{}' FROM n",
    )
    path.write_bytes(path.read_bytes()[:5000])
