"""The unrolling of a layer when the array changes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from zzcp.hardware import OperationalArray
from zzcp.mapping import SpatialMapping
from zzcp.workload import Layer


def refit(
    spatial: SpatialMapping, layer: Layer, before: OperationalArray, after: OperationalArray
) -> SpatialMapping:
    """Return an unrolling for an array of another size: the same layer dimensions on every array dimension.

    Along array dimensions whose size has not changed, the factors stay. Along the others they are chosen anew for the
    fewest iterations, of equals for the fewest units, then for the largest factor of the dimension that comes first.

    Parameters
    ----------
    spatial : SpatialMapping
        The unrolling for the array as it was.
    layer : Layer
        What is unrolled.
    before, after : OperationalArray
        The array as it was, and as it is.
    """
    left = dict(layer.sizes)
    result: dict[str, dict[str, int]] = {}
    for name, factors in spatial.unrolling:
        chosen = dict(factors)
        if name in before.dimensions and name in after.dimensions and before.size(name) != after.size(name):
            dims = [dim for dim, _ in factors if dim in left]
            chosen = _fullest(dims, [left[dim] for dim in dims], after.size(name))
        result[name] = chosen
        for dim, factor in chosen.items():
            if dim in left:
                left[dim] = -(-left[dim] // factor)
    return SpatialMapping.from_dict(result).fitted(layer)


def _fullest(dims: Sequence[str], sizes: Sequence[int], units: int) -> dict[str, int]:
    """Return the factors of some dimensions, of product at most `units`, that leave the fewest iterations."""

    def rank(factors: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
        left = math.prod(-(-size // factor) for size, factor in zip(sizes, factors, strict=True))
        return left, math.prod(factors), tuple(-factor for factor in factors)

    best = min(_choices(sizes, units), key=rank)
    return dict(zip(dims, best, strict=True))


def _choices(sizes: Sequence[int], units: int) -> Iterator[tuple[int, ...]]:
    if not sizes:
        yield ()
        return
    # factors that leave as many iterations as a smaller one only take units from the dimensions that follow
    useful = sorted(
        {-(-sizes[0] // left) for left in {-(-sizes[0] // f) for f in range(1, min(units, sizes[0]) + 1)}}
    )
    for factor in useful:
        if factor <= units:
            for rest in _choices(sizes[1:], units // factor):
                yield (factor, *rest)
