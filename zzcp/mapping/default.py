"""A spatial mapping for layers whose mapping file does not give one."""

from __future__ import annotations

from itertools import product

from zzcp.hardware import Accelerator
from zzcp.mapping.spatial import SpatialMapping
from zzcp.workload import Layer


def default_spatial(accelerator: Accelerator, layer: Layer) -> SpatialMapping:
    """Return the unrolling of the machine's file or, without one, a full one.

    One layer dimension per array dimension, such that the layer takes the fewest cycles; of equals the one that
    unrolls the most different dimensions, then the first in the order of the layer. It is a reasonable choice, not a
    proven one: the bound of a result holds for its unrolling.

    Parameters
    ----------
    accelerator, layer
        What is to run where.
    """
    if accelerator.dataflows:
        return SpatialMapping.from_dict(accelerator.dataflows).fitted(layer)
    return full_spatial(accelerator, layer)


def full_spatial(accelerator: Accelerator, layer: Layer) -> SpatialMapping:
    """Return the full unrolling of `default_spatial`, whatever the machine's file says."""
    array = accelerator.array
    dims = [dim for dim, size in layer.sizes.items() if size > 1]
    if not dims:
        return SpatialMapping()
    best: tuple[tuple[int, int], SpatialMapping] | None = None
    for choice in product(dims, repeat=len(array.dimensions)):
        unrolling = {
            dimension: {dim: size}
            for dimension, dim, size in zip(array.dimensions, choice, array.sizes, strict=True)
        }
        spatial = SpatialMapping.from_dict(unrolling).fitted(layer)
        rank = (spatial.cycles(layer), -len(set(choice)))
        if best is None or rank < best[0]:
            best = rank, spatial
    assert best is not None
    return best[1]
