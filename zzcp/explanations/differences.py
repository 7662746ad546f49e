"""What differs between two machines, and between two mappings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zzcp.explanations.facts import Facts
from zzcp.hardware import Accelerator, Memory


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
        return {"field": self.field, "first": self.first, "second": self.second}


_MEMORY = {
    "size": "size",
    "r_cost": "read_energy",
    "w_cost": "write_energy",
    "latency": "latency",
    "leakage": "leakage",
    "operands": "operands",
    "served_dimensions": "served_dimensions",
    "force_double_buffering": "force_double_buffering",
    "keeps_overlap": "keeps_overlap",
    "precision": "precision",
}
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
    for name in dict.fromkeys((*a, *b)):
        if name not in a or name not in b:
            yield Difference(f"memories.{name}", *("there" if name in side else "none" for side in (a, b)))
            continue
        yield from _memory(a[name], b[name])
    shared = [[name for name in side if name in a and name in b] for side in (a, b)]
    if shared[0] != shared[1]:
        yield Difference("memories", ", ".join(shared[0]), ", ".join(shared[1]))
    for key in _ARRAY:
        values = getattr(first.array, key), getattr(second.array, key)
        if values[0] != values[1]:
            yield Difference(f"operational_array.{key}", *map(_text, values))


def _memory(first: Memory, second: Memory) -> Iterator[Difference]:
    prefix = f"memories.{first.name}"
    for key, attribute in _MEMORY.items():
        values = getattr(first, attribute), getattr(second, attribute)
        if values[0] != values[1]:
            yield Difference(f"{prefix}.{key}", *map(_text, values))
    a, b = ({port.name: port for port in memory.ports} for memory in (first, second))
    for name in dict.fromkeys((*a, *b)):
        if name not in a or name not in b:
            yield Difference(
                f"{prefix}.ports.{name}", *("there" if name in side else "none" for side in (a, b))
            )
            continue
        for key in ("type", "bandwidth_min", "bandwidth_max", "allocation", "shared_along"):
            values = getattr(a[name], key), getattr(b[name], key)
            if values[0] != values[1]:
                yield Difference(f"{prefix}.ports.{name}.{key}", *map(_text, values))


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
