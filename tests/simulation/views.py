"""What counts as the data of a tile, and when two tiles are the same: by the loops, or by the tensors."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

from tests.simulation.nest import Name, Nest, Point


class Tile(NamedTuple):
    """The data that some operations use.

    Attributes
    ----------
    name : frozenset
        What tells the tile from others: a tile of the same name is the same.
    elements : int
        How many elements it has.
    """

    name: frozenset[Name]
    elements: int


class LoopView:
    """A machine that is controlled by loop counters, as the conventions describe it.

    Data is told apart by the indices of its loops: another position of a window is another tile, even if it
    happens to cover the same elements. Indices that idle lanes add beyond the layer are indices like any other.
    Only the extent of a window is limited, to what the tensor has in that direction.
    """

    def __init__(self, nest: Nest) -> None:
        self.nest = nest
        self.extents = {dim: nest.layer.window_size(relation) for dim, relation in nest.windows.items()}

    def tile(self, operand: str, points: list[Point]) -> Tile:
        """Return the data that some operations use."""
        nest = self.nest
        found = {nest.elements[operand][t][lane] for t, lane in points}
        for axis, dim in enumerate(nest.layer.equation.indices[operand]):
            if dim in nest.windows:
                inside = sorted({element[axis] for element in found})[: self.extents[dim]]
                found = {element for element in found if element[axis] in inside}
        return Tile(self.name(operand, points), len(found))

    def name(self, operand: str, points: list[Point]) -> frozenset[Name]:
        """Return the loop indices of the data that some operations use."""
        positions = self.nest.positions[operand]
        return frozenset(positions[t][lane] for t, lane in points)

    def existing(self, outputs: Iterable[Name]) -> int:
        """Return how many of some outputs are moved: all of them."""
        return len(list(outputs))


class TensorView(LoopView):
    """A machine that looks at the data itself.

    What does not exist (zero padding, indices beyond the layer) is not moved, and an input tile of the same
    elements as the one before is not fetched again.
    """

    def __init__(self, nest: Nest) -> None:
        super().__init__(nest)
        self.tensors = {name: self._tensor(name) for name in nest.layer.operands}

    def tile(self, operand: str, points: list[Point]) -> Tile:
        """Return the data that some operations use, as far as it exists."""
        elements = self.nest.elements[operand]
        found = frozenset(elements[t][lane] for t, lane in points) & self.tensors[operand]
        is_output = operand == self.nest.layer.output
        return Tile(self.name(operand, points) if is_output else found, len(found))

    def existing(self, outputs: Iterable[Name]) -> int:
        """Return how many of some outputs are not those of idle lanes."""
        layer = self.nest.layer
        sizes = [size for dim, size in layer.sizes.items() if dim in self.nest.naming[layer.output]]
        return sum(all(map(int.__lt__, output, sizes)) for output in outputs)

    def _tensor(self, operand: str) -> frozenset[Name]:
        """Return the elements that the layer's operations use and that are not zero padding."""
        layer, windows = self.nest.layer, self.nest.windows
        naming = self.nest.naming[operand]
        ranges = {dim: range(size if dim in naming else 1) for dim, size in layer.sizes.items()}
        elements = {
            self.nest.element(operand, dict(zip(ranges, values, strict=True)))
            for values in product(*ranges.values())
        }
        for axis, dim in enumerate(layer.equation.indices[operand]):
            if dim in windows:
                relation = windows[dim]
                before, after = layer.padding.get(dim, (0, 0))
                end = relation.span(layer.sizes[relation.outer], layer.sizes[relation.inner]) - after
                elements = {element for element in elements if before <= element[axis] < end}
        return frozenset(elements)
