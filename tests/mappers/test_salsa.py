"""SALSA: the moves and the rule of acceptance."""

from __future__ import annotations

import math

import numpy as np

from tests.mappers.problems import problem
from zzcp.mappers import Budget, make_mapper
from zzcp.mappers.salsa import acceptance, swapped


def test_better_orders_are_always_taken_worse_ones_sometimes() -> None:
    current = np.array([10.0, 10.0, 10.0, np.inf, 10.0, np.inf])
    found = np.array([9.0, 10.0, 12.5, 7.0, np.inf, np.inf])
    chances = acceptance(current, found, 0.1)
    assert chances.tolist() == [1, 1, math.exp((10 / 12.5 - 1) / 0.1), 1, 0, 1]


def test_two_loops_change_places() -> None:
    rows = np.array([[1, 1], [2, 2], [3, 3]])
    result = swapped(rows, np.array([0, 1]), np.array([2, 1]))
    assert result.tolist() == [[3, 1], [2, 2], [1, 3]]
    assert rows.tolist() == [[1, 1], [2, 2], [3, 3]]


def test_few_orders_are_all_tried() -> None:
    few = make_mapper("salsa", lpf_limit=4).map(problem(), Budget())
    assert few.evaluations == make_mapper("loma", lpf_limit=4).map(problem(), Budget()).evaluations
    assert few.objective == make_mapper("loma", lpf_limit=4).map(problem(), Budget()).objective


def test_chains_take_one_step_per_evaluation() -> None:
    found = make_mapper("salsa", iterations=20, chains=3).map(problem(), Budget())
    assert found.evaluations == 3 * (20 + 1)


def test_annealing_beats_the_start() -> None:
    found = make_mapper("salsa", iterations=200, chains=4).map(problem(), Budget())
    assert found.history[0].objective > found.history[-1].objective
    cold = make_mapper("salsa", iterations=200, chains=4, temperature=1e-9).map(problem(), Budget())
    assert cold.history != found.history


def test_a_budget_below_the_number_of_chains() -> None:
    assert make_mapper("salsa", chains=8, iterations=5).map(problem(), Budget(3)).evaluations == 3
