"""Tables of the solver's benchmark: distributions, ratios to ZigZag's mappers, and the cases that they beat."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import geometric_mean, median
from typing import Any

from rich.console import Console

from benchmarks.solver_cases import FOUR_KEYS

Record = dict[str, Any]

GAP = 1e-4
SECONDS, EXTREME_SECONDS = 60, 600
"""Limits of a search, and of the extreme case's."""
ROUNDING = 1e-9
"""Relative difference of two EDPs that counts as none: both are sums of floats."""


def report(records: Sequence[Record], console: Console) -> tuple[Record, str]:
    """Print the tables; return their figures, and the same as a part of the documentation."""
    by_what: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_what[record["what"]].append(record)
    searches = [what for what in by_what if what.partition(":")[0] in ("exact", "zigzag")]
    rows = [_distribution(what, by_what[what]) for what in searches]
    ratios = _ratios(by_what)
    never = _never_worse(by_what, ("loma", "salsa"), "referee")
    never_ours = _never_worse(by_what, ("our-",), "edp")
    lines = [*_table(rows), ""]
    if ratios:
        lines += [*_table(ratios), ""]
    lines += _refereed(by_what["zigzag"])
    lines += _compared(never, "ZigZag's own cost model", "ZigZag's LOMA and SALSA")
    lines += _compared(never_ours, "our own evaluator (the figure `edp`)", "our own LOMA and SALSA")
    open_cases = [
        f"- {record['case']}, {record['what']}: {record['status']}"
        + (f", gap {record['gap']:.2e}" if record.get("gap") else "")
        for what in searches
        for record in by_what[what]
        if not _closed(record)
    ]
    if open_cases:
        lines += ["Not closed to 1e-4 in time:", "", *open_cases, ""]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    figures = {"distribution": rows, "ratios": ratios, "never_worse": never, "never_worse_ours": never_ours}
    return figures, "\n".join(lines)


def _closed(record: Record) -> bool:
    if record["status"] == "infeasible":
        return True
    gap = record.get("gap")
    limit = EXTREME_SECONDS if record["case"].endswith(FOUR_KEYS) else SECONDS
    # one thread: what others take of a busy machine does not count
    return gap is not None and gap <= GAP and min(record["wall_s"], record["cpu_s"]) <= limit


def _distribution(what: str, records: Sequence[Record]) -> Record:
    done = [record for record in records if "wall_s" in record]
    wall = sorted(record["wall_s"] for record in done)
    cpu = sorted(record["cpu_s"] for record in done)
    gaps = [record["gap"] for record in done if record.get("gap") is not None]
    return {
        "conventions": what,
        "cases": len(records),
        "closed": sum(map(_closed, records)),
        "median s": round(median(wall), 2),
        "p95 s": round(_quantile(wall, 0.95), 2),
        "max s": round(wall[-1], 1),
        "cpu median s": round(median(cpu), 2),
        "cpu p95 s": round(_quantile(cpu, 0.95), 2),
        "largest gap": f"{max(gaps, default=0):.1e}",
        "peak MB": max(record["peak_mb"] for record in done),
        "status": ", ".join(f"{k} {v}" for k, v in Counter(record["status"] for record in records).items()),
    }


def _quantile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def _ratios(by_what: dict[str, list[Record]]) -> list[Record]:
    """Compare processor times with ZigZag's mappers, case by case."""
    rows = []
    for mine in ("exact", "zigzag"):
        times = {record["case"]: record["cpu_s"] for record in by_what[mine] if "cpu_s" in record}
        for rival in ("loma6", "salsa0"):
            ratios = sorted(
                record["cpu_s"] / times[record["case"]]
                for record in by_what[rival]
                if "cpu_s" in record and times.get(record["case"])
            )
            if ratios:
                rows.append(
                    {
                        "our conventions": mine,
                        "rival": rival,
                        "cases": len(ratios),
                        "their time / ours: median": round(median(ratios), 1),
                        "geometric mean": round(geometric_mean(ratios), 1),
                        "least": round(ratios[0], 2),
                        "greatest": round(ratios[-1], 1),
                    }
                )
    return rows


def _never_worse(by_what: dict[str, list[Record]], prefixes: tuple[str, ...], figure: str) -> Record:
    """Compare the EDPs of our searches under ZigZag's conventions with those of mappers.

    Those of ZigZag's mappers are figures of its cost model, which is also the referee of our mapping; those of our own
    mappers are compared with the exact figure of our result. A layer without a mapping is worse than one with any.
    """
    rivals: dict[str, dict[str, float]] = defaultdict(dict)
    for what, records in by_what.items():
        if what.startswith(prefixes):
            for record in records:
                if record.get("edp") is not None:
                    rivals[record["case"]][what] = record["edp"]
    compared = better = 0
    most = 0.0
    worse = []
    for record in by_what["zigzag"]:
        others = rivals.get(record["case"])
        mine = record.get(figure)
        if others and figure == "edp" and mine is None:
            mine = math.inf
        if not others or not isinstance(mine, int | float):
            continue
        compared += 1
        best = min(others, key=lambda name: others[name])
        gain = 1 - mine / others[best]
        better += gain > ROUNDING
        most = max(most, gain)
        if gain < -ROUNDING:
            worse.append(f"{record['case']}: {mine:.6g} against {others[best]:.6g} of {best}")
    return {
        "compared": compared,
        "rivals": sum(map(len, rivals.values())),
        "better": better,
        "most": most,
        "worse": worse,
    }


def _refereed(records: Sequence[Record]) -> list[str]:
    """Say how many of our mappings cost by ZigZag's cost model what they cost by ours."""
    scored = [record for record in records if isinstance(record.get("referee"), int | float)]
    same = sum(record["referee"] == record["edp"] for record in scored)
    if not scored:
        return []
    return [
        f"ZigZag's own cost model gives {same} of {len(scored)} mappings the EDP that ours does, to the bit.",
        "",
    ]


def _compared(figures: Record, scorer: str, rivals: str) -> list[str]:
    """Return what came of a comparison in words."""
    if not figures["compared"]:
        return []
    return [
        f"Scored by {scorer}: {figures['compared']} mappings under ZigZag's conventions compared "
        f"with {figures['rivals']} results of {rivals}, worse in {len(figures['worse'])}; "
        f"better than the best of them in {figures['better']}, by up to {figures['most']:.1%}.",
        *(f"- worse: {line}" for line in figures["worse"]),
        "",
    ]


def _table(rows: Sequence[Record]) -> list[str]:
    """Return rows as a table in Markdown."""
    if not rows:
        return []
    head = list(rows[0])
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return [*lines, *(f"| {' | '.join(str(row[key]) for key in head)} |" for row in rows)]
