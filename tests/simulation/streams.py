"""Streams: the transfers over one link in one direction, one tile after the other.

A stream knows what its next step needs: the ports, data at the source, room at the target. See
`tests.simulation.cycles` for the machine they belong to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tests.simulation.chains import Chain, Side
from tests.simulation.physics import Physics

FOREVER = 1 << 50
_RANKS = 64
"""Streams that are needed by the same operation are told apart by their rank, below this number."""

BEHIND_OPERATION = _RANKS - 1


def order_key(operation: int, rank: int) -> int:
    """Return the place in line of what an operation needs."""
    return operation * _RANKS + rank


class Ports:
    """The physical ports.

    Parameters
    ----------
    queue : int
        See `Physics`.
    """

    def __init__(self, queue: int) -> None:
        self.queue = queue
        self.numbers: dict[tuple[str, str], int] = {}
        self._saved: list[int] = []
        self._since: list[int] = []

    def number(self, side: Side) -> int:
        """Return the number of the port at one end of a link."""
        if side.port not in self.numbers:
            self.numbers[side.port] = len(self.numbers)
            self._saved.append(1)
            self._since.append(0 if self.queue > 1 else -1)
        return self.numbers[side.port]

    def take(self, ports: Sequence[int], now: int) -> bool:
        """Use some ports in this cycle, if all of them are free."""
        queue, saved, since = self.queue, self._saved, self._since
        if queue == 1:
            for port in ports:
                if since[port] == now:
                    return False
            for port in ports:
                since[port] = now
            return True
        if any(min(queue, saved[port] + now - since[port]) < 1 for port in ports):
            return False
        for port in ports:
            saved[port] = min(queue, saved[port] + now - since[port]) - 1
            since[port] = now
        return True

    def keep(self, ports: Sequence[int], cycles: int) -> None:
        """Use some ports in every one of the next cycles, each for one transfer."""
        for port in ports:
            self._since[port] += cycles


class Array(Protocol):
    """What streams see of the array.

    Attributes
    ----------
    operation : int
        The next operation, so that all before it are done.
    physics : Physics
        The rules.
    """

    operation: int
    physics: Physics


class Stream:
    """The transfers over one link in one direction.

    Parameters
    ----------
    array : Array
        The array.
    chain, link
        The operand and its link.
    sides : sequence of (Side, int)
        The ends of the link with their port numbers, lower first.
    downwards : bool
        Whether the upper end is the source.
    periods : sequence of int
        The periods in which a tile moves.
    slots : int
        Pieces that the lower memory has room for.
    rank : int
        Place in line among what the same operation needs.
    latency : int
        Cycles from the first request to the data (downwards), from the last one (upwards).

    Attributes
    ----------
    job, step : int
        The next tile to move, counted in `periods`, and the next cycle of it.
    done : bool
        Whether everything has moved.
    period, pieces : int
        The period of the next tile, and all pieces before the next one.
    seen_jobs, seen_pieces : int
        The tiles and pieces that have arrived where others can use them.
    key : int
        Place in line for ports: what is needed first comes first.
    """

    kind = ""

    def __init__(
        self,
        array: Array,
        chain: Chain,
        link: int,
        sides: Sequence[tuple[Side, int]],
        downwards: bool,
        periods: Sequence[int],
        slots: int,
        rank: int,
        latency: int,
    ) -> None:
        self.array, self.chain, self.link, self.slots = array, chain, link, slots
        self.rank, self.latency = rank, latency
        self.tile = tile = chain.tiles[link]
        self.periods = periods
        ports = [port for _, port in sides]
        self.whole = _Transfer(
            [side.cycles for side, _ in sides], ports, downwards, range(tile.pieces), array
        )
        slid = chain.slid[link]
        self.slid = None if slid is None else _Transfer(slid.cycles, ports, downwards, slid.new, array)
        self.sliding = frozenset[int]() if slid is None else slid.periods
        self._before: list[int] = []
        self._use(self.whole)
        self.job = self.step = 0
        self.seen_jobs = self.seen_pieces = 0
        # until when what has moved is on its way, and (taking turns) when the stream moved last
        self.available = 0
        self.served = -1
        self.upper: Stream | None = None
        self.lower: Stream | None = None
        self._locate()

    def _use(self, transfer: _Transfer) -> None:
        self.transfer = transfer
        self.steps, self.ports_at, self.ports = transfer.steps, transfer.ports_at, transfer.ports
        self.even, self.alike = transfer.even, transfer.alike
        self.first_piece, self.last_piece = transfer.first_piece, transfer.last_piece

    def _locate(self) -> None:
        done = self.done = self.job == len(self.periods)
        self.period = self.tile.count if done else self.periods[self.job]
        if self.slid is not None and not self.step:
            self._use(self.slid if self.period in self.sliding else self.whole)
        self.pieces = self.period * self.tile.pieces
        # what stays of the tile before is there as soon as its turn comes
        if self.step or (self.transfer is self.slid and not done):
            self.pieces += self.first_piece[self.step]
        self.key = order_key(FOREVER if done else self.needed_by(), self.rank)

    def advance(self) -> None:
        """Move for one cycle."""
        self.step += 1
        if self.step == self.steps:
            self.step = 0
            self.job += 1
        self._locate()

    def unchanging(self) -> int:
        """Return for how many more steps nothing changes but their number: no piece begins or ends."""
        if not self.step:
            return 0
        pieces, previous = self.transfer.pieces, self.step - 1
        ends = -(-(self.transfer.first[previous] + 1) * self.steps // pieces)
        begins = (self.transfer.last[previous] + 1) * self.steps // pieces
        return max(0, min(ends, begins) - 1 - self.step)

    def settle(self, now: int) -> bool:
        """Let others see what has arrived by now; return whether that is everything that moved."""
        if now < self.available:
            return False
        self.seen_jobs, self.seen_pieces = self.job, self.pieces
        return True

    def needed_by(self) -> int:
        """Return the operation that waits for the next step."""
        raise NotImplementedError

    def has_data(self) -> bool:
        """Return whether what the next step moves is at the source."""
        raise NotImplementedError

    def has_room(self) -> bool:
        """Return whether what the next step moves has a place to go to."""
        raise NotImplementedError


class _Transfer:
    """What one tile, or what is new of it, asks of the ports.

    Parameters
    ----------
    busy : sequence of int
        For how long each side is busy with it.
    ports : sequence of int
        Their ports.
    downwards : bool
        As for `Stream`.
    moved : sequence of int
        The pieces that move, in this order.
    array : Array
        The array.

    Attributes
    ----------
    steps, pieces : int
        Cycles and pieces.
    ports_at : list of tuple of int
        For every step the ports that it uses.
    ports : tuple of int
        All of them.
    even : bool
        Whether every side moves in all steps or in none.
    alike : list of int
        For every step how many of the next ones use the same ports.
    first, last : list of int
        The first and the last piece of every step, counted among those that move.
    first_piece, last_piece : list of int
        The same, counted in the tile.
    """

    def __init__(
        self, busy: Sequence[int], ports: Sequence[int], downwards: bool, moved: Sequence[int], array: Array
    ) -> None:
        steps = self.steps = max(busy)
        if array.physics.sides != "own":
            busy = [steps if cycles == steps or array.physics.sides == "both" else 0 for cycles in busy]
        # a wide word is read before its parts leave, and written once they are all there
        self.ports_at = [
            tuple(
                port
                for position, (cycles, port) in enumerate(zip(busy, ports, strict=True))
                if _moves(step, steps, cycles, (position == len(ports) - 1) == downwards)
            )
            for step in range(steps)
        ]
        self.ports = tuple(port for cycles, port in zip(busy, ports, strict=True) if cycles)
        self.even = all(cycles in (0, steps) for cycles in busy)
        self.alike = [0] * steps
        for step in range(steps - 2, -1, -1):
            if self.ports_at[step] == self.ports_at[step + 1]:
                self.alike[step] = self.alike[step + 1] + 1
        self.pieces = len(moved)
        self.first = [step * self.pieces // steps for step in range(steps)]
        self.last = [-(-(step + 1) * self.pieces // steps) - 1 for step in range(steps)]
        self.first_piece = [moved[number] for number in self.first]
        self.last_piece = [moved[number] for number in self.last]


def _moves(step: int, steps: int, cycles: int, is_source: bool) -> bool:
    """Return whether a side with fewer cycles than the other moves a word in a step."""
    return (step * cycles) % steps < cycles if is_source else ((step + 1) * cycles) % steps < cycles


class Fill(Stream):
    """Input tiles on their way down; at link 0 into the array's registers."""

    kind = "fill"

    @property
    def _is_whole(self) -> bool:
        """Whether the first tile arrives as a whole before anything of it is used."""
        return self.tile.count > 1 and self.array.physics.whole_ends

    def needed_by(self) -> int:
        tile = self.tile
        if self.job == 0 and self._is_whole:
            return 0
        return self.period * tile.period + tile.first[self.first_piece[self.step]] * tile.step

    def has_data(self) -> bool:
        upper = self.upper
        if upper is None:
            return True
        tile = upper.tile
        if upper.seen_jobs == 0 and tile.count > 1 and self.array.physics.whole_ends:
            return False
        if tile.base < self.link:  # neither link moves more than once: piece by piece behind the upper one
            return upper.seen_pieces > self.last_piece[self.step]
        period, use = divmod(self.job, len(tile.piece_of))
        return upper.seen_pieces > period * tile.pieces + tile.piece_of[use]

    def has_room(self) -> bool:
        tile = self.tile
        if self.link == 0:
            return self.array.operation >= (self.job - self.array.physics.registers) * tile.period
        if self.job == 0:
            return True
        assert self.lower is not None
        period, uses = divmod(self.lower.job, len(tile.piece_of))
        slid = self.chain.slid[self.link]
        if slid is None:
            dead = period * tile.pieces + tile.dead[uses]
            return dead > self.job * tile.pieces + self.last_piece[self.step] - self.slots
        # what has been brought, less what is used up and in no later tile, has its place
        brought = self._moved_before(self.job) + self.transfer.last[self.step] + 1
        going = slid.dropped if period + 1 in slid.periods else range(tile.pieces)
        used_up = sum(tile.last[piece] < uses for piece in going)
        return brought <= self.slots + self._moved_before(period + 1) - tile.pieces + used_up

    def _moved_before(self, period: int) -> int:
        """Return how many pieces have come before a period."""
        assert self.slid is not None
        if not self._before:
            self._before.append(0)
            for number in range(self.tile.count + 1):
                moved = self.slid if number in self.sliding else self.whole
                self._before.append(self._before[-1] + moved.pieces)
        return self._before[period]

    def settle(self, now: int) -> bool:
        if self.latency and not self.available and (self.job if self._is_whole else self.pieces):
            # the array may use a value in the cycle in which it arrives
            self.available = now + self.latency - (self.link == 0)
        return super().settle(now)


