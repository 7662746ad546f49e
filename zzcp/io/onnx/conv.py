"""Convolution nodes of ONNX graphs, transposed ones among them."""

from __future__ import annotations

from typing import NamedTuple

from zzcp.io.onnx.graph import OnnxNode, Shape
from zzcp.io.onnx.operands import (
    Built,
    Context,
    LeftOut,
    agree,
    built_layer,
    filled,
    known,
    unknown_shape,
)
from zzcp.io.onnx.windows import AXES, Axis, input_windows, padded, positions, steps_and_taps
from zzcp.workload.equation import DimensionRelation, Equation
from zzcp.workload.layer import Layer


class _Sizes(NamedTuple):
    """Sizes of the tensors; `image` and `outer` are the spatial axes of input and output."""

    batch: int
    channels: int
    features: int
    group: int
    image: tuple[int, ...]
    outer: tuple[int, ...]


def conv_layer(node: OnnxNode, context: Context) -> Built:
    """Return the layer of a ``Conv`` or ``ConvInteger``; see `convolution`."""
    return convolution(node, context, node.input(0), node.input(1))


def quantized_conv_layer(node: OnnxNode, context: Context) -> Built:
    """Return the layer of a ``QLinearConv``, whose weights follow scale and zero point of the data."""
    return convolution(node, context, node.input(0), node.input(3))


def convolution(node: OnnxNode, context: Context, data: str, weights: str) -> Built:
    """Return the layer of a convolution, or why it cannot be mapped.

    The last entries of ``kernel_shape``, ``strides``, ``dilations`` and ``pads`` belong to the last axis, the columns:
    OX, FX and IX; those before it to the rows (OY, FY, IY), then to the depth (OZ, FZ, IZ). A 1-D convolution has
    one row.

    Parameters
    ----------
    node, context
        The node and what it is read with.
    data, weights : str
        The tensors that become operands I and W.

    Raises
    ------
    InputError
        If attributes and shapes contradict each other or are out of range.
    """
    read = _read(node, context, (data, weights), transposed=False)
    if isinstance(read, LeftOut):
        return read
    axes = input_windows(node, read.taps, read.plane)
    outer = tuple(positions(node, size, axis) for size, axis in zip(read.plane, axes, strict=True))
    sizes = read.sizes(node, outer)
    if len(axes) == 2 and axes[0] != axes[1]:
        context.crosswise.append(node.name)
    return (_layer(node, context, (data, weights), sizes, axes, "O"),)


def transposed_conv_layer(node: OnnxNode, context: Context) -> Built:
    """Return the layer of a ``ConvTranspose``, or why it cannot be mapped.

    Every input element adds to a window of the output: ``oy = stride * iy + dilation * fy - pads``. The windows are
    those of the output, therefore, and what the padding crops counts among the operations, as it is computed.
    Parameters and exceptions are those of `convolution`; weights have the input channels first.
    """
    tensors = node.input(0), node.input(1)
    read = _read(node, context, tensors, transposed=True)
    if isinstance(read, LeftOut):
        return read
    axes, outer = _output_windows(node, read.taps, read.plane)
    return (_layer(node, context, tensors, read.sizes(node, outer), axes, "I"),)


class _Read(NamedTuple):
    """What attributes and shapes say of a convolution: counts, groups, filter, image, and the output that is stated."""

    counts: tuple[int, ...]
    group: int
    taps: tuple[int, ...]
    plane: tuple[int, ...]
    result: Shape

    def sizes(self, node: OnnxNode, outer: tuple[int, ...]) -> _Sizes:
        """Return the sizes with the spatial axes of the output, which must be those that are stated."""
        for computed, stated in zip(outer, self.result[2:], strict=True):
            agree(node, "output size", computed, stated)
        batch, channels, features = self.counts
        return _Sizes(batch, channels, features, self.group, self.plane, outer)


def _read(node: OnnxNode, context: Context, tensors: tuple[str, str], *, transposed: bool) -> _Read | LeftOut:
    """Return what attributes and shapes say, or why that is not enough; transposed, input channels come first."""
    data, weights, output = *tensors, node.output()
    shapes = [context.graph.shapes.get(tensor) for tensor in (data, weights, output)]
    rank = _rank(node, shapes)
    if rank is None:
        return unknown_shape(node, context.graph, data, weights, output)
    if rank - 2 > len(AXES):
        return LeftOut(f"{rank - 2}-D convolution: its multiply-accumulate work is left out")
    image, filters, result = filled(shapes, rank)
    group = _group(node)
    taps, plane = _taps(node, filters, rank), known(*image[2:])
    grouped = filters[1] * group if isinstance(filters[1], int) else None
    filters_c, filters_k = (filters[0], grouped) if transposed else (grouped, filters[0])
    counts = known(
        agree(node, "batch", image[0], result[0]),
        agree(node, "input channels", image[1], filters_c),
        agree(node, "output channels", result[1], filters_k),
    )
    if taps is None or plane is None or counts is None:
        return unknown_shape(node, context.graph, data, weights, output)
    _check_groups(node, group, *counts[1:])
    return _Read(counts, group, taps, plane, result)


