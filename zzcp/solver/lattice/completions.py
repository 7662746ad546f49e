"""The best orders for many chains at once: all their candidates are scored in a few batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from zzcp.cost.batch import MappingBatch, score_batch
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import Goal, objective_values
from zzcp.cost.setting.setting import Setting
from zzcp.mapping import Mapping as LayerMapping
from zzcp.solver.clock import look
from zzcp.solver.lattice.chain import Chain, most_orders, orders_of
from zzcp.solver.lattice.keys import Key, Place, Vector

_MOST = 4096
"""How many orders are scored at a time."""
_ORDER = 5000
"""Steps that an order counts as."""
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

    def mapping(self, setting: Setting) -> LayerMapping:
        """Return the mapping."""
        return _mapping(setting, self.chain, self.order)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A loop order for the boundaries of a chain that no other of its orders beats in both energy and latency.

    Parameters
    ----------
    chain : Chain
        The boundaries.
    order : sequence of int
        The keys of the loops, innermost first.
    energy, latency : float
        Its figures, rounded.
    """

    chain: Chain
    order: Sequence[int]
    energy: float
    latency: float

    def mapping(self, setting: Setting) -> LayerMapping:
        """Return the mapping."""
        return _mapping(setting, self.chain, self.order)


def _mapping(setting: Setting, chain: Chain, order: Sequence[int]) -> LayerMapping:
    loops = [(chain.keys[index].dim, chain.keys[index].prime) for index in order]
    return LayerMapping.from_order(setting.spatial, loops, chain.cuts, links=setting.own_links)


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
    orders: int | None = None,
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
    orders : int, optional
        How many orders of one chain are scored at the most; else as many as `most_orders` allows.
    """
    result = []
    for task, scored, found in _scored(evaluator, chains, orders):
        values = objective_values(found.energy, found.latency, objective)
        within = (found.energy <= most.energy * (1 + _ROUNDING)) & (
            found.latency <= most.latency * (1 + _ROUNDING)
        )
        values = np.where(found.valid & within, values, np.inf)
        winner = int(np.argmin(values))
        result.append(Best(task.chain, scored[winner], float(values[winner]), task.exhaustive))
    return result


def non_dominated_of_each(
    evaluator: Evaluator, chains: Sequence[tuple[Chain, Sequence[Vector]]]
) -> list[tuple[list[Candidate], bool]]:
    """Return for each of several chains the orders that none of its others beats, and whether none is missing.

    Parameters
    ----------
    evaluator, chains
        As for `best_of_each`.
    """
    result = []
    for task, orders, found in _scored(evaluator, chains):
        kept, least = [], math.inf
        for number in np.lexsort((found.energy, found.latency)):
            if found.valid[number] and found.energy[number] < least:
                least = float(found.energy[number])
                kept.append(Candidate(task.chain, orders[number], least, float(found.latency[number])))
        result.append((kept, task.exhaustive))
    return result


def chains_of(
    setting: Setting, keys: tuple[Key, ...], found: Sequence[Mapping[Place, Vector]]
) -> list[tuple[Chain, list[Vector]]]:
    """Return chains given by the vectors of all their boundaries, each with its points at the array."""
    full = tuple(key.multiplicity for key in keys)
    operands = list(enumerate(setting.operands))
    return [
        (
            Chain(
                keys,
                {
                    operand.name: (*(places[index, link] for link in range(1, operand.depth)), full)
                    for index, operand in operands
                },
            ),
            [places[index, 0] for index, _ in operands],
        )
        for places in found
    ]


@dataclass(frozen=True, slots=True)
class _Task:
    """The orders of one chain that are to be scored."""

    chain: Chain
    variants: list[list[list[int]]]
    ends: dict[str, list[int]]
    exhaustive: bool

    @classmethod
    def of(cls, evaluator: Evaluator, chain: Chain, extra: Sequence[Vector], most: int) -> _Task:
        """Return the orders of a chain that can matter, or some of them if they are too many."""
        variants, exhaustive = orders_of(evaluator, chain, extra, most=most)
        while math.prod(map(len, variants)) > most:
            longest = max(range(len(variants)), key=lambda number: len(variants[number]))
            variants[longest] = variants[longest][:1]
            exhaustive = False
        return cls(chain, variants, chain.cuts, exhaustive)

    @property
    def count(self) -> int:
        """Number of orders."""
        return math.prod(map(len, self.variants))


@dataclass(frozen=True, slots=True)
class _Figures:
    """Energies and latencies of the orders of a chain, and which of them fit."""

    energy: npt.NDArray[np.float64]
    latency: npt.NDArray[np.float64]
    valid: npt.NDArray[np.bool_]


def _scored(
    evaluator: Evaluator, chains: Sequence[tuple[Chain, Sequence[Vector]]], most: int | None = None
) -> Iterator[tuple[_Task, list[list[int]], _Figures]]:
    """Score the orders of several chains, many in one batch; yield each with its orders and their figures."""
    waiting: list[_Task] = []
    width = 0
    allowed = most_orders(evaluator)
    most = allowed if most is None else min(most, allowed)
    at_once = min(_MOST, allowed)
    for chain, extra in chains:
        look()
        waiting.append(_Task.of(evaluator, chain, extra, most))
        width += waiting[-1].count
        if width >= at_once:
            yield from _score(evaluator, waiting)
            waiting, width = [], 0
    if waiting:
        yield from _score(evaluator, waiting)


def _score(evaluator: Evaluator, tasks: Sequence[_Task]) -> Iterator[tuple[_Task, list[list[int]], _Figures]]:
    """Score the orders of several chains in one batch."""
    look(_ORDER * sum(task.count for task in tasks))
    orders = [
        [index for segment in order for index in segment]
        for task in tasks
        for order in product(*task.variants)
    ]
    sizes = [task.count for task in tasks]
    found = score_batch(evaluator, _batch_of(evaluator.setting, tasks, orders, sizes))
    latency = found.latency.astype(float)
    start = 0
    for task, size in zip(tasks, sizes, strict=True):
        part = slice(start, start + size)
        yield task, orders[part], _Figures(found.energy[part], latency[part], found.valid[part])
        start += size


def _batch_of(
    setting: Setting, tasks: Sequence[_Task], orders: Sequence[Sequence[int]], sizes: Sequence[int]
) -> MappingBatch:
    keys: tuple[Key, ...] = tasks[0].chain.keys
    names = {dim: number for number, dim in enumerate(setting.layer.sizes)}
    flat = np.array(orders, dtype=np.int64).reshape(len(orders), -1).T
    return MappingBatch(
        np.array([names[key.dim] for key in keys], dtype=np.int64)[flat],
        np.array([key.prime for key in keys], dtype=np.int64)[flat],
        {
            operand: np.repeat(
                np.array([task.ends[operand] for task in tasks], dtype=np.int64).T, sizes, axis=1
            )
            for operand in tasks[0].ends
        },
    )
