"""Solver: the optimal mapping as a CP-SAT model over the tile chain. The only package that imports ortools."""

from zzcp.solver.front import Front, FrontPoint
from zzcp.solver.optimize import optimize
from zzcp.solver.pareto import pareto
from zzcp.solver.result import Diagnosis, Progress, Result, Shortage

__all__ = ["Diagnosis", "Front", "FrontPoint", "Progress", "Result", "Shortage", "optimize", "pareto"]
