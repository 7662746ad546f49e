"""The buffering that counts where none is given, and what more capacity and bandwidth change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machines import memory, port
from tests.strategies import Case, cases, cost
from zzcp.hardware import Accelerator, Memory, OperationalArray
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

FEW = settings(max_examples=20)


@given(case=cases())
@FEW
def test_the_buffering_that_is_returned_gives_the_same_cost(case: Case) -> None:
    chosen = cost(case)
    explicit = cost(case, mapping=case.mapping.with_buffering(chosen.double_buffered))
    assert explicit == chosen
    assert explicit.to_dict() == chosen.to_dict()


def enlarged(accelerator: Accelerator, number: int, factor: int) -> Accelerator:
    """Return the machine with one of its memories enlarged."""
    memories = list(accelerator.memories)
    memories[number] = replace(memories[number], size=memories[number].size * factor)
    return replace(accelerator, memories=tuple(memories))


@given(case=cases(), data=st.data())
@settings(max_examples=40)
def test_more_capacity_never_costs_anything(case: Case, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(case.accelerator.memories) - 1))
    larger = enlarged(case.accelerator, number, data.draw(st.sampled_from([2, 3, 1000])))
    before, after = cost(case), cost(case, accelerator=larger)
    assert after.energy == before.energy
    assert after.accesses == before.accesses
    assert after.latency.total <= before.latency.total
    # where the buffering is given nothing changes at all
    explicit = case.mapping.with_buffering(before.double_buffered)
    assert cost(case, mapping=explicit, accelerator=larger).latency == before.latency


@given(case=cases(), data=st.data())
@settings(max_examples=40)
def test_more_bandwidth_never_costs_cycles(case: Case, data: st.DataObject) -> None:
    memories = list(case.accelerator.memories)
    number = data.draw(st.integers(0, len(memories) - 1))
    factor = data.draw(st.sampled_from([2, 3, 100]))
    ports = list(memories[number].ports)
    which = data.draw(st.integers(0, len(ports) - 1))
    ports[which] = replace(ports[which], bandwidth_max=ports[which].bandwidth_max * factor)
    memories[number] = replace(memories[number], ports=tuple(ports))
    before = cost(case)
    after = cost(case, accelerator=replace(case.accelerator, memories=tuple(memories)))
    assert after.latency.total <= before.latency.total


@pytest.mark.parametrize(("size", "width"), [(128, 4), (64, 8)])
def test_neither_capacity_nor_bandwidth_costs_cycles_where_loads_hide(size: int, width: int) -> None:
    """Room for a second tile of I, or a wider port for it, ends its stall of 248 of 1024 cycles.

    The weights come once, one bit per cycle, through two memories: each link hides as much as there are cycles.
    """

    def weights(name: str, width: int, size: int) -> Memory:
        return memory(
            name, "I2", port("r", "read", 32, "I2 tl"), port("w", "write", width, "I2 fh"), size=size
        )

    top = memory(
        "top",
        "I1 I2 O",
        *(port(f"r_{op}", "read", 64, f"{op} tl") for op in ("I1", "I2", "O")),
        *(
            port(f"w_{op}", "write", 64, f"{op} {way}")
            for op, way in (("I1", "fh"), ("I2", "fh"), ("O", "fl"))
        ),
        size=10**9,
    )
    layer = Layer.gemm(b=8, k=16, c=8, precision={"W": 32})
    order = [("C", 8), ("K", 4), ("B", 8), ("K", 4)]
    mapping = Mapping.from_order(SpatialMapping(), order, {"W": (0, 4, 4, 4), "I": (2, 4), "O": (4,)})

    def total(size: int, width: int) -> int | float:
        inputs = memory(
            "inputs", "I1", port("r", "read", 8, "I1 tl"), port("w", "write", width, "I1 fh"), size=size
        )
        chain = weights("regs", 32, 32), weights("first", 1, 4096), weights("second", 1, 4096)
        accelerator = Accelerator("waiting", (*chain, inputs, top), OperationalArray((), ()))
        return cost(Case(accelerator, layer, mapping)).latency.total

    assert total(size, width) <= total(64, 4)
