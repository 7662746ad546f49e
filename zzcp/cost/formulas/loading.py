"""Data loading before the first operation and data unloading after the last one.

A *fill* is the first transfer over a link: for an input from memory level a down to level a - 1 or the array, for the
output the last transfer up. It occupies a port on both sides for the slower side's cycles; the array has none. A link
between memories whose data moves only once in the whole run (count 1) may move part of it during the computation.

Two rules exist. ZigZag's (`combined_loading`) is in `zigzag_loading`. The other one, `scheduled_loading`:

1. What must be there before the first operation is, on every link that is filled more than once, the tile; on a
   once-only link the first piece of it, that is what the links below move at a time: a tile of the next level that is
   refilled, or what the array uses at once. These are scheduled: a port carries one transfer at a time, and a level is
   filled before it feeds the one below, the innermost one before it feeds the array. The shortest schedule counts.
2. The rest of a once-only fill has time until its last data is first needed: the window A of the tile, that is the run
   up to the last relevant loop. By then every port must have carried all that is due, during the loading and in the
   cycles of the window that its recurring transfers leave idle on average; else the loading lasts longer.
3. Draining the output is the mirror image, with the windows at the end of the run.
4. What must wait for a window that is the whole run can wait as well while the array works; inputs and output then
   wait at the same time, as they do behind a stall. So no cycle of the one stands for a cycle of the other, and a
   shorter stall never makes the whole longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, NamedTuple

from zzcp.cost.formulas.first_fills import Order, Step, TwoChains
from zzcp.cost.formulas.moves import Move
from zzcp.cost.formulas.numeric import PYTHON, Numeric, ceil_div
from zzcp.cost.formulas.stall import Activities
from zzcp.cost.setting.setting import Setting
from zzcp.hardware import Direction

_FEW_ORDERS = 100
"""So many interleavings of the input fills are gone through one by one, at most."""


@dataclass(frozen=True, slots=True)
class FillSetting:
    """A link of an operand as the first fill (or last drain) sees it.

    Parameters
    ----------
    operand : int
        Position of the operand in `Setting.operands`.
    link : int
        The link, 0 .. L-1.
    lower, upper : int
        Positions in `Setting.ports` of the ports on its two sides; no lower one at the array.
    lower_move, upper_move : int
        The movements on the two sides.
    latency : int
        Access latency of the memory that is read.
    """

    operand: int
    link: int
    lower: int | None
    upper: int
    lower_move: int | None
    upper_move: int
    latency: int

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that the fill occupies."""
        return (self.upper,) if self.lower is None else (self.lower, self.upper)

    @property
    def moves(self) -> tuple[int, ...]:
        """Its movements."""
        return (self.upper_move,) if self.lower_move is None else (self.lower_move, self.upper_move)


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
        links = range(0 if setting.conventions.fills_array else 1, operand.depth)
        for link in links if operand.is_output else reversed(links):
            lower_direction = Direction.TO_ABOVE if operand.is_output else Direction.FROM_ABOVE
            upper_direction = Direction.FROM_BELOW if operand.is_output else Direction.TO_BELOW
            source = link - 1 if operand.is_output else link
            waits = setting.conventions.access_latency and source >= 0
            lower, upper = (index, link - 1, lower_direction), (index, link, upper_direction)
            fills.append(
                FillSetting(
                    operand=index,
                    link=link,
                    lower=by_use[lower] if link else None,
                    upper=by_use[upper],
                    lower_move=by_move[lower] if link else None,
                    upper_move=by_move[upper],
                    latency=operand.memories[source].latency if waits else 0,
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
        Orders of the input fills (operand position, step) that lead to different schedules; none under ZigZag's rule,
        which schedules nothing, and where they would be many.
    many_orders : TwoChains or None
        The two chains of input fills in that case.
    port_moves : tuple of tuple of int
        Movements through every port of the setting.
    """

    inputs: tuple[tuple[FillSetting, ...], ...]
    output: tuple[FillSetting, ...]
    orders: tuple[Order, ...]
    many_orders: TwoChains | None
    port_moves: tuple[tuple[int, ...], ...]

    def shortest(self, cycles: Mapping[Step, Any], numeric: Numeric) -> tuple[Any, dict[Step, Any]]:
        """Return the cycles of the shortest schedule of the input fills, and its starts (none for a batch).

        Parameters
        ----------
        cycles : mapping of (int, int) to Any
            Of every fill, keyed by (input, step).
        numeric : Numeric
            Numbers or arrays.
        """
        orders: Sequence[Order] = self.orders
        if self.many_orders is not None:
            shortest, order = self.many_orders.shortest(cycles, numeric)
            if numeric is not PYTHON:
                return shortest, {}
            orders = (order,)
        shortest, starts = schedule(self.inputs, cycles, orders[0], numeric)
        for order in orders[1:]:
            makespan, other = schedule(self.inputs, cycles, order, numeric)
            if numeric is PYTHON and makespan < shortest:
                starts = other
            shortest = numeric.minimum(shortest, makespan)
        return shortest, starts if numeric is PYTHON else {}


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
    combined = setting.conventions.combined_loading
    many = not combined and len(inputs) == 2 and comb(sum(map(len, inputs)), len(inputs[0])) > _FEW_ORDERS
    return LoadingPlan(
        inputs,
        tuple(fill for fill in fills if fill.operand == output),
        () if combined or many else _orders(inputs),
        TwoChains(inputs) if many else None,
        port_moves,
    )


def _orders(chains: Sequence[Sequence[FillSetting]]) -> tuple[Order, ...]:
    """Return interleavings of the chains, one for each way to order the pairs of fills that share a port."""
    seen: dict[frozenset[tuple[Step, Step]], Order] = {}

    def extend(done: tuple[int, ...], order: Order) -> None:
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


def idle_cycles(moves: Sequence[int], activities: Activities, window: Any, run: Any) -> Any:
    """Return the cycles of the first `window` of the `run` that the recurring transfers of a port leave, rounded down.

    These take their average share, the first fill and the last drain left out. Where they take more cycles than there
    are, the result is negative.
    """
    busy: Any = 0
    for move in moves:
        busy = busy + activities.busy(move)
    # the window is the run divided by an integer, so that no large product is needed
    return window - ceil_div(busy, run // window)


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
    """Schedule the first fills on the physical ports (see the module's rules 1 to 4).

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
    pieces = {place: _piece(numbers, numeric) for place, numbers in fills.items()}
    first_pieces, starts = _first_pieces(plan, pieces, numeric)
    last_pieces: Any = 0
    for fill in plan.output:
        cycles = pieces[fill.operand, fill.link]
        last_pieces = last_pieces + cycles + numeric.where(cycles > 0, fill.latency, 0)
    dues = _dues(plan, fills, activities, run, stall, numeric)

    before, after = first_pieces, last_pieces
    for due in dues:
        before = numeric.maximum(before, due.early_fills)
        after = numeric.maximum(after, due.early_drains)
    unloading, both = after, before + after
    for due in dues:
        unloading = numeric.maximum(unloading, due.drains - due.idle)
        both = numeric.maximum(both, due.fills - due.idle + after)
        both = numeric.maximum(both, due.drains - due.idle + before)
        both = numeric.maximum(both, due.fills + due.drains - due.idle)
    loading = both - unloading
    hidden: dict[tuple[int, int], Any] = {}
    if numeric is PYTHON:
        hidden = {place: full_cycles(fills[place], numeric) - piece for place, piece in pieces.items()}
        inputs = [fill for chain in plan.inputs for fill in chain]
        late = [(due, max(due.early_fills, due.fills - due.idle)) for due in dues]
        _expose(late, loading, inputs, fills, hidden)
        late = [(due, max(due.early_drains, due.drains - due.idle)) for due in dues]
        _expose(late, unloading, plan.output, fills, hidden)
    return Loading(loading, unloading, hidden, starts)


def full_cycles(fill: Fill, numeric: Numeric) -> Any:
    """Return the cycles of a whole fill, those of its slower side."""
    return numeric.maximum(fill.lower, fill.upper)


def _piece(fill: Fill, numeric: Numeric) -> Any:
    """Return the cycles of what must be there before the first operation."""
    full = full_cycles(fill, numeric)
    if fill.once is False:
        return full
    least = numeric.maximum(fill.lower_least, fill.upper_least)
    return numeric.where(fill.once, numeric.minimum(full, least), full)


def _first_pieces(
    plan: LoadingPlan, pieces: Mapping[tuple[int, int], Any], numeric: Numeric
) -> tuple[Any, dict[tuple[int, int], Any]]:
    """Return the length of the shortest schedule of the first pieces, and its starts (none for a batch)."""
    cycles = {
        (index, step): pieces[fill.operand, fill.link]
        for index, chain in enumerate(plan.inputs)
        for step, fill in enumerate(chain)
    }
    return plan.shortest(cycles, numeric)


class _Due(NamedTuple):
    """What a port must have carried before the run is over, in cycles.

    Attributes
    ----------
    port : int
        Which port.
    once : tuple of FillSetting
        Fills and drains that may happen once.
    fills, drains : Any
        All first fills, and all last drains.
    idle : Any
        Idle cycles of the run, stalls included.
    early_fills, early_drains : Any
        What has to be carried before the run, or after it, because a window shorter than the run has no room for it.
    """

    port: int
    once: tuple[FillSetting, ...]
    fills: Any
    drains: Any
    idle: Any
    early_fills: Any
    early_drains: Any


def _dues(
    plan: LoadingPlan,
    fills: Mapping[tuple[int, int], Fill],
    activities: Activities,
    run: Any,
    stall: Any,
    numeric: Numeric,
) -> list[_Due]:
    """Return the dues of all ports with a fill that may happen once."""
    inputs = [fill for chain in plan.inputs for fill in chain]
    dues = []
    for port in sorted({port for fill in (*inputs, *plan.output) for port in fill.ports}):
        moves = plan.port_moves[port]
        carried = [[fill for fill in side if port in fill.ports] for side in (inputs, plan.output)]
        once = [fill for side in carried for fill in side if fills[fill.operand, fill.link].once is not False]
        if not once:
            continue
        early: list[Any] = []
        for side in carried:
            most: Any = 0
            # the windows of an operand's links are the same
            for operand in sorted({fill.operand for fill in side if fill in once}):
                window = next(
                    fills[fill.operand, fill.link].window for fill in side if fill.operand == operand
                )
                if window is run:
                    continue
                room = numeric.maximum(0, idle_cycles(moves, activities, window, run))
                missing = _carried(side, fills, window, numeric) - room
                most = numeric.maximum(most, numeric.where(window < run, missing, 0))
            early.append(most)
        idle = idle_cycles(moves, activities, run, run) + stall
        filled, drained = (_carried(side, fills, None, numeric) for side in carried)
        dues.append(_Due(port, tuple(once), filled, drained, idle, early[0], early[1]))
    return dues


def _carried(
    side: Sequence[FillSetting], fills: Mapping[tuple[int, int], Fill], window: Any, numeric: Numeric
) -> Any:
    """Return the cycles of all fills that are due by the end of a window, or by that of the run."""
    total: Any = 0
    for fill in side:
        numbers = fills[fill.operand, fill.link]
        full = full_cycles(numbers, numeric)
        if window is not None and numbers.once is not False and numbers.window is not window:
            in_time = numeric.where(numbers.window > window, 0, full)
            full = numeric.where(numbers.once, in_time, full)
        total = total + full
    return total


def _expose(
    late: Sequence[tuple[_Due, int]],
    time: int,
    side: Sequence[FillSetting],
    fills: Mapping[tuple[int, int], Fill],
    hidden: dict[tuple[int, int], int],
) -> None:
    """Take off what hides what the ports have no room for; no port is busy for longer than the `time` there is."""

    def exposed(port: int) -> int:
        return sum(
            full_cycles(fills[fill.operand, fill.link], PYTHON) - hidden[fill.operand, fill.link]
            for fill in side
            if port in fill.ports
        )

    for due, cycles in late:
        for fill in reversed(due.once):
            if fill in side:
                missing = min(cycles, time) - exposed(due.port)
                room = min(time - exposed(port) for port in fill.ports)
                hidden[fill.operand, fill.link] -= max(0, min(missing, room, hidden[fill.operand, fill.link]))
