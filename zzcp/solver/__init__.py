"""Solver: the best mapping of a layer, with a proof. The only package that imports ortools.

The rooms, in the order in which they build on each other: `lattice` (what a mapping is to the solver), `ranges` (the
search by ranges of energy), `cpsat` (the CP-SAT model), `search` (incumbent, bound and clock, and the order of the
stages), `constrained` (constraints, and why there is no mapping), `fronts` (energy against latency: `pareto`). At the
top: `optimize`, `verify`, and the `result` that both return.
"""

from zzcp.solver.fronts.front import Front, FrontPoint
from zzcp.solver.fronts.pareto import pareto
from zzcp.solver.optimize import optimize
from zzcp.solver.result import Diagnosis, Progress, Result, Shortage

__all__ = ["Diagnosis", "Front", "FrontPoint", "Progress", "Result", "Shortage", "optimize", "pareto"]
