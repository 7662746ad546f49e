"""The loop nest of a mapping, unrolled: which indices every lane of the array works on in every iteration.

Nothing in here knows a cost formula; sizes of tiles come out of enumerating indices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from zzcp.hardware import Accelerator, Memory
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

Point = tuple[int, int]
"""An iteration and a lane: one operation."""
Element = tuple[int, ...]


class Tile(NamedTuple):
    """Data that some operations use.

    Attributes
    ----------
    name : frozenset
        What tells the tile from others: data of the same name is the same.
    elements : int
        How many elements it has.
    """

    name: frozenset[Element]
    elements: int


def lanes_in_use(layer: Layer, spatial: SpatialMapping) -> list[tuple[str, str, int]]:
    """Return (array dimension, layer dimension, lanes in use).

    Where an unrolling does not divide its dimension, only the lanes that the iterations need are in use: the
    factor on the array dimension with the largest one (the first of equals) becomes
    ceil(size / (iterations x the other factors)).
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


@dataclass(frozen=True)
class _Digit:
    """One loop, temporal or spatial, as a digit of the index of its dimension."""

    dim: str
    size: int
    weight: int


class Nest:
    """The operations of a layer in the order and on the lanes of a mapping.

    An index is put together from one digit per loop. What lies nearer to the array is less significant: the
    lanes beneath a memory level, then the level's own loops, then the lanes beneath the next level. So a tile is
    a stretch of neighbouring indices, which matters only where windows overlap; the levels are therefore those
    of the operand that has windows.

    Parameters
    ----------
    accelerator, layer, mapping, links
        As for the evaluator.
    """

    def __init__(
        self, accelerator: Accelerator, layer: Layer, mapping: Mapping, links: dict[str, str]
    ) -> None:
        self.layer = layer
        self.order = mapping.order
        self.iterations = math.prod(loop.size for loop in self.order)
        self.levels = {name: accelerator.levels(links[name]) for name in layer.operands}
        ends = mapping.allocation
        self.blocks = {
            name: [math.prod(loop.size for loop in self.order[:end]) for end in ends[name]]
            for name in layer.operands
        }
        self.spatial = lanes_in_use(layer, mapping.spatial)
        windowed = [name for name in layer.operands if layer.relevance(name).partial]
        temporal, spatial = self._digits((windowed or layer.operands)[0], ends)
        self.lanes = [
            dict(zip(range(len(self.spatial)), values, strict=True))
            for values in product(*(range(lanes) for _, _, lanes in self.spatial))
        ]
        self.windows = {relation.window: relation for relation in layer.relations}
        indices = self._unroll(temporal, spatial)
        self.tables = {
            name: tuple(zip(*(zip(*(self._name(name, index) for index in row), strict=True) for row in indices), strict=True))
            for name in layer.operands
        }

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
            for position in range(start, end):
                dim, size = self.order[position]
                temporal[position] = _Digit(dim, size, weights[dim])
                weights[dim] *= size
            start = end
        unroll([array_dimension for array_dimension, _, _ in self.spatial])
        return temporal, spatial

    def _unroll(self, temporal: dict[int, _Digit], spatial: dict[int, _Digit]) -> list[list[dict[str, int]]]:
        """Return the loop indices of every iteration and lane."""
        nothing = dict.fromkeys(self.layer.sizes, 0)
        offsets = []
        for lane in self.lanes:
            offset = dict(nothing)
            for number, value in lane.items():
                digit = spatial[number]
                offset[digit.dim] += value * digit.weight
            offsets.append(offset)
        rows = []
        outermost_first = list(reversed(range(len(self.order))))
        for values in product(*(range(self.order[position].size) for position in outermost_first)):
            base = dict(nothing)
            for position, value in zip(outermost_first, values, strict=True):
                digit = temporal[position]
                base[digit.dim] += value * digit.weight
            rows.append([{dim: base[dim] + offset[dim] for dim in base} for offset in offsets])
        return rows

    def instances(self, memories: Sequence[Memory]) -> list[tuple[int, ...]]:
        """Return for every lane the instance that serves it of the last of some levels, innermost first.

        Instances are told apart by the coordinates along array dimensions that no level so far serves: an
        instance further out is in use only if it feeds one further in.
        """
        served = {dimension for memory in memories for dimension in memory.served_dimensions}
        return [
            tuple(value for number, value in lane.items() if self.spatial[number][0] not in served)
            for lane in self.lanes
        ]

    def tile(self, operand: str, points: Iterable[Point]) -> Tile:
        """Return the data that some operations use, as the loops name it.

        A window takes no more room than the tensor has elements in that direction, whatever the indices that
        idle lanes and zero padding add.
        """
        positions, elements = self.tables[operand]
        points = list(points)
        found = {elements[t][lane] for t, lane in points}
        for axis, dim in enumerate(self.layer.equation.indices[operand]):
            if dim in self.windows:
                inside = sorted({element[axis] for element in found})
                inside = inside[: self.layer.window_size(self.windows[dim])]
                found = {element for element in found if element[axis] in inside}
        return Tile(frozenset(positions[t][lane] for t, lane in points), len(found))

    def existing(self, outputs: Iterable[Element]) -> int:
        """Return how many of some outputs there are to move."""
        return len(list(outputs))

    def _name(self, operand: str, index: dict[str, int]) -> tuple[Element, Element]:
        """Return what an operation uses of an operand: the loop indices that name it, and the tensor element."""
        indices = self.layer.equation.indices[operand]
        partial = self.layer.relevance(operand).partially_relevant
        return (
            tuple(value for dim, value in index.items() if dim in indices or dim in partial),
            tuple(self.coordinate(index, dim) for dim in indices),
        )

    def coordinate(self, index: dict[str, int], dim: str) -> int:
        """Return the index of a tensor dimension: a loop's, or where a window stands."""
        relation = self.windows.get(dim)
        if relation is None:
            return index[dim]
        return relation.stride * index[relation.outer] + relation.dilation * index[relation.inner]


