"""ZigZag's own allocator, as referee. Needs zigzag-dse 3.9.1."""

from __future__ import annotations

from pathlib import Path

from zigzag.datatypes import LayerDim
from zigzag.mapping.temporal_mapping import TemporalMappingType
from zigzag.opt.loma.memory_allocator import (
    MemoryAllocator,
    MemoryHierarchyTooSmallException,
    MemoryTooSmallException,
)

from tests.differential.zigzag_referee import _layer_node, load_machine
from zzcp.mapping import SpatialMapping
from zzcp.workload import Layer

Allocation = dict[str, list[list[tuple[str, int]]]]


def zigzag_allocation(
    path: Path, layer: Layer, spatial: SpatialMapping, order: list[tuple[str, int]]
) -> Allocation | None:
    """Return the loops per operand and level that ZigZag's allocator finds, or None where they do not fit."""
    machine = load_machine(path)
    node, unrolled, _ = _layer_node(machine, layer, spatial, dict(layer.default_links))
    loops = [(LayerDim(dim), size) for dim, size in order]
    try:
        found = MemoryAllocator(machine, node, unrolled, loops, TemporalMappingType.UNEVEN).run()
    except (MemoryTooSmallException, MemoryHierarchyTooSmallException):
        return None
    return {
        operand.name: [[(dim.name, size) for dim, size in level] for level in levels]
        for operand, levels in found.mapping_dic_origin.items()
    }
