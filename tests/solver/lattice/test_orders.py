"""The orders inside a segment: one for every combination of runs, against all permutations."""

from __future__ import annotations

from itertools import permutations
from random import Random

from tests.solver.test_pinned import random_case
from zzcp import ZIGZAG
from zzcp.cost.setting.setting import IRRELEVANT
from zzcp.solver.lattice.keys import keys_of
from zzcp.solver.lattice.orders import distinct_orders, leading_orders, runs, signatures

MOST = 10**6


def test_every_combination_of_runs_is_there_once() -> None:
    some = 0
    for number in range(150):
        rng = Random(f"orders {number}")
        setting = random_case(f"orders {number}", ZIGZAG).evaluator.setting
        keys = keys_of(setting.temporal_sizes)
        factors = [index for index, key in enumerate(keys) for _ in range(key.multiplicity)]
        segment = tuple(sorted(rng.sample(factors, min(len(factors), rng.randint(0, 7)))))
        starting = frozenset(index for index in range(len(setting.operands)) if rng.random() < 0.3)
        kinds, primes = signatures(setting.operands, keys), tuple(key.prime for key in keys)
        orders = distinct_orders(kinds, primes, segment, starting, MOST)
        assert orders is not None
        found = [runs(kinds, primes, order) for order in orders]
        assert len(set(found)) == len(found)
        assert all(tuple(sorted(order)) == segment for order in orders)
        wanted = {
            runs(kinds, primes, order)
            for order in set(permutations(segment))
            if not order or all(kinds[order[0]][operand] != IRRELEVANT for operand in starting)
        }
        assert set(found) == wanted
        some += len(found) > 1
    assert some > 75


def test_too_many_orders_are_none() -> None:
    setting = random_case("orders 1", ZIGZAG).evaluator.setting
    keys = keys_of(dict.fromkeys(setting.layer.sizes, 4))
    segment = tuple(index for index, key in enumerate(keys) for _ in range(key.multiplicity))
    kinds, primes = signatures(setting.operands, keys), tuple(key.prime for key in keys)
    assert distinct_orders(kinds, primes, segment, frozenset(), 1) is None


def test_nothing_is_one_order() -> None:
    setting = random_case("orders 1", ZIGZAG).evaluator.setting
    keys = keys_of(setting.layer.sizes)
    kinds, primes = signatures(setting.operands, keys), tuple(key.prime for key in keys)
    assert distinct_orders(kinds, primes, (), frozenset((0, 1)), MOST) == [[]]
    assert leading_orders(kinds, primes, ()) == [[]]
