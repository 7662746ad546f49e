"""What leakage costs the search: the table of docs/performance-solver.md.

Every machine of this project leaks as much as makes a fifth of the energy of the optimum without leakage.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from rich.console import Console

from benchmarks.cases import own_machines
from benchmarks.energies import LAYERS
from benchmarks.pages import PAGE, replace_part, table
from zzcp import Accelerator, Layer, Result, optimize
from zzcp.mapping import SpatialMapping
from zzcp.mapping.default import default_spatial

PERFORMANCE = PAGE.with_name("performance-solver.md")
SHARE = 0.25
"""Leakage beside all other energy, at the optimum without it."""
TIMES = 7
"""How often each search is run, by turns; the shortest counts."""
SECONDS = 120.0
"""Limit of a search."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A layer on a machine, without leakage and with it.

    Parameters
    ----------
    machine, layer : str
        What is searched.
    plain, leaking : Result
        What is found.
    plain_s, leaking_s : float
        Seconds of processor time.
    """

    machine: str
    layer: str
    plain: Result
    leaking: Result
    plain_s: float
    leaking_s: float

    @property
    def ratio(self) -> float:
        """How much longer the search with leakage takes."""
        return self.leaking_s / self.plain_s


def leaky(accelerator: Accelerator, result: Result) -> Accelerator:
    """Return a machine whose array leaks a share of the energy of a mapping."""
    assert result.evaluation is not None
    energy, cycles = result.evaluation.energy.total, result.evaluation.latency.total
    array = replace(accelerator.array, leakage=float(f"{SHARE * energy / cycles:.4g}"))
    return replace(accelerator, array=array)


def measure(name: str, accelerator: Accelerator, layer: Layer) -> Pair | None:
    """Search one layer with and without leakage by turns; None if it has no mapping."""
    spatial = default_spatial(accelerator, layer)
    plain, _ = _search(accelerator, layer, spatial)  # what is set up once must not count
    if plain.mapping is None:
        return None
    other = leaky(accelerator, plain)
    runs = [(_search(accelerator, layer, spatial), _search(other, layer, spatial)) for _ in range(TIMES)]
    return Pair(
        name,
        layer.name,
        plain,
        runs[0][1][0],
        min(seconds for (_, seconds), _ in runs),
        min(seconds for _, (_, seconds) in runs),
    )


def _search(accelerator: Accelerator, layer: Layer, spatial: SpatialMapping) -> tuple[Result, float]:
    started = time.process_time()
    result = optimize(accelerator, layer, "edp", spatial=spatial, time_limit=SECONDS)
    return result, time.process_time() - started


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Search by turns, print the table, and write it into the page."""
    pairs = []
    machines = {name: read for name, (_, read) in own_machines().items()}
    for name, accelerator in list(machines.items())[:: 4 if quick else 1]:
        for title, layer in LAYERS.items():
            pair = measure(name, accelerator, replace(layer, name=title))
            if pair is not None:
                pairs.append(pair)
                console.print(*_row(pair), highlight=False, soft_wrap=True)
    ratios = sorted(pair.ratio for pair in pairs)
    text = table(
        ["machine", "layer", "without, s", "with, s", "times", "gap"], [_row(pair) for pair in pairs]
    )
    text += (
        f"\n\nMedian {median(ratios):.2f} times, at most {ratios[-1]:.2f}; "
        f"{sum(ratio > 1.2 for ratio in ratios)} of {len(ratios)} above 1.2."
    )
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    if not quick:
        replace_part("leakage", text, PERFORMANCE)
        console.print("written to docs/performance-solver.md")
    return {"leakage": [_data(pair) for pair in pairs]}


def _row(pair: Pair) -> list[str]:
    return [
        pair.machine,
        pair.layer,
        f"{pair.plain_s:.2f}",
        f"{pair.leaking_s:.2f}",
        f"{pair.ratio:.2f}",
        f"{pair.leaking.gap or 0:.1e}",
    ]


def _data(pair: Pair) -> dict[str, Any]:
    return {
        "machine": pair.machine,
        "layer": pair.layer,
        "seconds": [pair.plain_s, pair.leaking_s],
        "gap": [pair.plain.gap, pair.leaking.gap],
    }
