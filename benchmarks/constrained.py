"""The search under constraints: sixty layers, each with every kind of constraint, beside the search without any."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping
from random import Random
from typing import Any

from rich.console import Console

from benchmarks.pages import PAGE, replace_part, table
from benchmarks.solver_cases import Case, all_cases
from zzcp import EXACT, Result, optimize
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.setting.setting import IRRELEVANT
from zzcp.errors import InputError

PERFORMANCE = PAGE.with_name("performance-solver.md")
LAYERS = 60
QUICK = 6
TIME_LIMIT = 120.0
"""Seconds of every search."""
CLOSED = 1e-4
NONE = "none"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this suite."""
    group = parser.add_argument_group("constrained")
    group.add_argument(
        "--minutes", type=float, help="begin no layer after so many minutes; they come in a random order"
    )


def run(*, quick: bool, console: Console, options: argparse.Namespace) -> dict[str, Any]:
    """Solve every layer without constraints and with each kind; print how the times compare, and write it down."""
    cases = all_cases()
    chosen = list(cases[:: len(cases) // (QUICK if quick else LAYERS)][: QUICK if quick else LAYERS])
    Random(0).shuffle(chosen)
    rows: list[dict[str, Any]] = []
    started = time.monotonic()
    layers = 0
    for case in chosen:
        if options.minutes is not None and time.monotonic() - started > 60 * options.minutes:
            break
        found = measured(case)
        layers += 1
        rows += found
        slow = [(entry["constraint"], entry["gap"]) for entry in found if not closed(entry)]
        console.print(
            f"{layers}/{len(chosen)} {case.name} {len(found)} searches, open: {slow}", highlight=False
        )
    figures = compared(rows)
    text = page_part(layers, rows, figures)
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    if not quick:
        replace_part("constrained", text, PERFORMANCE)
        console.print(f"written to docs/{PERFORMANCE.name}")
    return {"searches": rows, "kinds": figures}


def page_part(layers: int, rows: list[dict[str, Any]], figures: list[dict[str, Any]]) -> str:
    """Return the table of all kinds, what it comes to in words, and what is open."""
    searches = [entry for entry in rows if entry["constraint"] != NONE and entry["status"] != "infeasible"]
    ratio = statistics.median(entry["ratio"] for entry in rows if entry["constraint"] != NONE)
    words = (
        f"{layers} layers, {sum(map(closed, searches))} of {len(searches)} feasible searches closed, "
        f"{ratio:.2f} times the unconstrained time in the median of all."
    )
    lines = [
        f"- open: {entry['case']}, {entry['constraint']}: {entry['status']}"
        + ("" if entry["gap"] is None else f", gap {entry['gap']:.1e}")
        for entry in rows
        if not closed(entry) and entry["status"] != "infeasible"
    ]
    shown = table(list(figures[0]), [[str(value) for value in entry.values()] for entry in figures])
    return "\n\n".join([shown, words, *(["\n".join(lines)] if lines else [])])


def closed(entry: dict[str, Any]) -> bool:
    """Return whether a search has its proof."""
    return entry["status"] == "infeasible" or (entry["gap"] is not None and entry["gap"] <= CLOSED)


def measured(case: Case) -> list[dict[str, Any]]:
    """Return what every search of a layer took."""
    free, seconds = solved(case, None)
    rows = [row(case, NONE, free, seconds, 1.0)]
    if free.evaluation is None:
        return rows
    for kind, constraints in constraints_of(case, free).items():
        try:
            result, took = solved(case, constraints)
        except InputError:
            # the machine has nothing of the kind
            continue
        rows.append(row(case, kind, result, took, took / seconds))
    return rows


def solved(case: Case, constraints: Mapping[str, Any] | None) -> tuple[Result, float]:
    """Return the result of one search, and the processor time that it took."""
    started = time.process_time()
    result = optimize(
        case.accelerator, case.layer, spatial=case.spatial, constraints=constraints, time_limit=TIME_LIMIT
    )
    return result, time.process_time() - started


def row(case: Case, kind: str, result: Result, seconds: float, ratio: float) -> dict[str, Any]:
    """Return one search as plain data."""
    return {
        "case": case.name,
        "constraint": kind,
        "status": result.status,
        "gap": result.gap,
        "seconds": seconds,
        "ratio": ratio,
        "engine": result.engine,
    }


def constraints_of(case: Case, free: Result) -> dict[str, Mapping[str, Any]]:
    """Return a constraint of every kind, about the dimension with most iterations and the operands' larger memories."""
    setting = Evaluator(case.accelerator, case.layer, case.spatial, EXACT).setting
    longest = max(setting.temporal_sizes, key=lambda dim: setting.temporal_sizes[dim])
    operand = next(item for item in setting.operands if item.kind.get(longest, IRRELEVANT) != IRRELEVANT)
    memory = operand.memories[-2] if operand.depth > 1 else operand.memories[-1]
    place = {"memory": memory.name, "operand": operand.name}
    assert free.evaluation is not None
    return {
        "loop_order": {"loop_order": [["*", "*"], [longest, "*"]]},
        "innermost": {"innermost": [longest]},
        "outermost": {"outermost": [longest]},
        "tile_sizes": {"tile_sizes": [{**place, "dimension": longest, "max": 8}]},
        "tile_elements": {"tile_elements": [{**place, "max": 4096}]},
        "bypass": {"bypass": {operand.name: [memory.name]}},
        "even_mapping": {"even_mapping": True},
        "forced": {"double_buffering": {memory.name: "forced"}},
        "forbidden": {"double_buffering": {memory.name: "forbidden"}},
        "min_utilization": {"min_utilization": {memory.name: 0.25}},
        "max_latency": {"max_latency": int(free.evaluation.latency.total * 1.01) + 1},
        "max_energy": {"max_energy": float(free.evaluation.energy.total) * 1.01},
    }


def compared(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for every kind how many searches are closed, and their times relative to those without constraints."""
    figures = []
    for kind in dict.fromkeys(entry["constraint"] for entry in rows):
        some = [entry for entry in rows if entry["constraint"] == kind]
        feasible = [entry for entry in some if entry["status"] != "infeasible"]
        ratios = sorted(entry["ratio"] for entry in some)
        figures.append(
            {
                "constraint": kind,
                "searches": len(some),
                "infeasible": len(some) - len(feasible),
                "closed": sum(map(closed, feasible)),
                "cpu median s": round(statistics.median(entry["seconds"] for entry in some), 2),
                "times unconstrained: median": round(statistics.median(ratios), 2),
                "p90": round(ratios[int(0.9 * (len(ratios) - 1))], 2),
                "most": round(ratios[-1], 2),
            }
        )
    return figures
