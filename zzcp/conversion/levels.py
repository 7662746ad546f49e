"""Machines as other tools see them, from the outermost level to the units, and the accelerators they become.

Timeloop and AccelForge describe a machine as a list of levels. Between two of them lies a fan-out: the inner one, and
all that is below it, is there several times. Here a fan-out is a dimension of the array, and a memory serves the
dimensions that fan out below it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from zzcp.conversion.arithmetic import Number
from zzcp.conversion.notes import Notes
from zzcp.errors import InputError
from zzcp.hardware import Accelerator, Allocation, Direction, Memory, OperationalArray, Port, PortType
from zzcp.hardware.memory import MAX_BITS, MEMORY_OPERANDS

UNLIMITED_SIZE = 2**43
"""Bits of a memory whose size is not limited (1 TiB)."""
NARROWEST, WIDEST = 2**10, 2**20
"""Widths of ports without limit, in bits per cycle; powers of two, so that energies are scaled exactly."""


@dataclass(frozen=True, slots=True)
class FanOut:
    """How often what follows is there.

    Parameters
    ----------
    name : str
        What the source calls it.
    size : int
        Instances below one above.
    """

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Level:
    """A memory of the hierarchy.

    Parameters
    ----------
    name : str
        Its name in the source.
    size : int, optional
        Bits of one instance; None where there is no limit.
    read_energy, write_energy : Fraction
        Energy of a bit.
    word : int
        Bits that are moved at least; an access moves a whole number of them.
    read_bandwidth, write_bandwidth : Fraction, optional
        Bits per cycle of one instance, all operands together; None where there is no limit.
    shared : bool
        Whether reads and writes share one port, of `read_bandwidth`.
    operands : tuple of str
        Memory operands that it holds.
    area : float
        Of one instance.
    dram : bool
        Whether it is off the chip.
    leakage : Fraction
        Energy of one instance per cycle.
    precision : tuple of (str, int)
        Bits at which it stores memory operands, where these are its own and not those of the layer.
    """

    name: str
    size: int | None
    read_energy: Fraction
    write_energy: Fraction
    word: int
    read_bandwidth: Fraction | None
    write_bandwidth: Fraction | None
    shared: bool
    operands: tuple[str, ...]
    area: float = 0.0
    dram: bool = False
    leakage: Fraction = Fraction(0)
    precision: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Units:
    """The multiply-accumulate units.

    Parameters
    ----------
    energy : Fraction
        Of one operation.
    area : float
        Of one unit.
    leakage : Fraction
        Energy of one unit per cycle.
    """

    energy: Fraction
    area: float = 0.0
    leakage: Fraction = Fraction(0)


def accelerator(name: str, hierarchy: list[Level | FanOut], units: Units, notes: Notes) -> Accelerator:
    """Return the accelerator that a list of levels and fan-outs is, from the outermost to the units.

    Raises
    ------
    InputError
        If it is none, e.g. where no memory holds an operand.
    """
    fans = [entry for entry in hierarchy if isinstance(entry, FanOut) and entry.size > 1]
    dimensions = {id(fan): f"D{i}" for i, fan in enumerate(fans, 1)}
    for fan in fans:
        notes.assume(f"array dimension {dimensions[id(fan)]} ({fan.size} units) is the fan-out {fan.name}")
    names, sizes = list(dimensions.values()), [fan.size for fan in fans]
    if not fans:
        names, sizes = ["D1"], [1]
        notes.assume("there is no fan-out: the array is one unit, D1")
    memories: list[Memory] = []
    served = [] if fans else ["D1"]
    held: set[str] = set()
    below = list(reversed(hierarchy))
    for i, entry in enumerate(below):
        if isinstance(entry, FanOut):
            served += [dimensions[id(entry)]] if entry.size > 1 else []
            continue
        above = {
            operand for other in below[i + 1 :] if isinstance(other, Level) for operand in other.operands
        }
        memories.append(_memory(entry, above, tuple(name for name in names if name in served), notes))
        held |= set(entry.operands)
    missing = [operand for operand in MEMORY_OPERANDS if operand not in held]
    if missing:
        raise InputError(f"no memory holds {', '.join(missing)}", expected="one for I1, I2 and O")
    leakage = float(units.leakage * math.prod(sizes))
    array = OperationalArray(tuple(names), tuple(sizes), float(units.energy), units.area, leakage=leakage)
    return Accelerator(name, tuple(memories), array)


def _memory(level: Level, above: set[str], served: tuple[str, ...], notes: Notes) -> Memory:
    size = level.size
    if size is None:
        size = UNLIMITED_SIZE
        notes.assume(f"{level.name} has no limit of size: {size:,} bits (1 TiB)")
    if not 1 <= size <= MAX_BITS:
        raise InputError(f"{level.name} has no room", expected="1 to 2^62 bits", found=f"{size} bits")
    read, write = level.read_bandwidth, level.write_bandwidth
    shared = level.shared and read is not None
    widths = {False: _width(level, read, size, notes)}
    widths[True] = widths[False] if shared else _width(level, write, size, notes)
    ports: list[Port] = []
    operands = tuple(operand for operand in MEMORY_OPERANDS if operand in level.operands)
    moves = [move for operand in operands for move in _moves(operand, operand in above)]
    if shared:
        ports.append(_port("rw", PortType.READ_WRITE, widths[False], level, moves))
    else:
        for kind, limit, name in ((PortType.READ, read, "r"), (PortType.WRITE, write, "w")):
            is_write = kind is PortType.WRITE
            mine = [move for move in moves if move.direction.is_write == is_write]
            if limit is None:
                ports += [
                    _port(f"{name}_{move.operand}_{move.direction}", kind, widths[is_write], level, [move])
                    for move in mine
                ]
            elif mine:
                ports.append(_port(name, kind, widths[is_write], level, mine))
    return Memory(
        name=level.name,
        size=size,
        read_energy=float(level.read_energy * widths[False]),
        write_energy=float(level.write_energy * widths[True]),
        area=level.area,
        latency=0,
        operands=operands,
        ports=tuple(ports),
        served_dimensions=served,
        memory_type="dram" if level.dram else "sram",
        leakage=float(level.leakage),
        precision=tuple((operand, bits) for operand, bits in level.precision if operand in operands),
    )


def _moves(operand: str, fed: bool) -> list[Allocation]:
    """Return the movements of an operand through a memory, which has one above it or not."""
    directions = [Direction.TO_BELOW]
    if fed:
        directions.append(Direction.FROM_ABOVE)
    if operand == "O":
        directions += [Direction.FROM_BELOW, *([Direction.TO_ABOVE] if fed else [])]
    return [Allocation(operand, direction) for direction in directions]


def _port(name: str, kind: PortType, width: int, level: Level, moves: list[Allocation]) -> Port:
    return Port(name, kind, min(level.word, width), width, tuple(moves))


def _width(level: Level, bandwidth: Fraction | None, size: int, notes: Notes) -> int:
    """Return the width of a port in whole bits per cycle."""
    if bandwidth is None:
        width = max(NARROWEST, min(WIDEST, 1 << (size - 1).bit_length()))
        notes.assume(
            f"{level.name} has ports without a limit: one for every movement, {width:,} bits wide, "
            "so that a transfer takes one cycle"
        )
        return width
    width = max(1, math.floor(bandwidth))
    if width != bandwidth:
        notes.miss(
            f"a bandwidth of {float(bandwidth):g} bits per cycle ({level.name})",
            f"{width} is taken, and transfers take {float(bandwidth / width):g} times the cycles",
        )
    return min(width, MAX_BITS)


def bandwidth(bits: Number | None) -> Fraction | None:
    """Return a bandwidth in bits per cycle, None where it has no limit."""
    if bits is None or (isinstance(bits, float) and math.isinf(bits)):
        return None
    return Fraction(bits)
