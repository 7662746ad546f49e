"""Shapes of what operators outside the ONNX standard compute: those of onnxruntime that optimised files contain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import NodeProto

MICROSOFT = "com.microsoft"
"""The domain of onnxruntime's own operators."""

Vague = tuple[int | None, ...]
"""A shape, None in the place of a size that is not known."""
Rule = Callable[["NodeProto", Sequence[Vague | None]], Vague | None]


def _same(_proto: NodeProto, shapes: Sequence[Vague | None]) -> Vague | None:
    return shapes[0] if shapes else None


def _broadcast(second: int) -> Rule:
    """Return the rule of an operator whose operands are the first input and that of a position."""

    def shape(_proto: NodeProto, shapes: Sequence[Vague | None]) -> Vague | None:
        if len(shapes) <= second or shapes[0] is None or shapes[second] is None:
            return None
        a, b = shapes[0], shapes[second] or ()
        rank = max(len(a), len(b))
        a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
        return tuple(y if x == 1 else x if y == 1 or x is not None else y for x, y in zip(a, b, strict=True))

    return shape


def _product(right: int = 1) -> Rule:
    """Return the rule of a matrix product; attributes transA and transB exchange the last two axes."""

    def shape(proto: NodeProto, shapes: Sequence[Vague | None]) -> Vague | None:
        if len(shapes) <= right:
            return None
        a, b = shapes[0], shapes[right]
        if a is None or b is None or len(a) < 2 or len(b) < 2:
            return None
        turned = {attribute.name: attribute.i for attribute in proto.attribute}
        rows = a[-1] if turned.get("transA") else a[-2]
        columns = b[-2] if turned.get("transB") else b[-1]
        batch = _broadcast(1)(proto, (a[:-2], b[:-2]))
        return None if batch is None else (*batch, rows, columns)

    return shape


def _packed_product(proto: NodeProto, shapes: Sequence[Vague | None]) -> Vague | None:
    """Return the shape of a MatMulNBits: columns are an attribute, since the weights are packed."""
    columns = next((attribute.i for attribute in proto.attribute if attribute.name == "N"), None)
    return None if not shapes or shapes[0] is None else (*shapes[0][:-1], columns)


def _recurrent(proto: NodeProto, shapes: Sequence[Vague | None]) -> Vague | None:
    """Return the shape of a DynamicQuantizeLSTM: steps, directions, batch, hidden size."""
    hidden = next((attribute.i for attribute in proto.attribute if attribute.name == "hidden_size"), None)
    if len(shapes) < 2 or shapes[0] is None or shapes[1] is None or len(shapes[0]) != 3:
        return None
    return (shapes[0][0], shapes[1][0], shapes[0][1], hidden)


_RULES: Mapping[Rule, str] = {
    _same: """
        BiasGelu DequantizeLinear FastGelu Gelu MultiHeadAttention QLinearLeakyRelu QLinearSigmoid QLinearSoftmax
        QuickGelu QuantizeLinear GroupQueryAttention RotaryEmbedding SkipLayerNormalization
        SkipSimplifiedLayerNormalization SimplifiedLayerNormalization""",
    _broadcast(3): "QLinearAdd QLinearMul",
    _product(): "DynamicQuantizeMatMul FusedMatMul MatMulIntegerToFloat FusedGemm",
    _packed_product: "MatMulNBits",
    _recurrent: "DynamicQuantizeLSTM",
}

OTHER_DOMAINS: Mapping[tuple[str, str], Rule] = {
    (MICROSOFT, operator): rule for rule, operators in _RULES.items() for operator in operators.split()
}
"""How the shape of the first output follows from the inputs, by domain and operator."""


def standard_twin(proto: NodeProto) -> NodeProto:
    """Return a ``FusedConv`` as the convolution that it is but for its activation; any other node as it is."""
    if (proto.domain, proto.op_type) != (MICROSOFT, "FusedConv"):
        return proto
    twin = type(proto)(op_type="Conv", name=proto.name, input=proto.input[:3], output=proto.output)
    twin.attribute.extend(entry for entry in proto.attribute if not entry.name.startswith("activation"))
    return twin


_TYPE_INPUTS = {"QuantizeLinear": 2, "DequantizeLinear": 1, "MatMulIntegerToFloat": 2}


def type_input(proto: NodeProto) -> int:
    """Return at which input of such an operator the element type of its output stands."""
    return _TYPE_INPUTS.get(proto.op_type, 0)
