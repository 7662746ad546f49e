"""Energy-latency fronts: searches for single points and between them, and what they prove together.

`known` (mappings that no other beats), `proofs` (what is proven, what is open), `supported` (one point for every choice
of weights), `between` with `staircase` (all points between two), `exploration` (which search comes next), and `pareto`,
which returns a `front`.
"""

from zzcp.solver.fronts.supported import Point, WeightedSearch

__all__ = ["Point", "WeightedSearch"]
