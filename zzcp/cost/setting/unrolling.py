"""The spatial unrolling as the cost model counts it: lanes in use, and what they mean for the data of an operand."""

from __future__ import annotations

import math
from collections.abc import Mapping

from zzcp.cost.conventions import CostConventions
from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, Number, Spatial, Variant
from zzcp.cost.setting.zigzag_order import set_order
from zzcp.hardware import Memory
from zzcp.mapping import SpatialMapping
from zzcp.workload import DimensionRelation, Layer

Factors = Mapping[str, list[tuple[str, Number]]]
"""Loops with their lanes in use, per array dimension."""


def whole_factors(layer: Layer, spatial: SpatialMapping) -> dict[str, list[tuple[str, Number]]]:
    """Return the lanes in use per array dimension, rounded up: ceil(size / (iterations x other lanes)).

    Where the unrolling of a dimension does not divide it, the lanes of its first largest factor are reduced to
    what the iterations need.
    """
    result: dict[str, list[tuple[str, Number]]] = {}
    adjusted = _adjusted_dimension(spatial)
    sizes = spatial.temporal_sizes(layer)
    for array_dimension, dim, factor in spatial:
        lanes = factor
        if adjusted[dim] == array_dimension:
            others = spatial.total(dim) // factor
            lanes = -(-layer.sizes[dim] // (sizes[dim] * others))
        result.setdefault(array_dimension, []).append((dim, lanes))
    return result


def fractional_factors(
    layer: Layer, spatial: SpatialMapping, *, allow_fractions: bool = False
) -> dict[str, list[tuple[str, Number]]]:
    """Return the lanes in use per array dimension as ZigZag counts them.

    Source: ``SpatialMappingConversionStage.generate_limited_user_spatial_mapping`` of zigzag-dse 3.9.1. The
    first array dimension with the largest factor of a layer dimension is set to size / iterations / lanes on
    earlier array dimensions, as a fraction or floored.
    """
    result: dict[str, list[tuple[str, Number]]] = {}
    adjusted = _adjusted_dimension(spatial)
    earlier: dict[str, Number] = {}
    for array_dimension, factors in spatial.unrolling:
        used: list[tuple[str, Number]] = []
        for dim, factor in factors:
            lanes: Number = factor
            before = earlier.get(dim, 1)
            if adjusted[dim] == array_dimension:
                iterations = math.ceil(layer.sizes[dim] / (factor * before))
                fraction = layer.sizes[dim] / iterations / before
                lanes = fraction if allow_fractions and not fraction.is_integer() else int(fraction)
            used.append((dim, lanes))
        for dim, lanes in used:
            earlier[dim] = earlier.get(dim, 1) * lanes
        result[array_dimension] = used
    return result


def _adjusted_dimension(spatial: SpatialMapping) -> dict[str, str]:
    """For every layer dimension the first array dimension with its largest factor."""
    best: dict[str, tuple[int, str]] = {}
    for array_dimension, dim, factor in spatial:
        if dim not in best or factor > best[dim][0]:
            best[dim] = (factor, array_dimension)
    return {dim: array_dimension for dim, (_, array_dimension) in best.items()}


def compile_variant(
    layer: Layer,
    name: str,
    kind: Mapping[str, int],
    relations: tuple[DimensionRelation, ...],
    memories: tuple[Memory, ...],
    factors: Factors,
    conventions: CostConventions,
) -> Variant:
    """Return the unrolling of one operand.

    Parameters
    ----------
    layer : Layer
        The layer.
    name : str
        The operand.
    kind : mapping of str to int
        IRRELEVANT, RELEVANT or PARTIAL for every dimension of the layer.
    relations : tuple of DimensionRelation
        The operand's windows (see `zzcp.cost.setting.setting.OperandSetting`).
    memories : tuple of Memory
        Levels of the operand, innermost first.
    factors : mapping
        Lanes in use per array dimension.
    conventions : CostConventions
        How windows are counted, and in which order lanes are multiplied.
    """
    spatial = _loops_per_link(memories, factors, zigzag=conventions.fractional_unrolling)
    relevant: list[Number] = [1]
    windows: list[tuple[tuple[Number, Number], ...]] = [tuple((1, 1) for _ in relations)]
    for loops in spatial:
        relevant.append(relevant[-1] * math.prod(f for dim, f in loops if kind[dim] == RELEVANT))
        sizes = dict(loops)
        windows.append(
            tuple(
                (outer * sizes.get(relation.outer, 1), inner * sizes.get(relation.inner, 1))
                for relation, (outer, inner) in zip(relations, windows[-1], strict=True)
            )
        )
    own = layer.relevance(name)
    data = {dim: RELEVANT if dim in own.relevant else known for dim, known in kind.items()}
    reused = _reuse_per_link(layer, data, own.partial, spatial, zigzag=conventions.overcounted_slivers)
    totals = [math.prod(f for _, f in loops) for loops in spatial]
    units = tuple(round(round(math.prod(totals[a:]), 3)) for a in range(len(spatial)))
    distinct = tuple(math.prod(r for r, _ in reused[a:]) for a in range(len(spatial)))
    irrelevant = [math.prod(f for dim, f in loops if kind[dim] == IRRELEVANT) for loops in spatial]
    return Variant(
        spatial=spatial,
        relevant=tuple(relevant[:-1]),
        windows=tuple(windows[:-1]),
        units=units,
        distinct=distinct,
        boost=tuple(round(distinct[a] / distinct[a + 1]) for a in range(len(spatial) - 1)),
        reduction_above=tuple(math.prod(irrelevant[a + 1 :]) for a in range(len(spatial) - 1)),
        reduction_here=tuple(math.prod(irrelevant[a:]) for a in range(len(spatial) - 1)),
        integral=all(isinstance(f, int) for loops in spatial for _, f in loops),
    )


def _loops_per_link(memories: tuple[Memory, ...], factors: Factors, *, zigzag: bool) -> tuple[Spatial, ...]:
    """Attach each array dimension to the first level whose memory serves it, the rest above the top level.

    Factors that ZigZag leaves fractional are multiplied in its order, since products of floats depend on it.
    """
    left = dict(factors)
    result: list[Spatial] = []
    for memory in memories:
        merged: dict[str, Number] = {}
        served = [dimension for dimension in memory.served_dimensions if dimension in left]
        if zigzag and len(served) > 1:
            served = [dimension for dimension in set_order(memory.served_dimensions) if dimension in left]
        for dimension in served:
            for dim, factor in left.pop(dimension):
                merged[dim] = merged.get(dim, 1) * factor
        result.append(tuple(merged.items()))
    merged = {}
    for loops in left.values():
        for dim, factor in loops:
            merged[dim] = merged.get(dim, 1) * factor
    return (*result, tuple(merged.items()))


def _reuse_per_link(
    layer: Layer,
    kind: Mapping[str, int],
    relations: tuple[DimensionRelation, ...],
    spatial: tuple[Spatial, ...],
    *,
    zigzag: bool,
) -> list[tuple[Number, Number]]:
    """Split the spatial factors of every link into (different data, same data).

    Window loops are split by how much each adds to the window, loop by loop from the inside, as in ZigZag
    (``decouple_pr_loop``).
    """
    sizes: dict[str, Number] = {}
    previous: dict[str, Number] = {relation.window: 1 for relation in relations}
    result: list[tuple[Number, Number]] = []
    for loops in spatial:
        different: Number = 1
        same: Number = 1
        for dim, factor in loops:
            if kind[dim] == RELEVANT:
                different *= factor
            elif kind[dim] == IRRELEVANT:
                same *= factor
            for relation in relations:
                if dim not in relation.loops:
                    continue
                sizes[dim] = sizes.get(dim, 1) * factor
                outer, inner = sizes.get(relation.outer, 1), sizes.get(relation.inner, 1)
                count = relation.distinct_zigzag if zigzag else relation.distinct
                now = min(layer.window_size(relation, zigzag=zigzag), count(int(outer), int(inner)))
                growth = now / previous[relation.window]
                different *= growth
                same *= factor / growth
                previous[relation.window] = now
        result.append((different, same))
    return result
