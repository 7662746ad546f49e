"""The best orders for many chains at once: all their candidates are scored in a few batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from zzcp.cost.batch import MappingBatch, score_batch
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import Goal, objective_values
from zzcp.cost.setting.setting import Setting
from zzcp.mapping import Mapping
from zzcp.solver.lattice.chain import Chain, most_orders, orders_of
from zzcp.solver.lattice.keys import Key, Vector

_MOST = 4096
"""How many orders are scored at a time."""
_ROUNDING = 1e-12
"""More than the relative error of the batch evaluator."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best loop order for the boundaries of a chain.

    Parameters
    ----------
    chain : Chain
        The boundaries.
    order : sequence of int
        The keys of the loops, innermost first.
    value : float
        The objective; infinite if the chain does not fit.
    exhaustive : bool
        Whether every order that can matter was scored.
    """

    chain: Chain
    order: Sequence[int]
    value: float
    exhaustive: bool

    def mapping(self, setting: Setting) -> Mapping:
        """Return the mapping."""
        loops = [(self.chain.keys[index].dim, self.chain.keys[index].prime) for index in self.order]
        return Mapping.from_order(setting.spatial, loops, self.chain.cuts, links=setting.own_links)


@dataclass(frozen=True, slots=True)
class Most:
    """What a mapping may take at most, in figures of the batch evaluator, which are rounded.

    Parameters
    ----------
    energy : float
        In the unit of the accelerator's file.
    latency : float
        In cycles.
    """

    energy: float = math.inf
    latency: float = math.inf


def best_of_each(
    evaluator: Evaluator,
    chains: Sequence[tuple[Chain, Sequence[Vector]]],
    objective: Goal,
    most: Most = Most(),
) -> list[Best]:
    """Return the best mapping with the boundaries of each of several chains.

    Parameters
    ----------
    evaluator : Evaluator
        Scores the candidates.
    chains : sequence of (Chain, sequence of Vector)
        The boundaries, and further points of every chain, such as the stationary loops at the array.
    objective : str or WeightedSum
        What is minimised.
    most : Most
        Mappings that take more do not count.
    """
    result: list[Best] = []
    waiting: list[_Task] = []
    width = 0
    at_once = min(_MOST, most_orders(evaluator))
    for chain, extra in chains:
        waiting.append(_Task.of(evaluator, chain, extra))
        width += waiting[-1].count
        if width >= at_once:
            result += _score(evaluator, waiting, objective, most)
            waiting, width = [], 0
    return result + _score(evaluator, waiting, objective, most)


@dataclass(frozen=True, slots=True)
class _Task:
    """The orders of one chain that are to be scored."""

    chain: Chain
    variants: list[list[list[int]]]
    ends: dict[str, list[int]]
    exhaustive: bool

    @classmethod
    def of(cls, evaluator: Evaluator, chain: Chain, extra: Sequence[Vector]) -> _Task:
        """Return the orders of a chain that can matter, or some of them if they are too many."""
        variants, exhaustive = orders_of(evaluator, chain, extra)
        while math.prod(map(len, variants)) > most_orders(evaluator):
            longest = max(range(len(variants)), key=lambda number: len(variants[number]))
            variants[longest] = variants[longest][:1]
            exhaustive = False
        return cls(chain, variants, chain.cuts, exhaustive)

    @property
    def count(self) -> int:
        """Number of orders."""
        return math.prod(map(len, self.variants))


def _score(evaluator: Evaluator, tasks: Sequence[_Task], objective: Goal, most: Most) -> list[Best]:
    """Score the orders of several chains in one batch."""
    if not tasks:
        return []
    keys: tuple[Key, ...] = tasks[0].chain.keys
    setting = evaluator.setting
    names = {dim: number for number, dim in enumerate(setting.layer.sizes)}
    orders = [
        [index for segment in order for index in segment]
        for task in tasks
        for order in product(*task.variants)
    ]
    sizes = [task.count for task in tasks]
    flat = np.array(orders, dtype=np.int64).reshape(len(orders), -1).T
    batch = MappingBatch(
        np.array([names[key.dim] for key in keys], dtype=np.int64)[flat],
        np.array([key.prime for key in keys], dtype=np.int64)[flat],
        {
            operand: np.repeat(
                np.array([task.ends[operand] for task in tasks], dtype=np.int64).T, sizes, axis=1
            )
            for operand in tasks[0].ends
        },
    )
    found = score_batch(evaluator, batch)
    values = objective_values(found.energy, found.latency.astype(float), objective)
    within = (found.energy <= most.energy * (1 + _ROUNDING)) & (
        found.latency <= most.latency * (1 + _ROUNDING)
    )
    values = np.where(found.valid & within, values, np.inf)
    result = []
    start = 0
    for task, size in zip(tasks, sizes, strict=True):
        winner = start + int(np.argmin(values[start : start + size]))
        result.append(Best(task.chain, orders[winner], float(values[winner]), task.exhaustive))
        start += size
    return result
