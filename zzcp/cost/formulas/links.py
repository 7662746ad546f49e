"""Tiles and transfers: what moves over every link of an operand, and how often.

Sources: Mei et al., "ZigZag", IEEE TC 2021, section IV (accesses, energy); Mei et al., "A uniform latency model for
DNN accelerators", DATE 2022 (transfer cycles, windows). All formulas take integers, or integer arrays over a batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from zzcp.cost.conventions import CostConventions
from zzcp.cost.formulas.numeric import Numeric, ceil_div
from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, Bits, OperandSetting, Variant
from zzcp.cost.setting.state import OperandState, merge_down
from zzcp.mapping.mapping import Levels


class Transfers(NamedTuple):
    """What moves over the links of one operand; lists over links 0 .. L-1 unless stated otherwise.

    Attributes
    ----------
    tile : list
        Elements of the tile in one instance at arch level 0 .. L.
    upper : list
        Elements that one upper instance sends (or receives) per period of the link.
    partial : list
        For arch level 0 .. L whether reduction loops remain above, so that an output tile is incomplete.
    counts : list
        Periods of the link over the layer: fills of an input tile, drains of an output tile.
    back : list
        Outputs only: how often a partial sum is read back over the link.
    lower, returning : list
        Outputs only: whether the sums of a drain are partial on the lower side of the link, and on the upper one, which
        is whether they come back; they differ where instances below hold parts of sums that are complete above.
    """

    tile: list[Any]
    upper: list[Any]
    partial: list[Any]
    counts: Sequence[Any]
    back: list[Any]
    lower: list[Any]
    returning: list[Any]


def tile_elements(
    operand: OperandSetting,
    variant: Variant,
    state: OperandState,
    temporal: int,
    spatial: int,
    conventions: CostConventions,
    numeric: Numeric,
    extents: Mapping[int, Any] | None = None,
) -> Any:
    """Return the elements that some temporal and spatial loops touch.

    Those are the temporal loops below arch level `temporal` and the spatial loops on links below `spatial`: with
    spatial = temporal the tile of one instance, with spatial = temporal + 1 what all the instances below one upper
    instance need together. Where tiles differ, the largest that exists counts. `extents` are those of windows of which
    something else counts.
    """
    elements = state.relevant[temporal] * variant.relevant[spatial]
    volumes = operand.volumes
    for number, relation in enumerate(operand.relations):
        outer, inner = state.windows[temporal][number]
        if extents is not None and number in extents:
            elements = elements * extents[number]
            continue
        if volumes is not None and not volumes.axes[number].is_even:
            elements = elements * numeric.lookup(volumes.largest(number, spatial), (outer, inner))
            continue
        outer_spatial, inner_spatial = variant.windows[spatial][number]
        zigzag = conventions.overcounted_slivers
        count = relation.distinct_zigzag if zigzag else relation.distinct
        window = count(numeric.truncate(outer * outer_spatial), numeric.truncate(inner * inner_spatial))
        window = numeric.within(window, 0 if zigzag else 1, None)
        elements = elements * numeric.minimum(operand.window_sizes[number], window)
    return elements


def fractional_tiles(operand: OperandSetting, variant: Variant, levels: Levels) -> list[Any]:
    """Return the tile of every arch level where spatial factors are fractions, rounded as ZigZag rounds them.

    The products are taken loop by loop in ZigZag's order (temporal loops of a level, then the spatial ones beneath
    it), since a different order may round differently (``Mapping.gen_r_ir_loop_list``, ``decouple_pr_loop``).
    """
    loops, ends, _ = merge_down(operand.kind, levels)
    kind = operand.kind
    window_loops: dict[str, Any] = {}
    previous: list[Any] = [1] * len(operand.relations)
    per_level: list[Any] = [1]
    start = 0
    for level, end in enumerate(ends):
        sizes: list[Any] = []
        for dim, size in (*loops[start:end], *variant.spatial[level]):
            if kind[dim] == RELEVANT:
                sizes.append(size)
                continue
            if kind[dim] == IRRELEVANT:
                continue
            window_loops[dim] = window_loops.get(dim, 1) * size
            for number, relation in enumerate(operand.relations):
                if dim not in (relation.outer, relation.inner):
                    continue
                outer, inner = window_loops.get(relation.outer, 1), window_loops.get(relation.inner, 1)
                window = min(operand.window_sizes[number], relation.distinct_zigzag(int(outer), int(inner)))
                sizes.append(window / previous[number])
                previous[number] = window
        per_level.append(math.prod(sizes))
        start = end
    return [round(round(math.prod(per_level[: level + 1]))) for level in range(len(per_level))]


def transfers(
    operand: OperandSetting,
    variant: Variant,
    state: OperandState,
    conventions: CostConventions,
    numeric: Numeric,
    tiles: Sequence[Any] | None = None,
) -> Transfers:
    """Return what moves over every link of an operand under one variant of its unrolling.

    Parameters
    ----------
    operand, variant, state, conventions, numeric
        The operand, its unrolling, and the state of its boundaries.
    tiles : sequence, optional
        Elements per arch level where they were computed otherwise (`fractional_tiles`).
    """
    depth = operand.depth
    tile = (
        list(tiles)
        if tiles is not None
        else [tile_elements(operand, variant, state, a, a, conventions, numeric) for a in range(depth + 1)]
    )
    if conventions.multiplied_windows or not operand.relations:
        upper = [tile[a] * variant.boost[a] for a in range(depth)]
    else:
        upper = [tile_elements(operand, variant, state, a, a + 1, conventions, numeric) for a in range(depth)]
    count = state.counts
    if not operand.is_output:
        none: list[Any] = [False] * (depth + 1)
        return Transfers(tile, upper, none, count, [], none, none)
    sums = _partial_sums(operand, variant, state, upper, conventions, numeric)
    return Transfers(
        tile,
        upper,
        [*sums.above, False],
        count,
        sums.back,
        sums.returning if conventions.early_final_precision else sums.here,
        sums.returning,
    )


def bits_of(bits: Bits, partial: Any, numeric: Numeric) -> Any:
    """Return the bits of an element that is a partial sum, or not."""
    if bits.partial == bits.final:
        return bits.final
    return numeric.where(partial, bits.partial, bits.final)


def side_bits(operand: OperandSetting, moved: Transfers, link: int, numeric: Numeric, *, upper: bool) -> Any:
    """Return the bits of an element of a fill or a drain on one side of a link: as the memory there stores it."""
    partial = (moved.returning if upper else moved.lower)[link]
    return bits_of(operand.held(link + upper), partial, numeric)


class _Sums(NamedTuple):
    """Per link of an output whether sums are partial, and how often they come back.

    Attributes
    ----------
    above, here : list
        Whether something is added above the link, or there and on the way over it.
    returning : list
        As `above`, but not where fractions of lanes make less than one element of it.
    back : list
        How often a partial sum is read back.
    """

    above: list[Any]
    here: list[Any]
    returning: list[Any]
    back: list[Any]


def _partial_sums(
    operand: OperandSetting,
    variant: Variant,
    state: OperandState,
    upper: Sequence[Any],
    conventions: CostConventions,
    numeric: Numeric,
) -> _Sums:
    """Return what is known of the sums that an output sends over its links, `upper` elements at a time."""
    links, count = range(operand.depth), state.counts
    reduction = [state.irrelevant_above[a] * variant.reduction_above[a] for a in links]
    sums = _Sums(
        above=[factor > 1 for factor in reduction],
        here=[state.irrelevant_above[a] * variant.reduction_here[a] > 1 for a in links],
        returning=[numeric.truncate(operand.elements * (factor - 1)) != 0 for factor in reduction],
        back=[count[a] - count[a] // state.irrelevant_above[a] for a in links],
    )
    if operand.revisited:
        sums = _visited_again(operand, variant, state, upper, sums, numeric)
    if conventions.first_partial_sum_reads:
        sums = sums._replace(back=[numeric.where(sums.above[a], count[a], 0) for a in links])
    return sums


def _visited_again(
    operand: OperandSetting,
    variant: Variant,
    state: OperandState,
    upper: Sequence[Any],
    sums: _Sums,
    numeric: Numeric,
) -> _Sums:
    """Return the same where tiles of the output overlap: elements that several of them visit are added up, too.

    What a tile shares with those visited before it comes back. In latencies, which count the largest tile, as many of
    these do as the shared elements fill.
    """
    assert operand.volumes is not None
    links, begun = range(operand.depth), operand.volumes.begun
    seen = [visits(operand, state, a, a + 1, numeric) for a in links]
    below = [visits(operand, state, a, a, numeric) for a in links]
    instances = [distinct_instances(operand, variant, a + 1) for a in links]
    again = [ceil_div(seen[a] - begun, upper[a] * instances[a]) for a in links]
    return _Sums(
        above=[sums.above[a] | (seen[a] > operand.elements) for a in links],
        here=[sums.here[a] | (below[a] > operand.elements) for a in links],
        returning=[sums.returning[a] | (seen[a] > operand.elements) for a in links],
        back=[sums.back[a] + again[a] for a in links],
    )


def visits(
    operand: OperandSetting, state: OperandState, temporal: int, spatial: int, numeric: Numeric
) -> Any:
    """Return the elements of all tiles of an output with windows, once for every tile that the loops of its data visit.

    Duplicates, which hold parts of the same sums, count once. What exceeds the elements of the tensor is visited again.

    Parameters
    ----------
    operand, state, temporal, spatial, numeric
        As for `tile_elements`.
    """
    assert operand.volumes is not None
    return numeric.lookup(operand.volumes.visits(spatial), volume_arguments(state, temporal))


def volume_arguments(state: OperandState, temporal: int) -> list[Any]:
    """Return what a boundary is made of, as `zzcp.cost.setting.volumes.Volumes` takes it."""
    return [state.relevant[temporal], *(factor for pair in state.windows[temporal] for factor in pair)]


def distinct_instances(operand: OperandSetting, variant: Variant, arch_level: int) -> int:
    """Return how many instances at an arch level hold data of different loops."""
    lanes = (
        factor
        for loops in variant.spatial[arch_level:]
        for dim, factor in loops
        if operand.kind[dim] != IRRELEVANT
    )
    return math.prod(int(factor) for factor in lanes)
