"""From an entry of a mapping file to a mapping: the unrolling and the loop order that the file states."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.errors import InputError, Place
from zzcp.hardware import Accelerator
from zzcp.io.mapping import ANY, MappingEntry
from zzcp.mappers.allocate import allocate
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

_PLACE = Place(field="temporal_ordering")


def mapping_from_entry(
    accelerator: Accelerator, layer: Layer, entry: MappingEntry, conventions: CostConventions = EXACT
) -> Mapping:
    """Return the mapping that an entry of a mapping file describes for a layer.

    Parameters
    ----------
    accelerator, layer : Accelerator, Layer
        What runs on what.
    entry : MappingEntry
        The entry: an unrolling, which is reduced to what the layer can use, and a complete loop order.
    conventions : CostConventions
        As for `zzcp.mappers.allocate`, which chooses what each memory holds.

    Raises
    ------
    InputError
        If the entry has no unrolling or no complete order.
    MappingError
        If the order does not fit into the memories.
    """
    if entry.spatial_mapping is None:
        raise InputError(
            f"entry {entry.name} does not say what is unrolled over the array",
            place=Place(field="spatial_mapping"),
            expected="a spatial_mapping such as {D1: ['K, 4']}",
            found="a hint only" if entry.spatial_mapping_hint else "nothing",
        )
    spatial = SpatialMapping.from_dict(entry.spatial_mapping).fitted(layer)
    order = complete_order(layer, spatial, entry)
    links = None
    if entry.memory_operand_links:
        links = {op: memory for op, memory in entry.memory_operand_links.items() if op in layer.operands}
    return allocate(accelerator, layer, spatial, order, conventions, links)


def complete_order(layer: Layer, spatial: SpatialMapping, entry: MappingEntry) -> tuple[tuple[str, int], ...]:
    """Return the loop order that an entry states, innermost first, with its free sizes filled in.

    A free size becomes what the other loops over its dimension leave; a loop over any dimension (``*``) becomes one
    over the only dimension that is left. Dimensions that the layer lacks are left out, and so are loops of size 1:
    mapping files serve many layers.

    Raises
    ------
    InputError
        If the order leaves a choice, or does not cover the layer.
    """
    if not entry.temporal_ordering:
        raise _error(f"entry {entry.name} states no loop order", found="nothing")
    needed = spatial.temporal_sizes(layer)
    order = [(dim, size) for dim, size in entry.temporal_ordering if dim in needed or dim == ANY]
    rest = _rest(layer, spatial, order)
    free = [dim for dim, size in order if size is None or dim == ANY]
    for dim in needed:
        if free.count(dim) > 1 and rest[dim] > 1:
            raise _error(f"two loops over {dim} have a free size, which leaves a choice")
    open_dims = [dim for dim in needed if rest[dim] > 1 and dim not in free]
    if ANY in free and open_dims:
        if free.count(ANY) > 1 or len(open_dims) > 1 or (ANY, None) not in order:
            raise _error("'*' leaves a choice", found=f"no place for the loops over {', '.join(open_dims)}")
        order = [(open_dims[0] if dim == ANY else dim, size) for dim, size in order]
    elif open_dims:
        dim = open_dims[0]
        raise _uncovered(layer, spatial, dim, needed[dim] // rest[dim])
    filled = [(dim, rest[dim] if size is None else size) for dim, size in order if dim != ANY]
    return tuple((dim, size) for dim, size in filled if size > 1)


def _rest(layer: Layer, spatial: SpatialMapping, order: Sequence[tuple[str, int | None]]) -> dict[str, int]:
    """Return the iterations of every dimension that the loops of fixed size leave."""
    rest = {}
    for dim, needed in spatial.temporal_sizes(layer).items():
        fixed = prod(size for other, size in order if other == dim and size)
        if needed % fixed:
            raise _uncovered(layer, spatial, dim, fixed)
        rest[dim] = needed // fixed
    return rest


def _uncovered(layer: Layer, spatial: SpatialMapping, dim: str, fixed: int) -> InputError:
    lanes = spatial.total(dim)
    unrolled = f", which has {layer.sizes[dim]} and unrolls {lanes}" if lanes > 1 else ""
    return InputError(
        f"the loops over {dim} do not cover layer {layer.name}{unrolled}",
        place=_PLACE,
        expected=f"{spatial.temporal_sizes(layer)[dim]} iterations",
        found=str(fixed) if fixed > 1 else "none",
    )


def _error(message: str, found: str | None = None) -> InputError:
    return InputError(message, place=_PLACE, expected="a complete order, innermost loop first", found=found)
