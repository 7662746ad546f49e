"""The fields of an accelerator and of its layers that can be varied, and how to set them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
    found = [field for memory in accelerator.memories for field in _memory_fields(memory)]
    found += _array_fields(accelerator)
    for layer in layers:
        found += [
            _layer_field(f"workload.operand_precision.{operand}", Kind.BITS, "precision", operand)
            for operand in layer.precision
        ]
        found += [_layer_field(f"workload.loop_sizes.{dim}", Kind.LOOP, "sizes", dim) for dim in layer.sizes]
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


def _changed(entry: Any, changes: Mapping[str, Any]) -> Any:
    """Return a layer or a part of a machine with other values in some of its fields."""
    return replace(entry, **changes)


def _memory_fields(memory: Memory) -> list[Field]:
    prefix = f"memories.{memory.name}"

    def field(key: str, attribute: str, kind: Kind, better: int = 0) -> Field:
        def get(subject: Subject) -> Value | None:
            value: Value = getattr(subject.accelerator.memory(memory.name), attribute)
            return value

        def put(subject: Subject, value: Value) -> Subject:
            return _with_memory(subject, memory.name, lambda old: _changed(old, {attribute: value}))

        return Field(f"{prefix}.{key}", kind, get, put, better)

    found = [
        field("size", "size", Kind.SIZE, 1),
        field("r_cost", "read_energy", Kind.ENERGY, -1),
        field("w_cost", "write_energy", Kind.ENERGY, -1),
        field("area", "area", Kind.AREA),
        field("latency", "latency", Kind.CYCLES, -1),
        field("leakage", "leakage", Kind.ENERGY, -1),
        field("force_double_buffering", "force_double_buffering", Kind.FLAG),
        *(_precision_field(memory.name, operand) for operand, _ in memory.precision),
    ]
    for position, port in enumerate(memory.ports):
        start = f"{prefix}.ports.{port.name}"
        found += [
            _port_field(f"{start}.bandwidth", memory.name, position, ("bandwidth_min", "bandwidth_max")),
            _port_field(f"{start}.bandwidth_min", memory.name, position, ("bandwidth_min",)),
            # a wider port takes no more accesses of the same smallest words, and no more cycles
            _port_field(f"{start}.bandwidth_max", memory.name, position, ("bandwidth_max",), 1),
        ]
    return found


def _precision_field(memory: str, operand: str) -> Field:
    def get(subject: Subject) -> Value | None:
        return subject.accelerator.memory(memory).stated_precision(operand)

    def put(subject: Subject, value: Value) -> Subject:
        def change(old: Memory) -> Memory:
            stated = {**dict(old.precision), operand: int(value)}
            return replace(old, precision=tuple(stated.items()))

        return _with_memory(subject, memory, change)

    return Field(f"memories.{memory}.precision.{operand}", Kind.BITS, get, put)


def _port_field(
    name: str,
    memory: str,
    position: int,
    attributes: tuple[str, ...],
    better: int = 0,
) -> Field:
    def get(subject: Subject) -> Value | None:
        port = subject.accelerator.memory(memory).ports[position]
        values = {getattr(port, attribute) for attribute in attributes}
        return values.pop() if len(values) == 1 else None

    def put(subject: Subject, value: Value) -> Subject:
        def change(old: Memory) -> Memory:
            port = _changed(old.ports[position], dict.fromkeys(attributes, value))
            return replace(old, ports=(*old.ports[:position], port, *old.ports[position + 1 :]))

        return _with_memory(subject, memory, change)

    return Field(name, Kind.WIDTH, get, put, better)


def _with_memory(subject: Subject, name: str, change: Callable[[Memory], Memory]) -> Subject:
    machine = subject.accelerator
    memories = tuple(change(memory) if memory.name == name else memory for memory in machine.memories)
    return subject._replace(accelerator=replace(machine, memories=memories))


def _array_fields(accelerator: Accelerator) -> list[Field]:
    def put_array(subject: Subject, changes: dict[str, Any]) -> Subject:
        machine = subject.accelerator
        return subject._replace(accelerator=replace(machine, array=replace(machine.array, **changes)))

    def size_field(dimension: str) -> Field:
        def put(subject: Subject, value: Value) -> Subject:
            array = subject.accelerator.array
            sizes = tuple(
                int(value) if name == dimension else size
                for name, size in zip(array.dimensions, array.sizes, strict=True)
            )
            return put_array(subject, {"sizes": sizes})

        return Field(
            f"operational_array.sizes.{dimension}",
            Kind.UNITS,
            lambda subject: subject.accelerator.array.size(dimension),
            put,
        )

    def figure(key: str, kind: Kind, better: int) -> Field:
        return Field(
            f"operational_array.{key}",
            kind,
            lambda subject: getattr(subject.accelerator.array, key),
            lambda subject, value: put_array(subject, {key: value}),
            better,
        )

    array = accelerator.array
    found = [size_field(dimension) for dimension in array.dimensions]
    found.append(figure("leakage", Kind.ENERGY, -1))
    if array.in_memory_computing is None:
        return [*found, figure("unit_energy", Kind.ENERGY, -1), figure("unit_area", Kind.AREA, 0)]

    def macro_field(key: str) -> Field:
        def put(subject: Subject, value: Value) -> Subject:
            macro = subject.accelerator.array.in_memory_computing
            assert macro is not None
            return put_array(subject, {"in_memory_computing": _changed(macro, {key: value})})

        return Field(
            f"operational_array.{key}",
            Kind.BITS,
            lambda subject: getattr(subject.accelerator.array.in_memory_computing, key),
            put,
        )

    return [*found, macro_field("bit_serial_precision"), macro_field("adc_resolution")]


def _layer_field(name: str, kind: Kind, attribute: str, key: str) -> Field:
    """Return the field of one entry of a layer's sizes or precisions; layers without it stay as they are."""

    def put(subject: Subject, value: Value) -> Subject:
        held = getattr(subject.layer, attribute)
        if key not in held:
            return subject
        return subject._replace(layer=_changed(subject.layer, {attribute: {**held, key: int(value)}}))

    return Field(name, kind, lambda subject: getattr(subject.layer, attribute).get(key), put)
