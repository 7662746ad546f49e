"""Where rounding decides under ZIGZAG: small cases with the figures of zigzag-dse 3.9.1."""

from __future__ import annotations

import pytest

from tests.machines import machine, memory, port
from zzcp.cost import EXACT, ZIGZAG, evaluate
from zzcp.cost.setting.zigzag_order import set_order
from zzcp.hardware import Memory, OperationalArray
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

MOVES = {"I1": ("I1 fh", "I1 tl"), "I2": ("I2 fh", "I2 tl"), "O": ("O fh", "O tl", "O fl", "O th")}
ARRAY = OperationalArray(("D1", "D2"), (16, 16), unit_energy=0.04)


def narrow(name: str, operands: str, *served: str) -> Memory:
    """Return a memory with one port of 8 bits for everything and an energy of 1 for each access."""
    moves = [move for operand in operands.split() for move in MOVES[operand]]
    return memory(
        name,
        operands,
        port("rw_port_1", "read_write", 8, *moves),
        size=10**6,
        write_energy=1.0,
        served_dimensions=served,
    )


def test_energy_of_operations_is_a_product_of_floats() -> None:
    layer = Layer.gemm(b=4, k=10, c=7)
    mapping = Mapping.from_order(
        SpatialMapping(), [("B", 4), ("K", 10), ("C", 7)], {op: [3] for op in layer.operands}
    )
    dram = narrow("dram", "I1 I2 O", "D1", "D2")
    assert evaluate(machine((dram,), ARRAY), layer, mapping, ZIGZAG).energy.mac == 11.200000000000001
    assert evaluate(machine((dram,), ARRAY), layer, mapping, EXACT).energy.mac == 11.2


def test_lanes_floored_to_one_leave_no_partial_sums_to_the_latency() -> None:
    # 7 / (2 iterations x 2 lanes) = 1.75 lanes of C on D2: above the registers a reduction remains for the
    # energy, and none for the latency, so that the ports there have a single user, whose slack ZigZag shows
    layer = Layer.gemm(b=2, k=3, c=7)
    spatial = SpatialMapping.from_dict({"D1": {"C": 2}, "D2": {"C": 3}})
    mapping = Mapping.from_order(
        spatial, [("C", 2), ("B", 2), ("K", 3)], {"O": [1, 1, 3], "W": [3], "I": [3]}
    )
    lower = port("rw_port_1", "read_write", 8, "O tl", "O fl")
    upper = port("rw_port_2", "read_write", 8, "O fh", "O th")
    regs = memory("rf", "O", lower, upper, size=10**6, write_energy=1.0, served_dimensions=("D1",))
    buffer, dram = narrow("buffer", "O", "D1"), narrow("dram", "I1 I2 O", "D1", "D2")
    result = evaluate(machine((regs, buffer, dram), ARRAY), layer, mapping, ZIGZAG)
    assert [tuple(row) for row in result.accesses["O"]] == [(24, 24, 48, 48), (0, 12, 24, 24), (0, 0, 6, 0)]
    assert {f"{port.memory}.{port.port}": (port.stall, port.slack, port.busy) for port in result.ports} == {
        "rf.rw_port_1": (32, 0, 48),
        "rf.rw_port_2": (0, 5, 6),
        "buffer.rw_port_1": (0, 0, 12),
        "dram.rw_port_1": (37, 0, 54),
    }
    assert (result.latency.total, result.latency.temporal_stall) == (51, 37)


@pytest.mark.parametrize("served", [("D1", "D2"), ("D2", "D1")])
def test_fractions_of_lanes_are_multiplied_in_the_order_of_a_set(served: tuple[str, ...]) -> None:
    # 7.5 x 5/3 x 5 lanes: 62 or 63 instances, since the product rounds to 62.49... or to 62.5 by its order
    layer = Layer.gemm(b=15, k=10, c=1, batch=5)
    spatial = SpatialMapping.from_dict({"D1": {"B": 13}, "D2": {"H": 2, "K": 6}})
    mapping = Mapping.from_order(spatial, [("B", 2), ("H", 3), ("K", 2)], {op: [3] for op in layer.operands})
    result = evaluate(machine((narrow("dram", "I1 I2 O", *served),), ARRAY), layer, mapping, ZIGZAG)
    assert result.accesses["O"][0].from_below == 744
    assert result.energy.total == 966.0


def test_order_of_a_set() -> None:
    assert set_order(("D2", "D1")) == ("D1", "D2")
    assert set_order(("D1", "D2", "D3", "D4")) == ("D1", "D2", "D4", "D3")
    assert set_order(("D4", "D3", "D2", "D1")) == ("D4", "D2", "D1", "D3")
    assert set_order(("columns", "D1")) == ("columns", "D1")
