"""Hardware: the operational array, the memories around it and the ports between them."""

from zzcp.hardware.accelerator import Accelerator
from zzcp.hardware.array import InMemoryComputing, OperationalArray
from zzcp.hardware.imc import clock_period
from zzcp.hardware.memory import Allocation, Costing, Direction, Memory, Port, PortType

__all__ = [
    "Accelerator",
    "Allocation",
    "Costing",
    "Direction",
    "InMemoryComputing",
    "Memory",
    "OperationalArray",
    "Port",
    "PortType",
    "clock_period",
]
