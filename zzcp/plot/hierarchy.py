"""The memory hierarchy as a graph: memories with sizes, energies and ports, and what moves between them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from zzcp.plot.style import BLUE, INK, ORANGE, VERMILION, fitted_text, new_figure, styled, text_width
from zzcp.report.style import amount, bits, count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zzcp.hardware import Accelerator, Memory, Port

OPERANDS = {
    "I1": ("I1, first input", BLUE, "-"),
    "I2": ("I2, second input", ORANGE, "--"),
    "O": ("O, output", VERMILION, "-."),
}
"""Name, colour and line of what moves."""
LINE, GAP_X, GAP_Y = 0.155, 0.3, 0.42
"""Inches: height of a line of text, and between boxes."""
FONT = 7.0
"""Size of the text in boxes, in points."""
NARROWEST = 4.8
"""Inches that the legend needs."""


class Box(NamedTuple):
    """A memory or the array.

    Attributes
    ----------
    name : str
        Of the memory; ``array`` for the array.
    lines : list of str
        What it says; the first line is its name.
    x, y, width, height : float
        Left upper corner and size, in inches from the left upper corner of the picture.
    """

    name: str
    lines: list[str]
    x: float
    y: float
    width: float
    height: float


class Link(NamedTuple):
    """An operand that moves between two boxes: operand, the inner box and the outer one."""

    operand: str
    lower: str
    upper: str


def memory_lines(accelerator: Accelerator, memory: Memory) -> list[str]:
    """Return what is said about a memory."""
    instances = accelerator.instances(memory)
    lines = [
        fitted_text(memory.name, 30),
        bits(memory.size) + (f" × {count(instances)}" if instances > 1 else ""),
        f"read {amount(memory.read_energy)} pJ, write {amount(memory.write_energy)} pJ",
    ]
    return lines + [_port_line(memory, port) for port in memory.ports]


def _port_line(memory: Memory, port: Port) -> str:
    kind = {"read": "R", "write": "W", "read_write": "R/W"}[port.type.value]
    served: dict[str, list[str]] = {}
    for operand, direction in port.allocation:
        if memory.port(operand, direction) is port:
            served.setdefault(operand, []).append(_SIGN[direction.value])
    moved = ", ".join(f"{operand} {''.join(signs)}" for operand, signs in served.items())
    return f"{fitted_text(port.name, 14)} {kind} {count(port.bandwidth_max)} b/cycle: {moved}"


_SIGN = {"fh": "↧", "tl": "↓", "fl": "↥", "th": "↑"}
"""Written from above, read to below, written from below, read to above."""


def array_lines(accelerator: Accelerator) -> list[str]:
    """Return what is said about the array."""
    array = accelerator.array
    shape = " × ".join(f"{name} {size}" for name, size in zip(array.dimensions, array.sizes, strict=True))
    lines = ["array", f"{shape or 'one unit'} = {count(array.units)} units"]
    if array.in_memory_computing is None:
        lines.append(f"{amount(array.unit_energy)} pJ an operation")
    else:
        lines.append(f"computes in memory, {'analog' if array.in_memory_computing.analog else 'digital'}")
    return lines


def links_of(accelerator: Accelerator) -> list[Link]:
    """Return what moves between which boxes, innermost first."""
    found = []
    for operand in accelerator.operands:
        names = ["array", *(memory.name for memory in accelerator.levels(operand))]
        found += [Link(operand, lower, upper) for lower, upper in pairwise(names)]
    return found


def ranks_of(accelerator: Accelerator) -> dict[str, int]:
    """Return how far from the array every memory stands: the longest way to it."""
    ranks = {"array": 0}
    for _ in accelerator.memories:
        for link in links_of(accelerator):
            ranks[link.upper] = max(ranks.get(link.upper, 1), ranks.get(link.lower, 0) + 1)
    return ranks


@styled
def hierarchy_figure(
    accelerator: Accelerator,
    *,
    title: str | None = None,
    width: float | None = None,
    height: float | None = None,
) -> Figure:
    """Return a picture of an accelerator's memories, outermost on top, and of the array.

    Parameters
    ----------
    accelerator : Accelerator
        The machine.
    title : str, optional
        Over the picture; by default the machine's name.
    width, height : float, optional
        In inches; what is drawn is scaled to it.
    """
    boxes = _layout(accelerator)
    across = max(box.x + box.width for box in boxes.values())
    down = max(box.y + box.height for box in boxes.values())
    figure = new_figure(width or max(across, NARROWEST) + 0.3, height or down + 1.05)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(-0.05, across + 0.05)
    axes.set_ylim(down + 0.05, -0.05)
    axes.set_aspect("equal" if width is None and height is None else "auto")
    for link in links_of(accelerator):
        _draw_link(axes, link, boxes, links_of(accelerator))
    for box in boxes.values():
        _draw_box(axes, box)
    shown = [OPERANDS[operand] for operand in accelerator.operands]
    handles = [
        axes.plot([], [], line, color=colour, linewidth=2, label=name)[0] for name, colour, line in shown
    ]
    figure.legend(
        handles=handles, loc="outside lower left", ncols=3,
        title="ports:  ↧ written from above   ↓ read to below   ↥ written from below   ↑ read to above",
        title_fontsize=7, alignment="left",
    )  # fmt: skip
    axes.set_title(accelerator.name if title is None else title)
    return figure


def _layout(accelerator: Accelerator) -> dict[str, Box]:
    """Place every memory in the row of its rank, ordered and centred over what lies below it."""
    ranks = ranks_of(accelerator)
    lines = {memory.name: memory_lines(accelerator, memory) for memory in accelerator.memories}
    lines["array"] = array_lines(accelerator)
    sizer = new_figure(1, 1)
    widths = {name: 0.18 + text_width(sizer, text, FONT, bold=True) for name, text in lines.items()}
    heights = {name: 0.12 + LINE * len(text) for name, text in lines.items()}
    order = {operand: number for number, operand in enumerate(("I1", "I2", "O"))}
    column = {
        memory.name: sum(order[op] for op in memory.operands) / len(memory.operands)
        for memory in accelerator.memories
    }
    rows: dict[int, list[str]] = {}
    for name, rank in ranks.items():
        rows.setdefault(rank, []).append(name)
    across = max(sum(widths[name] for name in row) + GAP_X * (len(row) - 1) for row in rows.values())
    boxes: dict[str, Box] = {}
    y = 0.0
    for rank in sorted(rows, reverse=True):
        row = sorted(rows[rank], key=lambda name: column.get(name, 0.0))
        free = across - sum(widths[name] for name in row)
        space = free / (len(row) + 1)
        x = 0.0
        for name in row:
            x += space
            boxes[name] = Box(name, lines[name], x, y, widths[name], heights[name])
            x += widths[name]
        y += max(heights[name] for name in row) + GAP_Y
    return boxes


def _draw_box(axes: Axes, box: Box) -> None:
    from matplotlib.patches import FancyBboxPatch  # noqa: PLC0415 - an optional dependency

    array = box.name == "array"
    axes.add_patch(
        FancyBboxPatch(
            (box.x, box.y), box.width, box.height, boxstyle="round,pad=0,rounding_size=0.05", linewidth=0.9,
            facecolor="#E8E8E8" if array else "white", edgecolor=INK, zorder=3, label=box.name,
        )
    )  # fmt: skip
    for number, line in enumerate(box.lines):
        axes.text(
            box.x + 0.09, box.y + 0.06 + LINE * (number + 0.5), line, va="center", zorder=4,
            fontsize=FONT + 0.5 if number == 0 else FONT, fontweight="bold" if number == 0 else "normal",
            color=INK if number < 3 else "#444444",
        )  # fmt: skip


def _draw_link(axes: Axes, link: Link, boxes: dict[str, Box], links: list[Link]) -> None:
    """Draw a line that leaves each box at the operand's place on its edge."""
    _, colour, style = OPERANDS[link.operand]
    lower, upper = boxes[link.lower], boxes[link.upper]
    start = lower.x + lower.width * _place(link, [other for other in links if other.lower == link.lower])
    end = upper.x + upper.width * _place(link, [other for other in links if other.upper == link.upper])
    middle = lower.y - GAP_Y * (0.3 + 0.2 * list(OPERANDS).index(link.operand))
    axes.plot(
        [start, start, end, end], [lower.y, middle, middle, upper.y + upper.height], style, color=colour,
        linewidth=1.6, zorder=2, solid_capstyle="butt",
    )  # fmt: skip


def _place(link: Link, beside: list[Link]) -> float:
    return (beside.index(link) + 1) / (len(beside) + 1)
