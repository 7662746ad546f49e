"""Data loading and unloading as ZigZag combines them.

Source: ``CostModelEvaluation.calc_data_loading_latency`` of zigzag-dse 3.9.1. A fill that happens once is reduced by
the port's spare bandwidth over the whole run, but not below the cycles for one tile of the innermost memory; the
slower side of every link counts; the inputs are combined by whether a link's ports are shared by both of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from zzcp.cost.formulas.loading import FillSetting, Loading, LoadingPlan
from zzcp.cost.formulas.moves import Move
from zzcp.cost.formulas.numeric import Numeric
from zzcp.cost.setting.setting import Setting


class PortFill(NamedTuple):
    """A movement at a port during loading and unloading.

    Attributes
    ----------
    cycles : Any
        Cycles of the first fill or last drain.
    least : Any
        Cycles for the tile of the innermost memory.
    once : Any
        Whether the movement takes place once.
    recurring : Any
        Whether it takes place more than once.
    average : Any
        Bits per cycle that it needs on average; an integer where the conventions truncate it.
    """

    cycles: Any
    least: Any
    once: Any
    recurring: Any
    average: Any


def zigzag_loading(
    setting: Setting,
    moves: Sequence[Move],
    plan: LoadingPlan,
    port_fills: Mapping[int, PortFill],
    run: Any,
    stall: Any,
    numeric: Numeric,
) -> tuple[Loading, dict[int, Any]]:
    """Return the loading and what is left of every movement's fill.

    Parameters
    ----------
    setting : Setting
        The compiled layer and machine.
    moves : sequence of Move
        Its movements.
    plan : LoadingPlan
        Its fills.
    port_fills : mapping of int to PortFill
        The numbers of every movement that takes part: partial sums that flow back do not.
    run, stall : int
        Cycles of the computation, and its stalls.
    numeric : Numeric
        Numbers or arrays.
    """
    left: dict[int, Any] = {}
    for port, all_moves in zip(setting.ports, plan.port_moves, strict=True):
        taking_part = [move for move in all_moves if not moves[move].back]
        if setting.conventions.once_only_loads == "exposed":
            left.update((move, port_fills[move].cycles) for move in taking_part)
        else:
            _reduce_port(port.port.bandwidth_max, taking_part, port_fills, run + stall, left, numeric)
    parts = []
    for chain in plan.inputs:
        exclusive: Any = 0
        half: Any = 0
        shared: Any = 0
        # innermost link first: of several half-shared links the outermost counts
        for fill in reversed(chain):
            cycles = _slower_side(fill, left, numeric)
            sides = sum(setting.ports[port].both_inputs for port in fill.ports)
            if sides == 0:
                exclusive = exclusive + cycles
            elif sides == 2:
                shared = shared + cycles
            else:
                half = cycles
        parts.append((exclusive, half, shared))
    if len(parts) == 1:
        loading = parts[0][0]
    else:
        first, second = parts
        loading = numeric.minimum(_combined(first, second, numeric), _combined(second, first, numeric))
    unloading: Any = 0
    for fill in plan.output:
        unloading = unloading + _slower_side(fill, left, numeric)
    return Loading(loading, unloading, {}, {}), left


def _combined(first: tuple[Any, Any, Any], second: tuple[Any, Any, Any], numeric: Numeric) -> Any:
    """Cycles when the first operand goes first through the ports that both share."""
    exclusive, half, shared = first
    other_exclusive, other_half, other_shared = second
    return shared + numeric.maximum(other_shared + other_half + other_exclusive, half + exclusive)


def _slower_side(fill: FillSetting, left: Mapping[int, Any], numeric: Numeric) -> Any:
    lower, upper = (left[move] for move in fill.moves)
    return numeric.maximum(lower, upper)


def _reduce_port(
    width: int,
    moves: Sequence[int],
    port_fills: Mapping[int, PortFill],
    run: Any,
    left: dict[int, Any],
    numeric: Numeric,
) -> None:
    """Let the fills that happen once use the spare bandwidth of a port, the longest first."""
    fills = [port_fills[move] for move in moves]
    average: Any = 0
    for fill in fills:
        average = average + numeric.where(fill.recurring, fill.average, 0)
    spare = numeric.maximum(0, ((width - average) / width) * run)
    if len(fills) == 1:
        ((move, fill),) = zip(moves, fills, strict=True)
        hidden = numeric.minimum(numeric.maximum(0, fill.cycles - fill.least), spare)
        left[move] = fill.cycles - numeric.where(fill.once, hidden, 0)
        return
    wanted = [numeric.where(fill.once, numeric.maximum(0, fill.cycles - fill.least), 0) for fill in fills]
    for place, (move, fill) in enumerate(zip(moves, fills, strict=True)):
        # no rounding: the wanted cycles are integers, so it does not matter in which order they are taken away
        taken: Any = 0
        for other, other_fill in enumerate(fills):
            if other < place:
                first = other_fill.cycles >= fill.cycles
            elif other > place:
                first = other_fill.cycles > fill.cycles
            else:
                continue
            taken = taken + numeric.where(first, wanted[other], 0)
        left[move] = fill.cycles - numeric.minimum(wanted[place], numeric.maximum(0, spare - taken))
