"""Greedy allocation of many loop orders at once: the array form of `zzcp.mappers.allocate`, equal to it to the bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zzcp.cost.batch import MappingBatch
from zzcp.cost.execution.array_states import Array, LoopTables
from zzcp.cost.formulas.links import tile_elements, visits
from zzcp.cost.formulas.numeric import NUMPY
from zzcp.cost.setting.setting import IRRELEVANT, PARTIAL, RELEVANT, OperandSetting, Setting, Tenancy
from zzcp.cost.setting.state import OperandState
from zzcp.errors import MappingError
from zzcp.mappers.allocate import allocate

EXACT_BELOW = 2**50
"""Products of bits and iterations below this are exact in floats, sums of them included."""
_MOST_COMBINATIONS = 2**20
"""Combinations of boundaries that are compared at a time."""


def allocate_orders(setting: Setting, dims: Array, sizes: Array) -> tuple[MappingBatch, Array]:
    """Return the mappings that `zzcp.mappers.allocate` finds for many loop orders.

    Parameters
    ----------
    setting : Setting
        Machine, layer, unrolling and conventions.
    dims, sizes : ndarray of int, shape (loops, orders)
        The orders, as in `zzcp.cost.batch.MappingBatch`; every one covers the layer.

    Returns
    -------
    batch : MappingBatch
        One mapping per order.
    fits : ndarray of bool
        Which of them fit into the memories; the others' boundaries mean nothing.
    """
    if not floats_are_exact(setting):
        return _one_by_one(setting, dims, sizes)
    depth, length = dims.shape
    tables = LoopTables(setting.temporal_sizes, depth, length)
    tables.load(dims, sizes)
    fits = np.ones(length, dtype=bool)
    queues = [_Queue(setting, operand, tables) for operand in setting.operands]
    for tenancy in setting.tenancies:
        _fill(tenancy, queues, fits)
    ends = {queue.operand.name: np.stack(queue.ends) for queue in queues}
    return MappingBatch(dims, sizes, ends), fits


def floats_are_exact(setting: Setting) -> bool:
    """Return whether all sizes and refills are exact in floats, where they are integers."""
    lanes = math.prod(factor for _, _, factor in setting.spatial)
    bits = max(bits.most for operand in setting.operands for bits in operand.stored)
    return math.prod(setting.temporal_sizes.values()) * lanes * max(bits, 1) < EXACT_BELOW // 16


def tile_table(setting: Setting, operand: OperandSetting, level: int, tables: LoopTables) -> Array:
    """Return the elements of an operand at a memory level for every number of loops that it holds, per order.

    Below fractional unrollings the result may be off by a rounding.
    """
    return _tile_table(setting, operand, level, _tiles(operand, tables))


def _tiles(operand: OperandSetting, tables: LoopTables) -> OperandState:
    """Return what the tiles depend on, for every number of loops that they hold."""
    groups = {
        # most layers have windows without loops: those cost nothing
        dim: tables.products(frozenset([dim])) if tables.needed[dim] > 1 else 1
        for dim, kind in operand.kind.items()
        if kind == PARTIAL
    }
    windows: Any = [[(groups[r.outer], groups.get(r.inner, 1)) for r in operand.relations]]
    relevant = tables.products(tables.group(operand.kind, RELEVANT))
    return OperandState([], [], [relevant], windows, [], [], [], None)


def _tile_table(setting: Setting, operand: OperandSetting, level: int, tiles: OperandState) -> Array:
    elements = tile_elements(operand, operand.energy, tiles, 0, level + 1, setting.conventions, NUMPY)
    return np.asarray(elements)


class _Queue:
    """One operand's loops in every order, and how many of them the memories so far hold."""

    def __init__(self, setting: Setting, operand: OperandSetting, tables: LoopTables) -> None:
        self.setting, self.operand, self.tables = setting, operand, tables
        self.taken: Array = np.zeros(tables.length, dtype=np.int64)
        self.ends: list[Array] = []
        self.places = np.arange(tables.depth + 1)[:, None]
        run = tables.products(frozenset(dim for dim, size in tables.needed.items() if size > 1))
        self.iterations_after = run[-1] / run
        self._tiles = _tiles(operand, tables) if operand.energy.integral else None
        self._products: dict[str, Array] = {}

    def sizes(self, level: int) -> tuple[Array, Array]:
        """Return the bits needed for each number of loops, and which numbers the memory can hold alone."""
        memory = self.operand.memories[level]
        elements = (
            self._fractional_table(level)
            if self._tiles is None
            else _tile_table(self.setting, self.operand, level, self._tiles)
        )
        bits = elements * self._precision(level)
        if memory.doubles(self.operand.memory_operand):
            refilled = bits < bits[-1]
            refilled[-1] = False
            bits = np.where(refilled, bits * 2, bits)
        reached = self.places >= self.taken
        too_large = reached & (bits > memory.size)
        # from the first one on that is too large all are
        return bits, reached > np.logical_or.accumulate(too_large, axis=0)

    def take(self, end: Array) -> None:
        """Let a memory hold the loops up to a place."""
        if self._products:
            columns = np.arange(self.tables.length)
            self._products = {dim: table[end, columns] for dim, table in self._products.items()}
        self.taken = end
        self.ends.append(end)

    def _fractional_table(self, level: int) -> Array:
        """Return the elements as ZigZag computes them: the products of floats are taken loop by loop."""
        operand, tables = self.operand, self.tables
        for dim in operand.kind:
            product: Any = self._products.get(dim, np.ones(tables.length))
            for other, factor in operand.energy.spatial[level]:
                if other == dim:
                    product = product * factor
            factors = tables.factors(frozenset([dim]), np.empty((tables.depth, tables.length)))
            table = np.empty((tables.depth + 1, tables.length))
            table[0] = product
            for place in range(tables.depth):
                own = np.where(self.taken <= place, factors[place], 1.0)
                np.multiply(table[place], own, out=table[place + 1])
            self._products[dim] = table
        elements = np.ones((tables.depth + 1, tables.length))
        for dim in self.setting.layer.equation.indices[operand.name]:
            if operand.kind.get(dim) == RELEVANT:
                elements *= self._products[dim]
        windows: Any = 1.0
        for number, relation in enumerate(operand.relations):
            zigzag = self.setting.conventions.overcounted_slivers
            count: Any = relation.distinct_zigzag if zigzag else relation.distinct
            outer, inner = (np.trunc(self._products[dim]) for dim in (relation.outer, relation.inner))
            windows = windows * np.minimum(operand.window_sizes[number], count(outer, inner))
        return np.asarray(elements * windows)

    def _precision(self, level: int) -> Any:
        """Return the bits of an element: of a partial sum while reduction loops are left, in the unrolling too."""
        operand, stored = self.operand, self.operand.stored[level]
        if not operand.is_output:
            return float(stored.partial)
        links = operand.energy.spatial[level + 1 :]
        if any(operand.kind[dim] == IRRELEVANT and factor > 1 for link in links for dim, factor in link):
            return float(stored.partial)
        products = self.tables.products(self.tables.group(operand.kind, IRRELEVANT))
        columns = np.arange(self.tables.length)
        left = products[self.taken, columns] < products[-1]
        if operand.revisited and self._tiles is not None:
            # loops of a window that are left visit outputs again
            seen = np.asarray(visits(operand, self._tiles, 0, level + 1, NUMPY))
            left |= np.broadcast_to(seen, products.shape)[self.taken, columns] > operand.elements
        return np.where(left, float(stored.partial), float(stored.final))


