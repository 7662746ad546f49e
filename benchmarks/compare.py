"""Heuristic mappers against proven optima, over the suite of the solver.

From every pair of a network and a machine one layer is drawn, then a second one of each, and so on: every beginning of
the list is spread over all of them. What has been measured is kept in results/compare.jsonl, a line per layer, so that
a run that was stopped goes on where it was; the table in docs/comparison.md is written from all of it. The solver
searches as it does by default, until its proof or its limit of wall time; lines that were measured under another limit
are measured again.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import defaultdict
from typing import Any

from rich.console import Console

from benchmarks.pages import replace_part, table
from benchmarks.resumable import RESULTS, Record, Row
from benchmarks.solver_cases import Case, all_cases
from zzcp import EXACT
from zzcp.comparison import ComparedLayer, compare
from zzcp.comparison.layers import geometric_mean
from zzcp.comparison.run import make_mappers
from zzcp.mappers import Budget, Mapper, OnBest, Problem, Search

MAPPERS = ("loma", "salsa", "random", "genetic", "greedy")
TIME_LIMIT = 120.0
"""Of the solver, per layer, in seconds of wall time."""
RECORD = Record(
    RESULTS / "compare.jsonl", lambda row: row["case"], lambda row: row.get("time_limit") == TIME_LIMIT
)
"""What has been measured under this limit, by the names of the cases."""
EVALUATIONS, GAP, SEED = 10_000, 1e-4, 0
QUICK_LAYERS = 3
"""Layers that are compared where it has to be quick; all of the suite else, but for the extreme case."""


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Compare the layers that have not been compared yet, and return the figures of all."""
    cases = sample(QUICK_LAYERS if quick else None)
    named = {case.name: (number, case) for number, case in enumerate(cases, 1)}

    def compared(name: str) -> Row:
        number, case = named[name]
        console.print(f"{number} of {len(cases)}: {name}", highlight=False)
        return measure(case)

    rows = RECORD.completed(named, compared, console, line, quick=quick)
    found = list(rows.values())
    text = page(found, len(sample()))
    console.print(text, highlight=False, markup=False)
    if not quick:
        replace_part("compare", text)
        console.print("written to docs/comparison.md")
    return {
        "time_limit": TIME_LIMIT,
        "evaluations": EVALUATIONS,
        "layers": len(found),
        "mappers": summary(found),
    }


def sample(number: int | None = None) -> list[Case]:
    """Return the first cases of the stratified order, or all of them."""
    rng = random.Random(SEED)
    strata: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in all_cases():
        network, _, layer = case.name.partition("/")[2].partition(".")
        if layer:
            strata[case.machine, network].append(case)
    for members in strata.values():
        rng.shuffle(members)
    order: list[Case] = []
    while any(strata.values()):
        turn = [members.pop() for members in strata.values() if members]
        rng.shuffle(turn)
        order += turn
    return order[:number]


def measure(case: Case) -> dict[str, Any]:
    """Compare all mappers on a case."""
    busy = time.process_time()
    mappers = [Timed(mapper) for mapper in make_mappers(MAPPERS)]
    comparison = compare(
        case.accelerator,
        case.layer,
        mappers,
        spatial=case.spatial,
        conventions=EXACT,
        time_limit=TIME_LIMIT,
        gap=GAP,
        seed=SEED,
        evaluations=EVALUATIONS,
    )
    if comparison.interrupted:
        raise KeyboardInterrupt
    (entry,) = comparison.layers
    seconds = {mapper.name: mapper.seconds for mapper in mappers}
    solver = time.process_time() - busy - sum(seconds.values())
    start = {"case": case.name, "machine": case.machine, "time_limit": TIME_LIMIT}
    return {**start, **figures(entry, solver, seconds)}


class Timed:
    """A mapper whose processor time is measured: the clock on the wall tells little on a machine that is shared."""

    def __init__(self, mapper: Mapper) -> None:
        self.mapper, self.name, self.seconds = mapper, mapper.name, 0.0

    def map(self, problem: Problem, budget: Budget, *, on_best: OnBest | None = None) -> Search:
        """Search a mapping with the mapper."""
        start = time.process_time()
        found = self.mapper.map(problem, budget, on_best=on_best)
        self.seconds = time.process_time() - start
        return found


def figures(entry: ComparedLayer, solver: float, seconds: dict[str, float]) -> dict[str, Any]:
    """Return what is kept of a compared layer.

    Parameters
    ----------
    entry : ComparedLayer
        The layer.
    solver : float
        Processor seconds of the solver.
    seconds : dict of str to float
        Those of the mappers. The share of the wall time at which a search came close is taken as that of its
        processor time.
    """
    result = entry.result
    return {
        "status": result.status,
        "gap": result.gap,
        "objective": result.objective,
        "s": round(solver, 3),
        "close_s": _scaled(entry.close_s, solver, result.wall_s),
        "mappers": {
            mapper.name: {
                "distance": mapper.distance,
                "evaluations": mapper.evaluations,
                "s": round(seconds[mapper.name], 3),
                "close_s": _scaled(
                    None if mapper.close is None else mapper.close.seconds,
                    seconds[mapper.name],
                    mapper.wall_s,
                ),
            }
            for mapper in entry.mappers
        },
    }


