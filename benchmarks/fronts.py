"""Energy-latency fronts of the layers of ResNet-18 on eyeriss_like: time per point beside the proof of one optimum.

Every front is searched in a process of its own, one thread. With ``--against`` another checkout of this project, which
has an environment of its own in ``.venv``, searches the same fronts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from benchmarks.pages import PAGE, replace_part, table
from benchmarks.solver_cases import all_cases

FRONTS = PAGE.with_name("pareto.md")
CHILD = Path(__file__).with_name("fronts_child.py")
ROOT = Path(__file__).parents[1]
PREFIX = "eyeriss_like/resnet18."
SECONDS = 600.0
"""Limit of a front, and of the proof beside it."""
QUICK = 2
KINDS = ("supported", "whole")
RESULTS = Path(__file__).parent / "results" / "fronts.json"

Record = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this suite."""
    group = parser.add_argument_group("fronts")
    group.add_argument("--whole", action="store_true", help="whole fronts, not the supported points alone")
    group.add_argument("--layers", nargs="+", metavar="LAYER", help="layers of ResNet-18 (else all twelve)")
    group.add_argument(
        "--against", type=Path, metavar="DIR", help="another checkout, with a .venv, to compare with"
    )
    group.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"limit of a front (else {SECONDS:.0f})"
    )


def run(*, quick: bool, console: Console, options: argparse.Namespace) -> Record:
    """Search all fronts, print the table, and write it into the page."""
    kind = KINDS[bool(options.whole)]
    names = [case.name for case in all_cases() if case.name.startswith(PREFIX)]
    if options.layers:
        names = [name for name in names if name.removeprefix(PREFIX) in options.layers]
    rows = []
    for name in names[:QUICK] if quick else names:
        row = {"layer": name.removeprefix(PREFIX), **measured(ROOT, name, kind, options.seconds)}
        if options.against:
            row["before"] = measured(options.against.resolve(), name, kind, options.seconds)
        rows.append(row)
        console.print(row, highlight=False)
    text = page_part(rows)
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    if not quick and not options.layers and kind == KINDS[0]:
        replace_part(f"{kind} fronts", text, FRONTS)
        console.print(f"written to docs/{FRONTS.name}")
    # the other kind's figures stay in the file
    return {key: value for key, value in _kept().items() if key in KINDS} | {kind: rows}


def _kept() -> Record:
    kept: Record = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return kept


def measured(checkout: Path, name: str, kind: str, seconds: float) -> Record:
    """Return what the front of a layer took by the code of a checkout."""
    own = checkout / ".venv" / "bin" / "python"
    python = sys.executable if checkout == ROOT else str(own)
    # without the folder of the script in front of the paths, and with the checkout's code
    command = [python, "-P", str(CHILD), name, kind, str(seconds)]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    try:
        child = subprocess.run(
            command,
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=4 * seconds,
        )
    except subprocess.TimeoutExpired:
        return {"status": "timeout"}
    if child.returncode:
        lines = child.stderr.strip().splitlines() or [f"exit code {child.returncode}"]
        return {"status": "crash", "error": lines[-1][:200]}
    record: Record = json.loads(child.stdout.splitlines()[-1])
    return record


def per_point(row: Record) -> float:
    """Return the processor time of a front per point, relative to the layer's proof."""
    ratio: float = row["cpu_s"] / row["points"] / row["proof_s"]
    return ratio


def page_part(rows: list[Record]) -> str:
    """Return the table, and what it comes to in words."""
    head = ["layer", "status", "points", "searches", "cpu s", "proof cpu s", "per point / proof", "peak MB"]
    against = any("before" in row for row in rows)
    done = [row for row in rows if row.get("points")]
    cells = []
    for row in done:
        line = [row["layer"], row["status"], *(str(row[key]) for key in ("points", "searches"))]
        line += [f"{row['cpu_s']:.1f}", f"{row['proof_s']:.2f}", f"{per_point(row):.1f}", str(row["peak_mb"])]
        if against:
            line += _before(row)
        cells.append(line)
    head += ["before", "cpu s before", "times as fast"] if against else []
    complete = sum(row["status"] == "complete" for row in rows)
    ratios = [per_point(row) for row in done]
    words = (
        f"{complete} of {len(rows)} fronts are complete; a point takes {median(ratios):.1f} times as long as the proof "
        f"of the least energy-delay product in the median, {max(ratios):.1f} times at the most; "
        f"largest peak {max(row['peak_mb'] for row in done)} MB."
    )
    return f"{table(head, cells)}\n\n{words}"


def _before(row: Record) -> list[str]:
    """Return what the other checkout made of a front; where it is incomplete its time is a lower limit."""
    before = row.get("before", {})
    if "cpu_s" not in before:
        return [before.get("status", ""), "", ""]
    more = "" if before["status"] == "complete" else ">= "
    return [
        f"{before['status']}, {before['points']}",
        f"{before['cpu_s']:.1f}",
        f"{more}{before['cpu_s'] / row['cpu_s']:.1f}",
    ]
