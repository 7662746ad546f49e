"""The least a E + b D of a layer against every mapping there is."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from tests.solver.brute_force import Case, batches_of, random_case
from zzcp.cost import EXACT, ZIGZAG, CostConventions
from zzcp.cost.batch import evaluate_batch
from zzcp.cost.objective import WeightedSum, objective_of
from zzcp.errors import InputError
from zzcp.solver.engines import Engine
from zzcp.solver.fronts import WeightedSearch
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions

BOTH = pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
CLOSE = 1e-9
"""Energies of a batch are floats."""


def figures(case: Case, conventions: CostConventions) -> tuple[np.ndarray, np.ndarray]:
    """Return energy and latency of all valid mappings."""
    energies, latencies = [], []
    for batch in batches_of(case, conventions):
        costs = evaluate_batch(case.accelerator, case.layer, case.spatial, batch, conventions)
        energies.append(costs.energy[costs.valid])
        latencies.append(costs.latency[costs.valid].astype(float))
    return np.concatenate(energies), np.concatenate(latencies)


def weights_of(energies: np.ndarray, latencies: np.ndarray, rng: Random) -> list[WeightedSum]:
    """Return weights under which energy matters alone, latency alone, and both, more and less."""
    ratio = Fraction(float(np.median(energies) / np.median(latencies))).limit_denominator(1000)
    shares = [Fraction(rng.randint(1, 99), rng.randint(1, 999)) for _ in range(3)]
    return [WeightedSum(1, 0), WeightedSum(0, 3), *(WeightedSum(share, ratio) for share in shares)]


def search_of(case: Case, options: SearchOptions) -> WeightedSearch:
    """Return the search for the mappings of a case."""
    return WeightedSearch(Job(case.accelerator, case.layer, "energy", case.spatial, options=options))


def check(case: Case, conventions: CostConventions, rng: Random, engine: Engine = "auto") -> None:
    """Assert that what is found under some weights is the best of all mappings, and proven."""
    energies, latencies = figures(case, conventions)
    search = search_of(case, SearchOptions(conventions=conventions, engine=engine))
    if not len(energies):
        found = search.minimise(WeightedSum(1, 1), 60.0, 0.0)
        assert (found.status, found.mapping) == ("infeasible", None)
        assert found.diagnosis is not None
        return
    known = []
    for weights in weights_of(energies, latencies, rng):
        least = weights.of(energies, latencies).min()
        found = search.minimise(weights, 60.0, 0.0, known)
        assert found.mapping is not None
        assert found.evaluation is not None
        assert found.value == objective_of(found.evaluation, weights)
        assert found.lower_bound <= found.value
        assert float(found.lower_bound) <= least * (1 + CLOSE)
        if engine == "auto":
            assert found.status == "optimal"
            assert found.lower_bound == found.value
            assert float(found.value) == pytest.approx(least, rel=CLOSE)
        again = case.evaluator(conventions).evaluate(found.mapping)
        assert objective_of(again, weights) == found.value
        known.append(found.mapping)


@pytest.mark.parametrize("number", range(12))
@BOTH
def test_the_least_sum_is_that_of_all_mappings(number: int, conventions: CostConventions) -> None:
    check(random_case(Random(f"sums {number}"), 1500), conventions, Random(number))


@pytest.mark.parametrize("engine", ["cp-sat", "ranges"])
@BOTH
def test_each_engine_by_itself_claims_nothing_wrong(engine: Engine, conventions: CostConventions) -> None:
    for number in range(4):
        check(random_case(Random(f"sums by one {number}"), 800), conventions, Random(number), engine)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
@BOTH
def test_the_least_sum_is_that_of_all_mappings_on_many_machines(
    part: int, conventions: CostConventions
) -> None:
    for number in range(10):
        check(random_case(Random(f"many sums {part} {number}"), 3000), conventions, Random(number))


def test_weights_of_any_size_mean_the_same() -> None:
    """The weights of a mapping's energy come from other mappings, with as many digits as there are."""
    case = random_case(Random("sums 3"), 1500)
    energies, latencies = figures(case, EXACT)
    ratio = Fraction(float(energies.min() / latencies.min()))
    values = set()
    for factor in (Fraction(1), Fraction(10**40, 3), Fraction(7, 10**30)):
        weights = WeightedSum(factor, ratio * factor)
        found = search_of(case, SearchOptions()).minimise(weights, 60.0, 0.0)
        assert found.status == "optimal"
        assert found.value is not None
        values.add(found.value / factor)
    assert len(values) == 1


@pytest.mark.parametrize("weights", [(0, 0), (-1, 1), (1, Fraction(-1, 3))])
def test_weights_are_checked(weights: tuple[Fraction, Fraction]) -> None:
    with pytest.raises(InputError, match="weight"):
        WeightedSum(*weights)