def _scaled(moment: float | None, processor: float, wall: float) -> float | None:
    return None if moment is None else round(moment * min(1.0, processor / max(wall, 1e-9)), 3)


def line(row: dict[str, Any]) -> str:
    """Return a result in one line."""
    gap = "-" if row["gap"] is None else f"{row['gap']:.2%}"
    distances = [
        f"{name} {'-' if found['distance'] is None else format(found['distance'], '.2%')}"
        for name, found in row["mappers"].items()
    ]
    return f"    {row['status']}, gap {gap}, {row['s']:.1f} s; {', '.join(distances)}"


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return for the solver and every mapper how it did on the layers whose optimum is proven."""
    proven = [row for row in rows if row["status"] == "optimal"]
    result = {"zzcp": _figures([{**row, "distance": 0.0, "evaluations": None} for row in proven])}
    for name in MAPPERS:
        result[name] = _figures([row["mappers"][name] for row in proven])
    return result


def _figures(found: list[dict[str, Any]]) -> dict[str, Any]:
    distances = [entry["distance"] for entry in found if entry["distance"] is not None]
    close = [entry["close_s"] for entry in found if entry["close_s"] is not None]
    mean = geometric_mean(1 + distance for distance in distances)
    return {
        "layers": len(distances),
        "mean": None if mean is None else mean - 1,
        "median": statistics.median(distances) if distances else None,
        "worst": max(distances, default=None),
        "close": len(close),
        "evaluations": geometric_mean(entry["evaluations"] for entry in found if entry["evaluations"]),
        "s": geometric_mean(max(entry["s"], 1e-3) for entry in found),
        "close_s": geometric_mean(max(value, 1e-3) for value in close),
    }


def page(rows: list[dict[str, Any]], suite: int) -> str:
    """Return the part of docs/comparison.md that is measured.

    Parameters
    ----------
    rows : list of dict
        What has been measured, a row per layer.
    suite : int
        Layers of the suite.
    """
    parts = [_sentence(rows, suite), _main_table(rows)]
    machines = sorted({row["machine"] for row in rows if row["status"] == "optimal"})
    if machines:
        parts.append(
            "Geometric means of the distances by machine (layers whose optimum is proven):\n\n"
            + _machine_table(rows, machines)
        )
    return "\n\n".join(parts)


def _sentence(rows: list[dict[str, Any]], suite: int) -> str:
    mapped = [row for row in rows if row["status"] != "infeasible"]
    proven = [row for row in mapped if row["status"] == "optimal"]
    open_ = [row for row in mapped if row["status"] != "optimal"]
    share = ", all of the suite"
    if len(rows) < suite:
        share = f" of the {suite} of the suite, drawn evenly from the networks and the machines"
    text = (
        f"Measured on {len(rows)} layers{share}; {len(rows) - len(mapped)} "
        f"of them fit their machine in no way, which is proven, too. Of the {len(mapped)} others "
        f"{'all' if not open_ else len(proven)} are solved to proven optimality (gap at most {GAP:g}) within "
        f"{TIME_LIMIT:g} s each. Every "
        f"mapper may try {EVALUATIONS:,} candidates; *s* are seconds of a processor, geometric means."
    )
    if open_:
        gaps = [row["gap"] for row in open_ if row["gap"] is not None]
        limits = []
        for name in MAPPERS:
            mean = geometric_mean(
                1 + row["mappers"][name]["distance"]
                for row in open_
                if row["mappers"][name]["distance"] is not None
            )
            if mean is not None:
                limits.append(f"{name} {mean - 1:.1%}")
        worst = f" (gaps up to {max(gaps):.1%})" if gaps else ""
        text += (
            f" The table has the proven ones; on the {len(open_)} others{worst} only limits are known, the geometric "
            f"means of the distances from the lower bounds: {', '.join(limits)}."
        )
    return text


def _main_table(rows: list[dict[str, Any]]) -> str:
    head = ["mapper", "layers", "geometric mean", "median", "worst", "within 1 %", "tried", "s", "s to 1 %"]
    lines = []
    for name, found in summary(rows).items():
        tried = found["evaluations"]
        lines.append(
            [
                f"{name} (proof)" if name == "zzcp" else name,
                str(found["layers"]),
                *("0" if name == "zzcp" else _percent(found[key]) for key in ("mean", "median", "worst")),
                str(found["close"]),
                "-" if tried is None else f"{tried:,.0f}",
                "-" if found["s"] is None else f"{found['s']:.2f}",
                "-" if found["close_s"] is None else f"{found['close_s']:.2f}",
            ]
        )
    return table(head, lines)


def _machine_table(rows: list[dict[str, Any]], machines: list[str]) -> str:
    lines = []
    for machine in machines:
        part = summary([row for row in rows if row["machine"] == machine])
        lines.append(
            [machine, str(part["zzcp"]["layers"]), *(_percent(part[name]["mean"]) for name in MAPPERS)]
        )
    return table(["machine", "layers", *MAPPERS], lines)


def _percent(value: float | None) -> str:
    if value is None:
        return "-"
    return (
        f"{1 + value:,.0f}x"
        if value >= 10
        else f"{max(value, 0.0):.2%}"
        if abs(value) < 1
        else f"{value:.0%}"
    )
