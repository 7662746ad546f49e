"""Memories and ports: what they refuse, and which port carries what."""

from __future__ import annotations

import dataclasses
import math
import pickle
from typing import Any

import pytest

from tests.machines import memory, port
from zzcp.errors import InputError
from zzcp.hardware import Direction, Port, PortType
from zzcp.hardware.memory import MAX_BITS


def test_directions_are_named_as_in_the_files() -> None:
    assert [(direction.value, direction.is_write) for direction in Direction] == [
        ("fh", True),
        ("tl", False),
        ("fl", True),
        ("th", False),
    ]


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [("read", {"tl", "th"}), ("write", {"fh", "fl"}), ("read_write", {"fh", "tl", "fl", "th"})],
)
def test_what_a_port_can_do(kind: str, allowed: set[str]) -> None:
    assert {direction.value for direction in Direction if PortType(kind).allows(direction)} == allowed


ORDER = "bandwidth_min: port p: bandwidths out of order: expected 0 < bandwidth_min <= bandwidth_max, found "
DIRECTIONS = "expected a read port for tl and th, a write port for fh and fl"


@pytest.mark.parametrize(
    ("kind", "width", "word", "moves", "message"),
    [
        ("read", 8, 9, ["I1 tl"], ORDER + "bandwidth_min 9, bandwidth_max 8"),
        ("read", 0, 0, ["I1 tl"], ORDER + "bandwidth_min 0, bandwidth_max 0"),
        ("read", 8, -1, ["I1 tl"], ORDER + "bandwidth_min -1, bandwidth_max 8"),
        (
            "read",
            MAX_BITS + 1,
            8,
            ["I1 tl"],
            "port p: bandwidth out of range: expected 1 to 2^62 bits per cycle, found 4611686018427387905",
        ),
        (
            "read",
            8,
            8,
            [],
            "allocation: port p serves nothing: expected at least one allocation such as 'I1, tl'",
        ),
        (
            "read",
            8,
            8,
            ["I1 tl", "I1 fh"],
            f"allocation: port p: a read port cannot move I1 in direction fh: {DIRECTIONS}",
        ),
        (
            "write",
            8,
            8,
            ["O th"],
            f"allocation: port p: a write port cannot move O in direction th: {DIRECTIONS}",
        ),
    ],
)
def test_ports_that_cannot_be(kind: str, width: int, word: int, moves: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        port("p", kind, width, *moves, word=word)
    assert str(caught.value) == message


RANGE = "out of range: expected a finite number >= 0, found "
ENERGIES = "out of range: expected 0, or 1e-100 to 1e+100, found "


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "memory m: size out of range: expected 1 to 2^62 bits, found 0"),
        ({"size": -8}, "memory m: size out of range: expected 1 to 2^62 bits, found -8"),
        ({"size": MAX_BITS + 1}, f"memory m: size out of range: expected 1 to 2^62 bits, found {2**62 + 1}"),
        ({"read_energy": -0.5}, f"memory m: read energy {RANGE}-0.5"),
        ({"write_energy": math.nan}, f"memory m: write energy {RANGE}nan"),
        ({"area": math.inf}, f"memory m: area {RANGE}inf"),
        ({"latency": -1}, "memory m: latency out of range: expected 0 to 2^40 cycles, found -1"),
        ({"latency": 2**61}, f"memory m: latency out of range: expected 0 to 2^40 cycles, found {2**61}"),
        ({"read_energy": 1e101}, f"memory m: read energy {ENERGIES}1e+101"),
        ({"write_energy": 1e-101}, f"memory m: write energy {ENERGIES}1e-101"),
        (
            {"read_energy": 10**400},
            "memory m: read energy out of range: expected a finite number >= 0, found inf",
        ),
        ({"read_energy": "5"}, "memory m: read energy is not a number: expected a number >= 0, found '5'"),
        ({"area": True}, "memory m: area is not a number: expected a number >= 0, found True"),
    ],
)
def test_figures_of_a_memory(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        memory("m", "I1", **options)
    assert str(caught.value) == message


READ, WRITE = port("r", "read", 8, "I1 tl"), port("w", "write", 8, "I1 fh")


@pytest.mark.parametrize(
    ("operands", "ports", "message"),
    [
        (
            "",
            [READ],
            "operands: no operand reaches memory m: expected at least one of I1, I2, O",
        ),
        ("I1 X", [READ], "memory m: unknown operand: expected I1, I2, O, found X"),
        ("I1 I1", [READ, WRITE], "operands: memory m: operand given twice: found I1, I1"),
        ("I1", [READ, READ], "ports: memory m: port name given twice: found r, r"),
        (
            "I1",
            [READ, port("w", "write", 8, "I2 fh")],
            "ports[1]: memory m: port w serves operand I2, which the memory does not hold: expected I1",
        ),
        ("I1 O", [READ, WRITE], "ports: memory m: no port serves operand O"),
        (
            "I1",
            [READ, port("late", "read_write", 8, "I1 tl", "I1 fh")],
            "ports[0]: memory m: port r serves nothing: "
            "expected a movement that no later port carries, since the last one carries it",
        ),
    ],
)
def test_operands_and_ports_must_agree(operands: str, ports: list[Port], message: str) -> None:
    with pytest.raises(InputError) as caught:
        memory("m", operands, *ports)
    assert str(caught.value) == message


def test_the_last_port_of_a_movement_carries_it() -> None:
    first = port("first", "read_write", 8, "I1 fh", "I1 tl")
    last = port("last", "read", 16, "I1 tl")
    held = memory("m", "I1", first, last)
    assert held.port("I1", Direction.FROM_ABOVE) is first
    assert held.port("I1", Direction.TO_BELOW) is last
    assert held.port("I1", Direction.TO_ABOVE) is None
    assert held.port("O", Direction.TO_BELOW) is None


def test_the_largest_and_the_smallest_are_accepted() -> None:
    wide = port("rw", "read_write", MAX_BITS, "I1 fh", "I1 tl", word=1)
    for size in (1, MAX_BITS):
        held = memory("m", "I1", wide, size=size, read_energy=0, write_energy=0.0, area=0, latency=0)
        assert (held.size, held.ports) == (size, (wide,))


def test_memories_are_values() -> None:
    held = memory("m", "I1 O", size=64)
    assert held == memory("m", "I1 O", size=64)
    assert hash(held) == hash(memory("m", "I1 O", size=64))
    assert held != dataclasses.replace(held, size=65)
    assert pickle.loads(pickle.dumps(held)) == held
    assert (held.memory_type, held.force_double_buffering) == ("sram", False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        held.size = 1  # type: ignore[misc]


def test_a_changed_memory_is_checked_again() -> None:
    with pytest.raises(InputError, match="size out of range"):
        dataclasses.replace(memory("m", "I1"), size=0)
