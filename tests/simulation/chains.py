"""What the cycle-level simulator needs of a mapping: the tiles of every operand, how they are used piece by piece,
and how long each port is busy with them.

Arch level a of an operand stands for the data below link a: a = 0 at the array, a = l + 1 in memory level l. Nothing
in here comes from `zzcp.cost`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tests.simulation.nest import lanes_in_use
from zzcp.hardware import Accelerator, Direction, Memory
from zzcp.mapping import Mapping
from zzcp.workload import Layer


@dataclass(frozen=True)
class Tile:
    """The data below one link, how often it is replaced, and the order in which its pieces are used.

    A *piece* is what the next link below moves at a time. Where a tile is never replaced, nor the ones below it
    down to some link, the piece is what that link moves.

    Parameters
    ----------
    period, count : int
        Operations between two replacements, and how many periods the layer has.
    base : int
        The link below that moves the pieces.
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


@dataclass(frozen=True)
class Side:
    """One end of a link: a physical port, and for how many cycles one tile keeps it busy."""

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
        Per link the ports on its two sides, lower first, for a tile that moves down or up (up: output only; there
        down is the way of partial sums). At link 0 the array has no port.
    visits : list of list of int
        Output only: per link and period the last period before it with the same tile, or -1.
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
    top_bits: int


