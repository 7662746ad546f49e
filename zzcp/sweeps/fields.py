"""The fields of an accelerator and of its layers that can be varied, and how to set them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from zzcp.errors import InputError, Place, nearest
from zzcp.hardware import Accelerator, Memory
from zzcp.sweeps.values import Kind, Value
from zzcp.workload import Layer


class Subject(NamedTuple):
    """What a point of a sweep is about."""

    accelerator: Accelerator
    layer: Layer


@dataclass(frozen=True, slots=True)
class Field:
    """A field that can be varied.

    Parameters
    ----------
    name : str
        As in the file: ``memories.sram_1M.size``.
    kind : Kind
        What it holds.
    get : callable
        Returns its value for a subject, or None where the subject has no such field.
    put : callable
        Returns the subject with another value.
    better : int
        1 if a larger value never worsens the proven optimum, -1 if a smaller one never does, 0 if nothing is known.
    """

    name: str
    kind: Kind
    get: Callable[[Subject], Value | None]
    put: Callable[[Subject, Value], Subject]
    better: int = 0


def catalogue(accelerator: Accelerator, layers: Iterable[Layer]) -> dict[str, Field]:
    """Return every field that can be varied, by name."""
    dimensions = accelerator.array.dimensions
    found = [field for memory in accelerator.memories for field in _memory_fields(memory, dimensions)]
    found += _array_fields(accelerator)
    for layer in layers:
        found += [
            _LAYER.at("precision").entry(operand).field(f"workload.operand_precision.{operand}", Kind.BITS)
            for operand in layer.precision
        ]
        found += [
            _LAYER.at("sizes").entry(dim).field(f"workload.loop_sizes.{dim}", Kind.LOOP)
            for dim in layer.sizes
        ]
    return {field.name: field for field in found}


def find_field(known: Mapping[str, Field], name: str) -> Field:
    """Return the field of a name.

    Raises
    ------
    InputError
        If there is none, with the nearest one and all that there are.
    """
    if name in known:
        return known[name]
    raise InputError(
        "no such field to vary",
        place=Place(field=name),
        expected=f"one of {_listed(known, name)}",
        hint=nearest(name, tuple(known)),
    )


def _listed(known: Mapping[str, Field], name: str) -> str:
    """Return the fields next to a name; those that differ in the last part are written once: ``array.{a, b}``."""
    parts = name.split(".")
    own = [field for field in known if parts[0] == "memories" and field.split(".")[:2] == parts[:2]]
    groups: dict[str, dict[str, None]] = {}
    memories: dict[str, None] = {}
    for field in own or known:
        prefix, _, last = field.rpartition(".")
        place = prefix.split(".")
        if place[0] == "memories":
            memories[place[1]] = None
            place[1] = place[1] if own else "NAME"
            place[3:] = ["PORT"] * len(place[3:]) if not own else place[3:]
        groups.setdefault(".".join(place), {})[last] = None
    text = ", ".join(f"{place}.{{{', '.join(names)}}}" for place, names in groups.items())
    return text if own else f"{text}; NAME is one of {', '.join(memories)}"


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a subject.

    Parameters
    ----------
    of : callable
        Returns the part of a subject.
    put : callable
        Returns a subject with another part in its place.
    """

    of: Callable[[Subject], Any]
    put: Callable[[Subject, Any], Subject]

    def at(self, *attributes: str) -> _Part:
        """Return an attribute of the part as a part; of several that are set together what they have in common."""

        def of(subject: Subject) -> Any:
            values = [getattr(self.of(subject), attribute) for attribute in attributes]
            return values[0] if all(value == values[0] for value in values) else None

        def put(subject: Subject, value: Any) -> Subject:
            return self.put(subject, replace(self.of(subject), **dict.fromkeys(attributes, value)))

        return _Part(of, put)

    def item(self, place: int) -> _Part:
        """Return an item of a part that is a tuple."""

        def put(subject: Subject, value: Any) -> Subject:
            held = self.of(subject)
            return self.put(subject, (*held[:place], value, *held[place + 1 :]))

        return _Part(lambda subject: self.of(subject)[place], put)

    def entry(self, key: str) -> _Part:
        """Return an entry of a part that is a mapping, or made of pairs; subjects without it stay as they are."""

        def put(subject: Subject, value: Any) -> Subject:
            held = dict(self.of(subject))
            return self.put(subject, {**held, key: int(value)}) if key in held else subject

        return _Part(lambda subject: dict(self.of(subject)).get(key), put)

    def member(self, name: str, order: Sequence[str]) -> _Part:
        """Return whether a part that is a tuple of names has one of them; they are kept in some order."""

        def put(subject: Subject, value: Any) -> Subject:
            held = {entry for entry in self.of(subject) if entry != name} | ({name} if value else set())
            return self.put(subject, tuple(entry for entry in order if entry in held))

        return _Part(lambda subject: name in self.of(subject), put)

    def field(self, name: str, kind: Kind, better: int = 0) -> Field:
        """Return the part as a field that can be varied."""
        return Field(name, kind, self.of, self.put, better)


