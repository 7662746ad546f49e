"""The tiles along a direction, against tiles that are looked at one by one."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zzcp.cost.setting.axes import Axis, tile_sizes, tile_visits, visited_one_by_one
from zzcp.cost.setting.lookups import Lookup
from zzcp.cost.setting.volumes import Volumes
from zzcp.workload import DimensionRelation

small = st.integers(1, 4)


@st.composite
def axes(draw: st.DrawFn, longest: int = 6) -> Axis:
    """Return a direction: windows with stride and dilation, padding, and steps that the layer does not have."""
    steps = draw(st.integers(1, longest)), draw(st.integers(1, 6))
    sizes = draw(st.integers(1, steps[0])), draw(st.integers(1, steps[1]))
    relation = DimensionRelation("IX", "OX", draw(small), "FX", draw(small))
    span = relation.span(*sizes)
    first = draw(st.integers(0, min(3, span - 1)))
    end = draw(st.integers(first + 1, span + 3))
    return Axis(relation, sizes, steps, first, end, span)


def divisors(number: int) -> list[int]:
    return [value for value in range(1, number + 1) if number % value == 0]


def tiles_of(axis: Axis, tile: tuple[int, int]) -> list[frozenset[int]]:
    """Return what exists of every tile: those along the outer loop first."""
    relation = axis.relation
    return [
        frozenset(
            position
            for i in range(inner, min(inner + tile[1], axis.sizes[1]))
            for o in range(outer, min(outer + tile[0], axis.sizes[0]))
            if axis.first <= (position := relation.stride * o + relation.dilation * i) < axis.end
        )
        for inner in range(0, axis.steps[1], tile[1])
        for outer in range(0, axis.steps[0], tile[0])
    ]


@st.composite
def cut_axes(draw: st.DrawFn, longest: int = 6) -> tuple[Axis, tuple[int, int]]:
    axis = draw(axes(longest))
    return axis, (
        draw(st.sampled_from(divisors(axis.steps[0]))),
        draw(st.sampled_from(divisors(axis.steps[1]))),
    )


@given(cut_axes(longest=24))
def test_sizes_are_those_of_the_tiles(case: tuple[Axis, tuple[int, int]]) -> None:
    axis, tile = case
    tiles = [len(positions) for positions in tiles_of(axis, tile) if positions]
    assert dict(tile_sizes(axis, *tile)) == Counter(tiles)
    assert axis.largest(*tile) == max(tiles, default=0)
    assert axis.visits(*tile) == sum(tiles)


@given(cut_axes(longest=200))
def test_first_visits_are_those_of_the_tiles(case: tuple[Axis, tuple[int, int]]) -> None:
    axis, tile = case
    seen: set[int] = set()
    expected: Counter[tuple[int, int]] = Counter()
    for positions in tiles_of(axis, tile):
        if positions:
            expected[len(positions), len(positions - seen)] += 1
        seen |= positions
    found = {(size, new): count for size, new, count in tile_visits(axis, tile, axis.steps)}
    assert found == expected


@given(cut_axes())
def test_instances_of_the_outermost_memory_know_nothing_of_each_other(
    case: tuple[Axis, tuple[int, int]],
) -> None:
    axis, group = case
    tile = min(divisors(group[0])), max(divisors(group[1]))
    alone = sum(new * count for _, new, count in tile_visits(axis, tile, group))
    assert alone == sum(len(positions) for positions in tiles_of(axis, group))


def test_long_directions_are_not_looked_at_tile_by_tile() -> None:
    relation = DimensionRelation("IX", "OX", 2, "FX", 1)
    sizes = 10**9, 3
    axis = Axis(relation, sizes, sizes, 1, relation.span(*sizes) - 1, 10**10)
    assert visited_one_by_one(axis) < 100
    visits = tile_visits(axis, (4, 1), sizes)
    assert sum(size * count for size, _, count in visits) == axis.visits(4, 1)
    assert sum(new * count for _, new, count in visits) == axis.elements == 2 * 10**9 - 1


@given(cut_axes(), cut_axes(), st.sampled_from([1, 2, 3]), st.integers(1, 9), st.integers(1, 20))
def test_words_are_those_of_every_tile(
    one: tuple[Axis, tuple[int, int]],
    other: tuple[Axis, tuple[int, int]],
    relevant: int,
    precision: int,
    width: int,
) -> None:
    (first, first_tile), (second, second_tile) = one, other
    lanes = [[(1, 1), (1, 1)]]
    volumes = Volumes([first, second], [first.steps, second.steps], lanes, 6, [1, 2])
    tiles = [
        relevant * len(a) * len(b) for a in tiles_of(first, first_tile) for b in tiles_of(second, second_tile)
    ]
    expected = sum(-(-size * precision // width) for size in tiles) * (12 // relevant)
    args = (relevant, *first_tile, *second_tile)
    table = volumes.words(0, precision, width)
    assert table(*args) == expected
    assert table.arrays(*(np.array([value, value]) for value in args)).tolist() == [expected] * 2
    assert table.low <= expected <= table.high
    assert volumes.visits(0)(*args) == sum(tiles) * (12 // relevant)


def test_a_table_takes_products_too_large_for_an_array_of_them() -> None:
    large = 3 * 2**40
    table = Lookup(lambda a, b: a + b, (large, 6), 0, 2 * large)
    a, b = np.array([1, 3, large, 2**39]), np.array([6, 2, 3, 1])
    assert table.arrays(a, b).tolist() == (a + b).tolist() == table.arrays(a.astype(float), b).tolist()
    assert [table(*pair) for pair in zip(a.tolist(), b.tolist(), strict=True)] == (a + b).tolist()


def test_a_table_keeps_values_of_any_size() -> None:
    table = Lookup(lambda a: a * 2**70, (4,), 0, 2**72)
    assert table.arrays(np.array([4, 1])).tolist() == [2**72, 2**70]
    assert table.arrays(2).tolist() == 2**71
