"""Machines with the costs of a model in the place of those of their file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

from zzcp.costs.model import Asked, CostModel, MemoryCosts
from zzcp.errors import InputError
from zzcp.hardware import Accelerator, Costing, Memory, Port, PortType
from zzcp.hardware.memory import COSTS


class Priced(NamedTuple):
    """A memory of a machine with its costs by a model."""

    memory: str
    size: int
    width: int
    read: float
    area: float
    leakage: float


UNITS = {"read": "pJ a read", "area": "mm^2", "leakage": "pJ a cycle"}
"""What is expected to grow with the size of a memory."""


def priced(accelerator: Accelerator, model: CostModel, names: Iterable[str]) -> Accelerator:
    """Return a machine in which some memories cost what a model says; the others cost what they did.

    Parameters
    ----------
    accelerator : Accelerator
        The machine.
    model : CostModel
        The model.
    names : iterable of str
        The memories.

    Raises
    ------
    InputError
        If the model knows no such memory, or there is none of a name.
    """
    chosen = set(names)
    for name in chosen:
        accelerator.memory(name)
    memories = tuple(
        _priced(memory, model) if memory.name in chosen else memory for memory in accelerator.memories
    )
    return replace(accelerator, memories=memories)


def _priced(memory: Memory, model: CostModel) -> Memory:
    """Return a memory with the costs of a model, or with those that it has from this model anew."""
    own = memory.costing
    try:
        costs = costs_of(model, memory.size, memory.ports, memory.memory_type)
    except InputError as error:
        error.message = f"memory {memory.name}: {error.message}"
        raise
    given = figures_of(costs)
    figures = own.figures if own is not None and own.model == model.key else tuple(given)
    changes: dict[str, Any] = {COSTS[figure]: given[figure] for figure in figures}
    return replace(memory, **changes, costing=Costing(model.key, model.version, figures))


def costs_of(model: CostModel, size: int, ports: Sequence[Port], kind: str = "sram") -> MemoryCosts:
    """Return what a memory of some ports and type costs by a model.

    Raises
    ------
    InputError
        If the model knows no such memory.
    """
    reading = [port for port in ports if port.type == PortType.READ]
    reading += [port for port in ports if port.type == PortType.READ_WRITE]
    widest = max(port.bandwidth_max for port in ports)
    return model.memory(Asked(size, widest, len(ports), reading[0].bandwidth_max if reading else None, kind))


def figures_of(costs: MemoryCosts) -> dict[str, float]:
    """Return the costs of a memory by the names of their fields in a file; without leakage where nobody knows it."""
    return {key: value for key, value in zip(COSTS, costs, strict=True) if value is not None}


def falling(machines: Iterable[Accelerator], names: Iterable[str]) -> list[str]:
    """Return in words where a larger memory of the same width costs less: an artefact of the model, as it stands.

    Parameters
    ----------
    machines : iterable of Accelerator
        Machines with the costs of a model.
    names : iterable of str
        The memories that have them.
    """
    chosen = list(names)
    seen: dict[tuple[str, int], set[Priced]] = {}
    for machine in machines:
        for name in chosen:
            memory = machine.memory(name)
            width = max(port.bandwidth_max for port in memory.ports)
            entry = Priced(name, memory.size, width, memory.read_energy, memory.area, memory.leakage)
            seen.setdefault((name, width), set()).add(entry)
    found = []
    for entries in seen.values():
        order = sorted(entries, key=lambda entry: entry.size)
        for small, large in pairwise(order):
            for what, unit in UNITS.items():
                before, after = getattr(small, what), getattr(large, what)
                if after < before:
                    found.append(
                        f"{small.memory} costs {before:.4g} {unit} with {small.size:,} bits, "
                        f"{after:.4g} with {large.size:,}"
                    )
    return found
