"""A distinct layer of a network: what has been found of its mappings, and what is proven of all of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from zzcp.cost.objective import WeightedSum, objective_of
from zzcp.networks.bounds import Corner, Outside, best_of, cut_of_product, least_objective
from zzcp.solver.result import Result, float_below, gap_of


@dataclass(slots=True, eq=False)
class Node:
    """The mappings of a layer, enclosed from both sides.

    Parameters
    ----------
    outside : Outside
        What no mapping is below.
    results : list of Result
        Mappings that were found.
    points : list of Corner
        Their energies and latencies.
    tried : set of WeightedSum
        The weights that were searched for.
    impossible : bool
        Whether there is no mapping: proven.
    roomier : Node or None
        The same layer with more room in the memories, where no mapping costs more.
    """

    outside: Outside = field(default_factory=lambda: Outside(Fraction(0), Fraction(0)))
    results: list[Result] = field(default_factory=list)
    points: list[Corner] = field(default_factory=list)
    tried: set[WeightedSum] = field(default_factory=set)
    impossible: bool = False
    roomier: Node | None = None

    def take(self, goal: str | WeightedSum, result: Result) -> None:
        """Take over what the search for a goal has found and proven."""
        if isinstance(goal, WeightedSum):
            self.tried.add(goal)
        if result.status == "infeasible":
            self.impossible = True
            return
        bound = Fraction(result.lower_bound)
        if isinstance(goal, WeightedSum):
            self.outside.add(goal, bound)
        if result.mapping is None or result.evaluation is None:
            return
        evaluation = result.evaluation
        energy, latency = evaluation.energy.exact, Fraction(evaluation.latency.total)
        self.offer(result)
        if goal == "energy":
            self.outside.add(WeightedSum(Fraction(1), Fraction(0)), bound)
        elif goal == "latency":
            self.outside.add(WeightedSum(Fraction(0), Fraction(1)), bound)
        elif isinstance(goal, str) and energy and latency:
            self.outside.add(*cut_of_product(goal, energy, latency, bound))

    def offer(self, result: Result) -> None:
        """Take over a mapping, unless there is one of the same cost."""
        assert result.evaluation is not None
        evaluation = result.evaluation
        cost = evaluation.energy.exact, Fraction(evaluation.latency.total)
        if cost not in self.points:
            self.results.append(result)
            self.points.append(cost)

    def least(self, weights: WeightedSum) -> Fraction:
        """Return what a E + b D of every mapping is at least."""
        own = self.outside.least(weights)
        return own if self.roomier is None else max(own, self.roomier.least(weights))

    def found(self, weights: WeightedSum) -> int | None:
        """Return the number of the known mapping with the least a E + b D; None where none is known."""
        return best_of(weights, self.points) if self.points else None

    def missing(self, weights: WeightedSum) -> Fraction | None:
        """Return how much less than that of the known mappings a E + b D could be; None where none is known."""
        number = self.found(weights)
        return (
            None
            if number is None
            else max(Fraction(0), weights.of(*self.points[number]) - self.least(weights))
        )

    def result(self, number: int, objective: str, tolerance: float) -> Result:
        """Return a mapping as the result for an objective of the layer by itself, with what is proven of that.

        Parameters
        ----------
        number : int
            Of the mapping.
        objective : str
            ``edp``, ``energy``, ``latency`` or ``ed2``.
        tolerance : float
            Gap at which it counts as optimal by itself.
        """
        return own_result(
            self.results[number], objective, least_objective(objective, self.outside)[0], tolerance
        )


def own_result(result: Result, objective: str, bound: Fraction, tolerance: float) -> Result:
    """Return a mapping as a result for an objective, of which a bound is known."""
    assert result.evaluation is not None
    value = objective_of(result.evaluation, objective)
    lower_bound = float_below(min(bound, value))
    gap = gap_of(value, lower_bound)
    return replace(
        result,
        status="optimal" if gap <= tolerance else "feasible",
        objective=float(value),
        lower_bound=lower_bound,
        gap=gap,
        objective_name=objective,
    )
