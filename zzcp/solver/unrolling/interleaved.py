"""Bounds of many unrollings at once from the orders in which the boundaries of their operands may lie.

The boundaries of a mapping are a chain, from the array outwards. If a boundary of operand q lies at or above one of
operand p, all loops below the latter are below the former, so that those that change q fit into q's memory: however
often p's data is used, of the loops that change q there are no more than q's tile has room for. Hence for every order
of the boundaries a limit of what every operand is used again, and of the least energy, and cycles, of its links. A
limit depends on nothing but how many boundaries of every operand lie below, so that the least sum over all orders
follows by dynamic programming over these counts. There are no tiles in it, only their sizes: some hundred steps per
unrolling.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product

import numpy as np

from zzcp.cost.formulas.overlap import keeps
from zzcp.cost.objective import Goal
from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT
from zzcp.solver.clock import look
from zzcp.solver.lattice.keys import Array, Place
from zzcp.solver.unrolling.block import Block
from zzcp.solver.unrolling.common import MARGIN, Common, elements_outside, pairs_outside
from zzcp.solver.unrolling.ends import ends_of, in_sum, ways_of, without_stalls
from zzcp.solver.unrolling.rounding import adds_up, again, windows_left, words_at_least
from zzcp.solver.unrolling.weighted import Weighted
from zzcp.workload import DimensionRelation

_AT_ONCE = 2**12
"""Unrollings of which figures are computed at once: they fit the cache."""
_STEPS = 6000
"""Steps that an unrolling counts as."""

Counts = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A boundary that follows on so many others in the order from the array outwards.

    Parameters
    ----------
    place : Place
        The boundary.
    energy : ndarray, shape (unrollings,)
        Energy of its link at the least.
    cycles : dict of int to ndarray
        Cycles at every port.
    """

    place: Place
    energy: Array
    cycles: dict[int, Array]


