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


class _Remainder(NamedTuple):
    """A dimension whose last tiles are smaller.

    Every tile, and what is left of it for each of neighbouring lanes, is a stretch of neighbouring indices. Only the
    last iteration of all may have idle lanes.

    Attributes
    ----------
    dim : str
        The dimension.
    digits : list of (bool, int, int)
        Its loops, innermost first: whether it is unrolled, its number, and its size.
    iterations, size : int
        Of the dimension.
    """

    dim: str
    digits: list[tuple[bool, int, int]]
    iterations: int
    size: int

    def index(self, steps: dict[int, int], lane: Sequence[int]) -> int:
        """Return the index of an operation, or `size` where the lane has none."""
        lanes = math.prod(size for is_lane, _, size in self.digits if is_lane)
        time = math.prod(size for is_lane, _, size in self.digits if not is_lane)
        start, length = 0, self.iterations
        # lanes with something to do in the last iteration, where it is among those that are looked at
        busy = self.size - (self.iterations - 1) * lanes
        for is_lane, number, size in reversed(self.digits):
            if is_lane:
                lanes //= size
                shares = [min(max(busy - instance * lanes, 0), lanes) for instance in range(size)]
                start += sum((length - 1) * lanes + share for share in shares[: lane[number]])
                busy = shares[lane[number]]
                continue
            time //= size
            start += steps[number] * time * lanes
            if (steps[number] + 1) * time < length:
                busy = lanes
            length = min(time, length - steps[number] * time)
        return start if busy else self.size


class Nest:
    """The operations of a layer in the order and on the lanes of a mapping.

    The index of a dimension is put together from one digit per loop. What lies nearer to the array is less
    significant: first the lanes beneath a memory level, then the level's own loops, then the lanes beneath the
    next level. So tiles are stretches of neighbouring indices, and so are those of neighbouring lanes together.
    Every operand is looked at in the layout of its own levels. That matters only where windows overlap, which those of
    one operand do, and where an unrolling does not divide: there the layout decides how many elements the last tiles
    have, but not how many all of them have together.

    Where the loops of a dimension come to more iterations than it has, they stop early, and neighbouring lanes share
    out what is left for them (`_Remainder`).

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
        self.steps = mapping.spatial.temporal_sizes(layer)
        self.counters = self._counters()
        self.iterations = len(self.counters)
        self.levels = {name: accelerator.levels(links[name]) for name in layer.operands}
        self.ends = ends = mapping.allocation
        self.blocks = {name: [self._blocks(end) for end in (0, *ends[name])] for name in layer.operands}
        self.windows = {relation.window: relation for relation in layer.relations}
        self.naming = {
            name: {*layer.equation.indices[name], *layer.relevance(name).partially_relevant}
            for name in layer.operands
        }
        self.refills = {
            name: [self._blocks(self._reused(name, end)) for end in (0, *ends[name])]
            for name in layer.operands
        }
        self.spatial = lanes_in_use(layer, mapping.spatial)
        self.sliding = {
            name: [frozenset[int](), *(self._sliding(name, depth) for depth in range(1, len(ends[name]) + 1))]
            for name in layer.operands
        }
        self.lanes = list(product(*(range(lanes) for _, _, lanes in self.spatial)))
        self.indices = {name: self._unroll(name, ends) for name in layer.operands}
        self.positions = {name: self._table(name, self.position) for name in layer.operands}
        self.elements = {name: self._table(name, self.element) for name in layer.operands}
        self.exist = {name: self._table(name, self.exists) for name in layer.operands}

    def _counters(self) -> list[tuple[int, ...]]:
        """Return the loop counters of all iterations, outermost first."""
        weights: list[int] = []
        products = dict.fromkeys(self.layer.sizes, 1)
        for dim, size in self.order:
            weights.append(products[dim])
            products[dim] *= size

        def runs(counters: tuple[int, ...]) -> bool:
            steps = dict.fromkeys(products, 0)
            for counter, (dim, _), weight in zip(reversed(counters), self.order, weights, strict=True):
                steps[dim] += counter * weight
            return all(steps[dim] < self.steps[dim] for dim in steps)

        return [*filter(runs, product(*(range(loop.size) for loop in reversed(self.order))))]

    def _blocks(self, end: int) -> list[tuple[int, int]]:
        """Return for every iteration the first one of the innermost `end` loops around it, and the first one after."""
        above = [counters[: len(self.order) - end] for counters in self.counters]
        result: list[tuple[int, int]] = []
        while len(result) < len(above):
            start = len(result)
            stop = next((t for t in range(start, len(above)) if above[t] != above[start]), len(above))
            result += [(start, stop)] * (stop - start)
        return result

    def _reused(self, operand: str, end: int) -> int:
        """Return up to where loops outside the innermost `end` ones ask for no other data."""
        while end < len(self.order) and self.order[end].dim not in self.naming[operand]:
            end += 1
        return end

    def _sliding(self, operand: str, depth: int) -> frozenset[int]:
        """Return the loops of one dimension that stand directly above a tile, after those that do not matter to it.

        Lanes of the dimension further out end them: beyond these lie the tiles of other instances.
        """
        ends, levels = self.ends[operand], self.levels[operand]
        start = self._reused(operand, ends[depth - 1])
        found = []
        for number in range(start, len(self.order)):
            dim = self.order[number].dim
            level = next(level for level, end in enumerate(ends) if number < end)
            inner = {served for memory in levels[: depth + 1] for served in memory.served_dimensions}
            outer = {served for memory in levels[: level + 1] for served in memory.served_dimensions} - inner
            spread = any(lanes > 1 and d == dim and at in outer for at, d, lanes in self.spatial)
            if dim != self.order[start].dim or spread:
                break
            found.append(number)
        return frozenset(found)

    def slides(self, operand: str, depth: int, t: int) -> bool:
        """Return whether of the loops above a tile only those directly above it have stepped before an iteration."""
        if not t:
            return False
        before, now = self.counters[t - 1 : t + 1]
        start = self._reused(operand, self.ends[operand][depth - 1])
        numbers = range(start, len(self.order))
        stepped = {number for number in numbers if before[-1 - number] != now[-1 - number]}
        return stepped <= self.sliding[operand][depth]

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
        remainders = self._remainders(temporal, spatial)
        rows = []
        for counters in self.counters:
            steps = dict(enumerate(reversed(counters)))
            base = value(temporal, steps.items())
            row = [{dim: base[dim] + offset[dim] for dim in base} for offset in offsets]
            for index, lane in zip(row, self.lanes, strict=True):
                index |= {rest.dim: rest.index(steps, lane) for rest in remainders}
            rows.append(row)
        return rows

    def _remainders(self, temporal: dict[int, _Digit], spatial: dict[int, _Digit]) -> list[_Remainder]:
        """Return the dimensions whose loops come to more iterations than they have."""
        found = []
        for dim, iterations in self.steps.items():
            digits = [
                (digit.weight, is_lane, number, digit.size)
                for is_lane, some in ((False, temporal), (True, spatial))
                for number, digit in some.items()
                if digit.dim == dim and digit.size > 1
            ]
            if math.prod(size for _, is_lane, _, size in digits if not is_lane) > iterations:
                order = [(is_lane, number, size) for _, is_lane, number, size in sorted(digits)]
                found.append(_Remainder(dim, order, iterations, self.layer.sizes[dim]))
        return found

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