_LAYER = _Part(lambda subject: subject.layer, lambda subject, layer: subject._replace(layer=layer))
_ARRAY = _Part(
    lambda subject: subject.accelerator, lambda subject, machine: subject._replace(accelerator=machine)
).at("array")


def _memory(name: str) -> _Part:
    def put(subject: Subject, changed: Memory) -> Subject:
        machine = subject.accelerator
        memories = tuple(changed if memory.name == name else memory for memory in machine.memories)
        return subject._replace(accelerator=replace(machine, memories=memories))

    return _Part(lambda subject: subject.accelerator.memory(name), put)


_OF_MEMORY = (
    ("size", "size", Kind.SIZE, 1),
    ("r_cost", "read_energy", Kind.ENERGY, -1),
    ("w_cost", "write_energy", Kind.ENERGY, -1),
    ("area", "area", Kind.AREA, 0),
    ("latency", "latency", Kind.CYCLES, -1),
    ("leakage", "leakage", Kind.ENERGY, -1),
    ("force_double_buffering", "force_double_buffering", Kind.FLAG, 0),
)
"""Fields of a memory with what they are called in our objects, what they hold and which way is better."""


def _memory_fields(memory: Memory, dimensions: Sequence[str]) -> list[Field]:
    prefix, part = f"memories.{memory.name}", _memory(memory.name)
    found = [
        part.at(attribute).field(f"{prefix}.{key}", kind, better)
        for key, attribute, kind, better in _OF_MEMORY
    ]
    for operand, _ in memory.precision:
        stated = part.at("precision").entry(operand)
        found.append(stated.field(f"{prefix}.precision.{operand}", Kind.BITS))
    for position, port in enumerate(memory.ports):
        start, own = f"{prefix}.ports.{port.name}.bandwidth", part.at("ports").item(position)
        found += [
            own.at("bandwidth_min", "bandwidth_max").field(start, Kind.WIDTH),
            own.at("bandwidth_min").field(f"{start}_min", Kind.WIDTH),
            # a wider port takes no more accesses of the same smallest words, and no more cycles
            own.at("bandwidth_max").field(f"{start}_max", Kind.WIDTH, 1),
        ]
        # of ports that the file shares along some dimension, whether they are so along each
        found += [
            own.at("shared_along")
            .member(dimension, dimensions)
            .field(f"{prefix}.ports.{port.name}.shared_along.{dimension}", Kind.FLAG)
            for dimension in dimensions
            if port.shared_along and dimension not in memory.served_dimensions
        ]
    return found


def _array_fields(accelerator: Accelerator) -> list[Field]:
    array, prefix = accelerator.array, "operational_array"
    found = [
        _ARRAY.at("sizes").item(place).field(f"{prefix}.sizes.{dimension}", Kind.UNITS)
        for place, dimension in enumerate(array.dimensions)
    ]
    found.append(_ARRAY.at("leakage").field(f"{prefix}.leakage", Kind.ENERGY, -1))
    if array.in_memory_computing is None:
        found.append(_ARRAY.at("unit_energy").field(f"{prefix}.unit_energy", Kind.ENERGY, -1))
        found.append(_ARRAY.at("unit_area").field(f"{prefix}.unit_area", Kind.AREA))
        return found
    macro = _ARRAY.at("in_memory_computing")
    keys = ("bit_serial_precision", "adc_resolution")
    return [*found, *(macro.at(key).field(f"{prefix}.{key}", Kind.BITS) for key in keys)]
