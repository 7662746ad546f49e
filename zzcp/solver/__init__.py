"""Solver: the best mapping of a layer, with a proof. The only package that imports ortools.

The rooms, in the order in which they build on each other: `lattice` (what a mapping is to the solver), `ranges` (the
search by ranges of energy), `cpsat` (the CP-SAT model), `search` (incumbent, bound and clock, and the order of the
stages), `constrained` (constraints, and why there is no mapping), `fronts` (the best mappings for weights of energy
and latency). At the top: `optimize`, `pareto` with its `front`, `verify`, and the `result` that all of them return.
"""

from zzcp.solver.front import Front, FrontPoint
from zzcp.solver.optimize import optimize
from zzcp.solver.pareto import pareto
from zzcp.solver.result import Diagnosis, Progress, Result, Shortage

__all__ = ["Diagnosis", "Front", "FrontPoint", "Progress", "Result", "Shortage", "optimize", "pareto"]
