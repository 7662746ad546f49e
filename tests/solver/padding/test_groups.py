"""Groups of tile sizes with one number of tiles."""

from __future__ import annotations

import pytest

from zzcp.solver.lattice.keys import keys_of
from zzcp.solver.padding.groups import Group, groups_of, keys_of_groups, refined


@pytest.mark.parametrize("iterations", [2, 3, 4, 7, 12, 13, 197])
def test_groups_are_all_tile_sizes_by_their_numbers_of_tiles(iterations: int) -> None:
    groups = groups_of(iterations)
    assert [size for group in groups for size in range(group.low, group.high + 1)] == [
        *range(1, iterations + 1)
    ]
    tiles = [{-(-iterations // size) for size in range(low, high + 1)} for low, high in groups]
    assert all(len(some) == 1 for some in tiles)
    numbers = [number for some in tiles for number in some]
    # of the tile sizes with one number of tiles at most the one that divides is another group
    assert all(numbers.count(number) <= 1 + (iterations % number == 0) for number in numbers)
    assert all(low == high or iterations % size for low, high in groups for size in range(low, high + 1))


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


def test_groups_know_which_of_them_divide_each_other() -> None:
    (key,) = keys_of_groups({"B": (*groups_of(13)[:5], Group(7, 9), Group(10, 12), Group(13, 13))})
    divides = key.divides()
    assert divides is not None
    # 5 divides 10, and 6 divides 12
    assert divides[4].tolist() == [False, False, False, False, True, False, True, True]
    # 3 divides 6, 9 and 12, but not 4
    assert divides[2].tolist() == [False, False, True, False, True, True, True, True]
    assert divides[:, -1].all()
    assert keys_of({"B": 12})[0].divides() is None