class TensorNest(Nest):
    """The same nest, seen by a machine that compares data instead of loop indices.

    Data that does not exist (zero padding, the indices that idle lanes add) is not moved, and an input tile that
    holds the same elements as the one before is not fetched again.
    """

    def __init__(
        self, accelerator: Accelerator, layer: Layer, mapping: Mapping, links: dict[str, str]
    ) -> None:
        super().__init__(accelerator, layer, mapping, links)
        self.tensors = {name: self._tensor(name) for name in layer.operands}

    def tile(self, operand: str, points: Iterable[Point]) -> Tile:
        """Return the data that some operations use, as far as it exists."""
        positions, elements = self.tables[operand]
        points = list(points)
        found = frozenset(elements[t][lane] for t, lane in points) & self.tensors[operand]
        if operand == self.layer.output:
            return Tile(frozenset(positions[t][lane] for t, lane in points), len(found))
        return Tile(found, len(found))

    def existing(self, outputs: Iterable[Element]) -> int:
        """Return how many of some outputs are not those of idle lanes."""
        dims = [dim for dim in self.layer.sizes if dim in self.layer.equation.indices[self.layer.output]]
        return sum(
            all(value < self.layer.sizes[dim] for dim, value in zip(dims, output, strict=True))
            for output in outputs
        )

    def _tensor(self, operand: str) -> frozenset[Element]:
        """Return the elements that the layer's operations use and that are not zero padding."""
        sizes = self.layer.sizes
        bounds = []
        for dim in self.layer.equation.indices[operand]:
            if dim not in self.windows:
                bounds.append((0, sizes[dim]))
                continue
            relation = self.windows[dim]
            before, after = self.layer.padding.get(dim, (0, 0))
            bounds.append((before, relation.span(sizes[relation.outer], sizes[relation.inner]) - after))
        indices = (dict(zip(sizes, values, strict=True)) for values in product(*map(range, sizes.values())))
        elements = (self._name(operand, index)[1] for index in indices)
        return frozenset(
            element
            for element in elements
            if all(low <= value < high for value, (low, high) in zip(element, bounds, strict=True))
        )
