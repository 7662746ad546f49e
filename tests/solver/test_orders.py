"""The orders inside a segment: one for every combination of runs, against all permutations."""

from __future__ import annotations

from itertools import permutations
from random import Random

from tests.solver.test_pinned import random_case
from zzcp import ZIGZAG
from zzcp.cost.setting import IRRELEVANT
from zzcp.solver.keys import keys_of
from zzcp.solver.orders import distinct_orders, leading_orders, runs

MOST = 10**6


def test_every_combination_of_runs_is_there_once() -> None:
    some = 0
    for number in range(150):
        rng = Random(f"orders {number}")
        setting = random_case(f"orders {number}", ZIGZAG).evaluator.setting
        keys = keys_of(setting.temporal_sizes)
        factors = [index for index, key in enumerate(keys) for _ in range(key.multiplicity)]
        segment = sorted(rng.sample(factors, min(len(factors), rng.randint(0, 7))))
        starting = [index for index in range(len(setting.operands)) if rng.random() < 0.3]
        kinds = [[operand.kind[key.dim] for key in keys] for operand in setting.operands]
        orders = distinct_orders(setting.operands, keys, segment, starting, MOST)
        assert orders is not None
        found = [runs(kinds, keys, order) for order in orders]
        assert len(set(found)) == len(found)
        assert all(sorted(order) == segment for order in orders)
        wanted = {
            runs(kinds, keys, order)
            for order in set(permutations(segment))
            if not order or all(kinds[operand][order[0]] != IRRELEVANT for operand in starting)
        }
        assert set(found) == wanted
        some += len(found) > 1
    assert some > 75


def test_too_many_orders_are_none() -> None:
    setting = random_case("orders 1", ZIGZAG).evaluator.setting
    keys = keys_of(dict.fromkeys(setting.layer.sizes, 4))
    segment = [index for index, key in enumerate(keys) for _ in range(key.multiplicity)]
    assert distinct_orders(setting.operands, keys, segment, (), 1) is None


def test_nothing_is_one_order() -> None:
    setting = random_case("orders 1", ZIGZAG).evaluator.setting
    assert distinct_orders(setting.operands, keys_of(setting.layer.sizes), [], (0, 1), MOST) == [[]]
    assert leading_orders(setting.operands, keys_of(setting.layer.sizes), []) == [[]]
