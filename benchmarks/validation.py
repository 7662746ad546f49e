"""The model beside a chip that was measured: Eyeriss on the convolutions of AlexNet, the table of docs/validation.md.

The chip's own mapping is evaluated, not one that is searched: the paper prints the parameters of its row-stationary
dataflow for every layer (Table III), from which the loops and their places in the memories follow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console

from benchmarks.cases import own_machines
from benchmarks.pages import PAGE, replace_part, table
from zzcp import Evaluation, Layer, Mapping, SpatialMapping, evaluate
from zzcp.hardware import Accelerator

VALIDATION = PAGE.with_name("validation.md")
BATCH, CLOCK = 4, 200e6
"""Images, and cycles of the core per second, at which the chip was measured."""
WORD = 16
KEEPING = ("ifmap_spad",)
"""Where windows slide: a row of the filter's taps moves over a row of the image in every element."""


@dataclass(frozen=True)
class Chip:
    """What the paper prints of a layer.

    Parameters
    ----------
    rows, side, outputs, channels, filters, groups, stride : int
        Of the layer: filter rows, input side (padding included), output side, channels and filters of a group, groups.
    m, n, e, p, q, r, t : int
        Of its mapping: output channels in the buffer, images of a pass, rows of outputs of a set of elements, filters
        and channels of a set, and sets for different channels and for different filters (Tables II and III).
    latency, processing : float
        Total latency and processing latency in ms (Table V), for all images.
    buffer, dram : float
        Accesses in MB (Table V).
    """

    rows: int
    side: int
    outputs: int
    channels: int
    filters: int
    groups: int
    stride: int
    m: int
    n: int
    e: int
    p: int
    q: int
    r: int
    t: int
    latency: float
    processing: float
    buffer: float
    dram: float

    @property
    def layer(self) -> Layer:
        """The layer. What the paper calls an image has its padding, which the chip stores and moves."""
        return Layer.conv(
            b=BATCH,
            g=self.groups,
            k=self.filters,
            c=self.channels,
            oy=self.outputs,
            ox=self.outputs,
            fy=self.rows,
            fx=self.rows,
            stride=self.stride,
            precision={"W": WORD, "I": WORD, "O": WORD, "O_final": WORD},
        )

    @property
    def mapping(self) -> Mapping:
        """Its mapping, by the parameters of the dataflow.

        Rows of the filter lie on rows of elements, rows of outputs on columns. A set with more rows of outputs than
        there are columns is folded: what is left goes to further rows.
        """
        columns = min(self.e, 14)
        folds = -(-self.e // columns)
        beside = 14 // columns if self.t > 1 and self.rows * self.t > 12 else 1
        on_rows = {"FY": self.rows, "C": self.r, "K": self.t // beside, "OY": folds}
        on_columns = {"OY": columns, "K": beside}
        spatial = SpatialMapping.from_dict(
            {
                "D1": {dim: lanes for dim, lanes in on_rows.items() if lanes > 1},
                "D2": {dim: lanes for dim, lanes in on_columns.items() if lanes > 1},
            }
        )
        # the sum of a filter is complete before the next one's begins
        scratch = [("FX", self.rows), ("C", self.q), ("K", self.p)]
        one_pass = [("OX", self.outputs), ("B", self.n)]
        passes = [
            ("K", self.m // (self.p * self.t)),
            ("C", self.channels // (self.q * self.r)),
        ]
        outside = [
            ("OY", -(-self.outputs // self.e)),
            ("K", self.filters // self.m),
            ("B", BATCH // self.n),
            ("G", self.groups),
        ]
        order = [*scratch, *one_pass, *passes, *outside]
        return Mapping.from_order(
            spatial,
            order,
            {
                "W": [len(scratch), len(scratch), len(order)],
                "I": [len(scratch), len(scratch + one_pass), len(order)],
                "O": [len(scratch), len(scratch + one_pass + passes), len(order)],
            },
        )


LAYERS = {
    "CONV1": Chip(11, 227, 55, 3, 96, 1, 4, 96, 1, 7, 16, 1, 1, 2, 20.9, 16.5, 18.5, 5.0),
    "CONV2": Chip(5, 31, 27, 48, 128, 2, 1, 64, 1, 27, 16, 2, 1, 1, 41.9, 39.2, 77.6, 4.0),
    "CONV3": Chip(3, 15, 13, 256, 384, 1, 1, 64, 4, 13, 16, 4, 1, 4, 23.6, 21.8, 50.2, 3.0),
    "CONV4": Chip(3, 15, 13, 192, 192, 2, 1, 64, 4, 13, 16, 3, 2, 2, 18.4, 16.0, 37.4, 2.1),
    "CONV5": Chip(3, 15, 13, 192, 128, 2, 1, 64, 4, 13, 16, 3, 2, 2, 10.5, 10.0, 24.9, 1.3),
}
"""Tables III and V of the paper (docs/validation.md)."""


def keeping(accelerator: Accelerator) -> Accelerator:
    """Return the machine whose elements keep the overlap of the windows that slide through them."""
    memories = (
        replace(memory, keeps_overlap=("I1",)) if memory.name in KEEPING else memory
        for memory in accelerator.memories
    )
    return replace(accelerator, memories=tuple(memories))


def figures(accelerator: Accelerator, chip: Chip) -> dict[str, float]:
    """Return what the model says of a layer: ms, and MB moved at the global buffer and at DRAM."""
    found = evaluate(accelerator, chip.layer, chip.mapping)
    latency = found.latency
    return {
        "run": (latency.ideal + latency.spatial_stall) / CLOCK * 1e3,
        "latency": float(latency.total) / CLOCK * 1e3,
        "buffer": megabytes(accelerator, chip.layer, found, "glb"),
        "dram": megabytes(accelerator, chip.layer, found, "dram"),
    }


def megabytes(accelerator: Accelerator, layer: Layer, evaluation: Evaluation, name: str) -> float:
    """Return the data that a memory reads and writes, whole accesses of its ports."""
    bits = 0.0
    for operand, link in layer.default_links.items():
        for level, memory in enumerate(accelerator.levels(link)):
            if memory.name == name:
                row = evaluation.accesses[operand][level]
                moved = (row.from_above, row.to_above, row.from_below, row.to_below)
                bits += float(sum(moved)) * memory.ports[0].bandwidth_max
    return bits / 8 / 1e6


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Evaluate the chip's mappings, print the table, and write it into the page."""
    _, plain = own_machines()["eyeriss_like"]
    kept = keeping(plain)
    rows, found = [], []
    for name, chip in LAYERS.items():
        fetched, slid = figures(plain, chip), figures(kept, chip)
        found.append({"layer": name, "fetched": fetched, "kept": slid})
        rows.append([name, *_row(chip, fetched, slid)])
    rows.append(["all", *_total(list(LAYERS.values()), found)])
    head = (
        "layer",
        "ms: chip, processing",
        "chip, total",
        "array alone",
        "refetched",
        "kept",
        "buffer MB: chip",
        "refetched",
        "kept",
        "DRAM MB: chip",
        "model",
    )
    text = table(head, rows)
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    if not quick:
        replace_part("eyeriss", text, VALIDATION)
        console.print("written to docs/validation.md")
    return {"layers": found}


def _row(chip: Chip, fetched: dict[str, float], slid: dict[str, float]) -> list[str]:
    values = [
        chip.processing,
        chip.latency,
        slid["run"],
        fetched["latency"],
        slid["latency"],
        chip.buffer,
        fetched["buffer"],
        slid["buffer"],
        chip.dram,
        slid["dram"],
    ]
    return [f"{value:.1f}" for value in values]


def _total(chips: list[Chip], found: list[dict[str, Any]]) -> list[str]:
    def total(kind: str, key: str) -> float:
        return sum(entry[kind][key] for entry in found)

    values = [
        sum(chip.processing for chip in chips),
        sum(chip.latency for chip in chips),
        total("kept", "run"),
        total("fetched", "latency"),
        total("kept", "latency"),
        sum(chip.buffer for chip in chips),
        total("fetched", "buffer"),
        total("kept", "buffer"),
        sum(chip.dram for chip in chips),
        total("kept", "dram"),
    ]
    return [f"{value:.1f}" for value in values]
