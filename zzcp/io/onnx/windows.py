"""Sliding windows of convolutions and pooling: what the attributes of a node say about every spatial axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from zzcp.io.onnx.graph import OnnxNode

AXES = "XYZTUVPQRS"
"""Letters of the spatial axes, the last axis of a tensor first: columns, rows, depth and so on."""


class Axis(NamedTuple):
    """What the attributes say about one spatial axis; `before` and `after` are padding."""

    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def extent(self) -> int:
        """Distance from the first to the last tap of the filter, both included."""
        return (self.kernel - 1) * self.dilation + 1


def steps_and_taps(node: OnnxNode, kernel: tuple[int, ...]) -> list[Axis]:
    """Return the windows of all axes, without padding.

    Raises
    ------
    InputError
        If an attribute is out of range.
    """
    ones = (1,) * len(kernel)
    strides = node.integers("strides", len(kernel)) or ones
    dilations = node.integers("dilations", len(kernel)) or ones
    for label, values in (("kernel", kernel), ("strides", strides), ("dilations", dilations)):
        if min(values) < 1:
            raise node.error(f"{label} out of range", expected="at least 1", found=str(list(values)))
    return [Axis(*axis) for axis in zip(kernel, strides, dilations, strict=True)]


def padded(node: OnnxNode, axes: Sequence[Axis], totals: Sequence[int]) -> list[Axis]:
    """Return the windows with their padding.

    Parameters
    ----------
    node : OnnxNode
        The node with the attributes.
    axes : sequence of Axis
        The windows.
    totals : sequence of int
        How much padding each axis gets where that is automatic.

    Raises
    ------
    InputError
        If an attribute is out of range.
    """
    spatial = len(axes)
    pads = node.integers("pads", 2 * spatial) or (0,) * (2 * spatial)
    mode = node.attributes.get("auto_pad", "NOTSET")
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise node.error(
            "unknown auto_pad", expected="NOTSET, VALID, SAME_UPPER or SAME_LOWER", found=repr(mode)
        )
    result = []
    for i, (axis, total) in enumerate(zip(axes, totals, strict=True)):
        if mode == "NOTSET":
            before, after = pads[i], pads[i + spatial]
        elif mode == "VALID":
            before, after = 0, 0
        else:
            before, after = total // 2, total - total // 2
            if mode == "SAME_LOWER":
                before, after = after, before
        if min(before, after) < 0:
            raise node.error("pads out of range", expected=">= 0", found=f"{before}, {after}")
        result.append(axis._replace(before=before, after=after))
    return result


def input_windows(node: OnnxNode, kernel: tuple[int, ...], image: tuple[int, ...]) -> list[Axis]:
    """Return the windows over an image, automatic padding worked out."""
    axes = steps_and_taps(node, kernel)
    steps = [-(-size // axis.stride) - 1 for size, axis in zip(image, axes, strict=True)]
    totals = [
        max(0, step * axis.stride + axis.extent - size)
        for step, size, axis in zip(steps, image, axes, strict=True)
    ]
    return padded(node, axes, totals)


def positions(node: OnnxNode, size: int, axis: Axis, *, ceil: bool = False) -> int:
    """Return how many positions the window takes on an axis of the given size.

    With `ceil` a last window counts that begins inside the axis or its padding before it (pooling's ``ceil_mode``).

    Raises
    ------
    InputError
        If the window does not fit.
    """
    slack = size + axis.before + axis.after - axis.extent
    if slack < 0:
        raise node.error(
            "the filter does not fit in the padded input",
            expected=f"at most {size + axis.before + axis.after}",
            found=f"{axis.kernel} taps at distance {axis.dilation}",
        )
    if not ceil:
        return slack // axis.stride + 1
    count = -(-slack // axis.stride) + 1
    return count - 1 if (count - 1) * axis.stride >= size + axis.before else count
