"""Random cases small enough to be walked operation by operation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random

from tests.generators import KINDS, random_accelerator, random_mapping, random_spatial
from zzcp.cost import EXACT
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping
from zzcp.workload import Layer

MAX_OPERATIONS = 160
_SIZES = (1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8)


@dataclass(frozen=True)
class Case:
    """A layer on a machine under a valid mapping."""

    accelerator: Accelerator
    layer: Layer
    mapping: Mapping
    links: dict[str, str]

    @property
    def divides(self) -> bool:
        """Whether every unrolling divides its dimension, so that no lane is ever idle."""
        spatial = self.mapping.spatial
        return all(size % spatial.total(dim) == 0 for dim, size in self.layer.sizes.items())

    @property
    def windows_collide(self) -> bool:
        """Whether both loops of a window run in time, so that the next position may hold the same data."""
        sizes = self.mapping.spatial.temporal_sizes(self.layer)
        return any(
            sizes[relation.outer] > 1 and sizes[relation.inner] > 1 for relation in self.layer.relations
        )


def random_case(seed: int, *, padded: bool = False) -> Case:
    """Return the case of a seed, with zero padding or without."""
    rng = Random(f"simulation {seed} {padded}")
    while True:
        accelerator = random_accelerator(rng)
        kind = rng.choice([kind for kind in KINDS if not padded or "conv" in kind or kind in ("depthwise", "pooling")])
        layer = _tiny(rng, KINDS[kind], padded)
        links = dict(layer.default_links)
        if len(layer.inputs) == 2 and rng.random() < 0.2:
            first, second = layer.inputs
            links[first], links[second] = links[second], links[first]
        spatial = random_spatial(rng, accelerator, layer)
        mapping = random_mapping(rng, accelerator, layer, spatial, EXACT, links)
        if mapping is not None and operations(layer, mapping) <= 2 * MAX_OPERATIONS:
            return Case(accelerator, layer, mapping, links)


def operations(layer: Layer, mapping: Mapping) -> int:
    """Return the operations of a mapping, idle lanes included (at most)."""
    return math.prod(
        size * mapping.spatial.total(dim)
        for dim, size in mapping.spatial.temporal_sizes(layer).items()
    )


def _tiny(rng: Random, make: object, padded: bool) -> Layer:
    while True:
        try:
            layer = make(rng)
            sizes = dict.fromkeys(layer.sizes, 1)
            for dim in rng.sample(list(sizes), k=len(sizes)):
                sizes[dim] = rng.choice([s for s in _SIZES if s * math.prod(sizes.values()) <= MAX_OPERATIONS])
            padding = {}
            if padded:
                padding = {r.window: (rng.randint(0, 2), rng.randint(0, 2)) for r in layer.relations}
            layer = replace(layer, sizes=sizes, padding=padding, window_sizes={})
        except InputError:  # more padding than there is input
            continue
        if not padded or layer.padding:
            return layer
