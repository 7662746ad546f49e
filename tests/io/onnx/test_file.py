"""Files that are no ONNX models, and external data that is not where it belongs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from tests.corpus.builders import field
from tests.io.onnx.builders import ModelBuilder, save, subgraph, vit_block
from zzcp.errors import InputError
from zzcp.io.onnx.file import MAX_FILE_BYTES
from zzcp.io.onnx.reader import load_onnx


def external(tensor: TensorProto, location: str | None) -> TensorProto:
    """Say that the values of a tensor are in another file."""
    tensor.data_location = TensorProto.EXTERNAL
    if location is not None:
        tensor.external_data.add(key="location", value=location)
    return tensor


def model_with(location: str | None) -> onnx.ModelProto:
    net = ModelBuilder()
    net.node("MatMul", net.input(5, 6), net.weight(6, 7, name="w"))
    external(net.initializers[0], location)
    return net.build()


# ---- files ----------------------------------------------------------------------------------------------------


def with_function(operator: str) -> onnx.ModelProto:
    """Return a model with a function, of which one node has an operator of its own."""
    model = vit_block()
    node = helper.make_node(operator, ["inside"], ["done"], domain="own")
    opsets = [helper.make_opsetid("own", 1)]
    model.functions.append(helper.make_function("own", "Outer", ["inside"], ["done"], [node], opsets))
    return model


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an ONNX model: expected a graph with nodes, found no nodes"),
        (b"memories:\n  sram: {}\n", "not an ONNX model"),
        (b"\x08\x07", "expected a graph with nodes"),
        (vit_block().SerializeToString()[:-700], "not an ONNX model, or a truncated one"),
        (b"\xff" * 1000, "1000 bytes that do not parse"),
        (os.urandom(1 << 20), "not an ONNX model"),
        (vit_block().SerializeToString().replace(b"query", b"qu\xffry"), "names in UTF-8"),
        (with_function("Inner").SerializeToString().replace(b"Inner", b"In\xffer"), "names in UTF-8"),
        (with_function("Inner").SerializeToString().replace(b"inside", b"in\xffide"), "names in UTF-8"),
        (b"\x3a\x03\x62\x01\x00" * 20000, "not an ONNX model"),
    ],
    ids=[
        "empty",
        "yaml",
        "no graph",
        "truncated",
        "bytes",
        "random",
        "no text",
        "operator in a function",
        "name in a function",
        "groups",
    ],
)
def test_not_a_model(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        load_onnx(path)
    assert message in str(error.value)
    assert error.value.place.file == str(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the model: No such file or directory"):
        load_onnx(tmp_path / "missing.onnx")
    with pytest.raises(InputError, match="cannot read the model: expected a file"):
        load_onnx(tmp_path)
    with pytest.raises(InputError, match="path: expected a name that a file can have"):
        load_onnx("null\0byte")


def test_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(InputError, match="expected a file"):
        load_onnx(tmp_path / "pipe.onnx")


def test_file_of_more_than_two_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(
        InputError, match=r"too large: expected at most 2 GB, found 2\.0 GB \(save the weights"
    ):
        load_onnx(path)


def test_deep_nesting(tmp_path: Path) -> None:
    leaf = subgraph([helper.make_node("Relu", ["input0"], ["a"])])
    branch = leaf
    for _ in range(20):
        choice = helper.make_node("If", ["input0"], ["a"], then_branch=branch, else_branch=leaf)
        branch = subgraph([helper.make_node("Relu", ["input0"], ["b"]), choice])
    net = ModelBuilder()
    net.input(1)
    net.nodes += branch.node
    found = [node.operator for node in load_onnx(net.save(tmp_path)).skipped]
    assert found == ["Relu", "If"] * 20 + ["Relu"]


def test_nesting_too_deep_for_protobuf(tmp_path: Path) -> None:
    graph = b""
    for _ in range(500):
        graph = field(1, field(5, field(6, graph)))  # a node with an attribute that is a graph
    path = tmp_path / "deep.onnx"
    path.write_bytes(field(7, graph))
    with pytest.raises(InputError, match="not an ONNX model"):
        load_onnx(path)


def test_number_of_nodes_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zzcp.io.onnx.file.MAX_NODES", 30)
    with pytest.raises(InputError, match="too large: expected at most 30 nodes, found"):
        load_onnx(save(vit_block(), tmp_path))


def test_long_names_are_refused(tmp_path: Path) -> None:
    net = ModelBuilder()
    net.node("Relu", net.input(1, name="x" * 10**6))
    with pytest.raises(InputError) as error:
        load_onnx(net.save(tmp_path))
    assert len(str(error.value)) < 500


# ---- external data --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("location", ["weights.bin", "data/weights.bin", "./weights.bin"])
def test_external_data_need_not_exist(location: str, tmp_path: Path) -> None:
    (layer,) = load_onnx(save(model_with(location), tmp_path))
    assert layer.sizes == {"C": 6, "D": 5, "K": 7}


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        (f"{os.sep}etc{os.sep}passwd", "absolute path"),
        ("C:\\weights.bin", "absolute path"),
        ("\\\\host\\share\\w", "absolute path"),
        ("../weights.bin", "contains '..'"),
        ("data/../../weights.bin", "contains '..'"),
        ("data\\..\\..\\weights.bin", "contains '..'"),
        ("a/../b", "contains '..'"),
        ("null\0byte", "not a usable path"),
        (None, "no location"),
        ("", "no location"),
    ],
)
def test_external_data_outside_the_folder(location: str | None, problem: str, tmp_path: Path) -> None:
    path = save(model_with(location), tmp_path)
    with pytest.raises(InputError) as error:
        load_onnx(path)
    assert "external data must lie in the folder of the model" in str(error.value)
    assert problem in str(error.value)
    assert error.value.place.file == str(path)
    assert error.value.place.field == "initializer w: location"


@pytest.mark.parametrize("kind", ["file", "folder", "loop"])
def test_links_that_leave_the_folder(kind: str, tmp_path: Path) -> None:
    folder, outside = tmp_path / "model", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "weights.bin").touch()
    if kind == "file":
        (folder / "weights.bin").symlink_to(outside / "weights.bin")
        location = "weights.bin"
    elif kind == "folder":
        (folder / "data").symlink_to(outside)
        location = "data/weights.bin"
    else:
        (folder / "loop").symlink_to(folder / "loop")
        location = "loop/weights.bin"
    with pytest.raises(InputError, match=r"a link leads out of the folder|not a usable path"):
        load_onnx(save(model_with(location), folder))


def test_links_inside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "real.bin").touch()
    (tmp_path / "weights.bin").symlink_to(tmp_path / "real.bin")
    assert len(load_onnx(save(model_with("weights.bin"), tmp_path))) == 1


def in_constant(tensor: TensorProto) -> onnx.ModelProto:
    net = ModelBuilder()
    net.input(1)
    net.nodes.append(helper.make_node("Constant", [], ["c"], "constant", value=tensor))
    return net.build()


def in_branch(tensor: TensorProto) -> onnx.ModelProto:
    branch = subgraph([helper.make_node("Relu", ["w"], ["a"])])
    branch.initializer.append(tensor)
    net = ModelBuilder()
    net.input(name="condition", dtype=TensorProto.BOOL)
    net.node("If", "condition", then_branch=branch, else_branch=branch)
    return net.build()


def in_function(tensor: TensorProto) -> onnx.ModelProto:
    net = ModelBuilder()
    net.node("Relu", net.input(1))
    model = net.build()
    body = [helper.make_node("Constant", [], ["y"], value=tensor)]
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("local", "f", [], ["y"], body, opsets))
    return model


def in_sparse_initializer(tensor: TensorProto) -> onnx.ModelProto:
    net = ModelBuilder()
    net.node("Relu", net.input(1))
    model = net.build()
    sparse = model.graph.sparse_initializer.add(dims=[6, 7])
    sparse.values.CopyFrom(tensor)
    return model


def in_training_info(tensor: TensorProto) -> onnx.ModelProto:
    net = ModelBuilder()
    net.node("Relu", net.input(1))
    model = net.build()
    model.training_info.add().initialization.initializer.append(tensor)
    return model


@pytest.mark.parametrize(
    "place", [in_constant, in_branch, in_function, in_sparse_initializer, in_training_info]
)
def test_every_tensor_of_the_file_is_checked(
    place: Callable[[TensorProto], onnx.ModelProto], tmp_path: Path
) -> None:
    tensor = external(TensorProto(name="w", dims=[6, 7], data_type=TensorProto.FLOAT), "../weights.bin")
    with pytest.raises(InputError, match="external data must lie in the folder of the model"):
        load_onnx(save(place(tensor), tmp_path))
