"""What a process has that `benchmarks.solver` copies for every search: all that is imported, and all cases."""

from __future__ import annotations

from multiprocessing.connection import Connection

import numpy as np
from ortools.sat.python import cp_model

import zzcp.solver.optimize
from benchmarks.solver_cases import all_cases
from benchmarks.solver_child import measure

IMPORTED = (np, cp_model, zzcp.solver.optimize)
CASES = all_cases()


def send(pipe: Connection, name: str, what: str, time_limit: float, processor_limit: float) -> None:
    """Send a measurement, in a process of its own."""
    pipe.send(measure(name, what, time_limit, processor_limit))
