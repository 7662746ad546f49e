"""Every combination of mappings of a tiny network, by exact sums of what no other mapping of a layer beats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np

from tests.generators import prime_factors, random_spatial
from tests.solver.brute_force import Case, batches_of, mappings_of, random_case
from zzcp.cost import CostConventions
from zzcp.cost.batch import evaluate_batch
from zzcp.cost.objective import combined
from zzcp.mapping import SpatialMapping
from zzcp.networks.bounds import Corner

NEAR = 1e-9
"""More than what the sums of a batch are off, relative to them."""


def random_network(rng: Random, most: int) -> list[Case]:
    """Return two to five layers on one machine, each with at most so many mappings."""
    cases = [random_case(rng, most)]
    count = rng.randint(2, 5)
    while len(cases) < count:
        if rng.random() < 0.2:
            cases.append(rng.choice(cases))
            continue
        case = replace(random_case(rng, most), accelerator=cases[0].accelerator, spatial=SpatialMapping(()))
        if rng.random() < 0.6:
            case = replace(case, spatial=random_spatial(rng, case.accelerator, case.layer))
        factors = [
            prime
            for size in case.spatial.temporal_sizes(case.layer).values()
            for prime in prime_factors(size)
        ]
        if len(factors) <= 7 and mappings_of(case) <= most:
            cases.append(case)
    return cases


def front_of(case: Case, conventions: CostConventions) -> list[Corner]:
    """Return exact energy and latency of the mappings that no other beats in both."""
    found: list[Corner] = []
    evaluator = case.evaluator(conventions)
    for batch in batches_of(case, conventions):
        costs = evaluate_batch(case.accelerator, case.layer, case.spatial, batch, conventions)
        energy, latency = costs.energy, costs.latency.astype(float)
        order = [int(i) for i in np.lexsort((energy, latency)) if costs.valid[i]]
        least = np.inf
        for number in order:
            if energy[number] < least * (1 + NEAR):
                least = min(least, energy[number])
                cost = evaluator.evaluate(batch.mapping(number, case.layer, case.spatial))
                found.append((cost.energy.exact, Fraction(cost.latency.total)))
        found = non_dominated(found)
    return found


def non_dominated(costs: Iterable[Corner]) -> list[Corner]:
    """Return the pairs that no other beats, by rising energy."""
    kept: list[Corner] = []
    for energy, latency in sorted(costs):
        if not kept or latency < kept[-1][1]:
            kept.append((energy, latency))
    return kept


def sums(fronts: Sequence[Sequence[Corner]]) -> list[Corner]:
    """Return all sums of one pair of every front that no other beats."""
    total: list[Corner] = [(Fraction(0), Fraction(0))]
    for front in fronts:
        total = non_dominated((e + x, d + y) for e, d in total for x, y in front)
    return total


def least(fronts: Sequence[Sequence[Corner]], objective: str) -> Fraction | None:
    """Return the least objective of all combinations; None where a layer has no mapping."""
    if not all(fronts):
        return None
    return min(combined(energy, latency, objective) for energy, latency in sums(fronts))
