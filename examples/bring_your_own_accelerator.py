"""Bring your own accelerator: describe a machine in YAML, solve a layer on it, and see what is worth changing.

python examples/bring_your_own_accelerator.py
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import zzcp

FILE = Path(__file__).with_name("my_accelerator.yaml")
LAYER = zzcp.Layer.gemm(b=64, k=256, c=256, precision={"O": 32, "O_final": 8})
UNROLLING = {"D1": {"K": 8}, "D2": {"C": 8}}
"""Each column of the array makes one output channel, its units add up eight input channels."""


def show(label: str, machine: zzcp.Accelerator) -> None:
    """Print the proven optimum of a machine."""
    best = zzcp.optimize(machine, LAYER, spatial=UNROLLING)
    cycles = best.evaluation.latency
    limits = max(best.evaluation.ports, key=lambda port: port.stall)
    print(
        f"{label:22} {best.status}: {best.evaluation.energy.total / 1e6:6.3f} uJ, {cycles.total:,} cycles "
        f"({cycles.temporal_stall:,} waiting for {limits.memory}.{limits.port})"
    )


def changed(machine: zzcp.Accelerator, name: str, width: int = 1, size: int = 1) -> zzcp.Accelerator:
    """Return a machine one of whose memories is wider or larger by a factor."""
    memories = []
    for memory in machine.memories:
        if memory.name == name:
            ports = tuple(
                replace(
                    port, bandwidth_min=port.bandwidth_min * width, bandwidth_max=port.bandwidth_max * width
                )
                for port in memory.ports
            )
            memory = replace(memory, ports=ports, size=memory.size * size)  # noqa: PLW2901
        memories.append(memory)
    return replace(machine, memories=tuple(memories))


def main() -> None:
    """Solve the layer on the machine as it is, and on three changed ones."""
    machine = zzcp.load_accelerator(FILE)
    show("as it is", machine)
    show("DRAM twice as wide", changed(machine, "dram", width=2))
    show("twice the sums", changed(machine, "sums", size=2))
    show("four times the sums", changed(machine, "sums", size=4))


if __name__ == "__main__":
    main()
