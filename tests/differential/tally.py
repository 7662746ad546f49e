"""Comparing cases with zigzag-dse, and counting what was compared."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.differential.cases import Case
from tests.differential.figures import count, differences, our_figures
from tests.differential.zigzag_referee import ZigZagCrash, level_names, load_machine, zigzag_figures
from tests.random_layers import KINDS
from zzcp.cost import ZIGZAG, evaluate

REORDERED = "ZigZag's graph orders the levels of an operand otherwise than the file"


@dataclass
class Tally:
    """What was compared, by machine and kind of layer, and by cause what could not be.

    Attributes
    ----------
    compared : Counter
        Cases by machine and kind of layer.
    figures : int
        Numbers and flags compared.
    skipped : Counter
        Cases in which ZigZag has no figures, by cause.
    different : list
        Cases that differ, with the places.
    """

    compared: Counter[tuple[str, str]] = field(default_factory=Counter)
    figures: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    different: list[tuple[Case, list[str]]] = field(default_factory=list)

    def compare(self, case: Case) -> dict[str, Any] | None:
        """Compare one case; return ZigZag's figures, or None where it has none."""
        accelerator, path = case.machine.accelerator, case.machine.path
        for operand in accelerator.operands:
            names = [memory.name for memory in accelerator.levels(operand)]
            if level_names(load_machine(path), operand) != names:
                self.skipped[REORDERED] += 1
                return None
        try:
            theirs = zigzag_figures(path, case.layer, case.mapping)
        except ZigZagCrash as crash:
            self.skipped[f"ZigZag stops: {crash}"] += 1
            return None
        ours = our_figures(evaluate(accelerator, case.layer, case.mapping, ZIGZAG))
        self.compared[case.machine.family, case.kind] += 1
        self.figures += count(theirs)
        found = list(differences(ours, theirs))
        if found:
            self.different.append((case, found))
        return theirs

    @property
    def cases(self) -> int:
        """Number of cases compared."""
        return self.compared.total()

    def __str__(self) -> str:
        """Return a table with a row per machine and a column per kind of layer, and the counts below it."""
        machines = sorted({machine for machine, _ in self.compared})
        rows = [["", *KINDS, "all"]]
        for machine in machines:
            numbers = [self.compared[machine, kind] for kind in KINDS]
            rows.append([machine, *map(str, numbers), str(sum(numbers))])
        totals = [sum(self.compared[machine, kind] for machine in machines) for kind in KINDS]
        rows.append(["all", *map(str, totals), str(sum(totals))])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows
        ]
        lines += [f"{number} not compared: {cause}" for cause, number in self.skipped.most_common()]
        lines.append(
            f"{self.cases} cases, {self.figures} figures compared, {len(self.different)} cases differ"
        )
        return "\n".join(lines)

    def report(self, most: int = 5) -> str:
        """Return the first few differences with all that is needed to repeat them."""
        return "\n".join(
            f"{case.machine.path.name}: {case.layer!r}\n{case.mapping.to_dict()}\n  "
            + "\n  ".join(found[:10])
            for case, found in self.different[:most]
        )
