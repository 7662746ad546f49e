"""The formulas of one model compiled: recorded on symbols once, then called for every mapping.

There are two stages, as in `zzcp.cost.formulas.core`: what does not depend on the buffering, and the latency under one
buffering. What the second takes over from the first is found in the graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from zzcp.cost.execution.codegen import Structure, between, number_function, symbols_of
from zzcp.cost.execution.codegen_arrays import ArrayFunction, array_function
from zzcp.cost.execution.symbolic import BOOLEAN, SYMBOLIC, Graph, Symbol, is_integer
from zzcp.cost.formulas.capacity import Flags
from zzcp.cost.formulas.core import (
    Figures,
    LatencyFigures,
    Model,
    compute_figures,
    compute_latency,
    compute_traffic,
)
from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, OperandSetting, Setting
from zzcp.cost.setting.state import OperandState, kept_links


class Recording(NamedTuple):
    """The formulas of a model as a graph, for mappings that cover the layer.

    Attributes
    ----------
    inputs : structure
        A state per operand, and the tiles of operands with fractional factors.
    figures : structure
        Energy, bits, forced copies, whether all fits, ZigZag's buffering.
    energy_terms : structure
        Words and counts of every movement, from which the energy follows.
    flags : structure
        Per operand and level whether the tile is kept twice.
    kept : list of Symbol
        What the latency takes over from the first stage.
    latency : structure
        Total, temporal stall, loading and unloading.
    """

    inputs: Structure
    figures: Structure
    energy_terms: Structure
    flags: Structure
    kept: list[Symbol]
    latency: Structure


def record(model: Model) -> Recording:
    """Run the formulas of a model on symbols."""
    setting, graph = model.setting, Graph()
    states = [_state(graph, index, operand, setting) for index, operand in enumerate(setting.operands)]
    tiles = [_tiles(graph, operand) for operand in setting.operands]
    traffic = compute_traffic(model, states, SYMBOLIC, tiles)
    figures = compute_figures(model, traffic, SYMBOLIC)
    flags = tuple(
        tuple(graph.input(False, True, kind=BOOLEAN) for _ in range(operand.depth))
        for operand in setting.operands
    )
    latency = compute_latency(model, traffic, flags, SYMBOLIC)
    return Recording(
        inputs=(states, tiles),
        figures=(figures.energy, figures.bits, figures.forced, figures.fits, figures.greedy),
        energy_terms=(traffic.words, traffic.counts),
        flags=flags,
        kept=_independent(latency, flags),
        latency=latency,
    )


def _state(graph: Graph, index: int, operand: OperandSetting, setting: Setting) -> OperandState:
    """Return symbols for what an operand's boundaries can be."""
    sizes, kind, top = setting.iterations, operand.kind, operand.depth
    run = math.prod(sizes.values())
    relevant = math.prod(size for dim, size in sizes.items() if kind[dim] == RELEVANT)
    irrelevant = math.prod(size for dim, size in sizes.items() if kind[dim] == IRRELEVANT)
    # below the innermost boundary lie only loops during which an input stays at the array, above the top none
    stays = setting.conventions.same_data_free and not operand.is_output
    inner = range(1, top)
    first = graph.input(1, irrelevant, chain=(index, 0)) if stays else 1
    windows = [[(1, 1) for _ in operand.relations]]
    windows += [
        [(graph.input(1, sizes[r.outer]), graph.input(1, sizes.get(r.inner, 1))) for r in operand.relations]
        for _ in inner
    ]
    windows.append([(sizes[r.outer], sizes.get(r.inner, 1)) for r in operand.relations])
    state = OperandState(
        period=[first, *(graph.input(1, run, chain=(index, level)) for level in inner), run],
        counts=[graph.input(1, run) if stays else run, *(graph.input(1, run) for _ in inner), 1],
        relevant=[1, *(graph.input(1, relevant) for _ in inner), relevant],
        windows=windows,
        irrelevant_above=[
            graph.input(1, irrelevant) if stays else irrelevant,
            *(graph.input(1, irrelevant) for _ in inner),
            1,
        ],
        irrelevant_run=[1, *(graph.input(1, irrelevant) for _ in range(top))],
        relevant_run=[1, *(graph.input(1, relevant) for _ in range(top))],
        tail=graph.input(1, irrelevant),
        slides=_slides(graph, operand, setting) if operand.slides is not None else (),
    )
    return _with_remainders(graph, operand, setting, state, stays=stays) if operand.remainders else state


