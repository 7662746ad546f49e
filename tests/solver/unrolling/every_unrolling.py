"""Every unrolling of a tiny layer on a small array, with every mapping of each, and the best of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product
from random import Random

from tests.solver.brute_force import Case, best_mappings, mappings_of, random_case
from zzcp.cost import CostConventions
from zzcp.hardware import Accelerator
from zzcp.mapping import SpatialMapping
from zzcp.workload import Layer

_UNITS = (1, 2, 2, 3, 4, 5)
_MOST_UNROLLINGS, _MOST_MAPPINGS = 400, 200_000


def tiny_case(rng: Random) -> tuple[Accelerator, Layer]:
    """Return a layer and a machine all of whose unrollings and mappings can be listed."""
    while True:
        case = random_case(rng, 40_000)
        array = case.accelerator.array
        sizes = tuple(rng.choice(_UNITS) for _ in array.sizes)
        small = (
            replace(case.accelerator, array=replace(array, sizes=sizes)) if _plain(case.accelerator) else None
        )
        if small is None:
            continue
        every = list(unrollings(small, case.layer, 2))
        if len(every) > _MOST_UNROLLINGS:
            continue
        if sum(mappings_of(Case(small, case.layer, spatial)) for spatial in every) <= _MOST_MAPPINGS:
            return small, case.layer


def _plain(accelerator: Accelerator) -> bool:
    return accelerator.array.in_memory_computing is None


def unrollings(accelerator: Accelerator, layer: Layer, max_dims: int) -> Iterator[SpatialMapping]:
    """Yield every unrolling with at most some layer dimensions on every array dimension, all factors included."""
    dims = [dim for dim, size in layer.sizes.items() if size > 1]
    options = []
    for size in accelerator.array.sizes:
        found: list[dict[str, int]] = [{}]
        for count in range(1, max_dims + 1):
            for chosen in combinations(dims, count):
                every = product(*(range(2, min(layer.sizes[dim], size) + 1) for dim in chosen))
                found += [
                    dict(zip(chosen, factors, strict=True)) for factors in every if math.prod(factors) <= size
                ]
        options.append(found)
    for choice in product(*options):
        spatial = SpatialMapping.from_dict(
            {name: taken for name, taken in zip(accelerator.array.dimensions, choice, strict=True) if taken}
        )
        if not spatial.violations(accelerator, layer):
            yield spatial


def best_of_all(
    accelerator: Accelerator, layer: Layer, max_dims: int, conventions: CostConventions
) -> dict[str, tuple[float, SpatialMapping]]:
    """Return the least value of every objective over all unrollings and mappings, with its unrolling."""
    best: dict[str, tuple[float, SpatialMapping]] = {}
    for spatial in unrollings(accelerator, layer, max_dims):
        for name, found in best_mappings(Case(accelerator, layer, spatial), conventions).items():
            if name not in best or found.value < best[name][0]:
                best[name] = found.value, spatial
    return best
