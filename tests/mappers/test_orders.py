"""Loop prime factors as LOMA merges them, and orders by number."""

from __future__ import annotations

from itertools import permutations
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zzcp.mappers.orders import FEW, Orders, loop_prime_factors, prime_factors, shuffled

NAMES = ["A", "B", "C"]
NEEDED = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 64), min_size=1)


@given(st.integers(1, 10**6))
def test_prime_factors(number: int) -> None:
    factors = prime_factors(number)
    assert prod(factors) == number
    assert factors == sorted(factors)
    assert all(prime_factors(factor) == [factor] for factor in factors)


@pytest.mark.parametrize(
    ("needed", "limit", "loops"),
    [
        ({"A": 8, "B": 6}, None, [("A", 2)] * 3 + [("B", 2), ("B", 3)]),
        ({"A": 8, "B": 6}, 4, [("A", 2), ("A", 4), ("B", 2), ("B", 3)]),
        # of dimensions with equally many factors the first one merges
        ({"A": 8, "B": 6}, 3, [("A", 8), ("B", 2), ("B", 3)]),
        ({"A": 8, "B": 6}, 1, [("A", 8), ("B", 6)]),
        ({"A": 112}, 4, [("A", 2), ("A", 2), ("A", 4), ("A", 7)]),
        ({"A": 112}, 2, [("A", 7), ("A", 16)]),
        ({"A": 30, "B": 1}, 2, [("A", 5), ("A", 6)]),
        ({"A": 1}, 6, []),
    ],
)
def test_factors_are_merged(needed: dict[str, int], limit: int | None, loops: list[tuple[str, int]]) -> None:
    assert sorted(loop_prime_factors(needed, limit)) == sorted(loops)


@given(NEEDED, st.integers(1, 12))
def test_merged_factors_cover_the_layer(needed: dict[str, int], limit: int) -> None:
    loops = loop_prime_factors(needed, limit)
    for dim, size in needed.items():
        assert prod(factor for other, factor in loops if other == dim) == size
    assert len(loops) <= max(limit, sum(size > 1 for size in needed.values()))


@given(st.lists(st.sampled_from([("A", 2), ("A", 3), ("B", 2), ("C", 5)]), max_size=6))
def test_every_order_once(loops: list[tuple[str, int]]) -> None:
    orders = Orders(loops, NAMES)
    expected = {tuple(order) for order in permutations(loops)}
    assert orders.number == len(expected)
    for arrays in (orders.ranked(range(orders.number)), orders.spread(0, orders.number)):
        dims, sizes = arrays
        assert dims.shape == sizes.shape == (len(loops), orders.number)
        found = [
            tuple((NAMES[dim], size) for dim, size in zip(*column, strict=True))
            for column in zip(dims.T.tolist(), sizes.T.tolist(), strict=True)
        ]
        assert len(set(found)) == len(found)
        assert set(found) == expected


def test_orders_follow_each_other_lexicographically() -> None:
    dims, _ = Orders([("A", 2), ("A", 2), ("B", 2)], NAMES).ranked([0, 1, 2])
    assert dims.T.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_few_orders_are_those_of_many() -> None:
    orders = Orders([("A", 2), ("A", 2), ("B", 2), ("B", 3), ("C", 5), ("C", 7), ("C", 7)], NAMES)
    assert orders.number > 2 * FEW
    for arrays, whole in zip(
        (orders.ranked([rank]) for rank in range(0, orders.number, 13)),
        range(0, orders.number, 13),
        strict=True,
    ):
        for few, many in zip(arrays, orders.ranked(range(orders.number)), strict=True):
            assert few[:, 0].tolist() == many[:, whole].tolist()


def test_more_orders_than_64_bits_can_count() -> None:
    loops = [("A", prime) for prime in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)] + [
        ("B", prime) for prime in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
    ]
    orders = Orders(loops, NAMES)
    assert orders.number > 2**64
    dims, sizes = orders.spread(10, 50)
    for column in zip(dims.T.tolist(), sizes.T.tolist(), strict=True):
        assert sorted(zip(*column, strict=True)) == sorted((NAMES.index(dim), size) for dim, size in loops)
    assert len({tuple(column) for column in np.concatenate([dims, sizes]).T.tolist()}) == 50
    assert orders.ranked([orders.number - 1])[1][:, 0].tolist() == [size for _, size in loops[::-1]]


def test_random_orders_are_equally_likely() -> None:
    loops = [("A", 2), ("A", 2), ("B", 3)]
    dims, sizes = shuffled(loops, NAMES, np.random.default_rng(1), 9000)
    assert (sizes == np.where(dims == 0, 2, 3)).all()
    _, counts = np.unique(dims, axis=1, return_counts=True)
    assert len(counts) == 3
    assert counts.min() > 2800
