"""Groups of tile sizes with one number of tiles."""

from __future__ import annotations

import pytest

from zzcp.solver.padding.groups import Group, groups_of, keys_of_groups, refined


@pytest.mark.parametrize("iterations", [2, 3, 4, 7, 12, 13, 197])
def test_groups_are_all_tile_sizes_by_their_numbers_of_tiles(iterations: int) -> None:
    groups = groups_of(iterations)
    assert [size for group in groups for size in range(group.low, group.high + 1)] == [
        *range(1, iterations + 1)
    ]
    tiles = [{-(-iterations // size) for size in range(low, high + 1)} for low, high in groups]
    assert all(len(some) == 1 for some in tiles)
    assert len(set.union(*tiles)) == len(groups)


def test_groups_are_halved() -> None:
    groups = {"B": groups_of(13)}
    assert groups["B"] == ((1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (7, 12), (13, 13))
    halved = refined(groups, {"B": [0, 5]})["B"]
    assert halved == ((1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (7, 9), (10, 12), (13, 13))
    assert Group(5, 5).halves() == [Group(5, 5)]


def test_keys_stand_for_the_smallest_tile_sizes() -> None:
    (key,) = keys_of_groups({"B": groups_of(13)})
    assert key.sizes == (1, 2, 3, 4, 5, 7, 13)
    assert list(key.products) == list(key.sizes)
    assert key.multiplicity == 6
