"""What is known of the tensors of a graph while it is read: types, shapes, and values that shapes are computed from.

Two parts of the onnx package do the work, node by node: its shape inference (``infer_node_outputs``) gives the type of
what a node computes, its reference implementation (``onnx.reference``) the value where that is small and its inputs are
known. Against inference of whole models with data propagation this also knows quotients, comparisons, ranges and
whatever else exporters compute shapes with. onnxruntime's symbolic inference was weighed (60 MB, and sympy
besides), and onnxslim (it rewrites the graph, so that nodes lose their positions).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zzcp.io.onnx.contrib import OTHER_DOMAINS, standard_twin, type_input
from zzcp.io.onnx.graph import STANDARD_DOMAINS

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto, TypeProto
    from onnx.reference import ReferenceEvaluator

KEPT_ELEMENTS = 1024
"""Values up to this size are kept: shapes may be computed from them."""
MAX_CHAIN = 200
"""Most nodes in a row that one value is computed from."""

_NAMES = """
    Abs Add And ArgMax ArgMin BitShift Cast Ceil Clip Concat ConstantOfShape CumSum Div Equal Expand Flatten Floor
    Gather GatherElements GatherND Greater GreaterOrEqual Identity Less LessOrEqual Max Min Mod Mul Neg NonZero Not
    Or Pad Pow Range Reciprocal ReduceMax ReduceMin ReduceProd ReduceSum Reshape Round ScatterElements ScatterND Sign
    Slice Split Sqrt Squeeze Sub Sum Tile TopK Transpose Trilu Unsqueeze Where Xor"""
_EVALUATED = frozenset(_NAMES.split())
"""Operators that exporters compute sizes and conditions with."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """The node that computes a tensor: its proto, the full names of its inputs, and which of its outputs it is."""

    proto: NodeProto
    inputs: tuple[str, ...]
    position: int
    version: int


@dataclass(slots=True)
class Tensors:
    """Types and values of tensors by their full names."""

    types: dict[str, TypeProto] = field(default_factory=dict)
    _stored: dict[str, TensorProto] = field(default_factory=dict)
    _origins: dict[str, _Origin] = field(default_factory=dict)
    _values: dict[str, np.ndarray[Any, Any] | None] = field(default_factory=dict)
    _evaluators: dict[tuple[bytes, int], ReferenceEvaluator] = field(default_factory=dict)

    def store(self, name: str, tensor: TensorProto) -> None:
        """Enter an initializer; its values are read when they are asked for."""
        self.types[name] = self.typed(tensor.data_type, tensor.dims)
        self._stored[name] = tensor

    def declare(self, name: str, declared: TypeProto) -> None:
        """Enter what a file says about a tensor, as far as nothing is known yet."""
        if name not in self.types:
            self.types[name] = declared

    def fix(self, name: str, value: np.ndarray[Any, Any]) -> None:
        """Enter a tensor with its value."""
        from onnx import helper  # noqa: PLC0415 - an optional dependency

        self.types[name] = _tensor_type(helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        self._values[name] = value

    def fill(self, name: str, declared: TypeProto, number: int) -> None:
        """Enter a tensor of a declared type of one element with its value."""
        from onnx import helper  # noqa: PLC0415 - an optional dependency

        dtype = helper.tensor_dtype_to_np_dtype(declared.tensor_type.elem_type)
        shape = [dim.dim_value for dim in declared.tensor_type.shape.dim]
        self.fix(name, np.full(shape, number, dtype=dtype))

    def alias(self, name: str, other: str) -> None:
        """Take over for a tensor what is known of a name that stands for it."""
        known = self.types.get(name)
        if known is not None and self.shape(other) is None:
            inferred = self.types.get(other)
            self.types[other] = known if inferred is None else _merged(known, inferred)

    @staticmethod
    def typed(element: int, shape: Sequence[int | None]) -> TypeProto:
        """Return the type of a tensor; None stands for a size that is not known."""
        return _tensor_type(element, shape)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Return the shape of a tensor if all of it is known."""
        found = self.types.get(name)
        if found is None or not found.HasField("tensor_type") or not found.tensor_type.HasField("shape"):
            return None
        dims = found.tensor_type.shape.dim
        return (
            tuple(dim.dim_value for dim in dims) if all(dim.HasField("dim_value") for dim in dims) else None
        )

    def infer(
        self, proto: NodeProto, inputs: Sequence[str], outputs: Sequence[str], opsets: Mapping[str, int]
    ) -> None:
        """Find the types of a node's outputs, as far as they follow from its inputs.

        Parameters
        ----------
        proto : NodeProto
            The node.
        inputs, outputs : sequence of str
            Full names of its tensors.
        opsets : mapping of str to int
            Version of the operators by domain.
        """
        version = opsets.get("", opsets.get("ai.onnx", 1))
        proto = standard_twin(proto)
        if proto.domain in STANDARD_DOMAINS:
            for position, name in enumerate(outputs):
                if name:
                    self._origins[name] = _Origin(proto, tuple(inputs), position, version)
        if all(not name or self.shape(name) is not None for name in outputs):
            return
        rule = OTHER_DOMAINS.get((proto.domain, proto.op_type))
        if rule is not None:
            shape = rule(proto, [self._vague(name) for name in inputs])
            typed = (
                self.types.get(inputs[position]) if (position := type_input(proto)) < len(inputs) else None
            )
            if shape is not None and outputs[0] and typed is not None:
                inferred = _tensor_type(typed.tensor_type.elem_type, shape)
                self.types[outputs[0]] = _merged(self.types.get(outputs[0]), inferred)
            return
        for local, inferred in self._inferred(proto, inputs, version).items():
            name = outputs[list(proto.output).index(local)]
            if name not in self.types or self.shape(name) is None:
                self.types[name] = _merged(self.types.get(name), inferred)

    def _inferred(self, proto: NodeProto, inputs: Sequence[str], version: int) -> Mapping[str, TypeProto]:
        import onnx  # noqa: PLC0415 - an optional dependency

        try:
            schema = onnx.defs.get_schema(proto.op_type, version, proto.domain)
        except onnx.defs.SchemaError:
            return {}
        known = dict(zip(proto.input, inputs, strict=False))
        types = {local: self.types.get(name, onnx.TypeProto()) for local, name in known.items() if local}
        opsets = [onnx.helper.make_opsetid(proto.domain, version)]
        try:
            data = {
                local: onnx.numpy_helper.from_array(value, local)
                for local, name in known.items()
                if local and (value := self._small(name)) is not None
            }
            return onnx.shape_inference.infer_node_outputs(schema, proto, types, data, opset_imports=opsets)
        except Exception:  # noqa: BLE001 - the package raises several unrelated types
            return {}  # what cannot be inferred stays unknown, and is said so where a layer needs it

    def _vague(self, name: str) -> tuple[int | None, ...] | None:
        """Return a shape, None in the place of unknown sizes."""
        found = self.types.get(name)
        if found is None or not found.tensor_type.HasField("shape"):
            return None
        return tuple(
            dim.dim_value if dim.HasField("dim_value") else None for dim in found.tensor_type.shape.dim
        )

    def _small(self, name: str) -> np.ndarray[Any, Any] | None:
        """Return the value of a tensor that may say a shape: a vector or a scalar."""
        found = self.types.get(name)
        if found is None or len(found.tensor_type.shape.dim) > 1:
            return None
        return self.value(name)

    def value(self, name: str, depth: int = 0) -> np.ndarray[Any, Any] | None:
        """Return the value of a tensor, or None where it is not known or too large."""
        if name in self._values:
            return self._values[name]
        value = None
        if name in self._stored:
            value = _stored_value(self._stored[name])
        elif name in self._origins and depth < MAX_CHAIN:
            value = self._computed(name, self._origins[name], depth)
        self._values[name] = value
        return value

    def _computed(self, name: str, origin: _Origin, depth: int) -> np.ndarray[Any, Any] | None:
        proto = origin.proto
        if proto.op_type == "Constant":
            return _constant_value(proto)
        if proto.op_type in ("Shape", "Size"):
            shape = self.shape(origin.inputs[0]) if origin.inputs else None
            return None if shape is None else _shape_value(proto, shape)
        if proto.op_type not in _EVALUATED:
            return None
        size = self.shape(name)
        # the indices of what is not zero are no more than what there is
        if proto.op_type != "NonZero" and (size is None or math.prod(size) > KEPT_ELEMENTS):
            return None
        values = []
        for tensor in origin.inputs:
            value = self.value(tensor, depth + 1) if tensor else None
            if tensor and value is None:
                return None
            values.append(value)
        return self._evaluated(origin, values)

    def _evaluated(
        self, origin: _Origin, values: Sequence[np.ndarray[Any, Any] | None]
    ) -> np.ndarray[Any, Any] | None:
        """Run a node in onnx's reference implementation."""
        from onnx import NodeProto, helper  # noqa: PLC0415 - an optional dependency
        from onnx.reference import ReferenceEvaluator  # noqa: PLC0415

        proto = NodeProto()
        proto.CopyFrom(origin.proto)
        proto.name = proto.doc_string = ""
        proto.input[:] = [f"i{i}" if name else "" for i, name in enumerate(proto.input)]
        proto.output[:] = [f"o{i}" if name else "" for i, name in enumerate(proto.output)]
        key = (proto.SerializeToString(deterministic=True), origin.version)
        feeds = {f"i{i}": value for i, value in enumerate(values) if value is not None}
        try:
            if key not in self._evaluators:
                opsets = [helper.make_opsetid("", origin.version)]
                function = helper.make_function("z", "f", list(feeds), list(proto.output), [proto], opsets)
                self._evaluators[key] = ReferenceEvaluator(function)
            with np.errstate(all="ignore"):
                results: Any = self._evaluators[key].run([f"o{origin.position}"], feeds, attributes={})
            result = np.asarray(results[0])
        except Exception:  # noqa: BLE001 - whatever a damaged model makes numpy raise: the value stays unknown
            return None
        return result if result.size <= KEPT_ELEMENTS else None


