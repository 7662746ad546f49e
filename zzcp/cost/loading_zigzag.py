"""Data loading and unloading as ZigZag combines them.

Source: ``CostModelEvaluation.calc_data_loading_latency`` of zigzag-dse 3.9.1. A fill that happens once is reduced by
the port's spare bandwidth over the whole run, but not below the cycles for one tile of the innermost memory; the
slower side of every link counts; the inputs are combined by whether a link's ports are shared by both of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from zzcp.cost.loading import FillSetting, Loading, LoadingPlan
from zzcp.cost.numeric import Numeric
from zzcp.cost.setting import PortSetting, PortUse, Setting
from zzcp.hardware import Direction


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
        Bits per cycle that it needs on average, as an integer.
    """

    cycles: Any
    least: Any
    once: Any
    recurring: Any
    average: Any


def takes_part(use: PortUse, setting: Setting) -> bool:
    """Return whether a movement counts: partial sums that flow back do not."""
    is_output = setting.operands[use.operand].is_output
    return not (is_output and use.direction in (Direction.TO_BELOW, Direction.FROM_ABOVE))


def zigzag_loading(
    setting: Setting,
    plan: LoadingPlan,
    port_fills: Mapping[tuple[int, int, Direction], PortFill],
    run: Any,
    stall: Any,
    numeric: Numeric,
) -> tuple[Loading, dict[tuple[int, int, Direction], Any]]:
    """Return the loading and what is left of every movement's fill.

    Parameters
    ----------
    setting : Setting
        The compiled layer and machine.
    plan : LoadingPlan
        Its fills.
    port_fills : mapping
        For every (operand, level, direction) that takes part its numbers.
    run, stall : int
        Cycles of the computation, and its stalls.
    numeric : Numeric
        Numbers or arrays.
    """
    left: dict[tuple[int, int, Direction], Any] = {}
    for port in setting.ports:
        _reduce_port(port, setting, port_fills, run + stall, left, numeric)
    parts = []
    for chain in plan.inputs:
        exclusive: Any = 0
        half: Any = 0
        shared: Any = 0
        # innermost link first: of several half-shared links the outermost counts
        for fill in reversed(chain):
            cycles = _slower_side(fill, Direction.FROM_ABOVE, Direction.TO_BELOW, left, numeric)
            sides = setting.ports[fill.lower].both_inputs + setting.ports[fill.upper].both_inputs
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
        loading = numeric.minimum(_combined(*parts, numeric), _combined(*parts[::-1], numeric))
    unloading: Any = 0
    for fill in plan.output:
        unloading = unloading + _slower_side(fill, Direction.TO_ABOVE, Direction.FROM_BELOW, left, numeric)
    return Loading(loading, unloading, {}, {}), left


def _combined(first: tuple[Any, Any, Any], second: tuple[Any, Any, Any], numeric: Numeric) -> Any:
    """Cycles when the first operand goes first through the ports that both share."""
    exclusive, half, shared = first
    other_exclusive, other_half, other_shared = second
    return shared + numeric.maximum(other_shared + other_half + other_exclusive, half + exclusive)


def _slower_side(
    fill: FillSetting,
    lower: Direction,
    upper: Direction,
    left: Mapping[tuple[int, int, Direction], Any],
    numeric: Numeric,
) -> Any:
    return numeric.maximum(left[fill.operand, fill.link - 1, lower], left[fill.operand, fill.link, upper])


def _reduce_port(
    port: PortSetting,
    setting: Setting,
    port_fills: Mapping[tuple[int, int, Direction], PortFill],
    run: Any,
    left: dict[tuple[int, int, Direction], Any],
    numeric: Numeric,
) -> None:
    keys = [(use.operand, use.level, use.direction) for use in port.uses if takes_part(use, setting)]
    numbers: Sequence[PortFill] = [port_fills[key] for key in keys]
    if not keys:
        return
    average: Any = 0
    for fill in numbers:
        average = average + numeric.where(fill.recurring, fill.average, 0)
    width = port.port.bandwidth_max
    spare = numeric.maximum(0, ((width - average) / width) * run)
    remaining, _ = numeric.reduce_ordered(
        [fill.cycles for fill in numbers],
        [fill.least for fill in numbers],
        [fill.once for fill in numbers],
        spare,
    )
    left.update(zip(keys, remaining, strict=True))
