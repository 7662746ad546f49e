"""zzcp: provably optimal mappings of neural-network layers on accelerators, with their exact cost.

Examples
--------
>>> import zzcp
>>> layer = zzcp.Layer.gemm(b=2048, k=4096, c=4096)
>>> layer.macs
34359738368
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zzcp.comparison import Comparison, compare
    from zzcp.cost import EXACT, ZIGZAG, ZIGZAG_3_0, CostConventions, Evaluation, Evaluator, evaluate
    from zzcp.cost.constraints.constrained import constraint_violations
    from zzcp.errors import InputError, MappingError, ZzcpError
    from zzcp.explanations import Explanation, explain
    from zzcp.hardware import Accelerator, Memory, OperationalArray, Port
    from zzcp.io import load_accelerator, load_constraints, load_mapping, load_workload
    from zzcp.mapping import Constraints, Mapping, SpatialMapping
    from zzcp.networks import NetworkResult, optimize_network
    from zzcp.solver import Front, Result, optimize, pareto
    from zzcp.solver.verify import Verification, verify
    from zzcp.sweeps import SweepTable, sweep
    from zzcp.workload import Layer, Network

    __version__: str

__all__ = [
    "EXACT",
    "ZIGZAG",
    "ZIGZAG_3_0",
    "Accelerator",
    "Comparison",
    "Constraints",
    "CostConventions",
    "Evaluation",
    "Evaluator",
    "Explanation",
    "Front",
    "InputError",
    "Layer",
    "Mapping",
    "MappingError",
    "Memory",
    "Network",
    "NetworkResult",
    "OperationalArray",
    "Port",
    "Result",
    "SpatialMapping",
    "SweepTable",
    "Verification",
    "ZzcpError",
    "__version__",
    "compare",
    "constraint_violations",
    "evaluate",
    "explain",
    "load_accelerator",
    "load_constraints",
    "load_mapping",
    "load_workload",
    "optimize",
    "optimize_network",
    "pareto",
    "sweep",
    "verify",
]

_HOMES = {
    "comparison": ("Comparison", "compare"),
    "cost": ("EXACT", "ZIGZAG", "ZIGZAG_3_0", "CostConventions", "Evaluation", "Evaluator", "evaluate"),
    "cost.constraints.constrained": ("constraint_violations",),
    "errors": ("InputError", "MappingError", "ZzcpError"),
    "explanations": ("Explanation", "explain"),
    "hardware": ("Accelerator", "Memory", "OperationalArray", "Port"),
    "io": ("load_accelerator", "load_constraints", "load_mapping", "load_workload"),
    "mappers": (),
    "mapping": ("Constraints", "Mapping", "SpatialMapping"),
    "networks": ("NetworkResult", "optimize_network"),
    "solver": ("Front", "Result", "optimize", "pareto"),
    "sweeps": ("SweepTable", "sweep"),
    "solver.verify": ("Verification", "verify"),
    "workload": ("Layer", "Network"),
}
"""Where the names live. They are imported when first used: ``zzcp --help`` needs none of them."""


def _load(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("zzcp")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"zzcp.{home}"), name)
    if name in _HOMES:
        return import_module(f"zzcp.{name}")
    raise AttributeError(f"module 'zzcp' has no attribute {name!r}")


if not TYPE_CHECKING:  # a type checker must not take every attribute for granted

    def __getattr__(name: str) -> Any:
        value = globals()[name] = _load(name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
