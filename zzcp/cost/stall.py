"""Temporal stall: the cycles that the array waits for busy ports.

Source: Mei et al., "A uniform latency model for DNN accelerators", DATE 2022, section III (stall and slack per
link, combination per physical port), as implemented in zigzag-dse 3.9.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from zzcp.cost.numeric import Numeric


class Activity(NamedTuple):
    """What one movement asks of its port.

    Attributes
    ----------
    cycles : Any
        Cycles at the port per period.
    window : Any
        Cycles per period in which the transfer may run without stopping the array.
    period : Any
        Cycles of a period.
    count : Any
        Periods over the layer; 0 where the movement does not take place.
    repeats : Any
        Transfers that fall between the first fill and the last drain.
    """

    cycles: Any
    window: Any
    period: Any
    count: Any
    repeats: Any

    @property
    def slack(self) -> Any:
        """Stall (positive) or slack (negative) cycles of the movement alone."""
        return (self.cycles - self.window) * self.repeats


def port_stall(activities: Sequence[Activity], run: Any, numeric: Numeric) -> Any:
    """Return the cycles that a port stops the array, at least 0.

    Parameters
    ----------
    activities : sequence of Activity
        Everything that moves through the port.
    run : int
        Cycles of the whole layer without stalls.
    numeric : Numeric
        Numbers or arrays.
    """
    if len(activities) == 1:
        return numeric.maximum(0, activities[0].slack)
    late: Any = 0
    busy: Any = 0
    for activity in activities:
        slack = activity.slack
        late = late + numeric.maximum(0, slack)
        # what fits its own window still takes part in the competition for the union of the windows
        busy = busy + numeric.where(
            slack > 0, activity.window * activity.repeats, activity.cycles * activity.repeats
        )
    return late + numeric.maximum(0, busy - window_union(activities, run, numeric))


def window_union(activities: Sequence[Activity], run: Any, numeric: Numeric) -> Any:
    """Return how many cycles of the run lie in the window of at least one activity.

    Windows stand at the beginning of their periods. As all periods are products of the innermost loops of one
    order, each divides the next longer one, and the cycles that no window covers can be counted recursively:
    with U_j(x) the uncovered cycles among the first x after the j shortest periods are laid out,

        U_j(x) = (x // P_j) * (U_{j-1}(P_j) - U_{j-1}(A_j)) + max(0, U_{j-1}(x mod P_j) - U_{j-1}(A_j)).
    """
    full: Any = False
    pairs = []
    for activity in activities:
        # an inactive movement has no window: lay it out as one that covers nothing
        window = numeric.where(activity.count > 0, activity.window, 0)
        full = full | ((activity.count > 0) & (activity.window == activity.period))
        pairs.append((numeric.where(activity.count > 0, activity.period, 1), window))
    if full is True:
        return run
    layers: list[tuple[Any, Any, Any]] = []

    def uncovered(x: Any, below: int) -> Any:
        """Uncovered cycles among the first x, with the `below` shortest periods laid out."""
        parts = []
        for period, inside, per_period in reversed(layers[:below]):
            parts.append((x // period, inside, per_period))
            x = x % period
        value = x
        for whole, inside, per_period in reversed(parts):
            value = whole * per_period + numeric.maximum(0, value - inside)
        return value

    for number, (period, window) in enumerate(numeric.sort_pairs(pairs)):
        inside = uncovered(window, number)
        layers.append((period, inside, uncovered(period, number) - inside))
    last_period, _, per_period = layers[-1]
    union = (last_period - per_period) * (run // last_period)
    return numeric.where(full, run, union)
