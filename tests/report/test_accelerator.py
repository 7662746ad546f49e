"""An accelerator as a tree."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from zzcp.hardware import Accelerator, Allocation, Direction, Memory, OperationalArray, Port, PortType
from zzcp.report.accelerator import accelerator_report
from zzcp.report.style import PIPED, render

DOWN = (Direction.FROM_ABOVE, Direction.TO_BELOW)
BOTH = (*DOWN, Direction.FROM_BELOW, Direction.TO_ABOVE)


def memory(name: str, operands: tuple[str, ...]) -> Memory:
    """Return a memory with one port for everything."""
    moved = [Allocation(op, direction) for op in operands for direction in (BOTH if op == "O" else DOWN)]
    port = Port("rw", PortType.READ_WRITE, 8, 8, tuple(moved))
    return Memory(name, 64, 1.0, 1.0, 0.0, 1, operands, (port,), ("D1",))


def test_a_memory_that_two_others_feed_is_described_once() -> None:
    memories = (memory("rf", ("I1", "I2", "O")), memory("left", ("I1",)), memory("right", ("I2", "O")))
    machine = Accelerator("machine", memories, OperationalArray(("D1",), (4,)))
    console = Console(width=PIPED, force_terminal=False)
    lines = [line.lstrip("│├└─ ") for line in render(console, accelerator_report(machine)).splitlines()]
    assert [line.split("  ")[0] for line in lines if ":" not in line or ";" in line if "rw" not in line] == [
        "right",
        "rf",
        "left",
        "rf",
        "array",
        "",
    ]
    assert "rf  for I1, as above" in lines


def test_ports_that_instances_share_are_told() -> None:
    plain = memory("cells", ("I1", "I2", "O"))
    shared = replace(plain, ports=(replace(plain.ports[0], shared_along=("D2", "D3")),))
    machine = Accelerator("machine", (shared,), OperationalArray(("D1", "D2", "D3"), (4, 2, 2)))
    text = render(Console(width=PIPED, force_terminal=False), accelerator_report(machine))
    assert "rw: read/write, 8 bit/cycle, in turn along D2 D3; I1" in text
