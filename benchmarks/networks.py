"""Whole networks: every layer by itself, together, with tensors on the chip, side by side, and from the cache.

Every pair of a network and a machine is solved in a process of its own. What has been measured is kept in
results/networks.jsonl, a line per pair, so that a run that was stopped goes on where it was. The same command compares
with other tools (`benchmarks.network_tools`).
"""

from __future__ import annotations

from typing import Any

from rich.console import Console

from benchmarks import network_tools
from benchmarks.pages import PAGE, replace_part, table
from benchmarks.resumable import RESULTS, Record, Row, in_child

NETWORK = PAGE.with_name("network.md")
MACHINES = ("tpu_like", "gemmini_like", "eyeriss_like")
NETWORKS = ("resnet18", "resnet50", "mobilenetv2", "bert_base", "llama_7b_block_prefill")
SECONDS = 20.0
"""For every search of a layer."""
RECORD = Record(
    RESULTS / "networks.jsonl",
    lambda row: (row["network"], row["machine"]),
    lambda row: row["seconds"] == SECONDS,
)
"""What has been measured under this limit."""
HEAD = [
    "network", "machine", "layers", "EDP", "gap", "less than alone", "less on the chip", "tensors", "gap",
    "alone s", "together s", "on the chip s", "cached s", "`-j 2` s (wall)", "MB",
]  # fmt: skip


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Solve every network on every machine under the unrollings of its mapping file; the table goes into the page."""
    pairs = [(name, machine) for machine in MACHINES for name in NETWORKS]
    rows = RECORD.completed(pairs[:1] if quick else pairs, lambda pair: measure(*pair), console, quick=quick)
    found = [rows[pair] for pair in pairs if pair in rows]
    beside = network_tools.run(quick=quick, console=console)
    console.print(beside, highlight=False, markup=False)
    if not quick:
        counted = f"{len(found)} of {len(pairs)} pairs have been measured."
        replace_part("networks", f"{counted}\n\n{table(HEAD, [_cells(row) for row in found])}", NETWORK)
        replace_part("network-tools", beside, NETWORK)
    return {"rows": found}


def measure(name: str, machine: str) -> Row:
    """Solve a network on a machine in a process of its own."""
    row: Row = in_child(f"{name} on {machine}", "networks_child", name, machine, SECONDS)
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
