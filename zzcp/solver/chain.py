"""From boundaries to a mapping: the chain theorem made constructive, and the best order inside every segment.

Sorted exponent vectors cut the loop order into segments. The costs do not depend on the order inside a segment but
for the few loops directly beneath each of its ends (windows of single-buffered tiles, the tail of the whole order).
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from zzcp.cost.batch import MappingBatch, evaluate_batch
from zzcp.cost.evaluator import Evaluator
from zzcp.mapping import Mapping
from zzcp.solver.keys import Key

Vector = tuple[int, ...]
"""Exponents per key."""

_SUFFIX = 2
"""How many single factors are tried directly beneath the end of a segment."""


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


def best_completion(
    evaluator: Evaluator, chain: Chain, objective: str, extra: Sequence[Vector] = ()
) -> tuple[Mapping, int]:
    """Return the best mapping found with the boundaries of a chain, and how many were scored.

    Parameters
    ----------
    evaluator : Evaluator
        Scores the candidates.
    chain : Chain
        The boundaries.
    objective : str
        ``edp``, ``energy`` or ``latency``.
    extra : sequence of Vector
        Further points of the chain, such as the stationary loops at the array.
    """
    segments = chain.segments(extra)
    points = chain.points(extra)
    position = {point: sum(len(s) for s in segments[: i + 1]) for i, point in enumerate(points)}
    position[(0,) * len(chain.keys)] = 0
    ends = {operand: [position[vector] for vector in vectors] for operand, vectors in chain.ends.items()}
    current = [list(segment) for segment in segments]
    best = None
    scored = 0
    improved = True
    while improved:
        improved = False
        for number in reversed(range(len(current))):
            variants = _variants(current[number])
            orders = [[*current[:number], variant, *current[number + 1 :]] for variant in variants]
            values = _score(evaluator, chain.keys, orders, ends, objective)
            scored += len(orders)
            winner = int(np.argmin(values))
            if best is None or values[winner] < best:
                improved = best is not None
                best, current = values[winner], [list(segment) for segment in orders[winner]]
    order = [(chain.keys[i].dim, chain.keys[i].prime) for segment in current for i in segment]
    setting = evaluator.setting
    return Mapping.from_order(setting.spatial, order, ends, links=setting.links), scored


def _variants(segment: list[int]) -> list[list[int]]:
    """Return the segment with every choice of the factors directly beneath its end, the present one first."""
    kinds = sorted(set(segment))
    variants = [segment]
    for length in range(1, min(_SUFFIX, len(kinds)) + 1):
        for suffix in permutations(kinds, length):
            rest = list(segment)
            for key in suffix:
                rest.remove(key)
            variants.append([*rest, *suffix])
    return variants


def _score(
    evaluator: Evaluator,
    keys: Sequence[Key],
    orders: Sequence[Sequence[Sequence[int]]],
    ends: MappingType[str, Sequence[int]],
    objective: str,
) -> np.ndarray:
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
    found = evaluate_batch(
        setting.accelerator, setting.layer, setting.spatial, batch, setting.conventions, setting.links
    )
    value = {"edp": found.edp, "energy": found.energy, "latency": found.latency.astype(float)}[objective]
    return np.where(found.valid, value, np.inf)
