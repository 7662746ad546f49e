"""The shortest schedule of the first fills of two inputs that share ports, without going through all orders of them.

Each chain of fills has one order, so that a schedule is a path in a plane whose axes are the work of the two chains;
two fills that share a port are a rectangle that the path goes around (Akers' graphical method for two jobs). Where no
fill waits, both chains work at the same time. They wait at corners only: one for the fill of the other that has just
ended. So the least time at which a corner is reached follows from that of the corners before, for those from which
both chains can work until then without a clash. To wait for longer than is needed is a schedule as well, so that no
corner must be reached in a hurry.

A machine of n shared levels has 2 * 3 ** (n - 1) orders of its fills, and 2 * (3 n - 2) corners.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from zzcp.cost.formulas.numeric import PYTHON, Numeric

Step = tuple[int, int]
"""A fill: its chain, and its place in it."""
Order = tuple[Step, ...]


class Filling(Protocol):
    """What is asked of a fill."""

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that it occupies."""

    @property
    def latency(self) -> int:
        """Cycles after its end until the next fill of its chain may begin."""


class _Corner(NamedTuple):
    """A moment of a schedule: what the chains do next, and whose last fill has just ended (none at the start)."""

    next: tuple[int, int]
    ended: int | None


@dataclass(slots=True)
class _Way:
    """How a corner is reached at the earliest.

    Attributes
    ----------
    time : Any
        When.
    starts : tuple
        Start and end of all fills so far, where numbers are plain ones.
    """

    time: Any
    starts: tuple[tuple[Any, Any, Step], ...] = ()


class _Run:
    """Both chains from a corner on, as if none had to wait; times are counted from the corner."""

    def __init__(
        self, plan: TwoChains, corner: _Corner, cycles: Mapping[Step, Any], numeric: Numeric
    ) -> None:
        self.starts: dict[Step, Any] = {}
        self.ends: dict[Step, Any] = {}
        self.ready: dict[Step, Any] = {}
        self._plan, self._corner = plan, corner
        for chain, first in enumerate(corner.next):
            time: Any = 0
            if corner.ended == chain:
                time = plan.wait(cycles, chain, first - 1, numeric)
            for step in range(first, len(plan.chains[chain])):
                self.ready[chain, step] = self.starts[chain, step] = time
                self.ends[chain, step] = time = time + cycles[chain, step]
                time = time + plan.wait(cycles, chain, step, numeric)
            self.ready[chain, len(plan.chains[chain])] = time
        self._clear: dict[tuple[int, int], Any] = {}

    def is_clear(self, first: int, second: int) -> Any:
        """Return whether no fills clash before these steps of the two chains; None where they cannot."""
        if first <= self._corner.next[0] or second <= self._corner.next[1]:
            return None
        if (first, second) not in self._clear:
            clear = _both(self.is_clear(first - 1, second), self.is_clear(first, second - 1))
            one, other = (0, first - 1), (1, second - 1)
            if (first - 1, second - 1) in self._plan.shared:
                apart = (self.ends[one] <= self.starts[other]) | (self.ends[other] <= self.starts[one])
                clear = _both(clear, apart)
            self._clear[first, second] = clear
        return self._clear[first, second]

    def fills(self, until: tuple[int, int], time: Any) -> tuple[tuple[Any, Any, Step], ...]:
        """Return start and end of all fills before some steps of the chains."""
        return tuple(
            (time + self.starts[chain, step], time + self.ends[chain, step], (chain, step))
            for chain in (0, 1)
            for step in range(self._corner.next[chain], until[chain])
        )


def _both(a: Any, b: Any) -> Any:
    """Return whether two conditions hold, of which None always does."""
    return b if a is None else a if b is None or a is b else a & b


@dataclass(frozen=True, slots=True)
class TwoChains:
    """Two chains of fills, and what they share.

    Parameters
    ----------
    chains : pair of sequence of Filling
        The fills of the two inputs, in their order.
    """

    chains: Sequence[Sequence[Filling]]
    shared: frozenset[tuple[int, int]] = field(init=False)
    corners: tuple[_Corner, ...] = field(init=False)

    def __post_init__(self) -> None:
        one, other = self.chains
        shared = {
            (first, second)
            for first, fill in enumerate(one)
            for second, rival in enumerate(other)
            if set(fill.ports) & set(rival.ports)
        }
        corners = {_Corner((first + 1, second), 0) for first, second in shared}
        corners |= {_Corner((first, second + 1), 1) for first, second in shared}
        object.__setattr__(self, "shared", frozenset(shared))
        object.__setattr__(self, "corners", tuple(sorted(corners, key=lambda c: (sum(c.next), c))))

    def wait(self, cycles: Mapping[Step, Any], chain: int, step: int, numeric: Numeric) -> Any:
        """Return the cycles after a fill before its data is there; a fill that moves nothing costs no access either."""
        latency = self.chains[chain][step].latency
        return numeric.where(cycles[chain, step] > 0, latency, 0) if latency else 0

    def shortest(self, cycles: Mapping[Step, Any], numeric: Numeric) -> tuple[Any, Order]:
        """Return the cycles of the shortest schedule, and its order (none for a batch).

        Parameters
        ----------
        cycles : mapping of (int, int) to Any
            Of every fill.
        numeric : Numeric
            Numbers or arrays.
        """
        # one after the other is a schedule, so that no way counts that is no better
        most: Any = 0
        for chain, step in cycles:
            most = most + cycles[chain, step] + self.wait(cycles, chain, step, numeric)
        after_all = tuple((chain, step) for chain in (0, 1) for step in range(len(self.chains[chain])))
        ways = {corner: _Way(most) for corner in self.corners}
        best, order = most, after_all
        start = _Corner((0, 0), None)
        for corner in (start, *self.corners):
            way = _Way(0) if corner is start else ways[corner]
            run = _Run(self, corner, cycles, numeric)
            for reached, known in ways.items():
                self._go(run, reached, way, known, numeric)
            ends = (len(self.chains[0]), len(self.chains[1]))
            total = way.time + numeric.maximum(run.ready[0, ends[0]], run.ready[1, ends[1]])
            clear = run.is_clear(*ends)
            total = total if clear is None else numeric.where(clear, total, most)
            if numeric is PYTHON and total < best:
                order = tuple(step for *_, step in sorted(way.starts + run.fills(ends, way.time)))
            best = numeric.minimum(best, total)
        return best, order if numeric is PYTHON else ()

    def _go(self, run: _Run, reached: _Corner, way: _Way, known: _Way, numeric: Numeric) -> None:
        """Go from a corner to one behind it, if that is the best way there so far."""
        ended = reached.ended
        assert ended is not None
        last = (ended, reached.next[ended] - 1)
        waiting = (1 - ended, reached.next[1 - ended])
        if last not in run.ends or waiting not in run.ready:
            return
        time = way.time + numeric.maximum(run.ends[last], run.ready[waiting])
        clear = run.is_clear(*reached.next)
        if numeric is PYTHON:
            if clear is not False and time < known.time:
                known.time, known.starts = time, way.starts + run.fills(reached.next, way.time)
            return
        if clear is not None:
            time = numeric.where(clear, time, known.time)
        known.time = numeric.minimum(known.time, time)
