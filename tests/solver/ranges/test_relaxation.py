"""The linear programs over the multipliers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from subprocess import run

import numpy as np

from zzcp.solver.ranges.multipliers import Budgets, Line, Master
from zzcp.solver.ranges.terms import Term

PROGRAM = Path(__file__).parent / "data" / "endless_program.json"
SECONDS = 120


def solve() -> float:
    """Add the cuts of a program one after the other, and return what the last one promises."""
    data = json.loads(PROGRAM.read_text())
    terms = [Term({}, 0.0, tuple(bounds)) for bounds in data["bounds"]]
    master = Master(terms, data["capacities"], Line(0.0, data["scale"]), Budgets())
    promised = np.inf
    for fixed, slopes in data["cuts"]:
        master.cut(fixed, np.array(slopes))
        promised, weights = master.solve()
        assert (weights >= 0).all()
        for part in range(3):
            shares = [weight for weight, term in zip(weights, terms, strict=False) if part in term.bounds]
            assert sum(shares) <= 1
    return promised


def test_a_program_that_never_ended_is_given_up() -> None:
    """In a process of its own: without a limit GLOP works on it for minutes, and no signal ends it."""
    command = "from tests.solver.ranges.test_relaxation import solve; print(solve())"
    root = Path(__file__).parents[3]
    found = run(
        [sys.executable, "-c", command], cwd=root, timeout=SECONDS, capture_output=True, text=True, check=True
    )
    assert float(found.stdout) < np.inf
