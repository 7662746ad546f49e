"""The accelerator: levels, sharing, instances and the graph of its memories; what it refuses."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generators import random_accelerator
from tests.machines import ARRAY, MEMORIES, machine, memory, port
from zzcp.errors import InputError
from zzcp.hardware import Accelerator, Direction, Memory, OperationalArray
from zzcp.hardware.accelerator import MAX_MEMORIES

SMALL = machine()
W_REGS, I_REGS, SRAM, DRAM = MEMORIES


def test_levels_of_every_operand() -> None:
    assert SMALL.operands == ("I1", "I2", "O")
    assert SMALL.levels("I1") == (I_REGS, SRAM, DRAM)
    assert SMALL.levels("I2") == (W_REGS, DRAM)
    assert SMALL.levels("O") == (SRAM, DRAM)
    assert SMALL.levels("X") == ()
    assert [SMALL.level_of(SRAM, operand) for operand in ("I1", "O")] == [1, 0]
    assert SMALL.top("I2") is DRAM
    assert SMALL.tenants(DRAM) == (("I1", 2), ("I2", 1), ("O", 1))


def test_operands_are_those_that_a_memory_holds() -> None:
    assert machine((memory("m", "O I2"),)).operands == ("I2", "O")


def test_users_of_a_port() -> None:
    top, low = SRAM.ports
    assert SMALL.users(SRAM, top) == (
        ("I1", 1, Direction.FROM_ABOVE),
        ("O", 0, Direction.FROM_ABOVE),
        ("O", 0, Direction.TO_ABOVE),
    )
    assert SMALL.users(SRAM, low) == (
        ("I1", 1, Direction.TO_BELOW),
        ("O", 0, Direction.TO_BELOW),
        ("O", 0, Direction.FROM_BELOW),
    )


def test_a_movement_belongs_to_the_last_port_that_takes_it() -> None:
    first, last = port("first", "read_write", 8, "I1 fh", "I1 tl"), port("last", "read", 8, "I1 tl")
    held = memory("m", "I1", first, last)
    small = machine((held,))
    assert small.users(held, first) == (("I1", 0, Direction.FROM_ABOVE),)
    assert small.users(held, last) == (("I1", 0, Direction.TO_BELOW),)


def test_instances_area_and_capacity() -> None:
    assert [SMALL.instances(memory) for memory in MEMORIES] == [8, 2, 1, 1]
    assert SMALL.area == 8 * 0.25 + 8 * 0.5 + 2 * 0.5 + 3.0 + 2.0
    assert SMALL.capacity == 8 * 64 + 2 * 64 + 8192 + 10**9


def test_memories_by_name() -> None:
    assert SMALL.memory("sram") is SRAM
    with pytest.raises(InputError) as caught:
        SMALL.memory("ram")
    assert str(caught.value) == "unknown memory: expected one of w_regs, i_regs, sram, dram, found ram"


def test_hierarchy_of_the_small_machine() -> None:
    graph = SMALL.hierarchy()
    assert set(graph.edges(data="operands")) == {
        ("w_regs", "dram", ("I2",)),
        ("i_regs", "sram", ("I1",)),
        ("sram", "dram", ("I1", "O")),
    }
    assert graph.nodes["sram"]["memory"] is SRAM


@given(st.integers(0, 10**6))
@settings(max_examples=40)
def test_a_random_machine_is_consistent(seed: int) -> None:
    accelerator = random_accelerator(Random(seed))
    graph = accelerator.hierarchy()
    assert list(graph) == [memory.name for memory in accelerator.memories]
    order = {memory.name: number for number, memory in enumerate(accelerator.memories)}
    assert all(order[lower] < order[upper] for lower, upper in graph.edges)
    moves = 0
    for operand in accelerator.operands:
        levels = accelerator.levels(operand)
        assert levels[-1] is accelerator.top(operand)
        assert [accelerator.level_of(memory, operand) for memory in levels] == list(range(len(levels)))
        for lower, upper in itertools.pairwise(levels):
            assert graph.edges[lower.name, upper.name]["operands"].count(operand) == 1
        moves += sum(memory.port(operand, way) is not None for memory in levels for way in Direction)
    assert sum(len(ways["operands"]) for *_, ways in graph.edges(data=True)) == sum(
        len(accelerator.levels(operand)) - 1 for operand in accelerator.operands
    )
    # every movement has one port: that which says so
    assert moves == sum(
        len({*accelerator.users(memory, port)}) for memory in accelerator.memories for port in memory.ports
    )
    for held in accelerator.memories:
        assert accelerator.array.units % accelerator.instances(held) == 0
        assert set(accelerator.tenants(held)) == {
            (operand, accelerator.level_of(held, operand)) for operand in held.operands
        }


@given(st.integers(0, 10**6))
@settings(max_examples=40)
def test_machines_are_values(seed: int) -> None:
    accelerator, again = random_accelerator(Random(seed)), random_accelerator(Random(seed))
    assert accelerator == again
    assert hash(accelerator) == hash(again)
    assert pickle.loads(pickle.dumps(accelerator)) == accelerator


def test_a_suggested_unrolling_is_part_of_the_machine() -> None:
    suggesting = Accelerator("small", MEMORIES, ARRAY, {"D1": {"K": 4}})
    assert suggesting != SMALL
    assert hash(suggesting) == hash(SMALL)  # a dictionary has no hash
    assert pickle.loads(pickle.dumps(suggesting)) == suggesting


def test_machines_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SMALL.name = "large"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("memories", "message"),
    [
        ((), "accelerator small has no memories"),
        (
            tuple(memory(f"m{number}", "I1") for number in range(MAX_MEMORIES + 1)),
            "accelerator small has too many memories: expected at most 64, found 65",
        ),
        (
            (memory("a", "I1"), memory("b", "I1"), memory("a", "O")),
            "accelerator small: memory name given twice: found a",
        ),
        (
            (memory("a", "I1", served_dimensions=("D1", "D3")),),
            "memories.a.served_dimensions: memory a serves a dimension that the array does not have: "
            "expected D1, D2, found D3",
        ),
        (
            (memory("a", "I1", port("w", "write", 8, "I1 fh")),),
            "memories.a.ports: memory a: no port moves I1 in direction tl: "
            "expected one, since a feeds I1 to the array",
        ),
        (
            (memory("a", "O", port("r", "read", 8, "O tl")),),
            "memories.a.ports: memory a: no port moves O in direction fl: "
            "expected one, since a feeds O to the array",
        ),
        (
            (memory("a", "I1", port("r", "read", 8, "I1 tl")), memory("b", "I1")),
            "memories.a.ports: memory a: no port moves I1 in direction fh: "
            "expected one, since I1 moves between a and b",
        ),
        (
            (memory("a", "I1"), memory("b", "I1", port("w", "write", 8, "I1 fh"))),
            "memories.b.ports: memory b: no port moves I1 in direction tl: "
            "expected one, since I1 moves between a and b",
        ),
        (
            (memory("a", "O", port("rw", "read_write", 8, "O fh", "O tl", "O fl")), memory("b", "O")),
            "memories.a.ports: memory a: no port moves O in direction th: "
            "expected one, since O moves between a and b",
        ),
        (
            (memory("a", "O"), memory("b", "O", port("r", "read", 8, "O tl"))),
            "memories.b.ports: memory b: no port moves O in direction fl: "
            "expected one, since O moves between a and b",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_machines_that_cannot_be(memories: tuple[Memory, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        machine(memories)
    assert str(caught.value) == message


def test_the_top_level_needs_no_port_towards_the_outside() -> None:
    inputs_only = memory("a", "I1", port("r", "read", 8, "I1 tl"))
    outputs = memory("b", "O", port("rw", "read_write", 8, "O tl", "O fl"))
    assert machine((inputs_only, outputs)).operands == ("I1", "O")


def test_an_array_of_one_unit_has_one_of_every_memory() -> None:
    single = machine(
        tuple(dataclasses.replace(held, served_dimensions=()) for held in MEMORIES),
        OperationalArray((), ()),
    )
    assert [single.instances(held) for held in single.memories] == [1, 1, 1, 1]
