"""Checks of the arguments that evaluator, solver and mappers have in common."""

from __future__ import annotations

from zzcp.checks import instance, pairs
from zzcp.cost.conventions import CostConventions
from zzcp.hardware import Accelerator
from zzcp.workload import Layer


def not_counted(accelerator: Accelerator, conventions: CostConventions) -> list[str]:
    """Return in words what a machine states and some conventions do not count."""
    found = []
    if not conventions.knows_more:
        stated = {
            "leakage": accelerator.leakage,
            "systolic_refill": accelerator.stationary,
            "cycles_per_op": accelerator.array.cycles_per_op > 1,
        }
        found += [field for field, value in stated.items() if value]
        found += [f"precision of {memory.name}" for memory in accelerator.memories if memory.precision]
        found += [
            f"shared_along of {memory.name}.{port.name}"
            for memory in accelerator.memories
            for port in memory.ports
            if port.shared_along
        ]
    if not conventions.keeps_overlap:
        found += [
            f"keeps_overlap of {memory.name}" for memory in accelerator.memories if memory.keeps_overlap
        ]
    return found


def check_setting(accelerator: object, layer: object, conventions: object, links: object = None) -> None:
    """Check that what runs on what, and how it is counted, have the right types.

    Raises
    ------
    InputError
        If something has not.
    """
    instance(accelerator, Accelerator, "accelerator", "an Accelerator, as load_accelerator returns it")
    instance(layer, Layer, "layer")
    instance(conventions, CostConventions, "conventions", "a CostConventions such as zzcp.EXACT")
    if links is not None:
        expected = "a dictionary of operands and memory operands"
        for operand, memory_operand in pairs(links, "links", expected).items():
            instance(memory_operand, str, f"link of {operand}", "I1, I2 or O")
