"""Random search: valid mappings drawn uniformly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zzcp.cost.batch import MappingBatch
from zzcp.mappers.boundaries import largest_boundaries, outermost_boundaries, random_boundaries
from zzcp.mappers.options import at_least
from zzcp.mappers.orders import loop_prime_factors, shuffled
from zzcp.mappers.protocol import Budget, OnBest, Problem, Search
from zzcp.mappers.run import Run

DRAWS = 200
"""Allocations that are drawn for one order before it is given up."""


@dataclass(frozen=True, slots=True)
class RandomSearch:
    """Random search: every order of the prime factors equally likely, then every valid allocation of that order.

    For each order boundaries are drawn, uniformly among those where every tile fits its memory alone, and drawn again
    for the same order until all tiles fit together: within an order all valid allocations are equally likely, and an
    order with few of them is as likely as one with many. Only an order for which `DRAWS` allocations were in vain is
    given up: it may have none. The first candidate leaves all loops to the outermost memories, which takes hardly any
    room in the others.

    Parameters
    ----------
    samples : int
        Candidates to try, rejected ones included, where the budget sets no limit.
    batch : int
        Candidates tried together.
    lpf_limit : int or None
        Most loops, merged as for LOMA; None merges none.
    name : str
        What tables call it.
    """

    samples: int = 10_000
    batch: int = 2048
    lpf_limit: int | None = None
    name: str = "random"

    def __post_init__(self) -> None:
        at_least(1, samples=self.samples, batch=self.batch)
        if self.lpf_limit is not None:
            at_least(1, lpf_limit=self.lpf_limit)

    def map(self, problem: Problem, budget: Budget, *, on_best: OnBest | None = None) -> Search:
        """Search a mapping; see `zzcp.mappers.Mapper`."""
        if budget.evaluations is None and budget.seconds is None:
            budget = Budget(self.samples, seed=budget.seed)
        with Run(self.name, problem, budget, on_best) as run:
            loops = loop_prime_factors(run.setting.temporal_sizes, self.lpf_limit)
            names, depth = list(problem.layer.sizes), len(loops)
            dims, sizes = shuffled(loops, names, run.rng, 1)
            run.score(MappingBatch(dims, sizes, outermost_boundaries(run.setting, depth, 1)))
            pending = dims[:, :0], sizes[:, :0]
            draws = np.zeros(0, dtype=np.int64)
            while not run.over:
                fresh = shuffled(loops, names, run.rng, self.batch - len(draws))
                dims, sizes = (np.concatenate(pair, axis=1) for pair in zip(pending, fresh, strict=True))
                draws = np.concatenate([draws, np.zeros(self.batch - len(draws), dtype=np.int64)]) + 1
                largest = largest_boundaries(run.setting, dims, sizes)
                found = run.score(MappingBatch(dims, sizes, random_boundaries(largest, depth, run.rng)))
                again = np.flatnonzero(np.isinf(found) & (draws < DRAWS))
                pending, draws = (dims[:, again], sizes[:, again]), draws[again]
            return run.search()
