"""Machines written by hand, for tests that know every figure of them."""

from __future__ import annotations

from typing import Any

from zzcp.hardware import Accelerator, Allocation, Direction, Memory, OperationalArray, Port, PortType


def port(name: str, kind: str, width: int, *moves: str, word: int | None = None) -> Port:
    """Return a port of some moves, each as ``I1 tl``; `word` is its smallest word where that is not the width."""
    allocation = tuple(Allocation(*_move(move)) for move in moves)
    return Port(name, PortType(kind), width if word is None else word, width, allocation)


def _move(text: str) -> tuple[str, Direction]:
    operand, direction = text.split()
    return operand, Direction(direction)


def memory(name: str, operands: str, *ports: Port, size: int = 4096, **options: Any) -> Memory:
    """Return a memory of some operands (``I1 O``); without ports, it has a wide one for everything."""
    held = tuple(operands.split())
    if not ports:
        ways = {operand: ("fh", "tl", "fl", "th") if operand == "O" else ("fh", "tl") for operand in held}
        every = (f"{operand} {way}" for operand in held for way in ways[operand])
        ports = (port("rw", "read_write", 64, *every),)
    figures = {"read_energy": 1.0, "write_energy": 1.5, "area": 2.0, "latency": 1, "served_dimensions": ()}
    return Memory(name=name, size=size, operands=held, ports=ports, **{**figures, **options})


WHOLE = ("D1", "D2")

ARRAY = OperationalArray(WHOLE, (4, 2), unit_energy=0.5, unit_area=0.25)

MEMORIES = (
    memory("w_regs", "I2", size=64, area=0.5),
    memory("i_regs", "I1", size=64, area=0.5, served_dimensions=("D1",)),
    memory(
        "sram",
        "I1 O",
        port("top", "read_write", 64, "I1 fh", "O fh", "O th", word=8),
        port("low", "read_write", 32, "I1 tl", "O tl", "O fl"),
        size=8192,
        read_energy=10.0,
        write_energy=12.5,
        area=3.0,
        served_dimensions=WHOLE,
    ),
    memory("dram", "I1 I2 O", size=10**9, read_energy=100.0, write_energy=110.0, served_dimensions=WHOLE),
)


def machine(memories: tuple[Memory, ...] = MEMORIES, array: OperationalArray = ARRAY) -> Accelerator:
    """Return a machine of 4 x 2 units: I2 and I1 have registers, I1 and O an SRAM, all of them the DRAM."""
    return Accelerator("small", memories, array)
