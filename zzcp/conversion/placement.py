"""Where a mapping keeps what: the same for all tools that have a list of nested loops and memories."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass

from zzcp.conversion.notes import Notes
from zzcp.errors import InputError
from zzcp.hardware import Accelerator, Memory
from zzcp.mapping import Mapping
from zzcp.mapping.machine import machine_of
from zzcp.mapping.mapping import Loop
from zzcp.workload import Layer


@dataclass(frozen=True, slots=True)
class Stored:
    """An operand in a memory.

    Parameters
    ----------
    memory, operand : str
        The memory, and the operand of the layer.
    low, high : int
        How many loops run over the data that it holds, at least and at most: loops at the boundary that leave the data
        as they are count or not, since it stays.
    """

    memory: str
    operand: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Placement:
    """A mapping as loops and what is kept between them.

    Parameters
    ----------
    loops : tuple of Loop
        The temporal loops, innermost first.
    stored : tuple of Stored
        Every operand in every memory that holds it.
    machine : Accelerator
        The machine without what is bypassed, and without the room that other tensors take.
    links : mapping of str to str
        Memory operand of every operand of the layer.
    """

    loops: tuple[Loop, ...]
    stored: tuple[Stored, ...]
    machine: Accelerator
    links: Dictionary[str, str]


def place(accelerator: Accelerator, layer: Layer, mapping: Mapping) -> Placement:
    """Return where a mapping keeps what.

    Parameters
    ----------
    accelerator, layer, mapping
        The mapping, which is valid, and what it is for.

    Raises
    ------
    InputError
        If a tensor stays in a memory between layers: other tools bring all of them from the outermost one.
    """
    for operand, name in (mapping.resident or {}).items():
        raise InputError(
            f"{operand} stays in {name} between layers",
            expected="a mapping whose tensors all come from the outermost memory",
            hint="solve without --keep-on-chip",
        )
    links = dict(layer.default_links) | dict(mapping.links or {})
    machine = machine_of(accelerator, mapping, links)
    loops = mapping.order
    stored = []
    for operand, ends in mapping.allocation.items():
        relevance = layer.relevance(operand)
        moves = {*relevance.relevant, *(dim for window in relevance.partial for dim in window.loops)}
        levels = machine.levels(links[operand])
        for memory, end in zip(levels, ends, strict=True):
            low = high = end
            while high < len(loops) and loops[high].dim not in moves:
                high += 1
            while low > 0 and loops[low - 1].dim not in moves:
                low -= 1
            stored.append(Stored(memory.name, operand, low, high))
    return Placement(loops, tuple(stored), machine, links)


def hierarchy(machine: Accelerator) -> list[Memory]:
    """Return the memories from the outermost inwards, so that each serves what the ones below it serve.

    Raises
    ------
    InputError
        If they cannot be put into such an order: then the machine is no list of levels with fan-outs between them.
    """
    order = list(machine.memories[::-1])
    order.sort(key=lambda memory: -len(memory.served_dimensions))
    for outer, inner in itertools.pairwise(order):
        if not set(inner.served_dimensions) <= set(outer.served_dimensions):
            raise InputError(
                f"{outer.name} serves {_dims(outer)}, {inner.name} {_dims(inner)}: no list of levels has such fan-outs",
                expected="memories of which each serves all dimensions that the ones below it serve",
            )
    for operand in machine.operands:
        levels = [memory for memory in order if operand in memory.operands]
        if levels[::-1] != list(machine.levels(operand)):
            raise InputError(
                f"the memories of {operand} serve more dimensions below than above",
                expected="memories of which each serves all dimensions that the ones below it serve",
            )
    return order


def fan_outs(machine: Accelerator, order: list[Memory]) -> list[tuple[str, ...]]:
    """Return the array dimensions that fan out above each memory of a hierarchy, and above the units at the end."""
    found = []
    left = list(machine.array.dimensions)
    for served in (*(memory.served_dimensions for memory in order), ()):
        here = tuple(dimension for dimension in left if dimension not in served)
        left = [dimension for dimension in left if dimension in served]
        found.append(here)
    return found


def tile_below(mapping: Mapping, loops: tuple[Loop, ...], dim: str) -> int:
    """Return how many iterations of a dimension some loops and all lanes cover together."""
    return math.prod(loop.size for loop in loops if loop.dim == dim) * mapping.spatial.total(dim)


def _dims(memory: Memory) -> str:
    return ", ".join(memory.served_dimensions) or "no dimension"


def name_shared_ports(memory: Memory, notes: Notes) -> None:
    """Name the ports that instances of a memory share: other tools have one for each."""
    for port in memory.ports:
        if port.shared_along:
            notes.miss(
                f"shared_along of {memory.name}.{port.name}",
                "every instance has a port of its own there, and their transfers do not take turns",
            )
