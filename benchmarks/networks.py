"""Whole networks: every layer by itself, together, with tensors on the chip, and once more from the cache."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from benchmarks.pages import PAGE, replace_part, table
from zzcp import Accelerator, Network, load_accelerator, load_mapping, load_workload, optimize_network

NETWORK = PAGE.with_name("network.md")
MODELS = Path(__file__).parent.parent / "models"
MACHINES = ("tpu_like", "eyeriss_like", "gemmini_like")
NETWORKS = ("resnet18", "resnet50", "mobilenetv2", "bert_base", "llama_7b_block_prefill")
PRECISION = {"W": 8, "I": 8, "O": 32, "O_final": 8}
SECONDS = 20.0
"""For every search of a layer."""


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Solve every network on every machine under the unrollings of its mapping file; the table goes into the page."""
    rows = []
    for name in NETWORKS[:1] if quick else NETWORKS:
        network = load_workload(MODELS / "workloads" / f"{name}.onnx", precision=PRECISION)
        for machine in MACHINES[:1] if quick else MACHINES:
            accelerator = load_accelerator(MODELS / "accelerators" / f"{machine}.yaml")
            rows.append(measure(machine, accelerator, name, network))
            console.print(rows[-1], highlight=False)
    head = [
        "network",
        "machine",
        "layers",
        "EDP",
        "gap",
        "less than alone",
        "less on the chip",
        "tensors",
        "gap",
    ]
    head += ["together s", "on the chip s", "cached s"]
    if not quick:
        replace_part("networks", table(head, [_cells(row) for row in rows]), NETWORK)
    return {"rows": rows}


def measure(machine: str, accelerator: Accelerator, name: str, network: Network) -> dict[str, Any]:
    """Return figures of a network on a machine; seconds are of the processor."""
    mappings = load_mapping(MODELS / "mappings" / f"{machine}.yaml")
    row: dict[str, Any] = {"network": name, "machine": machine, "layers": len(network)}
    with TemporaryDirectory() as folder:

        def solve(label: str, **options: Any) -> Any:
            started = time.process_time()
            result = optimize_network(
                accelerator, network, spatial=mappings, time_limit=SECONDS, cache=folder, **options
            )
            row[f"{label}_s"] = round(time.process_time() - started, 2)
            return result

        together = solve("together")
        kept = solve("kept", keep_on_chip=True)
        solve("cached")
    row |= {
        "status": together.status,
        "edp": together.objective,
        "gap": together.gap,
        "gain": together.gain,
        "slopes": together.slopes,
        "searches": together.searches,
        "kept_edp": kept.objective,
        "kept_gap": kept.gap,
        "tensors": len(kept.resident),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return row


def _cells(row: dict[str, Any]) -> list[str]:
    if row["edp"] is None:
        return [row["network"], row["machine"], str(row["layers"]), row["status"], *[""] * 8]
    return [
        row["network"],
        row["machine"],
        str(row["layers"]),
        f"{row['edp']:.4g}",
        f"{row['gap']:.1e}",
        f"{row['gain']:.1e}",
        f"{1 - row['kept_edp'] / row['edp']:.2%}",
        str(row["tensors"]),
        f"{row['kept_gap']:.1e}",
        *(f"{row[name]:.1f}" for name in ("together_s", "kept_s", "cached_s")),
    ]
