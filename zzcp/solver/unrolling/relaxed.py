"""Bounds of many unrollings at once by a relaxation of their mappings, coarser and faster than that of `root`.

A mapping's boundaries are a chain: for every operand and link the factor of every dimension that lies below it. Here
a factor is a class of neighbouring divisors, or of neighbouring numbers where loops need not divide: the least counts
for the room that a tile takes, the greatest for how often it is used. With u the product of the irrelevant factors
below a link the elements of an operand without windows pass it 1 / u as often as in every iteration; with windows,
tiles with more of them share more elements. Energies, and cycles of ports, are sums over the boundaries, so that the
cheapest chain follows from dynamic programming (`chains`). The latency is at least the run's and every port's cycles,
hence any weighted mean of these; the weights are moved towards the port that is busiest in the cheapest chain
(fictitious play: Brown 1951).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from zzcp.cost.formulas.overlap import keeps
from zzcp.cost.objective import Goal
from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, OperandSetting
from zzcp.solver.lattice.keys import Array, Place
from zzcp.solver.unrolling.block import Block
from zzcp.solver.unrolling.chains import Chains
from zzcp.solver.unrolling.common import MARGIN, Common, Movement, elements_outside, pairs_outside, touched
from zzcp.solver.unrolling.ends import (
    Way,
    ends_of,
    in_sum,
    loading,
    piece,
    unloading,
    ways_of,
    without_stalls,
)
from zzcp.solver.unrolling.ladders import Ladders, divisors, rungs_of
from zzcp.solver.unrolling.rounding import (
    adds_up,
    again,
    least_tile,
    share_of_movement,
    stored_tile,
    windows_left,
    words_of_tiles,
)
from zzcp.solver.unrolling.weighted import Weighted
from zzcp.solver.unrolling.words import are_known, mean_words

_ENTRIES = 2**15
"""Entries of a table that are computed at once."""
_CELLS, _MORE_CELLS = 256, 2048
"""Cells of an unrolling at the most, at first and where that leaves it."""
_FINE = 64
"""Unrollings with the least bounds that are given more cells."""


@dataclass(frozen=True, slots=True, eq=False)
class _Flow:
    """What one movement takes at every boundary of its link; arrays broadcast over unrollings and rungs.

    Parameters
    ----------
    number : int
        The operand.
    movement : Movement
        The movement.
    visits : ndarray
        How often it takes place, at the least.
    energy, cycles : ndarray
        Energy, and cycles at its port.
    late : ndarray
        Cycles that transfers take beyond their periods.
    each : ndarray
        Cycles of one transfer, 0 where that is not certain.
    """

    number: int
    movement: Movement
    visits: Array
    energy: Array
    cycles: Array
    late: Array
    each: Array


def relaxed_bounds(common: Common, block: Array, goal: Goal, value: float, known: Array) -> Array:
    """Return lower bounds of a goal for some unrollings.

    Parameters
    ----------
    common : Common
        Layer, accelerator and unrollings.
    block : ndarray of int, shape (unrollings, groups)
        Which unrollings.
    goal : Objective or WeightedSum
        What is minimised.
    value : float
        The best that is known; bounds above it need not be sharp.
    known : ndarray, shape (unrollings,)
        Bounds that are known.
    """
    result = np.array(known, dtype=float)
    every = common.choices.iterations(block)
    counts = np.array([[len(divisors(int(size))) for size in row] for row in every]).reshape(every.shape)
    order = np.lexsort((*counts.T, counts.prod(axis=1)))
    for cells, entries in ((_CELLS, _ENTRIES), (_MORE_CELLS, 2 * _ENTRIES)):
        for some, rungs in _chunks(order, every, cells, entries, imperfect=common.imperfect):
            found = _Relaxed(Block(common, block[some]), rungs).bounds(goal, value)
            result[some] = np.maximum(result[some], found.bound)
        # of those that are left some have more divisors than rungs
        coarse = order[(result[order] < value) & (counts.prod(axis=1)[order] > _CELLS)]
        least = np.sort(coarse[np.argsort(result[coarse], kind="stable")[:_FINE]])
        order = order[np.isin(order, least)]
    return result


def _chunks(
    order: Array, iterations: Array, most: int, entries: int, *, imperfect: bool
) -> Iterator[tuple[Array, list[int]]]:
    """Yield as many unrollings as can be computed at once, and the rungs of their dimensions."""
    start = 0
    while start < len(order):
        some = order[start:]
        while True:
            rungs = rungs_of(iterations[some], most, imperfect=imperfect)
            fewer = max(1, entries // math.prod(rungs))
            if fewer >= len(some):
                break
            some = some[:fewer]
        yield some, rungs
        start += len(some)


class _Relaxed(Weighted):
    """The relaxation of the unrollings of a block."""

    def __init__(self, block: Block, rungs: list[int]) -> None:
        self.block = block
        self.ladders = Ladders.of(block.iterations, rungs, imperfect=block.common.imperfect)
        self.count = block.count
        self.dims = block.dims
        operands = block.setting.operands
        self.flows: dict[Place, list[_Flow]] = {}
        self.fits: dict[Place, Array] = {}
        self.fixed: list[_Flow] = []
        links = []
        for number, operand in enumerate(operands):
            chosen = [link for link in range(operand.depth) if link or block.stays(operand)]
            links.append(chosen)
            for index, movement in enumerate(block.common.movements[number]):
                place = number, movement.link
                if movement.link in chosen:
                    self.flows.setdefault(place, []).append(self._flow(operand, number, index))
                elif movement.link < operand.depth:
                    self.fixed.append(self._flow(operand, number, index))
            for link in chosen:
                self.fits[number, link] = self._fits(operand, number, link)
                self.flows.setdefault((number, link), [])
        self.ends = without_stalls(block)
        for way in ways_of(block.common):
            self._add(way)
        self.chains = Chains(links, self.ladders.shape)
        self.ports = sorted({flow.movement.port for flow in self._all()})

    def _add(self, way: Way) -> None:
        """Add the sum of a way to those of the ports."""
        block = self.block
        for flows in (self.fixed, *self.flows.values()):
            flows += [
                replace(
                    flow,
                    movement=replace(flow.movement, port=way.name),
                    energy=np.zeros_like(flow.energy),
                    cycles=in_sum(block, way, flow.number, flow.movement, flow.cycles, flow.visits),
                )
                for flow in flows
                if flow.movement.port == way.port
            ]
        ends = self._column(ends_of(block, way))
        # what is late comes beside the first pieces of this input and not of the one with the longest way
        late = self._column(loading(block, way.number) + unloading(block, None) - self.ends)
        first = next(flow for flow in self._all() if flow.movement.port == way.name)
        self.fixed.append(replace(first, energy=np.zeros_like(ends), cycles=ends, late=late))
        for (number, link), flows in self.flows.items():
            if link and (number == way.number or block.setting.operands[number].is_output):
                flows.append(self._whole_pieces(number, link, first))

    def _whole_pieces(self, number: int, link: int, first: _Flow) -> _Flow:
        """Return the cycles of first or last pieces beyond what the array uses at once: all of recurring tiles."""
        least = self._column(piece(self.block, number, link))
        late = np.zeros_like(least)
        for flow in self.flows[number, link]:
            if not flow.movement.back:
                again = flow.visits > 1 + MARGIN
                late = np.maximum(late, np.where(again, flow.each - least, 0.0))
        nothing = np.zeros_like(late)
        return replace(first, energy=nothing, cycles=nothing, late=late)

    def _all(self) -> list[_Flow]:
        return [*self.fixed, *(flow for flows in self.flows.values() for flow in flows)]

    # ---- figures over the rungs

    def _along(self, values: Array, position: int) -> Array:
        """Return values of the rungs of a dimension on its own axis."""
        shape = [1] * (len(self.dims) + 1)
        shape[0], shape[position + 1] = values.shape
        return values.reshape(shape)

    def _column(self, values: Array) -> Array:
        return np.reshape(values, (-1, *[1] * len(self.dims)))

    def _product(self, rungs: list[Array], operand: OperandSetting, *, reuse: bool) -> Array:
        """Return the product of the factors that are irrelevant to an operand, or of all others."""
        result = self._column(np.ones(self.count))
        for position, dim in enumerate(self.dims):
            if (operand.kind[dim] == IRRELEVANT) == reuse:
                result = result * self._along(rungs[position], position)
        return result

    def _flow(self, operand: OperandSetting, number: int, index: int) -> _Flow:
        block = self.block
        movement = block.common.movements[number][index]
        level = movement.link + movement.upper
        left = self._column(windows_left(block, operand, number, movement))
        every = self._in_every_iteration(operand, number, movement) * left
        reuse = self._product(self.ladders.high, operand, reuse=True)
        whole = self._column(block.reuse[number])
        least = self._column(block.precision(number, movement))
        often = 1 / reuse
        precision: Array
        if movement.back:
            often = often * again(block, number, reuse)
            precision = np.asarray(movement.bits.partial)
            bits = every * often * precision
        else:
            once = touched(block.setting.layer, operand) * self._column(block.copies(number, level)) * left
            stay = (reuse < whole) & self._column(adds_up(block, number))
            precision = np.where(stay, np.maximum(movement.bits.partial, least), least)
            if keeps(operand, movement.link):
                # all elements come again in every round of the loops that do not matter to them; no more is certain
                every = once * whole
            bits = np.maximum(every * often, once) * precision
        visits = self._column(block.total) / reuse
        if movement.link:
            data = self._product(self.ladders.high, operand, reuse=False)
            visits, often = visits / data, often / data
        counted = block.counted(movement, np.maximum(visits, 1.0))
        cycles = bits * self._column(block.cycles_per_bit(number, movement)) * counted
        late: Array = self._column(np.zeros(self.count))
        each = late
        if keeps(operand, movement.link) or (block.exact and block.common.imperfect):
            # of tiles of several sizes no words, and no cycles of their own, are certain
            energy = bits * movement.energy
        elif block.exact:
            # whole words, and whole cycles of the largest tile
            tile = self._tile(operand, number, level) * precision
            each = np.ceil(tile / movement.width) * self._column(block.turns(number, movement))
            times = self._column(self.block.total) * often
            cycles = np.maximum(cycles, each * times * counted)
            # all transfers but one have a period of their own
            late = np.maximum(0.0, each - self._column(self.run) / visits) * np.maximum(0.0, times - 1)
            words = self._words(operand, number, movement, tile, precision)
            energy_bits = np.maximum(bits, words * self._column(block.transfers(number, movement)) * often)
            energy = energy_bits * movement.energy
        else:
            energy = self._energy_zigzag(operand, number, movement, bits, precision, often)
        if movement.link == 0:
            # nothing that changes the operand lies beneath the array
            cells = tuple(
                slice(None) if operand.kind[dim] == IRRELEVANT and block.stays(operand) else slice(0, 1)
                for dim in self.dims
            )
            visits, energy, cycles, late, each = (
                np.broadcast_to(part, (self.count, *self.ladders.shape))[(slice(None), *cells)]
                for part in (visits, energy, cycles, late, each)
            )
        return _Flow(number, movement, visits, energy, cycles, late, each)

    def _words(
        self, operand: OperandSetting, number: int, movement: Movement, tile: Array, precision: Array
    ) -> Array:
        """Return the bits of whole words of a tile of so many bits, on average over all tiles."""
        even = self._even(operand)
        words = np.ceil(tile / movement.word) * movement.word
        if even.all():
            return np.asarray(words)
        level = movement.link + movement.upper
        # where lanes are idle in a last iteration, tiles may have a single element then
        least = np.ceil(np.minimum(tile, 1.0) / movement.word) * movement.word
        one = self._column(np.ones(self.count, dtype=bool))
        for position, dim in enumerate(self.dims):
            if operand.kind[dim] != IRRELEVANT:
                one = one & self._along(self.ladders.low[position] == self.ladders.high[position], position)
        known = are_known(self.block, operand, number, level)
        if known.any():
            low = [self._along(rungs, position) for position, rungs in enumerate(self.ladders.low)]
            mean = mean_words(self.block, operand, number, level, low, precision, movement.word)
            least = np.where(self._column(known) & one, np.maximum(mean, least), least)
        return np.where(self._column(even), words, least)

    def _in_every_iteration(self, operand: OperandSetting, number: int, movement: Movement) -> Array:
        """Return the elements that would pass in all iterations without reuse but that within windows."""
        block, level = self.block, movement.link + movement.upper
        relevant = [i for i, dim in enumerate(self.dims) if operand.kind[dim] == RELEVANT]
        lanes = block.product(block.below(number, level), relevant) * block.total
        lanes = lanes * block.spread(number, level)
        if movement.back and not movement.upper:
            lanes = lanes / block.parts(number, movement.link)
        return self._column(lanes) * self._windows(operand, number, level)

    def _energy_zigzag(
        self,
        operand: OperandSetting,
        number: int,
        movement: Movement,
        bits: Array,
        precision: Array,
        often: Array,
    ) -> Array:
        """Return the energy of a movement as ZigZag rounds tiles, instances, words and accesses."""
        block = self.block
        beneath = [
            # nothing that changes the operand lies beneath the array
            self._along(rungs if movement.link else np.ones_like(rungs), position)
            for position, rungs in enumerate(self.ladders.low)
        ]
        tile = least_tile(block, operand, number, movement.link, beneath)
        share = share_of_movement(block, operand, number, movement, tile)
        words = words_of_tiles(block, operand, number, movement, tile, precision) * often
        energy = np.maximum(bits * share, words) * movement.energy
        return np.asarray(np.maximum(0.0, energy - block.truncated(movement)))

    def _windows(self, operand: OperandSetting, number: int, level: int) -> Array:
        """Return the elements along windows per iteration, for every tile.

        The number of different elements grows ever slower with the iterations of either loop, so that its share per
        iteration is least at the greatest factors. Elements of the padding come with a pair of iterations each.
        """
        block = self.block
        result = self._column(np.ones(self.count))
        for relation, most in zip(operand.relations, operand.window_sizes, strict=True):
            sizes: list[Array] = []
            pairs = np.ones(self.count)
            per_iteration: Array = self._column(np.ones(self.count))
            for dim in relation.loops:
                if dim not in self.dims:
                    sizes.append(self._column(np.ones(self.count, dtype=np.int64)))
                    continue
                position = self.dims.index(dim)
                lanes = block.whole(block.below(number, level), dim)
                high = self._along(self.ladders.high[position], position)
                sizes.append(self._column(lanes) * high)
                scale = np.where(lanes > 1, block.scale[:, position], 1.0)
                per_iteration = per_iteration * self._column(scale) / high
                pairs = pairs * block.iterations[:, position]
                pairs = pairs * block.product(block.above(number, level), [position])
            window = np.minimum(relation.distinct(sizes[0], sizes[1]), most)  # type: ignore[arg-type]
            outside = self._column(pairs_outside(block.setting.layer, relation) / pairs)
            result = result * np.maximum(0.0, window * per_iteration - outside)
        return result

    def _fits(self, operand: OperandSetting, number: int, link: int) -> Array:
        """Return which tiles fit their memory beside the smallest ones of the other operands."""
        block = self.block
        low, shape = self.ladders.low, (self.count, *self.ladders.shape)
        if link == 0:
            result = np.ones(shape, dtype=bool)
            for position, dim in enumerate(self.dims):
                if operand.kind[dim] != IRRELEVANT:
                    result &= self._along(np.arange(low[position].shape[1])[None, :] == 0, position)
            return result
        if block.exact:
            tile = self._tile(operand, number, link)
        else:
            low_along = [self._along(rungs, position) for position, rungs in enumerate(low)]
            tile = stored_tile(block, operand, number, link, low_along)
        least = self._column(block.kept_precision(number, link))
        if operand.is_output:
            # complete sums only where no loops are left that add to them
            reuse = self._product(self.ladders.high, operand, reuse=True)
            partial = reuse < self._column(block.reuse[number])
            least = np.where(partial, operand.held(link).partial, least)
        bits = tile * least
        if operand.memories[link - 1].doubles(operand.memory_operand) and not operand.relations:
            whole = self._column(np.ones(self.count, dtype=bool))
            for position, dim in enumerate(self.dims):
                if operand.kind[dim] != IRRELEVANT:
                    whole = whole & self._along(
                        self.ladders.high[position] == block.iterations[:, position, None], position
                    )
            bits = bits * np.where(whole, 1, 2)
        return np.broadcast_to(bits <= self._column(block.free[number, link - 1] * (1 + MARGIN)), shape)

    def _even(self, operand: OperandSetting) -> Array:
        """Return whether no lanes of an operand's dimensions are ever idle."""
        of_data = [i for i, dim in enumerate(self.dims) if operand.kind[dim] != IRRELEVANT]
        return np.asarray((self.block.scale[:, of_data] == 1).all(axis=1))

    def _tile(self, operand: OperandSetting, number: int, level: int) -> Array:
        """Return the elements of the largest tile of one instance at the least, for every rung."""
        block = self.block
        groups = block.below(number, level)
        sizes: dict[str, Array] = {}
        tile = self._column(np.ones(self.count))
        for position, dim in enumerate(self.dims):
            if operand.kind[dim] == IRRELEVANT:
                continue
            lanes = block.whole(groups, dim)[:, None]
            rungs = self.ladders.low[position]
            # the last lanes of the last iteration may be idle; of the tiles without it some instance's is whole
            whole = (block.scale[:, position] == 1)[:, None] | (rungs < block.iterations[:, position, None])
            size = np.where(whole | (rungs == 1), lanes * rungs, lanes * (rungs - 1) + 1)
            sizes[dim] = self._along(np.minimum(size, block.setting.layer.sizes[dim]), position)
            if operand.kind[dim] == RELEVANT:
                tile = tile * sizes[dim]
        one = self._column(np.ones(self.count, dtype=np.int64))
        for relation, most in zip(operand.relations, operand.window_sizes, strict=True):
            outer, inner = sizes.get(relation.outer, one), sizes.get(relation.inner, one)
            places = relation.distinct(outer, inner)  # type: ignore[arg-type]
            window = places - elements_outside(block.setting.layer, relation)
            tile = tile * np.clip(window, 1, max(most, 1))
        return tile

    # ---- weighted sums

    def _cheapest(self, a: Array, prices: Array) -> tuple[Array, dict[Place, Array]]:
        """Return the least cost of a chain: energies at one price, cycles of the run and the ports at others."""
        shape = (self.count, *self.ladders.shape)
        price = self._column(a)
        total = a * self.block.operations()
        for flow in self.fixed:
            total = total + self._priced(flow, price, prices).reshape(self.count)
        costs = {}
        for place, flows in self.flows.items():
            cost = np.full(shape, np.inf)
            inside: Array = np.zeros([1] * len(shape))
            for flow in flows:
                inside = inside + self._priced(flow, price, prices)
            cells = tuple(slice(None) if place[1] else slice(0, length) for length in inside.shape[1:])
            cost[(slice(None), *cells)] = inside
            costs[place] = np.where(self.fits[place], cost, np.inf)
        found, cells_of = self.chains.cheapest(costs, self.count)
        return found + total, cells_of

    def _priced(self, flow: _Flow, price: Array, prices: Array) -> Array:
        number = 1 + self.ports.index(flow.movement.port)
        cost = price * flow.energy
        for weight, part in (
            (prices[number], flow.cycles),
            (prices[number + len(self.ports)], flow.late),
        ):
            if weight.any():
                cost = cost + self._column(weight) * part
        return np.asarray(cost)

    def _cycles(self, cells: dict[Place, Array]) -> tuple[Array, Array]:
        """Return the cycles of every port, and those that are late there, in some chains: shape (ports, unrollings)."""
        cycles, late = np.zeros((2, len(self.ports), self.count))
        for flow in self.fixed:
            number = self.ports.index(flow.movement.port)
            cycles[number] += flow.cycles.reshape(self.count)
            late[number] += flow.late.reshape(self.count)
        for place, flows in self.flows.items():
            rungs = self.chains.rungs[:, cells[place]]
            for flow in flows:
                number = self.ports.index(flow.movement.port)
                for sums, part in ((cycles, flow.cycles), (late, flow.late)):
                    index = tuple(
                        np.minimum(rung, length - 1)
                        for rung, length in zip(rungs, part.shape[1:], strict=True)
                    )
                    first = np.arange(self.count) if part.shape[0] > 1 else 0
                    sums[number] += part[(first, *index)]
        return cycles, late
