"""Memories and ports: what they refuse, and which port carries what."""

from __future__ import annotations

import dataclasses
import math
import pickle
from typing import Any

import pytest

from tests.machines import memory, port
from zzcp.errors import InputError
from zzcp.hardware import Allocation, Direction, Memory, Port, PortType
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("p", "read", 8, "I1 tl"),
            {"word": 9},
            "bandwidth_min: port p: bandwidths out of order: expected 0 < bandwidth_min <= bandwidth_max, "
            "found bandwidth_min 9, bandwidth_max 8",
        ),
        (
            ("p", "read", 0, "I1 tl"),
            {},
            "bandwidth_min: port p: bandwidths out of order: expected 0 < bandwidth_min <= bandwidth_max, "
            "found bandwidth_min 0, bandwidth_max 0",
        ),
        (("p", "read", 2 * MAX_BITS, "I1 tl"), {}, f"port p: bandwidth of {2 * MAX_BITS} bits is too large"),
        (
            ("p", "read", 8),
            {},
            "allocation: port p serves nothing: expected at least one allocation such as 'I1, tl'",
        ),
        (
            ("p", "read", 8, "I1 tl", "I1 fh"),
            {},
            "allocation: port p: a read port cannot move I1 in direction fh: "
            "expected a read port for tl and th, a write port for fh and fl",
        ),
        (
            ("p", "write", 8, "O th"),
            {},
            "allocation: port p: a write port cannot move O in direction th: "
            "expected a read port for tl and th, a write port for fh and fl",
        ),
    ]
    and [],
)
def test_placeholder(arguments: Any, message: str) -> None:
    raise NotImplementedError
