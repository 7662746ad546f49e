"""The model beside NVDLA: ResNet-50 on five of its configurations, the second table of docs/validation.md.

NVIDIA prints frames per second of seven configurations; five of them are in the source of the hardware, with their
lanes. Every layer is mapped by the search for the least latency, with channels and filters on the lanes as the hardware
has them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.pages import replace_part, table
from benchmarks.validation import VALIDATION
from zzcp import Layer, load_workload, optimize
from zzcp.hardware import Accelerator, Allocation, Direction, Memory, OperationalArray, Port, PortType

WORKLOAD = Path(__file__).parents[1] / "models" / "workloads" / "resnet50.onnx"
CLOCK = 1e9
WORD, SUM = 8, 32
"""Bits of what is multiplied, and of a sum: 32 of 34 that the hardware has."""
SUMS = 128
"""Sums that the accumulators keep for every filter: assumed."""
FREE: dict[str, Any] = {"read_energy": 1.0, "write_energy": 1.0, "area": 0.0, "latency": 1}
"""Energies and areas do not matter here."""
LIMIT = 60.0
"""Seconds of each search."""


@dataclass(frozen=True)
class Configuration:
    """A row of NVIDIA's table, and the lanes of the configuration in the hardware's source.

    Parameters
    ----------
    channels, filters : int
        Lanes (MAC_ATOMIC_C_SIZE, MAC_ATOMIC_K_SIZE): as many multipliers as both together.
    buffer : int
        Convolution buffer in KB.
    bandwidth : int
        Of DRAM in GB/s: bytes per cycle at 1 GHz.
    frames : float
        Frames per second.
    """

    channels: int
    filters: int
    buffer: int
    bandwidth: int
    frames: float

    @property
    def accelerator(self) -> Accelerator:
        """The machine: registers of weights, accumulators, the convolution buffer and DRAM."""
        whole = ("D1", "D2")
        weights = _memory("weights", 2 * WORD, ("I2",), (), read=("I2 tl",), write=("I2 fh",), width=WORD)
        sums = SUM * self.filters
        accumulators = _memory(
            "cacc", sums * SUMS, ("O",), whole, read=("O tl", "O th"), write=("O fl", "O fh"), width=sums
        )
        buffer = _memory(
            "cbuf",
            self.buffer * 1024 * 8,
            ("I1", "I2"),
            whole,
            read=("I1 tl", "I2 tl"),
            write=("I1 fh", "I2 fh"),
            width=WORD * self.channels * self.filters,
        )
        bus = Port(
            "bus",
            PortType.READ_WRITE,
            8,
            8 * self.bandwidth,
            tuple(_allocations("I1 fh", "I1 tl", "I2 fh", "I2 tl", "O fh", "O tl", "O fl", "O th")),
        )
        dram = Memory(
            name="dram",
            size=10**12,
            operands=("I1", "I2", "O"),
            ports=(bus,),
            served_dimensions=whole,
            **FREE,
        )
        array = OperationalArray(whole, (self.channels, self.filters), unit_energy=1.0, unit_area=0.0)
        return Accelerator("nvdla", (weights, accumulators, buffer, dram), array)

    def spatial(self, layer: Layer) -> dict[str, dict[str, int]]:
        """Return channels and filters on the lanes; where there are few channels, taps of a row share the lanes."""
        sizes = layer.sizes
        rows = {"C": min(sizes["C"], self.channels)}
        taps = min(sizes.get("FX", 1), self.channels // rows["C"])
        if taps > 1:
            rows["FX"] = taps
        return {"D1": rows, "D2": {"K": min(sizes["K"], self.filters)}}


CONFIGURATIONS = (
    Configuration(64, 32, 512, 20, 269),
    Configuration(64, 16, 256, 15, 153),
    Configuration(32, 16, 256, 10, 93),
    Configuration(32, 8, 256, 5, 46),
    Configuration(8, 8, 128, 1, 7.3),
)
"""The table of the primer at nvdla.org, and nv_large, nv_medium_1024_full, nv_medium_512, nv_small_256 and nv_small."""


def _memory(
    name: str,
    size: int,
    operands: tuple[str, ...],
    served: tuple[str, ...],
    *,
    read: tuple[str, ...],
    write: tuple[str, ...],
    width: int,
) -> Memory:
    """Return a memory with two ports for every operand, one to read and one to write."""
    ports = []
    for kind, moves in ((PortType.READ, read), (PortType.WRITE, write)):
        for operand in operands:
            own = [move for move in moves if move.startswith(operand)]
            ports.append(Port(f"{kind.value}_{operand}", kind, width, width, tuple(_allocations(*own))))
    return Memory(
        name=name, size=size, operands=operands, ports=tuple(ports), served_dimensions=served, **FREE
    )


def _allocations(*moves: str) -> list[Allocation]:
    pairs = (move.split() for move in moves)
    return [Allocation(operand, Direction(direction)) for operand, direction in pairs]


def layers() -> Counter[Layer]:
    """Return the convolutions and the last product of ResNet-50, 8 bits each, and how often each of them is there."""
    found: dict[tuple[Any, ...], list[Layer]] = {}
    for layer in load_workload(WORKLOAD).layers:
        eight = replace(layer, precision={**dict.fromkeys(layer.precision, WORD), "O": SUM})
        key = (tuple(sorted(layer.sizes.items())), layer.relations, layer.operator)
        found.setdefault(key, []).append(eight)
    return Counter({alike[0]: len(alike) for alike in found.values()})


def frames(configuration: Configuration) -> dict[str, Any]:
    """Return what the model says: frames per second, those of operations alone, and the largest gap."""
    accelerator = configuration.accelerator
    cycles = alone = 0.0
    widest = 0.0
    for layer, times in layers().items():
        spatial = configuration.spatial(layer)
        result = optimize(accelerator, layer, "latency", spatial=spatial, gap=1e-3, time_limit=LIMIT)
        assert result.evaluation is not None
        latency = result.evaluation.latency
        cycles += times * float(latency.total)
        alone += times * float(latency.ideal + latency.spatial_stall)
        widest = max(widest, result.gap or 0.0)
    return {"frames": CLOCK / cycles, "alone": CLOCK / alone, "gap": widest}


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Search all configurations, print the table, and write it into the page."""
    some = CONFIGURATIONS[-1:] if quick else CONFIGURATIONS
    found = [frames(configuration) for configuration in some]
    console.print(text(found, some), highlight=False, markup=False, soft_wrap=True)
    if not quick:
        replace_part("nvdla", text(found, some), VALIDATION)
    return {"configurations": found}


def text(found: Sequence[dict[str, Any]], configurations: Sequence[Configuration]) -> str:
    """Return the table."""
    rows = [
        [
            f"{some.channels} x {some.filters}",
            f"{some.buffer} KB",
            f"{some.bandwidth} GB/s",
            f"{some.frames:g}",
            f"{entry['frames']:.3g}",
            f"{entry['frames'] / some.frames - 1:+.0%}",
            f"{entry['alone']:.3g}",
        ]
        for some, entry in zip(configurations, found, strict=True)
    ]
    head = ["multipliers", "buffer", "DRAM", "frames/s: NVIDIA", "model", "", "operations alone"]
    return table(head, rows)
