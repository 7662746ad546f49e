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
from zzcp.hardware import Accelerator, Direction, Memory
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
        moving = {*relevance.relevant, *relevance.partially_relevant}
        self.order = [Loop(dim, size, dim in moving) for dim, size in mapping.order]
        ends = [self._reused(end) for end in mapping.allocation[operand][:-1]]
        # outputs are added up in the innermost memory, operation by operation
        self.cuts = [0 if self.is_output else self._reused(0), *ends]
        self.lanes = _lanes_below(layer, mapping, self.memories)

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
        )

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
        return self._elements(cut, self.lanes[level + 1]) * precision

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
            down.append(self._side(memory, way_down, elements * self.layer.precision[self.operand]))
            if self.is_output:
                up.append(self._side(memory, way_up, elements * self._precision(cut, lanes)))
        return down, up

    def _side(self, memory: Memory, way: Direction, bits: int) -> Side:
        port = memory.port(self.memory_operand, way)
        assert port is not None  # Accelerator checks it
        return Side((memory.name, port.name), -(-bits // port.bandwidth_max))


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
