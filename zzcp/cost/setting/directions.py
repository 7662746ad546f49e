"""The directions of an operand's tensor: which of its loops count on their own, and where its tiles are of one size."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

from zzcp.cost.conventions import CostConventions
from zzcp.cost.setting.axes import MOST_VISITS, Axis, visited_one_by_one
from zzcp.cost.setting.overlap import Slides
from zzcp.cost.setting.setting import IRRELEVANT, PARTIAL, RELEVANT, Variant
from zzcp.cost.setting.unrolling import Factors
from zzcp.cost.setting.volumes import Volumes
from zzcp.errors import InputError, Place
from zzcp.workload import DimensionRelation, Layer

_SINGLE = ""
"""The inner loop of a window that stands for a single loop."""


class Directions(NamedTuple):
    """The directions of a tensor that do not count as a plain product of loops.

    Attributes
    ----------
    kind : dict of str to int
        Relevance of every dimension of the layer to the operand.
    relations : tuple of DimensionRelation
        Its windows, and after them the single loops that an unrolling does not divide.
    axes : tuple of Axis
        What exists along each of these.
    revisited : bool
        Whether it is an output that the loops of a window visit again.
    counted : bool
        Whether its tiles are counted by what exists of them.
    """

    kind: dict[str, int]
    relations: tuple[DimensionRelation, ...]
    axes: tuple[Axis, ...]
    revisited: bool
    counted: bool


def compile_directions(
    layer: Layer,
    name: str,
    factors: Factors,
    temporal: Mapping[str, int],
    conventions: CostConventions,
    remainders: Collection[str] = (),
) -> Directions:
    """Return the directions of an operand.

    Parameters
    ----------
    layer : Layer
        The layer.
    name : str
        The operand.
    factors : mapping
        Lanes in use per array dimension.
    temporal : mapping of str to int
        Iterations of every dimension.
    conventions : CostConventions
        How tiles are counted.
    remainders : collection of str
        Dimensions whose iterations no temporal loops divide.
    """
    relevance = layer.relevance(name)
    partial = relevance.partially_relevant
    kind = {
        dim: PARTIAL if dim in partial else RELEVANT if dim in relevance.relevant else IRRELEVANT
        for dim in layer.sizes
    }
    steps: dict[str, int] = dict.fromkeys((_SINGLE,), 1) | dict(temporal)
    for loops in factors.values():
        for dim, lanes in loops:
            steps[dim] = math.ceil(steps[dim] * lanes)
    whole = conventions.whole_tiles
    relations = relevance.partial
    # where one loop of a window has a single step, the other one makes another output with every step
    overlapping = any(min(layer.sizes[dim] for dim in relation.loops) > 1 for relation in relations)
    revisited = name == layer.output and overlapping and not conventions.ignored_output_windows
    if conventions.counts_tiles and not whole:
        uneven = [dim for dim in relevance.relevant if steps[dim] > layer.sizes[dim] or dim in remainders]
        relations += tuple(DimensionRelation(f"{dim}'", dim, 1, _SINGLE, 1) for dim in uneven)
        kind |= dict.fromkeys(uneven, PARTIAL)
    cut = {dim: steps[dim] // temporal[dim] for dim in remainders}
    axes = tuple(_axis(layer, relation, steps, conventions, cut) for relation in relations)
    revisited = revisited and conventions.counts_tiles
    for axis in axes if revisited else ():
        if visited_one_by_one(axis) > MOST_VISITS:
            raise InputError(
                f"the window {axis.relation} on output {name} is too large",
                place=Place(field="relations"),
                expected=f"at most {MOST_VISITS} steps that visit an output in turn",
                found=str(visited_one_by_one(axis)),
            )
    uneven_tiles = any(not axis.is_even for axis in axes)
    return Directions(kind, relations, axes, revisited, revisited or uneven_tiles)


def _axis(
    layer: Layer,
    relation: DimensionRelation,
    steps: Mapping[str, int],
    conventions: CostConventions,
    cut: Mapping[str, int],
) -> Axis:
    lanes = cut.get(relation.outer, 0), cut.get(relation.inner, 0)
    if relation.inner == _SINGLE:
        size = layer.sizes[relation.outer]
        return Axis(relation, (size, 1), (steps[relation.outer], 1), 0, size, size, cut=lanes)
    first, end = layer.stored_positions(relation)
    return Axis(
        relation,
        (layer.sizes[relation.outer], layer.sizes[relation.inner]),
        (steps[relation.outer], steps[relation.inner]),
        first,
        end,
        layer.window_size(relation, zigzag=conventions.overcounted_slivers),
        conventions.whole_tiles or not conventions.counts_tiles,
        lanes,
    )


def compile_volumes(
    directions: Directions,
    variant: Variant,
    temporal: Mapping[str, int],
    values: Mapping[str, tuple[int, ...]],
) -> Volumes | None:
    """Return the tiles of an operand, None where all of one shape are of one size and none is visited twice.

    Parameters
    ----------
    directions : Directions
        Its directions.
    variant : Variant
        Its unrolling.
    temporal : mapping of str to int
        Iterations of every dimension.
    values : mapping of str to tuple of int
        The iterations that tiles may have, of dimensions whose temporal loops do not divide.
    """
    if not directions.counted:
        return None
    return Volumes(
        directions.axes,
        _iterations(directions, temporal),
        _lanes(variant),
        _relevant(directions, temporal),
        _relevant_lanes(directions, variant),
        [
            (
                values.get(r.outer, temporal[r.outer]),
                values.get(r.inner, temporal.get(r.inner, 1)),
            )
            for r in directions.relations
        ]
        if values
        else None,
    )


def compile_slides(
    directions: Directions,
    variant: Variant,
    temporal: Mapping[str, int],
    kept: tuple[bool, ...],
    layer: Layer,
) -> Slides | None:
    """Return the windows of an input whose overlap some memories keep, None where there is none.

    Parameters
    ----------
    directions : Directions
        Its directions.
    variant : Variant
        Its unrolling.
    temporal : mapping of str to int
        Iterations of every dimension.
    kept : tuple of bool
        For every link whether the memory below it keeps the overlap.
    layer : Layer
        The layer.
    """
    loops = tuple(
        (number, loop)
        for number, relation in enumerate(directions.relations)
        for loop, dim in enumerate(relation.loops)
        # tiles of a window whose other loop has one step are apart
        if relation.inner != _SINGLE and temporal[dim] > 1 and min(layer.sizes[d] for d in relation.loops) > 1
    )
    if not loops or not any(kept):
        return None
    return Slides(
        directions.axes,
        kept,
        loops,
        _iterations(directions, temporal),
        _lanes(variant),
        _relevant(directions, temporal),
        _relevant_lanes(directions, variant),
    )


def _iterations(directions: Directions, temporal: Mapping[str, int]) -> list[tuple[int, int]]:
    return [(temporal[r.outer], temporal.get(r.inner, 1)) for r in directions.relations]


def _lanes(variant: Variant) -> list[list[tuple[int, int]]]:
    return [[(int(outer), int(inner)) for outer, inner in row] for row in variant.windows]


def _relevant(directions: Directions, temporal: Mapping[str, int]) -> int:
    return math.prod(size for dim, size in temporal.items() if directions.kind[dim] == RELEVANT)


def _relevant_lanes(directions: Directions, variant: Variant) -> list[int]:
    above = math.prod(int(f) for dim, f in variant.spatial[-1] if directions.kind[dim] == RELEVANT)
    return [*map(int, variant.relevant), int(variant.relevant[-1]) * above]
