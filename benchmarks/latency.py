"""How far the evaluator's latency is from a cycle-level simulation, over thousands of random mappings.

The simulator and the cases are those of the tests (`tests.simulation`). The table and the picture of
docs/latency-error.md are written here. Two processes take about an hour; what has been simulated is kept in the
system's folder for temporary files, so that a run that was stopped goes on where it was, and one with another
evaluator is a matter of minutes.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.simulation.cycles import Run
from tests.simulation.latency_error import GROUPS, LARGE, PARTS, Measured, Names, draw, measure

CASES, QUICK_CASES = 1000, 20
"""Cases per group."""

PRESETS = ("exact", "zigzag")
ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "latency-error.md"
PICTURE = ROOT / "docs" / "images" / "latency-error.png"
SIMULATOR = ("chains", "cycles", "nest", "physics", "streams")

Runs = dict[Names, Run]


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Measure all cases, print the tables, write page and picture, and return the figures."""
    rows = measured(QUICK_CASES if quick else CASES, console)
    figures = summary(rows)
    for table in tables(figures):
        console.print(table)
    if not quick:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), figures), encoding="utf-8")
        PICTURE.parent.mkdir(exist_ok=True)
        draw_picture(rows, PICTURE)
        console.print("written to docs/latency-error.md and docs/images/latency-error.png")
    return figures


# ---- measuring ----------------------------------------------------------------------------------------------------


def measured(cases: int, console: Console) -> list[Measured]:
    """Measure so many cases of every group, in two processes."""
    store = _Store()
    jobs = [(group, seed) for seed in range(cases) for group in GROUPS]
    rows = {}
    with ProcessPoolExecutor(2, initializer=_stand_back) as pool:
        futures = {pool.submit(_measure, *job, store.known.get(job, {})): job for job in jobs}
        finished = as_completed(futures)
        for future in track(finished, "simulating", total=len(jobs), console=console, transient=True):
            job = futures[future]
            rows[job], digest, new = future.result()
            store.add(job, digest, new)
    return [rows[job] for job in jobs]


def _stand_back() -> None:
    """Leave the processor to others where they need it."""
    if hasattr(os, "nice"):
        os.nice(max(0, 10 - os.nice(0)))


def _measure(group: str, seed: int, known: dict[str, Runs]) -> tuple[Measured, str, Runs]:
    """Measure one case; return the runs, too, that are not known yet."""
    case = draw(group, seed)
    before = known.get(case.digest, {})
    case.runs.update(before)
    row = measure(group, seed, case)
    return row, case.digest, {freed: done for freed, done in case.runs.items() if freed not in before}


class _Store:
    """The simulated runs of earlier times, in a file that belongs to this version of the simulator."""

    def __init__(self) -> None:
        sources = [ROOT / "tests" / "simulation" / f"{name}.py" for name in SIMULATOR]
        version = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
        self.path = Path(tempfile.gettempdir()) / f"zzcp-latency-{version}.jsonl"
        self.known: dict[tuple[str, int], dict[str, Runs]] = {}
        for line in self._lines():
            group, seed, digest, runs = line
            into = self.known.setdefault((group, seed), {}).setdefault(digest, {})
            into.update({tuple(freed): Run(*cycles) for freed, cycles in runs})

    def _lines(self) -> Iterator[list[Any]]:
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:  # cut off when it was written
                    continue

    def add(self, job: tuple[str, int], digest: str, new: Runs) -> None:
        """Keep the new runs of a case."""
        if new:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(
                    json.dumps([*job, digest, [[names, cycles] for names, cycles in new.items()]]) + "\n"
                )


# ---- figures ------------------------------------------------------------------------------------------------------


def summary(rows: Sequence[Measured]) -> dict[str, Any]:
    """Return the distribution of the errors, by group and preset, and what the large ones come from."""
    groups = {group: [row for row in rows if row.group == group] for group in GROUPS} | {"all": list(rows)}
    large = [row for row in rows if row.large]
    return {
        "unit": "error relative to the simulated cycles",
        "cases": {group: len(members) for group, members in groups.items()},
        "errors": {
            group: {preset: _distribution(row.error(preset) for row in members) for preset in PRESETS}
            for group, members in groups.items()
        },
        "parts": {
            preset: {part: _distribution(row.part_error(preset, part) for row in rows) for part in PARTS}
            for preset in PRESETS
        },
        "causes": [
            {"causes": causes, "low": low, "high": number - low}
            for causes, number in Counter(row.causes for row in large).most_common()
            for low in [sum(row.error("exact") < 0 for row in large if row.causes == causes)]
        ],
        "large": [
            {
                "group": row.group,
                "seed": row.seed,
                "error": round(row.error("exact"), 4),
                "causes": row.causes,
            }
            for row in large
        ],
    }


def _distribution(errors: Iterable[float]) -> dict[str, float]:
    signed = sorted(errors)
    sizes = sorted(map(abs, signed))
    percentiles = quantiles(sizes, n=100, method="inclusive")
    found = {
        "mean": fmean(sizes),
        "median": percentiles[49],
        "p90": percentiles[89],
        "max": sizes[-1],
        "signed": fmean(signed),
    }
    low, high = (sum(sign * error > LARGE for error in signed) for sign in (-1, 1))
    return {name: round(value, 5) for name, value in found.items()} | {"low": low, "high": high}


# ---- tables -------------------------------------------------------------------------------------------------------

Content = tuple[str, list[str], list[list[str]]]


