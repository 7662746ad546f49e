"""What many unrollings move at the least that follows from their lanes alone: every element once over every link."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from zzcp.cost.formulas.overlap import keeps
from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, OperandSetting
from zzcp.solver.lattice.keys import Array
from zzcp.solver.unrolling.common import MARGIN, Common, Movement, pairs_outside, touched
from zzcp.solver.unrolling.lanes import Lanes


class Once(Lanes):
    """Instances of the memories and what passes them, in arrays over some unrollings.

    Parameters
    ----------
    common : Common
        Layer, accelerator and all unrollings.
    block : ndarray of int, shape (unrollings, groups)
        Which unrollings.
    """

    def __init__(self, common: Common, block: Array) -> None:
        super().__init__(common, block)
        drains = [group.drains[block[:, number]] for number, group in enumerate(common.choices.groups)]
        refilled = self.setting.refill is not None
        self.drain = (
            np.full(len(block), float(self.setting.drain)) if refilled else sum(drains, np.zeros(len(block)))
        )

    def least(self) -> tuple[Array, Array]:
        """Return bounds of energy and latency that hold whatever the order of loops, for whole lanes (EXACT).

        Every element passes every link once for every instance with a copy of its own; at the array an input stays
        for no more than the iterations that do not change it, and an output leaves in every one.
        """
        energy = np.full(self.count, self.operations())
        busy: dict[tuple[str, str], Array] = {}
        for number, operand in enumerate(self.setting.operands):
            elements = touched(self.setting.layer, operand)
            for movement in self.common.movements[number]:
                if movement.back:
                    continue
                level = movement.link + movement.upper
                moved = elements * self.copies(number, level)
                if movement.link == 0 and not keeps(operand, 0):
                    stay = self.reuse[number] if self.stays(operand) else 1.0
                    every = self._distinct(operand, number, level) * self.spread(number, level)
                    moved = np.maximum(moved, every * self.total / stay)
                bits = moved * movement.bits.least
                energy = energy + bits * movement.energy
                if movement.link:
                    cycles = bits * self.cycles_per_bit(number, movement)
                    busy[movement.port] = busy.get(movement.port, 0.0) + cycles
        latency = self.total * self.setting.cycles_per_op
        for cycles in busy.values():
            latency = np.maximum(latency, cycles)
        latency = latency + self.drain
        return energy + self.common.leakage * latency, latency

    def copies(self, number: int, level: int) -> Array:
        """Return how many instances at a level of an operand hold the same data.

        Lanes that are idle in the last iteration of a dimension hold their copy as well; as fractions they do not, and
        ZigZag floors what is left.
        """
        return self.keep(("copies", number, level), lambda: self._copies(number, level))

    def _copies(self, number: int, level: int) -> Array:
        if self.exact:
            return self._product_of_copies(self.above(number, level), number)
        groups = list(self.above(number, level))
        result = np.ones(self.count)
        for position in self.irrelevant(number):
            result = result * np.maximum(1.0, np.floor(self.product(groups, [position]) * (1 + MARGIN)))
        return result

    def parts(self, number: int, link: int) -> Array:
        """Return how many instances beneath a link hold parts of the same sums."""
        return self._product_of_copies(self.common.linked[number][link], number)

    def _product_of_copies(self, groups: Iterable[int], number: int) -> Array:
        groups, irrelevant = list(groups), self.irrelevant(number)
        if not self.exact:
            return self.product(groups, irrelevant)
        lanes = np.ones(self.count)
        for position in irrelevant:
            lanes = lanes * self.whole(groups, self.dims[position])
        return lanes

    def spread(self, number: int, level: int, *, idle: bool = False) -> Array:
        """Return the instances at a level of an operand, of which those with data of their own count on average.

        Parameters
        ----------
        number, level : int
            The operand and the level.
        idle : bool
            Whether idle lanes count for all dimensions. Where a dimension has lanes below the level, too, an instance
            may have lanes without data and others with some; what counts elements counts the idle ones below.
        """
        return self.keep(("spread", number, level, idle), lambda: self._spread(number, level, idle))

    def _spread(self, number: int, level: int, idle: bool) -> Array:
        groups = self.above(number, level)
        if not self.exact:
            relevant = sorted(set(range(len(self.dims))) - set(self.irrelevant(number)))
            return self.copies(number, level) * self.product(groups, relevant)
        kind, below = self.setting.operands[number].kind, self.below(number, level)
        result = self.copies(number, level)
        for position, dim in enumerate(self.dims):
            if kind[dim] != IRRELEVANT:
                lanes = self.whole(groups, dim)
                own = (lanes > 1) & (idle | (self.whole(below, dim) == 1))
                result = result * np.where(own, lanes * self.scale[:, position], lanes)
        return result

    def _distinct(self, operand: OperandSetting, number: int, level: int) -> Array:
        """Return the elements that one instance's lanes use in one iteration, on average."""
        groups = self.below(number, level)
        relevant = [i for i, dim in enumerate(self.dims) if operand.kind[dim] == RELEVANT]
        result = self.product(groups, relevant)
        for relation, most in zip(operand.relations, operand.window_sizes, strict=True):
            outer, inner = (
                self.whole(groups, dim) if dim in self.dims else np.ones(self.count, dtype=np.int64)
                for dim in relation.loops
            )
            window: Array = 1.0 * np.minimum(relation.distinct(outer, inner), most)  # type: ignore[arg-type]
            for dim, lanes in zip(relation.loops, (outer, inner), strict=True):
                if dim in self.dims:
                    # the count grows ever slower with the lanes, so that idle ones take no more than their share
                    window *= np.where(lanes > 1, self.scale[:, self.dims.index(dim)], 1.0)
            # every element of the padding comes with a pair of iterations, every other one with no more than so many
            pairs = math.prod(self.setting.layer.sizes[dim] for dim in relation.loops)
            outside = pairs_outside(self.setting.layer, relation) * np.minimum(outer, inner)
            result *= window * np.maximum(0.0, 1 - outside / pairs)
        return result

    def operations(self) -> float:
        """Return the energy of the operations."""
        plain = self.setting.accelerator.array.in_memory_computing is None
        return float(self.setting.mac_energy) if plain else 0.0

    def stays(self, operand: OperandSetting) -> bool:
        """Return whether the same data stays at the array for iterations that do not change it."""
        return self.setting.conventions.same_data_free and not operand.is_output

    def cycles_per_bit(self, number: int, movement: Movement) -> Array:
        """Return the cycles of a port per bit that the instances of its memory move in all."""
        level = movement.link + movement.upper
        instances = self.keep(("instances", number, level), lambda: self._every(self.above(number, level)))
        return np.asarray(self.turns(number, movement) / (movement.width * instances))

    def turns(self, number: int, movement: Movement) -> Array:
        """Return how many instances take turns at the port of a movement (see `zzcp.cost.setting.turns`)."""
        name = "turns", number, movement.link, movement.upper, movement.back, movement.shared
        return self.keep(name, lambda: self._turns(number, movement))

    def _turns(self, number: int, movement: Movement) -> Array:
        level = movement.link + movement.upper
        members = self.common.choices.groups
        shared = [
            group for group in self.above(number, level) if members[group].members[0] in movement.shared
        ]
        turns = self._every(shared)
        if movement.back and not movement.upper:
            # one of the instances whose sums are added up goes on from the old one
            added = [group for group in shared if group in self.common.linked[number][movement.link]]
            turns = turns / self._product_of_copies(added, number)
        return turns

    def _every(self, groups: Sequence[int]) -> Array:
        """Return all lanes on some groups."""
        lanes = np.ones(self.count)
        for dim in self.dims:
            lanes = lanes * self.whole(groups, dim)
        return lanes
