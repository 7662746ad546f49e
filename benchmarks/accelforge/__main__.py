"""Solve the cases with zzcp, compare with AccelForge, and update docs/comparison.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from benchmarks.accelforge.machine import CONVENTIONS, layer, machine
from benchmarks.pages import replace_part, table
from zzcp import optimize
from zzcp.cost import Evaluation

FOLDER = Path(__file__).parent
RESULTS = FOLDER.parent / "results" / "accelforge.jsonl"
GAP = 1e-7
"""The energies are integers of at most ten digits in the GEMMs that were enumerated: equal if this close."""
LIMIT = 20.0
"""Of each search of zzcp, in its own measure of work: about a second of a processor each."""
NAMED = 5
"""The first cases have a row of their own in the document; the others are random GEMMs."""


def main() -> None:
    """Run the cases that have no result yet, then print and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accelforge", description=__doc__)
    parser.add_argument("--live", metavar="PYTHON", help="run AccelForge, too, with this Python")
    parser.add_argument("--quick", action="store_true", help="three cases; nothing is written")
    parser.add_argument("--again", action="store_true", help="forget earlier results")
    parser.add_argument(
        "--time-limit", type=float, default=1200.0, metavar="S", help="of each search of zzcp"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N cases")
    arguments = parser.parse_args()
    cases = json.loads((FOLDER / "recorded.json").read_text())["cases"]
    cases = cases[: 3 if arguments.quick else arguments.limit]
    done = {} if arguments.again or arguments.quick else read_results()
    for number, case in enumerate(cases):
        entry = done.setdefault(case["name"], {"name": case["name"]})
        for objective in ("energy", "edp") if number < NAMED else ("energy",):
            if objective not in entry:
                entry[objective] = solve(case, objective, arguments.time_limit)
                print(case["name"], objective, entry[objective], flush=True)
        if arguments.live and "live" not in entry and case["accelforge"]["edp"]["wall_s"] < 60:
            entry["live"] = {metric: run_live(arguments.live, case, metric) for metric in ("energy", "edp")}
            print(case["name"], "AccelForge", entry["live"], flush=True)
        if not arguments.quick:
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text("".join(json.dumps(row) + "\n" for row in done.values()))
    text = page(cases, done)
    print(text)
    if not arguments.quick and not arguments.limit:
        replace_part("accelforge", text)


def read_results() -> dict[str, dict[str, Any]]:
    """Return the results of earlier runs by the names of their cases."""
    if not RESULTS.exists():
        return {}
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    return {row["name"]: row for row in rows}


def solve(case: dict[str, Any], objective: str, time_limit: float) -> dict[str, Any]:
    """Solve a case with zzcp."""
    busy = time.process_time()
    result = optimize(
        machine(case["machine"]),
        layer(case["layer"]),
        objective,  # type: ignore[arg-type]
        spatial={},
        conventions=CONVENTIONS,
        time_limit=time_limit,
        deterministic_limit=LIMIT,
        gap=GAP if objective == "energy" else 1e-4,
    )
    evaluation = result.evaluation
    assert isinstance(evaluation, Evaluation)
    latency = evaluation.latency
    return {
        "status": result.status,
        "gap": result.gap,
        "energy": evaluation.energy.total,
        "latency": latency.total,
        "loading": latency.data_loading + latency.data_unloading,
        "stall": latency.temporal_stall,
        "wall_s": round(result.wall_s, 2),
        "cpu_s": round(time.process_time() - busy, 2),
    }


def run_live(python: str, case: dict[str, Any], metric: str) -> dict[str, Any]:
    """Run AccelForge on a case."""
    keys = ("layer", "machine", "imperfect")
    task = json.dumps({"metric": metric, **{key: case[key] for key in keys if key in case}})
    done = subprocess.run(
        [python, str(FOLDER / "live.py"), task], capture_output=True, text=True, check=False, timeout=3600
    )
    if done.returncode:
        raise SystemExit(f"AccelForge failed on {case['name']}:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def page(cases: list[dict[str, Any]], done: dict[str, dict[str, Any]]) -> str:
    """Return the part of docs/comparison.md that is measured."""
    cases = [case for case in cases if "energy" in done.get(case["name"], {})]
    rows = []
    for case in cases:
        if "edp" not in done[case["name"]]:
            continue
        ours, theirs = done[case["name"]], case["accelforge"]["edp"]
        energy, edp = ours["energy"], ours["edp"]
        found = theirs["energy"] is not None
        rows.append(
            [
                case["name"],
                f"{theirs['energy']:,.0f}" if found else "-",
                f"{theirs['wall_s']:.1f}" if found else f"> {theirs['wall_s']:.0f}",
                f"{energy['energy']:,.0f}",
                proof(energy),
                f"{energy['cpu_s']:.1f}",
                f"{edp['energy']:,.0f}",
                proof(edp),
                f"{edp['cpu_s']:.1f}",
                f"{edp['latency'] / theirs['latency'] - 1:.2%}" if found else "-",
            ]
        )
    head = [
        "layer", "AccelForge, energy", "s", "zzcp, least energy", "proof", "s", "zzcp, energy at least EDP", "proof",
        "s", "more cycles",
    ]  # fmt: skip
    return f"{table(head, rows)}\n\n{summary(cases, done)}"


def proof(result: dict[str, Any]) -> str:
    """Return whether a result is proven optimal, or how wide the gap is."""
    return "optimal" if result["status"] == "optimal" else f"gap {result['gap']:.2%}"


def summary(cases: list[dict[str, Any]], done: dict[str, dict[str, Any]]) -> str:
    """Return in words how the energies and the times compare over all cases."""
    enumerated = [case for case in cases if case["least_energy"] is not None]
    energies = [done[case["name"]]["energy"] for case in enumerated]
    equal = sum(
        ours["energy"] == case["least_energy"] for case, ours in zip(enumerated, energies, strict=True)
    )
    proven = sum(ours["status"] == "optimal" for ours in energies)
    modes = [case for case in enumerated if "energy" in case["accelforge"]]
    missed = [
        case["accelforge"]["energy"]["energy"] / case["least_energy"] - 1
        for case in modes
        if case["accelforge"]["energy"]["energy"] > case["least_energy"]
    ]
    lines = [
        f"Over the {len(enumerated)} GEMMs whose least energy is known by enumeration, zzcp finds that energy, to the "
        f"unit, in {equal}, and proves it in {proven} (gap at most {GAP:g}). AccelForge finds it in all of them when "
        f"it minimises the EDP; minimising the energy it misses it in {len(missed)} of {len(modes)}"
        + (f", by {min(missed):.1%} to {max(missed):.1%}." if missed else ".")
    ]
    pairs = [(done[case["name"]], case) for case in enumerated]
    ratio = geometric_mean(
        max(ours["energy"]["cpu_s"], 0.01) / case["accelforge"]["edp"]["wall_s"] for ours, case in pairs
    )
    lines.append(
        f"On these GEMMs the proof of zzcp takes {ratio:.2g} times the recorded seconds of AccelForge "
        "(geometric mean; seconds of a processor, one thread)."
    )
    live = [row for row, _ in pairs if "live" in row]
    if live:
        ratio = geometric_mean(
            max(row["energy"]["cpu_s"], 0.01) / max(row["live"]["edp"]["cpu_s"], 0.01) for row in live
        )
        lines.append(
            f"Run side by side on one machine ({len(live)} of them, processor seconds, without the start of the "
            f"interpreter), it takes {ratio:.2g} times those of AccelForge."
        )
    return " ".join(lines)


if __name__ == "__main__":
    main()
