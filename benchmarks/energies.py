"""Energies in other units: does a factor change anything but the optimum? The table of docs/formulation.md.

All energies of a machine are multiplied by one random factor from 1e-15 to 1e15, which leaves 15 to 17 digits of each.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from random import Random
from statistics import median
from typing import Any

from rich.console import Console

from benchmarks.cases import bundled_machines, own_machines
from benchmarks.pages import PAGE, replace_part, table
from zzcp import EXACT, ZIGZAG, Accelerator, CostConventions, Layer, Result, optimize
from zzcp.mapping import SpatialMapping
from zzcp.mapping.default import default_spatial

FORMULATION = PAGE.with_name("formulation.md")
LAYERS = {
    "conv": Layer.conv(k=64, c=64, oy=14, ox=14, fy=3, fx=3, padding=1),
    "depthwise": Layer.depthwise(g=96, oy=28, ox=28, fy=3, fx=3, padding=1),
    "gemm": Layer.gemm(b=96, k=128, c=64),
}
FACTORS = 3
"""Factors per machine, layer and conventions."""
SECONDS = 60.0
"""Limit of a search."""


@dataclass(frozen=True, slots=True)
class Searched:
    """A search and the processor time that it took."""

    result: Result
    seconds: float


@dataclass(frozen=True, slots=True)
class Rescaled:
    """A machine with one layer, as its file states the energies, and multiplied by factors.

    Parameters
    ----------
    machine, conventions : str
        What is searched.
    plain : Searched
        With the energies of the file.
    scaled : tuple of (float, Searched)
        Factors, and the searches.
    """

    machine: str
    conventions: str
    plain: Searched
    scaled: tuple[tuple[float, Searched], ...]

    @property
    def ratio(self) -> float:
        """Median of the times of the scaled searches over that of the plain one."""
        return median(found.seconds for _, found in self.scaled) / self.plain.seconds

    @property
    def largest_gap(self) -> float:
        """Largest gap of the scaled searches."""
        return max(found.result.gap or 0.0 for _, found in self.scaled)

    @property
    def deviation(self) -> float:
        """Largest relative distance of a scaled optimum from the optimum scaled."""
        plain = self.plain.result.objective or 0.0
        return max(abs((found.result.objective or 0.0) / factor / plain - 1) for factor, found in self.scaled)


def with_energies(accelerator: Accelerator, change: Callable[[float], float]) -> Accelerator:
    """Return a machine with other energies.

    Parameters
    ----------
    accelerator : Accelerator
        The machine; not one that computes in memory, where energies follow from formulas.
    change : callable
        Returns an energy for each that the machine has.
    """
    memories = tuple(
        replace(memory, read_energy=change(memory.read_energy), write_energy=change(memory.write_energy))
        for memory in accelerator.memories
    )
    array = replace(accelerator.array, unit_energy=change(accelerator.array.unit_energy))
    return replace(accelerator, memories=memories, array=array)


def machines() -> dict[str, Accelerator]:
    """Return the machines of this project, and those of zigzag-dse where it is installed, by name."""
    found = (
        {f"zigzag-dse/{name}": read for name, (_, read) in bundled_machines().items()} if _zigzag() else {}
    )
    found |= {name: read for name, (_, read) in own_machines().items()}
    return {name: read for name, read in found.items() if read.array.in_memory_computing is None}


def _zigzag() -> bool:
    return find_spec("zigzag") is not None


def random_factor(rng: Random) -> float:
    """Return a factor from 1e-15 to 1e15 with as many digits as a float has."""
    return float(10 ** rng.uniform(-15, 15))


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Search with and without factors, print the table, and write it into the formulation."""
    rows = []
    for name, accelerator in list(machines().items())[:: 6 if quick else 1]:
        for conventions in (EXACT, ZIGZAG):
            for layer in list(LAYERS.values())[: 1 if quick else None]:
                row = measure(name, accelerator, layer, conventions)
                if row is None:
                    continue
                rows.append(row)
                console.print(_line(row), highlight=False, soft_wrap=True)
    text = table(["machine", "searches", "largest gap", "largest deviation", "time"], list(_summary(rows)))
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    if not quick:
        replace_part("energies", text, FORMULATION)
        console.print("written to docs/formulation.md")
    return {"energies": [_data(row) for row in rows]}


def measure(
    name: str, accelerator: Accelerator, layer: Layer, conventions: CostConventions
) -> Rescaled | None:
    """Search one layer on a machine, and on the machine with all energies times a factor; None if it does not fit."""
    rng = Random(f"{name} {layer} {conventions.name}")
    spatial = default_spatial(accelerator, layer)
    factors = [random_factor(rng) for _ in range(FACTORS)]
    # what is set up once must not count
    if _search(accelerator, layer, spatial, conventions).result.mapping is None:
        return None
    plain = _search(accelerator, layer, spatial, conventions)
    scaled = [
        (
            factor,
            _search(
                with_energies(accelerator, lambda energy, by=factor: energy * by), layer, spatial, conventions
            ),
        )
        for factor in factors
    ]
    return Rescaled(name, conventions.name, plain, tuple(scaled))


def _search(
    accelerator: Accelerator, layer: Layer, spatial: SpatialMapping, conventions: CostConventions
) -> Searched:
    started = time.process_time()
    result = optimize(accelerator, layer, "edp", spatial=spatial, conventions=conventions, time_limit=SECONDS)
    return Searched(result, time.process_time() - started)


def _line(row: Rescaled) -> str:
    return (
        f"{row.machine} {row.conventions}: {row.plain.seconds:.2f} s, times {row.ratio:.2f}, "
        f"gap {row.largest_gap:.1e} ({row.plain.result.gap:.1e} before), deviation {row.deviation:.1e}"
    )


def _summary(rows: list[Rescaled]) -> list[list[str]]:
    """Return a row of the table for every machine, and one for all."""
    names = list(dict.fromkeys(row.machine for row in rows))
    groups = [(name, [row for row in rows if row.machine == name]) for name in names]
    return [
        [
            name,
            str(sum(len(row.scaled) for row in some)),
            f"{max(row.largest_gap for row in some):.1e}",
            f"{max(row.deviation for row in some):.1e}",
            f"{median(row.ratio for row in some):.2f}",
        ]
        for name, some in [*groups, ("all", rows)]
    ]


def _data(row: Rescaled) -> dict[str, Any]:
    return {
        "machine": row.machine,
        "conventions": row.conventions,
        "seconds": row.plain.seconds,
        "gap": row.plain.result.gap,
        "scaled": [
            {"factor": factor, "seconds": found.seconds, "gap": found.result.gap}
            for factor, found in row.scaled
        ],
    }
