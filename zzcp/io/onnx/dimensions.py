"""Sizes of the tensors of an ONNX model: open dimensions and shape inference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from zzcp.checks import among, repr_of
from zzcp.errors import InputError, Place
from zzcp.io.onnx.graph import UNKNOWN
from zzcp.workload.checks import MAX_LOOP

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorShapeProto, ValueInfoProto

_BATCH = re.compile(r"batch|^(?:b|n|bs|bsz|bn)$", re.IGNORECASE)
"""Names of an open first dimension that is the batch."""
_NAMELESS = re.compile(
    r"^(?:\?|(?:.*dynamic_?dim(?:ension)?|dim|unk|unnamed|dyn|s|d)[._]*\d+)$|^$", re.IGNORECASE
)
"""Names that exporters make up where the user gives none: they say nothing about the dimension."""


_INTEGERS = (6, 7)
"""Numbers of int32 and int64 in ``onnx.TensorProto.DataType``."""


class OpenDimensions(NamedTuple):
    """What a model leaves open.

    Attributes
    ----------
    left : tuple of str
        Dimensions without a size.
    batches : tuple of str
        First dimensions that were taken for a batch of 1.
    values : mapping of str to int
        Values of scalar inputs that the user gives.
    scalars : tuple of str
        Scalar inputs without a value.
    """

    left: tuple[str, ...]
    batches: tuple[str, ...]
    values: Mapping[str, int]
    scalars: tuple[str, ...]


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


def set_dimensions(model: ModelProto, dimensions: Mapping[str, int]) -> OpenDimensions:
    """Fix the open dimensions of a model's inputs, in place.

    Parameters
    ----------
    model : ModelProto
        The model.
    dimensions : mapping of str to int
        Sizes by symbol (``sequence``) or by place (``input_ids[1]``). A first dimension that is not given is a
        batch of 1, as in ZigZag, if its name says so or says nothing and does not stand at another axis, too. The
        name of an integer input of one element (a sampling rate, say) gives its value: branches may depend on it.

    Returns
    -------
    OpenDimensions
        The dimensions that stay open, and those that were taken for a batch of 1.

    Raises
    ------
    InputError
        If a name is unknown or a size out of range.
    """
    found = list(_open_dimensions(model.graph))
    scalars = _scalars(model.graph)
    _check_dimensions(dimensions, found, scalars)
    inner = {dim.key for dim in found if dim.axis > 0}
    sizes: dict[str, int] = {}
    batches: list[str] = []
    for dim in found:
        size = dimensions.get(dim.place, dimensions.get(dim.key))
        if size is None and dim.axis == 0 and _is_batch(dim, dim.key in inner):
            size = 1
            batches.append(dim.key)
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
    left = tuple(dict.fromkeys(dim.key for dim in found if dim.key not in sizes))
    values = {name: dimensions[name] for name in scalars if name in dimensions}
    unset = tuple(name for name in scalars if name not in dimensions)
    return OpenDimensions(left, tuple(dict.fromkeys(batches)), values, unset)


def _scalars(graph: GraphProto) -> tuple[str, ...]:
    """Return the integer inputs of one element."""
    found = []
    for value in graph.input:
        kind = value.type.tensor_type
        sizes = [dim.dim_value for dim in kind.shape.dim]
        if kind.HasField("shape") and kind.elem_type in _INTEGERS and sizes in ([], [1]):
            found.append(value.name)
    return tuple(found)


def _is_batch(dim: _OpenDimension, elsewhere: bool) -> bool:
    """Return whether the name of an open first dimension is that of a batch.

    One that says nothing is, too, unless it stands `elsewhere`, at another axis.
    """
    name = dim.proto.dim_param
    return _BATCH.search(name) is not None or (not elsewhere and _NAMELESS.match(name) is not None)


def _open_dimensions(graph: GraphProto) -> Iterator[_OpenDimension]:
    constants = {tensor.name for tensor in graph.initializer}
    for value in graph.input:
        if value.name in constants or not value.type.HasField("tensor_type"):
            continue
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            # -1 is how some exporters write an open dimension, and 0 an open batch
            if not dim.HasField("dim_value") or dim.dim_value == -1 or (axis == 0 and dim.dim_value == 0):
                name = dim.dim_param if dim.dim_param != UNKNOWN else ""
                yield _OpenDimension(name or f"{value.name}[{axis}]", value, axis)
            elif dim.dim_value < 1:
                raise InputError(
                    "size out of range",
                    place=Place(field=f"graph input {value.name}"),
                    expected="at least 1",
                    found=f"{dim.dim_value} on axis {axis}",
                )


def _check_dimensions(
    dimensions: Mapping[str, int], found: list[_OpenDimension], scalars: tuple[str, ...]
) -> None:
    known = (*dict.fromkeys(key for dim in found for key in (dim.key, dim.place)), *scalars)
    for key, size in dimensions.items():
        none = "none: every dimension of its inputs is fixed"
        message = "the model has no such open dimension"
        among(key, known, message, found=repr(key), none=none, near=True)
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_LOOP:
            raise InputError(
                f"dimension {key!r}: size out of range", expected=f"1 to {MAX_LOOP}", found=repr_of(size)
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
            elif dim.HasField("dim_value") and dim.dim_value in (0, -1):
                dim.ClearField("dim_value")
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _substitute(attribute.g, sizes)
