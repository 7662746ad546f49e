"""What of a temporal mapping the costs depend on: the state of every boundary of every operand.

A boundary is the cut between the loops that a level holds and those above it. Costs see it through a few numbers
only: the products of the loops below it by relevance, and the runs of loops directly beneath it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, OperandSetting
from zzcp.mapping.mapping import Levels, Loop


class OperandState(NamedTuple):
    """The boundaries of one operand; every list runs over arch levels 0 .. L (see `zzcp.cost.setting.setting`).

    Entries are integers, or integer arrays over a batch of mappings.

    Attributes
    ----------
    period : list of int
        Cycles (in operations) between two refills: the product of all temporal loops below.
    counts : list of int
        How often the data below is replaced over the layer: total iterations / period.
    relevant : list of int
        Product of the relevant loops below.
    windows : list of list of (int, int)
        For every window the products of its outer and its inner loop below.
    irrelevant_above : list of int
        Product of the irrelevant loops above.
    irrelevant_run, relevant_run : list of int
        Product of the irrelevant (relevant) loops directly beneath the boundary, within the level's own loops.
    tail : int
        Product of the outermost irrelevant loops of the whole order: all data has been used once before them. Where
        loops do not divide, the cycles of the run divided by those before them, rounded down.
    tiles : list of list of int
        Iterations of a whole tile along every dimension of `OperandSetting.remainders`.
    first_pass : list of int
        Where loops do not divide: cycles of a period of whole tiles until all of its data has been used once, which is
        the period divided by the irrelevant run where they do.
    passed : list of list of int
        Iterations of that along every dimension of `OperandSetting.remainders`.
    slides : list of list of (int, int)
        Where memories keep the overlap of windows: for every window how often its outer, and its inner loop step
        directly above the boundary; 1 for all but one at most (see `sliding_run`).
    """

    period: Sequence[Any]
    counts: Sequence[Any]
    relevant: Sequence[Any]
    windows: Sequence[Sequence[tuple[Any, Any]]]
    irrelevant_above: Sequence[Any]
    irrelevant_run: Sequence[Any]
    relevant_run: Sequence[Any]
    tail: Any
    tiles: Sequence[Sequence[Any]] = ()
    first_pass: Sequence[Any] = ()
    passed: Sequence[Sequence[Any]] = ()
    slides: Sequence[Sequence[tuple[Any, Any]]] = ()


def merge_down(kind: Mapping[str, int], levels: Levels) -> tuple[list[Loop], list[int], int]:
    """Move irrelevant loops that stand directly above a boundary below it: they cost no space and save refills.

    Parameters
    ----------
    kind : mapping of str to int
        Relevance of every dimension to the operand.
    levels : Levels
        The operand's loops per memory level.

    Returns
    -------
    loops : list of Loop
        All loops, innermost first; those of size 1 are left out.
    ends : list of int
        Number of loops at or below each memory level after the move.
    stationary : int
        Number of irrelevant loops at the array, below everything else.
    """
    loops: list[Loop] = []
    ends: list[int] = []
    for level in levels:
        loops += [loop for loop in level if loop[1] != 1]
        ends.append(len(loops))
    stops = [kind[dim] != IRRELEVANT for dim, _ in loops]
    stops.append(True)
    return loops, [stops.index(True, end) for end in ends], stops.index(True)


def operand_state(operand: OperandSetting, levels: Levels, *, same_data_free: bool) -> OperandState:
    """Return the state of every boundary of one operand of one mapping.

    Parameters
    ----------
    operand : OperandSetting
        The operand.
    levels : Levels
        Its temporal loops per memory level.
    same_data_free : bool
        Whether an input stays at the array during the irrelevant loops directly above it.
    """
    if operand.remainders:
        return _state_with_remainders(operand, levels, same_data_free=same_data_free)
    kind = operand.kind
    loops, ends, stationary = merge_down(kind, levels)
    stays = same_data_free and not operand.is_output
    at_array = math.prod([size for _, size in loops[:stationary]]) if stays else 1
    pairs = [(relation.outer, relation.inner) for relation in operand.relations]
    window_loops = {dim: 1 for pair in pairs for dim in pair}
    irrelevant = relevant = tail = 1
    boundaries = [(at_array, 1, [(1, 1)] * len(pairs), at_array, 1, 1)]
    start = 0
    for end in ends:
        irrelevant_run = relevant_run = 1
        for dim, size in loops[start:end]:
            relevance = kind[dim]
            if relevance == IRRELEVANT:
                irrelevant *= size
                irrelevant_run *= size
                relevant_run = 1
            elif relevance == RELEVANT:
                relevant *= size
                relevant_run *= size
                irrelevant_run = 1
            else:
                window_loops[dim] *= size
                irrelevant_run = relevant_run = 1
        period = relevant * irrelevant
        for factor in window_loops.values():
            period *= factor
        windows = [(window_loops[outer], window_loops[inner]) for outer, inner in pairs]
        boundaries.append((period, relevant, windows, irrelevant, irrelevant_run, relevant_run))
        if end > start:
            # no irrelevant loop stands at the bottom of a level, so that none goes on from the level beneath
            tail = irrelevant_run
        start = end
    periods, relevants, all_windows, irrelevants, irrelevant_runs, relevant_runs = zip(
        *boundaries, strict=True
    )
    return OperandState(
        periods,
        [periods[-1] // below for below in periods],
        relevants,
        all_windows,
        [irrelevant // below for below in irrelevants],
        irrelevant_runs,
        relevant_runs,
        tail,
        slides=_slides(operand, loops, ends) if operand.slides is not None else (),
    )


def _slides(
    operand: OperandSetting, loops: Sequence[Loop], ends: Sequence[int]
) -> list[list[tuple[int, int]]]:
    """Return how often the loops of windows step directly above every boundary."""
    found = [[(1, 1) for _ in operand.relations] for _ in range(len(ends) + 1)]
    for link in kept_links(operand):
        place = ends[link - 1]
        dim, run = (loops[place].dim if place < len(loops) else ""), 1
        for loop in loops[
            place : min((ends[above - 1] for above in spread_over(operand, dim, link)), default=None)
        ]:
            if loop.dim != dim:
                break
            run *= loop.size
        found[link] = [
            (run if relation.outer == dim else 1, run if relation.inner == dim else 1)
            for relation in operand.relations
        ]
    return found


def kept_links(operand: OperandSetting) -> list[int]:
    """Return the links below which memories keep the overlap of an operand's windows."""
    return [] if operand.slides is None else [link for link, kept in enumerate(operand.slides.kept) if kept]