def _slides(graph: Graph, operand: OperandSetting, setting: Setting) -> list[list[tuple[Any, Any]]]:
    """Return symbols for how often the loops of windows step directly above every boundary."""
    sizes = setting.temporal_sizes
    loops = () if operand.slides is None else operand.slides.loops
    kept = kept_links(operand)
    return [
        [
            (
                graph.input(1, sizes[r.outer]) if link in kept and (number, 0) in loops else 1,
                graph.input(1, sizes[r.inner]) if link in kept and (number, 1) in loops else 1,
            )
            for number, r in enumerate(operand.relations)
        ]
        for link in range(operand.depth + 1)
    ]


def _with_remainders(
    graph: Graph, operand: OperandSetting, setting: Setting, state: OperandState, *, stays: bool
) -> OperandState:
    """Return a state with symbols for what else there is, and what is more, where loops do not divide."""
    sizes, kind, top = setting.iterations, operand.kind, operand.depth
    run = math.prod(sizes.values())
    # the loops of a dimension never come to twice its iterations
    loops = {dim: setting.temporal_sizes[dim] << (dim in setting.of_any_product) for dim in sizes}
    irrelevant, raw = (
        math.prod(some[dim] for dim in sizes if kind[dim] == IRRELEVANT) for some in (sizes, loops)
    )

    def tile(level: int) -> dict[str, Any]:
        if level == top:
            return dict(sizes)
        some = [dim for dim in sizes if level or (stays and kind[dim] == IRRELEVANT)]
        return {dim: graph.input(1, sizes[dim]) if dim in some else 1 for dim in sizes}

    tiles = [tile(level) for level in range(top + 1)]
    dims = [dim for dim, _ in operand.remainders]
    return state._replace(
        windows=[
            [(row[r.outer], row.get(r.inner, 1)) if level > 0 else (1, 1) for r in operand.relations]
            for level, row in enumerate(tiles)
        ],
        irrelevant_run=[1, *(graph.input(1, raw) for _ in range(top))],
        relevant_run=[1] * (top + 1),
        tail=graph.input(1, run),
        tiles=[[row[dim] for dim in dims] for row in tiles],
        first_pass=[
            graph.input(1, irrelevant) if stays else 1,
            *(graph.input(1, run) for _ in range(top)),
        ],
        passed=[
            [row[dim] for dim in dims] if not level else [graph.input(1, sizes[dim]) for dim in dims]
            for level, row in enumerate(tiles)
        ],
    )


def _tiles(graph: Graph, operand: OperandSetting) -> list[Any] | None:
    """Return symbols for the tiles of an operand with fractional factors, else None."""
    if operand.energy.integral:
        return None
    # rounding may add an element
    return [graph.input(0, 2 * operand.elements + 1) for _ in range(operand.depth + 1)]


def _independent(outputs: Structure, flags: Structure) -> list[Symbol]:
    """Return the symbols that do not depend on the buffering but are needed to get from there to the outputs."""
    dependent = {symbol.number for symbol in symbols_of(flags)}
    edge: dict[int, Symbol] = {}
    for symbol in between(flags, outputs, _args):
        args = [arg for arg in _args(symbol) if isinstance(arg, Symbol)]
        if any(arg.number in dependent for arg in args):
            dependent.add(symbol.number)
            edge |= {arg.number: arg for arg in args if arg.number not in dependent}
    edge |= {symbol.number: symbol for symbol in symbols_of(outputs) if symbol.number not in dependent}
    return [edge[number] for number in sorted(edge)]


def _args(symbol: Symbol) -> tuple[Any, ...]:
    return () if symbol.op == "input" else symbol.args


class CompiledNumbers:
    """The two stages as functions on the numbers of one mapping."""

    def __init__(self, recording: Recording) -> None:
        inputs, figures, _, flags, kept, latency = recording
        self._figures = number_function("figures", inputs, (*figures, kept))
        self._latency = number_function("latency", (kept, flags), latency)

    def __call__(
        self, states: Sequence[OperandState], tiles: Sequence[Sequence[Any] | None]
    ) -> tuple[Figures, Callable[[Flags], LatencyFigures]]:
        """Return the figures of a mapping, and its latency as a function of the buffering."""
        *figures, kept = self._figures((states, tiles))
        return Figures(*figures), lambda doubled: LatencyFigures(*self._latency((kept, doubled)))


class CompiledArrays:
    """The two stages as functions on arrays.

    Raises
    ------
    TooLargeError
        If a float cannot hold some input or constant exactly.
    """

    def __init__(self, recording: Recording) -> None:
        inputs, (energy, *figures), terms, flags, kept, latency = recording
        # exact energies may exceed 64 bits: see `zzcp.cost.batch.energy`
        first = terms if is_integer(energy) else energy
        self.figures: ArrayFunction = array_function("figures", inputs, (first, *figures, kept))
        self.latency: ArrayFunction = array_function("latency", (kept, flags), latency)
