"""Small problems for tests of mappers."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.machines import machine
from tests.solver.brute_force import random_case
from zzcp import EXACT, ZIGZAG, CostConventions, Layer, SpatialMapping
from zzcp.mappers import Problem

SPATIAL = SpatialMapping.from_dict({"D1": {"K": 4}, "D2": {"C": 2}})
OWN = ("loma", "salsa", "random", "genetic", "greedy")
"""The mappers of our own writing."""
QUICK = {
    "salsa": {"iterations": 30, "chains": 4},
    "random": {"samples": 300, "batch": 64},
    "genetic": {"population": 20, "generations": 10},
}
"""Options with which they end soon."""


def problem(objective: str = "edp", conventions: CostConventions = EXACT) -> Problem:
    """Return a matrix product on a machine that everybody can map."""
    layer = Layer.gemm(b=24, k=16, c=36)
    return Problem(machine(), layer, SPATIAL, objective, conventions)  # type: ignore[arg-type]


def tiny_problems(number: int, most: int = 3000) -> Iterator[Problem]:
    """Yield random problems with at most so many mappings."""
    for place in range(number):
        case = random_case(Random(f"mappers {place}"), most)
        for conventions in (EXACT, ZIGZAG):
            yield Problem(case.accelerator, case.layer, case.spatial, conventions=conventions)
