"""Every mapping of a tiny layer on a small machine, and the best of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, product
from math import comb, prod
from random import Random

import numpy as np
import numpy.typing as npt

from tests.generators import prime_factors, random_accelerator, random_spatial
from tests.random_layers import ALL_KINDS, KINDS
from zzcp.cost import CostConventions, Evaluator
from zzcp.cost.batch import MappingBatch, evaluate_batch
from zzcp.cost.setting.setting import IRRELEVANT, OperandSetting
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

Factor = tuple[int, int]
"""Position of a dimension in ``layer.sizes``, and a prime."""

_SIZES = (1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 12)
_BATCH = 20_000


@dataclass(frozen=True)
class Case:
    """A layer on a machine under an unrolling.

    Parameters
    ----------
    accelerator, layer, spatial
        What all its mappings share.
    """

    accelerator: Accelerator
    layer: Layer
    spatial: SpatialMapping

    def evaluator(self, conventions: CostConventions) -> Evaluator:
        """Return the evaluator of the case."""
        return Evaluator(self.accelerator, self.layer, self.spatial, conventions)


@dataclass(frozen=True)
class Best:
    """The best mapping of a case.

    Parameters
    ----------
    value : float
        Its objective.
    mapping : Mapping
        The first one that has it.
    """

    value: float
    mapping: Mapping


def random_case(rng: Random, most: int, kinds: Collection[str] = KINDS) -> Case:
    """Return a case with at most `most` mappings (those that differ only in ways that never matter count twice)."""
    while True:
        accelerator = random_accelerator(rng)
        layer = _tiny_layer(rng, kinds)
        if layer is None:
            continue
        if rng.random() < 0.5:
            accelerator = _small(rng, accelerator)
        spatial = random_spatial(rng, accelerator, layer) if rng.random() < 0.6 else SpatialMapping(())
        case = Case(accelerator, layer, spatial)
        factors = [prime for size in spatial.temporal_sizes(layer).values() for prime in prime_factors(size)]
        if len(factors) <= 7 and mappings_of(case) <= most:
            return case


def _tiny_layer(rng: Random, kinds: Collection[str]) -> Layer | None:
    try:
        layer = ALL_KINDS[rng.choice(list(kinds))](rng)
        loops = rng.sample(list(layer.sizes), k=min(len(layer.sizes), rng.randint(1, 4)))
        return replace(layer, sizes={dim: rng.choice(_SIZES) if dim in loops else 1 for dim in layer.sizes})
    except InputError:  # more padding than there is input
        return None


def _small(rng: Random, accelerator: Accelerator) -> Accelerator:
    """Return the machine with memories that are full with a few elements."""
    *inner, top = accelerator.memories
    return replace(
        accelerator,
        memories=(*(replace(memory, size=int(2 ** rng.uniform(4, 10))) for memory in inner), top),
    )


def mappings_of(case: Case) -> int:
    """Return how many mappings there are, counting every order of equal factors and every cut."""
    total = sum(len(prime_factors(size)) for size in case.spatial.temporal_sizes(case.layer).values())
    links = case.layer.default_links
    cuts = prod(
        comb(total + len(case.accelerator.levels(links[operand])) - 1, total)
        for operand in case.layer.operands
    )
    return cuts * prod(range(1, total + 1))


def best_mappings(case: Case, conventions: CostConventions) -> dict[str, Best]:
    """Return the best mapping for every objective; nothing if no mapping is valid."""
    found: dict[str, Best] = {}
    for batch in batches_of(case, conventions):
        costs = evaluate_batch(case.accelerator, case.layer, case.spatial, batch, conventions)
        latency = costs.latency.astype(float)
        for name, values in (
            ("edp", costs.energy * latency),
            ("energy", costs.energy),
            ("latency", latency),
            ("ed2", costs.energy * latency * latency),
        ):
            valid = np.where(costs.valid, values, np.inf)
            winner = int(np.argmin(valid))
            if np.isfinite(valid[winner]) and (name not in found or valid[winner] < found[name].value):
                mapping = batch.mapping(winner, case.layer, case.spatial)
                found[name] = Best(float(valid[winner]), mapping)
    return found


def batches_of(case: Case, conventions: CostConventions) -> Iterator[MappingBatch]:
    """Yield all mappings, many at a time."""
    setting = case.evaluator(conventions).setting
    names = list(case.layer.sizes)
    factors = [
        (names.index(dim), prime)
        for dim, size in setting.temporal_sizes.items()
        for prime in prime_factors(size)
    ]
    dims: list[npt.NDArray[np.int64]] = []
    sizes: list[npt.NDArray[np.int64]] = []
    ends: dict[str, list[npt.NDArray[np.int64]]] = {operand.name: [] for operand in setting.operands}
    width = 0

    def collected() -> MappingBatch:
        return MappingBatch(
            np.concatenate(dims, axis=1),
            np.concatenate(sizes, axis=1),
            {operand: np.concatenate(cuts, axis=1) for operand, cuts in ends.items()},
        )

    for order in distinct_orders(factors):
        choices = [list(_cuts(operand, names, order)) for operand in setting.operands]
        grid = np.array(list(product(*(range(len(cuts)) for cuts in choices))), dtype=np.int64)
        flat = np.array(order, dtype=np.int64).reshape(len(order), 2)
        dims.append(np.repeat(flat[:, :1], len(grid), axis=1))
        sizes.append(np.repeat(flat[:, 1:], len(grid), axis=1))
        for column, (operand, cuts) in enumerate(zip(setting.operands, choices, strict=True)):
            ends[operand.name].append(np.array(cuts, dtype=np.int64)[grid[:, column]].T)
        width += len(grid)
        if width >= _BATCH:
            yield collected()
            for kept in (dims, sizes, *ends.values()):
                kept.clear()
            width = 0
    if width:
        yield collected()


def distinct_orders(factors: list[Factor]) -> Iterator[tuple[Factor, ...]]:
    """Yield every order of some factors once."""
    if not factors:
        yield ()
        return
    for first in dict.fromkeys(factors):
        rest = list(factors)
        rest.remove(first)
        for order in distinct_orders(rest):
            yield (first, *order)


def _cuts(operand: OperandSetting, names: list[str], order: tuple[Factor, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the cuts of an operand; one directly beneath an irrelevant loop is the same as one above it."""
    total = len(order)
    places = [
        place
        for place in range(total + 1)
        if place == total or operand.kind[names[order[place][0]]] != IRRELEVANT
    ]
    for below in combinations_with_replacement(places, operand.depth - 1):
        yield (*below, total)
