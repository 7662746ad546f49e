"""The machine that is left when operands bypass memories: what a mapping with a bypass runs on.

An operand that bypasses a memory is not held there and uses none of its ports; its data moves between the memories
below and above directly, through their ports.
"""

from __future__ import annotations

import collections.abc
from collections.abc import Sequence
from dataclasses import replace

from zzcp.errors import InputError, Place
from zzcp.hardware import Accelerator, Memory, Port

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
        if operand not in links:
            raise InputError(
                "bypass of an operand that the layer does not have",
                place=Place(field=f"bypass.{operand}"),
                expected=", ".join(links),
                found=operand,
            )
        for name in names:
            _check(accelerator, operand, links[operand], name)
            leaving.setdefault(name, []).append(links[operand])
    if not leaving:
        return accelerator
    memories = [
        kept for memory in accelerator.memories if (kept := _without(memory, leaving.get(memory.name, ())))
    ]
    try:
        return replace(accelerator, memories=tuple(memories))
    except InputError as error:
        raise InputError(
            f"the machine cannot do without a memory that is bypassed: {error}", place=Place(field="bypass")
        ) from None


def _check(accelerator: Accelerator, operand: str, memory_operand: str, name: str) -> None:
    place = Place(field=f"bypass.{operand}")
    levels = [memory.name for memory in accelerator.levels(memory_operand)]
    if name not in levels:
        raise InputError(
            f"bypass of a memory that does not hold {operand}",
            place=place,
            expected=", ".join(levels[:-1]) or "no bypass, since there is one memory only",
            found=name,
        )
    if name == levels[-1]:
        raise InputError(
            f"{operand} cannot bypass its outermost memory, which it comes from",
            place=place,
            expected=", ".join(levels[:-1]) or "no bypass, since there is one memory only",
            found=name,
        )


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
    return replace(memory, operands=operands, ports=tuple(ports))
