"""Whole networks: every layer by itself, together, with tensors on the chip, side by side, and from the cache.

Every pair of a network and a machine is solved in a process of its own. What has been measured is kept in
results/networks.jsonl, a line per pair, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.pages import PAGE, replace_part, table

NETWORK = PAGE.with_name("network.md")
RECORD = Path(__file__).parent / "results" / "networks.jsonl"
MACHINES = ("tpu_like", "gemmini_like", "eyeriss_like")
NETWORKS = ("resnet18", "resnet50", "mobilenetv2", "bert_base", "llama_7b_block_prefill")
SECONDS = 20.0
"""For every search of a layer."""
HEAD = [
    "network", "machine", "layers", "EDP", "gap", "less than alone", "less on the chip", "tensors", "gap",
    "alone s", "together s", "on the chip s", "cached s", "`-j 2` s (wall)", "MB",
]  # fmt: skip


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Solve every network on every machine under the unrollings of its mapping file; the table goes into the page."""
    rows = {} if quick else recorded()
    pairs = [(name, machine) for machine in MACHINES for name in NETWORKS]
    try:
        for name, machine in pairs[:1] if quick else pairs:
            if (name, machine) in rows:
                continue
            rows[name, machine] = row = measure(name, machine)
            console.print(row, highlight=False)
            if not quick:
                with RECORD.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
    found = [rows[pair] for pair in pairs if pair in rows]
    if not quick:
        counted = f"{len(found)} of {len(pairs)} pairs have been measured."
        replace_part("networks", f"{counted}\n\n{table(HEAD, [_cells(row) for row in found])}", NETWORK)
    return {"rows": found}


def recorded() -> dict[tuple[str, str], dict[str, Any]]:
    """Return what has been measured under this limit; of several measurements of a pair the last."""
    if not RECORD.exists():
        return {}
    rows = [json.loads(text) for text in RECORD.read_text().splitlines()]
    return {(row["network"], row["machine"]): row for row in rows if row["seconds"] == SECONDS}


def measure(name: str, machine: str) -> dict[str, Any]:
    """Solve a network on a machine in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.networks_child", name, machine, str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} on {machine}: {done.stderr.strip()[-2000:]}")
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def _cells(row: dict[str, Any]) -> list[str]:
    times = [*(f"{row[f'{what}_s']:.1f}" for what in ("alone", "together", "kept", "cached"))]
    end = [*times, f"{row['two_wall_s']:.1f}", str(row["kept_mb"])]
    if row["edp"] is None:
        return [row["network"], row["machine"], str(row["layers"]), row["status"], *[""] * 5, *end]
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
        *end,
    ]
