"""Layers without multiply-accumulate work, on request: pooling, additions and other work element by element.

Their operations are one for each element and tap. Reductions, softmax and normalisations count as one pass over their
data, whatever they do with it. ``+`` in an equation stands for any operator that combines two elements.
"""

from __future__ import annotations

from zzcp.io.onnx.graph import OnnxNode, Shape
from zzcp.io.onnx.operands import (
    Built,
    Context,
    LeftOut,
    Maker,
    agree,
    built_layer,
    filled,
    known,
    unknown_shape,
)
from zzcp.io.onnx.windows import AXES, Axis, input_windows, positions
from zzcp.workload.equation import DimensionRelation

_UNARY = """
    Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization Ceil Celu Clip Cos Cosh Elu Erf Exp Floor Gelu
    GroupNormalization HardSigmoid HardSwish Hardmax InstanceNormalization LRN LayerNormalization LeakyRelu Log
    LogSoftmax LpNormalization MeanVarianceNormalization Mish Neg RMSNormalization Reciprocal Relu Round Selu Shrink
    Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu"""
_BINARY = "Add Div Max Mean Min Mod Mul PRelu Pow Sub Sum"
_REDUCTIONS = """
    ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare"""
_POOLING = "AveragePool LpPool MaxPool"
_GLOBAL = "GlobalAveragePool GlobalLpPool GlobalMaxPool"

_INDEX_TYPES = (6, 7, 9, 12, 13)
"""Numbers of int32, int64, bool, uint32 and uint64: arithmetic of shapes and indices, not of data."""
_FEW = ("B", "D", "K")
_MANY = ("V", "U", "T", "B", "G", "OY", "OX")


def pooling_layer(node: OnnxNode, context: Context) -> Built:
    """Return the layer of a pooling: a window over every channel, whose weights take no bits.

    Raises
    ------
    InputError
        If attributes and shapes contradict each other or are out of range.
    """
    data, output = node.input(0), node.output()
    shape, result = (context.graph.shapes.get(name) for name in (data, output))
    if shape is None or len(shape) < 3 or len(shape) - 2 > len(AXES):
        return unknown_shape(node, context.graph, data)
    sizes = known(*shape)
    if sizes is None:
        return unknown_shape(node, context.graph, data)
    batch, channels, *image = sizes
    kernel = tuple(image) if node.operator in _GLOBAL.split() else node.integers("kernel_shape", len(image))
    if kernel is None:
        raise node.error("attribute kernel_shape is missing", expected=f"{len(image)} integers")
    axes = input_windows(node, kernel, tuple(image))
    outer = [
        positions(node, size, axis, ceil=node.flag("ceil_mode"))
        for size, axis in zip(image, axes, strict=True)
    ]
    stated = next(filled([result], len(shape)))
    if len(stated) == len(shape):
        for computed, size in zip(outer, stated[2:], strict=True):
            agree(node, "output size", computed, size)
    if len(axes) == 1:
        axes, outer, image = [Axis(1), *axes], [1, *outer], [1, *image]
    letters = AXES[: len(axes)]
    by_letter = dict(zip(letters, reversed(axes), strict=True))
    moved = dict(zip(letters, reversed(outer), strict=True))
    inner, steps, window = (
        "".join(f"[{part}{letter.lower()}]" for letter in reversed(letters)) for part in "foi"
    )
    bits = context.bits.of(node, data, data, output)
    layer = built_layer(
        node,
        context,
        f"O[b][g]{steps}+=W{inner}*I[b][g]{window}",
        {"B": batch, "G": channels}
        | {f"O{letter}": moved[letter] for letter in letters}
        | {f"F{letter}": axis.kernel for letter, axis in by_letter.items()},
        {**bits, "W": 0, "O": bits["O_final"] if "Max" in node.operator else bits["O"]},
        {"I": data},
        relations=tuple(
            DimensionRelation(f"I{letter}", f"O{letter}", axis.stride, f"F{letter}", axis.dilation)
            for letter, axis in by_letter.items()
        ),
        padding={f"I{letter}": (axis.before, axis.after) for letter, axis in by_letter.items()},
        window_sizes={f"I{letter}": size for letter, size in zip(letters, reversed(image), strict=True)},
    )
    return (layer,)


