"""A mapping as a loop nest: one row per loop, outermost first, and one column per operand for its memories."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.errors import MappingError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping
from zzcp.mapping.machine import machine_of
from zzcp.mapping.mapping import DEFAULT_LINKS
from zzcp.report.style import loops
from zzcp.report.tables import table

Flags = MappingType[str, Sequence[bool]]


def level_names(
    mapping: Mapping, accelerator: Accelerator | None = None, links: MappingType[str, str] | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the memories of every operand, innermost first; ``level N`` where the accelerator does not tell.

    Parameters
    ----------
    mapping : Mapping
        Whose operands.
    accelerator : Accelerator, optional
        The machine it is for.
    links : mapping of str to str, optional
        Memory operand of every operand.
    """
    links = {**DEFAULT_LINKS, **(links or {}), **(mapping.links or {})}
    if accelerator is not None and mapping.changes_machine:
        # where nobody says what holds an operand, its levels are numbers
        told = links.keys() >= mapping.temporal.keys()
        accelerator = machine_of(accelerator, mapping, links) if told else None
    result = {}
    for operand, levels in mapping.temporal.items():
        names = tuple(f"level {number}" for number in range(len(levels)))
        if accelerator is not None and operand in links:
            memories = tuple(memory.name for memory in accelerator.levels(links[operand]))
            names = memories if len(memories) == len(levels) else names
        result[operand] = names
    return result


def loop_nest(
    mapping: Mapping, names: MappingType[str, Sequence[str]], double_buffered: Flags | None = None
) -> RenderableType:
    """Return a mapping as pseudo code.

    A memory stands in the row of the outermost loop that runs over what it holds: all data of the loops in that row
    and below. Several memories in one row hold the same data, as those do whose level has no loops.

    Parameters
    ----------
    mapping : Mapping
        The mapping.
    names : mapping of str to sequence of str
        For every operand its memories, innermost first.
    double_buffered : mapping of str to sequence of bool, optional
        Tiles that are kept twice; those of the mapping where not given.
    """
    try:
        order, allocation = mapping.order, mapping.allocation
    except MappingError:
        return _apart(mapping, names)
    flags = double_buffered if double_buffered is not None else mapping.buffering or {}
    rows = table("loop", *mapping.temporal)
    twice = False
    for position in range(len(order), -1, -1):
        cells = []
        for operand, ends in allocation.items():
            here = [level for level in range(len(ends) - 1, -1, -1) if ends[level] == position]
            twice = twice or any(_kept_twice(flags, operand, level) for level in here)
            labels = [
                names[operand][level] + (" x2" if _kept_twice(flags, operand, level) else "")
                for level in here
            ]
            cells.append(Text(" > ".join(labels) or "|"))
        depth = len(order) - position
        if position:
            loop = order[position - 1]
            rows.add_row(f"{'  ' * depth}for {loop.dim} in {loop.size}", *cells)
            continue
        for dimension, dim, factor in mapping.spatial:
            rows.add_row(f"{'  ' * depth}parallel {dim} in {factor} on {dimension}", *("|" for _ in cells))
            depth += 1
        rows.add_row(f"{'  ' * depth}multiply, accumulate", *cells)
    return (
        Group(rows, Text("x2: kept twice, so that one copy is refilled while the other is used"))
        if twice
        else rows
    )


def _kept_twice(flags: Flags, operand: str, level: int) -> bool:
    return level < len(flags.get(operand, ())) and flags[operand][level]


def _apart(mapping: Mapping, names: MappingType[str, Sequence[str]]) -> RenderableType:
    """Return the loops of every operand on their own, where they have no common order."""
    rows = table("operand", "memory", "loops, innermost first")
    for operand, levels in mapping.temporal.items():
        for name, level in zip(reversed(names[operand]), reversed(levels), strict=True):
            rows.add_row(operand, Text(name), loops(level) or "none")
    return rows
