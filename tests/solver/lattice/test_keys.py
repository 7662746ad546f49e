"""Prime factors and the states over them."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from zzcp.cost.setting.lookups import primes_of
from zzcp.solver.lattice.keys import Key, enumerate_states, keys_of
from zzcp.solver.padding.groups import groups_of, keys_of_groups


@given(st.integers(1, 10**6))
def test_primes_of_multiply_to_the_number(number: int) -> None:
    factors = primes_of(number)
    assert math.prod(prime**count for prime, count in factors.items()) == number
    assert all(
        prime > 1 and all(prime % small for small in range(2, math.isqrt(prime) + 1)) for prime in factors
    )


def test_keys_leave_out_loops_of_one() -> None:
    assert keys_of({"K": 12, "C": 1, "B": 5}) == (Key("K", 2, 2), Key("K", 3, 1), Key("B", 5, 1))


def test_states_are_all_vectors_over_the_chosen_keys() -> None:
    states = enumerate_states(keys_of({"K": 12, "C": 8, "B": 5}), (0, 1, 3))
    assert len(states) == 3 * 2 * 2
    assert len({tuple(row) for row in states.exponents.tolist()}) == len(states)
    assert sorted(states.product.tolist()) == sorted(k * b for k in (1, 2, 3, 4, 6, 12) for b in (1, 5))
    assert (states.by_dim["K"] * states.by_dim["B"] == states.product).all()


def test_no_keys_have_one_state() -> None:
    states = enumerate_states((), ())
    assert states.product.tolist() == [1]


@given(st.integers(2, 60))
def test_least_multiples_are_those_of_all_pairs_of_tile_sizes(iterations: int) -> None:
    (key,) = keys_of_groups({"K": groups_of(iterations)})
    found = key.least_multiples()
    sizes = [range(low, high + 1) for low, high in zip(key.sizes, key.highs, strict=True)]
    for below, row in zip(sizes, found.tolist(), strict=True):
        for above, least in zip(sizes[:-1], row, strict=False):
            assert least == min((size for size in above for t in below if size % t == 0), default=0)
    assert (found[:, -1] == iterations).all()
