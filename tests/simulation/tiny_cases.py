"""Random cases small enough to be walked operation by operation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from tests.generators import random_accelerator, random_mapping, random_spatial
from tests.random_layers import ALL_KINDS, KINDS
from tests.solver.machine_fields import precision
from zzcp.cost import EXACT
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping
from zzcp.workload import Layer

MAX_OPERATIONS = 160
_SIZES = (1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8)


@dataclass(frozen=True)
class Case:
    """A layer on a machine under a valid mapping.

    Parameters
    ----------
    accelerator, layer, mapping
        What is scored.
    links : dict
        Memory operand of every operand.
    """

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
    def may_collide(self) -> bool:
        """Whether both loops of a window run in time, so that the next position may hold the same data."""
        sizes = self.mapping.spatial.temporal_sizes(self.layer)
        return any(
            sizes[relation.outer] > 1 and sizes[relation.inner] > 1 for relation in self.layer.relations
        )


def random_case(
    seed: int,
    *,
    padded: bool = False,
    scattered: bool = False,
    imperfect: bool = False,
    overlap: bool = False,
    stated: bool = False,
) -> Case:
    """Return the case of a seed: a layer without zero padding, a convolution with it, or a window on the output.

    Loops that do not divide are drawn until there are some, with `overlap` machines with memories that keep it, with
    `stated` those with memories that store at precisions of their own.
    """
    words = {"scattered": scattered, "imperfect": imperfect, "overlap": overlap, "stated": stated}
    rng = Random(f"simulation {seed} {padded}{''.join(f' {word}' for word, some in words.items() if some)}")
    sliding = padded or overlap
    kinds = [kind for kind in KINDS if not sliding or "conv" in kind or kind in ("depthwise", "pooling")]
    if scattered:
        kinds = ["output_window"]
    while True:
        accelerator = random_accelerator(rng)
        if overlap:
            accelerator = keeping_overlap(rng, accelerator)
        if stated:
            accelerator = precision(rng, accelerator)
        layer = _tiny(rng, ALL_KINDS[rng.choice(kinds)], padded)
        links = dict(layer.default_links)
        if len(layer.inputs) == 2 and rng.random() < 0.2:
            first, second = layer.inputs
            links[first], links[second] = links[second], links[first]
        spatial = random_spatial(rng, accelerator, layer)
        steps = spatial.temporal_sizes(layer).items()
        if math.prod(size * spatial.total(dim) for dim, size in steps) > 2 * MAX_OPERATIONS:
            continue  # too many idle lanes
        mapping = random_mapping(rng, accelerator, layer, spatial, EXACT, links, imperfect=imperfect)
        if imperfect and mapping is not None and not _exceeds(mapping, dict(steps)):
            continue
        if mapping is not None:
            return Case(accelerator, layer, mapping, links)


def keeping_overlap(rng: Random, accelerator: Accelerator) -> Accelerator:
    """Return a machine most of whose memories keep the overlap of windows."""
    return replace(
        accelerator,
        memories=tuple(
            replace(
                memory,
                keeps_overlap=tuple(
                    operand for operand in memory.operands if operand != "O" and rng.random() < 0.8
                ),
            )
            for memory in accelerator.memories
        ),
    )


def _exceeds(mapping: Mapping, steps: dict[str, int]) -> bool:
    """Return whether the loops of some dimension come to more iterations than it has."""
    return any(
        math.prod(loop.size for loop in mapping.order if loop.dim == dim) > size
        for dim, size in steps.items()
    )


def _tiny(rng: Random, make: Callable[[Random], Layer], padded: bool) -> Layer:
    """Return a layer with at most `MAX_OPERATIONS` operations."""
    while True:
        try:
            layer = make(rng)
            sizes = dict.fromkeys(layer.sizes, 1)
            for dim in rng.sample(list(sizes), k=len(sizes)):
                room = MAX_OPERATIONS // math.prod(sizes.values())
                sizes[dim] = rng.choice([size for size in _SIZES if size <= room])
            layer = replace(layer, sizes=sizes, padding={}, window_sizes={})
            if padded:
                layer = _with_padding(rng, layer)
        except InputError:  # more padding than there is input
            continue
        if not padded or layer.padding:
            return layer


def _with_padding(rng: Random, layer: Layer) -> Layer:
    """Pad the windows, and state the size of the image in some of the cases, as a model file does."""
    padding = {relation.window: (rng.randint(0, 2), rng.randint(0, 2)) for relation in layer.relations}
    window_sizes = {}
    if rng.random() < 0.3:
        for relation in layer.relations:
            span = relation.span(layer.sizes[relation.outer], layer.sizes[relation.inner])
            # some strides leave the last elements of an image untouched
            window_sizes[relation.window] = (
                span - sum(padding[relation.window]) + rng.randint(0, relation.stride - 1)
            )
    return replace(layer, padding=padding, window_sizes=window_sizes)
