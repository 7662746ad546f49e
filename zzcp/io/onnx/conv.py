"""Convolution nodes of ONNX graphs."""

from __future__ import annotations

from typing import NamedTuple

from zzcp.errors import InputError
from zzcp.io.onnx.graph import OnnxGraph, OnnxNode, Shape
from zzcp.io.onnx.operands import agree, filled, known, precision, sources, unknown_shape
from zzcp.workload.equation import DimensionRelation, Equation
from zzcp.workload.layer import Layer

AXES = "XYZTUVPQRS"
"""Letters of the spatial axes, the last axis of a tensor first: columns, rows, depth and so on."""


class _Axis(NamedTuple):
    """What the attributes say about one spatial axis."""

    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def extent(self) -> int:
        """Distance from the first to the last tap of the filter, both included."""
        return (self.kernel - 1) * self.dilation + 1


class _Sizes(NamedTuple):
    """Sizes of the tensors; `image` and `outer` are the spatial axes of input and output."""

    batch: int
    channels: int
    features: int
    group: int
    image: tuple[int, ...]
    outer: tuple[int, ...]


def conv_layer(node: OnnxNode, graph: OnnxGraph, data: str, weights: str) -> Layer | str:
    """Return the layer of a ``Conv``, ``QLinearConv`` or ``ConvInteger``, or why it cannot be mapped.

    The last entries of ``kernel_shape``, ``strides``, ``dilations`` and ``pads`` belong to the last axis, the columns:
    OX, FX and IX; those before it to the rows (OY, FY, IY), then to the depth (OZ, FZ, IZ). A 1-D convolution has
    one row.

    Parameters
    ----------
    node, graph
        The node and where it stands.
    data, weights : str
        The tensors that become operands I and W.

    Raises
    ------
    InputError
        If attributes and shapes contradict each other or are out of range.
    """
    output = node.output()
    shapes = [graph.shapes.get(tensor) for tensor in (data, weights, output)]
    rank = _rank(node, shapes)
    if rank is None:
        return unknown_shape(node, graph, data, weights, output)
    spatial = rank - 2
    if spatial > len(AXES):
        return f"{spatial}-D convolution: its multiply-accumulate work is left out"
    image, filters, result = filled(shapes, rank)
    group = node.integer("group", 1)
    if group < 1:
        raise node.error("group out of range", expected="at least 1", found=str(group))
    kernel = node.integers("kernel_shape", spatial) or (None,) * spatial
    taps = known(
        *(agree(node, "kernel", size, stored) for size, stored in zip(kernel, filters[2:], strict=True))
    )
    plane = known(*image[2:])
    filters_c = filters[1] * group if isinstance(filters[1], int) else None
    counts = known(
        agree(node, "batch", image[0], result[0]),
        agree(node, "input channels", image[1], filters_c),
        agree(node, "output channels", result[1], filters[0]),
    )
    if taps is None or plane is None or counts is None:
        return unknown_shape(node, graph, data, weights, output)
    batch, channels, features = counts
    for label, count in (("input", channels), ("output", features)):
        if count % group:
            raise node.error(
                f"group does not divide the {label} channels",
                expected=f"a divisor of {count}",
                found=str(group),
            )
    axes = _axes(node, taps, plane)
    outer = tuple(_output(node, size, axis) for size, axis in zip(plane, axes, strict=True))
    for computed, stated in zip(outer, result[2:], strict=True):
        agree(node, "output size", computed, stated)
    return _layer(node, graph, (data, weights), _Sizes(batch, channels, features, group, plane, outer), axes)


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


def _axes(node: OnnxNode, kernel: tuple[int, ...], image: tuple[int, ...]) -> list[_Axis]:
    """Return the windows of all axes, automatic padding worked out."""
    spatial = len(kernel)
    ones = (1,) * spatial
    strides = node.integers("strides", spatial) or ones
    dilations = node.integers("dilations", spatial) or ones
    for label, values in (("kernel", kernel), ("strides", strides), ("dilations", dilations)):
        if min(values) < 1:
            raise node.error(f"{label} out of range", expected="at least 1", found=str(list(values)))
    pads = node.integers("pads", 2 * spatial) or (0,) * (2 * spatial)
    mode = node.attributes.get("auto_pad", "NOTSET")
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise node.error(
            "unknown auto_pad", expected="NOTSET, VALID, SAME_UPPER or SAME_LOWER", found=repr(mode)
        )
    axes = []
    for axis, size in enumerate(image):
        window = _Axis(kernel[axis], strides[axis], dilations[axis])
        if mode == "NOTSET":
            before, after = pads[axis], pads[axis + spatial]
        elif mode == "VALID":
            before, after = 0, 0
        else:
            steps = -(-size // window.stride) - 1
            total = max(0, steps * window.stride + window.extent - size)
            before, after = total // 2, total - total // 2
            if mode == "SAME_LOWER":
                before, after = after, before
        axes.append(window._replace(before=before, after=after))
    return axes


def _output(node: OnnxNode, size: int, axis: _Axis) -> int:
    """Return how many positions the window takes on an axis of the given size."""
    if min(axis.before, axis.after) < 0:
        raise node.error("pads out of range", expected=">= 0", found=f"{axis.before}, {axis.after}")
    slack = size + axis.before + axis.after - axis.extent
    if slack < 0:
        raise node.error(
            "the filter does not fit in the padded input",
            expected=f"at most {size + axis.before + axis.after}",
            found=f"{axis.kernel} taps at distance {axis.dilation}",
        )
    return slack // axis.stride + 1


def _layer(
    node: OnnxNode, graph: OnnxGraph, tensors: tuple[str, str], sizes: _Sizes, axes: list[_Axis]
) -> Layer:
    if len(axes) == 1:
        axes = [_Axis(1), *axes]
        sizes = sizes._replace(image=(1, *sizes.image), outer=(1, *sizes.outer))
    letters = AXES[: len(axes)]
    by_letter = dict(zip(letters, reversed(axes), strict=True))
    outer, image = (dict(zip(letters, reversed(part), strict=True)) for part in (sizes.outer, sizes.image))
    data, weights = tensors
    try:
        return Layer(
            equation(len(axes)),
            {
                "B": sizes.batch,
                "K": sizes.features // sizes.group,
                "G": sizes.group,
                **{f"O{letter}": outer[letter] for letter in letters},
                "C": sizes.channels // sizes.group,
                **{f"F{letter}": by_letter[letter].kernel for letter in letters},
            },
            name=node.name,
            operator=node.operator,
            relations=tuple(
                DimensionRelation(f"I{letter}", f"O{letter}", axis.stride, f"F{letter}", axis.dilation)
                for letter, axis in by_letter.items()
            ),
            precision=precision(node, variable_weights=False),
            padding={f"I{letter}": (axis.before, axis.after) for letter, axis in by_letter.items()},
            window_sizes={f"I{letter}": image[letter] for letter in letters},
            id=node.id,
            sources=sources(graph, I=data, W=weights),
        )
    except InputError as error:
        raise node.enclose(error) from None


def equation(axes: int) -> Equation:
    """Return the equation of a convolution with some spatial axes, rows before columns."""
    outer, inner, image = (
        "".join(f"[{part}{letter.lower()}]" for letter in reversed(AXES[:axes])) for part in "ofi"
    )
    return Equation.parse(f"O[b][g][k]{outer}+=W[g][k][c]{inner}*I[b][g][c]{image}")