class Interleaved(Weighted):
    """The orders of the boundaries of a block's unrollings."""

    def __init__(self, block: Block) -> None:
        self.block, self.count, self.dims = block, block.count, block.dims
        setting = block.setting
        self.links = [
            [link for link in range(operand.depth) if link or block.stays(operand)]
            for operand in setting.operands
        ]
        self.ends = without_stalls(block)
        self.ways = ways_of(block.common)
        moving = {move.port for row in block.common.movements for move in row}
        self.ports = sorted(moving.union(way.name for way in self.ways))
        self.rooms = {
            (number, link): _Room.of(block, number, link)
            for number, links in enumerate(self.links)
            for link in links
        }
        self.plain: dict[tuple[int, int], Array] = {}
        self.depths = tuple(len(links) for links in self.links)
        self.counts = sorted(product(*(range(depth + 1) for depth in self.depths)), key=sum, reverse=True)
        kept: dict[tuple[int, Counts], _Step] = {}
        self.steps: dict[Counts, list[tuple[Counts, _Step]]] = {}
        for counts in self.counts:
            options = []
            for number, (taken, depth) in enumerate(zip(counts, self.depths, strict=True)):
                if taken < depth:
                    if (number, counts) not in kept:
                        kept[number, counts] = self._step(number, counts)
                    after = (*counts[:number], taken + 1, *counts[number + 1 :])
                    options.append((after, kept[number, counts]))
            self.steps[counts] = options
        self.fixed = [
            self._cost(number, link, np.ones(self.count), {})
            for number, operand in enumerate(setting.operands)
            for link in range(operand.depth)
            if link not in self.links[number]
        ]
        self.fixed.append(self._ends())

    def _ends(self) -> _Step:
        """Return what the sum of every way has before the first operation and after the last one."""
        ends = {self.ports.index(way.name): ends_of(self.block, way) for way in self.ways}
        return _Step((0, 0), np.zeros(self.count), ends)

    def _step(self, number: int, counts: Counts) -> _Step:
        """Return what a boundary costs where so many of every operand lie beneath it."""
        block = self.block
        link = self.links[number][counts[number]]
        above = [
            self.rooms[other, links[taken]]
            for other, (links, taken) in enumerate(zip(self.links, counts, strict=True))
            if other != number and taken < len(links)
        ]
        irrelevant = block.irrelevant(number)
        reuse = block.reuse[number]
        for room in above:
            reuse = np.minimum(reuse, room.most(irrelevant))
        most = {}
        for relation in block.setting.operands[number].relations:
            for dim in relation.loops:
                if dim in self.dims:
                    position = self.dims.index(dim)
                    limit = self.rooms[number, link].most([position])
                    for room in above:
                        limit = np.minimum(limit, room.most([position]))
                    most[dim] = limit
        return self._cost(number, link, np.maximum(reuse, 1.0), most)

    def _without_reuse(self, number: int, index: int, most: dict[str, Array]) -> Array:
        """Return what `_moved` does, computed once where there are no windows."""
        if most:
            return self._moved(number, index, most)
        if (number, index) not in self.plain:
            self.plain[number, index] = self._moved(number, index, most)
        return self.plain[number, index]

    def _cost(self, number: int, link: int, reuse: Array, most: dict[str, Array]) -> _Step:
        """Return what a link costs at the least.

        Parameters
        ----------
        number, link : int
            Operand and link.
        reuse : ndarray
            How often the data is used again, at most.
        most : dict of str to ndarray
            Iterations of a window's loops beneath the link, at most.
        """
        block = self.block
        operand = block.setting.operands[number]
        energy, cycles = np.zeros(self.count), dict[int, Array]()
        once = reuse >= block.reuse[number] * (1 - MARGIN)
        for index, movement in enumerate(block.common.movements[number]):
            if movement.link != link:
                continue
            if keeps(operand, link):
                # all elements come again in every round of the loops that do not matter to them; no more is certain
                moved = block.once[number][index] * block.reuse[number] / reuse
            else:
                moved = self._without_reuse(number, index, most) / reuse
            least = block.precision(number, movement)
            if movement.back:
                share = again(block, number, reuse)
                bits = moved * share * least
            else:
                share = np.ones(self.count)
                partial = np.where(adds_up(block, number), movement.bits.partial, least)
                bits = np.maximum(moved, block.once[number][index])
                bits = bits * np.where(once, least, np.maximum(partial, least))
            visits = block.total / reuse
            if link:
                visits = visits / self.rooms[number, link].data
            counted = block.counted(movement, np.maximum(visits, 1.0))
            busy = bits * block.cycles_per_bit(number, movement) * counted
            if block.exact and link and not keeps(operand, link):
                # every tile takes a word at the least
                word = block.transfers(number, movement) * np.minimum(movement.word, movement.word * least)
                data = self.rooms[number, link].data
                words = np.where(data < 2, block.words[number][index], word / data)
                bits = np.maximum(bits, words / reuse * share)
            if block.exact and not link and not keeps(operand, link):
                bits = np.maximum(bits, block.words[number][index] / reuse * share)
                tile = block.tile(operand, number, movement.link + movement.upper) * least
                each = np.ceil(tile / movement.width) * block.turns(number, movement)
                busy = np.maximum(busy, each * block.total / reuse * share * counted)
            if block.exact:
                energy = energy + bits * movement.energy
            else:
                data = self.rooms[number, link].data if link else np.ones(self.count)
                word = words_at_least(block, operand, number, movement)
                words = np.where(data < 2, block.words[number][index], word / data)
                bits = np.maximum(bits * block.share_of_energy(number, movement), words / reuse * share)
                energy = energy + np.maximum(0.0, bits * movement.energy - block.truncated(movement))
            sums = {movement.port: busy}
            for way in self.ways:
                if way.port == movement.port:
                    sums[way.name] = in_sum(block, way, number, movement, busy, visits)
            for name, part in sums.items():
                port = self.ports.index(name)
                cycles[port] = cycles[port] + part if port in cycles else part
        return _Step((number, link), energy, cycles)

    def _moved(self, number: int, index: int, most: dict[str, Array]) -> Array:
        """Return the elements of a movement that would pass without reuse but that within windows."""
        block = self.block
        movement = block.common.movements[number][index]
        operand = block.setting.operands[number]
        level = movement.link + movement.upper
        relevant = [i for i, dim in enumerate(self.dims) if operand.kind[dim] == RELEVANT]
        lanes = block.product(block.below(number, level), relevant) * block.total
        lanes = lanes * block.spread(number, level)
        lanes = lanes * windows_left(block, operand, number, movement)
        if movement.back and not movement.upper:
            lanes = lanes / block.parts(number, movement.link)
        for relation, extent in zip(operand.relations, operand.window_sizes, strict=True):
            pairs, per_iteration = np.ones(self.count), np.ones(self.count)
            sizes = []
            for dim in relation.loops:
                if dim not in self.dims:
                    sizes.append(np.ones(self.count))
                    continue
                position = self.dims.index(dim)
                own = block.whole(block.below(number, level), dim)
                high = most.get(dim, np.ones(self.count))
                sizes.append(own * high)
                per_iteration = per_iteration * np.where(own > 1, block.scale[:, position], 1.0) / high
                pairs = pairs * block.iterations[:, position]
                pairs = pairs * block.product(block.above(number, level), [position])
            window = np.minimum(relation.distinct(sizes[0], sizes[1]), extent)  # type: ignore[arg-type]
            outside = pairs_outside(block.setting.layer, relation) / pairs
            lanes = lanes * np.maximum(0.0, window * per_iteration - outside)
        return np.asarray(lanes)

    # ---- least sums

    def _cheapest(self, a: Array, prices: Array) -> tuple[Array, dict[Place, Array]]:
        constant = a * self.block.operations()
        for step in self.fixed:
            constant = constant + self._priced(step, a, prices)
        best: dict[Counts, Array] = {}
        chosen: dict[Counts, Array] = {}
        for counts in self.counts:
            options = self.steps[counts]
            if not options:
                best[counts] = np.zeros(self.count)
                continue
            costs = [best[after] + self._priced(step, a, prices) for after, step in options]
            least = costs[0]
            choice = np.zeros(self.count, dtype=np.int8)
            for number, cost in enumerate(costs[1:], 1):
                choice[cost < least] = number
                least = np.minimum(least, cost)
            best[counts], chosen[counts] = least, choice
        start = (0,) * len(self.depths)
        return best[start] + constant, self._walk(chosen)

    def _walk(self, chosen: dict[Counts, Array]) -> dict[Place, Array]:
        """Return for every boundary which state, by its number, it follows on in the cheapest orders."""
        numbers = {counts: number for number, counts in enumerate(self.counts)}
        at = np.full(self.count, numbers[(0,) * len(self.depths)])
        found = {place: np.zeros(self.count, dtype=np.int64) for place in self.rooms}
        for counts in reversed(self.counts):
            some = np.flatnonzero(at == numbers[counts])
            if len(some) and self.steps[counts]:
                for option, (after, step) in enumerate(self.steps[counts]):
                    here = some[chosen[counts][some] == option]
                    found[step.place][here] = numbers[counts]
                    at[here] = numbers[after]
        return found

    def _priced(self, step: _Step, a: Array, prices: Array) -> Array:
        cost = a * step.energy
        for port, cycles in step.cycles.items():
            if prices[1 + port].any():
                cost = cost + prices[1 + port] * cycles
        return np.asarray(cost)

    def _cycles(self, cells: dict[Place, Array]) -> tuple[Array, Array]:
        cycles = np.zeros((len(self.ports), self.count))
        for step in self.fixed:
            for port, busy in step.cycles.items():
                cycles[port] += busy
        for place, states in cells.items():
            for state in np.unique(states):
                for _, step in self.steps[self.counts[state]]:
                    if step.place == place:
                        here = states == state
                        for port, busy in step.cycles.items():
                            cycles[port, here] += busy[here]
        return cycles, np.zeros_like(cycles)


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """A window of a tile: its elements are at least those of the shortest one, and those of either loop by itself.

    Parameters
    ----------
    outer, inner : int or None
        Positions of its loops; None where they have one iteration.
    first : ndarray
        Elements of the shortest one.
    of_outer, of_inner : ndarray
        Elements that one iteration of either loop adds at the least.
    """

    outer: int | None
    inner: int | None
    first: Array
    of_outer: Array
    of_inner: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Room:
    """What fits beneath a boundary.

    Parameters
    ----------
    iterations : ndarray of int, shape (unrollings, dimensions)
        Of every dimension.
    elements : ndarray
        Elements that the tile may have at the most.
    first, each : dict of int to ndarray
        Per dimension of the data the least elements along it, and those that every iteration adds at the least.
    windows : tuple of _Window
        Its windows.
    """

    iterations: Array
    elements: Array
    first: dict[int, Array]
    each: dict[int, Array]
    windows: tuple[_Window, ...] = ()

    @classmethod
    def of(cls, block: Block, number: int, link: int) -> _Room:
        """Return what fits beneath a boundary of an operand."""
        operand = block.setting.operands[number]
        one = np.ones(block.count)
        if link == 0:
            # nothing that changes the operand lies beneath the array
            data = dict.fromkeys(
                (i for i, dim in enumerate(block.dims) if operand.kind[dim] != IRRELEVANT), one
            )
            return cls(block.iterations, one, data, data)
        first, each = {}, {}
        for position, dim in enumerate(block.dims):
            lanes = block.whole(block.below(number, link), dim)
            first[position] = np.minimum(lanes, block.setting.layer.sizes[dim])
            # the last lanes of the last iteration may be idle: of m > 1 iterations lanes (m - 1) + 1 elements are left
            half = np.minimum(first[position], (lanes + 1) / 2)
            each[position] = np.where(block.scale[:, position] == 1, lanes, half)
        windows = tuple(
            _window(block, relation, most, first, each)
            for relation, most in zip(operand.relations, operand.window_sizes, strict=True)
        )
        relevant = [i for i, dim in enumerate(block.dims) if operand.kind[dim] == RELEVANT]
        first, each = ({i: part[i] for i in relevant} for part in (first, each))
        bits = block.kept_precision(number, link)
        free = block.free[number, link - 1] * (1 + MARGIN)
        room = np.where(bits > 0, free / np.maximum(bits, 1), np.inf)
        if not block.exact:
            room = room / block.kept_share(operand, number, link)
        if operand.memories[link - 1].doubles(operand.memory_operand) and not windows:
            # all but the whole are kept twice
            whole = one
            for position in relevant:
                whole = whole * np.maximum(first[position], each[position] * block.iterations[:, position])
            room = np.where(whole <= room, room, room / 2)
        return cls(block.iterations, room, first, each, windows)

    def most(self, positions: Collection[int]) -> Array:
        """Return how many iterations of some dimensions lie beneath the boundary at the most."""
        every = np.ones(len(self.iterations))
        for position in positions:
            every = every * self.iterations[:, position]
        limit, bounded = self.elements, set[int | None]()
        for position, first in self.first.items():
            taken = position in positions
            limit = limit / (self.each[position] if taken else first)
            bounded |= {position} if taken else set()
        for window in self.windows:
            if window.outer in positions:
                limit = limit / window.of_outer
                bounded.add(window.outer)
            elif window.inner in positions:
                limit = limit / window.of_inner
                bounded.add(window.inner)
            else:
                limit = limit / window.first
        if not bounded:
            return every
        for position in positions:
            if position not in bounded:
                limit = limit * self.iterations[:, position]
        return np.maximum(1.0, np.minimum(every, limit))

    @property
    def data(self) -> Array:
        """Iterations of the operand's data beneath the boundary at the most."""
        loops = [loop for window in self.windows for loop in (window.outer, window.inner) if loop is not None]
        return self.most([*self.first, *loops])


