"""A distinct layer of a network: what has been found of its mappings, and what is proven of all of them.

What a search claims is compared with the mappings that other searches have found. A claim against one of them is wrong,
since the evaluator has scored the mapping: it is told as a fault, and taken out with all that follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from zzcp.cost.objective import Goal, WeightedSum, combined, objective_of
from zzcp.networks.bounds import ENERGY, LATENCY, Corner, Outside, best_of, cut_of_product, least_objective
from zzcp.solver.result import Result, float_below, gap_of

_ALONE = {"energy": ENERGY, "latency": LATENCY}
"""Goals that are sums."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said of all mappings.

    Parameters
    ----------
    goal : str or WeightedSum
        What of them.
    bound : Fraction
        It is nowhere less.
    weights : WeightedSum
        Of the cut that follows.
    least : Fraction
        The bound of the cut.
    """

    goal: Goal
    bound: Fraction
    weights: WeightedSum
    least: Fraction

    def against(self, costs: Iterable[Corner]) -> str | None:
        """Return in words that the claim is above the cost of some mapping, or None where it is not."""
        value: Fraction | None = min((combined(*cost, self.goal) for cost in costs), default=None)
        if value is None or value >= self.bound:
            return None
        of = self.goal if isinstance(self.goal, str) else _in_words(self.goal)
        return f"a search claims a bound of {float(self.bound)} of {of}, above a mapping's {float(value)}"


@dataclass(slots=True, eq=False)
class Node:
    """The mappings of a layer, enclosed from both sides.

    Parameters
    ----------
    outside : Outside
        What no mapping is below.
    claims : list of Claim
        Where that comes from.
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
    tighter : list of Node
        The same layer with less room.
    doubted : set of WeightedSum
        The weights for which a search has claimed what a mapping contradicts.
    faults : list of str
        What was claimed against a mapping; none of it is believed.
    """

    outside: Outside = field(default_factory=lambda: Outside(Fraction(0), Fraction(0)))
    claims: list[Claim] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    points: list[Corner] = field(default_factory=list)
    tried: set[WeightedSum] = field(default_factory=set)
    impossible: bool = False
    roomier: Node | None = None
    tighter: list[Node] = field(default_factory=list)
    doubted: set[WeightedSum] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.roomier is not None:
            self.roomier.tighter.append(self)

    def take(self, goal: Goal, result: Result) -> None:
        """Take over what the search for a goal has found and proven."""
        if isinstance(goal, WeightedSum):
            self.tried.add(goal)
        if result.status == "infeasible":
            self.impossible = True
            self._check((), self._costs())
            return
        bound = Fraction(result.lower_bound)
        if result.mapping is None or result.evaluation is None:
            if isinstance(goal, WeightedSum):
                self.claim(goal, bound)
            return
        self.offer(result)
        evaluation = result.evaluation
        energy, latency = evaluation.energy.exact, Fraction(evaluation.latency.total)
        if isinstance(goal, WeightedSum) or goal in ("energy", "latency"):
            self.claim(goal, bound)
        elif energy and latency:
            self.claim(goal, bound, *cut_of_product(goal, energy, latency, bound))

    def claim(
        self, goal: Goal, bound: Fraction, weights: WeightedSum | None = None, least: Fraction | None = None
    ) -> None:
        """Take over that a goal is nowhere less than a bound, and the cut that follows, unless a mapping is below.

        Parameters
        ----------
        goal : str or WeightedSum
            What is bounded.
        bound : Fraction
            Of it.
        weights, least : WeightedSum, Fraction, optional
            The cut; by default that of a goal which is a sum.
        """
        if weights is None or least is None:
            weights, least = goal if isinstance(goal, WeightedSum) else _ALONE[goal], bound
        claim = Claim(goal, bound, weights, least)
        self.claims.append(claim)
        self.outside.add(weights, least)
        self._check((claim,), self._costs())

    def offer(self, result: Result) -> None:
        """Take over a mapping, unless there is one of the same cost."""
        assert result.evaluation is not None
        evaluation = result.evaluation
        if self.know((evaluation.energy.exact, Fraction(evaluation.latency.total))):
            self.results.append(result)

    def know(self, cost: Corner) -> bool:
        """Take over the cost of a mapping; return whether it is new."""
        if cost in self.points:
            return False
        self.points.append(cost)
        for node in (self, self.roomier):
            if node is not None:
                node._check(node.claims, (cost,))
        return True

    def _costs(self) -> list[Corner]:
        """Return the costs of the known mappings, with this much room or less."""
        return [cost for node in (self, *self.tighter) for cost in node.points]

    def _check(self, claims: Sequence[Claim], costs: Sequence[Corner]) -> None:
        """Take out what is claimed against a mapping."""
        if self.impossible and costs:
            self.impossible = False
            self.faults.append("a search claims that there is no mapping, against one that there is")
        wrong = {claim: fault for claim in claims if (fault := claim.against(costs)) is not None}
        if not wrong:
            return
        self.faults += wrong.values()
        for claim in wrong:
            if isinstance(claim.goal, WeightedSum) and claim.goal not in self.doubted:
                self.doubted.add(claim.goal)  # it may be searched once more
                self.tried.discard(claim.goal)
        self.claims = [claim for claim in self.claims if claim not in wrong]
        self.outside = Outside(Fraction(0), Fraction(0))
        for claim in self.claims:
            self.outside.add(claim.weights, claim.least)

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
        return None if number is None else weights.of(*self.points[number]) - self.least(weights)

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
    lower_bound = float_below(bound)
    gap = gap_of(value, lower_bound)
    return replace(
        result,
        status="optimal" if gap <= tolerance else "feasible",
        objective=float(value),
        lower_bound=lower_bound,
        gap=gap,
        objective_name=objective,
    )


def _in_words(weights: WeightedSum) -> str:
    """Return a sum with weights that can be read."""
    parts = ((weights.energy, "energy"), (weights.latency, "latency"))
    return " + ".join(name if share == 1 else f"{float(share):.6g} {name}" for share, name in parts if share)
