"""Greedy construction: for a stationary operand, the largest tile that fits every memory, from the inside outwards.

Source of the dataflows: Chen, Emer and Sze, "Eyeriss: A Spatial Architecture for Energy-Efficient Dataflow for
Convolutional Neural Networks", ISCA 2016, its taxonomy of existing dataflows, the classes weight stationary (WS) and
output stationary (OS): an operand stays where it is as long as its data is used. Input stationary is the same for the
inputs, and not in that taxonomy. How tiles are chosen is our own: the largest that fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, permutations

import numpy as np

from zzcp.checks import choice
from zzcp.cost.execution.array_states import Array
from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, OperandSetting, Setting
from zzcp.mappers.options import at_least
from zzcp.mappers.orders import prime_factors
from zzcp.mappers.protocol import Budget, OnBest, Problem, Search
from zzcp.mappers.run import Run
from zzcp.mapping.mapping import Loop

STATIONARY = ("all", "output", "weight", "input")
_ROLES = {"output": "O", "weight": "I2", "input": "I1"}


@dataclass(frozen=True, slots=True)
class Greedy:
    """Greedy construction of stationary dataflows, as a designer writes them down by hand.

    The loops that are irrelevant to the stationary operand come first, in any order, then the others, in any order.
    With each such list of dimensions the memories are filled from the inside outwards: as many iterations of each
    dimension in turn as fit, with the tiles of all operands that share the memory. What is left runs outermost. Which
    memory holds which loops is decided by `zzcp.mappers.allocate`.

    Parameters
    ----------
    stationary : str
        ``output``, ``weight``, ``input``, or ``all`` three of them.
    lists : int
        Most lists of dimensions per stationary operand.
    name : str
        What tables call it.
    """

    stationary: str = "all"
    lists: int = 720
    name: str = "greedy"

    def __post_init__(self) -> None:
        at_least(1, lists=self.lists)
        choice(self.stationary, "stationary operand", STATIONARY)

    def map(self, problem: Problem, budget: Budget, *, on_best: OnBest | None = None) -> Search:
        """Search a mapping; see `zzcp.mappers.Mapper`."""
        with Run(self.name, problem, budget, on_best) as run:
            wanted = list(_ROLES) if self.stationary == "all" else [self.stationary]
            orders: dict[tuple[Loop, ...], None] = {}
            for role in wanted:
                for dims in islice(_dimension_lists(run.setting, _ROLES[role]), self.lists):
                    if run.interrupted:
                        break
                    orders[stationary_order(run.setting, dims)] = None
            run.score_orders(*_arrays(list(orders), list(problem.layer.sizes)))
            return run.search()


def _arrays(orders: Sequence[Sequence[Loop]], names: Sequence[str]) -> tuple[Array, Array]:
    """Return loop orders as (dims, sizes), the shorter ones with loops of size 1 on top."""
    depth = max(map(len, orders), default=0)
    dims = np.zeros((depth, len(orders)), dtype=np.int64)
    sizes = np.ones((depth, len(orders)), dtype=np.int64)
    for column, order in enumerate(orders):
        for row, (dim, size) in enumerate(order):
            dims[row, column], sizes[row, column] = names.index(dim), size
    return dims, sizes


def _dimension_lists(setting: Setting, memory_operand: str) -> Iterator[tuple[str, ...]]:
    """Yield the dimensions, those that are irrelevant to an operand first."""
    kind = next(
        (operand.kind for operand in setting.operands if operand.memory_operand == memory_operand), {}
    )
    dims = [dim for dim, size in setting.temporal_sizes.items() if size > 1]
    first = [dim for dim in dims if kind.get(dim) == IRRELEVANT]
    others = [dim for dim in dims if dim not in first]
    for inner in permutations(first):
        for outer in permutations(others):
            yield (*inner, *outer)


def stationary_order(setting: Setting, dims: Sequence[str]) -> tuple[Loop, ...]:
    """Return the loop order that fills every memory with the dimensions of a list in turn.

    Parameters
    ----------
    setting : Setting
        Machine, layer and unrolling.
    dims : sequence of str
        All dimensions that have temporal loops, in the order in which they are taken.
    """
    left = {dim: prime_factors(setting.temporal_sizes[dim]) for dim in dims}
    held = dict.fromkeys(setting.layer.sizes, 1)
    order: list[Loop] = []
    for tenancy in setting.tenancies:
        tenants = [(setting.operands[operand], level) for operand, level in tenancy.tenants]
        if all(level == operand.depth - 1 for operand, level in tenants):
            continue
        for dim in dims:
            size = 1
            for factor in reversed(left[dim].copy()):
                held[dim] *= factor
                if sum(_bits(operand, level, held) for operand, level in tenants) <= tenancy.memory.size:
                    left[dim].remove(factor)
                    size *= factor
                else:
                    held[dim] //= factor
            if size > 1:
                order.append(Loop(dim, size))
    order += [Loop(dim, math.prod(left[dim])) for dim in dims if left[dim]]
    return tuple(order)


def _bits(operand: OperandSetting, level: int, held: dict[str, int]) -> float:
    """Return the bits of a tile of some loops with the unrolling beneath the level."""
    variant = operand.energy
    elements = variant.relevant[level + 1] * math.prod(
        size for dim, size in held.items() if operand.kind[dim] == RELEVANT
    )
    for relation, (outer, inner), most in zip(
        operand.relations, variant.windows[level + 1], operand.window_sizes, strict=True
    ):
        window = relation.distinct(
            int(held[relation.outer] * outer), int(held.get(relation.inner, 1) * inner)
        )
        elements *= min(most, window)
    return elements * operand.stored[level].most
