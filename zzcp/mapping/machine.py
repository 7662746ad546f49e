"""The machine that is left when operands bypass memories, or stay in them: what such a mapping runs on.

An operand that bypasses a memory is not held there and uses none of its ports; its data moves between the memories
below and above directly, through their ports. An operand that stays in a memory between layers is whole there, and has
no memories above it: nothing of it moves through the upper side of the memory. What tensors of other layers take of a
memory meanwhile is not there for this one.
"""

from __future__ import annotations

import collections.abc
from collections.abc import Sequence
from dataclasses import replace

from zzcp.checks import among
from zzcp.errors import InputError, Place
from zzcp.hardware import Accelerator, Direction, Memory, Port
from zzcp.mapping.mapping import Mapping

Bypasses = collections.abc.Mapping[str, Sequence[str]]
"""Per operand the names of the memories that do not hold it."""


def without_bypassed(
    accelerator: Accelerator, bypass: Bypasses, links: collections.abc.Mapping[str, str]
) -> Accelerator:
    """Return the machine as it is for operands that bypass some of its memories.

    Memories that hold nothing any more, and ports that carry nothing, are left out.

    Parameters
    ----------
    accelerator : Accelerator
        The machine.
    bypass : mapping of str to sequence of str
        Per operand of the layer the memories that it bypasses.
    links : mapping of str to str
        Memory operand of every operand of the layer.

    Raises
    ------
    InputError
        If there is no such operand or memory, if the memory does not hold the operand, or if it is the operand's
        outermost one: the data has to come from somewhere.
    """
    leaving: dict[str, list[str]] = {}
    for operand, names in bypass.items():
        message = "bypass of an operand that the layer does not have"
        among(operand, links, message, field=f"bypass.{operand}")
        for name in names:
            _check(accelerator, operand, links[operand], name)
            leaving.setdefault(name, []).append(links[operand])
    if not leaving:
        return accelerator
    memories = [
        kept for memory in accelerator.memories if (kept := _without(memory, leaving.get(memory.name, ())))
    ]
    try:
        return replace(accelerator, memories=tuple(memories), idle=_idle(accelerator, memories))
    except InputError as error:
        raise InputError(
            f"the machine cannot do without a memory that is bypassed: {error}", place=Place(field="bypass")
        ) from None


def machine_of(
    accelerator: Accelerator, mapping: Mapping, links: collections.abc.Mapping[str, str]
) -> Accelerator:
    """Return the machine that a mapping runs on, given the one that it is for.

    Parameters
    ----------
    accelerator : Accelerator
        The machine that it is for.
    mapping : Mapping
        The mapping.
    links : mapping of str to str
        Memory operand of every operand of the layer.

    Raises
    ------
    InputError
        If an operand cannot bypass a memory or stay in one, or a memory has no room for what is reserved.
    """
    machine = with_residents(accelerator, mapping.resident or {}, mapping.reserved or {}, links)
    return without_bypassed(machine, mapping.bypass, links) if mapping.bypass else machine


def with_residents(
    accelerator: Accelerator,
    resident: collections.abc.Mapping[str, str],
    reserved: collections.abc.Mapping[str, int],
    links: collections.abc.Mapping[str, str],
) -> Accelerator:
    """Return the machine as it is for operands that stay in memories, beside tensors of other layers.

    Parameters
    ----------
    accelerator : Accelerator
        The machine.
    resident : mapping of str to str
        Per operand of the layer the memory that it stays in.
    reserved : mapping of str to int
        Bits of memories that other tensors take.
    links : mapping of str to str
        Memory operand of every operand of the layer.

    Raises
    ------
    InputError
        If there is no such operand or memory, the memory does not hold the operand, or is too small.
    """
    leaving: dict[str, list[str]] = {}
    ending: dict[str, list[str]] = {}
    for operand, name in resident.items():
        field = f"resident.{operand}"
        among(operand, links, "an operand stays that the layer does not have", field=field)
        levels = [memory.name for memory in accelerator.levels(links[operand])]
        among(name, levels, f"{operand} stays in a memory that does not hold it", field=field)
        ending.setdefault(name, []).append(links[operand])
        for above in levels[levels.index(name) + 1 :]:
            leaving.setdefault(above, []).append(links[operand])
    sizes = {name: accelerator.memory(name).size - bits for name, bits in reserved.items()}
    for name, left in sizes.items():
        if left < 1:
            raise InputError(
                f"memory {name} has no room beside what other tensors take",
                place=Place(field=f"reserved.{name}"),
                expected=f"less than {accelerator.memory(name).size} bits",
                found=str(reserved[name]),
            )
    if not leaving and not sizes:
        return accelerator
    memories = []
    for memory in accelerator.memories:
        kept = _without(memory, leaving.get(memory.name, ()))
        if kept is not None:
            kept = _topmost(kept, ending.get(memory.name, ()))
            memories.append(replace(kept, size=sizes.get(memory.name, kept.size)))
    return replace(accelerator, memories=tuple(memories), idle=_idle(accelerator, memories))


def _idle(accelerator: Accelerator, kept: Sequence[Memory]) -> tuple[Memory, ...]:
    """Return the memories that hold nothing and leak all the same, where only some are kept."""
    names = {memory.name for memory in kept}
    left = [memory for memory in accelerator.memories if memory.name not in names and memory.leakage]
    return (*accelerator.idle, *left)


def _topmost(memory: Memory, operands: Sequence[str]) -> Memory:
    """Return a memory with nothing above it for some of its operands."""
    upper = (Direction.FROM_ABOVE, Direction.TO_ABOVE)
    ports = [
        replace(
            port,
            allocation=tuple(
                entry
                for entry in port.allocation
                if entry.operand not in operands or entry.direction not in upper
            ),
        )
        for port in memory.ports
    ]
    return replace(memory, ports=tuple(port for port in ports if port.allocation))


def _check(accelerator: Accelerator, operand: str, memory_operand: str, name: str) -> None:
    *inner, outermost = (memory.name for memory in accelerator.levels(memory_operand))
    message = f"bypass of a memory that does not hold {operand}"
    if name == outermost:
        message = f"{operand} cannot bypass its outermost memory, which it comes from"
    among(name, inner, message, field=f"bypass.{operand}", none="no bypass, since there is one memory only")


def _without(memory: Memory, leaving: Sequence[str]) -> Memory | None:
    """Return a memory without some of its operands, or None where nothing is left."""
    if not leaving:
        return memory
    operands = tuple(operand for operand in memory.operands if operand not in leaving)
    if not operands:
        return None
    ports: list[Port] = []
    carried: set[object] = set()
    # of several ports with one movement the last one carries it: a port may be left with nothing of its own
    for port in reversed(memory.ports):
        allocation = tuple(entry for entry in port.allocation if entry.operand not in leaving)
        if set(allocation) - carried:
            ports.insert(0, replace(port, allocation=allocation))
            carried |= set(allocation)
    keeping = tuple(operand for operand in memory.keeps_overlap if operand in operands)
    precision = tuple(entry for entry in memory.precision if entry[0] in operands)
    return replace(memory, operands=operands, ports=tuple(ports), keeps_overlap=keeping, precision=precision)
