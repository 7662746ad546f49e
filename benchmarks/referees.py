"""The joint bound against others: sampled unrollings that are solved alone, and ZigZag's own choice of unrolling.

For pairs of a machine and a layer, two questions. Has any of some random unrollings, searched alone, a mapping below
the bound that was proven for all of them (EXACT)? And is ZigZag's best (the three unrollings that its generator likes
most, without and with several layer dimensions on an array dimension, each with the order that LOMA finds, scored by
its cost model) ever better than the joint optimum under its conventions? What has been measured is kept in
results/referees.jsonl, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import math
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks import joint_cases, unrollings
from benchmarks.cases import bundled_machines, own_machines
from benchmarks.pages import PAGE, replace_part
from benchmarks.resumable import RESULTS, Record, Row
from zzcp import ZIGZAG, Accelerator, Layer, optimize
from zzcp.mappers import Budget, Loma, Problem
from zzcp.mapping.freedom import Freedom
from zzcp.solver.job import Job
from zzcp.solver.optimize import joint_search
from zzcp.solver.options import SearchOptions

JOINT = PAGE.with_name("joint.md")
RECORD = Record(RESULTS / "referees.jsonl", lambda row: (row["question"], row["machine"], row["layer"]))
LAYERS = {**unrollings.LAYERS, **joint_cases.LAYERS}
SAMPLED, SECONDS, ALONE = 200, {"sampled": 120.0, "zigzag": 40.0}, 60.0
"""Unrollings of every pair, wall time of the joint search by question, and of the search of one unrolling."""
LPF_LIMIT = 6


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    group = parser.add_argument_group("referees")
    group.add_argument(
        "--question", choices=["sampled", "zigzag"], help="only one of the two questions (default: both)"
    )
    group.add_argument("--refereed", metavar="TEXT", help="only layers whose names hold a text")


def run(*, quick: bool, console: Console, options: Namespace | None = None) -> dict[str, Any]:
    """Answer both questions for the pairs that have no answer yet, and write what holds of all into the page."""
    machines = {**own_machines(), **bundled_machines()}
    asked = getattr(options, "question", None)
    text = getattr(options, "refereed", None) or ""
    answers = {"sampled": sampled, "zigzag": of_zigzag}
    wanted = [
        (question, machine, layer)
        for layer, machine in ([("gemm 128x256x128", "gemmini_like")] if quick else pairs(machines))
        for question in answers
        if asked in (None, question) and text in layer
    ]

    def answer(key: tuple[str, str, str]) -> Row:
        question, machine, layer = key
        row = {"question": question, "machine": machine, "layer": layer}
        return row | answers[question](*machines[machine], LAYERS[layer], 5 if quick else SAMPLED)

    rows = RECORD.completed(wanted, answer, console, quick=quick)
    page = summary(list(rows.values()))
    console.print(page, highlight=False, markup=False)
    if not quick:
        replace_part("referees", page, JOINT)
    return {"rows": list(rows.values())}


def pairs(machines: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the pairs, small layers first."""
    return [(layer, machine) for layer in LAYERS for machine in machines]


def sampled(_path: Path, accelerator: Accelerator, layer: Layer, count: int) -> Row:
    """Search random unrollings alone, each for a mapping below the bound of all."""
    started = time.process_time()
    result = optimize(accelerator, layer, spatial="auto", time_limit=SECONDS["sampled"])
    row: Row = {"status": result.status, "bound": result.lower_bound, "gap": result.gap}
    if result.objective is None:
        return row | {"sampled": 0, "below": 0, "open": 0}
    how = SearchOptions(ALONE, 1e-9, 1)
    steps = joint_search(Job(accelerator, layer, "edp", Freedom(), options=how)).steps
    block = steps.choices.sample(8 * count, np.random.default_rng(1))
    chosen = list(dict.fromkeys(map(tuple, block.tolist())))[:count]
    below = still_open = 0
    bound = result.lower_bound
    for choice in chosen:
        root = steps.rooted(choice, bound, 0.0)
        if root is None or root >= bound:
            continue
        found = steps.searched(choice, Fraction(bound), ALONE, math.inf)
        better = found.value is not None and found.value < bound
        below += better
        still_open += not better and not found.closed
    seconds = round(time.process_time() - started, 1)
    return row | {"sampled": len(chosen), "below": below, "open": still_open, "cpu_s": seconds}


