"""Where ZigZag would use another unrolling than a mapping file says.

Source: ``SpatialMappingGeneratorStage`` of zigzag-dse 3.9.1, ``limit_unrolling_to_mem_bandwidth`` and
``limit_unrolling_to_mem_capacity``. A factor of a dimension that changes an operand's data is cut to the elements that
the port of the innermost memory carries at once, array dimension by array dimension; a dimension whose factors come to
more than its iterations is taken off array dimensions (``SpatialMapping.check_and_reduce``); if the innermost memory
cannot hold an element for each of its lanes, the factors shrink further.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from zzcp.hardware import Accelerator, Direction, Memory
from zzcp.mapping.spatial import SpatialMapping
from zzcp.workload import Layer


def zigzag_cuts(
    accelerator: Accelerator, layer: Layer, spatial: SpatialMapping, links: Mapping[str, str] | None = None
) -> list[str]:
    """Return in words what ZigZag would cut of an unrolling that a file gives; nothing where it would use it as it is.

    Parameters
    ----------
    accelerator, layer, spatial
        What runs where, in which unrolling.
    links : mapping of str to str, optional
        Memory operand of every operand.
    """
    own = dict(layer.default_links) | dict(links or {})
    operand_of = {memory: operand for operand, memory in own.items()}
    factors = {(name, dim): factor for name, dim, factor in spatial}
    found: list[str] = []
    for memory in _innermost(accelerator):
        for memory_operand in memory.operands:
            operand = operand_of.get(memory_operand)
            if operand is None or not layer.precision[operand]:
                continue
            found += _narrow(memory, memory_operand, operand, layer, factors)
    for dim, size in layer.sizes.items():
        there = [factor for (_, name), factor in factors.items() if name == dim]
        if math.prod(there) > size:
            whole = " x ".join(map(str, there))
            found.append(f"{dim} {whole} to fewer array dimensions: it has {size:,} iterations")
    for memory in _innermost(accelerator):
        found += _small(memory, operand_of, layer, factors)
    return found


def _innermost(accelerator: Accelerator) -> Iterator[Memory]:
    """Yield the memories that are above no other."""
    for memory in accelerator.memories:
        if all(accelerator.level_of(memory, operand) == 0 for operand in memory.operands):
            yield memory


def _narrow(
    memory: Memory, memory_operand: str, operand: str, layer: Layer, factors: dict[tuple[str, str], int]
) -> Iterator[str]:
    """Cut factors to what a port carries at once, and yield what is cut."""
    output = operand == layer.equation.output
    port = memory.port(memory_operand, Direction.FROM_BELOW if output else Direction.TO_BELOW)
    if port is None:
        return
    most = port.bandwidth_max // layer.precision[operand]
    for (name, dim), factor in list(factors.items()):
        if name in memory.served_dimensions and dim in _changing(layer, operand) and factor > most:
            factors[name, dim] = most
            yield (
                f"{dim} {factor} on {name} to {most}: {memory.name} carries {port.bandwidth_max:,} bits of {operand} "
                f"a cycle"
            )


def _small(
    memory: Memory, operand_of: Mapping[str, str], layer: Layer, factors: Mapping[tuple[str, str], int]
) -> Iterator[str]:
    for memory_operand in memory.operands:
        operand = operand_of.get(memory_operand)
        if operand is None or not layer.precision[operand]:
            continue
        lanes = math.prod(
            factor
            for (name, dim), factor in factors.items()
            if name in memory.served_dimensions and dim in _changing(layer, operand)
        )
        if lanes * layer.precision[operand] > memory.size:
            yield f"{lanes:,} lanes of {operand} further: {memory.name} holds {memory.size:,} bits"


def _changing(layer: Layer, operand: str) -> set[str]:
    own = layer.relevance(operand)
    return {*own.relevant, *own.partially_relevant}
