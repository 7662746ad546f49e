"""What is known of the points of a sweep: kept in the store, read from there when it is asked for."""

from __future__ import annotations

from collections import Counter, OrderedDict

from zzcp.solver.result import Result
from zzcp.sweeps.grid import Grid
from zzcp.sweeps.outcome import Outcome
from zzcp.sweeps.store import Row, Store

_AT_HAND = 128
"""Outcomes that are not read again."""


class Ledger:
    """Which points of a grid have an outcome, and the outcomes, by the numbers of the points.

    Points that are equal have one outcome. A byte says of every point whether it is known; all else is in the store.

    Parameters
    ----------
    grid : Grid
        The points; they are walked over before anything else is asked.
    store : Store
        Holds the outcomes.
    """

    def __init__(self, grid: Grid, store: Store) -> None:
        self.grid, self.store = grid, store
        self._limits = grid.options.seconds, grid.options.gap
        self._known, self._solved = bytearray(len(grid)), bytearray(len(grid))
        self.done = self.solved = 0
        """Points that are known, and those that were solved in this run."""
        self._at_hand: OrderedDict[int, Outcome] = OrderedDict()
        self._waiting: dict[int, tuple[Row, Outcome]] = {}
        self._equal: Counter[int] = Counter()

    def look_up(self) -> int:
        """Find out what the store knows already, and return how many different points it does not know."""
        self._equal = Counter(self.grid.first)
        missing = 0
        for number, first in enumerate(self.grid.first):
            if number == first:
                known = self.store.get(self._key(number), *self._limits) is not None
                if known:
                    self._note(number)
                missing += not known
        return missing

    def __contains__(self, number: int) -> bool:
        return bool(self._known[self.grid.first[number]])

    def reused(self, number: int) -> bool:
        """Return whether a point was not solved for itself in this run."""
        return self.grid.first[number] != number or not self._solved[number]

    def get(self, number: int) -> Outcome | None:
        """Return what is known of a point.

        Raises
        ------
        InputError
            If the store is damaged.
        """
        first = self.grid.first[number]
        if not self._known[first]:
            return None
        if first in self._waiting:
            return self._waiting[first][1]
        if first in self._at_hand:
            self._at_hand.move_to_end(first)
            return self._at_hand[first]
        outcome = self.store.get(self._key(first), *self._limits)
        if outcome is None:
            raise self.store.damaged(f"no result of point {self._key(first)[:12]}, which was there")
        self._at_hand[first] = outcome
        if len(self._at_hand) > _AT_HAND:
            self._at_hand.popitem(last=False)
        return outcome

    def put(self, number: int, result: Result, *, at_once: bool = True) -> None:
        """Note what was found at a point; what took no search may be written `at_once` or with others.

        A search that was stopped before it had an answer tells nothing.
        """
        outcome = Outcome.of(result)
        if result.interrupted and outcome.status not in ("optimal", "infeasible"):
            return
        point, first = self.grid[number], self.grid.first[number]
        what = {
            "values": point.values,
            "accelerator": point.job.accelerator.name,
            "workload": point.workload,
            "layer": point.job.layer.name,
            "objective": str(point.job.goal),
        }
        self._waiting[first] = Row(point.key, what, *self._limits, outcome), outcome
        self._note(first)
        self.solved += not self._solved[first]
        self._solved[first] = True
        if at_once:
            self.write()

    def write(self) -> None:
        """Write what waits for it."""
        self.store.put_all([row for row, _ in self._waiting.values()])
        self._waiting.clear()

    def _note(self, first: int) -> None:
        if not self._known[first]:
            self._known[first] = True
            self.done += self._equal[first]

    def _key(self, first: int) -> str:
        key = self.grid.key(first)
        assert key is not None
        return key
