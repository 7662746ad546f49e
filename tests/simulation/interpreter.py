"""A loop-nest interpreter: walks the loops of a mapping and counts every transfer.

Every iteration is run in order. Every memory instance holds, per operand, one tile: the data of all operations that
the loops at or below its level make. Where the tile that an instance needs is not the one that it holds,

- an input tile is written in the instance, and the instance above is read, once for all the data that the instances
  below it fetch at that moment; a memory that keeps the overlap of windows is written only what its tile did not have,
  where no loop but those directly above the tile have stepped;
- an output tile is read and sent to the instance above, which is written once per element: partial sums of the same
  output are added up on the way. What the instance above holds of the new tile is read and written back, into the first
  of the instances whose sums will be added; the others are cleared, which costs nothing, and act in lockstep with it:
  they read their zeros where it reads its sums.

At the array, an input is read when a lane needs other data than in the iteration before. Outputs are written in the
innermost memory in every iteration, and read before that where they have been written before.

Partial sums are followed as sets of operations, so that a sum that lacks an operation, or has one twice, is found. An
output is complete when it has all of them; a level that ever holds, sends or receives an incomplete one does so at
partial precision.

Tiles of an output with windows overlap, so that a tile may find some of its elements where it comes from, and others
not. How many elements come back in all does not depend on the order of the loops; how many with each tile does, and so
the rounding to words. The convention is the order of `Firsts`: it is that of the loops wherever only one loop of every
window goes on above the tile, in time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from operator import itemgetter

from tests.simulation.nest import Name, Point
from tests.simulation.views import LoopView, Tile
from tests.simulation.walk import Level, Walk
from zzcp.hardware import Direction

Instance = tuple[int, ...]
NOTHING = Tile(frozenset(), frozenset())


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
        self.blocks, self.refills = nest.blocks[operand], nest.refills[operand]
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
                for t in sorted({start for start, _ in self.blocks[depth]})
            )

    @property
    def top(self) -> int:
        """Depth of the outermost level."""
        return len(self.levels)

    def points(self, depth: int, holder: Instance, t: int) -> list[Point]:
        """Return the operations that the loops at or below a level make around an iteration."""
        return [(when, lane) for when in range(*self.blocks[depth][t]) for lane in self.lanes[depth][holder]]

    def needed(self, depth: int, holder: Instance, t: int) -> Tile:
        """Return the tile that a holder needs in an iteration."""
        key = depth, holder, self.blocks[depth][t][0]
        if key not in self.tiles:
            self.tiles[key] = self.view.tile(self.operand, self.points(depth, holder, t))
        return self.tiles[key]

    def replaced(self, depth: int, t: int) -> Iterator[tuple[Instance, Tile]]:
        """Yield the holders of a depth that hold another tile than they need now, with the one they need."""
        if t != self.refills[depth][t][0]:
            return
        for holder in self.lanes[depth]:
            tile = self.needed(depth, holder, t)
            if self.view.replaces(self.held[depth].get(holder, NOTHING), tile):
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
            stays = self.stays(depth, t)
            brought = {
                holder: tile.data - (self.held[depth].get(holder, NOTHING).data if stays else frozenset())
                for holder, tile in fetching.items()
            }
            self.held[depth].update(fetching)
            for data in brought.values() if depth else ():
                self.count(depth, Direction.FROM_ABOVE, len(data))
            for children in self.below[depth + 1].values():
                together = frozenset[Name]().union(*(brought.get(child, ()) for child in children))
                self.count(depth + 1, Direction.TO_BELOW, len(together))

    def stays(self, depth: int, t: int) -> bool:
        """Return whether what a tile has in common with the one before it is not brought again."""
        if not depth or not self.view.slides(self.operand, depth, t):
            return False
        memory = self.nest.levels[self.operand][depth - 1]
        return self.nest.links[self.operand] in memory.keeps_overlap

    def finish(self) -> None:
        """Nothing is left to do for an input."""


class Firsts:
    """The tiles that instances of a level met for the first time, and what of each was met before.

    They are looked at in a fixed order: along the steps of every window's outer loop, and so again for those of its
    inner loop. Instances that hold parts of the same sums are looked at by themselves, and so are outermost instances.
    """

    def __init__(self) -> None:
        self.found: dict[Instance, list[tuple[list[int], frozenset[Name]]]] = defaultdict(list)
        self.known = 0

    def sizes(self) -> Iterator[int]:
        """Yield for every tile how many of its elements were met before."""
        for tiles in self.found.values():
            seen: set[Name] = set()
            for _, data in sorted(tiles, key=itemgetter(0)):
                yield len(data & seen)
                seen |= data


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
                output = self.output(t, lane)
                if output is not None:
                    self.complete[output] |= self.operation(t, lane)
        self.met: dict[tuple[int, Instance], set[frozenset[Name]]] = defaultdict(set)
        self.firsts: dict[tuple[int, Direction], Firsts] = defaultdict(Firsts)

    def output(self, t: int, lane: int) -> Name | None:
        """Return the output of an operation."""
        return self.view.element(self.operand, t, lane)

    def operation(self, t: int, lane: int) -> int:
        """Return the set that holds one operation only."""
        return 1 << (t * len(self.nest.lanes) + lane)

    def step(self, t: int) -> None:
        """Run one iteration: drain from the inside out, fetch from the outside in, compute."""
        replaced = [dict(self.replaced(depth, t)) if depth else {} for depth in range(self.top)]
        for depth in range(1, self.top):
            self.drain(depth, set(replaced[depth]) & set(self.held[depth]))
        for depth in range(self.top - 1, 0, -1):
            self.fetch(depth, replaced[depth], t)
        self.compute(t)

    def finish(self) -> None:
        """Drain everything, count what came back in parts, and check that no operation is missing."""
        for depth in range(1, self.top):
            self.drain(depth, set(self.held[depth]))
        total: dict[Name, int] = defaultdict(int)
        for sums in self.sums[self.top].values():
            for output, value in sums.items():
                total[output] = self.add(total[output], value)
        assert total == self.complete
        for (depth, direction), firsts in self.firsts.items():
            known = list(firsts.sizes())
            assert sum(known) == firsts.known
            for elements in known:
                self.count(depth, direction, elements)

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
                assert set(sums) == self.held[depth][child].data
                self.count(depth, Direction.TO_ABOVE, len(sums))
                self.note(depth, Direction.TO_ABOVE, sums)
                for output, value in sums.items():
                    arriving[output] = self.add(arriving.get(output, 0), value)
                del self.held[depth][child]
            self.receive(depth + 1, parent, arriving)

    def receive(self, depth: int, holder: Instance, arriving: dict[Name, int]) -> None:
        """Write sums from below over what an instance held of them, which they contain."""
        sums = self.sums[depth][holder]
        for output, value in arriving.items():
            assert sums.get(output, 0) & ~value == 0, "a partial sum was lost"
        sums |= arriving
        self.note(depth, Direction.FROM_BELOW, arriving)
        self.count(depth, Direction.FROM_BELOW, len(arriving))

    def fetch(self, depth: int, arriving: dict[Instance, Tile], t: int) -> None:
        """Start new tiles, with the partial sums of earlier visits where there were any."""
        for parent, below in self.below[depth + 1].items():
            above = self.sums[depth + 1][parent]
            children = [child for child in below if child in arriving]
            sent: dict[Name, int] = {}
            began: dict[Name, frozenset[Name]] = {}
            shares: dict[Instance, int] = {}
            for child in children:
                tile = self.held[depth][child] = arriving[child]
                shares[child] = len(sent)
                for output in tile.data:
                    if output in above or began.setdefault(output, tile.name) != tile.name:
                        # the first instance gets the partial sum, others that add to it begin at zero
                        known = output in above and output not in sent
                        self.sums[depth][child][output] = above[output] if known else 0
                sent |= {output: above[output] for output in tile.data if output in above}
                shares[child] = len(sent) - shares[child]
            self.note(depth, Direction.FROM_ABOVE, sent)
            self.note(depth + 1, Direction.TO_BELOW, sent)
            points = [point for child in children for point in self.points(depth, child, t)]
            together = self.view.tile(self.operand, points)
            again = self.meet(depth + 1, parent, Direction.TO_BELOW, points, together, len(sent))
            if self.shares_windows(depth):
                # what instances that share sums get is sent to all of them together
                if again:
                    self.count(depth, Direction.FROM_ABOVE, len(sent))
                else:
                    self.first(depth, parent, Direction.FROM_ABOVE, points, together, len(sent))
                continue
            names: set[frozenset[Name]] = set()
            for child in children:
                tile = arriving[child]
                if again:
                    self.count(depth, Direction.FROM_ABOVE, shares[child])
                elif tile.name not in names:
                    own = self.points(depth, child, t)
                    self.first(depth, parent, Direction.FROM_ABOVE, own, tile, shares[child])
                names.add(tile.name)

    def meet(
        self, depth: int, holder: Instance, direction: Direction, points: list[Point], tile: Tile, known: int
    ) -> bool:
        """Count what an instance reads of a tile; return whether the tile was there before."""
        if tile.name in self.met[depth, holder]:
            assert known == tile.elements
            self.count(depth, direction, known)
            return True
        self.met[depth, holder].add(tile.name)
        self.first(depth, holder, direction, points, tile, known)
        return False

    def first(
        self, depth: int, holder: Instance, direction: Direction, points: list[Point], tile: Tile, known: int
    ) -> None:
        """Remember a tile that was not there before; `holder` is the instance that sends it."""
        nest = self.nest
        upper = depth + (direction is Direction.FROM_ABOVE)
        lane = nest.lanes[self.lanes[upper][holder][0]]
        served = {
            served for memory in nest.levels[self.operand][:upper] for served in memory.served_dimensions
        }
        everywhere = {
            dimension for memory in nest.levels[self.operand] for dimension in memory.served_dimensions
        }
        twin = tuple(
            lane[number]
            for number, (array_dimension, dim, _) in enumerate(nest.spatial)
            if array_dimension not in everywhere
            or (array_dimension not in served and dim not in nest.naming[self.operand])
        )
        used = [
            nest.indices[self.operand][t][lane] for t, lane in points if nest.exist[self.operand][t][lane]
        ]
        windows = [dim for r in nest.layer.relevance(self.operand).partial for dim in (r.inner, r.outer)]
        dims = [*windows, *(dim for dim in nest.layer.sizes if dim in nest.naming[self.operand])]
        key = [min((index[dim] for index in used), default=0) for dim in dims]
        firsts = self.firsts[depth, direction]
        firsts.found[twin].append((key, tile.data))
        firsts.known += known

    def shares_windows(self, depth: int) -> bool:
        """Return whether a loop of a window is unrolled between a level and the one above."""
        nest = self.nest
        below, above = (
            {served for memory in nest.levels[self.operand][:levels] for served in memory.served_dimensions}
            for levels in (depth, depth + 1)
        )
        sizes = nest.layer.sizes
        # where one loop of a window has one iteration, all tiles of the other are apart
        windows = {
            loop
            for relation in nest.layer.relations
            for loop in relation.loops
            if all(sizes.get(other, 1) > 1 for other in relation.loops)
        } & set(nest.layer.relevance(self.operand).partially_relevant)
        return any(
            array_dimension in above - below and dim in windows and lanes > 1
            for array_dimension, dim, lanes in nest.spatial
        )

    def compute(self, t: int) -> None:
        """Read, add to and write back the outputs of all lanes in the innermost memory."""
        for holder, lanes in self.lanes[1].items():
            made: dict[Name, int] = {}
            for lane in lanes:
                output = self.output(t, lane)
                if output is not None:
                    made[output] = self.add(made.get(output, 0), self.operation(t, lane))
            known = {o: self.sums[1][holder][o] for o in made if o in self.sums[1][holder]}
            self.note(1, Direction.TO_BELOW, known)
            points = [(t, lane) for lane in lanes]
            tile = self.view.tile(self.operand, points)
            self.meet(1, holder, Direction.TO_BELOW, points, tile, len(known))
            self.receive(1, holder, {o: self.add(value, known.get(o, 0)) for o, value in made.items()})

    def note(self, depth: int, direction: Direction, sums: dict[Name, int]) -> None:
        """Remember whether incomplete outputs moved."""
        if any(value != self.complete[output] for output, value in sums.items()):
            self.levels[depth - 1].incomplete.add(direction)
