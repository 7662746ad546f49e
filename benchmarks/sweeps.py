"""A sweep of 1,008 points: started from neighbours' mappings and bounds, and every point by itself, in one run.

The distinct layers of ResNet-18 on gemmini_like with its fixed unrollings, 21 sizes of the scratchpad and four
bandwidths of the DRAM.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.pages import PAGE, replace_part, table
from zzcp import Network, SweepTable, load_accelerator, load_mapping, load_workload, sweep
from zzcp.solver import portable
from zzcp.solver.cp_sat import cp_model

SWEEP = PAGE.with_name("sweep.md")
MODELS = Path(__file__).parent.parent / "models"
MACHINE = "gemmini_like"
PRECISION = {"W": 8, "I": 8, "O": 32, "O_final": 8}
SIZES = "memories.scratchpad.size=64KiB:384KiB:+16KiB"
BANDWIDTHS = "memories.dram.ports.rw_port_1.bandwidth_max=128,192,256,512"
FEW = ("memories.scratchpad.size=64KiB:384KiB:+64KiB", "memories.dram.ports.rw_port_1.bandwidth_max=128,192")


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Solve the grid in both ways; the table goes into the page."""
    machine = load_accelerator(MODELS / "accelerators" / f"{MACHINE}.yaml")
    network = distinct(load_workload(MODELS / "workloads" / "resnet18.onnx", precision=PRECISION))
    if quick:
        network = replace(network, layers=network.layers[1:3])
    _ = cp_model.OPTIMAL  # its import is nobody's
    rows, tables = [], []
    for neighbours in (True, False):
        with searches() as searched:
            started, wall = time.process_time(), time.monotonic()
            found = sweep(
                machine,
                network,
                FEW if quick else (SIZES, BANDWIDTHS),
                spatial=load_mapping(MODELS / "mappings" / f"{MACHINE}.yaml"),
                neighbours=neighbours,
            )
            rows.append(
                {
                    "way": "from neighbours" if neighbours else "each alone",
                    "points": len(found.points),
                    "searches": len(searched),
                    "cpu_s": round(time.process_time() - started, 1),
                    "wall_s": round(time.monotonic() - wall, 1),
                    "proven": sum(point.outcome.status == "optimal" for point in found.points),
                }
            )
        console.print(rows[-1], highlight=False)
        tables.append(found)
    figures = {"rows": rows, "share": round(rows[0]["cpu_s"] / rows[1]["cpu_s"], 3), **compared(*tables)}
    console.print({name: value for name, value in figures.items() if name != "rows"}, highlight=False)
    if not quick:
        head = ["", "points", "proven", "searches", "processor s", "ms per point"]
        cells = [
            [
                row["way"],
                *(f"{row[name]:,}" for name in ("points", "proven", "searches")),
                f"{row['cpu_s']:,.1f}",
                f"{1000 * row['cpu_s'] / row['points']:,.0f}",
            ]
            for row in rows
        ]
        replace_part("sweeps", table(head, cells), SWEEP)
    return figures


def distinct(network: Network) -> Network:
    """Return the layers of a network that differ."""
    layers = {layer.signature(): replace(layer, sources={}) for layer in reversed(network.layers)}
    return Network(network.name, tuple(reversed(layers.values())))


@contextmanager
def searches() -> Iterator[list[str]]:
    """Count the searches in this block."""
    found: list[str] = []
    before = portable.run_job

    def count(job: Any, tell: Any) -> Any:
        found.append(job.layer.name)
        return before(job, tell)

    portable.run_job = count
    try:
        yield found
    finally:
        portable.run_job = before


def compared(first: SweepTable, second: SweepTable) -> dict[str, Any]:
    """Return how often a bound of one contradicts a mapping of the other, and by how much objectives differ at most."""
    wrong, most = 0, 0.0
    for one, other in zip(first.points, second.points, strict=True):
        a, b = one.outcome, other.outcome
        if a.objective is None or b.objective is None:
            wrong += a.status != b.status
            continue
        wrong += a.lower_bound > b.objective or b.lower_bound > a.objective
        most = max(most, abs(a.objective / b.objective - 1))
    return {"contradictions": wrong, "largest_difference": most}