def spread_over(operand: OperandSetting, dim: str, link: int) -> list[int]:
    """Return the links further out that spread a dimension over instances.

    The steps of its loops above such a link move the tiles of an instance past those of its neighbours: they do not
    belong to the run that slides below it.
    """
    spatial = operand.energy.spatial
    return [
        above
        for above in range(link + 1, operand.depth)
        if any(name == dim and lanes > 1 for name, lanes in spatial[above])
    ]


def _state_with_remainders(operand: OperandSetting, levels: Levels, *, same_data_free: bool) -> OperandState:
    """Return the state where the loops of some dimensions do not divide.

    A tile has no more iterations than its dimension, and of tiles with t of n iterations there are ceil(n / t).
    """
    kind, iterations = operand.kind, dict(operand.remainders)
    loops, ends, stationary = merge_down(kind, levels)

    def below(cut: int) -> dict[str, int]:
        sizes = dict.fromkeys(kind, 1)
        for dim, size in loops[:cut]:
            sizes[dim] *= size
        return {dim: min(size, iterations.get(dim, size)) for dim, size in sizes.items()}

    def run_start(first: int, end: int) -> int:
        while end > first and kind[loops[end - 1][0]] == IRRELEVANT:
            end -= 1
        return end

    def count(tile: dict[str, int], dims: Iterable[str]) -> int:
        return math.prod(-(-run[dim] // tile[dim]) for dim in dims)

    run, tail = below(len(loops)), below(run_start(0, len(loops)))
    first = stationary if same_data_free and not operand.is_output else 0
    tiles = [below(end) for end in (first, *ends)]
    starts = [run_start(*level) for level in zip((0, *ends), ends, strict=False)]
    passed = [tiles[0], *(below(start) for start in starts)]
    irrelevant = [dim for dim, relevance in kind.items() if relevance == IRRELEVANT]
    relevant = [dim for dim, relevance in kind.items() if relevance == RELEVANT]
    runs = [math.prod(size for _, size in loops[start:end]) for start, end in zip(starts, ends, strict=True)]
    return OperandState(
        period=[math.prod(tile.values()) for tile in tiles],
        counts=[count(tile, kind) for tile in tiles],
        relevant=[math.prod(tile[dim] for dim in relevant) for tile in tiles],
        windows=[[(tile[r.outer], tile.get(r.inner, 1)) for r in operand.relations] for tile in tiles],
        irrelevant_above=[count(tile, irrelevant) for tile in tiles],
        irrelevant_run=[1, *runs],
        relevant_run=[1] * len(tiles),
        tail=math.prod(run.values()) // math.prod(tail.values()),
        tiles=[[tile[dim] for dim in iterations] for tile in tiles],
        first_pass=[math.prod(tile.values()) for tile in passed],
        passed=[[tile[dim] for dim in iterations] for tile in passed],
    )


def mapping_states(
    operands: Sequence[OperandSetting], temporal: Any, *, same_data_free: bool
) -> list[OperandState]:
    """Return the states of all operands of one mapping, in the order of `operands`."""
    return [operand_state(op, temporal[op.name], same_data_free=same_data_free) for op in operands]
