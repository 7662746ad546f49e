"""Data loading before the first operation and data unloading after the last one.

A *fill* is the first transfer over a link: for an input from memory level a down to level a - 1, for the output the
last transfer up. It occupies a port on both sides for the slower side's cycles. A link whose data moves only once
in the whole run (count 1) may move part of it during the computation.

Two rules exist. ZigZag's (`combined_loading`) is in `zigzag_loading`. The other one, `scheduled_loading`:

1. What must be there before the first operation is, on every link that is filled more than once, the tile; on a
   once-only link the first piece of it, that is what the links below move at a time: a tile of the next level that is
   refilled, or what the array uses at once. The rest of a once-only fill may hide behind the cycles before its data is
   first needed: the window A of the tile, that is the run up to the last relevant loop. It hides only where both ports
   are idle on average during these cycles, and what one fill uses is gone for the next.
2. What does not hide is scheduled: a port carries one transfer at a time, and a level is filled before it feeds the
   one below. The shortest schedule counts, over both orders of handing out the idle cycles.
3. Draining the output is the mirror image; it is a chain of one operand, so nothing can overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, NamedTuple

from zzcp.cost.moves import Move
from zzcp.cost.numeric import Numeric, ceil_div
from zzcp.cost.setting import Setting
from zzcp.cost.stall import Activities
from zzcp.hardware import Direction


@dataclass(frozen=True, slots=True)
class FillSetting:
    """A link of an operand as the first fill (or last drain) sees it.

    Parameters
    ----------
    operand : int
        Position of the operand in `Setting.operands`.
    link : int
        The link, 1 .. L-1.
    lower, upper : int
        Positions in `Setting.ports` of the ports on its two sides.
    lower_move, upper_move : int
        The movements on the two sides.
    latency : int
        Access latency of the memory that is read.
    """

    operand: int
    link: int
    lower: int
    upper: int
    lower_move: int
    upper_move: int
    latency: int

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that the fill occupies."""
        return (self.lower,) if self.lower == self.upper else (self.lower, self.upper)


class Fill(NamedTuple):
    """The numbers of one fill for one mapping.

    Attributes
    ----------
    lower, upper : Any
        Cycles at the ports of the two sides.
    lower_least, upper_least : Any
        Cycles there for the first piece, which no computation can do without.
    once : Any
        Whether the link moves its data only once.
    window : Any
        Cycles before the data is first needed in full.
    """

    lower: Any
    upper: Any
    lower_least: Any
    upper_least: Any
    once: Any
    window: Any


def compile_fills(setting: Setting, moves: Sequence[Move]) -> tuple[FillSetting, ...]:
    """Return the fills of all operands: inputs from the outermost link inwards, the output outwards."""
    by_use = {
        (use.operand, use.level, use.direction): index
        for index, port in enumerate(setting.ports)
        for use in port.uses
    }
    by_move = {(move.operand, move.level, move.direction): index for index, move in enumerate(moves)}
    fills = []
    for index, operand in enumerate(setting.operands):
        links = range(1, operand.depth)
        for link in links if operand.is_output else reversed(links):
            lower_direction = Direction.TO_ABOVE if operand.is_output else Direction.FROM_ABOVE
            upper_direction = Direction.FROM_BELOW if operand.is_output else Direction.TO_BELOW
            source = operand.memories[link - 1 if operand.is_output else link]
            lower, upper = (index, link - 1, lower_direction), (index, link, upper_direction)
            fills.append(
                FillSetting(
                    operand=index,
                    link=link,
                    lower=by_use[lower],
                    upper=by_use[upper],
                    lower_move=by_move[lower],
                    upper_move=by_move[upper],
                    latency=source.latency if setting.conventions.access_latency else 0,
                )
            )
    return tuple(fills)


@dataclass(frozen=True, slots=True)
class LoadingPlan:
    """What is fixed for the loading of all mappings of a setting.

    Parameters
    ----------
    inputs : tuple of tuple of FillSetting
        Fills per input operand, outermost link first.
    output : tuple of FillSetting
        Drains of the output, innermost link first.
    orders : tuple of tuple of (int, int)
        Orders of the input fills (operand position, step) that lead to different schedules.
    port_moves : tuple of tuple of int
        Movements through every port of the setting.
    """

    inputs: tuple[tuple[FillSetting, ...], ...]
    output: tuple[FillSetting, ...]
    orders: tuple[tuple[tuple[int, int], ...], ...]
    port_moves: tuple[tuple[int, ...], ...]


