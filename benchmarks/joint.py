"""The joint search on ordinary layers: what it proves, in what time, and what the default unrolling costs beside it."""

from __future__ import annotations

import resource
import time
from typing import Any

from rich.console import Console

from benchmarks.cases import own_machines
from benchmarks.pages import PAGE, replace_part, table
from zzcp import Layer, optimize
from zzcp.mapping.default import default_spatial

JOINT = PAGE.with_name("joint.md")
LAYERS = {
    "conv 3x3 64-64 56x56": Layer.conv(k=64, c=64, oy=56, ox=56, fy=3, fx=3, padding=1),
    "stem 7x7 3-64 112x112": Layer.conv(k=64, c=3, oy=112, ox=112, fy=7, fx=7, stride=2, padding=3),
    "depthwise 3x3 144 56x56": Layer.depthwise(g=144, oy=56, ox=56, fy=3, fx=3, padding=1),
    "conv 1x1 144-24 56x56": Layer.conv(k=24, c=144, oy=56, ox=56),
    "gemm 512^3": Layer.gemm(b=512, k=512, c=512),
    "gemm 2048x11008x4096": Layer.gemm(b=2048, k=11008, c=4096),
}
QUICK = (("gemmini_like", "conv 1x1 144-24 56x56"), ("gemmini_like", "gemm 512^3"))
SECONDS = 600.0


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Search every layer on every machine over all unrollings, print the table, and write it into the page."""
    machines = {name: machine for name, (_, machine) in own_machines().items() if not name.startswith("seed")}
    pairs = [(machine, layer) for machine in machines for layer in LAYERS]
    rows = []
    for machine, layer in QUICK if quick else pairs:
        rows.append(measure(machine, layer, machines[machine]))
        console.print(rows[-1], highlight=False)
    times = sorted(row["cpu_s"] for row in rows)
    console.print(f"median {times[len(times) // 2]:.1f} s of processor time", highlight=False)
    head = ["machine", "layer", "unrollings", "relaxed", "searched", "cpu s", "gap", "default / best"]
    text = table(
        head,
        [
            [
                row["machine"],
                row["layer"],
                f"{row['unrollings']:,}",
                f"{row['relaxed']:,}",
                f"{row['searched']:,}",
                f"{row['cpu_s']:.1f}",
                f"{row['gap']:.1e}",
                "no mapping" if row["default"] is None else f"{row['default'] / row['best']:.2f}",
            ]
            for row in rows
        ],
    )
    if not quick:
        replace_part("joint", text, JOINT)
    return {"rows": rows}


def measure(machine: str, name: str, accelerator: Any) -> dict[str, Any]:
    """Return what the joint search of a pair proves, and what its default unrolling costs at best."""
    layer = LAYERS[name]
    started = time.process_time()
    result = optimize(accelerator, layer, spatial="auto", time_limit=SECONDS)
    seconds = time.process_time() - started
    alone = optimize(accelerator, layer, spatial=default_spatial(accelerator, layer))
    return {
        "machine": machine,
        "layer": name,
        "unrollings": result.space.unrollings,
        "relaxed": result.space.ruled_out.get("relaxation", 0),
        "searched": result.space.solved,
        "complete": result.space.complete,
        "cpu_s": round(seconds, 2),
        "best": result.objective,
        "gap": result.gap,
        "unrolling": None if result.mapping is None else result.mapping.spatial.to_dict(),
        "default": alone.objective,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
