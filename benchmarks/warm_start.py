"""Warm starts: what a heuristic's best mapping as the first incumbent does for CP-SAT.

Every layer is solved without and with the best mapping of a heuristic as hint, each time with the same deterministic
limit of the solver, so that what is found does not depend on what else the machine does; with such a limit the solver
uses CP-SAT alone (the search by ranges starts the genetic mapper itself where it needs it). The seconds are process
time, those of the heuristic included.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import geometric_mean
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.cases import LAYERS, own_machines
from zzcp import optimize
from zzcp.mappers import Budget, Genetic, Mapper, Problem, Salsa
from zzcp.mapping.default import default_spatial

CASES = (
    ("eyeriss_like", "resnet18 conv2", (0,)),
    ("tpu_like", "resnet18 conv2", (0,)),
    ("tpu_like", "gemm 512", (0,)),
    ("eyeriss_like", "mobilenet depthwise", (0,)),
    ("simba_like", "resnet18 conv2", (0,)),
    ("seed_eyeriss_1_2_4", "resnet18 conv2", (0, 1, 2)),
)
"""Machine, layer, and the seeds of solver and heuristic: several where the limit ends the search."""
STARTS: dict[str, tuple[Mapper, Budget] | None] = {
    "none": None,
    "genetic": (Genetic(), Budget(5000)),
    "salsa": (Salsa(iterations=300), Budget()),
}
LIMIT = 4.0
QUICK_LIMIT = 1.0
"""Of the solver, in its deterministic seconds."""


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Solve all cases from every start, print a table, and return the figures."""
    machines = own_machines()
    rows = []
    for machine, layer_name, seeds in CASES[:2] if quick else CASES:
        accelerator, layer = machines[machine][1], LAYERS[layer_name]
        problem = Problem(accelerator, layer, default_spatial(accelerator, layer))
        for seed in seeds:
            for start, mapper in STARTS.items():
                row = {"machine": machine, "layer": layer_name, "seed": seed, "start": start}
                row |= solve(problem, mapper, QUICK_LIMIT if quick else LIMIT, seed)
                rows.append(row)
                console.print(_line(row), highlight=False)
    console.print(_table(rows))
    return {"unit": "seconds of process time", "deterministic_limit": LIMIT, "runs": rows}


def solve(
    problem: Problem, mapper: tuple[Mapper, Budget] | None, limit: float, seed: int = 0
) -> dict[str, Any]:
    """Return what one search reached, and when."""
    start = time.process_time()
    hint = value = None
    if mapper is not None:
        found = mapper[0].map(problem, replace(mapper[1], seed=seed))
        hint, value = found.mapping, found.objective
    heuristic = time.process_time() - start
    result = optimize(
        problem.accelerator,
        problem.layer,
        problem.objective,
        spatial=problem.spatial,
        hint=hint,
        seed=seed,
        deterministic_limit=limit,
    )
    assert result.objective is not None
    return {
        "hint": value,
        "heuristic_seconds": heuristic,
        "status": result.status,
        "objective": result.objective,
        "gap": result.gap,
        "seconds": time.process_time() - start,
    }


def _line(row: dict[str, Any]) -> str:
    name = f"{row['machine']}, {row['layer']}, seed {row['seed']}, start {row['start']}"
    return (
        f"{name:58} {row['status']:9} {row['objective']:.4e} gap {row['gap']:.4f} in {row['seconds']:.1f} s"
    )


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return a table of the starts: proofs, gaps and times, each compared with no hint."""
    table = Table(title="Warm starts: all cases together")
    table.add_column("start")
    for heading in ("proven", "mean gap", "objective, times none", "seconds, times none", "heuristic s"):
        table.add_column(heading, justify="right")
    plain = {(row["machine"], row["layer"], row["seed"]): row for row in rows if row["start"] == "none"}
    for start in STARTS:
        mine = [row for row in rows if row["start"] == start]
        pairs = [(row, plain[row["machine"], row["layer"], row["seed"]]) for row in mine]
        table.add_row(
            start,
            f"{sum(row['status'] == 'optimal' for row in mine)} of {len(mine)}",
            f"{sum(row['gap'] for row in mine) / len(mine):.4f}",
            f"{geometric_mean(row['objective'] / other['objective'] for row, other in pairs):.4f}",
            f"{geometric_mean(row['seconds'] / other['seconds'] for row, other in pairs):.2f}",
            f"{sum(row['heuristic_seconds'] for row in mine) / len(mine):.2f}",
        )
    return table
