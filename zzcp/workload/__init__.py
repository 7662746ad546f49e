"""Workload: layers as loop nests over tensors, and networks of them."""

from zzcp.workload.equation import DimensionRelation, Equation
from zzcp.workload.layer import Layer
from zzcp.workload.network import Network, SkippedNode

__all__ = ["DimensionRelation", "Equation", "Layer", "Network", "SkippedNode"]
