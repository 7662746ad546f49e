"""zzcp: provably optimal mappings of neural-network layers on accelerators, with their exact cost.

Examples
--------
>>> import zzcp
>>> layer = zzcp.Layer.gemm(b=2048, k=4096, c=4096)
>>> layer.macs
34359738368
"""

from importlib.metadata import version as _version

from zzcp.cost import EXACT, ZIGZAG, ZIGZAG_3_0, CostConventions, Evaluation, Evaluator, evaluate
from zzcp.errors import InputError, MappingError, ZzcpError
from zzcp.hardware import Accelerator, Memory, OperationalArray, Port
from zzcp.io import load_accelerator, load_mapping, load_workload
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer, Network

__version__ = _version("zzcp")

__all__ = [
    "EXACT",
    "ZIGZAG",
    "ZIGZAG_3_0",
    "Accelerator",
    "CostConventions",
    "Evaluation",
    "Evaluator",
    "InputError",
    "Layer",
    "Mapping",
    "MappingError",
    "Memory",
    "Network",
    "OperationalArray",
    "Port",
    "SpatialMapping",
    "ZzcpError",
    "__version__",
    "evaluate",
    "load_accelerator",
    "load_mapping",
    "load_workload",
]
