"""Heuristic unrollings with heuristic orders against the optimum over all unrollings, and Timeloop's recorded runs.

Every layer is solved over all unrollings; then in unrollings that somebody might take (full, the mapping file of the
machine, ZigZag's generator), each with its proven optimum and with the orders of heuristics. One evaluator scores all.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.pages import replace_part, table
from zzcp import EXACT, Layer, SpatialMapping, compare, load_accelerator, load_mapping, optimize
from zzcp.hardware import Accelerator
from zzcp.io.write import layer_to_dict
from zzcp.mapping.default import full_spatial
from zzcp.solver import Result

MODELS = Path(__file__).parents[1] / "models"
TIMELOOP = Path(__file__).parent / "timeloop"
MACHINES = ("gemmini_like", "tpu_like", "eyeriss_like", "simba_like")
LAYERS = {
    "conv 3x3 64-64 28x28": Layer.conv(k=64, c=64, oy=28, ox=28, fy=3, fx=3),
    "depthwise 3x3 96 28x28": Layer.depthwise(g=96, oy=28, ox=28, fy=3, fx=3),
    "gemm 128x256x128": Layer.gemm(b=128, k=256, c=128),
    "stem 3x3 3-32 32x32": Layer.conv(k=32, c=3, oy=32, ox=32, fy=3, fx=3, stride=2),
}
ORDERS = ("loma", "greedy")
UNROLLINGS = {
    "full": "full, most iterations in parallel",
    "file": "mapping file",
    "zigzag": "ZigZag's generator",
}
BITS = {"W": 16, "I": 16, "O": 16, "O_final": 16}
"""Timeloop's words."""
RECORDED = {
    "GEMM 512^3": Layer.gemm(b=512, k=512, c=512, precision=BITS),
    "conv 3x3 64-64 56x56": Layer.conv(k=64, c=64, oy=56, ox=56, fy=3, fx=3, precision=BITS),
    "depthwise 144 56x56 3x3": Layer.depthwise(g=144, oy=56, ox=56, fy=3, fx=3, precision=BITS),
    "GEMM 2048x11008x4096": Layer.gemm(b=2048, k=11008, c=4096, precision=BITS),
}
SECONDS = 60.0
"""Wall time of every search."""
TIMELOOP_SECONDS = 300.0
"""The same of those beside Timeloop's."""


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Search, print both tables, and write them into the page."""
    pairs = [(machine, name) for machine in MACHINES for name in LAYERS]
    rows = []
    for machine, name in pairs[:2] if quick else pairs:
        rows.append(_measured(machine, name))
        console.print(rows[-1], highlight=False)
    recorded = json.loads((TIMELOOP / "recorded.json").read_text())
    best = {}
    for name in list(RECORDED)[:1] if quick else RECORDED:
        best[name] = _beside_timeloop(RECORDED[name])
        console.print(name, best[name], highlight=False)
    if not quick:
        replace_part("unrollings", _page(rows))
        replace_part("timeloop", _timeloop_page(recorded["rows"], best))
    return {"rows": rows, "timeloop": best}


def _measured(machine: str, name: str) -> dict[str, Any]:
    """Return the objective of every unrolling and order of a pair, None where there is no mapping."""
    accelerator, layer = load_accelerator(MODELS / "accelerators" / f"{machine}.yaml"), LAYERS[name]
    joint, seconds = _joint(accelerator, layer)
    found: dict[str, dict[str, float | None]] = {}
    for label, spatial in _unrollings(machine, accelerator, layer):
        (entry,) = compare(accelerator, layer, mappers=list(ORDERS), spatial=spatial).layers
        found[label] = {"optimum": entry.result.objective} | {
            mapper.name: mapper.objective for mapper in entry.mappers
        }
    return {
        "machine": machine,
        "layer": name,
        "best": joint.objective,
        "bound": joint.lower_bound,
        "status": joint.status,
        "unrollings": joint.space.unrollings,
        "cpu_s": seconds,
        "found": found,
    }


def _joint(
    accelerator: Accelerator, layer: Layer, time_limit: float = SECONDS, **options: Any
) -> tuple[Result, float]:
    started = time.process_time()
    result = optimize(accelerator, layer, spatial="auto", time_limit=time_limit, **options)
    return result, round(time.process_time() - started, 1)


def _unrollings(machine: str, accelerator: Accelerator, layer: Layer) -> Iterator[tuple[str, SpatialMapping]]:
    yield "full", full_spatial(accelerator, layer)
    entry = load_mapping(MODELS / "mappings" / f"{machine}.yaml").for_layer(layer)
    yield "file", SpatialMapping.from_dict(entry.spatial_mapping or {}).fitted(layer)
    yield "zigzag", next(generated(MODELS / "accelerators" / f"{machine}.yaml", layer))


def generated(path: Path, layer: Layer, *, mixed: bool = False) -> Iterator[SpatialMapping]:
    """Yield the unrollings of ZigZag's generator, three at most; the first is the one it likes best."""
    parser: Any = import_module("zigzag.stages.parser.accelerator_parser")
    factory: Any = import_module("zigzag.parser.workload_factory")
    stage: Any = import_module("zigzag.stages.mapping.spatial_mapping_generation")
    entry = {"name": "default", "memory_operand_links": dict(layer.default_links), "spatial_mapping": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        machine = parser.AcceleratorParserStage.parse_accelerator(str(path))
        node = factory.LayerNodeFactory(layer_to_dict(layer), [entry]).create()
        made = stage.SpatialMappingGeneratorStage(
            [lambda *_, **__: None],
            accelerator=machine,
            layer=node,
            enable_mix_spatial_mapping_generation=mixed,
        )
        for found in made.generate_spatial_mappings():
            factors = {
                array_dim.name: {dim.name: int(factor) for dim, factor in loops.items() if factor > 1}
                for array_dim, loops in found.items()
            }
            yield SpatialMapping.from_dict(factors).fitted(layer)


def _page(rows: list[dict[str, Any]]) -> str:
    """Return geometric mean and worst of every unrolling and order, beside the optimum over all unrollings."""
    lines = []
    for label, words in UNROLLINGS.items():
        for order in ("optimum", *ORDERS):
            values = [row["found"][label][order] for row in rows]
            ratios = [
                value / row["best"] for value, row in zip(values, rows, strict=True) if value is not None
            ]
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan
            lines.append(
                [
                    words,
                    "proven optimum" if order == "optimum" else order,
                    str(len(ratios)),
                    f"{mean:,.2f}",
                    f"{max(ratios, default=math.nan):,.1f}",
                    str(sum(ratio <= 1.01 for ratio in ratios)),
                ]
            )
    proven = sum(row["status"] == "optimal" for row in rows)
    open_ones = [row for row in rows if row["status"] != "optimal"]
    gaps = "; ".join(
        f"{row['layer']} on {row['machine']}: a gap of {1 - row['bound'] / row['best']:.1%}"
        for row in open_ones
    )
    seconds = sorted(row["cpu_s"] for row in rows)
    head = (
        f"{len(rows)} pairs of {len({row['machine'] for row in rows})} machines and "
        f"{len({row['layer'] for row in rows})} layers; {proven} proven over all unrollings within {SECONDS:.0f} s"
        f"{f' (open: {gaps})' if gaps else ''}, median {seconds[len(seconds) // 2]:.1f} s of processor time. EDP as "
        "a multiple of the best over all unrollings."
    )
    columns = ["unrolling", "order", "with a mapping", "geometric mean", "worst", "within 1 %"]
    return f"{head}\n\n{table(columns, lines)}"


def _beside_timeloop(layer: Layer) -> dict[str, Any]:
    """Return the optimum over all unrollings on Timeloop's machine, where data that is the same counts twice."""
    conventions = replace(EXACT, name="exact without same data", same_data_free=False)
    accelerator = load_accelerator(TIMELOOP / "min3x.yaml")
    result, seconds = _joint(accelerator, layer, TIMELOOP_SECONDS, conventions=conventions)
    return {
        "best": result.objective,
        "bound": result.lower_bound,
        "gap": result.gap,
        "unrollings": result.space.unrollings,
        "unrolling": None if result.mapping is None else result.mapping.spatial.to_dict(),
        "cpu_s": seconds,
    }


def _timeloop_page(rows: list[dict[str, Any]], best: Mapping[str, dict[str, Any]]) -> str:
    lines = [
        [
            row["layer"],
            row["search"],
            f"{row['cpu_s']:g}",
            "none found" if row["edp"] is None else f"{row['edp']:.3e}",
            "" if row["scored"] is None else f"{row['scored']:.3e}",
            f"{best[row['layer']]['best']:.3e}",
            f"{best[row['layer']]['gap']:.2%}",
            f"{best[row['layer']]['cpu_s']:.1f}",
            "" if row["scored"] is None else f"{row['scored'] / best[row['layer']]['best']:.2f}",
        ]
        for row in rows
    ]
    columns = [
        "layer", "Timeloop's search", "its CPU s", "its EDP", "its mapping, by zzcp", "zzcp over all unrollings", "gap",
        "CPU s", "over zzcp's",
    ]  # fmt: skip
    return table(columns, lines)
