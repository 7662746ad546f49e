"""What loops that need not divide bring on prime and awkward sizes, on every bundled machine.

Every layer is solved in the full unrolling of its machine three times: with loops that divide, with all loops, and with
loops that divide after what is unrolled has been padded to the next multiple of its array dimension, as compilers do
today. One evaluator scores all.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from benchmarks.pages import replace_part, table
from zzcp import Layer, SpatialMapping, load_accelerator, optimize
from zzcp.hardware import Accelerator
from zzcp.mapping.default import full_spatial
from zzcp.solver import Result

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "joint.md"
MACHINES = (
    "eyeriss_like",
    "gemmini_like",
    "tpu_like",
    "simba_like",
    "edge_tpu_like",
    "seed_eyeriss_1_2_4",
    "seed_eyeriss_8_64_1024",
)
LAYERS = {
    "BERT projection, 197 tokens": Layer.gemm(b=197, k=768, c=768),
    "BERT scores, 197 tokens": Layer.gemm(b=197, k=197, c=64),
    "BERT feed-forward, 384 tokens": Layer.gemm(b=384, k=3072, c=768),
    "head of 1,000 classes": Layer.gemm(b=1, k=1000, c=512),
    "3x3 convolution, 7x7 maps": Layer.conv(k=512, c=512, oy=7, ox=7, fy=3, fx=3),
    "3x3 convolution, 14x14 maps": Layer.conv(k=256, c=256, oy=14, ox=14, fy=3, fx=3),
    "5x5 convolution, 27x27 maps": Layer.conv(k=256, c=48, oy=27, ox=27, fy=5, fx=5),
    "11x11 convolution, 55x55 maps": Layer.conv(k=96, c=3, oy=55, ox=55, fy=11, fx=11, stride=4),
}
GAP = 1e-3
SLOWER, SECONDS = 10, 120
"""Asked: at most so many times as long in the median, and every case proven in so many s."""
BUSY = 8
"""A search may take so many times that by the clock: the machine may be busy, and processor time is what counts."""
RESULTS = ROOT / "benchmarks" / "results" / "imperfect.jsonl"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this suite."""
    group = parser.add_argument_group("imperfect")
    group.add_argument(
        "--each",
        type=float,
        metavar="SECONDS",
        default=SECONDS * BUSY,
        help=f"limit of a search by the clock (else {SECONDS * BUSY})",
    )
    group.add_argument("--again", action="store_true", help="forget earlier results")


def run(*, quick: bool, console: Console, options: argparse.Namespace) -> dict[str, Any]:
    """Search, print every case, and write the table into the page."""
    pairs = [(machine, name) for name in LAYERS for machine in MACHINES]
    rows = [] if quick or options.again or not RESULTS.exists() else list(read(RESULTS))
    known = {(row["machine"], row["layer"]) for row in rows}
    for machine, name in pairs[:2] if quick else pairs:
        if (machine, name) in known:
            continue
        rows.append(measured(machine, name, options.each))
        console.print(rows[-1], highlight=False)
        if not quick:
            RESULTS.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if not quick:
        replace_part("imperfect", page(rows), PAGE)
    return {"seconds": options.each, "gap": GAP, "rows": rows}


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the results of earlier runs."""
    yield from (json.loads(line) for line in path.read_text().splitlines())


def measured(machine: str, name: str, seconds: float) -> dict[str, Any]:
    """Return what the three searches of a layer on a machine found, and their processor time."""
    accelerator = load_accelerator(ROOT / "models" / "accelerators" / f"{machine}.yaml")
    layer = LAYERS[name]
    spatial = full_spatial(accelerator, layer)
    padded = padded_layer(accelerator, layer, spatial)
    found = {
        "divide": _timed(accelerator, layer, spatial, seconds),
        "all": _timed(accelerator, layer, spatial, seconds, factors="imperfect"),
        "padded": _timed(accelerator, padded, spatial, seconds) if padded.sizes != layer.sizes else None,
    }
    return {
        "machine": machine,
        "layer": name,
        "spatial": spatial.to_dict(),
        "padded_sizes": dict(padded.sizes),
        "found": found,
    }


def padded_layer(accelerator: Accelerator, layer: Layer, spatial: SpatialMapping) -> Layer:
    """Return the layer with what is unrolled padded to the next multiple of the array dimensions it is unrolled on.

    A dimension of which all lies on an array dimension is not padded: no loop of it is left.
    """
    sizes = dict(layer.sizes)
    for dimension, factors in spatial.unrolling:
        units = accelerator.array.size(dimension)
        for dim, _ in factors:
            if sizes[dim] > units:
                sizes[dim] = -(-sizes[dim] // units) * units
    return replace(layer, sizes=sizes)


def _timed(
    accelerator: Accelerator, layer: Layer, spatial: SpatialMapping, seconds: float, **options: Any
) -> dict[str, Any]:
    started = time.process_time()
    result: Result = optimize(accelerator, layer, spatial=spatial, gap=GAP, time_limit=seconds, **options)
    return {
        "objective": result.objective,
        "bound": result.lower_bound,
        "gap": result.gap,
        "cpu_s": round(time.process_time() - started, 2),
    }


def page(rows: list[dict[str, Any]]) -> str:
    """Return the table, and what is asked beside what is reached."""
    lines = [_line(row) for row in rows if row["found"]["all"]["objective"] is not None]
    head = [
        "layer",
        "machine",
        "padded to the array",
        "all loops",
        "gap left",
        "loops that divide",
        "all loops",
    ]
    return "\n\n".join((table(head, lines), _summary(rows)))


def _line(row: dict[str, Any]) -> list[str]:
    divide, every, padded = (row["found"][key] for key in ("divide", "all", "padded"))
    worse = (
        ""
        if padded is None or padded["objective"] is None
        else _change(padded["objective"], divide["objective"])
    )
    return [
        row["layer"],
        row["machine"],
        worse,
        _change(every["objective"], divide["objective"]),
        f"{every['gap']:.2%}",
        f"{divide['cpu_s']:.1f} s",
        f"{every['cpu_s']:.1f} s",
    ]


def _change(value: float, base: float) -> str:
    """Return by how much a value differs from that of loops that divide."""
    return f"{value / base - 1:+.2%}" if abs(value / base - 1) >= 5e-5 else "0"


def _summary(rows: list[dict[str, Any]]) -> str:
    """Return what was asked and what was reached, in words."""
    solved = [row["found"] for row in rows if row["found"]["all"]["objective"] is not None]
    better = [gain for gain in _gains(solved) if gain > 5e-5]
    slower = median(found["all"]["cpu_s"] / max(found["divide"]["cpu_s"], 0.01) for found in solved)
    proven = sum(found["all"]["gap"] <= GAP and found["all"]["cpu_s"] <= SECONDS for found in solved)
    parts = [
        f"All loops are better than loops that divide in {len(better)} of {len(solved)} cases"
        + (f", by up to {max(better):.1%}" if better else ""),
        f"asked: at most {SLOWER} times the processor time in the median, reached: {slower:.0f} times",
        f"asked: all proven to {GAP:g} within {SECONDS} s, reached: {proven} of {len(solved)}"
        f" (at most {max(found['all']['cpu_s'] for found in solved):.0f} s of processor time)",
    ]
    return "; ".join(parts) + "."


def _gains(solved: list[dict[str, Any]]) -> Iterator[float]:
    for found in solved:
        if found["divide"]["objective"] is not None and math.isfinite(found["divide"]["objective"]):
            yield 1 - found["all"]["objective"] / found["divide"]["objective"]
