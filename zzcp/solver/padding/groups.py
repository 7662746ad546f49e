"""Tile sizes of a dimension in groups that have one number of tiles.

Of n iterations there are ceil(n / t) tiles of size t. Nearly all that a mapping costs follows from these numbers of
tiles, of which a dimension has some 2 sqrt(n). So tile sizes with one number of tiles are bounded together at first,
and taken apart where that is too coarse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, product
from typing import NamedTuple

from zzcp.cost.formulas.core import Model
from zzcp.cost.setting.setting import OperandSetting
from zzcp.solver.lattice.keys import Key


class Group(NamedTuple):
    """Tile sizes from `low` to `high`, of which there are equally many tiles."""

    low: int
    high: int

    @property
    def is_single(self) -> bool:
        """Whether it is one tile size."""
        return self.low == self.high

    def halves(self) -> list[Group]:
        """Return the group in two parts; one of a single tile size as it is."""
        if self.is_single:
            return [self]
        middle = (self.low + self.high) // 2
        return [Group(self.low, middle), Group(middle + 1, self.high)]


Groups = Mapping[str, tuple[Group, ...]]
"""Per dimension its groups, smallest first; the last one is all of its iterations."""


def groups_of(iterations: int) -> tuple[Group, ...]:
    """Return the tile sizes of a dimension by their numbers of tiles, those that divide it by themselves."""
    found = []
    low = 1
    while low < iterations:
        tiles = -(-iterations // low)
        high = low if iterations % low == 0 else -(-iterations // (tiles - 1)) - 1
        found.append(Group(low, high))
        low = high + 1
    return (*found, Group(iterations, iterations))


def keys_of_groups(groups: Groups) -> tuple[Key, ...]:
    """Return keys whose exponents are positions of groups, which stand for their smallest tile sizes."""
    return tuple(
        Key(dim, 0, len(some) - 1, tuple(group.low for group in some), tuple(group.high for group in some))
        for dim, some in groups.items()
    )


def refined(groups: Groups, apart: Mapping[str, Iterable[int]]) -> dict[str, tuple[Group, ...]]:
    """Return groups of which some, given by their positions, are halved."""
    result = {}
    for dim, some in groups.items():
        chosen = set(apart.get(dim, ()))
        result[dim] = tuple(
            part
            for place, group in enumerate(some)
            for part in (group.halves() if place in chosen else [group])
        )
    return result


def growing(model: Model, groups: Groups) -> dict[str, tuple[Group, ...]]:
    """Return groups that are taken apart where the largest tile of a greater tile size is smaller.

    That may be where windows reach beyond what exists. Of all other tile sizes of a group the smallest takes the least
    room.
    """
    result = dict(groups)
    for operand in model.setting.operands:
        cut = {dim for dim, _ in operand.remainders}
        for number, relation in enumerate(operand.relations):
            dims = relation.outer, relation.inner
            if relation.inner in groups or (
                cut.intersection(dims) and relation.inner in model.setting.iterations
            ):
                for side, dim in enumerate(dims):
                    if dim in result:
                        falls = _falls(model, operand, number, side)
                        result[dim] = tuple(part for group in result[dim] for part in _cut_at(group, falls))
    return result


def _falls(model: Model, operand: OperandSetting, number: int, side: int) -> set[int]:
    """Return the tile sizes of a loop of a window with a largest tile smaller than that of the size before it."""
    volumes, relation = operand.volumes, operand.relations[number]
    if volumes is None or volumes.axes[number].is_even:
        return set()
    sizes = [range(1, model.setting.iterations[dim] + 1) for dim in (relation.outer, relation.inner)]
    found = set()
    for spatial, other in product(range(operand.depth + 1), sizes[1 - side]):
        extent = volumes.largest(number, spatial)
        before = 0
        for size in sizes[side]:
            here = extent(size, other) if side == 0 else extent(other, size)
            if here < before:
                found.add(size)
            before = here
    return found


def _cut_at(group: Group, places: set[int]) -> Sequence[Group]:
    cuts = sorted(
        {group.low, *(place for place in places if group.low < place <= group.high), group.high + 1}
    )
    return [Group(low, high - 1) for low, high in pairwise(cuts)]