def of_zigzag(path: Path, accelerator: Accelerator, layer: Layer, _count: int) -> Row:
    """Return the joint optimum under ZigZag's conventions and the best of its own choices."""
    started = time.process_time()
    # a space that holds what ZigZag chooses
    every = [spatial for mixed in (False, True) for spatial in unrollings.generated(path, layer, mixed=mixed)]
    most = max((len(factors) for spatial in every for _, factors in spatial.unrolling), default=0)
    result = optimize(
        accelerator,
        layer,
        spatial="auto",
        max_dims=max(2, most),
        time_limit=SECONDS["zigzag"],
        conventions=ZIGZAG,
    )
    row: Row = {"status": result.status, "best": result.objective, "bound": result.lower_bound}
    for name, mixed in (("plain", False), ("mixed", True)):
        values = []
        for spatial in unrollings.generated(path, layer, mixed=mixed):
            problem = Problem(accelerator, layer, spatial, "edp", ZIGZAG)
            found = Loma(lpf_limit=LPF_LIMIT).map(problem, Budget(seconds=ALONE))
            if found.objective is not None:
                values.append(found.objective)
        row[name] = min(values, default=None)
    return row | {"cpu_s": round(time.process_time() - started, 1)}


def summary(rows: Sequence[Row]) -> str:
    """Return what holds of all pairs."""
    return "\n\n".join(
        [
            of_samples([row for row in rows if row["question"] == "sampled"]),
            of_choices([row for row in rows if row["question"] == "zigzag"]),
        ]
    )


def of_samples(rows: Sequence[Row]) -> str:
    """Return how many sampled unrollings are below the joint bound."""
    rows = [row for row in rows if row["sampled"]]
    if not rows:
        return "No unrollings have been sampled yet."
    count = sum(row["sampled"] for row in rows)
    return (
        f"Sampled unrollings, alone: {count:,} unrollings of {len(rows)} pairs, {sum(row['below'] for row in rows)} "
        f"with a mapping below the bound of all, {sum(row['open'] for row in rows)} of which that was not found out."
    )


def of_choices(rows: Sequence[Row]) -> str:
    """Return how ZigZag's own choices compare with the joint optimum."""
    lines = []
    for name, words in (("plain", "one dimension each"), ("mixed", "several dimensions")):
        pairs_ = [row for row in rows if row["best"] is not None and row[name] is not None]
        if not pairs_:
            continue
        ratios = sorted(row[name] / row["best"] for row in pairs_)
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        better = sum(ratio > 1 + 1e-4 for ratio in ratios)
        below = sum(row[name] < row["bound"] * (1 - 1e-12) for row in pairs_)
        lines.append(
            f"{words}: {better} of {len(ratios)} pairs are better over all unrollings, by a factor of {mean:.2f} in "
            f"the geometric mean, {ratios[len(ratios) // 2]:.2f} in the median and {ratios[-1]:,.1f} at most; the "
            f"smallest ratio is {ratios[0]:.6f}, and {below} of ZigZag's are below the bound"
        )
    none = sum(row["best"] is not None and row["plain"] is None and row["mixed"] is None for row in rows)
    if not lines:
        return "ZigZag's own choice has not been compared yet."
    left = f" For {none} pairs that have mappings none of its unrollings has one." if none else ""
    return (
        "ZigZag's best of three unrollings, with LOMA's order (limit 6), under its conventions, "
        f"{'; '.join(lines)}.{left}"
    )
