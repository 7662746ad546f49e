"""Loops that need not divide, beside AccelForge's ``explore_imperfect_temporal_loops``, on products of awkward size.

``python -m benchmarks.accelforge.imperfect --live PYTHON`` runs both on the machine of `benchmarks.accelforge` and
writes a part of docs/comparison.md. PYTHON is one (3.12 or newer) in whose environment accelforge 1.0.467 is
installed; without it the recorded figures of AccelForge stay.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from benchmarks.accelforge.__main__ import FOLDER, GAP, run_live
from benchmarks.accelforge.machine import CONVENTIONS, layer, machine
from benchmarks.pages import replace_part, table
from zzcp import optimize

RESULTS = FOLDER.parent / "results" / "accelforge_imperfect.json"
MACHINE = {"SRAM_WORDS": 32768, "REG_WORDS": 64, "BW_DRAM": 0.0625, "BW_SRAM": 1}
SIZES = ((100, 100, 100), (197, 197, 64), (197, 768, 768))
"""Products: m, n, and the k that is summed over."""
FACTORS = ("perfect", "imperfect")


def main() -> None:
    """Run all products, print the table and write it into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accelforge.imperfect", description=__doc__)
    parser.add_argument("--live", metavar="PYTHON", help="run AccelForge, too, with this Python")
    arguments = parser.parse_args()
    recorded = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for m, n, k in SIZES:
        name = f"GEMM {m}x{n}x{k}"
        entry = recorded.setdefault(name, {})
        entry["zzcp"] = {factors: solved({"m": m, "n": n, "k": k}, factors) for factors in FACTORS}
        if arguments.live:
            case = {"name": name, "layer": {"m": m, "n": n, "k": k}, "machine": MACHINE}
            entry["accelforge"] = {
                factors: run_live(arguments.live, {**case, "imperfect": factors == "imperfect"}, "energy")
                for factors in FACTORS
            }
        print(name, entry, flush=True)
    RESULTS.write_text(json.dumps(recorded, indent=1) + "\n")
    replace_part("accelforge-imperfect", page(recorded))


def solved(sizes: dict[str, int], factors: str) -> dict[str, Any]:
    """Return the least energy of a product, its proof and its processor time."""
    busy = time.process_time()
    result = optimize(
        machine(MACHINE),
        layer(sizes),
        "energy",
        spatial={},
        conventions=CONVENTIONS,
        time_limit=120,
        gap=GAP,
        factors=factors,
    )
    assert result.evaluation is not None
    return {
        "energy": result.evaluation.energy.total,
        "gap": result.gap,
        "cpu_s": round(time.process_time() - busy, 2),
    }


def page(recorded: dict[str, Any]) -> str:
    """Return the table: energies and seconds of a processor, with loops that divide and with all."""
    rows = []
    for name, entry in recorded.items():
        theirs, ours = entry.get("accelforge"), entry["zzcp"]
        row = [name]
        for factors in FACTORS:
            row += [
                f"{theirs[factors]['energy']:,.0f}" if theirs else "-",
                f"{theirs[factors]['cpu_s']:.1f}" if theirs else "-",
                f"{ours[factors]['energy']:,.0f}",
                "optimal" if ours[factors]["gap"] <= GAP else f"gap {ours[factors]['gap']:.1e}",
                f"{ours[factors]['cpu_s']:.1f}",
            ]
        rows.append(row)
    head = ["layer"]
    for factors in ("divide", "all loops"):
        head += [f"AccelForge, {factors}", "s", f"zzcp, {factors}", "proof", "s"]
    return table(head, rows)


if __name__ == "__main__":
    main()
