"""LOMA: all orders of the loop prime factors, each allocated greedily from the innermost memory outwards.

Source: Symons, Mei and Verhelst, "LOMA: Fast Auto-Scheduling on DNN Accelerators through Loop-Order-based Memory
Allocation", AICAS 2021, section III; ``LomaEngine`` of zigzag-dse 3.9.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from zzcp.mappers.options import at_least
from zzcp.mappers.orders import Orders, loop_prime_factors
from zzcp.mappers.protocol import Budget, OnBest, Problem, Search
from zzcp.mappers.run import CHUNK, Run


@dataclass(frozen=True, slots=True)
class Loma:
    """LOMA: scores every order of the loop prime factors.

    A search that a budget cuts short has seen a spread of all orders: they are visited in steps of the golden section
    of their number. No choice is random.

    Parameters
    ----------
    lpf_limit : int or None
        Most loop prime factors; where a layer has more, the smallest are merged. 6 as in ZigZag; None merges none.
    name : str
        What tables call it.
    """

    lpf_limit: int | None = 6
    name: str = "loma"

    def __post_init__(self) -> None:
        if self.lpf_limit is not None:
            at_least(1, lpf_limit=self.lpf_limit)

    def map(self, problem: Problem, budget: Budget, *, on_best: OnBest | None = None) -> Search:
        """Search a mapping; see `zzcp.mappers.Mapper`."""
        with Run(self.name, problem, budget, on_best) as run:
            loops = loop_prime_factors(run.setting.temporal_sizes, self.lpf_limit)
            orders = Orders(loops, list(problem.layer.sizes))
            score_all(run, orders)
            return run.search()


def score_all(run: Run, orders: Orders) -> None:
    """Score all orders, or as many of them as the budget allows."""
    start = 0
    while start < orders.number and not run.over:
        length = run.left(min(CHUNK, orders.number - start))
        run.score_orders(*orders.spread(start, length))
        start += length
