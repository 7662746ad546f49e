"""Energy-latency fronts: `supported` finds the points on the convex hull, one for every choice of weights."""

from zzcp.solver.fronts.supported import Point, WeightedSearch, supported_point

__all__ = ["Point", "WeightedSearch", "supported_point"]