def _tensor_type(element: int, shape: Sequence[int | None]) -> TypeProto:
    from onnx import TypeProto  # noqa: PLC0415 - an optional dependency

    result = TypeProto()
    result.tensor_type.elem_type = element
    result.tensor_type.shape.SetInParent()
    for size in shape:
        dim = result.tensor_type.shape.dim.add()
        if size is not None:
            dim.dim_value = size
    return result


def _merged(known: TypeProto | None, inferred: TypeProto) -> TypeProto:
    """Return the inferred type, completed by sizes that are known already."""
    if known is None or not inferred.HasField("tensor_type") or not known.tensor_type.HasField("shape"):
        return inferred
    if not inferred.tensor_type.HasField("shape"):
        return known
    before, after = known.tensor_type.shape.dim, inferred.tensor_type.shape.dim
    if len(before) != len(after):
        return inferred
    for old, new in zip(before, after, strict=True):
        if not new.HasField("dim_value") and old.HasField("dim_value"):
            new.dim_value = old.dim_value
    return inferred


def _stored_value(tensor: TensorProto) -> np.ndarray[Any, Any] | None:
    from onnx import numpy_helper  # noqa: PLC0415 - an optional dependency

    if math.prod(tensor.dims) > KEPT_ELEMENTS or tensor.data_location == tensor.EXTERNAL:
        return None
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError):
        return None  # without its values, or damaged


def _constant_value(proto: NodeProto) -> np.ndarray[Any, Any] | None:
    for attribute in proto.attribute:
        match attribute.name:
            case "value":
                return _stored_value(attribute.t)
            case "value_int":
                return np.array(attribute.i, dtype=np.int64)
            case "value_ints" if len(attribute.ints) <= KEPT_ELEMENTS:
                return np.array(attribute.ints, dtype=np.int64)
            case "value_float":
                return np.array(attribute.f, dtype=np.float32)
            case "value_floats" if len(attribute.floats) <= KEPT_ELEMENTS:
                return np.array(attribute.floats, dtype=np.float32)
    return None


def _shape_value(proto: NodeProto, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    if proto.op_type == "Size":
        return np.array(min(math.prod(shape), 2**63 - 1), dtype=np.int64)
    bounds = {str(attribute.name): int(attribute.i) for attribute in proto.attribute}
    return np.array(shape[bounds.get("start") : bounds.get("end")], dtype=np.int64)