def _fill(tenancy: Tenancy, queues: list[_Queue], fits: Array) -> None:
    """Give a memory its loops of every operand that it holds, in every order."""
    tenants = [(queues[operand], level) for operand, level in tenancy.tenants]
    choices: list[tuple[int, Array, Array]] = []
    for queue, level in tenants:
        bits, possible = queue.sizes(level)
        if level == queue.operand.depth - 1:
            # the outermost memory holds what is left
            fits &= possible[-1]
            choices.append((len(bits) - 1, bits[-1:], np.where(possible[-1:], 0.0, np.inf)))
            continue
        reached = np.flatnonzero(possible.any(axis=1))
        first, last = (int(reached[0]), int(reached[-1])) if len(reached) else (0, 0)
        part = slice(first, last + 1)
        accesses = np.where(possible[part], queue.iterations_after[part] * bits[part], np.inf)
        choices.append((first, bits[part], accesses))
    if all(len(bits) == 1 for _, bits, _ in choices):
        # mostly the outermost memory: nothing to choose
        fits &= sum(bits[0] for _, bits, _ in choices) <= tenancy.memory.size
        fits &= np.isfinite(sum(accesses[0] for _, _, accesses in choices))
        for (queue, _), (first, _, _) in zip(tenants, choices, strict=True):
            queue.take(np.where(fits, first, queue.taken))
        return
    length = len(fits)
    best = np.empty((len(choices), length), dtype=np.int64)
    width = max(1, _MOST_COMBINATIONS // math.prod(len(bits) for _, bits, _ in choices))
    for start in range(0, length, width):
        columns = slice(start, start + width)
        best[:, columns], found = _cheapest(
            [(bits[:, columns], accesses[:, columns]) for _, bits, accesses in choices], tenancy.memory.size
        )
        fits[columns] &= found
    for (queue, _), (first, _, _), chosen in zip(tenants, choices, best, strict=True):
        # what does not fit stays in bounds, so that the other orders can go on
        queue.take(np.where(fits, chosen + first, queue.taken))


def _cheapest(choices: list[tuple[Array, Array]], size: int) -> tuple[Array, Array]:
    """Return the combination with the fewest accesses, the last of equals, and whether there is any."""
    number = len(choices)
    if number == 1:
        # what does not fit costs infinitely much
        ((_, accesses),) = choices
        chosen = len(accesses) - 1 - accesses[::-1].argmin(axis=0)
        return chosen[None], np.isfinite(accesses.min(axis=0))
    total_bits: Any = 0.0
    total: Any = 0.0
    for place, (bits, accesses) in enumerate(choices):
        shape = [1] * number + [bits.shape[1]]
        shape[place] = len(bits)
        total_bits = total_bits + bits.reshape(shape)
        total = total + accesses.reshape(shape)
    shape = [len(bits) for bits, _ in choices]
    flat = np.where(total_bits <= size, total, np.inf).reshape(math.prod(shape), -1)
    chosen = len(flat) - 1 - np.argmin(flat[::-1], axis=0)
    found = np.isfinite(flat[chosen, np.arange(flat.shape[1])])
    return np.stack(np.unravel_index(chosen, shape)), found


def _one_by_one(setting: Setting, dims: Array, sizes: Array) -> tuple[MappingBatch, Array]:
    """Allocate order by order in integers of any size."""
    names = list(setting.layer.sizes)
    depth, length = dims.shape
    ends = {operand.name: np.zeros((operand.depth, length), dtype=np.int64) for operand in setting.operands}
    for rows in ends.values():
        rows[-1] = depth
    fits = np.zeros(length, dtype=bool)
    fixed = setting.accelerator, setting.layer, setting.spatial
    for column in range(length):
        order = [
            (names[dim], size)
            for dim, size in zip(dims[:, column].tolist(), sizes[:, column].tolist(), strict=True)
        ]
        try:
            mapping = allocate(*fixed, order, setting.conventions, dict(setting.links))
        except MappingError:
            continue
        fits[column] = True
        for operand, levels in mapping.temporal.items():
            ends[operand][:, column] = np.cumsum([len(level) for level in levels])
    return MappingBatch(dims, sizes, ends), fits
