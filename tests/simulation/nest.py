"""The loop nest of a mapping, unrolled: which data every lane of the array works on in every iteration.

Nothing in here knows a cost formula: tiles come out of enumerating the indices of their loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any, NamedTuple

from zzcp.hardware import Accelerator, Memory
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

Point = tuple[int, int]
"""An iteration and a lane: one operation."""
Name = tuple[int, ...]
"""The indices of what an operation uses."""


def lanes_in_use(layer: Layer, spatial: SpatialMapping) -> list[tuple[str, str, int]]:
    """Return (array dimension, layer dimension, lanes in use).

    Where an unrolling does not divide its dimension, only the lanes that the iterations need are in use: the
    largest factor of the dimension (the first of equals) becomes ceil(size / (iterations x other factors)).
    """
    result = []
    reduced: set[str] = set()
    for array_dimension, dim, factor in spatial:
        factors = [other for _, other_dim, other in spatial if other_dim == dim]
        total = math.prod(factors)
        iterations = -(-layer.sizes[dim] // total)
        lanes = factor
        if factor == max(factors) and dim not in reduced:
            reduced.add(dim)
            lanes = -(-layer.sizes[dim] // (iterations * (total // factor)))
        result.append((array_dimension, dim, lanes))
    return result


class _Digit(NamedTuple):
    """One loop, temporal or spatial, as a digit of the index of its dimension."""

    dim: str
    size: int
    weight: int


class Nest:
    """The operations of a layer in the order and on the lanes of a mapping.

    The index of a dimension is put together from one digit per loop. What lies nearer to the array is less
    significant: first the lanes beneath a memory level, then the level's own loops, then the lanes beneath the
    next level. So tiles are stretches of neighbouring indices, and so are those of neighbouring lanes together.
    Every operand is looked at in the layout of its own levels. That matters only where windows overlap, which those of
    one operand do, and where an unrolling does not divide: there the layout decides how many elements the last tiles
    have, but not how many all of them have together.

    Parameters
    ----------
    accelerator, layer, mapping, links
        As for the evaluator; `links` names the memory operand of every operand.
    """

    def __init__(
        self, accelerator: Accelerator, layer: Layer, mapping: Mapping, links: dict[str, str]
    ) -> None:
        self.accelerator, self.layer, self.links = accelerator, layer, links
        self.order = mapping.order
        self.iterations = math.prod(loop.size for loop in self.order)
        self.levels = {name: accelerator.levels(links[name]) for name in layer.operands}
        ends = mapping.allocation
        self.blocks = {
            name: [math.prod(loop.size for loop in self.order[:end]) for end in ends[name]]
            for name in layer.operands
        }
        self.windows = {relation.window: relation for relation in layer.relations}
        self.naming = {
            name: {*layer.equation.indices[name], *layer.relevance(name).partially_relevant}
            for name in layer.operands
        }
        self.spatial = lanes_in_use(layer, mapping.spatial)
        self.lanes = list(product(*(range(lanes) for _, _, lanes in self.spatial)))
        self.indices = {name: self._unroll(name, ends) for name in layer.operands}
        self.positions = {name: self._table(name, self.position) for name in layer.operands}
        self.elements = {name: self._table(name, self.element) for name in layer.operands}
        self.exist = {name: self._table(name, self.exists) for name in layer.operands}

    def position(self, operand: str, index: dict[str, int]) -> Name:
        """Return what an operation uses of an operand as its loops name it."""
        return tuple(value for dim, value in index.items() if dim in self.naming[operand])

    def exists(self, operand: str, index: dict[str, int]) -> bool:
        """Return whether the layer has an operation that uses this of an operand: idle lanes have none."""
        return all(
            value < self.layer.sizes[dim] for dim, value in index.items() if dim in self.naming[operand]
        )

    def element(self, operand: str, index: dict[str, int]) -> Name:
        """Return the tensor element behind it: window positions that coincide are one element."""
        result = []
        for dim in self.layer.equation.indices[operand]:
            relation = self.windows.get(dim)
            if relation is None:
                result.append(index[dim])
            else:
                result.append(
                    relation.stride * index[relation.outer] + relation.dilation * index[relation.inner]
                )
        return tuple(result)

    def instances(self, memories: Sequence[Memory]) -> list[tuple[int, ...]]:
        """Return for every lane the instance that serves it of the last of some levels, innermost first.

        Instances are told apart by the coordinates along array dimensions that no level so far serves: an
        instance further out is in use only if it feeds one further in.
        """
        served = {dimension for memory in memories for dimension in memory.served_dimensions}
        own = [number for number, entry in enumerate(self.spatial) if entry[0] not in served]
        return [tuple(lane[number] for number in own) for lane in self.lanes]

    def _unroll(self, operand: str, ends: dict[str, tuple[int, ...]]) -> list[list[dict[str, int]]]:
        """Return the loop indices of every iteration and lane, in the layout of an operand."""
        temporal, spatial = self._digits(operand, ends)

        def value(digits: dict[int, _Digit], values: Iterable[tuple[int, int]]) -> dict[str, int]:
            index = dict.fromkeys(self.layer.sizes, 0)
            for number, step in values:
                index[digits[number].dim] += step * digits[number].weight
            return index

        offsets = [value(spatial, enumerate(lane)) for lane in self.lanes]
        outermost_first = list(reversed(range(len(self.order))))
        rows = []
        for steps in product(*(range(self.order[number].size) for number in outermost_first)):
            base = value(temporal, zip(outermost_first, steps, strict=True))
            rows.append([{dim: base[dim] + offset[dim] for dim in base} for offset in offsets])
        return rows

    def _digits(
        self, reference: str, ends: dict[str, tuple[int, ...]]
    ) -> tuple[dict[int, _Digit], dict[int, _Digit]]:
        """Return the digit of every temporal loop and of every unrolled one."""
        weights = dict.fromkeys(self.layer.sizes, 1)
        temporal: dict[int, _Digit] = {}
        spatial: dict[int, _Digit] = {}

        def unroll(array_dimensions: Iterable[str]) -> None:
            for number, (array_dimension, dim, lanes) in enumerate(self.spatial):
                if array_dimension in array_dimensions and number not in spatial:
                    spatial[number] = _Digit(dim, lanes, weights[dim])
                    weights[dim] *= lanes

        start = 0
        for memory, end in zip(self.levels[reference], ends[reference], strict=True):
            unroll(memory.served_dimensions)
            for number in range(start, end):
                dim, size = self.order[number]
                temporal[number] = _Digit(dim, size, weights[dim])
                weights[dim] *= size
            start = end
        unroll([array_dimension for array_dimension, _, _ in self.spatial])
        return temporal, spatial

    def _table(self, operand: str, name: Callable[[str, dict[str, int]], Any]) -> list[list[Any]]:
        return [[name(operand, index) for index in row] for row in self.indices[operand]]