def contents(figures: dict[str, Any]) -> list[Content]:
    """Return name, headings and rows of all tables."""
    columns = [
        "mean",
        "median",
        "90 % below",
        "max",
        "signed mean",
        f"low by > {LARGE:.0%}",
        f"high by > {LARGE:.0%}",
    ]

    def cells(entry: dict[str, float]) -> list[str]:
        sizes = [f"{100 * entry[key]:.1f} %" for key in ("mean", "median", "p90", "max")]
        return [*sizes, f"{100 * entry['signed']:+.1f} %", str(entry["low"]), str(entry["high"])]

    errors = [
        [group, f"{figures['cases'][group]:,}", preset.upper(), *cells(entry)]
        for group, presets in figures["errors"].items()
        for preset, entry in presets.items()
    ]
    parts = [
        [part, preset.upper(), *cells(figures["parts"][preset][part])[:5]]
        for part in PARTS
        for preset in PRESETS
    ]
    causes = [
        [_joined(entry["causes"]), str(entry["low"] + entry["high"]), str(entry["low"]), str(entry["high"])]
        for entry in figures["causes"]
    ]
    return [
        ("errors", ["machines", "cases", "preset", *columns], errors),
        ("components", ["component", "preset", *columns[:5]], parts),
        ("causes", ["cause", "cases", "low", "high"], causes),
    ]


def _joined(causes: Sequence[str] | None) -> str:
    return "unexplained" if causes is None else " + ".join(causes)


def tables(figures: dict[str, Any]) -> Iterator[Table]:
    """Yield the tables for the screen."""
    for name, headings, rows in contents(figures):
        table = Table(title=f"Latency error: {name}")
        for heading in headings:
            table.add_column(heading, justify="left" if heading in _WORDS else "right")
        for row in rows:
            table.add_row(*row)
        yield table


_WORDS = ("machines", "preset", "component", "cause")


def filled(page: str, figures: dict[str, Any]) -> str:
    """Return a page with its tables renewed: what stands between the markers of each."""
    for name, headings, rows in contents(figures):
        rule = ["---" if heading in _WORDS else "---:" for heading in headings]
        text = "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *rows))
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        before, found, rest = page.partition(begin)
        after = rest.partition(end)[2]
        if not (found and after):
            raise ValueError(f"the page lacks the markers of {name}")
        page = f"{before}{begin}{text}\n{end}{after}"
    return page


# ---- picture ------------------------------------------------------------------------------------------------------

COLOURS = {"exact": "#0072B2", "zigzag": "#E69F00"}  # told apart by the colour-blind, too (Okabe and Ito)
LINES = {"exact": "-", "zigzag": "--"}
HATCHES = {"exact": "", "zigzag": "///"}


def draw_picture(rows: Sequence[Measured], path: Path) -> None:
    """Draw the distribution of the errors of both presets, and what the components add to it."""
    # slow to load, and an extra
    import matplotlib  # noqa: PLC0415

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    _draw_shares(axes[0], rows)
    _draw_histogram(axes[1], rows)
    _draw_parts(axes[2], rows)
    figure.savefig(path, dpi=130, metadata={"Software": None})
    plt.close(figure)


def _draw_shares(axes: Any, rows: Sequence[Measured]) -> None:
    for preset in PRESETS:
        errors = sorted(100 * abs(row.error(preset)) for row in rows)
        shares = [100 * (number + 1) / len(errors) for number in range(len(errors))]
        axes.plot(errors, shares, LINES[preset], color=COLOURS[preset], label=preset.upper(), linewidth=2)
    axes.axvline(100 * LARGE, color="grey", linewidth=1, linestyle=":")
    axes.set_xscale("symlog", linthresh=1)
    ticks = (0, 1, 2, 5, 10, 20, 50, 100)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set(xlim=(0, 200), ylim=(0, 101), xlabel="error of at most (%)", ylabel="cases (%)")
    axes.set_title("How many cases are how near", loc="left")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", frameon=False)


def _draw_histogram(axes: Any, rows: Sequence[Measured]) -> None:
    edges = [-50 + 4 * number for number in range(26)]
    for preset in PRESETS:
        errors = [min(max(100 * row.error(preset), edges[0]), edges[-1]) for row in rows]
        axes.hist(
            errors,
            bins=edges,
            histtype="stepfilled" if preset == "exact" else "step",
            color=COLOURS[preset],
            alpha=0.75 if preset == "exact" else 1,
            linewidth=1.6,
            linestyle=LINES[preset],
            label=preset.upper(),
        )
    axes.set_yscale("log")
    axes.set(
        xlabel="evaluator / simulation − 1 (%); at the right end all beyond 50",
        ylabel="cases",
        xlim=(edges[0], edges[-1]),
    )
    axes.set_title("Too low (left) or too high", loc="left")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right", frameon=False)


def _draw_parts(axes: Any, rows: Sequence[Measured]) -> None:
    """Draw the mean error of every component, upwards where it is too high, downwards where it is too low."""
    for index, preset in enumerate(PRESETS):
        errors = [[100 * row.part_error(preset, part) for row in rows] for part in PARTS]
        places = [number + 0.36 * (index - 0.5) for number in range(len(PARTS))]
        for sign in (1, -1):
            bars = axes.bar(
                places,
                [fmean(sign * max(sign * error, 0) for error in part) for part in errors],
                width=0.34,
                color=COLOURS[preset],
                edgecolor="black",
                linewidth=0.8,
                hatch=HATCHES[preset],
                label=preset.upper() if sign > 0 else None,
            )
            axes.bar_label(bars, fmt="%+.1f", padding=2)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(PARTS)), PARTS)
    axes.margins(y=0.15)
    axes.set(ylabel="mean error (% of all cycles)")
    axes.set_title("By component: too high, too low", loc="left")
    axes.legend(frameon=False)
