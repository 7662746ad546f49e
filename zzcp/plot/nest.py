"""The loop nest as a picture: one row per loop, outermost first, and for every operand what each memory runs over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from zzcp.plot.entries import Entry
from zzcp.plot.style import INK, WIDTH, colours, fitted_text, ink_on, new_figure, styled
from zzcp.report.style import bits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, BAND = 0.25, 0.2
"""Inches: height of a loop, and of a memory that holds no loop of its own."""
INDENT = 0.12
"""Inches by which a loop is indented."""


class Block(NamedTuple):
    """A memory in the column of an operand.

    Attributes
    ----------
    operand, memory : str
        Whose tile, and where.
    top, bottom : float
        In inches from the top of the nest.
    text : str
        What it says.
    level : int
        Of the operand, 0 the innermost.
    """

    operand: str
    memory: str
    top: float
    bottom: float
    text: str
    level: int


class Row(NamedTuple):
    """A line of the nest: its text, its depth, and where it stands in inches from the top."""

    text: str
    depth: int
    top: float
    bottom: float


class Nest(NamedTuple):
    """Everything that the picture shows."""

    rows: list[Row]
    blocks: list[Block]
    height: float


def nest_of(entry: Entry) -> Nest:
    """Return the rows and blocks of a loop nest.

    Levels without loops lie between two loops, as bands; a loop's row belongs to the level that holds its data.
    """
    mapping = entry.mapping
    order, allocation = mapping.order, mapping.allocation
    empty = {
        position: max(
            sum(1 for start, end in _spans(ends) if start == end == position) for ends in allocation.values()
        )
        for position in range(len(order) + 1)
    }
    rows: list[Row] = []
    edges: dict[int, tuple[float, float]] = {}
    y = 0.0
    for position in range(len(order), -1, -1):
        edges[position] = (y, y + BAND * empty[position])
        y = edges[position][1]
        if position:
            loop = order[position - 1]
            text = f"for {loop.dim} in {loop.size}"
            rows.append(Row(text, len(order) - position, y, y + ROW))
            y += ROW
    body = y
    depth = len(order)
    for dimension, dim, factor in mapping.spatial:
        rows.append(Row(f"parallel {dim} in {factor} on {dimension}", depth, y, y + ROW))
        y += ROW
        depth += 1
    rows.append(Row("multiply, accumulate", depth, y, y + ROW))
    blocks = [
        block for operand, ends in allocation.items() for block in _blocks(entry, operand, ends, edges, body)
    ]
    return Nest(rows, blocks, y + ROW)


def _spans(ends: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip((0, *ends[:-1]), ends, strict=True))


def _blocks(
    entry: Entry, operand: str, ends: Sequence[int], edges: Mapping[int, tuple[float, float]], body: float
) -> list[Block]:
    """Return an operand's levels from the innermost outwards, so that they fill the column."""
    names = entry.memories[operand]
    spans = _spans(ends)
    blocks: list[Block] = []
    below = body
    for level, (start, end) in enumerate(spans):
        if start == end:
            top = below - BAND
        else:
            later = sum(1 for span in spans[level + 1 :] if span == (end, end))
            top = edges[end][0] + BAND * later
        if level == len(spans) - 1:
            top = 0.0
        blocks.append(
            Block(operand, names[level], top, below, f"{names[level]}{_tile(entry, operand, level)}", level)
        )
        below = top
    return blocks


def _tile(entry: Entry, operand: str, level: int) -> str:
    """Return how much of a memory an operand's tile takes, and whether it is kept twice."""
    used = entry.evaluation["utilization"]["individual"].get(operand)
    names = entry.memories[operand]
    flags = entry.evaluation["double_buffered"].get(operand, ())
    twice = level < len(flags) and flags[level]
    known = {memory.name: memory.size for memory in entry.accelerator.memories}
    if used is None or names[level] not in known:
        return " ×2" if twice else ""
    size = round(used[level] * known[names[level]])
    return f": {bits(size)}" + (" ×2" if twice else "")


@styled
def nest_figure(
    entry: Entry, *, title: str | None = None, width: float | None = None, height: float | None = None
) -> Figure:
    """Return a picture of a mapping as a loop nest.

    Parameters
    ----------
    entry : Entry
        The mapped layer.
    title : str, optional
        Over the picture.
    width, height : float, optional
        In inches.
    """
    nest = nest_of(entry)
    colour = colours(memory.name for memory in entry.accelerator.memories)
    operands = list(entry.mapping.temporal)
    code = max(INDENT * row.depth + 0.072 * len(row.text) for row in nest.rows) + 0.25
    column = max(1.35, ((width or WIDTH) - code - 0.4) / len(operands))
    head = 0.3
    across = code + column * len(operands)
    figure = new_figure(width or across + 0.4, height or nest.height + head + (0.75 if title else 0.45))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(0, across)
    axes.set_ylim(nest.height + 0.22, -head)
    for number, row in enumerate(nest.rows):
        if number % 2 == 0:
            axes.axhspan(row.top, row.bottom, color="#F4F4F4", linewidth=0, zorder=0)
        axes.text(
            0.06 + INDENT * row.depth, (row.top + row.bottom) / 2, row.text,
            family="DejaVu Sans Mono", fontsize=8, va="center",
        )  # fmt: skip
    for number, operand in enumerate(operands):
        left = code + column * number
        axes.text(left + column / 2, -head / 2, operand, ha="center", va="center", fontweight="bold")
        _draw_column(axes, [block for block in nest.blocks if block.operand == operand], left, column, colour)
    axes.text(
        code, nest.height + 0.03,
        "a memory holds what its loops and all below run over; ×2: kept twice",
        fontsize=6.5, va="top", color="#555555",
    )  # fmt: skip
    if title:
        axes.set_title(title)
    return figure


def _draw_column(
    axes: Axes, blocks: Sequence[Block], left: float, width: float, colour: Mapping[str, str]
) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - an optional dependency

    for block in blocks:
        fill = colour.get(block.memory, "#CCCCCC")
        axes.add_patch(
            Rectangle(
                (left + 0.04, block.top + 0.012), width - 0.08, block.bottom - block.top - 0.024,
                facecolor=fill, edgecolor="white", linewidth=0, label=block.memory,
            )
        )  # fmt: skip
        name, _, tile = block.text.partition(": ")
        text = f"{fitted_text(name, 17)}{': ' if tile else ''}{tile}"
        letters = (width - 0.14) / 0.062
        if len(text) > letters and block.bottom - block.top >= 2 * BAND:
            text = text.replace(": ", "\n")
        axes.text(
            left + width / 2, (block.top + block.bottom) / 2, text, ha="center", va="center", linespacing=1.15,
            fontsize=min(7.5, max(4.5, 7.5 * letters / max(map(len, text.split("\n"))))),
            color=ink_on(fill) if fill else INK,
        )  # fmt: skip
