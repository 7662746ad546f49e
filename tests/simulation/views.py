"""What counts as the data of a tile, and when two tiles are the same: by the loops, or by the tensors."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

from tests.simulation.nest import Name, Nest, Point


class Tile(NamedTuple):
    """The data that some operations use.

    Attributes
    ----------
    name : frozenset
        What tells the tile from others: a tile of the same name is the same.
    data : frozenset
        Its elements.
    """

    name: frozenset[Name]
    data: frozenset[Name]

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return len(self.data)


class LoopView:
    """A machine that is controlled by loop counters, as the conventions describe it.

    Tiles are told apart by the indices of their loops: another position of a window is another tile, even if it happens
    to cover the same elements. What a tile has is what exists: neither zero padding, nor what idle lanes would use.
    """

    def __init__(self, nest: Nest) -> None:
        self.nest = nest
        self.tensors = {name: self._tensor(name) for name in nest.layer.operands}

    def tile(self, operand: str, points: list[Point]) -> Tile:
        """Return the data that some operations use."""
        nest = self.nest
        points = [(t, lane) for t, lane in points if nest.exist[operand][t][lane]]
        elements = nest.elements[operand]
        found = frozenset(elements[t][lane] for t, lane in points) & self.tensors[operand]
        positions = nest.positions[operand]
        return Tile(frozenset(positions[t][lane] for t, lane in points), found)

    def replaces(self, old: Tile, new: Tile) -> bool:
        """Return whether a tile takes the place of another one where the counters of its loops have stepped.

        They step also from a last tile of one iteration to the next tile, which may be the same.
        """
        return bool(new.name) or old.name != new.name

    def slides(self, operand: str, depth: int, t: int) -> bool:
        """Return whether a tile moves along the loop directly above it, so that its overlap can stay."""
        return self.nest.slides(operand, depth, t)

    def element(self, operand: str, t: int, lane: int) -> Name | None:
        """Return the element that an operation uses; None if it uses none."""
        element = self.nest.elements[operand][t][lane]
        exists = self.nest.exist[operand][t][lane] and element in self.tensors[operand]
        return element if exists else None

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
                if dim in layer.window_sizes:
                    end = before + layer.window_sizes[dim]
                elements = {element for element in elements if before <= element[axis] < end}
        return frozenset(elements)


class TensorView(LoopView):
    """A machine that looks at the data itself: an input tile of the same elements as the one before is not fetched."""

    def tile(self, operand: str, points: list[Point]) -> Tile:
        """Return the data that some operations use."""
        tile = super().tile(operand, points)
        return tile if operand == self.nest.layer.output else Tile(tile.data, tile.data)

    def replaces(self, old: Tile, new: Tile) -> bool:
        """Return whether another tile is needed."""
        return old.name != new.name


class KeepingView(LoopView):
    """A machine that finds whatever a tile has in common with the one before it, whichever loop has stepped."""

    def slides(self, operand: str, depth: int, t: int) -> bool:
        """Return whether there is a tile before this one."""
        return t > 0
