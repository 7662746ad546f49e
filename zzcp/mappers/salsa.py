"""SALSA: simulated annealing over loop orders, each allocated greedily from the innermost memory outwards.

Source: Jung et al., "SALSA: Simulated Annealing based Loop-Ordering Scheduler for DNN Accelerators", AICAS 2023
(arXiv 2304.12931). Taken from the paper: its two engines, an exhaustive search where the orders are few and annealing
where they are many, and loop orders that are found apart from the allocation of memories. The schedule (start
temperature 0.05, times 0.995 per step, 1000 steps), the move (two loops change places) and the rule of acceptance are
those of ``SalsaEngine`` of zigzag-dse 3.9.1, the program that its authors publish.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zzcp.cost.execution.array_states import Array
from zzcp.mappers.loma import score_all
from zzcp.mappers.options import at_least, within
from zzcp.mappers.orders import Orders, loop_prime_factors, shuffled
from zzcp.mappers.protocol import Budget, OnBest, Problem, Search
from zzcp.mappers.run import Run


@dataclass(frozen=True, slots=True)
class Salsa:
    """SALSA: simulated annealing over the orders of the loop prime factors.

    Several chains run side by side, since a batch of them takes hardly longer to score than one mapping. Where there
    are no more orders than the chains would try, all orders are scored instead. The objective is the problem's;
    ZigZag's own SALSA knows energy and latency only.

    Parameters
    ----------
    iterations : int
        Steps of a chain.
    temperature : float
        At the start.
    cooling : float
        Factor of the temperature per step.
    chains : int
        Independent chains; ``salsa_number_of_core`` in ZigZag, where it is 1.
    lpf_limit : int or None
        Most loop prime factors, merged as for LOMA; None, as in ZigZag, merges none.
    name : str
        What tables call it.
    """

    iterations: int = 1000
    temperature: float = 0.05
    cooling: float = 0.995
    chains: int = 16
    lpf_limit: int | None = None
    name: str = "salsa"

    def __post_init__(self) -> None:
        at_least(1, iterations=self.iterations, chains=self.chains)
        within(1e-9, 1e9, temperature=self.temperature)
        within(1e-9, 1, cooling=self.cooling)
        if self.lpf_limit is not None:
            at_least(1, lpf_limit=self.lpf_limit)

    def map(self, problem: Problem, budget: Budget, *, on_best: OnBest | None = None) -> Search:
        """Search a mapping; see `zzcp.mappers.Mapper`."""
        with Run(self.name, problem, budget, on_best) as run:
            loops = loop_prime_factors(run.setting.temporal_sizes, self.lpf_limit)
            names = list(problem.layer.sizes)
            orders = Orders(loops, names)
            if orders.number <= run.left(self.chains * self.iterations):
                score_all(run, orders)
            else:
                self._anneal(run, *shuffled(loops, names, run.rng, self.chains))
            return run.search()

    def _anneal(self, run: Run, dims: Array, sizes: Array) -> None:
        """Let the chains run from some orders, shape (loops, chains)."""
        depth, chains = dims.shape
        current = run.score_orders(dims, sizes)
        columns = np.arange(chains)
        for step in range(self.iterations):
            if run.over:
                return
            temperature = self.temperature * self.cooling**step
            first, second = run.rng.integers(0, depth, (2, chains))
            chance = run.rng.random(chains)
            next_dims, next_sizes = swapped(dims, first, second), swapped(sizes, first, second)
            found = run.score_orders(next_dims, next_sizes)
            accepted = chance < acceptance(current, found, temperature)
            dims[:, columns[accepted]] = next_dims[:, accepted]
            sizes[:, columns[accepted]] = next_sizes[:, accepted]
            current = np.where(accepted, found, current)


def acceptance(current: Array, found: Array, temperature: float) -> Array:
    """Return the probability to go from orders of some objectives to others.

    An order that does not fit is left for any other one, and never entered from one that fits.
    """
    with np.errstate(all="ignore"):
        result = np.exp(np.minimum((current / found - 1) / temperature, 0))
    result = np.where(np.isinf(found), 0.0, result)
    return np.where(np.isinf(current), 1.0, result)


def swapped(rows: Array, first: Array, second: Array) -> Array:
    """Return a copy of orders in which two loops of each have changed places."""
    columns = np.arange(rows.shape[1])
    result = rows.copy()
    result[first, columns], result[second, columns] = rows[second, columns], rows[first, columns]
    return result
