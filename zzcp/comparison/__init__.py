"""The comparison of heuristic mappers with proven optima, under one evaluator."""

from __future__ import annotations

from zzcp.comparison.layers import ComparedLayer, MapperResult, Standing
from zzcp.comparison.result import Comparison, RefutedProofError
from zzcp.comparison.run import compare, compare_layer

__all__ = [
    "ComparedLayer",
    "Comparison",
    "MapperResult",
    "RefutedProofError",
    "Standing",
    "compare",
    "compare_layer",
]
