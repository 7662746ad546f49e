"""Cheap lower bounds of energy and latency of all unrollings at once: what no temporal mapping of an unrolling avoids.

For an unrolling with T_d iterations left of dimension d let T be their product and, for an operand, I the product of
those that are irrelevant to it. Whatever the loop order,

- every element passes every link at least once, once for every instance that holds a copy of its own (*compulsory*);
- the outputs leave the array in all T iterations;
- the innermost loop belongs to some dimension d. An operand that d changes is read at the array in all T iterations,
  and so at every level above whose memory cannot hold the data of two iterations of d. An operand that d does
  not change is read at the array at least T / I times.

So the least over d of these sums bounds the energy, the busiest port the latency, and the least over d of their product
the energy-delay product. Lanes that are idle in the last iteration of a dimension do not count, nor does padding; words
and transfers are not rounded up; a port is busy for an average instance. Under ZigZag's conventions loads that happen
once hide behind the run, so that of the latency only the array's own transfers count, by whole lanes rounded down.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from zzcp.cost.conventions import CostConventions
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import DELAYS, objective_values
from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, OperandSetting, Setting
from zzcp.hardware import Accelerator, Direction
from zzcp.mapping import SpatialMapping
from zzcp.solver.lattice.keys import Array
from zzcp.solver.unrolling.choices import Choices
from zzcp.workload import DimensionRelation, Layer

_MARGIN = 1e-9
"""More than the relative error of the sums in floating point."""
_ROUNDED, _FLOORED = 2 / 3, 1 / 2
"""What rounding, and rounding down, leaves of a number of at least 1."""


@dataclass(frozen=True, slots=True)
class _Movement:
    """Data that passes through one memory of an operand: fills and drains, or partial sums on their way back.

    Parameters
    ----------
    link : int
        The link that it belongs to.
    upper : bool
        Whether the memory is the upper side of the link.
    back : bool
        Whether partial sums are read back.
    energy : float
        Per bit.
    access : float
        Energy of one access of full width.
    port : tuple of str
        Memory and port.
    width : int
        Of the port, in bits per cycle.
    """

    link: int
    upper: bool
    back: bool
    energy: float
    access: float
    port: tuple[str, str]
    width: int


@dataclass(slots=True, eq=False)
class CheapBounds:
    """Bounds of all unrollings of a layer on an accelerator.

    Parameters
    ----------
    accelerator, layer, conventions, links
        The setting.
    choices : Choices
        The unrollings.
    objective : str
        ``edp``, ``energy``, ``latency`` or ``ed2``.
    """

    accelerator: Accelerator
    layer: Layer
    conventions: CostConventions
    links: Mapping[str, str] | None
    choices: Choices
    objective: str
    setting: Setting = field(init=False)
    movements: list[list[_Movement]] = field(init=False)
    linked: list[list[list[int]]] = field(init=False)
    smallest_prime: Array = field(init=False)

    def __post_init__(self) -> None:
        evaluator = Evaluator(self.accelerator, self.layer, SpatialMapping(), self.conventions, self.links)
        self.setting = evaluator.setting
        self.movements = [_movements(operand) for operand in self.setting.operands]
        self.linked = [_groups_of_links(operand, self.choices) for operand in self.setting.operands]
        self.smallest_prime = _smallest_primes(
            max((self.layer.sizes[dim] for dim in self.choices.dims), default=1)
        )

    def fewest_lanes(self, value: float) -> float:
        """Return how many lanes an unrolling must have at least whose mappings are better than a value.

        No unrolling takes less energy than the operations and one pass of every element over every link, or less cycles
        than the operations divided by its lanes.
        """
        power = DELAYS[self.objective]
        if not power or not math.isfinite(value):
            return 0.0
        energy = 1.0 if self.objective == "latency" else self._least_energy()
        if not energy:
            return 0.0
        cycles = self.layer.macs * self.setting.cycles_per_op
        return float(cycles / (value / energy) ** (1 / power) * (1 - _MARGIN))

    def _least_energy(self) -> float:
        plain = self.setting.accelerator.array.in_memory_computing is None
        energy = float(self.setting.mac_energy) if plain else 0.0
        rounded = _ROUNDED**2 if self.setting.conventions.fractional_unrolling else 1.0
        for operand, movements in zip(self.setting.operands, self.movements, strict=True):
            bits = min(operand.precision, operand.final_precision) * _touched(self.layer, operand) * rounded
            energy += sum(bits * movement.energy for movement in movements if not movement.back)
            if rounded < 1:
                energy -= sum(movement.access for movement in movements)
        return max(0.0, energy)

    def of(self, block: Array) -> Array:
        """Return bounds of the objective of some unrollings, shape (unrollings,).

        Infinite where the smallest tiles do not fit.
        """
        some = _Block(self, block)
        least = np.full(len(block), np.inf)
        for position in range(-1, len(self.choices.dims)):
            energy, latency = some.with_innermost(position)
            value = objective_values(energy, latency, self.objective)
            least = np.where(some.may_be_innermost(position), np.minimum(least, value), least)
        return np.where(some.fits, least * (1 - _MARGIN), np.inf)


class _Block:
    """Some unrollings, in arrays over them."""

    def __init__(self, bounds: CheapBounds, block: Array) -> None:
        self.bounds, self.setting = bounds, bounds.setting
        choices = bounds.choices
        self.dims = choices.dims
        self.iterations = choices.iterations(block)
        totals = choices.totals(block)
        self.scale = choices.sizes / (self.iterations * totals)
        self.lanes = [group.lanes[block[:, number]] for number, group in enumerate(choices.groups)]
        self.total = self.iterations.prod(axis=1).astype(float)
        drains = [group.drains[block[:, number]] for number, group in enumerate(choices.groups)]
        self.drain = sum(drains, np.zeros(len(block)))
        self.count = len(block)
        self.exact = not self.setting.conventions.fractional_unrolling
        self.least_bits = [
            [self._tile_bits(operand, number, level) for level in range(1, operand.depth + 1)]
            for number, operand in enumerate(self.setting.operands)
        ]
        self.fits = np.ones(len(block), dtype=bool)
        self.free: dict[tuple[int, int], Array] = {}
        for tenancy in self.setting.tenancies:
            used = sum(self.least_bits[number][level] for number, level in tenancy.tenants)
            self.fits &= used <= tenancy.memory.size * (1 + _MARGIN)
            for number, level in tenancy.tenants:
                self.free[number, level] = tenancy.memory.size - used + self.least_bits[number][level]
        self._figures()

    def _product(self, groups: Iterable[int], dims: Sequence[int]) -> Array:
        """Return the lanes of some dimensions on some groups, of which those that have work count on average."""
        result = np.ones(self.count)
        groups = list(groups)
        for dim in dims:
            lanes = np.ones(self.count)
            for group in groups:
                lanes = lanes * self.lanes[group][:, dim]
            result *= np.where(lanes > 1, lanes * self.scale[:, dim], 1.0)
        return result

    def _whole(self, groups: Iterable[int], dim: str) -> Array:
        lanes = np.ones(self.count, dtype=np.int64)
        for group in groups:
            lanes = lanes * self.lanes[group][:, self.dims.index(dim)]
        return lanes

    def _below(self, number: int, level: int) -> list[int]:
        return [group for groups in self.bounds.linked[number][:level] for group in groups]

    def _above(self, number: int, link: int) -> list[int]:
        return [group for groups in self.bounds.linked[number][link:] for group in groups]

    def _tile(self, operand: OperandSetting, number: int, level: int, grown: int = -1) -> Array:
        """Return the elements of the smallest tile of one instance, with at least two iterations of one dimension."""
        groups = self._below(number, level)
        result = np.ones(self.count)
        prime = self.bounds.smallest_prime[self.iterations[:, grown]] if grown >= 0 else None
        sizes: dict[str, Array] = {}
        for position, dim in enumerate(self.dims):
            if operand.kind[dim] == IRRELEVANT:
                continue
            lanes = self._whole(groups, dim)
            # the last lanes of the last iteration may be idle
            sizes[dim] = lanes if prime is None or position != grown else lanes * (prime - 1) + 1
            if operand.kind[dim] == RELEVANT:
                result *= sizes[dim]
        for relation, most in zip(operand.relations, operand.window_sizes, strict=True):
            one = np.ones(self.count, dtype=np.int64)
            outer, inner = sizes.get(relation.outer, one), sizes.get(relation.inner, one)
            window = relation.distinct(outer, inner) - sum(  # type: ignore[arg-type]
                self.setting.layer.padding.get(relation.window, (0, 0))
            )
            result *= np.clip(window, 1, max(most, 1))
        # as ZigZag counts lanes that are a fraction, or that it floors
        return result if self.exact else np.floor(result * self._share(operand))

    def _tile_bits(self, operand: OperandSetting, number: int, level: int, grown: int = -1) -> Array:
        """Return the bits of the smallest tile, with the second copy that its memory makes of what is refilled."""
        bits = self._tile(operand, number, level, grown) * min(operand.precision, operand.final_precision)
        if not operand.memories[level - 1].doubles(operand.memory_operand):
            return bits
        left = np.ones(self.count, dtype=np.int64)
        for position, dim in enumerate(self.dims):
            if operand.kind[dim] != IRRELEVANT:
                left *= self.iterations[:, position]
        below = self.bounds.smallest_prime[self.iterations[:, grown]] if grown >= 0 else 1
        return bits * np.where(left > below, 2, 1)

    def _share(self, operand: OperandSetting) -> Array:
        relevant = [i for i, dim in enumerate(self.dims) if operand.kind[dim] != IRRELEVANT]
        return np.where((self.scale[:, relevant] < 1).any(axis=1), _ROUNDED, 1.0)

    def _figures(self) -> None:
        """Compute what passes every link at least once, and what passes in every iteration."""
        self.once: list[list[Array]] = []
        self.always: list[list[Array]] = []
        self.reuse: list[Array] = []
        for number, operand in enumerate(self.setting.operands):
            irrelevant = [i for i, dim in enumerate(self.dims) if operand.kind[dim] == IRRELEVANT]
            every = range(len(self.dims))
            self.reuse.append(self.iterations[:, irrelevant].prod(axis=1).astype(float))
            once, always = [], []
            for movement in self.bounds.movements[number]:
                level = movement.link + movement.upper
                above = self._above(number, level)
                once.append(_touched(self.setting.layer, operand) * self._product(above, irrelevant))
                moved = self._distinct(operand, number, level) * self.total * self._product(above, every)
                if movement.back and not movement.upper:
                    # one of the instances whose sums are added up goes on from the old one
                    moved = moved / self._product(self.bounds.linked[number][movement.link], irrelevant)
                always.append(np.maximum(moved, once[-1]))
            self.once.append(once)
            self.always.append(always)

    def _distinct(self, operand: OperandSetting, number: int, level: int) -> Array:
        """Return the elements that one instance's lanes use in one iteration, on average."""
        groups = self._below(number, level)
        relevant = [i for i, dim in enumerate(self.dims) if operand.kind[dim] == RELEVANT]
        result = self._product(groups, relevant)
        for relation, most in zip(operand.relations, operand.window_sizes, strict=True):
            outer, inner = (
                self._whole(groups, dim) if dim in self.dims else np.ones(self.count, dtype=np.int64)
                for dim in relation.loops
            )
            window: Array = 1.0 * np.minimum(relation.distinct(outer, inner), most)  # type: ignore[arg-type]
            for dim, lanes in zip(relation.loops, (outer, inner), strict=True):
                if dim in self.dims:
                    # the count grows ever slower with the lanes, so that idle ones take no more than their share
                    window *= np.where(lanes > 1, self.scale[:, self.dims.index(dim)], 1.0)
            # every element of the padding comes with a pair of iterations, every other one with no more than so many
            pairs = math.prod(self.setting.layer.sizes[dim] for dim in relation.loops)
            outside = _pairs_in_padding(self.setting.layer, relation) * np.minimum(outer, inner)
            result *= window * np.maximum(0.0, 1 - outside / pairs)
        return result

    def may_be_innermost(self, position: int) -> Array:
        """Return for which unrollings a dimension can be the innermost loop; -1 stands for no loops at all."""
        if position < 0:
            return np.asarray(self.total == 1)
        return np.asarray(self.iterations[:, position] > 1)

    def with_innermost(self, position: int) -> tuple[Array, Array]:
        """Return bounds of energy and latency of the mappings whose innermost loop is one dimension's."""
        energy = np.full(self.count, self._operations())
        busy: dict[tuple[str, str], Array] = {}
        for number, operand in enumerate(self.setting.operands):
            forced = self._forced(operand, number, position)
            bits, share = (
                min(operand.precision, operand.final_precision),
                1.0 if self.exact else self._share(operand) ** 2,
            )
            for index, movement in enumerate(self.bounds.movements[number]):
                every = forced[movement.link]
                moved = np.where(every, self.always[number][index], self.once[number][index])
                visits = np.where(every, self.total, 1.0)
                if movement.link == 0 and not operand.is_output:
                    # the same data stays for no more than the iterations that do not change it
                    least = self.total if not self._stays(operand) else self.total / self.reuse[number]
                    visits = np.where(every, self.total, least)
                    moved = self.always[number][index] * visits / self.total
                if movement.back:
                    again = np.where(every, 1 - 1 / self.reuse[number], 0.0)
                    moved, precision = moved * again, operand.precision
                else:
                    precision = bits
                energy += np.maximum(
                    0.0, moved * share * precision * movement.energy - self._truncated(movement)
                )
                busy_for = moved * precision / movement.width / self._instances(number, movement)
                busy[movement.port] = busy.get(movement.port, 0.0) + busy_for * self._counted(
                    movement, visits
                )
        run = self.total * self.setting.cycles_per_op
        latency = run
        for cycles in busy.values():
            latency = np.maximum(latency, cycles)
        return energy, latency + self.drain

    def _operations(self) -> float:
        plain = self.setting.accelerator.array.in_memory_computing is None
        return float(self.setting.mac_energy) if plain else 0.0

    def _stays(self, operand: OperandSetting) -> bool:
        return self.setting.conventions.same_data_free and not operand.is_output

    def _truncated(self, movement: _Movement) -> float:
        """Return what ZigZag's truncation of accesses may leave out."""
        return 0.0 if self.exact else movement.access

    def _instances(self, number: int, movement: _Movement) -> Array:
        lanes = np.ones(self.count)
        for group in self._above(number, movement.link + movement.upper):
            lanes = lanes * self.lanes[group].prod(axis=1)
        return lanes

    def _counted(self, movement: _Movement, visits: Array) -> Array:
        """Return the share of a movement's transfers that its port is known to carry within the latency."""
        if self.exact and (movement.link or self.setting.conventions.fills_array):
            return np.ones(self.count)
        share = (visits - 1) / visits
        # ZigZag floors the lanes of every dimension that are a fraction
        return share if self.exact else share * _FLOORED ** (self.scale < 1).sum(axis=1)

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
            beyond = beyond | (grown > self.free[number, link - 1] * (1 + _MARGIN))
            forced[link] = beyond
        forced[0] = np.ones(self.count, dtype=bool)
        return forced


