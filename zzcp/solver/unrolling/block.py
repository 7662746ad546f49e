"""Figures of many unrollings at once, in arrays over them, from which their lower bounds are made."""

from __future__ import annotations

import math

import numpy as np

from zzcp.cost.formulas.overlap import keeps
from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, OperandSetting
from zzcp.solver.lattice.keys import Array
from zzcp.solver.unrolling.common import MARGIN, Common, Movement, elements_outside, pairs_outside, touched
from zzcp.solver.unrolling.once import Once
from zzcp.solver.unrolling.rounding import (
    FLOORED,
    adds_up,
    again,
    least_tile,
    share_of_movement,
    stored_tile,
    windows_left,
    words_of_tiles,
)
from zzcp.solver.unrolling.words import are_known, mean_words


class Block(Once):
    """Some unrollings, in arrays over them.

    Parameters
    ----------
    common : Common
        Layer, accelerator and all unrollings.
    block : ndarray of int, shape (unrollings, groups)
        Which unrollings.
    """

    def __init__(self, common: Common, block: Array) -> None:
        super().__init__(common, block)
        self.least_bits = [
            [
                *(self._tile_bits(operand, number, level) for level in range(1, operand.depth)),
                self._whole_bits(operand, number),
            ]
            for number, operand in enumerate(self.setting.operands)
        ]
        self.fits = np.ones(len(block), dtype=bool)
        self.free: dict[tuple[int, int], Array] = {}
        for tenancy in self.setting.tenancies:
            used = sum(self.least_bits[number][level] for number, level in tenancy.tenants)
            self.fits &= used <= tenancy.memory.size * (1 + MARGIN)
            for number, level in tenancy.tenants:
                self.free[number, level] = tenancy.memory.size - used + self.least_bits[number][level]
        self._figures()

    def tile(self, operand: OperandSetting, number: int, level: int, grown: int = -1) -> Array:
        """Return the elements of the smallest tile of one instance, with at least two iterations of one dimension."""
        groups = self.below(number, level)
        loop = self.common.smallest_loop[self.iterations[:, grown]] if grown >= 0 else None
        if not self.exact:
            every = [np.ones(self.count, dtype=np.int64)] * len(self.dims)
            if loop is not None:
                every[grown] = loop
            return stored_tile(self, operand, number, level, every)
        sizes: dict[str, Array] = {}
        for position, dim in enumerate(self.dims):
            if operand.kind[dim] == IRRELEVANT:
                continue
            lanes = self.whole(groups, dim)
            # the last lanes of the last iteration may be idle
            size = lanes if loop is None or position != grown else lanes * (loop - 1) + 1
            # several array dimensions may have more lanes together than there are iterations
            sizes[dim] = np.minimum(size, self.setting.layer.sizes[dim])
        return self._elements(operand, sizes)

    def _whole_bits(self, operand: OperandSetting, number: int) -> Array:
        """Return the bits of what an instance of the outermost memory of an operand holds: all of its loops."""
        below, above = self.below(number, operand.depth), self.above(number, operand.depth)
        if not self.exact:
            whole = stored_tile(self, operand, number, operand.depth, list(self.iterations.T))
            return whole * self.kept_precision(number, operand.depth)
        sizes: dict[str, Array] = {}
        for position, dim in enumerate(self.dims):
            if operand.kind[dim] == IRRELEVANT:
                continue
            lanes, left = self.whole(below, dim), self.iterations[:, position]
            # as above, some instance has lanes with work in the last iteration
            part = np.where(self.scale[:, position] == 1, lanes * left, lanes * (left - 1) + 1)
            size = self.setting.layer.sizes[dim]
            sizes[dim] = np.where(self.whole(above, dim) == 1, size, np.minimum(part, size))
        return self._elements(operand, sizes) * self.kept_precision(number, operand.depth)

    def kept_precision(self, number: int, level: int) -> Array:
        """Return the bits per element that are kept at a level at the least, shape (unrollings,).

        Outputs of which lanes further out hold other parts are no complete sums yet; nor are those at the innermost
        level, while there are loops that add to them.
        """
        partial = self.copies(number, level) > 1
        if level == 1:
            partial |= self.adds(number)
        partial &= adds_up(self, number)
        bits = self.setting.operands[number].held(level)
        return np.where(partial, bits.partial, bits.least)

    def adds(self, number: int) -> Array:
        """Return whether loops are left that are irrelevant to an operand: they add to an output."""
        left = np.zeros(self.count, dtype=bool)
        for position in self.irrelevant(number):
            left |= self.iterations[:, position] > 1
        return left

    def _elements(self, operand: OperandSetting, sizes: dict[str, Array]) -> Array:
        """Return the elements of a tile of an operand that has so many indices of its dimensions, at the least."""
        result = np.ones(self.count)
        for dim, size in sizes.items():
            if operand.kind[dim] == RELEVANT:
                result *= size
        for relation, most in zip(operand.relations, operand.window_sizes, strict=True):
            one = np.ones(self.count, dtype=np.int64)
            outer, inner = sizes.get(relation.outer, one), sizes.get(relation.inner, one)
            places = relation.distinct(outer, inner)  # type: ignore[arg-type]
            window = places - elements_outside(self.setting.layer, relation)
            result *= np.clip(window, 1, max(most, 1))
        return result

    def _tile_bits(self, operand: OperandSetting, number: int, level: int, grown: int = -1) -> Array:
        """Return the bits of the smallest tile, with the second copy that its memory makes of what is refilled."""
        bits = self.tile(operand, number, level, grown) * self.kept_precision(number, level)
        if not operand.memories[level - 1].doubles(operand.memory_operand):
            return bits
        if operand.relations:
            return bits  # the whole tile, which is kept once, may have no more elements than the smallest one
        if grown >= 0 and self.common.imperfect:
            return bits  # of three iterations the whole takes less than two copies of two
        left = np.ones(self.count, dtype=np.int64)
        for position, dim in enumerate(self.dims):
            if operand.kind[dim] != IRRELEVANT:
                # the last iteration may be all but empty
                even = self.scale[:, position] == 1
                left *= np.where(
                    even, self.iterations[:, position], np.maximum(1, self.iterations[:, position] - 1)
                )
        below = self.common.smallest_loop[self.iterations[:, grown]] if grown >= 0 else 1
        return bits * np.where(left > below, 2, 1)

    def kept_share(self, operand: OperandSetting, number: int, level: int) -> Array:
        """Return what is left of the room that a tile takes where lanes are fractions, or rounded down in windows."""
        below = self.below(number, level)
        left = np.ones(self.count)
        for position, dim in enumerate(self.dims):
            kind = operand.kind[dim]
            if kind != IRRELEVANT:
                scale = np.where(self.whole(below, dim) > 1, self.scale[:, position], 1.0)
                left = left * np.where((scale < 1) & (kind != RELEVANT), scale * FLOORED, scale)
        return left

    def _figures(self) -> None:
        """Compute what passes every link at least once, and what passes in every iteration."""
        self.once: list[list[Array]] = []
        self.always: list[list[Array]] = []
        self.words: list[list[Array]] = []
        for number, operand in enumerate(self.setting.operands):
            once, always, words = [], [], []
            for movement in self.common.movements[number]:
                level = movement.link + movement.upper
                left = windows_left(self, operand, number, movement)
                once.append(touched(self.setting.layer, operand) * self.copies(number, level) * left)
                moved = self._distinct(operand, number, level) * self.total * self.spread(number, level)
                moved = moved * left
                if movement.back and not movement.upper:
                    # one of the instances whose sums are added up goes on from the old one
                    moved = moved / self.parts(number, movement.link)
                if keeps(operand, movement.link):
                    # refills bring only what is new: every element once, at the least
                    always.append(once[-1])
                    words.append(np.zeros(self.count))
                    continue
                always.append(np.maximum(moved, once[-1]))
                words.append(self._words(operand, number, movement))
            self.once.append(once)
            self.always.append(always)
            self.words.append(words)

    def _words(self, operand: OperandSetting, number: int, movement: Movement) -> Array:
        """Return the bits of whole words that pass where a movement takes place in every iteration."""
        precision = self.precision(number, movement)
        ones = [np.ones(1, dtype=np.int64)] * len(self.dims)
        if not self.exact:
            tile = least_tile(self, operand, number, movement.link, ones)
            return words_of_tiles(self, operand, number, movement, tile, precision)
        level = movement.link + movement.upper
        tile = self.certain_tile(operand, number, level)
        words = np.ceil(tile * precision / movement.word) * movement.word
        known = are_known(self, operand, number, level)
        if known.any() and not self.common.imperfect:
            mean = mean_words(self, operand, number, level, ones, precision, movement.word)
            words = np.where(known, np.maximum(words, mean), words)
        return words * self.transfers(number, movement)

    def certain_tile(self, operand: OperandSetting, number: int, level: int) -> Array:
        """Return the elements that every instance in use has at least in one iteration."""
        relevant = [i for i, dim in enumerate(self.dims) if operand.kind[dim] != IRRELEVANT]
        even = (self.scale[:, relevant] == 1).all(axis=1)
        return np.where(even, self.tile(operand, number, level), 1.0)

    def transfers(self, number: int, movement: Movement) -> Array:
        """Return how often an instance in use takes part in a movement that takes place in every iteration, in all.

        Tiles that lie in the padding as a whole do not count.
        """
        level = movement.link + movement.upper
        # of n lanes with data no fewer instances have some than n divided by the lanes of each
        lanes = self.spread(number, level, idle=True)
        outside = 0.0
        relations = self.setting.operands[number].relations
        if movement.back and not movement.upper:
            lanes = lanes / self.parts(number, movement.link)
            for dim in (dim for relation in relations for dim in relation.loops if dim in self.dims):
                # instances whose windows overlap get what they share together
                lanes = lanes / self.whole(self.common.linked[number][movement.link], dim)
        for relation in relations:
            beyond = pairs_outside(self.setting.layer, relation)
            outside += beyond / math.prod(self.setting.layer.sizes[dim] for dim in relation.loops)
            for dim in relation.loops if beyond else ():
                if dim in self.dims:
                    # what an instance has in its last iteration may lie in the padding as a whole
                    whole = self.whole(self.above(number, level), dim) == 1
                    lanes = lanes * np.where(whole, self.scale[:, self.dims.index(dim)], 1.0)
        return np.asarray(lanes * self.total * max(0.0, 1 - outside))

    def precision(self, number: int, movement: Movement) -> Array:
        """Return the bits per element that a movement has at the least, shape (unrollings,)."""
        name = "precision", number, movement.link, movement.upper, movement.back
        return self.keep(name, lambda: self._precision(number, movement))

    def _precision(self, number: int, movement: Movement) -> Array:
        if movement.back:
            return np.full(self.count, movement.bits.partial)
        early = self.setting.conventions.early_final_precision
        partial = self.copies(number, movement.link + (movement.upper or early)) > 1
        if movement.link == 0:
            partial |= self.adds(number)
        partial &= adds_up(self, number)
        return np.where(partial, movement.bits.partial, movement.bits.least)

    def may_be_innermost(self, position: int) -> Array:
        """Return for which unrollings a dimension can be the innermost loop; -1 stands for no loops at all."""
        if position < 0:
            return np.asarray(self.total == 1)
        return np.asarray(self.iterations[:, position] > 1)

    def with_innermost(self, position: int) -> tuple[Array, Array]:
        """Return bounds of energy and latency of the mappings whose innermost loop is one dimension's."""
        energy = np.full(self.count, self.operations())
        busy: dict[tuple[str, str], Array] = {}
        for number, operand in enumerate(self.setting.operands):
            forced = self._forced(operand, number, position)
            for index, movement in enumerate(self.common.movements[number]):
                every = forced[movement.link]
                moved = np.where(every, self.always[number][index], self.once[number][index])
                visits = np.where(every, self.total, 1.0)
                if movement.link == 0 and not operand.is_output:
                    # the same data stays for no more than the iterations that do not change it
                    least = self.total if not self.stays(operand) else self.total / self.reuse[number]
                    visits = np.where(every, self.total, least)
                    moved = self.always[number][index] * visits / self.total
                often = visits / self.total if movement.link == 0 else np.where(every, 1.0, 0.0)
                if movement.back:
                    back = again(self, number)
                    moved, often = moved * np.where(every, back, 0.0), often * back
                precision = self.precision(number, movement)
                bits_moved = moved * precision * self.share_of_energy(number, movement)
                bits_moved = np.maximum(bits_moved, self.words[number][index] * often)
                energy += np.maximum(0.0, bits_moved * movement.energy - self.truncated(movement))
                busy_for = moved * precision * self.cycles_per_bit(number, movement)
                busy[movement.port] = busy.get(movement.port, 0.0) + busy_for * self.counted(movement, visits)
        run = self.total * self.setting.cycles_per_op
        latency = run
        for cycles in busy.values():
            latency = np.maximum(latency, cycles)
        latency = latency + self.drain
        return energy + self.common.leakage * latency, latency

    def share_of_energy(self, number: int, movement: Movement) -> Array:
        """Return what ZigZag's rounding leaves of the accesses of a movement, shape (unrollings,); else all of them."""
        if self.exact:
            return np.ones(self.count)
        name = "share", number, movement.link, movement.upper
        operand = self.setting.operands[number]
        return self.keep(name, lambda: share_of_movement(self, operand, number, movement))

    def truncated(self, movement: Movement) -> float:
        """Return what ZigZag's truncation of accesses may leave out."""
        return 0.0 if self.exact else movement.access

    def counted(self, movement: Movement, visits: Array) -> Array:
        """Return the share of a movement's transfers that its port is known to carry within the latency."""
        if self.exact and (movement.link or self.setting.conventions.fills_array):
            return np.ones_like(visits)
        share = (visits - 1) / visits
        # ZigZag floors the lanes of every dimension that are a fraction
        floored = FLOORED ** (self.scale < 1).sum(axis=1)
        return share if self.exact else share * floored.reshape(-1, *[1] * (visits.ndim - 1))

    def _forced(self, operand: OperandSetting, number: int, position: int) -> list[Array]:
        """Return per link whether the operand passes it in every iteration, the innermost loop given."""
        never = np.zeros(self.count, dtype=bool)
        if position < 0:
            return [never] * operand.depth
        if operand.kind[self.dims[position]] == IRRELEVANT:
            return [np.full(self.count, operand.is_output)] + [never] * (operand.depth - 1)
        forced = [never] * operand.depth
        beyond = never
        for link in range(operand.depth - 1, 0, -1):
            grown = self._tile_bits(operand, number, link, position)
            beyond = beyond | (grown > self.free[number, link - 1] * (1 + MARGIN))
            forced[link] = beyond
        forced[0] = np.ones(self.count, dtype=bool)
        return forced