def elementwise_layer(node: OnnxNode, context: Context) -> Built:
    """Return the layer of an operator that combines two tensors element by element, or works on one.

    Loops are named as those of products (B, D, K) up to three axes and as those of convolutions (B, G, OY, OX) beyond.
    A tensor that is broadcast along an axis has no index for it.

    Raises
    ------
    InputError
        If shapes contradict each other or are out of range.
    """
    output = node.output()
    inputs = [name for name in node.inputs if name]
    if node.operator not in _BINARY.split():
        inputs = inputs[:1]
    distinct = list(dict.fromkeys(inputs))
    if len(distinct) > 2:
        return LeftOut("element-wise on more than two tensors: not modelled", 0)
    shapes = [context.graph.shapes.get(name) for name in (*distinct, output)]
    if any(shape is None or known(*shape) is None for shape in shapes):
        return unknown_shape(node, context.graph, *distinct, output)
    if any(0 in shape for shape in shapes if shape is not None):
        return LeftOut("works on no elements", 0)
    *operands, result = (shape for shape in shapes if shape is not None)
    # what is computed comes first: it becomes operand I
    order = sorted(
        range(len(distinct)), key=lambda i: (distinct[i] in context.graph.constants, -len(operands[i]))
    )
    names = _loops(len(result))
    found = {
        key: (distinct[i], _indices(node, operands[i], result, names))
        for key, i in zip("IW", order, strict=False)
    }
    right = "+".join(f"{key}{index}" for key, (_, index) in found.items())
    target = "".join(f"[{name.lower()}]" for name in names) or "[]"
    return _layer(node, context, f"O{target}+={right}", dict(zip(names, result, strict=True)), found)


def reduction_layer(node: OnnxNode, context: Context) -> Built:
    """Return the layer of a reduction: a loop B of results, and a loop C of what is reduced to each.

    Raises
    ------
    InputError
        If the shapes are out of range.
    """
    data, output = node.input(0), node.output()
    shape, result = (context.graph.shapes.get(name) for name in (data, output))
    if shape is None or result is None or known(*shape) is None or known(*result) is None:
        return unknown_shape(node, context.graph, data, output)
    whole, kept = (_elements(part) for part in (shape, result))
    if not kept or whole % kept:
        raise node.error(
            "the result does not fit the data", expected=f"a divisor of {whole}", found=str(kept)
        )
    return _layer(
        node, context, "O[b]+=I[b][c]", {"B": kept, "C": whole // kept}, {"I": (data, "")}, sums=True
    )


def _elements(shape: Shape) -> int:
    product = 1
    for size in shape:
        assert isinstance(size, int)
        product *= size
    return product


def _loops(rank: int) -> tuple[str, ...]:
    names = _FEW if rank <= len(_FEW) else _MANY
    return names[len(names) - rank :] if rank else ()


def _indices(node: OnnxNode, shape: Shape, result: Shape, names: tuple[str, ...]) -> str:
    """Return the indices of an operand: those of the axes along which it is not broadcast."""
    if len(shape) > len(result):
        raise node.error(
            "an operand has more axes than the result", expected=str(len(result)), found=str(len(shape))
        )
    missing = len(result) - len(shape)
    text = ""
    for size, whole, name in zip(shape, result[missing:], names[missing:], strict=True):
        if size not in (1, whole):
            raise node.error("tensors do not match", expected=f"{whole}, or 1", found=str(size))
        text += f"[{name.lower()}]" if size == whole else ""
    return text or "[]"


def _layer(
    node: OnnxNode,
    context: Context,
    equation: str,
    sizes: dict[str, int | str],
    found: dict[str, tuple[str, str]],
    *,
    sums: bool = False,
) -> Built:
    tensors = [name for name, _ in found.values()]
    bits = context.bits.of(node, tensors[0], tensors[-1], node.output())
    precision = {key: bits[key] for key in (*found, "O_final")}
    layer = built_layer(
        node,
        context,
        equation,
        {name: size for name, size in sizes.items() if isinstance(size, int)},
        {**precision, "O": bits["O"] if sums else bits["O_final"]},
        {key: name for key, (name, _) in found.items()},
    )
    return (layer,)


_MAKERS: dict[str, Maker] = {
    **dict.fromkeys((_POOLING + " " + _GLOBAL).split(), pooling_layer),
    **dict.fromkeys((_UNARY + " " + _BINARY).split(), elementwise_layer),
    **dict.fromkeys(_REDUCTIONS.split(), reduction_layer),
}


def elementwise_maker(node: OnnxNode, context: Context) -> Maker | None:
    """Return what makes the layer of an operator without multiply-accumulate work, or None where it has none.

    What is computed from constants only, and arithmetic of shapes and indices, has none.
    """
    make = _MAKERS.get(node.operator)
    if make is None or not node.outputs or node.outputs[0] in context.graph.constants:
        return None
    if context.graph.types.get(node.outputs[0]) in _INDEX_TYPES:
        return None
    shape = context.graph.shapes.get(node.outputs[0])
    return None if shape is not None and len(shape) > len(_MANY) else make
