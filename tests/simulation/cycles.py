"""A cycle-level simulator of ports and buffers: what a mapping's latency is on a machine, found by running it.

It shares no formula with `zzcp.cost`: tiles, their order of use and the cycles of a transfer come from the loops
(`tests.simulation.chains`), everything else from cycle after cycle of arbitration. The machine:

*Array.* One operation per cycle, in the order of the loops, all lanes and all instances of a memory in lockstep. An
operation needs its inputs, and the partial sum if its output was visited before. Reading, operating and writing are
stages of a pipeline, a cycle apart: in what follows a value is read, used and its result written within a cycle, and
the pipeline takes a cycle more before the first operation, and one after the last. The array has one register per side
to work ahead: the next value may come in, and the last result may still be waiting to go out. An input that stays the
same is read once; a partial sum that the next operation needs again is forwarded.

*Links and ports.* Between two levels an operand moves tile by tile, in order, through one port on either side. A port
carries one transfer at a time, whole cycles, its full width. The wider side of a link handles a word at once and is
free while the narrow side moves its parts. Transfers can be interrupted by others at any cycle. Every cycle, ports are
granted first needed first: to the transfer that the earliest operation waits for.

*Pieces.* A tile is handed on piece by piece, a piece being what the link below moves at a time: it can be used as soon
as it is there, and its place can be taken as soon as it was used for the last time (inputs) or has left (outputs). What
is written in a cycle can be read in the next one; what is read for the last time can be overwritten in the same.
Output tiles leave piece by piece as pieces are complete, and where a tile comes again its partial sums are read back.

*Ends.* The machine loads before it computes and drains after: the first tile of a level that will be refilled is
complete before it feeds the level below, the last one complete before it leaves. A level that is loaded once and kept
streams: its first piece is enough to begin. A memory's latency passes between the first fill of a link, or of the
array, and its use, and between the last drain and what follows; all other requests are known in advance and made early
enough.

*Room.* A tile has a place for each of its pieces, twice if it is double-buffered. What a memory has left goes to its
tenants with one copy, one more piece at a time in turn, up to a second copy.

Left out: cycles along systolic dimensions (a constant), edge tiles that are smaller than others (all move as the
largest that exists), halos that two windows share (they are fetched again, unless the memory keeps them), outputs that
the loops of a window visit again, refresh, bank conflicts.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import NamedTuple

from tests.simulation.chains import Chain, build_chain
from tests.simulation.physics import MACHINE, Physics
from tests.simulation.streams import BEHIND_OPERATION, Back, Drain, Fill, Ports, Stream, order_key
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping
from zzcp.workload import Layer


class Run(NamedTuple):
    """The cycles of a layer.

    Attributes
    ----------
    loading : int
        Before the first operation.
    operations : int
        With an operation in them.
    stall : int
        Without one, in between.
    unloading : int
        After the last operation.
    """

    loading: int
    operations: int
    stall: int
    unloading: int

    @property
    def total(self) -> int:
        """All cycles."""
        return sum(self)


def simulate(
    accelerator: Accelerator,
    layer: Layer,
    mapping: Mapping,
    links: dict[str, str],
    double_buffered: MappingType[str, Sequence[bool]],
    physics: Physics = MACHINE,
) -> Run:
    """Run a layer.

    Parameters
    ----------
    accelerator, layer, mapping
        What runs where and how.
    links : dict
        Memory operand of every operand.
    double_buffered : mapping
        Per operand and level below its outermost one whether the tile is kept twice.
    physics : Physics
        The machine's rules.
    """
    return Simulation(accelerator, layer, mapping, links, double_buffered, physics).run()


class Simulation:
    """One run of a layer; parameters as for `simulate`.

    Parameters
    ----------
    step_by_step : bool
        Whether to go through all cycles one by one, also where the next ones are like the last. It changes nothing
        but the time it takes.

    Attributes
    ----------
    chains : list of Chain
        The operands that take any bits.
    streams : dict
        All transfers, by (operand, kind, link).
    ports : Ports
        The physical ports.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        layer: Layer,
        mapping: Mapping,
        links: dict[str, str],
        double_buffered: MappingType[str, Sequence[bool]],
        physics: Physics = MACHINE,
        *,
        step_by_step: bool = False,
    ) -> None:
        self.physics, self.step_by_step = physics, step_by_step
        self.operation = self.now = 0
        self.ports = Ports(physics.queue)
        self.chains = [
            build_chain(accelerator, layer, mapping, links, operand)
            for operand in layer.operands
            if layer.precision[operand]
        ]
        self.operations = self.chains[0].tiles[0].count
        self.streams: dict[tuple[str, str, int], Stream] = {}
        for chain, slots in zip(self.chains, _slots(self.chains, double_buffered), strict=True):
            self._add_chain(chain, [slot + physics.spare_pieces for slot in slots])
        self._inputs = [
            stream for (_, kind, link), stream in self.streams.items() if kind == "fill" and link == 0
        ]
        self._results = self.streams[layer.output, "drain", 0]
        self._sums = self.streams[layer.output, "back", 0]
        visits = self._sums.chain.visits[0]
        self._needs_sum = [physics.first_reads or visit >= 0 for visit in visits]

    def _add_chain(self, chain: Chain, slots: Sequence[int]) -> None:
        if self.physics.even:
            tiles = [tile.spread() if tile.count == 1 else tile for tile in chain.tiles]
            chain = replace(chain, tiles=tiles)
        for link, tile in enumerate(chain.tiles):
            room = slots[link - 1] if link else 1
            everything = range(tile.count)
            below, above = chain.memories[link - 1].latency if link else 0, chain.memories[link].latency
            down = [(side, self.ports.number(side)) for side in chain.down[link]]
            # at a tie results leave first, and what has the longest way comes before what is nearer
            far = 15 - link
            if not chain.is_output:
                fill = Fill(self, chain, link, down, True, everything, room, 32 + far, above)
                self.streams[chain.operand, fill.kind, link] = fill
                continue
            up = [(side, self.ports.number(side)) for side in chain.up[link]]
            drain = Drain(self, chain, link, up, False, everything, room, far, below)
            again = [
                period for period in everything if self.physics.first_reads or chain.visits[link][period] >= 0
            ]
            back = Back(self, chain, link, down, True, again, room, 16 + far, 0)
            back.drain = drain
            self.streams[chain.operand, drain.kind, link] = drain
            self.streams[chain.operand, back.kind, link] = back
        for (operand, kind, link), stream in self.streams.items():
            stream.upper = self.streams.get((operand, kind, link + 1))
            stream.lower = self.streams.get((operand, kind, link - 1))

    def run(self) -> Run:
        """Run to the end."""
        moving = [stream for stream in self.streams.values() if not stream.done]
        unsettled: set[Stream] = set()
        finish = 0
        first = last = -1
        while moving:
            moving.sort(key=attrgetter("key"))
            operated, granted, refused = self._cycle(moving)
            cycles = 1
            if operated:
                first, last = (self.now if first < 0 else first), self.now
            else:
                arrivals = [stream.available - self.now for stream in unsettled]
                cycles = self._repeat(granted, refused, arrivals)
            self.now += cycles
            if granted:
                finish = self.now
            unsettled = {stream for stream in {*granted, *unsettled} if not stream.settle(self.now)}
            moving = [stream for stream in moving if not stream.done]
        finish = max([finish, *(stream.available for stream in unsettled)])
        assert self.operation == self.operations
        stall = last + 1 - first - self.operations
        return Run(first + 1, self.operations, stall, finish - last)

    def _cycle(self, moving: Sequence[Stream]) -> tuple[bool, list[Stream], list[Stream]]:
        """Run one cycle; return whether there was an operation, which streams moved, and which a port refused."""
        if self.physics.turns:
            return self._cycle_in_turns(moving)
        granted: list[Stream] = []
        refused: list[Stream] = []
        operated = tried = False
        turn = order_key(self.operation, BEHIND_OPERATION)
        for stream in moving:
            if stream.key > turn and not tried:
                # everything that the operation waits for had its chance in this cycle
                operated, tried = self._operate(), True
            if not (stream.has_data() and stream.has_room()):
                continue
            if self.ports.take(stream.ports_at[stream.step], self.now):
                granted.append(stream)
                stream.advance()
            else:
                refused.append(stream)
        if not tried:
            operated = self._operate()
        return operated, granted, refused

    def _cycle_in_turns(self, moving: Sequence[Stream]) -> tuple[bool, list[Stream], list[Stream]]:
        """Run one cycle in which ports serve what waited longest."""
        granted: list[Stream] = []
        refused: list[Stream] = []
        operated = False
        waiting = sorted(moving, key=attrgetter("served", "key"))
        while True:
            # whatever moves may make room for others, in the same cycle
            ready = next((stream for stream in waiting if stream.has_data() and stream.has_room()), None)
            if ready is None:
                if operated or not self._operate():
                    return operated, granted, refused
                operated = True
                continue
            waiting.remove(ready)
            if self.ports.take(ready.ports_at[ready.step], self.now):
                granted.append(ready)
                ready.served = self.now
                ready.advance()
            else:
                refused.append(ready)

    def _operate(self) -> bool:
        number = self.operation
        if number == self.operations or self._results.job < number - self.physics.registers + 1:
            return False
        if any(stream.job * stream.tile.period <= number for stream in self._inputs):
            return False
        if not number and any(stream.latency and not stream.seen_jobs for stream in self._inputs):
            return False
        if self._needs_sum[number] and self._sums.period <= number:
            return False
        self.operation += 1
        return True

    def _repeat(
        self,
        granted: Sequence[Stream],
        refused: Sequence[Stream],
        arrivals: Sequence[int],
    ) -> int:
        """Return how many cycles the last one stands for, and let the streams move for the rest of them.

        As long as no piece begins, ends or arrives, the next cycle is like the last: as far as the same ports are
        used, or nobody else wants them.
        """
        if not granted:
            assert arrivals, f"stuck before operation {self.operation}"
            return max(1, min(arrivals))
        if self.step_by_step or (refused and self.physics.turns):
            return 1
        cycles = min(
            [stream.unchanging() + 1 for stream in granted] + [max(1, wait - 1) for wait in arrivals]
        )
        if cycles == 1:
            return 1
        wanted = [port for stream in (*granted, *refused) for port in stream.ports]
        for stream in granted:
            if not stream.even and any(wanted.count(port) > 1 for port in stream.ports):
                cycles = min(cycles, 1 + stream.alike[stream.step - 1])
        if self.physics.queue > 1:
            used = [port for stream in granted for port in stream.ports]
            if len(used) > len(set(used)) or not all(stream.even for stream in granted):
                return 1
            self.ports.keep(used, cycles - 1)
        for stream in granted:
            stream.step += cycles - 1
            stream.served += cycles - 1
        return cycles


def _slots(chains: Sequence[Chain], double_buffered: MappingType[str, Sequence[bool]]) -> list[list[int]]:
    """Return for every tile the pieces that its memory has room for (see the module, *Room*)."""
    slots = []
    left: dict[str, int] = {}
    tenants: dict[str, list[tuple[int, int]]] = {}
    for index, chain in enumerate(chains):
        row = []
        for level, memory in enumerate(chain.memories):
            top = level == len(chain.memories) - 1
            doubled = not top and double_buffered[chain.operand][level]
            left[memory.name] = left.get(memory.name, memory.size) - chain.bits[level] * (1 + doubled)
            if not top:
                tile = chain.tiles[level + 1]
                row.append(tile.pieces * (1 + doubled))
                if not doubled and tile.count > 1:
                    tenants.setdefault(memory.name, []).append((index, level))
        slots.append(row)
    for name, places in tenants.items():
        given = True
        while given:
            given = False
            for index, level in places:
                chain = chains[index]
                if (
                    slots[index][level] < 2 * chain.tiles[level + 1].pieces
                    and chain.piece_bits[level] <= left[name]
                ):
                    slots[index][level] += 1
                    left[name] -= chain.piece_bits[level]
                    given = True
    return slots
