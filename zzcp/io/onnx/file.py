"""Reading an ONNX file: bytes to a model, and the checks that come before anything else is believed."""

from __future__ import annotations

from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from zzcp.errors import InputError, Place
from zzcp.io.onnx.wire import without_values

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

MAX_FILE_BYTES = 2**31 - 1
"""Largest model file accepted: what one protobuf message can hold."""
MAX_NODES = 100_000
"""Largest number of nodes accepted, those inside nodes included: some 20 s of reading."""
MAX_NAME = 1024
"""Longest name accepted, so that messages stay readable."""


def read_model(path: Path) -> ModelProto:
    """Read an ONNX file without the values of its weights, whether they are in the file or beside it.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        If the onnx package is missing, the file cannot be read or is no ONNX model, or it refers to data
        outside its folder.
    """
    try:
        import onnx  # noqa: PLC0415 - an optional dependency
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            "reading ONNX files needs the onnx package", place=Place(str(path)), hint="pip install zzcp[onnx]"
        ) from error
    size = _size(path)
    try:
        model = onnx.load_model_from_string(_light(path, size))
    except (DecodeError, ValueError, RecursionError) as error:
        raise InputError(
            "not an ONNX model, or a truncated one",
            place=Place(str(path)),
            expected="a binary .onnx file",
            found=f"{size} bytes that do not parse",
        ) from error
    if not model.HasField("graph") or not model.graph.node:
        raise InputError(
            "not an ONNX model", place=Place(str(path)), expected="a graph with nodes", found="no nodes"
        )
    nodes = sum(len(graph.node) for graph in _graphs(model))
    if nodes > MAX_NODES:
        raise InputError(
            "the model is too large",
            place=Place(str(path)),
            expected=f"at most {MAX_NODES} nodes",
            found=str(nodes),
        )
    _check_text(model, path)
    check_external_data(model, path)
    return model


def _light(path: Path, size: int) -> bytes:
    """Return the bytes of a file without the values of large tensors, of which no page is read."""
    if not size:
        return b""
    try:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            view = memoryview(content)
            try:
                return without_values(view)
            finally:
                view.release()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot read the model: {reason}", place=Place(str(path))) from error


def _size(path: Path) -> int:
    place = Place(str(path))
    try:
        if path.exists() and not path.is_file():
            raise InputError("cannot read the model", place=place, expected="a file", found="something else")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(
                "the model file is too large",
                place=place,
                expected="at most 2 GB",
                found=f"{size / 2**30:.1f} GB",
                hint="save the weights as external data; they are not read",
            )
        return size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read the model: {reason}", place=place) from error


def check_external_data(model: ModelProto, path: Path) -> None:
    """Refuse a model whose external data lies outside the model's folder.

    The data itself is never read; but a path that leaves the folder is a trap for the next tool.

    Raises
    ------
    InputError
        If a location is missing, absolute, contains ``..``, or leads out of the folder through a link.
    """
    safe: set[str] = set()
    for label, tensor in _tensors(model):
        if tensor.data_location != tensor.EXTERNAL and not tensor.external_data:
            continue
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), None)
        if location in safe:
            continue
        problem = "no location" if not location else _outside(location, path.parent)
        if problem:
            raise InputError(
                "external data must lie in the folder of the model",
                place=Place(str(path), field=f"{label}: location"),
                expected="a relative path below it",
                found=f"{location!r} ({problem})" if location else problem,
            )
        safe.add(str(location))


def _outside(location: str, folder: Path) -> str | None:
    """Return how a location leaves the folder, or None."""
    windows, posix = PureWindowsPath(location), PurePosixPath(location)
    if posix.is_absolute() or windows.drive or windows.root:
        return "absolute path"
    if ".." in posix.parts or ".." in windows.parts:
        return "contains '..'"
    try:
        home = folder.resolve()
        if not (home / location).resolve().is_relative_to(home):
            return "a link leads out of the folder"
    except (OSError, ValueError, RuntimeError) as error:
        return f"not a usable path: {error}"
    return None


def _tensors(model: ModelProto) -> Iterator[tuple[str, TensorProto]]:
    """Yield every tensor stored in the model, with what it is called in a message."""
    nodes = [node for function in model.functions for node in function.node]
    for graph in _graphs(model):
        nodes += graph.node
        for tensor in graph.initializer:
            yield f"initializer {tensor.name}", tensor
        for sparse in graph.sparse_initializer:
            yield f"sparse initializer {sparse.values.name}", sparse.values
            yield f"sparse initializer {sparse.values.name}", sparse.indices
    for node in nodes:
        for attribute in node.attribute:
            label = f"node {node.name or node.op_type}, attribute {attribute.name}"
            sparse_tensors = (attribute.sparse_tensor, *attribute.sparse_tensors)
            parts = [part for sparse in sparse_tensors for part in (sparse.values, sparse.indices)]
            for tensor in (attribute.t, *attribute.tensors, *parts):
                yield label, tensor


def _graphs(model: ModelProto) -> Iterator[GraphProto]:
    """Yield every graph of the model, those inside nodes included."""
    waiting = [model.graph]
    for training in model.training_info:
        waiting += [training.initialization, training.algorithm]
    nodes = [node for function in model.functions for node in function.node]
    while waiting or nodes:
        for node in nodes:
            for attribute in node.attribute:
                waiting += [attribute.g] if attribute.HasField("g") else []
                waiting += attribute.graphs
        nodes = []
        for graph in waiting:
            yield graph
            nodes += graph.node
        waiting = []


def _check_text(model: ModelProto, path: Path) -> None:
    """Refuse names that are no text, which protobuf hands on as bytes, and absurdly long ones."""
    names: list[str | bytes] = [entry.domain for entry in model.opset_import]
    nodes: list[NodeProto] = []
    for function in model.functions:
        names += [function.domain, function.name, *function.input, *function.output, *function.attribute]
        names += [entry.domain for entry in function.opset_import]
        nodes += function.node
    for _, tensor in _tensors(model):
        names += [text for entry in tensor.external_data for text in (entry.key, entry.value)]
    for graph in _graphs(model):
        names += [tensor.name for tensor in graph.initializer]
        names += [sparse.values.name for sparse in graph.sparse_initializer]
        nodes += graph.node
        for value in (*graph.input, *graph.output, *graph.value_info):
            names += [value.name, *(dim.dim_param for dim in value.type.tensor_type.shape.dim)]
    for node in nodes:
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [attribute.name for attribute in node.attribute]
    for name in names:
        if not isinstance(name, str) or len(name) > MAX_NAME:
            raise InputError(
                "not an ONNX model, or a damaged one",
                place=Place(str(path)),
                expected=f"names in UTF-8 of at most {MAX_NAME} characters",
                found=repr(name[:40]),
            )
