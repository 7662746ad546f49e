"""What the cycle-level simulator needs of a mapping: the tiles of every operand, the order in which they are used piece
by piece, and how long each port is busy with them.

Arch level a of an operand stands for the data below link a: a = 0 at the array, a = l + 1 in memory level l. Nothing
in here comes from `zzcp.cost`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from tests.simulation.nest import lanes_in_use
from tests.simulation.walk import own_bits
from zzcp.hardware import Accelerator, Direction, Memory, Port
from zzcp.mapping import Mapping
from zzcp.workload import DimensionRelation, Layer


@dataclass(frozen=True)
class Loop:
    """A temporal loop, and whether another iteration of it asks for other data of the operand."""

    dim: str
    size: int
    moves: bool


@dataclass(frozen=True)
class Tile:
    """The data below one link, how often it is replaced, and the order in which its pieces are used.

    A *piece* is what a link further in moves at a time: the next one, or where this tile and those beneath it stay
    for the whole layer, the outermost one that does move more than once.

    Parameters
    ----------
    period, count : int
        Operations between two replacements, and how many periods the layer has.
    base : int
        The link that takes the pieces.
    step : int
        Operations between two movements over that link.
    piece_of : list of int
        Which piece every such movement in a period takes.
    pieces : int
        How many there are.
    first, last : list of int
        For every piece the first and the last movement in a period that takes it.
    dead : list of int
        How many pieces are used up before the n-th movement, for n = 0 .. len(piece_of).
    passes : int
        How often the same pieces come again at the end: the product of the outermost loops that ask for no others.
    """

    period: int
    count: int
    base: int
    step: int
    piece_of: list[int]
    pieces: int
    first: list[int]
    last: list[int]
    dead: list[int]
    passes: int

    def spread(self) -> Tile:
        """Return the same tile with its pieces first used (last used) at even distances."""
        uses = len(self.piece_of)
        window = uses // self.passes
        return replace(
            self,
            piece_of=[min(use * self.pieces // window, self.pieces - 1) for use in range(uses)],
            first=[piece * window // self.pieces for piece in range(self.pieces)],
            last=[uses - window - 1 - (piece + 1) * window // -self.pieces for piece in range(self.pieces)],
        )


@dataclass(frozen=True)
class Side:
    """One end of a link: a physical port (memory and name), and for how many cycles one tile keeps it busy."""

    port: tuple[str, str]
    cycles: int


@dataclass(frozen=True)
class Slid:
    """The refills of a memory that keeps the overlap of windows, where the tile moves along the loop directly above it.

    Parameters
    ----------
    periods : frozenset of int
        The periods that such a refill leads to; into all others the whole tile is brought.
    new, dropped : list of int
        The pieces that are not in the tile before, and those of a tile that are not in the next one.
    cycles : tuple of int
        For how long each side is busy with what is new, the lower one first.
    """

    periods: frozenset[int]
    new: list[int]
    dropped: list[int]
    cycles: tuple[int, ...]


@dataclass(frozen=True)
class Chain:
    """One operand from the array to its outermost memory.

    Parameters
    ----------
    operand : str
        Its name.
    is_output : bool
        Whether it is the output.
    memories : tuple of Memory
        Its levels, innermost first.
    tiles : list of Tile
        Per arch level below the outermost memory.
    down, up : list of list of Side
        Per link the ports on its two sides, lower first, for a tile that moves down, and (outputs) up. At link 0
        the array has no port.
    visits : list of list of int
        Outputs: per link and period the last period before it with the same tile, or -1.
    bits, piece_bits : list of int
        Bits that one tile, and one piece of it, take in an instance of the memory level, innermost first.
    slid : list of Slid or None
        Per link the refills that bring only what is new.
    """

    operand: str
    is_output: bool
    memories: tuple[Memory, ...]
    tiles: list[Tile]
    down: list[list[Side]]
    up: list[list[Side]]
    visits: list[list[int]]
    bits: list[int]
    piece_bits: list[int]
    slid: list[Slid | None]


def build_chain(
    accelerator: Accelerator, layer: Layer, mapping: Mapping, links: dict[str, str], operand: str
) -> Chain:
    """Return the chain of one operand."""
    return _Builder(accelerator, layer, mapping, links, operand).chain()


class _Builder:
    def __init__(
        self, accelerator: Accelerator, layer: Layer, mapping: Mapping, links: dict[str, str], operand: str
    ) -> None:
        self.layer, self.operand = layer, operand
        self.memory_operand = links[operand]
        self.memories = accelerator.levels(self.memory_operand)
        self.is_output = operand == layer.output
        relevance = layer.relevance(operand)
        self._moving = {*relevance.relevant, *relevance.partially_relevant}
        self.order = [Loop(dim, size, dim in self._moving) for dim, size in mapping.order]
        self.ends = mapping.allocation[operand]
        ends = [self._reused(end) for end in self.ends[:-1]]
        # outputs are added up in the innermost memory, operation by operation
        self.cuts = [0 if self.is_output else self._reused(0), *ends]
        self.lanes = _lanes_below(layer, mapping, self.memories)
        self.spread = lanes_in_use(layer, mapping.spatial)

    def _reused(self, cut: int) -> int:
        """A tile stays as long as the loops above it do not ask for other data."""
        while cut < len(self.order) and not self.order[cut].moves:
            cut += 1
        return cut

    def chain(self) -> Chain:
        tiles = self._tiles()
        down, up = zip(*(self._sides(link) for link in range(len(self.cuts))), strict=True)
        visits = [_visits(self.order[cut:]) for cut in self.cuts] if self.is_output else []
        top = len(self.memories) - 1
        bits = [self._stored(level, self.cuts[level + 1]) for level in range(top)]
        pieces = [self._stored(level, self.cuts[tiles[level + 1].base]) for level in range(top)]
        whole = self._stored(top, len(self.order))
        return Chain(
            self.operand,
            self.is_output,
            self.memories,
            tiles,
            list(down),
            list(up),
            visits,
            [*bits, whole],
            [*pieces, whole],
            [self._slid(link, tiles[link]) for link in range(len(self.cuts))],
        )

    def _slid(self, link: int, tile: Tile) -> Slid | None:
        """Return what a memory that keeps overlaps is brought; windows are looked at away from padding."""
        memory = self.memories[link - 1]
        cut = self.cuts[link]
        if not link or self.memory_operand not in memory.keeps_overlap or cut == len(self.order):
            return None
        dim = self.order[cut].dim
        windows = self.layer.relevance(self.operand).partial
        relation = next((window for window in windows if dim in window.loops), None)
        if self.is_output or relation is None:
            return None
        ends = self.ends
        run = 1
        for number in range(cut, len(self.order)):
            level = next(level for level, end in enumerate(ends) if number < end)
            spread = self.lanes[level + 1][dim] > self.lanes[link + 1][dim]
            if self.order[number].dim != dim or spread:
                break
            run *= self.order[number].size
        if run == 1:
            return None
        step = relation.stride if dim == relation.outer else relation.dilation
        shift = step * self.lanes[link + 1][dim] * self._inside(cut, dim)
        pieces = self._piece_positions(link, tile, relation)
        held = set().union(*pieces)
        before, after = ({position + moved for position in held} for moved in (-shift, shift))
        lanes = [
            relation.stride * self._digit(link, cut, relation.outer, one)
            + relation.dilation * self._digit(link, cut, relation.inner, other)
            for one in range(self._beside(link, relation.outer))
            for other in range(self._beside(link, relation.inner))
        ]
        added = held - before
        if not added:
            return None
        together = {position + lane for position in added for lane in lanes}
        below, above = (
            self._elements(cut, self.lanes[side]) // self._extent(cut, self.lanes[side], relation)
            for side in (link, link + 1)
        )
        # a tile at the edge may be brought less than one in the middle, but never more than all of it
        counts = (
            min(len(added), self._extent(cut, self.lanes[link], relation)) * below,
            min(len(together), self._extent(cut, self.lanes[link + 1], relation)) * above,
        )
        ways = ((memory, Direction.FROM_ABOVE), (self.memories[link], Direction.TO_BELOW))
        return Slid(
            frozenset(period for period in range(tile.count) if period % run),
            [number for number, own in enumerate(pieces) if not own <= before],
            [number for number, own in enumerate(pieces) if not own <= after],
            tuple(
                self._side(of, way, elements, self.layer.precision[self.operand]).cycles
                for (of, way), elements in zip(ways, counts, strict=True)
            ),
        )

    def _inside(self, cut: int, dim: str) -> int:
        return math.prod(loop.size for loop in self.order[:cut] if loop.dim == dim)

    def _beside(self, link: int, dim: str) -> int:
        """Return how many lanes of a dimension lie on a link."""
        return self.lanes[link + 1][dim] // self.lanes[link][dim]

    def _digit(self, link: int, cut: int, dim: str, number: int) -> int:
        """Return how many steps of a dimension one of the lanes on a link is from the first."""
        return number * self.lanes[link][dim] * self._inside(cut, dim)

    def _extent(self, cut: int, lanes: dict[str, int], relation: DimensionRelation) -> int:
        sizes = [lanes[dim] * self._inside(cut, dim) for dim in relation.loops]
        return _largest_window(self.layer, relation, *sizes)

    def _piece_positions(self, link: int, tile: Tile, relation: DimensionRelation) -> list[set[int]]:
        """Return for every piece of a tile the positions of a window that it holds, in any lane below."""
        base, cut = self.cuts[tile.base], self.cuts[link]
        weights = dict.fromkeys(self.layer.sizes, 1)
        factors = {relation.outer: relation.stride, relation.inner: relation.dilation}
        free: list[int] = [0]
        fixed: list[tuple[int, int, int]] = []
        start = 0
        for level, end in enumerate(self.ends):
            for dim, factor in factors.items():
                lanes = self._beside(level, dim)
                if level < link:
                    free = [at + factor * weights[dim] * lane for lane in range(lanes) for at in free]
                weights[dim] *= lanes
            for number in range(start, min(end, cut)):
                loop = self.order[number]
                here = factors.get(loop.dim, 0) * weights[loop.dim]
                if number < base:
                    free = [at + here * step for step in range(loop.size) for at in free]
                elif loop.moves:
                    fixed.append((loop.size, here, number))
                weights[loop.dim] *= loop.size
            start = max(start, min(end, cut))
        offsets = [0]
        for size, here, _ in fixed:
            offsets = [at + here * step for step in range(size) for at in offsets]
        return [{at + offset for at in free} for offset in offsets]

    def _tiles(self) -> list[Tile]:
        periods = [math.prod(loop.size for loop in self.order[:cut]) for cut in self.cuts]
        total = math.prod(loop.size for loop in self.order)
        tiles = []
        for level, cut in enumerate(self.cuts):
            base = max(level - 1, 0)
            if periods[level] == total:
                base = max((below for below in range(level) if periods[below] < total), default=0)
            tiles.append(
                _tile(periods[level], total // periods[level], base, self.order[self.cuts[base] : cut])
            )
        return tiles

    def _elements(self, cut: int, lanes: dict[str, int]) -> int:
        factors = dict(lanes)
        for loop in self.order[:cut]:
            factors[loop.dim] *= loop.size
        layer = self.layer
        relevance = layer.relevance(self.operand)
        elements = math.prod(min(factors[dim], layer.sizes[dim]) for dim in relevance.relevant)
        for relation in relevance.partial:
            elements *= _largest_window(layer, relation, factors[relation.outer], factors[relation.inner])
        return elements

    def _precision(self, cut: int, lanes: dict[str, int]) -> int:
        """An output is complete once no loop above, in time or in space, adds to it."""
        indices = self.layer.equation.indices[self.operand]
        added = any(self.lanes[-1][dim] > lanes[dim] for dim in lanes if dim not in indices)
        if self.is_output and not added and all(loop.moves for loop in self.order[cut:]):
            return self.layer.final_precision
        return self.layer.precision[self.operand]

    def _stored(self, level: int, cut: int) -> int:
        """Return the bits of some tile in a memory, at the precision in which it arrives from below."""
        precision = self._precision(self.cuts[level], self.lanes[level + 1])
        own = own_bits(self.memories[level], self.memory_operand, precision)
        return self._elements(cut, self.lanes[level + 1]) * own

    def _sides(self, link: int) -> tuple[list[Side], list[Side]]:
        cut = self.cuts[link]
        ends = [(self.memories[link], Direction.TO_BELOW, Direction.FROM_BELOW, self.lanes[link + 1])]
        if link:
            lower = (self.memories[link - 1], Direction.FROM_ABOVE, Direction.TO_ABOVE, self.lanes[link])
            ends.insert(0, lower)
        down, up = [], []
        for memory, way_down, way_up, lanes in ends:
            elements = self._elements(cut, lanes)
            # partial sums come back as such
            down.append(self._side(memory, way_down, elements, self.layer.precision[self.operand]))
            if self.is_output:
                up.append(self._side(memory, way_up, elements, self._precision(cut, lanes)))
        return down, up

    def _side(self, memory: Memory, way: Direction, elements: int, precision: int) -> Side:
        port = memory.port(self.memory_operand, way)
        assert port is not None  # Accelerator checks it
        bits = elements * own_bits(memory, self.memory_operand, precision)
        # instances behind one port are served one after the other
        return Side(
            (memory.name, port.name), -(-bits // port.bandwidth_max) * len(self._queue(memory, port, way))
        )

    def _queue(self, memory: Memory, port: Port, way: Direction) -> list[tuple[int, ...]]:
        """Return the instances in use that wait for one port, by their places along the loops that tell them apart."""
        level = self.memories.index(memory)
        within = {dimension for inner in self.memories[: level + 1] for dimension in inner.served_dimensions}
        loops = [entry for entry in self.spread if entry[0] in {*port.shared_along} - within]
        places = list(product(*(range(factor) for *_, factor in loops)))
        if not self.is_output or way is not Direction.FROM_ABOVE:
            return places
        # sums that were added up on the way out come back to the first of those that made them
        outer = self.memories[level + 1].served_dimensions
        adds = [dim not in self._moving and dimension in outer for dimension, dim, _ in loops]
        return [
            place for place in places if not any(at and added for at, added in zip(place, adds, strict=True))
        ]


def _largest_window(layer: Layer, relation: DimensionRelation, outer: int, inner: int) -> int:
    """Return the positions of a window that are in memory, in the tile that has the most of them."""
    first, end = layer.stored_positions(relation)
    most = 0
    for start, begin in product(
        range(0, layer.sizes[relation.outer], outer), range(0, layer.sizes[relation.inner], inner)
    ):
        positions = {
            relation.stride * o + relation.dilation * i
            for o in range(start, min(start + outer, layer.sizes[relation.outer]))
            for i in range(begin, min(begin + inner, layer.sizes[relation.inner]))
        }
        most = max(most, sum(first <= position < end for position in positions))
    return most


def _positions(loops: Sequence[Loop]) -> list[int]:
    """Return which data every iteration of some loops uses."""
    positions = [0]
    weight = 1
    for loop in loops:
        stride = weight if loop.moves else 0
        positions = [position + digit * stride for digit in range(loop.size) for position in positions]
        weight *= loop.size if loop.moves else 1
    return positions


def _tile(period: int, count: int, base: int, own: Sequence[Loop]) -> Tile:
    piece_of = _positions(own)
    pieces = max(piece_of) + 1
    last = [0] * pieces
    for use, piece in enumerate(piece_of):
        last[piece] = use
    first = [0] * pieces
    for use in range(len(piece_of) - 1, -1, -1):
        first[piece_of[use]] = use
    dead = [0] * (len(piece_of) + 1)
    for use in last:
        dead[use + 1] = 1
    for use in range(len(piece_of)):
        dead[use + 1] += dead[use]
    passes = 1
    for loop in reversed(own):
        if loop.moves:
            break
        passes *= loop.size
    return Tile(period, count, base, period // len(piece_of), piece_of, pieces, first, last, dead, passes)


def _visits(loops: Sequence[Loop]) -> list[int]:
    seen: dict[int, int] = {}
    visits = []
    for period, position in enumerate(_positions(loops)):
        visits.append(seen.get(position, -1))
        seen[position] = period
    return visits


def _lanes_below(layer: Layer, mapping: Mapping, memories: tuple[Memory, ...]) -> list[dict[str, int]]:
    """Return for every arch level the lanes per dimension that one instance feeds; the last entry: all lanes."""
    result = [dict.fromkeys(layer.sizes, 1)]
    left = lanes_in_use(layer, mapping.spatial)
    everything = [dimension for dimension, _, _ in left]
    for served in (*(memory.served_dimensions for memory in memories), everything):
        lanes = dict(result[-1])
        for dimension, dim, factor in left:
            if dimension in served:
                lanes[dim] *= factor
        left = [entry for entry in left if entry[0] not in served]
        result.append(lanes)
    return result
