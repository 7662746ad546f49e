"""Random values of the fields of hardware files that ZigZag does not know, for searches against brute force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from zzcp.hardware import Accelerator, Allocation, Direction, Memory, Port, PortType

Change = Callable[[Random, Accelerator], Accelerator]
"""Returns a machine with random values of a field."""


def leakage(rng: Random, accelerator: Accelerator) -> Accelerator:
    """Return a machine that leaks: from next to nothing to most of the energy, now and then with many digits."""
    scale = 10 ** rng.uniform(-3, 1.5)

    def rate() -> float:
        value = scale * rng.random()
        return rng.choice((0.0, round(value, 3), round(value, 5), value))

    return replace(
        accelerator,
        array=replace(accelerator.array, leakage=rate()),
        memories=tuple(replace(memory, leakage=rate()) for memory in accelerator.memories),
    )


def systolic_refill(rng: Random, accelerator: Accelerator) -> Accelerator:
    """Return a machine with registers of one operand in every unit of an array that is refilled when these change."""
    array, operand = accelerator.array, rng.choice(accelerator.operands)
    if not array.dimensions:
        array = replace(array, dimensions=("D1",), sizes=(rng.choice((1, 2, 4)),))
    systolic = tuple(rng.sample(array.dimensions, k=rng.randint(1, len(array.dimensions))))
    ways = tuple(Direction) if operand == "O" else (Direction.FROM_ABOVE, Direction.TO_BELOW)
    width = rng.choice((8, 32, 256))
    ports = (Port("rw", PortType.READ_WRITE, width, width, tuple(Allocation(operand, way) for way in ways)),)
    registers = Memory(
        name="in_every_unit",
        size=rng.choice((32, 64, 100, 1000)),
        read_energy=0.25,
        write_energy=0.5,
        area=0.0,
        latency=rng.choice((0, 1)),
        operands=(operand,),
        ports=ports,
        served_dimensions=tuple(name for name in array.dimensions if name not in systolic),
        force_double_buffering=rng.random() < 0.1,
    )
    # what comes from outside serves the units of a dimension together
    memories = tuple(
        replace(memory, served_dimensions=tuple(dict.fromkeys((*memory.served_dimensions, *systolic))))
        for memory in accelerator.memories
    )
    array = replace(array, systolic_dimensions=systolic, systolic_refill="per_tile")
    return replace(accelerator, memories=(registers, *memories), array=array)


def precision(rng: Random, accelerator: Accelerator) -> Accelerator:
    """Return a machine whose memories store some operands at bits of their own: fewer or more than the layer has."""

    def stated(memory: Memory) -> tuple[tuple[str, int], ...]:
        bits = (1, 2, 3, 4, 6, 8, 12, 16, 24, 33)
        return tuple((operand, rng.choice(bits)) for operand in memory.operands if rng.random() < 0.6)

    memories = tuple(replace(memory, precision=stated(memory)) for memory in accelerator.memories)
    return replace(accelerator, memories=memories)


def shared_along(rng: Random, accelerator: Accelerator) -> Accelerator:
    """Return a machine some of whose ports are shared by instances of their memory, along one dimension or more."""
    array = accelerator.array
    if not array.dimensions:
        accelerator = replace(
            accelerator, array=replace(array, dimensions=("D1",), sizes=(rng.choice((1, 2, 4)),))
        )

    def shared(memory: Memory, port: Port) -> Port:
        own = [name for name in accelerator.array.dimensions if name not in memory.served_dimensions]
        if not own or rng.random() < 0.3:
            return port
        return replace(port, shared_along=tuple(rng.sample(own, k=rng.randint(1, len(own)))))

    memories = tuple(
        replace(memory, ports=tuple(shared(memory, port) for port in memory.ports))
        for memory in accelerator.memories
    )
    return replace(accelerator, memories=memories)


FIELDS: dict[str, Change] = {
    "leakage": leakage,
    "systolic_refill": systolic_refill,
    "precision": precision,
    "shared_along": shared_along,
}
"""The fields by name."""