def _touched(layer: Layer, operand: OperandSetting) -> int:
    """Return the elements of an operand that the layer uses: of windows with holes not all."""
    used = math.prod(layer.sizes[dim] for dim, kind in operand.kind.items() if kind == RELEVANT)
    for relation, most in zip(operand.relations, operand.window_sizes, strict=True):
        outer, inner = (layer.sizes[dim] for dim in relation.loops)
        used *= max(1, min(relation.distinct(outer, inner), most))
    return used


def _movements(operand: OperandSetting) -> list[_Movement]:
    found = []
    for level, (memory, ports) in enumerate(zip(operand.memories, operand.ports, strict=True)):
        for direction, port in ports.items():
            upwards = direction in (Direction.TO_ABOVE, Direction.FROM_BELOW)
            outside = level == operand.depth - 1 and direction in (Direction.FROM_ABOVE, Direction.TO_ABOVE)
            if outside or (upwards and not operand.is_output):
                continue
            below = direction in (Direction.TO_BELOW, Direction.FROM_BELOW)
            access = memory.write_energy if direction.is_write else memory.read_energy
            found.append(
                _Movement(
                    link=level if below else level + 1,
                    upper=below,
                    back=operand.is_output and not upwards,
                    energy=access / port.bandwidth_max,
                    access=access,
                    port=(memory.name, port.name),
                    width=port.bandwidth_max,
                )
            )
    return found


