"""The loop nest as a table whose cells know which loops they hold."""

from __future__ import annotations

from typing import NamedTuple

from zzcp.plot.entries import Entry
from zzcp.plot.nest import Block, nest_of
from zzcp.plot.style import PALETTE


class Cell(NamedTuple):
    """A memory in the column of an operand.

    Attributes
    ----------
    text, operand, memory : str
        What it says, and what it is about.
    rows : int
        Lines that it spans.
    first : int
        The first line of the loops that it holds; all below are held, too.
    colour : int
        Place of the memory's colour in the palette; -1 where there is no memory.
    """

    text: str
    operand: str
    memory: str
    rows: int
    first: int
    colour: int


class Line(NamedTuple):
    """A line of the nest: its text (empty between loops), its depth, and the cells that begin in it."""

    text: str
    depth: int
    cells: list[Cell]


def nest_lines(entry: Entry) -> list[Line]:
    """Return the lines of a loop nest, outermost loop first."""
    nest = nest_of(entry)
    edges = sorted({row.top for row in nest.rows} | {row.bottom for row in nest.rows} | {0.0})
    spans: list[tuple[float, float, str, int]] = []
    rows = {row.top: row for row in nest.rows}
    tops = sorted({round(y, 6) for y in (*edges, *(block.top for block in nest.blocks)) if y < nest.height})
    for top, bottom in zip(tops, (*tops[1:], nest.height), strict=True):
        row = next((row for start, row in rows.items() if abs(start - top) < 1e-6), None)
        spans.append((top, bottom, row.text if row else "", row.depth if row else 0))
    order = [memory.name for memory in entry.accelerator.memories]
    lines = []
    for number, (top, _, text, depth) in enumerate(spans):
        cells = []
        for operand in entry.mapping.temporal:
            column = [block for block in nest.blocks if block.operand == operand]
            begun = next((block for block in column if abs(block.top - top) < 1e-6), None)
            if begun is not None:
                cells.append(_cell(begun, spans, number, order))
            elif top >= max(block.bottom for block in column) - 1e-6:
                cells.append(Cell("", operand, "", 1, -1, -1))
        lines.append(Line(text, depth, cells))
    return lines


def _cell(block: Block, spans: list[tuple[float, float, str, int]], number: int, order: list[str]) -> Cell:
    rows = sum(1 for top, _, _, _ in spans if block.top - 1e-6 <= top < block.bottom - 1e-6)
    place = order.index(block.memory) % len(PALETTE) if block.memory in order else -1
    return Cell(block.text, block.operand, block.memory, rows, number, place)
