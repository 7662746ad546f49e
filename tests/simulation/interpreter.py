"""A loop-nest interpreter: walks the loops of a mapping and counts every transfer.

Every iteration is run in order. Every memory instance holds, per operand, one tile: the data of all operations that
the loops at or below its level make. Where the tile that an instance needs is not the one that it holds,

- an input tile is written in the instance, and the instance above is read, once for all the data that the instances
  below it fetch at that moment;
- an output tile is read and sent to the instance above, which is written once per element: partial sums of the same
  output are added up on the way. If the new tile has been here before, what the instance above holds of it is read
  and written back. Instances act in lockstep: among those whose sums will be added one receives the partial sum and
  the others zeros.

At the array, an input is read when a lane needs other data than in the iteration before. Outputs are written in the
innermost memory in every iteration, and read before that where they have been written before.

Partial sums are followed as sets of operations, so that a sum that lacks an operation, or has one twice, is found. An
output is complete when it has all of them; a level that ever holds, sends or receives an incomplete one does so at
partial precision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

from tests.simulation.nest import Name, Point
from tests.simulation.views import LoopView, Tile
from tests.simulation.walk import Level, Walk
from zzcp.hardware import Direction

Instance = tuple[int, ...]


def interpret(view: LoopView) -> Walk:
    """Run a loop nest and count what moves."""
    nest = view.nest
    layer = nest.layer
    levels = {name: [Level(memory) for memory in nest.levels[name]] for name in layer.operands}
    for name in layer.operands:
        run = _Outputs(view, levels[name]) if name == layer.output else _Inputs(view, name, levels[name])
        for t in range(nest.iterations):
            run.step(t)
        run.finish()
    unit_energy = Fraction(str(nest.accelerator.array.unit_energy))
    return Walk(layer, nest.links, levels, unit_energy * layer.macs)


class _Operand:
    """The instances of all levels of an operand, and the tile that each of them holds.

    A *holder* is a lane (depth 0) or an instance of memory level depth - 1.
    """

    def __init__(self, view: LoopView, operand: str, levels: list[Level]) -> None:
        nest = view.nest
        self.view, self.nest, self.operand, self.levels = view, nest, operand, levels
        self.blocks = [1, *nest.blocks[operand]]
        memories = nest.levels[operand]
        of_lane = [[(lane,) for lane in range(len(nest.lanes))]]
        of_lane += [nest.instances(memories[: number + 1]) for number in range(len(memories))]
        self.lanes: list[dict[Instance, list[int]]] = []
        self.below: list[dict[Instance, list[Instance]]] = [{}]
        for depth, holders in enumerate(of_lane):
            grouped: dict[Instance, list[int]] = defaultdict(list)
            below: dict[Instance, dict[Instance, None]] = defaultdict(dict)
            for lane, holder in enumerate(holders):
                grouped[holder].append(lane)
                if depth:
                    below[holder][of_lane[depth - 1][lane]] = None
            self.lanes.append(dict(grouped))
            if depth:
                self.below.append({holder: list(children) for holder, children in below.items()})
        self.tiles: dict[tuple[int, Instance, int], Tile] = {}
        self.held: list[dict[Instance, Tile]] = [{} for _ in of_lane]
        for depth in range(1, len(of_lane)):
            levels[depth - 1].instances = len(self.lanes[depth])
            levels[depth - 1].largest = max(
                self.needed(depth, holder, t).elements
                for holder in self.lanes[depth]
                for t in range(0, nest.iterations, self.blocks[depth])
            )

    @property
    def top(self) -> int:
        """Depth of the outermost level."""
        return len(self.levels)

    def points(self, depth: int, holder: Instance, t: int) -> list[Point]:
        """Return the operations that the loops at or below a level make around an iteration."""
        block = self.blocks[depth]
        start = t - t % block
        return [(when, lane) for when in range(start, start + block) for lane in self.lanes[depth][holder]]

    def needed(self, depth: int, holder: Instance, t: int) -> Tile:
        """Return the tile that a holder needs in an iteration."""
        key = depth, holder, t // self.blocks[depth]
        if key not in self.tiles:
            self.tiles[key] = self.view.tile(self.operand, self.points(depth, holder, t))
        return self.tiles[key]

    def replaced(self, depth: int, t: int) -> Iterator[tuple[Instance, Tile]]:
        """Yield the holders of a depth that hold another tile than they need now, with the one they need."""
        if t % self.blocks[depth]:
            return
        for holder in self.lanes[depth]:
            tile = self.needed(depth, holder, t)
            if tile.name and self.held[depth].get(holder, Tile(frozenset(), 0)).name != tile.name:
                yield holder, tile

    def count(self, depth: int, direction: Direction, elements: int) -> None:
        """Count a transfer of a memory instance."""
        if elements:
            self.levels[depth - 1].transfers[direction][elements] += 1


class _Inputs(_Operand):
    """An input operand on its way down."""

    def step(self, t: int) -> None:
        """Run one iteration."""
        for depth in range(self.top):
            fetching = dict(self.replaced(depth, t))
            self.held[depth].update(fetching)
            for tile in fetching.values() if depth else ():
                self.count(depth, Direction.FROM_ABOVE, tile.elements)
            for children in self.below[depth + 1].values():
                points = [
                    point for child in children if child in fetching for point in self.points(depth, child, t)
                ]
                if points:
                    together = self.view.tile(self.operand, points)
                    self.count(depth + 1, Direction.TO_BELOW, together.elements)

    def finish(self) -> None:
        """Nothing is left to do for an input."""


class _Outputs(_Operand):
    """The output operand: partial sums on their way up and back."""

    def __init__(self, view: LoopView, levels: list[Level]) -> None:
        super().__init__(view, view.nest.layer.output, levels)
        self.sums: list[dict[Instance, dict[Name, int]]] = [
            {holder: {} for holder in self.lanes[depth]} for depth in range(self.top + 1)
        ]
        self.complete: dict[Name, int] = defaultdict(int)
        for t in range(self.nest.iterations):
            for lane in range(len(self.nest.lanes)):
                self.complete[self.output(t, lane)] |= self.operation(t, lane)

    def output(self, t: int, lane: int) -> Name:
        """Return the output of an operation."""
        return self.nest.positions[self.operand][t][lane]

    def operation(self, t: int, lane: int) -> int:
        """Return the set that holds one operation only."""
        return 1 << (t * len(self.nest.lanes) + lane)

    def step(self, t: int) -> None:
        """Run one iteration: drain from the inside out, fetch from the outside in, compute."""
        replaced = [dict(self.replaced(depth, t)) if depth else {} for depth in range(self.top)]
        for depth in range(1, self.top):
            self.drain(depth, set(replaced[depth]) & set(self.held[depth]))
        for depth in range(self.top - 1, 0, -1):
            self.fetch(depth, replaced[depth])
        self.compute(t)

    def finish(self) -> None:
        """Drain everything, and check that no operation is missing."""
        for depth in range(1, self.top):
            self.drain(depth, set(self.held[depth]))
        total: dict[Name, int] = defaultdict(int)
        for sums in self.sums[self.top].values():
            for output, value in sums.items():
                total[output] = self.add(total[output], value)
        assert total == self.complete

    @staticmethod
    def add(one: int, other: int) -> int:
        """Return the sum of two partial sums, which must not share an operation."""
        assert not one & other, "an operation was counted twice"
        return one | other

    def drain(self, depth: int, leaving: set[Instance]) -> None:
        """Send the tiles of some instances up; sums of one output are added on the way."""
        for parent, children in self.below[depth + 1].items():
            arriving: dict[Name, int] = {}
            for child in children:
                if child not in leaving:
                    continue
                sums, self.sums[depth][child] = self.sums[depth][child], {}
                assert set(sums) == self.held[depth][child].name
                self.count(depth, Direction.TO_ABOVE, self.held[depth][child].elements)
                self.note(depth, Direction.TO_ABOVE, sums)
                for output, value in sums.items():
                    arriving[output] = self.add(arriving.get(output, 0), value)
                del self.held[depth][child]
            self.receive(depth + 1, parent, arriving)

    def receive(self, depth: int, holder: Instance, arriving: dict[Name, int]) -> None:
        """Write sums from below over what an instance held of them, which they contain."""
        if not arriving:
            return
        sums = self.sums[depth][holder]
        for output, value in arriving.items():
            assert sums.get(output, 0) & ~value == 0, "a partial sum was lost"
        sums |= arriving
        self.note(depth, Direction.FROM_BELOW, arriving)
        self.count(depth, Direction.FROM_BELOW, self.view.existing(arriving))

    def fetch(self, depth: int, arriving: dict[Instance, Tile]) -> None:
        """Start new tiles, with the partial sums of earlier visits where there were any."""
        for parent, children in self.below[depth + 1].items():
            above = self.sums[depth + 1][parent]
            sent: dict[Name, int] = {}
            for child in children:
                if child not in arriving:
                    continue
                tile = self.held[depth][child] = arriving[child]
                known = {output for output in tile.name if output in above}
                assert known in (set(), tile.name)
                if known:
                    # the first instance gets the partial sums, others that add to them begin at zero
                    self.sums[depth][child] = {o: 0 if o in sent else above[o] for o in known}
                    sent |= {o: above[o] for o in known}
                    self.count(depth, Direction.FROM_ABOVE, tile.elements)
                    self.note(depth, Direction.FROM_ABOVE, self.sums[depth][child])
            if sent:
                self.note(depth + 1, Direction.TO_BELOW, sent)
                self.count(depth + 1, Direction.TO_BELOW, self.view.existing(sent))

    def compute(self, t: int) -> None:
        """Read, add to and write back the outputs of all lanes in the innermost memory."""
        for holder, lanes in self.lanes[1].items():
            made: dict[Name, int] = {}
            for lane in lanes:
                output = self.output(t, lane)
                made[output] = self.add(made.get(output, 0), self.operation(t, lane))
            known = {o: self.sums[1][holder][o] for o in made if o in self.sums[1][holder]}
            if known:
                self.note(1, Direction.TO_BELOW, known)
                self.count(1, Direction.TO_BELOW, self.view.existing(known))
            self.receive(1, holder, {o: self.add(value, known.get(o, 0)) for o, value in made.items()})

    def note(self, depth: int, direction: Direction, sums: dict[Name, int]) -> None:
        """Remember whether incomplete outputs moved."""
        if any(value != self.complete[output] for output, value in sums.items()):
            self.levels[depth - 1].incomplete.add(direction)