def _output_windows(
    node: OnnxNode, taps: tuple[int, ...], plane: tuple[int, ...]
) -> tuple[list[Axis], tuple[int, ...]]:
    """Return the windows over the output of a transposed convolution, and the output's sizes."""
    axes = steps_and_taps(node, taps)
    spatial = len(axes)
    extra = node.integers("output_padding", spatial) or (0,) * spatial
    spans = [(size - 1) * axis.stride + axis.extent for size, axis in zip(plane, axes, strict=True)]
    wanted = node.integers("output_shape", spatial) if "output_shape" in node.attributes else None
    same = node.attributes.get("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER")
    if wanted is None and same:
        wanted = tuple(size * axis.stride for size, axis in zip(plane, axes, strict=True))
    if wanted is None:
        axes = padded(node, axes, [0] * spatial)
        outer = tuple(
            span + more - axis.before - axis.after
            for span, more, axis in zip(spans, extra, axes, strict=True)
        )
    else:
        totals = [max(0, span + more - size) for span, more, size in zip(spans, extra, wanted, strict=True)]
        upper = node.attributes.get("auto_pad") == "SAME_UPPER"
        halves = [total // 2 if upper else total - total // 2 for total in totals]
        axes = [
            axis._replace(before=half, after=total - half)
            for axis, half, total in zip(axes, halves, totals, strict=True)
        ]
        outer = wanted
    if min(outer) < 1:
        raise node.error("pads leave nothing of the output", expected="at least 1", found=str(list(outer)))
    cropped = [
        axis._replace(after=max(0, span - axis.before - size))
        for axis, span, size in zip(axes, spans, outer, strict=True)
    ]
    return cropped, outer


def _group(node: OnnxNode) -> int:
    group = node.integer("group", 1)
    if group < 1:
        raise node.error("group out of range", expected="at least 1", found=str(group))
    return group


def _taps(node: OnnxNode, filters: Shape, rank: int) -> tuple[int, ...] | None:
    """Return the size of the filter, as attribute and weights state it."""
    kernel = node.integers("kernel_shape", rank - 2) or (None,) * (rank - 2)
    return known(
        *(agree(node, "kernel", size, stored) for size, stored in zip(kernel, filters[2:], strict=True))
    )


def _check_groups(node: OnnxNode, group: int, channels: int, features: int) -> None:
    for label, count in (("input", channels), ("output", features)):
        if count % group:
            raise node.error(
                f"group does not divide the {label} channels",
                expected=f"a divisor of {count}",
                found=str(group),
            )


def _rank(node: OnnxNode, shapes: list[Shape | None]) -> int | None:
    """Return the common rank of the tensors, or None where neither data nor weights have one."""
    ranks = {len(shape) for shape in shapes if shape is not None}
    if len(ranks) > 1 or any(rank < 3 for rank in ranks):
        raise node.error(
            "tensors of the wrong rank",
            expected="batch, channels and the same spatial axes",
            found=" and ".join(f"rank {rank}" for rank in sorted(ranks)),
        )
    return None if shapes[0] is None and shapes[1] is None else ranks.pop()


def _layer(
    node: OnnxNode, context: Context, tensors: tuple[str, str], sizes: _Sizes, axes: list[Axis], moves: str
) -> Layer:
    """Put the layer together; `moves` is the operand over which the loops step, O or (transposed) I."""
    if len(axes) == 1:
        axes = [Axis(1), *axes]
        sizes = sizes._replace(image=(1, *sizes.image), outer=(1, *sizes.outer))
    letters = AXES[: len(axes)]
    by_letter = dict(zip(letters, reversed(axes), strict=True))
    looped, windowed = (sizes.outer, sizes.image) if moves == "O" else (sizes.image, sizes.outer)
    steps, window = (dict(zip(letters, reversed(part), strict=True)) for part in (looped, windowed))
    other = "I" if moves == "O" else "O"
    data, weights = tensors
    return built_layer(
        node,
        context,
        _equation(len(axes)),
        {
            "B": sizes.batch,
            "K": sizes.features // sizes.group,
            "G": sizes.group,
            **{f"{moves}{letter}": steps[letter] for letter in letters},
            "C": sizes.channels // sizes.group,
            **{f"F{letter}": by_letter[letter].kernel for letter in letters},
        },
        context.bits.of(node, data, weights, node.output()),
        {"I": data, "W": weights},
        relations=tuple(
            DimensionRelation(
                f"{other}{letter}", f"{moves}{letter}", axis.stride, f"F{letter}", axis.dilation
            )
            for letter, axis in by_letter.items()
        ),
        padding={f"{other}{letter}": (axis.before, axis.after) for letter, axis in by_letter.items()},
        window_sizes={f"{other}{letter}": window[letter] for letter in letters},
    )


def _equation(axes: int) -> Equation:
    """Return the equation of a convolution with some spatial axes, rows before columns."""
    outer, inner, image = (
        "".join(f"[{part}{letter.lower()}]" for letter in reversed(AXES[:axes])) for part in "ofi"
    )
    return Equation.parse(f"O[b][g][k]{outer}+=W[g][k][c]{inner}*I[b][g][c]{image}")
