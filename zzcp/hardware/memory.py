"""Memories and their physical ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from zzcp.checks import (
    MAX_PRECISION,
    all_of,
    among,
    choice,
    each_once,
    entries,
    flag,
    instance,
    integer,
    pairs,
    repr_of,
    two,
)
from zzcp.errors import InputError, Place
from zzcp.hardware.figures import energy, non_negative

MEMORY_OPERANDS = ("I1", "I2", "O")
"""The operands a memory can hold: the first and the second input of the array, and its output."""

COSTS = {"r_cost": "read_energy", "w_cost": "write_energy", "area": "area", "leakage": "leakage"}
"""The costs of a memory by their names in hardware files."""
MAX_BITS = 2**62
"""Largest capacity or bandwidth accepted, in bits: beyond it 64-bit totals would overflow."""
MAX_LATENCY = 2**40
"""Most cycles from request to data that are accepted."""


class Direction(StrEnum):
    """One of the four ways in which an operand passes through a memory (ZigZag's ``fh``, ``tl``, ``fl``, ``th``)."""

    FROM_ABOVE = "fh"
    TO_BELOW = "tl"
    FROM_BELOW = "fl"
    TO_ABOVE = "th"

    @property
    def is_write(self) -> bool:
        """Whether the memory is written (the data comes *from* elsewhere)."""
        return self in (Direction.FROM_ABOVE, Direction.FROM_BELOW)


class PortType(StrEnum):
    """What a physical port can do in a cycle."""

    READ = "read"
    WRITE = "write"
    READ_WRITE = "read_write"

    def allows(self, direction: Direction) -> bool:
        """Whether data may move in `direction` through a port of this type."""
        return self is PortType.READ_WRITE or (self is PortType.WRITE) == direction.is_write


class Allocation(NamedTuple):
    """An operand's movement in one direction, as a port serves it."""

    operand: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Port:
    """A physical memory port: it carries one transfer at a time.

    Parameters
    ----------
    name : str
        Unique among the ports of the memory.
    type : PortType
        Read, write or both.
    bandwidth_min, bandwidth_max : int
        Smallest word and full width, in bits per cycle. An access moves a whole number of smallest words and
        is charged the fraction of a full-width access that it uses.
    allocation : tuple of Allocation
        Which operand moves in which direction through this port.
    shared_along : tuple of str
        Array dimensions along which all instances of the memory share this one port: their transfers take turns.
    """

    name: str
    type: PortType
    bandwidth_min: int
    bandwidth_max: int
    allocation: tuple[Allocation, ...]
    shared_along: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        instance(self.name, str, "name of a port", "a text")
        instance(self.type, PortType, f"type of port {self.name}", "PortType.READ, WRITE or READ_WRITE")
        for field in ("bandwidth_min", "bandwidth_max"):
            width = integer(getattr(self, field), f"{field} of port {self.name}")
            object.__setattr__(self, field, width)
        object.__setattr__(self, "allocation", _allocations(self.allocation, self.name))
        shared = all_of(self.shared_along, str, f"shared_along of port {self.name}", "a tuple of texts")
        object.__setattr__(self, "shared_along", tuple(dict.fromkeys(shared)))
        if not 0 < self.bandwidth_min <= self.bandwidth_max:
            raise InputError(
                f"port {self.name}: bandwidths out of order",
                place=Place(field="bandwidth_min"),
                expected="0 < bandwidth_min <= bandwidth_max",
                found=f"bandwidth_min {repr_of(self.bandwidth_min)}, bandwidth_max {repr_of(self.bandwidth_max)}",
            )
        if self.bandwidth_max > MAX_BITS:
            raise InputError(
                f"port {self.name}: bandwidth out of range",
                expected="1 to 2^62 bits per cycle",
                found=repr_of(self.bandwidth_max),
            )
        if not self.allocation:
            raise InputError(
                f"port {self.name} serves nothing",
                place=Place(field="allocation"),
                expected="at least one allocation such as 'I1, tl'",
            )
        for operand, direction in self.allocation:
            if not self.type.allows(direction):
                raise InputError(
                    f"port {self.name}: a {self.type} port cannot move {operand} in direction {direction.value}",
                    place=Place(field="allocation"),
                    expected="a read port for tl and th, a write port for fh and fl",
                )


def _allocations(given: object, port: str) -> tuple[Allocation, ...]:
    """Return the movements of a port, each a pair of operand and direction."""
    expected = "pairs of an operand and a Direction"
    found = []
    what = f"allocation of port {port}"
    for entry in entries(given, what, expected):
        operand, direction = two(entry, what, expected)
        found.append(
            Allocation(instance(operand, str, what, expected), instance(direction, Direction, what, expected))
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Costing:
    """Where costs of a memory come from that its file does not state itself.

    Parameters
    ----------
    model : str
        Name of the cost model, with its process where it has one, as `zzcp.costs.cost_model` takes it.
    version : str
        Of the model.
    figures : tuple of str
        What it gave: of ``r_cost``, ``w_cost``, ``area`` and ``leakage``.
    """

    model: str
    version: str
    figures: tuple[str, ...]

    def __post_init__(self) -> None:
        for field in ("model", "version"):
            instance(getattr(self, field), str, f"{field} of costs", "a text")
        figures = all_of(self.figures, str, "figures of costs", "a tuple of texts")
        object.__setattr__(self, "figures", figures)
        for figure in figures:
            choice(figure, "figure of costs", tuple(COSTS))

    def __str__(self) -> str:
        """Return which figures come from which model and version."""
        return f"{', '.join(self.figures)} by {self.model}, {self.version}"


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory of the hierarchy; one instance per group of array units that it serves.

    Parameters
    ----------
    name : str
        Unique in the accelerator.
    size : int
        Capacity of one instance in bits.
    read_energy, write_energy : float
        Energy of one access of `bandwidth_max` bits, in pJ (or the unit of the input file).
    area : float
        Area of one instance, in the unit of the input file.
    latency : int
        Cycles from request to data.
    operands : tuple of str
        The memory operands (``I1``, ``I2``, ``O``) that it holds.
    ports : tuple of Port
        Its physical ports.
    served_dimensions : tuple of str
        Array dimensions along which one instance serves all units; along the others it is replicated.
    force_double_buffering : bool
        Whether every tile that is refilled is kept twice.
    memory_type : str
        ``sram`` or ``dram``; informative.
    keeps_overlap : tuple of str
        Operands of which the overlap of sliding windows stays here between two refills: a refill brings only what the
        next window adds (see `zzcp.cost.formulas.overlap`).
    kept_twice, kept_once : tuple of str
        Operands for which a user asks that refilled tiles always, or never, are kept twice here. They stand in no
        hardware file; see `zzcp.mapping.machine`.
    leakage : float
        Energy that one instance takes per cycle, whatever happens, in the unit of `read_energy`.
    costing : Costing, optional
        Where costs come from that a cost model gave.
    precision : tuple of (str, int)
        Bits at which it stores an element of an operand, partial sums and final outputs alike, and moves it through its
        ports; of the operands that are left out as many as the layer says. A mapping is accepted, too.
    """

    name: str
    size: int
    read_energy: float
    write_energy: float
    area: float
    latency: int
    operands: tuple[str, ...]
    ports: tuple[Port, ...]
    served_dimensions: tuple[str, ...]
    force_double_buffering: bool = False
    memory_type: str = "sram"
    keeps_overlap: tuple[str, ...] = ()
    kept_twice: tuple[str, ...] = ()
    kept_once: tuple[str, ...] = ()
    leakage: float = 0.0
    costing: Costing | None = None
    precision: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        instance(self.name, str, "name of a memory", "a text")
        for field in ("size", "latency"):
            object.__setattr__(self, field, integer(getattr(self, field), f"{field} of memory {self.name}"))
        for field in ("operands", "served_dimensions", "keeps_overlap", "kept_twice", "kept_once"):
            names = all_of(getattr(self, field), str, f"{field} of memory {self.name}", "a tuple of texts")
            object.__setattr__(self, field, names)
        ports = all_of(self.ports, Port, f"ports of memory {self.name}", "a tuple of Port")
        object.__setattr__(self, "ports", ports)
        if not 0 < self.size <= MAX_BITS:
            raise InputError(
                f"memory {self.name}: size out of range", expected="1 to 2^62 bits", found=repr_of(self.size)
            )
        checks = (
            ("read_energy", energy),
            ("write_energy", energy),
            ("area", non_negative),
            ("leakage", energy),
        )
        for field, check in checks:
            label = f"memory {self.name}: {field.replace('_', ' ')}"
            object.__setattr__(self, field, check(getattr(self, field), label))
        flag(self.force_double_buffering, f"memory {self.name}: force_double_buffering")
        if self.costing is not None:
            instance(self.costing, Costing, f"costing of memory {self.name}")
        if not 0 <= self.latency <= MAX_LATENCY:
            raise InputError(
                f"memory {self.name}: latency out of range",
                expected="0 to 2^40 cycles",
                found=repr_of(self.latency),
            )
        if not self.operands:
            raise InputError(
                f"no operand reaches memory {self.name}",
                place=Place(field="operands"),
                expected="at least one of I1, I2, O",
            )
        self._check_operands()
        self._check_ports()
        object.__setattr__(self, "precision", self._check_precision())

    def _check_operands(self) -> None:
        for operand in self.operands:
            among(operand, MEMORY_OPERANDS, f"memory {self.name}: unknown operand")
        each_once(self.operands, f"memory {self.name}: operand given twice", field="operands")
        for operand in self.keeps_overlap:
            message = f"memory {self.name}: keeps the overlap of operand {operand}, which it does not hold"
            among(operand, self.operands, message, field="keeps_overlap")

    def _check_ports(self) -> None:
        names = [port.name for port in self.ports]
        each_once(names, f"memory {self.name}: port name given twice", field="ports")
        for i, port in enumerate(self.ports):
            for operand, _ in port.allocation:
                if operand not in self.operands:
                    raise InputError(
                        f"memory {self.name}: port {port.name} serves operand {operand}, "
                        "which the memory does not hold",
                        place=Place(field=f"ports[{i}]"),
                        expected=", ".join(self.operands),
                    )
        served = {operand for port in self.ports for operand, _ in port.allocation}
        for operand in self.operands:
            if operand not in served:
                raise InputError(
                    f"memory {self.name}: no port serves operand {operand}", place=Place(field="ports")
                )
        for i, port in enumerate(self.ports):
            if all(self.port(*allocation) is not port for allocation in port.allocation):
                raise InputError(
                    f"memory {self.name}: port {port.name} serves nothing",
                    place=Place(field=f"ports[{i}]"),
                    expected="a movement that no later port carries, since the last one carries it",
                )
            for dimension in port.shared_along:
                if dimension in self.served_dimensions:
                    raise InputError(
                        f"memory {self.name}: port {port.name} is shared along {dimension}, along which the memory "
                        "has one instance",
                        place=Place(field=f"ports[{i}].shared_along"),
                        expected="array dimensions that are not among its served_dimensions",
                        found=dimension,
                    )

    def _check_precision(self) -> tuple[tuple[str, int], ...]:
        what, expected = f"precision of memory {self.name}", "a dictionary of operands and bits"
        given: object = self.precision
        if not isinstance(given, Mapping):
            given = dict(two(entry, what, expected) for entry in entries(given, what, expected))
        stated = pairs(given, what, expected)
        for operand, bits in stated.items():
            place = Place(field=f"precision.{operand}")
            message = f"memory {self.name}: a precision of operand {operand}, which it does not hold"
            among(operand, self.operands, message, field=place.field, found=repr_of(operand))
            stated[operand] = integer(bits, f"precision of {operand} in memory {self.name}")
            if not 0 < stated[operand] <= MAX_PRECISION:
                raise InputError(
                    f"memory {self.name}: precision of {operand} out of range",
                    place=place,
                    expected=f"1 to {MAX_PRECISION} bits",
                    found=repr_of(bits),
                )
        return tuple((operand, stated[operand]) for operand in self.operands if operand in stated)

    def stated_precision(self, operand: str) -> int | None:
        """Return the bits at which it stores an operand, or None where that is left to the layer."""
        return dict(self.precision).get(operand)

    def doubles(self, operand: str) -> bool:
        """Return whether every tile of an operand that is refilled is kept twice here."""
        return self.force_double_buffering or operand in self.kept_twice

    def port(self, operand: str, direction: Direction) -> Port | None:
        """Return the port through which an operand moves in a direction, or None.

        Where a file allocates one movement to several ports the last one counts, as in ZigZag.
        """
        found = None
        for port in self.ports:
            if (operand, direction) in port.allocation:
                found = port
        return found
