"""Solver: the optimal mapping as a CP-SAT model over the tile chain. The only package that imports ortools."""

from zzcp.solver.optimize import optimize
from zzcp.solver.result import Diagnosis, Progress, Result, Shortage

__all__ = ["Diagnosis", "Progress", "Result", "Shortage", "optimize"]
