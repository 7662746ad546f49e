"""Mapping: spatial unrolling, loop order, memory allocation and buffering of one layer on one accelerator."""

from zzcp.mapping.check import Structure, check_structure
from zzcp.mapping.constraints import Constraints, LayerConstraints
from zzcp.mapping.mapping import Loop, Mapping
from zzcp.mapping.spatial import SpatialMapping

__all__ = [
    "Constraints",
    "LayerConstraints",
    "Loop",
    "Mapping",
    "SpatialMapping",
    "Structure",
    "check_structure",
]