def _window(
    block: Block, relation: DimensionRelation, most: int, first: dict[int, Array], each: dict[int, Array]
) -> _Window:
    """Return what a tile has along a window.

    The elements grow ever slower with either loop, so that per iteration they are least with the first or with all.
    """
    outer, inner = (block.dims.index(dim) if dim in block.dims else None for dim in relation.loops)
    one = np.ones(block.count)
    outside = elements_outside(block.setting.layer, relation)

    def elements(of_outer: Array, of_inner: Array) -> Array:
        found = relation.distinct(of_outer, of_inner) - outside  # type: ignore[arg-type]
        return np.asarray(np.minimum(found, max(most, 1)))

    shortest = tuple(one if loop is None else 1.0 * first[loop] for loop in (outer, inner))
    found = []
    for place, loop in enumerate((outer, inner)):
        if loop is None:
            found.append(one)
            continue
        count = block.iterations[:, loop]
        sizes = [list(shortest) for _ in range(2)]
        sizes[0][place], sizes[1][place] = each[loop], each[loop] * count
        few, many = (elements(*size) for size in sizes)
        found.append(np.maximum(np.minimum(few, many / count), 1 / count))
    return _Window(outer, inner, np.maximum(1.0, elements(*shortest)), *found)


def interleaved_bounds(common: Common, block: Array, goal: Goal, value: float, known: Array) -> Array:
    """Return lower bounds of a goal for some unrollings; parameters as for `relaxed.relaxed_bounds`."""
    return np.concatenate(
        [
            _bounds(common, block[start : start + _AT_ONCE], goal, value, known[start : start + _AT_ONCE])
            for start in range(0, len(block), _AT_ONCE)
        ]
        or [known]
    )


def _bounds(common: Common, block: Array, goal: Goal, value: float, known: Array) -> Array:
    look(len(block) * _STEPS)
    relaxed = Interleaved(Block(common, block))
    return np.maximum(known, relaxed.bounds(goal, value).bound)
