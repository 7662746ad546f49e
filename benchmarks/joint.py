"""The joint search on ordinary layers: what it proves, in what time, and what the full unrolling costs beside it.

Every pair of a machine and a layer is searched in a process of its own, with a limit of processor time. What has been
measured is kept in results/joint.jsonl, a line per pair, so that a run that was stopped goes on where it was; the
tables in docs/joint.md are written from all of it.
"""

from __future__ import annotations

import math
import statistics
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from benchmarks.cases import bundled_machines, own_machines
from benchmarks.joint_cases import LAYERS, PRODUCT_MACHINES, PRODUCTS
from benchmarks.pages import PAGE, replace_part, table
from benchmarks.resumable import RESULTS, Record, Row, in_child

JOINT = PAGE.with_name("joint.md")
QUICK = (("gemmini_like", "conv 1x1 144-24 56x56"), ("gemmini_like", "gemm 512^3"))
SECONDS, SAMPLED = 60.0, 30
"""Seconds of processor time for a search, and unrollings per ordinary layer that are proven by themselves."""
RECORD = Record(
    RESULTS / "joint.jsonl", lambda row: (row["machine"], row["layer"]), lambda row: row["seconds"] == SECONDS
)
"""What has been measured under this limit."""


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    group = parser.add_argument_group("joint")
    group.add_argument("--pairs", metavar="TEXT", help="only pairs whose machine or layer holds a text")
    group.add_argument(
        "--sampled", type=int, default=SAMPLED, metavar="N", help="unrollings that are proven by themselves"
    )


def run(*, quick: bool, console: Console, options: Namespace | None = None) -> dict[str, Any]:
    """Search the pairs that have not been searched yet, and write the tables of all into the page."""
    text = None if options is None else options.pairs
    sampled = SAMPLED if options is None else options.sampled
    wanted = [
        (machine, layer)
        for machine, layer in (QUICK if quick else pairs())
        if not text or text in machine or text in layer
    ]

    def searched(pair: tuple[str, str]) -> Row:
        machine, layer = pair
        return measure(machine, layer, 2 if quick else sampled if layer in LAYERS else 0)

    rows = RECORD.completed(wanted, searched, console, line, quick=quick)
    every = [rows[pair] for pair in (QUICK if quick else pairs()) if pair in rows]
    page = "\n\n".join(
        [
            summary([row for row in every if row["layer"] in LAYERS], len(own_and_bundled()) * len(LAYERS)),
            *([of_pairs(every)] if every else []),
            summary(
                [row for row in every if row["layer"] in PRODUCTS], len(PRODUCT_MACHINES) * len(PRODUCTS)
            ),
            *of_products([row for row in every if row["layer"] in PRODUCTS]),
        ]
    )
    console.print(page, highlight=False, markup=False)
    if not quick:
        replace_part("joint", page, JOINT)
        console.print("written to docs/joint.md")
    return {"seconds": SECONDS, "rows": every}


def own_and_bundled() -> list[str]:
    """Return the names of the machines: those of this project, and those that zigzag-dse bundles under other names."""
    return list(dict.fromkeys([*own_machines(), *bundled_machines()]))


def pairs() -> list[tuple[str, str]]:
    """Return the pairs of a machine and a layer."""
    ordinary = [(machine, layer) for machine in own_and_bundled() for layer in LAYERS]
    return [*ordinary, *((machine, layer) for machine in PRODUCT_MACHINES for layer in PRODUCTS)]


def measure(machine: str, layer: str, sampled: int) -> Row:
    """Search a pair in a process of its own."""
    row: Row = in_child(f"{machine}, {layer}", "joint_child", machine, layer, SECONDS, sampled)
    return row


def line(row: Row) -> str:
    """Return one line about a pair."""
    gap = "no mapping" if row["gap"] is None else f"gap {row['gap']:.1e}"
    return (
        f"{row['machine']}, {row['layer']}: {row['status']}, {gap}, {row['cpu_s']:.1f} s, {row['peak_mb']} MB"
    )


def is_proven(row: Row) -> bool:
    """Return whether the search of a pair is closed."""
    return row["status"] in ("optimal", "infeasible")


def one_by_one(row: Row) -> float | None:
    """Return the seconds that the proofs of all distinct unrollings would take, from those of some."""
    return statistics.mean(row["alone_s"]) * row["distinct"] if row["alone_s"] else None


def summary(rows: Sequence[Row], wanted: int) -> str:
    """Return what holds of all pairs."""
    if not rows:
        return f"None of {wanted} pairs has been searched yet."
    times = [row["cpu_s"] for row in rows]
    proven = sum(map(is_proven, rows))
    parts = [
        f"{len(rows)} of {wanted} pairs were searched; {proven} are proven within {SECONDS:.0f} s of processor time "
        f"({proven / len(rows):.0%}). Median {statistics.median(times):.1f} s, longest {max(times):.0f} s, "
        f"most memory {max(row['peak_mb'] for row in rows):,} MB"
    ]
    first = [row["first_s"] for row in rows if row["first_s"] is not None]
    if first:
        parts.append(
            f"; the first mapping is there after {statistics.median(first):.1f} s, at most {max(first):.1f} s"
        )
    single = [(seconds, row["cpu_s"]) for row in rows if (seconds := one_by_one(row)) is not None]
    if single:
        ratio = sum(seconds for seconds, _ in single) / sum(joint for _, joint in single)
        parts.append(f". One after the other, all distinct unrollings would take {ratio:,.0f} times as long")
    return "".join(parts) + "."


def of_pairs(rows: Sequence[Row]) -> str:
    """Return the table of ordinary layers."""
    head = [
        "machine",
        "layer",
        "unrollings",
        "relaxed",
        "searched",
        "cpu s",
        "gap",
        "full / best",
        "one by one",
    ]
    return table(head, [cells(row) for row in rows if row["layer"] in LAYERS])


def cells(row: Row) -> list[str]:
    """Return the row of a pair."""
    single = one_by_one(row)
    best, full = row["best"], row["full"]
    ratio = "" if best is None else "no mapping" if full is None else f"{full / best:.2f}"
    return [
        row["machine"],
        row["layer"],
        f"{row['unrollings']:,}",
        f"{row['relaxed']:,}",
        f"{row['searched']:,}",
        f"{row['cpu_s']:.1f}",
        "no mapping" if row["gap"] is None else f"{row['gap']:.1e}",
        ratio,
        "" if single is None else duration(single),
    ]


def of_products(rows: Sequence[Row]) -> list[str]:
    """Return the table of the products of language models, a row per machine and model."""
    if not rows:
        return []
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["machine"], row["layer"].split()[0]), []).append(row)
    head = ["machine", "model", "products", "proven", "median cpu s", "longest cpu s", "largest gap"]
    return [
        table(
            head,
            [
                [
                    machine,
                    model,
                    str(len(some)),
                    str(sum(map(is_proven, some))),
                    f"{statistics.median(row['cpu_s'] for row in some):.1f}",
                    f"{max(row['cpu_s'] for row in some):.1f}",
                    f"{max((row['gap'] for row in some if row['gap'] is not None), default=math.nan):.1e}",
                ]
                for (machine, model), some in found.items()
            ],
        )
    ]


def duration(seconds: float) -> str:
    """Return a time in its largest unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.1f} s"
