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
LINE, GAP_X, GAP_Y, TITLE = 0.155, 0.3, 0.42, 0.35
"""Inches: height of a line of text, between boxes, and of the title."""
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


class Layout(NamedTuple):
    """Where everything stands.

    Attributes
    ----------
    boxes : dict of str to Box
        Memories and the array.
    ranks : dict of str to int
        The row of each, 0 at the bottom.
    tops : dict of int to float
        Upper edges of the rows.
    lanes : dict of (Link, int) to float
        Where links pass the rows between their boxes.
    """

    boxes: dict[str, Box]
    ranks: dict[str, int]
    tops: dict[int, float]
    lanes: dict[tuple[Link, int], float]


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
    turns = f" in turn along {' '.join(port.shared_along)}" if port.shared_along else ""
    return f"{fitted_text(port.name, 14)} {kind} {count(port.bandwidth_max)} b/cycle{turns}: {moved}"


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
    layout = _layout(accelerator)
    across = max(*(box.x + box.width for box in layout.boxes.values()), *layout.lanes.values())
    down = max(box.y + box.height for box in layout.boxes.values())
    shown_title = accelerator.name if title is None else title
    head = TITLE if shown_title else 0.05
    figure = new_figure(width or max(across, NARROWEST) + 0.3, height or down + head + 0.85)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(-0.05, across + 0.05)
    axes.set_ylim(down + 0.05, -head)
    axes.set_aspect("equal" if width is None and height is None else "auto")
    for link in links_of(accelerator):
        _draw_link(axes, link, layout, links_of(accelerator))
    for box in layout.boxes.values():
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
    _draw_title(axes, shown_title, -head / 2)
    return figure


def _layout(accelerator: Accelerator) -> Layout:
    """Place every memory in the row of its rank, by its operands, with room for what passes between them."""
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
    passing = {
        rank: [link for link in links_of(accelerator) if ranks[link.lower] < rank < ranks[link.upper]]
        for rank in rows
    }
    across = max(
        sum(widths[name] for name in row) + GAP_X * (len(row) + len(passing[rank]) - 1)
        for rank, row in rows.items()
    )
    layout = Layout({}, ranks, {}, {})
    y = 0.0
    for rank in sorted(rows, reverse=True):
        # what passes has no width; where both are as far to the left, memories come first
        places: list[tuple[float, int, str | Link]] = [
            (column.get(name, 0.0), 0, name) for name in rows[rank]
        ]
        places += [(float(order[link.operand]), 1, link) for link in passing[rank]]
        space = (across - sum(widths[name] for name in rows[rank])) / (len(places) + 1)
        x = 0.0
        layout.tops[rank] = y
        for _, _, item in sorted(places, key=lambda place: place[:2]):
            x += space
            if isinstance(item, Link):
                layout.lanes[item, rank] = x
            else:
                layout.boxes[item] = Box(item, lines[item], x, y, widths[item], heights[item])
                x += widths[item]
        y += max(heights[name] for name in rows[rank]) + GAP_Y
    return layout


def _draw_title(axes: Axes, title: str, y: float) -> None:
    """Write a title over everything, as much of it as there is room for."""
    from matplotlib.transforms import blended_transform_factory  # noqa: PLC0415 - an optional dependency

    figure = axes.get_figure(root=True)
    assert figure is not None
    size, left = FONT + 2.5, 0.12
    room = figure.get_figwidth() - 2 * left
    letters = min(len(title), 200)
    while letters > 1 and text_width(figure, [fitted_text(title, letters)], size, bold=True) > room:
        letters -= 1
    text = axes.text(
        left / figure.get_figwidth(), y, fitted_text(title, letters), va="center", fontsize=size,
        fontweight="bold", transform=blended_transform_factory(figure.transFigure, axes.transData),
    )  # fmt: skip
    text.set_in_layout(False)  # a long one would leave less room for the boxes


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


def _draw_link(axes: Axes, link: Link, layout: Layout, links: list[Link]) -> None:
    """Draw a line that leaves each box at the operand's place on its edge, and passes by the boxes between."""
    _, colour, style = OPERANDS[link.operand]
    lower, upper = layout.boxes[link.lower], layout.boxes[link.upper]
    start = lower.x + lower.width * _place(link, [other for other in links if other.lower == link.lower])
    end = upper.x + upper.width * _place(link, [other for other in links if other.upper == link.upper])
    x, y = [start], [lower.y]
    for rank in range(layout.ranks[link.lower], layout.ranks[link.upper]):
        # to the side between two rows, each operand at a height of its own
        middle = layout.tops[rank] - GAP_Y * (0.3 + 0.2 * list(OPERANDS).index(link.operand))
        x += [x[-1], layout.lanes.get((link, rank + 1), end)]
        y += [middle, middle]
    axes.plot(
        [*x, end], [*y, upper.y + upper.height], style, color=colour, linewidth=1.6, zorder=2,
        solid_capstyle="butt", label=f"_{link.operand}: {link.lower} {link.upper}",
    )  # fmt: skip


def _place(link: Link, beside: list[Link]) -> float:
    return (beside.index(link) + 1) / (len(beside) + 1)
