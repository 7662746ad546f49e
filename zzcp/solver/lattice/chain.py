"""From boundaries to a mapping: the chain theorem made constructive, and the best order inside every segment.

Sorted exponent vectors cut the loop order into segments. The costs do not depend on the order inside a segment but
for the few loops directly beneath each of its ends (windows of single-buffered tiles, the tail of the whole order), and
directly above a boundary whose memory keeps the overlap of windows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from zzcp.cost.batch import MappingBatch, score_batch
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import Goal, objective_values
from zzcp.cost.setting.setting import OperandSetting, Setting
from zzcp.cost.setting.state import kept_links, merge_down
from zzcp.mapping import Mapping
from zzcp.solver.clock import look
from zzcp.solver.lattice.keys import Key, Vector
from zzcp.solver.lattice.orders import (
    all_leading_orders,
    distinct_orders,
    leading_orders,
    signatures,
    sliding_orders,
)

_MOST = 4096
"""How many orders of one chain are scored at the most."""
_MOST_DISTINCT = 20_000
"""The same under ZigZag's buffering, where every order can matter."""
_MOST_SLOW = 64
"""The same where they are scored one by one."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The boundaries of a mapping as a chain of exponent vectors.

    Parameters
    ----------
    keys : tuple of Key
        The prime factors.
    ends : mapping of str to tuple of Vector
        For every operand and memory level the factors at or below the level.
    """

    keys: tuple[Key, ...]
    ends: MappingType[str, tuple[Vector, ...]]

    @property
    def cuts(self) -> dict[str, list[int]]:
        """Loops at or below every boundary: as many as its exponents count."""
        return {operand: [sum(vector) for vector in vectors] for operand, vectors in self.ends.items()}

    def points(self, extra: Sequence[Vector] = ()) -> list[Vector]:
        """Return the distinct vectors, smallest first, without the zero vector."""
        vectors = {vector for ends in self.ends.values() for vector in ends} | set(extra)
        return sorted((vector for vector in vectors if any(vector)), key=sum)

    def segments(self, extra: Sequence[Vector] = ()) -> list[list[int]]:
        """Return the keys of every segment between two points, one entry per factor, innermost segment first."""
        below: Vector = (0,) * len(self.keys)
        result = []
        for point in self.points(extra):
            result.append(
                [i for i, (a, b) in enumerate(zip(below, point, strict=True)) for _ in range(b - a)]
            )
            below = point
        return result


@dataclass(frozen=True, slots=True)
class Completion:
    """The best loop order for the boundaries of a chain.

    Parameters
    ----------
    mapping : Mapping or None
        The mapping, or None if the chain does not fit.
    exhaustive : bool
        Whether every order that can matter was scored.
    rejected : bool
        Whether a better order was not admitted.
    """

    mapping: Mapping | None
    exhaustive: bool
    rejected: bool = False


def best_completion(
    evaluator: Evaluator,
    chain: Chain,
    objective: Goal,
    extra: Sequence[Vector] = (),
    admits: Callable[[Mapping], bool] | None = None,
) -> Completion:
    """Return the best mapping with the boundaries of a chain.

    Parameters
    ----------
    evaluator : Evaluator
        Scores the candidates.
    chain : Chain
        The boundaries.
    objective : str or WeightedSum
        What is minimised.
    extra : sequence of Vector
        Further points of the chain, such as the stationary loops at the array.
    admits : callable, optional
        Which mappings may be returned; all, if None.
    """
    ends = chain.cuts
    variants, exhaustive = orders_of(evaluator, chain, extra, normal=admits is None)

    def mapping(order: Sequence[Sequence[int]]) -> Mapping:
        loops = [(chain.keys[i].dim, chain.keys[i].prime) for segment in order for i in segment]
        return Mapping.from_order(evaluator.setting.spatial, loops, ends, links=evaluator.setting.own_links)

    if math.prod(map(len, variants)) <= most_orders(evaluator):
        orders: list[Sequence[list[int]]] = list(product(*variants))
        values = _score(evaluator, chain.keys, orders, ends, objective)
    else:
        value, order = _descend(evaluator, chain.keys, variants, ends, objective)
        orders, values, exhaustive = [order], np.array([value]), False
    for rejected, winner in enumerate(np.argsort(values, kind="stable")):
        if not np.isfinite(values[winner]):
            return Completion(None, exhaustive, rejected > 0)
        found = mapping(orders[winner])
        if admits is None or admits(found):
            return Completion(found, exhaustive, rejected > 0)
    return Completion(None, exhaustive, rejected=True)


def any_completion(evaluator: Evaluator, chain: Chain, extra: Sequence[Vector] = ()) -> Mapping:
    """Return some mapping with the boundaries of a chain; parameters as for `best_completion`."""
    loops = [(chain.keys[i].dim, chain.keys[i].prime) for segment in chain.segments(extra) for i in segment]
    setting = evaluator.setting
    return Mapping.from_order(setting.spatial, loops, chain.cuts, links=setting.own_links)


def most_orders(evaluator: Evaluator) -> int:
    """Return how many orders of one chain are scored at the most."""
    if evaluator.arrays is None:
        return _MOST_SLOW
    return _MOST_DISTINCT if evaluator.setting.conventions.greedy_buffering else _MOST


