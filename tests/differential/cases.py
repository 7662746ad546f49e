"""Random cases for the comparison with zigzag-dse: a machine, a layer and a valid mapping, from one seed."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from tests.differential.figures import count, differences, our_figures
from tests.differential.zigzag_referee import (
    BUNDLED,
    ZigZagCrash,
    level_names,
    load_machine,
    zigzag_figures,
)
from tests.generators import KINDS, random_accelerator, random_layer, random_mapping, random_spatial
from zzcp import load_accelerator
from zzcp.cost import ZIGZAG, evaluate
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.io import accelerator_to_yaml
from zzcp.mapping import Mapping
from zzcp.workload import Layer

MAX_CYCLES = 20_000
"""Longest run without stalls: ZigZag lays out every cycle of a run in memory."""
SWAPPED = {"W": "I1", "I": "I2", "O": "O"}


@dataclass(frozen=True)
class Case:
    """A machine (its name, file and our reading), a kind of layer, a layer and its mapping."""

    machine: str
    path: Path
    accelerator: Accelerator
    kind: str
    layer: Layer
    mapping: Mapping


def bundled_machines() -> dict[str, tuple[Path, Accelerator]]:
    """Return the machines that zigzag-dse bundles: file and our reading, by file name."""
    return {path.stem: (path, _read(path)) for path in sorted(BUNDLED.glob("*.yaml"))}


def random_machines(folder: Path, number: int, seed: int = 0) -> dict[str, tuple[Path, Accelerator]]:
    """Return random machines, written to a folder so that ZigZag can read them."""
    machines = {}
    for index in range(number):
        name = f"random_{index:03}"
        path = folder / f"{name}.yaml"
        path.write_text(accelerator_to_yaml(random_accelerator(Random(f"{seed} {name}"), name)))
        machines[name] = (path, _read(path))
    return machines


@lru_cache(maxsize=None)
def _read(path: Path) -> Accelerator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one bundled file has ports in an old form
        return load_accelerator(path)


def draw_case(
    seed: object, machine: str, path: Path, accelerator: Accelerator, kind: str, max_cycles: int = MAX_CYCLES
) -> Case | None:
    """Return a random case for a machine and a kind of layer; None where nothing that was tried fits."""
    rng = Random(f"{seed} {machine} {kind}")
    for _ in range(100):
        layer = random_layer(rng, kind)
        spatial = random_spatial(rng, accelerator, layer)
        if spatial.cycles(layer) > max_cycles:
            continue
        links = SWAPPED if len(layer.inputs) == 2 and rng.random() < 0.05 else None
        mapping = random_mapping(rng, accelerator, layer, spatial, links=links)
        if mapping is not None:
            return Case(machine, path, accelerator, kind, layer, mapping)
    return None


@dataclass
class Tally:
    """What a run compared: counts by machine, by kind and by cause of what could not be compared."""

    cases: Counter[tuple[str, str]] = field(default_factory=Counter)
    figures: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    different: list[tuple[Case, list[str]]] = field(default_factory=list)

    def compare(self, case: Case) -> dict[str, Any] | None:
        """Compare one case; return ZigZag's figures, or None where there is nothing to compare."""
        for operand in case.accelerator.operands:
            names = [memory.name for memory in case.accelerator.levels(operand)]
            if level_names(load_machine(case.path), operand) != names:
                self.skipped["ZigZag orders the levels of an operand differently"] += 1
                return None
        try:
            theirs = zigzag_figures(case.path, case.layer, case.mapping)
        except ZigZagCrash as crash:
            self.skipped[f"ZigZag: {crash}"] += 1
            return None
        ours = our_figures(evaluate(case.accelerator, case.layer, case.mapping, ZIGZAG))
        self.cases[case.machine.split("_0")[0].split("_1")[0], case.kind] += 1
        self.figures += count(theirs)
        found = list(differences(ours, theirs))
        if found:
            self.different.append((case, found))
        return theirs

    def __str__(self) -> str:
        """Return a table: a row per machine, a column per kind of layer."""
        machines = sorted({machine for machine, _ in self.cases})
        rows = [["", *KINDS, "all"]]
        for machine in machines:
            numbers = [self.cases[machine, kind] for kind in KINDS]
            rows.append([machine, *map(str, numbers), str(sum(numbers))])
        totals = [sum(self.cases[machine, kind] for machine in machines) for kind in KINDS]
        rows.append(["all", *map(str, totals), str(sum(totals))])
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows
        ]
        lines += [f"{number} not compared: {cause}" for cause, number in self.skipped.most_common()]
        lines.append(f"{self.figures} figures compared, {len(self.different)} cases differ")
        return "\n".join(lines)


def case_stream(machines: dict[str, tuple[Path, Accelerator]], seed: int) -> Iterator[Case]:
    """Yield cases without end, machine by machine and kind by kind, over and over."""
    number = 0
    while True:
        for kind in KINDS:
            for name, (path, accelerator) in machines.items():
                if kind == "one_input" and accelerator.array.in_memory_computing:
                    continue  # such an array computes with weights only
                case = draw_case(f"{seed} {number}", name, path, accelerator, kind)
                if case is not None:
                    yield case
        number += 1
