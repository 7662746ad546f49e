"""Temporal stall: the cycles that the array waits for busy ports.

Source: Mei et al., "A uniform latency model for DNN accelerators", DATE 2022, section III (stall and slack per
link, combination per physical port), as implemented in zigzag-dse 3.9.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from zzcp.cost.formulas.numeric import Numeric
from zzcp.cost.formulas.remainders import Transfer, busy, fitting, late, total


class Activities(NamedTuple):
    """What every movement asks of its port; lists over the movements of a setting (see `zzcp.cost.formulas.moves`).

    Attributes
    ----------
    cycles : list
        Cycles at the port per period.
    window : list
        Cycles per period in which the transfer may run without stopping the array.
    period : list
        Cycles of a period.
    counts : list
        Periods over the layer; 0 where the movement does not take place.
    repeats : list
        Transfers that fall between the first fill and the last drain.
    transfers : list of list of Transfer, optional
        The same by kinds of refills, where temporal loops do not divide or memories keep the overlap of windows; the
        other attributes are of whole tiles then.
    """

    cycles: list[Any]
    window: list[Any]
    period: list[Any]
    counts: list[Any]
    repeats: list[Any]
    transfers: Sequence[Sequence[Transfer]] | None = None

    def slack(self, move: int) -> Any:
        """Return the stall (positive) or slack (negative) cycles of one movement alone."""
        if self.transfers is not None:
            return total([(part.cycles - part.window) * part.repeats for part in self.transfers[move]])
        return (self.cycles[move] - self.window[move]) * self.repeats[move]

    def first(self, move: int) -> Any:
        """Return the cycles of the first fill or last drain of a movement, which are no part of the run."""
        return self.cycles[move] * (self.counts[move] - self.repeats[move])

    def late(self, move: int, numeric: Numeric) -> Any:
        """Return the cycles by which the transfers of a movement exceed their windows."""
        if self.transfers is None:
            return numeric.maximum(0, self.slack(move))
        return late(self.transfers[move], numeric)

    def fitting(self, move: int, numeric: Numeric) -> Any:
        """Return the cycles of the transfers of a movement within their windows."""
        if self.transfers is None:
            return numeric.minimum(self.window[move], self.cycles[move]) * self.repeats[move]
        return fitting(self.transfers[move], numeric)

    def together(self, first: int, second: int, numeric: Numeric) -> Any:
        """Return the cycles in which the transfers of a movement and of another one on its link take place at once.

        The second one has no more of them.
        """
        if self.transfers is None:
            return numeric.minimum(self.cycles[first], self.cycles[second]) * self.repeats[second]
        return total(
            [
                numeric.minimum(one.cycles, other.cycles) * other.repeats
                for one, other in zip(self.transfers[first], self.transfers[second], strict=True)
            ]
        )

    def busy(self, move: int) -> Any:
        """Return the cycles of all transfers of a movement."""
        if self.transfers is None:
            return self.cycles[move] * self.repeats[move]
        return busy(self.transfers[move])


def coupled_stall(
    pairs: Sequence[tuple[int, int]], activities: Activities, run: Any, numeric: Numeric
) -> Any:
    """Return the cycles that movements which exclude each other stop the array, at least 0.

    Parameters
    ----------
    pairs : sequence of (int, int)
        The movements, each on two ports (see `zzcp.cost.formulas.couplings`).
    activities, run, numeric
        As for `port_stall`.
    """
    held: Any = 0
    for first, second in pairs:
        held = held + activities.together(first, second, numeric)
    return numeric.maximum(0, held - run)


def port_stall(moves: Sequence[int], activities: Activities, run: Any, numeric: Numeric) -> Any:
    """Return the cycles that a port stops the array, at least 0.

    Parameters
    ----------
    moves : sequence of int
        The movements through the port.
    activities : Activities
        What every movement asks.
    run : int
        Cycles of the whole layer without stalls.
    numeric : Numeric
        Numbers or arrays.
    """
    if len(moves) == 1:
        return activities.late(moves[0], numeric)
    beyond: Any = 0
    within: Any = 0
    for move in moves:
        beyond = beyond + activities.late(move, numeric)
        # what fits its own window still takes part in the competition for the union of the windows
        within = within + activities.fitting(move, numeric)
    return beyond + numeric.maximum(0, within - window_union(moves, activities, run, numeric))


def window_union(moves: Sequence[int], activities: Activities, run: Any, numeric: Numeric) -> Any:
    """Return how many cycles of the run lie in the window of at least one activity.

    Windows stand at the beginning of their periods. As all periods are products of the innermost loops of one
    order, each divides the next longer one, and the cycles that no window covers can be counted recursively:
    with U_j(x) the uncovered cycles among the first x after the j shortest periods are laid out,

        U_j(x) = (x // P_j) * (U_{j-1}(P_j) - U_{j-1}(A_j)) + max(0, U_{j-1}(x mod P_j) - U_{j-1}(A_j)).

    Where loops do not divide the periods are those of whole tiles, laid out without the shorter ones in between.
    """
    windows, periods, counts = activities.window, activities.period, activities.counts
    # an inactive movement has no window
    pairs = [(periods[move], numeric.where(counts[move] > 0, windows[move], 0)) for move in moves]
    layers: list[tuple[Any, Any, Any]] = []

    def uncovered(x: Any, below: int) -> Any:
        """Uncovered cycles among the first x, with the `below` shortest periods laid out."""
        parts = []
        for period, inside, per_period in reversed(layers[:below]):
            parts.append((x // period, inside, per_period))
            x = x % period
        value = x
        for whole, inside, per_period in reversed(parts):
            value = part(whole * per_period) + numeric.maximum(0, value - inside)
        return part(value)

    def part(x: Any) -> Any:
        """Some of the cycles of the run."""
        return numeric.within(x, 0, run)

    def uncovered_periods(x: Any) -> Any:
        """Uncovered cycles among the first x, a multiple of all periods laid out so far."""
        if not layers or activities.transfers is not None:
            return uncovered(x, len(layers))
        period, _, per_period = layers[-1]
        return part(x // period * per_period)

    for number, (period, window) in enumerate(numeric.sort_pairs(pairs)):
        inside = uncovered(window, number)
        layers.append((period, inside, part(uncovered_periods(period) - inside)))
    return run - uncovered_periods(run)
