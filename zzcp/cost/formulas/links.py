"""Tiles and transfers: what moves over every link of an operand, and how often.

Sources: Mei et al., "ZigZag", IEEE TC 2021, section IV (accesses, energy); Mei et al., "A uniform latency model for
DNN accelerators", DATE 2022 (transfer cycles, windows). All formulas take integers, or integer arrays over a batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from zzcp.cost.conventions import CostConventions
from zzcp.cost.formulas.numeric import Numeric
from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, OperandSetting, Variant
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
    precision : list
        Bits per element of the data held at arch level 0 .. L.
    counts : list
        Periods of the link over the layer: fills of an input tile, drains of an output tile.
    back : list
        Outputs only: how often a partial sum is read back over the link.
    back_precision : list
        Outputs only: bits per element read back.
    lower_precision, upper_precision : list
        Bits per element of an input's fill or an output's drain on the two sides of the link; they differ where
        instances below hold parts of sums that are complete above.
    """

    tile: list[Any]
    upper: list[Any]
    partial: list[Any]
    precision: list[Any]
    counts: Sequence[Any]
    back: list[Any]
    back_precision: list[Any]
    lower_precision: list[Any]
    upper_precision: list[Any]


def tile_elements(
    operand: OperandSetting,
    variant: Variant,
    state: OperandState,
    temporal: int,
    spatial: int,
    conventions: CostConventions,
    numeric: Numeric,
) -> Any:
    """Return the elements that some temporal and spatial loops touch.

    Those are the temporal loops below arch level `temporal` and the spatial loops on links below `spatial`: with
    spatial = temporal the tile of one instance, with spatial = temporal + 1 what all the instances below one upper
    instance need together.
    """
    elements = state.relevant[temporal] * variant.relevant[spatial]
    for number, relation in enumerate(operand.relations):
        outer, inner = state.windows[temporal][number]
        outer_spatial, inner_spatial = variant.windows[spatial][number]
        count = relation.distinct_zigzag if conventions.overcounted_slivers else relation.distinct
        window = count(numeric.truncate(outer * outer_spatial), numeric.truncate(inner * inner_spatial))
        elements = elements * numeric.minimum(operand.window_sizes[number], numeric.within(window, 0, None))
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
        precisions: list[Any] = [operand.precision] * (depth + 1)
        return Transfers(tile, upper, none, precisions, count, [], [], precisions, precisions)
    final, full = operand.final_precision, operand.precision
    reduction = [state.irrelevant_above[a] * variant.reduction_above[a] for a in range(depth)]
    partial = [factor > 1 for factor in reduction]
    returns = [numeric.truncate(operand.elements * (factor - 1)) != 0 for factor in reduction]
    precision = [numeric.where(flag, full, final) for flag in partial]
    back_precision = [numeric.where(flag, full, 0) for flag in returns]
    upper_precision = [numeric.where(flag, full, final) for flag in returns]
    if conventions.early_final_precision:
        lower_precision = upper_precision
    else:
        here = [state.irrelevant_above[a] * variant.reduction_here[a] for a in range(depth)]
        lower_precision = [numeric.where(factor > 1, full, final) for factor in here]
    if conventions.first_partial_sum_reads:
        back = [numeric.where(partial[a], count[a], 0) for a in range(depth)]
    else:
        back = [count[a] - count[a] // state.irrelevant_above[a] for a in range(depth)]
    return Transfers(
        tile,
        upper,
        [*partial, False],
        [*precision, final],
        count,
        back,
        back_precision,
        lower_precision,
        upper_precision,
    )
