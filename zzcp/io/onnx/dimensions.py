"""Sizes of the tensors of an ONNX model: open dimensions and shape inference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from zzcp.errors import InputError, Place, nearest
from zzcp.workload.checks import MAX_LOOP

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorShapeProto, ValueInfoProto

KEPT_ELEMENTS = 1024
"""Initializers up to this size keep their values: shapes may be computed from them."""

_DATA_FIELDS = (
    "float_data",
    "int32_data",
    "string_data",
    "int64_data",
    "double_data",
    "uint64_data",
    "raw_data",
)


class _OpenDimension(NamedTuple):
    """A size of a graph input that the file leaves open; `key` is its name, or ``input[axis]`` without one."""

    key: str
    value: ValueInfoProto
    axis: int

    @property
    def place(self) -> str:
        return f"{self.value.name}[{self.axis}]"

    @property
    def proto(self) -> TensorShapeProto.Dimension:
        dim: TensorShapeProto.Dimension = self.value.type.tensor_type.shape.dim[self.axis]
        return dim


def set_dimensions(model: ModelProto, dimensions: Mapping[str, int]) -> tuple[str, ...]:
    """Fix the open dimensions of a model's inputs, in place.

    Parameters
    ----------
    model : ModelProto
        The model.
    dimensions : mapping of str to int
        Sizes by symbol (``sequence``) or by place (``input_ids[1]``). A first dimension that is not given is a
        batch of 1, as in ZigZag, unless its symbol also stands at another axis.

    Returns
    -------
    tuple of str
        The dimensions that stay open.

    Raises
    ------
    InputError
        If a name is unknown or a size out of range.
    """
    found = list(_open_dimensions(model.graph))
    _check_dimensions(dimensions, found)
    inner = {dim.key for dim in found if dim.axis > 0}
    sizes: dict[str, int] = {}
    for dim in found:
        size = dimensions.get(dim.place, dimensions.get(dim.key))
        if size is None and dim.axis == 0 and dim.key not in inner:
            size = 1
        if size is None:
            continue
        if sizes.setdefault(dim.key, size) != size:
            raise InputError(
                f"dimension {dim.key!r} is given two sizes",
                found=f"{sizes[dim.key]} and {size} ({dim.place})",
            )
    for dim in found:
        if dim.key in sizes:
            dim.proto.dim_value = sizes[dim.key]
    _substitute(model.graph, sizes)
    return tuple(dict.fromkeys(dim.key for dim in found if dim.key not in sizes))


def _open_dimensions(graph: GraphProto) -> Iterator[_OpenDimension]:
    constants = {tensor.name for tensor in graph.initializer}
    for value in graph.input:
        if value.name in constants or not value.type.HasField("tensor_type"):
            continue
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            # a batch of 0 is how some exporters write an open batch
            if not dim.HasField("dim_value") or (axis == 0 and dim.dim_value == 0):
                yield _OpenDimension(dim.dim_param or f"{value.name}[{axis}]", value, axis)
            elif dim.dim_value < 1:
                raise InputError(
                    "size out of range",
                    place=Place(field=f"graph input {value.name}"),
                    expected="at least 1",
                    found=f"{dim.dim_value} on axis {axis}",
                )


def _check_dimensions(dimensions: Mapping[str, int], found: list[_OpenDimension]) -> None:
    known = tuple(dict.fromkeys(key for dim in found for key in (dim.key, dim.place)))
    for key, size in dimensions.items():
        if key not in known:
            raise InputError(
                "the model has no such open dimension",
                expected=", ".join(known) or "none: every dimension of its inputs is fixed",
                found=repr(key),
                hint=nearest(key, known),
            )
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_LOOP:
            raise InputError(
                f"dimension {key!r}: size out of range", expected=f"1 to {MAX_LOOP}", found=repr(size)
            )


def _substitute(graph: GraphProto, sizes: Mapping[str, int]) -> None:
    """Put sizes for symbols everywhere; a size of 0 and a shape without axes mean that it is not known."""
    for value in (*graph.output, *graph.value_info):
        if not value.type.HasField("tensor_type"):
            continue
        if not value.type.tensor_type.shape.dim:
            value.type.tensor_type.ClearField("shape")
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
            elif dim.HasField("dim_value") and dim.dim_value == 0:
                dim.ClearField("dim_value")
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _substitute(attribute.g, sizes)


def infer_shapes(model: ModelProto) -> ModelProto:
    """Return the model with the shapes that the onnx package infers; large weights lose their values first.

    Raises
    ------
    InputError
        If the onnx package cannot process the model at all.
    """
    import onnx  # noqa: PLC0415 - an optional dependency

    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) > KEPT_ELEMENTS:
            for field in _DATA_FIELDS:
                tensor.ClearField(field)
    # the package refuses nodes of a domain without a version, although it skips what it does not know
    imported = {opset.domain for opset in model.opset_import}
    for domain in {node.domain for node in model.graph.node} - imported:
        model.opset_import.add(domain=domain, version=1 if domain else onnx.defs.onnx_opset_version())
    try:
        return onnx.shape_inference.infer_shapes(model, strict_mode=False, data_prop=True)
    except Exception as error:  # the package raises several unrelated types, RuntimeError among them
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            "shapes are missing in the file and shape inference fails",
            found=lines[0][:200],
            hint="store the model after onnx.shape_inference.infer_shapes",
        ) from error