def orders_of(
    evaluator: Evaluator,
    chain: Chain,
    extra: Sequence[Vector],
    *,
    normal: bool = True,
    most: int | None = None,
) -> tuple[list[list[list[int]]], bool]:
    """Return the orders of every segment of a chain that can matter, and whether none is missing.

    Parameters
    ----------
    evaluator : Evaluator
        Scores the orders.
    chain : Chain
        The boundaries.
    extra : sequence of Vector
        Further points; first of all those of the stationary loops at the array, operand by operand.
    normal : bool
        Whether mappings that can be written with another chain may be left to that one.
    most : int, optional
        More orders are not wanted under ZigZag's buffering; else as many as `most_orders` allows.
    """
    most = most_orders(evaluator) if most is None else most
    setting = evaluator.setting
    operands = setting.operands
    kinds, primes = signatures(operands, chain.keys), tuple(key.prime for key in chain.keys)
    segments = [tuple(segment) for segment in chain.segments(extra)]

    def leading() -> list[list[list[int]]]:
        if setting.remainders:
            return [all_leading_orders(kinds, segment) for segment in segments]
        if setting.keeps_overlap:
            dims = tuple(key.dim for key in chain.keys)
            return [
                sliding_orders(kinds, primes, dims, segment, bottom)
                for segment, bottom in zip(
                    segments, _slid_along(setting, chain, segments, extra), strict=True
                )
            ]
        return [leading_orders(kinds, primes, segment) for segment in segments]

    if not setting.conventions.greedy_buffering:
        return leading(), True
    # ZigZag's buffering looks at the runs of relevant loops, too
    if not normal or setting.keeps_overlap:
        return leading(), False
    distinct = []
    below: Vector = (0,) * len(chain.keys)
    for segment, point in zip(segments, chain.points(extra), strict=True):
        starting = frozenset(
            index
            for index, operand in enumerate(operands)
            if below in chain.ends[operand.name]
            or (
                setting.conventions.same_data_free
                and not operand.is_output
                and extra[index : index + 1] == [below]
            )
        )
        orders = distinct_orders(kinds, primes, segment, starting, most)
        if orders is None:
            return leading(), False
        distinct.append(orders)
        below = point
    if not all(distinct):
        # every mapping with these boundaries can be written with others
        return leading(), True
    if math.prod(map(len, distinct)) > most:
        return leading(), False
    return distinct, True


def _slid_along(
    setting: Setting, chain: Chain, segments: Sequence[Sequence[int]], extra: Sequence[Vector]
) -> list[frozenset[str]]:
    """Return for every segment the dimensions along which windows may slide from its bottom.

    Those of the operands with a boundary there whose overlap the memory keeps; and where all of the segment beneath is
    of one such dimension, that one, whose run may go on.
    """
    keeping = [
        (chain.ends[operand.name][link - 1], _sliding_dims(operand))
        for operand in setting.operands
        for link in kept_links(operand)
    ]
    found: list[frozenset[str]] = []
    beneath: Vector = (0,) * len(chain.keys)
    going_on = frozenset[str]()
    for segment, point in zip(segments, chain.points(extra), strict=True):
        dims = going_on.union(*(own for vector, own in keeping if vector == beneath))
        found.append(dims)
        own = {chain.keys[index].dim for index in segment}
        going_on = dims.intersection(own) if len(own) == 1 else frozenset()
        beneath = point
    return found


def _sliding_dims(operand: OperandSetting) -> frozenset[str]:
    slides = operand.slides
    assert slides is not None
    return frozenset(operand.relations[number].loops[loop] for number, loop in slides.loops)


def _descend(
    evaluator: Evaluator,
    keys: Sequence[Key],
    variants: Sequence[Sequence[list[int]]],
    ends: MappingType[str, Sequence[int]],
    objective: Goal,
) -> tuple[float, Sequence[list[int]]]:
    """Improve one segment at a time, from the outermost inwards, until nothing changes."""
    current = [options[0] for options in variants]
    best = np.inf
    improved = True
    while improved:
        improved = False
        for number in reversed(range(len(current))):
            orders = [[*current[:number], option, *current[number + 1 :]] for option in variants[number]]
            values = _score(evaluator, keys, orders, ends, objective)
            winner = int(np.argmin(values))
            if values[winner] < best:
                improved = True
                best, current = float(values[winner]), orders[winner]
    return best, current


def _score(
    evaluator: Evaluator,
    keys: Sequence[Key],
    orders: Sequence[Sequence[Sequence[int]]],
    ends: MappingType[str, Sequence[int]],
    objective: Goal,
) -> npt.NDArray[np.float64]:
    look()
    setting = evaluator.setting
    names = {dim: i for i, dim in enumerate(setting.layer.sizes)}
    flat = np.array([[i for segment in order for i in segment] for order in orders], dtype=np.int64)
    dim_of = np.array([names[key.dim] for key in keys], dtype=np.int64)
    size_of = np.array([key.prime for key in keys], dtype=np.int64)
    width = len(orders)
    batch = MappingBatch(
        dim_of[flat].T.reshape(-1, width),
        size_of[flat].T.reshape(-1, width),
        {op: np.repeat(np.array(cut, dtype=np.int64)[:, None], width, axis=1) for op, cut in ends.items()},
    )
    found = score_batch(evaluator, batch)
    value = objective_values(found.energy, found.latency.astype(float), objective)
    return np.where(found.valid, value, np.inf)


def merged(mapping: Mapping, setting: Setting) -> Mapping:
    """Return the same mapping with irrelevant loops that stand directly above a boundary moved below it.

    That is how the cost model counts them (`zzcp.cost.setting.state.merge_down`). The mapping states the links where a
    reader needs them.
    """
    order = mapping.order
    ends = {}
    for operand in setting.operands:
        cuts = mapping.allocation[operand.name]
        levels = tuple(order[start:end] for start, end in zip((0, *cuts[:-1]), cuts, strict=True))
        ends[operand.name] = merge_down(dict(operand.kind), levels)[1]
    return Mapping.from_order(mapping.spatial, order, ends, mapping.buffering, setting.own_links)