def chain(accelerator: Accelerator, layer: Layer, mapping: Mapping, links: dict[str, str], operand: str) -> Chain:
    """Return the chain of one operand."""
    memories = accelerator.levels(links[operand])
    relevance = layer.relevance(operand)
    moving = {*relevance.relevant, *relevance.partially_relevant}
    order = [(dim, size, dim in moving) for dim, size in mapping.order]
    is_output = operand == layer.output

    def after_reuse(cut: int) -> int:
        """Data is not replaced as long as the loops above do not ask for other data."""
        while cut < len(order) and not order[cut][2]:
            cut += 1
        return cut

    # the array accumulates outputs in the innermost memory, operation by operation
    cuts = [0 if is_output else after_reuse(0), *map(after_reuse, mapping.allocation[operand][:-1])]
    periods = [math.prod(size for _, size, _ in order[:cut]) for cut in cuts]
    total = math.prod(size for _, size, _ in order)
    tiles = []
    for level, cut in enumerate(cuts):
        base = max(level - 1, 0)
        if periods[level] == total:
            base = max((below for below in range(level) if periods[below] < total), default=0)
        tiles.append(_tile(order[cuts[base] : cut], periods[level], total // periods[level], base, periods[base]))
    down, up = _sides(layer, mapping, memories, links[operand], operand, order, cuts)
    bits, piece_bits, top_bits = _bits(layer, mapping, memories, operand, order, cuts, tiles)
    return Chain(
        operand, is_output, memories, tiles, down, up, [_visits(order[cut:]) for cut in cuts] if is_output else [],
        bits, piece_bits, top_bits
    )


def _positions(loops: Sequence[tuple[str, int, bool]]) -> list[int]:
    """Return which data every iteration of some loops uses."""
    positions = [0]
    weight = 1
    for _, size, moves in loops:
        positions = [position + digit * weight * moves for digit in range(size) for position in positions]
        weight *= size if moves else 1
    return positions


def _tile(loops: Sequence[tuple[str, int, bool]], period: int, count: int, base: int, step: int) -> Tile:
    piece_of = _positions(loops)
    pieces = max(piece_of) + 1
    first = [-1] * pieces
    last = [-1] * pieces
    for use, piece in enumerate(piece_of):
        first[piece] = use if first[piece] < 0 else first[piece]
        last[piece] = use
    dead = [0] * (len(piece_of) + 1)
    for use in last:
        dead[use + 1] += 1
    for use in range(len(piece_of)):
        dead[use + 1] += dead[use]
    return Tile(period, count, base, step, piece_of, pieces, first, last, dead)


def _visits(loops: Sequence[tuple[str, int, bool]]) -> list[int]:
    seen: dict[int, int] = {}
    visits = []
    for period, position in enumerate(_positions(loops)):
        visits.append(seen.get(position, -1))
        seen[position] = period
    return visits


def _sides(
    layer: Layer,
    mapping: Mapping,
    memories: tuple[Memory, ...],
    memory_operand: str,
    operand: str,
    order: Sequence[tuple[str, int, bool]],
    cuts: Sequence[int],
) -> tuple[list[list[Side]], list[list[Side]]]:
    """Return the ports on both sides of every link, with the cycles of one tile at full width."""
    lanes = _lanes_below(layer, mapping, memories)
    is_output = operand == layer.output
    down, up = [], []
    for link, cut in enumerate(cuts):
        ends = [(memories[link], Direction.TO_BELOW, Direction.FROM_BELOW, lanes[link + 1])]
        if link:
            ends.insert(0, (memories[link - 1], Direction.FROM_ABOVE, Direction.TO_ABOVE, lanes[link]))
        complete = all(moves for _, _, moves in order[cut:])
        downwards, upwards = [], []
        for memory, way_down, way_up, lanes_here in ends:
            factors = dict(lanes_here)
            for dim, size, _ in order[:cut]:
                factors[dim] *= size
            elements = layer.tile_size(operand, factors)
            # an output is complete once no loop above, in time or space, adds to it
            adds_in_space = any(
                lanes[-1][dim] > lanes_here[dim]
                for dim in layer.sizes
                if dim not in layer.equation.indices[operand]
            )
            bits = layer.precision[operand]
            ready_bits = layer.final_precision if is_output and complete and not adds_in_space else bits
            for way, sides, width in ((way_down, downwards, bits), (way_up, upwards, ready_bits)):
                port = memory.port(memory_operand, way)
                if port is not None:
                    cycles = -(-elements * width // port.bandwidth_max)
                    sides.append(Side((memory.name, port.name), cycles))
        down.append(downwards)
        up.append(upwards)
    return down, up


def _bits(layer, mapping, memories, operand, order, cuts, tiles):
    lanes = _lanes_below(layer, mapping, memories)

    def elements(cut, arch):
        factors = dict(lanes[arch])
        for dim, size, _ in order[:cut]:
            factors[dim] *= size
        return layer.tile_size(operand, factors)

    precision = [layer.precision[operand]] * (len(cuts) + 1)
    if operand == layer.output:
        precision = []
        for link, cut in enumerate([*cuts, len(order)]):
            # what arrives from below is a partial sum while anything above the boundary beneath adds to it
            below = max(link - 1, 0)
            adds = any(
                lanes[-1][dim] > lanes[min(below + 1, len(lanes)-1)][dim] for dim in layer.sizes if dim not in layer.equation.indices[operand]
            ) or not all(moves for _, _, moves in order[cuts[below]:])
            precision.append(layer.precision[operand] if adds else layer.final_precision)
    bits = [elements(cut, link) * precision[link] for link, cut in enumerate(cuts)]
    pieces = [elements(cuts[tile.base], link) * precision[link] for link, tile in enumerate(tiles)]
    return bits, pieces, elements(len(order), len(memories)) * precision[-1]


def _lanes_below(layer: Layer, mapping: Mapping, memories: tuple[Memory, ...]) -> list[dict[str, int]]:
    """Return for every arch level the lanes per dimension that one instance feeds; the last entry: all lanes."""
    result = [dict.fromkeys(layer.sizes, 1)]
    left = lanes_in_use(layer, mapping.spatial)
    for memory in memories:
        lanes = dict(result[-1])
        for array_dimension, dim, factor in left:
            if array_dimension in memory.served_dimensions:
                lanes[dim] *= factor
        left = [entry for entry in left if entry[0] not in memory.served_dimensions]
        result.append(lanes)
    lanes = dict(result[-1])
    for _, dim, factor in left:
        lanes[dim] *= factor
    return [*result, lanes]
