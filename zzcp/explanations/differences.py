"""What differs between two machines, and between two mappings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TypeVar

from zzcp.explanations.facts import Facts
from zzcp.hardware import Accelerator, Memory

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs.

    Parameters
    ----------
    field : str
        As in the file: ``memories.sram.size``.
    first, second : str
        Its values as text.
    """

    field: str
    first: str
    second: str

    def to_dict(self) -> dict[str, str]:
        """Return plain data for JSON."""
        return asdict(self)


_NAMES = {"read_energy": "r_cost", "write_energy": "w_cost"}
"""What attributes are called in files, where it is something else."""
_MEMORY = (
    "size",
    "read_energy",
    "write_energy",
    "latency",
    "leakage",
    "operands",
    "served_dimensions",
    "force_double_buffering",
    "keeps_overlap",
    "precision",
)
_PORT = ("type", "bandwidth_min", "bandwidth_max", "allocation", "shared_along")
_ARRAY = (
    "dimensions",
    "sizes",
    "unit_energy",
    "systolic_dimensions",
    "in_memory_computing",
    "cycles_per_op",
    "leakage",
    "systolic_refill",
)


def machine_differences(first: Accelerator, second: Accelerator) -> tuple[Difference, ...]:
    """Return the fields in which two machines differ, as far as they matter for costs."""
    return tuple(_machine(first, second))


def _machine(first: Accelerator, second: Accelerator) -> Iterator[Difference]:
    a, b = ({memory.name: memory for memory in machine.memories} for machine in (first, second))
    yield from _by_name("memories", a, b, _memory)
    shared = [[name for name in side if name in a and name in b] for side in (a, b)]
    if shared[0] != shared[1]:
        yield Difference("memories", ", ".join(shared[0]), ", ".join(shared[1]))
    yield from _fields("operational_array", first.array, second.array, _ARRAY)


def _memory(prefix: str, first: Memory, second: Memory) -> Iterator[Difference]:
    yield from _fields(prefix, first, second, _MEMORY)
    a, b = ({port.name: port for port in memory.ports} for memory in (first, second))
    yield from _by_name(f"{prefix}.ports", a, b, partial(_fields, attributes=_PORT))


def _by_name(
    prefix: str, a: Mapping[str, T], b: Mapping[str, T], compare: Callable[[str, T, T], Iterator[Difference]]
) -> Iterator[Difference]:
    """Yield what differs between parts of one name, and those that one side lacks."""
    for name in dict.fromkeys((*a, *b)):
        if name in a and name in b:
            yield from compare(f"{prefix}.{name}", a[name], b[name])
        else:
            yield Difference(f"{prefix}.{name}", *("there" if name in side else "none" for side in (a, b)))


def _fields(prefix: str, first: object, second: object, attributes: Iterable[str]) -> Iterator[Difference]:
    """Yield the fields in which two parts differ."""
    for attribute in attributes:
        values = getattr(first, attribute), getattr(second, attribute)
        if values[0] != values[1]:
            yield Difference(f"{prefix}.{_NAMES.get(attribute, attribute)}", *map(_text, values))


def mapping_differences(first: Facts, second: Facts) -> tuple[Difference, ...]:
    """Return the parts in which two mappings differ."""
    parts: list[tuple[str, object, object]] = [
        ("layer", first.layer.signature(), second.layer.signature()),
        ("spatial_mapping", first.mapping.spatial, second.mapping.spatial),
        ("temporal_mapping", _loops(first), _loops(second)),
        ("double_buffered", first.evaluation.double_buffered, second.evaluation.double_buffered),
        ("conventions", first.evaluation.conventions, second.evaluation.conventions),
    ]
    return tuple(
        Difference(name, _brief(name, first), _brief(name, second)) for name, a, b in parts if a != b
    )


def _loops(facts: Facts) -> object:
    """Return the loops with the boundaries of every operand, independent of how equal neighbours are split."""
    merged = {}
    for operand, levels in facts.mapping.temporal.items():
        merged[operand] = [[(loop.dim, loop.size) for loop in level if loop.size > 1] for level in levels]
    return merged


def _brief(name: str, facts: Facts) -> str:
    """Return a part of a mapping in one line."""
    if name == "layer":
        return f"{facts.layer.name}: {' '.join(f'{dim} {size}' for dim, size in facts.layer.sizes.items())}"
    if name == "spatial_mapping":
        return ", ".join(f"{dimension}: {dim} {factor}" for dimension, dim, factor in facts.mapping.spatial)
    if name == "temporal_mapping":
        return " ".join(f"{loop.dim} {loop.size}" for loop in facts.mapping.order)
    if name == "double_buffered":
        names = facts.evaluation.energy.by_direction
        kept = [
            f"{operand} in {names[operand][level].memory}"
            for operand, flags in facts.evaluation.double_buffered.items()
            for level, flag in enumerate(flags)
            if flag
        ]
        return ", ".join(kept) or "none"
    return facts.evaluation.conventions


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:,}" if isinstance(value, int) else str(value)