class Drain(Stream):
    """Output tiles on their way up; at link 0 the results of the operations."""

    kind = "drain"

    def needed_by(self) -> int:
        tile = self.tile
        if self.link == 0:
            return self.job + self.array.physics.registers
        # the piece that takes the place
        period, piece = divmod(self.job * tile.pieces + self.first_piece[self.step] + self.slots, tile.pieces)
        if period >= tile.count:
            return tile.count * tile.period + 1
        return period * tile.period + tile.first[piece] * tile.step

    def has_data(self) -> bool:
        if self.link == 0:
            return self.array.operation > self.job
        tile, lower = self.tile, self.lower
        assert lower is not None
        uses = len(tile.piece_of)
        if tile.count > 1 and self.job == tile.count - 1 and self.array.physics.whole_ends:
            return lower.seen_jobs == tile.count * uses
        if tile.base < self.link - 1:
            return lower.seen_pieces > self.last_piece[self.step]
        return lower.seen_jobs > self.job * uses + tile.last[self.last_piece[self.step]]

    def has_room(self) -> bool:
        upper = self.upper
        if upper is None or upper.tile.count == 1:
            return True
        tile = upper.tile
        period, use = divmod(self.job, len(tile.piece_of))
        return upper.pieces > period * tile.pieces + tile.piece_of[use] - upper.slots

    def settle(self, now: int) -> bool:
        if self.latency and not self.available and self.done:
            self.available = now + self.latency
        return super().settle(now)


class Back(Stream):
    """Partial sums on their way down again; at link 0 into the array."""

    kind = "back"
    drain: Drain

    def needed_by(self) -> int:
        tile = self.tile
        return self.period * tile.period + tile.first[self.first_piece[self.step]] * tile.step

    def has_data(self) -> bool:
        before = self.chain.visits[self.link][self.period]
        upper = self.upper
        if upper is not None:
            tile = upper.tile
            period, use = divmod(self.period, len(tile.piece_of))
            if before // len(tile.piece_of) != period:
                return upper.seen_pieces > period * tile.pieces + tile.piece_of[use]
        # the array forwards a sum to the next operation
        return self.link == 0 or self.array.physics.ready_sums or self.drain.seen_jobs > before

    def has_room(self) -> bool:
        if self.link == 0:
            return self.array.operation >= self.period - self.array.physics.registers
        return self.drain.pieces > self.period * self.tile.pieces + self.last_piece[self.step] - self.slots