def _groups_of_links(operand: OperandSetting, choices: Choices) -> list[list[int]]:
    """Return the groups of array dimensions at every link, the last those above the top level."""
    left = list(range(len(choices.groups)))
    result = []
    for memory in operand.memories:
        here = [number for number in left if choices.groups[number].members[0] in memory.served_dimensions]
        result.append(here)
        left = [number for number in left if number not in here]
    return [*result, left]


def _smallest_primes(most: int) -> Array:
    """Return the smallest prime factor of every number up to a limit."""
    primes = np.arange(most + 1)
    for number in range(2, int(most**0.5) + 1):
        if primes[number] == number:
            multiples = primes[number * number :: number]
            np.minimum(multiples, number, out=multiples)
    return primes


@lru_cache(maxsize=64)
def _pairs_in_padding(layer: Layer, relation: DimensionRelation) -> int:
    """Return how many pairs of an outer and an inner iteration fall into a window's padding."""
    before, after = layer.padding.get(relation.window, (0, 0))
    if not before and not after:
        return 0
    outer, inner = (layer.sizes[dim] for dim in relation.loops)
    places = relation.stride * np.arange(outer)[:, None] + relation.dilation * np.arange(inner)
    return int(((places < before) | (places >= relation.span(outer, inner) - after)).sum())
