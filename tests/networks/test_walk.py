"""The walk on sets of numbers that stand for the costs of mappings, against all combinations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

import pytest

from zzcp.cost.objective import OBJECTIVES, WeightedSum, combined
from zzcp.networks.bounds import Corner, Outside, cut_of_product, least_objective, tangent
from zzcp.networks.nodes import Node
from zzcp.networks.walk import Walk


def random_set(rng: Random) -> list[Corner]:
    """Return costs of some mappings, now and then with zeros and equal ones."""
    least, spread = rng.choice((0, 1, 1, 1, 7)), rng.choice((3, 10, 1000))
    count = rng.randint(1, 7)
    return [
        (
            Fraction(rng.randint(least, least + spread), rng.choice((1, 1, 3))),
            Fraction(rng.randint(1, 1 + spread)),
        )
        for _ in range(count)
    ]


class Game:
    """A network whose layers are sets of numbers; a plan is a choice of one set for every layer."""

    def __init__(self, rng: Random, slack: Fraction) -> None:
        layers = rng.randint(1, 5)
        self.sets = [random_set(rng) for _ in range(rng.randint(1, 6))]
        plans = rng.choice((1, 1, 2, 4))
        self.plans = [tuple(rng.randrange(len(self.sets)) for _ in range(layers)) for _ in range(plans)]
        self.slack = slack
        self.nodes = [Node() for _ in self.sets]
        self.searches = 0

    def cheapest(self, value: Callable[[int], Fraction | None]) -> tuple[Fraction, Sequence[int]] | None:
        found = []
        for plan in self.plans:
            values = [value(key) for key in plan]
            if None not in values:
                found.append((sum(values, Fraction(0)), plan))  # type: ignore[arg-type]
        return min(found, default=None)

    def solve(self, keys: Sequence[int], weights: WeightedSum) -> bool:
        for key in keys:
            node, costs = self.nodes[key], self.sets[key]
            self.searches += 1
            best = min(costs, key=lambda cost: weights.of(*cost))
            node.tried.add(weights)
            node.know(best)
            node.claim(weights, weights.of(*best) * (1 - self.slack))
        return True

    def least(self, objective: str) -> Fraction:
        """Return the least objective of all combinations."""
        return min(
            combined(sum(e for e, _ in costs), sum(d for _, d in costs), objective)
            for plan in self.plans
            for costs in product(*(self.sets[key] for key in plan))
        )


def walked(game: Game, objective: str, tolerance: float) -> Walk[int]:
    walk = Walk(objective, game, game.nodes.__getitem__, game.solve, tolerance)
    walk.run()
    return walk


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_least_of_all_combinations_is_found_and_proven(objective: str) -> None:
    for seed in range(60):
        game = Game(Random(f"walk {seed}"), Fraction(0))
        walk = walked(game, objective, 1e-6)
        least = game.least(objective)
        assert walk.value is not None
        assert walk.bound <= least <= walk.value, seed
        assert walk.value - least <= least / 10**6, seed
        assert walk.closed, seed


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_bound_holds_where_the_layers_are_not_proven_to_the_end(objective: str) -> None:
    for seed in range(30):
        game = Game(Random(f"inexact {seed}"), Fraction(1, 50))
        walk = walked(game, objective, 1e-4)
        least = game.least(objective)
        assert walk.value is not None
        assert walk.bound <= least <= walk.value, seed
        if walk.bound:
            assert walk.bound >= least * Fraction(9, 10), seed


def test_only_the_slopes_that_matter_are_searched() -> None:
    game = Game(Random(1), Fraction(0))
    game.sets = [[(Fraction(5), Fraction(7))], [(Fraction(10), Fraction(1)), (Fraction(1), Fraction(10))]]
    game.plans, game.nodes = [(0, 0, 0, 1)], [Node(), Node()]
    walked(game, "edp", 1e-6)
    assert game.searches < 12


def test_a_stop_keeps_what_is_known() -> None:
    game = Game(Random(3), Fraction(0))

    def once(keys: Sequence[int], weights: WeightedSum) -> bool:
        game.solve(keys, weights)
        return False

    walk: Walk[Any] = Walk("edp", game, game.nodes.__getitem__, once, 1e-9)
    walk.run()
    assert walk.value is not None
    assert walk.bound <= game.least("edp") <= walk.value


# ---- what is claimed against a mapping ------------------------------------------------------------------------


class LyingGame(Game):
    """One in which the first search claims that the worst mapping is the best."""

    walk: Walk[int] | None = None
    lied = False

    def solve(self, keys: Sequence[int], weights: WeightedSum) -> bool:
        for key in keys:
            node, costs = self.nodes[key], self.sets[key]
            if self.lied or len(costs) == 1:
                super().solve([key], weights)
                continue
            self.lied = True
            worst = max(costs, key=lambda cost: weights.of(*cost))
            node.tried.add(weights)
            node.know(worst)
            node.claim(weights, weights.of(*worst))
        assert self.walk is not None
        self.walk.again()
        return True


def test_a_wrong_claim_of_a_layer_is_out_of_all_that_followed() -> None:
    found = 0
    for seed in range(60):
        game = LyingGame(Random(f"lies {seed}"), Fraction(0))
        walk = game.walk = Walk("edp", game, game.nodes.__getitem__, game.solve, 1e-6)
        walk.run()
        assert walk.value is not None
        if any(node.faults for node in game.nodes):
            found += 1
            assert walk.bound <= game.least("edp") <= walk.value, seed
            assert walk.closed, seed
    assert found > 10, "no lie was found out: the test says nothing"


def test_a_wrong_sum_of_the_walk_is_told_and_taken_out() -> None:
    game = Game(Random(11), Fraction(0))
    honest = game.cheapest

    def too_much(value: Callable[[int], Fraction | None]) -> tuple[Fraction, Sequence[int]] | None:
        found = honest(value)
        return None if found is None else (found[0] * 3 + 1, found[1])

    game.cheapest = too_much  # type: ignore[method-assign]
    walk = walked(game, "edp", 1e-6)
    assert walk.value is not None
    assert walk.faults
    assert walk.bound <= game.least("edp") <= walk.value


# ---- polygons -------------------------------------------------------------------------------------------------


def test_corners_are_where_the_cuts_meet() -> None:
    outside = Outside(Fraction(1), Fraction(2))
    outside.add(WeightedSum(Fraction(1), Fraction(1)), Fraction(10))
    outside.add(WeightedSum(Fraction(2), Fraction(8)), Fraction(40))
    outside.add(WeightedSum(Fraction(1), Fraction(2)), Fraction(1))
    assert outside.corners() == [(1, 9), (Fraction(20, 3), Fraction(10, 3)), (12, 2)]
    assert outside.least(WeightedSum(Fraction(1), Fraction(1))) == 10
    assert outside.least(WeightedSum(Fraction(1), Fraction(0))) == 1
    assert outside.least(WeightedSum(Fraction(0), Fraction(1))) == 2
    assert least_objective("edp", outside) == (9, (1, 9))


def test_no_point_of_a_set_is_below_its_cuts_and_every_corner_is_on_them() -> None:
    rng = Random(5)
    for _ in range(300):
        costs = random_set(rng)
        outside = Outside(Fraction(0), Fraction(0))
        for _ in range(rng.randint(0, 6)):
            weights = WeightedSum(Fraction(rng.randint(0, 5)), Fraction(rng.randint(1, 9)))
            outside.add(weights, min(weights.of(*cost) for cost in costs))
        corners = outside.corners()
        assert [d for _, d in corners] == sorted((d for _, d in corners), reverse=True)
        assert [e for e, _ in corners] == sorted(e for e, _ in corners)
        for energy, latency in corners:
            for slope, bound in outside.cuts.items():
                assert energy + slope * latency >= bound
            assert energy >= outside.energy
            assert latency >= outside.latency
        for slope, bound in outside.cuts.items():
            assert outside.least(WeightedSum(Fraction(1), slope)) >= bound


@pytest.mark.parametrize("objective", ["edp", "ed2"])
def test_the_cut_of_a_product_is_below_everything_as_good_as_the_bound(objective: str) -> None:
    rng = Random(7)
    for _ in range(500):
        energy, latency = Fraction(rng.randint(1, 1000), 7), Fraction(rng.randint(1, 1000))
        bound = combined(energy, latency, objective) * Fraction(rng.randint(50, 100), 100)
        weights, least = cut_of_product(objective, energy, latency, bound)
        for _ in range(20):
            d = latency * Fraction(rng.randint(1, 300), 100)
            e = bound / combined(Fraction(1), d, objective)
            assert weights.of(e, d) >= least


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_nothing_on_the_touching_line_is_above_the_corner(objective: str) -> None:
    energy, latency = Fraction(1000), Fraction(77)
    weights = tangent(objective, energy, latency)
    value, total = combined(energy, latency, objective), weights.of(energy, latency)
    for share in range(1, 100):
        if weights.energy and weights.latency:
            d = total / weights.latency * Fraction(share, 100)
            e = (total - weights.latency * d) / weights.energy
            assert combined(e, d, objective) <= value * (1 + Fraction(1, 2**25))