def compile_loading(
    setting: Setting, moves: Sequence[Move], port_moves: tuple[tuple[int, ...], ...]
) -> LoadingPlan:
    """Compile the fills and the orders in which they may be scheduled."""
    fills = compile_fills(setting, moves)
    output = next(index for index, operand in enumerate(setting.operands) if operand.is_output)
    inputs = tuple(
        tuple(fill for fill in fills if fill.operand == index)
        for index in range(len(setting.operands))
        if index != output
    )
    return LoadingPlan(
        inputs, tuple(fill for fill in fills if fill.operand == output), _orders(inputs), port_moves
    )


def _orders(chains: Sequence[Sequence[FillSetting]]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Return interleavings of the chains, one for each way to order the pairs of fills that share a port."""
    seen: dict[frozenset[tuple[tuple[int, int], tuple[int, int]]], tuple[tuple[int, int], ...]] = {}

    def extend(done: tuple[int, ...], order: tuple[tuple[int, int], ...]) -> None:
        if all(step == len(chain) for step, chain in zip(done, chains, strict=True)):
            before = frozenset(
                (first, second)
                for position, first in enumerate(order)
                for second in order[position + 1 :]
                if first[0] != second[0]
                and set(chains[first[0]][first[1]].ports) & set(chains[second[0]][second[1]].ports)
            )
            seen.setdefault(before, order)
            return
        for index, chain in enumerate(chains):
            if done[index] < len(chain):
                following = (*done[:index], done[index] + 1, *done[index + 1 :])
                extend(following, (*order, (index, done[index])))

    extend(tuple(0 for _ in chains), ())
    return tuple(seen.values())


def schedule(
    chains: Sequence[Sequence[FillSetting]],
    cycles: Mapping[tuple[int, int], Any],
    order: Sequence[tuple[int, int]],
    numeric: Numeric,
) -> tuple[Any, dict[tuple[int, int], Any]]:
    """Start every fill as early as one order of the fills allows.

    Returns
    -------
    makespan : int
        Cycles until the last fill has arrived.
    starts : dict
        Start of every fill, keyed by (chain, step).
    """
    port_free: dict[int, Any] = {}
    ready: list[Any] = [0] * len(chains)
    starts: dict[tuple[int, int], Any] = {}
    for index, step in order:
        fill = chains[index][step]
        start = ready[index]
        for port in fill.ports:
            start = numeric.maximum(start, port_free.get(port, 0))
        end = start + cycles[index, step]
        for port in fill.ports:
            port_free[port] = end
        starts[index, step] = start
        # a fill that moves nothing costs no access either
        ready[index] = end + numeric.where(cycles[index, step] > 0, fill.latency, 0)
    makespan: Any = 0
    for end in ready:
        makespan = numeric.maximum(makespan, end)
    return makespan, starts


def spare_cycles(
    moves: Sequence[int], activities: Activities, window: Any, run: Any, stall: Any, numeric: Numeric
) -> Any:
    """Return the idle cycles of a port during the first `window` of the `run` cycles, rounded down.

    Recurring transfers take their average share of the window, rounded up; stalls stretch it.
    """
    busy: Any = 0
    for move in moves:
        share = ceil_div(window * activities.cycles[move], activities.period[move])
        busy = busy + numeric.where(activities.counts[move] > 1, share, 0)
    # the window is the run divided by an integer, so that the stall can be shared out without a large product
    return numeric.maximum(0, window + stall // (run // window) - busy)


class Loading(NamedTuple):
    """Loading and unloading of one mapping.

    Attributes
    ----------
    loading, unloading : Any
        Cycles before the first and after the last operation.
    hidden : dict
        Cycles of every fill behind the computation, keyed by (operand, link); empty for a batch.
    starts : dict
        Start cycle of every input fill, keyed by (input, step); empty for a batch.
    """

    loading: Any
    unloading: Any
    hidden: dict[tuple[int, int], Any]
    starts: dict[tuple[int, int], Any]


def scheduled_loading(
    plan: LoadingPlan,
    fills: Mapping[tuple[int, int], Fill],
    activities: Activities,
    run: Any,
    stall: Any,
    numeric: Numeric,
) -> Loading:
    """Schedule the first fills on the physical ports (see the module's rule 1 to 3).

    Parameters
    ----------
    plan : LoadingPlan
        Fills and orders.
    fills : mapping of (int, int) to Fill
        The numbers of every fill, keyed by (operand, link).
    activities : Activities
        What moves during the computation.
    run, stall : int
        Cycles of the computation without stalls, and stalls.
    numeric : Numeric
        Numbers or arrays.
    """
    spares = _Spares(plan.port_moves, activities, run, stall, numeric)
    chosen: Loading | None = None
    total: Any = None
    for handing in _handings(plan, fills):
        used: dict[int, Any] = {}
        hidden: dict[tuple[int, int], Any] = {}
        for index in handing:
            for fill in plan.inputs[index]:
                hidden[fill.operand, fill.link] = _hide(fill, fills, spares, used, numeric, drain=False)
        # the outermost links first, as for the inputs: theirs are the long transfers
        for fill in reversed(plan.output):
            hidden[fill.operand, fill.link] = _hide(fill, fills, spares, used, numeric, drain=True)
        unloading: Any = 0
        for fill in plan.output:
            exposed = _exposed(fill, fills, hidden, numeric)
            unloading = unloading + exposed + numeric.where(exposed > 0, fill.latency, 0)
        cycles = {
            (index, step): _exposed(fill, fills, hidden, numeric)
            for index, chain in enumerate(plan.inputs)
            for step, fill in enumerate(chain)
        }
        for order in plan.orders:
            makespan, starts = schedule(plan.inputs, cycles, order, numeric)
            candidate = Loading(makespan, unloading, hidden, starts)
            if chosen is None:
                chosen, total = candidate, makespan + unloading
                continue
            better = makespan + unloading < total
            total = numeric.minimum(total, makespan + unloading)
            if isinstance(better, bool):
                chosen = candidate if better else chosen
            else:
                chosen = Loading(
                    numeric.where(better, makespan, chosen.loading),
                    numeric.where(better, unloading, chosen.unloading),
                    {},
                    {},
                )
    assert chosen is not None  # there is always at least one order
    return chosen


def _handings(plan: LoadingPlan, fills: Mapping[tuple[int, int], Fill]) -> list[tuple[int, ...]]:
    """Return the orders in which inputs may take idle cycles; they differ only if two inputs have a once-only fill."""
    # on symbols a fill may happen once unless that is known to be false
    once = [any(fills[fill.operand, fill.link].once is not False for fill in chain) for chain in plan.inputs]
    every = list(permutations(range(len(plan.inputs))))
    return every if sum(once) > 1 else every[:1]


class _Spares:
    """Idle cycles per port and window, computed when asked for."""

    def __init__(
        self,
        port_moves: Sequence[Sequence[int]],
        activities: Activities,
        run: Any,
        stall: Any,
        numeric: Numeric,
    ) -> None:
        self.port_moves, self.activities = port_moves, activities
        self.run, self.stall, self.numeric = run, stall, numeric

    def __call__(self, port: int, window: Any) -> Any:
        return spare_cycles(
            self.port_moves[port], self.activities, window, self.run, self.stall, self.numeric
        )


def _hide(
    fill: FillSetting,
    fills: Mapping[tuple[int, int], Fill],
    spares: _Spares,
    used: dict[int, Any],
    numeric: Numeric,
    *,
    drain: bool,
) -> Any:
    """Return the cycles of a fill that hide behind the computation, and book them on its ports."""
    numbers = fills[fill.operand, fill.link]
    if numbers.once is False:
        return 0
    cycles = numeric.maximum(numbers.lower, numbers.upper)
    least = numeric.maximum(numbers.lower_least, numbers.upper_least)
    free = numeric.maximum(0, cycles - least)
    for port in fill.ports:
        available = spares(port, numbers.window) - (0 if drain else used.get(port, 0))
        if drain and port in used:
            available = numeric.minimum(available, spares(port, spares.run) - used[port])
        free = numeric.minimum(free, available)
    hidden = numeric.where(numbers.once, numeric.maximum(0, free), 0)
    for port in fill.ports:
        used[port] = used.get(port, 0) + hidden
    return hidden


def _exposed(
    fill: FillSetting,
    fills: Mapping[tuple[int, int], Fill],
    hidden: Mapping[tuple[int, int], Any],
    numeric: Numeric,
) -> Any:
    numbers = fills[fill.operand, fill.link]
    return numeric.maximum(numbers.lower, numbers.upper) - hidden[fill.operand, fill.link]
