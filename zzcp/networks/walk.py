"""The least product of a network's sums of energy and latency, by a walk over the slopes that all layers share.

The costs (sum E, sum D) of a network lie in the sum of sets, one a layer, or in the union of several such sums where
plans differ in what stays on the chip. The product is quasi-concave, so that its minimum over the convex hull is at a
corner, and a corner minimises sum E + s sum D for a slope s that is common to all layers (``docs/network.md``).

The walk encloses the hull. It takes the corner of the enclosing polygon at which the product is least, and the slope of
the curve that touches the product there. The least sum of all layers' bounds at that slope, over all plans, either cuts
the corner off, or it names the layers of which more must be known, which are searched at that slope. If nothing more
need be known, the known mappings lie on the line that touches the curve, which is nowhere above it: they are as good as
the corner.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

from zzcp.cost.objective import DELAYS, WeightedSum, combined
from zzcp.networks.bounds import ENERGY, LATENCY, Corner, Outside, least_objective, short, tangent
from zzcp.networks.nodes import Node
from zzcp.solver.result import gap_of

K = TypeVar("K", bound=Hashable)
K_co = TypeVar("K_co", bound=Hashable, covariant=True)


class Plans(Protocol[K_co]):
    """The plans of a network: each gives every layer a node."""

    def cheapest(self, value: Callable[[K_co], Fraction | None]) -> tuple[Fraction, Sequence[K_co]] | None:
        """Return the least sum of values, and the nodes of the layers with it; None where every plan lacks one.

        Parameters
        ----------
        value : callable
            Returns the value of a node; None where it cannot be had.
        """


@dataclass(frozen=True, slots=True)
class Choice(Generic[K]):
    """A plan with a mapping of every layer.

    Parameters
    ----------
    plan : tuple
        The node of every layer.
    numbers : tuple of int
        Its mapping.
    energy, latency : Fraction
        The sums.
    weights : WeightedSum
        Of what it is the best that is known.
    """

    plan: tuple[K, ...]
    numbers: tuple[int, ...]
    energy: Fraction
    latency: Fraction
    weights: WeightedSum


@dataclass(slots=True, eq=False)
class Walk(Generic[K]):
    """The search for the least objective of a network.

    Parameters
    ----------
    objective : str
        ``edp``, ``energy``, ``latency`` or ``ed2``, of the sums.
    plans : Plans
        What nodes the layers may have together.
    nodes : callable
        Returns what is known of a node.
    solve : callable
        Searches some nodes for weights, takes over what is found, and says whether to go on.
    tolerance : float
        Gap at which the walk ends.
    enough : Fraction, optional
        A bound at which the walk ends.
    outside : Outside
        What no network is below.
    best : Choice or None
        The best that is known.
    bound : Fraction
        What the objective is at least.
    slopes : int
        Choices of weights that were looked at.
    faults : list of str
        What the sum of the layers' bounds was, against a network that is known; none of it is believed.
    """

    objective: str
    plans: Plans[K]
    nodes: Callable[[K], Node]
    solve: Callable[[Sequence[K], WeightedSum], bool]
    tolerance: float
    enough: Fraction | None = None
    outside: Outside = field(default_factory=lambda: Outside(Fraction(0), Fraction(0)))
    best: Choice[K] | None = None
    bound: Fraction = Fraction(0)
    slopes: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def value(self) -> Fraction | None:
        """The objective of the best that is known."""
        if self.best is None:
            return None
        value: Fraction = combined(self.best.energy, self.best.latency, self.objective)
        return value

    @property
    def closed(self) -> bool:
        """Whether the best that is known is within the tolerance of the bound, or the bound is enough."""
        if self.enough is not None and self.bound >= self.enough:
            return True
        return self.value is not None and gap_of(self.value, self.bound) <= self.tolerance

    def run(self, first: Iterable[WeightedSum] = ()) -> None:
        """Walk until the gap is closed, nothing more can be proven, or `solve` says to stop.

        Parameters
        ----------
        first : iterable of WeightedSum
            Weights to begin with.
        """
        for weights in (ENERGY, LATENCY, *first):
            self.look(weights)
        while not self.closed:
            self.bound, corner = least_objective(self.objective, self.outside)
            if self.closed or not any(self._learns(weights) for weights in self._slopes(corner)):
                break
        self.bound, _ = least_objective(self.objective, self.outside)

    def _learns(self, weights: WeightedSum) -> bool:
        """Return whether something has been learnt at a slope, with a search where nothing is known without."""
        before, best = self.outside.least(weights), self.value
        if not self.look(weights):
            return False
        if self.outside.least(weights) > before * (1 + Fraction(self.tolerance) / 16) or self.value != best:
            return True
        loose = self._loose(weights)
        if not loose:
            return False
        goes_on = self.solve(loose, weights)
        return self.look(weights) and goes_on

    def _slopes(self, corner: Corner) -> Iterator[WeightedSum]:
        """Yield the weights to look at where the objective is least at a corner.

        The touching line comes last, with which nothing is left to learn. Where the corner is at the least energy or
        the least latency that is known, a slope is tried before at which the best known mappings would cut it off at
        once.
        """
        energy, latency = corner
        if not latency:
            yield LATENCY
        elif not energy:
            yield ENERGY
        elif self.best is not None and self.objective in ("edp", "ed2"):
            yield from self._steep(corner)
        if energy and latency:
            yield tangent(self.objective, energy, latency)

    def _steep(self, corner: Corner) -> Iterator[WeightedSum]:
        """Yield the weights with which the best known mappings cut off a corner at the end of the polygon."""
        assert self.best is not None
        value, (energy, latency) = self.value, corner
        assert value is not None
        power = DELAYS[self.objective]
        if latency == self.outside.latency and self.best.latency > latency:
            rise = value / latency**power - self.best.energy
            if rise > 0:
                yield WeightedSum(Fraction(1), short(rise / (self.best.latency - latency)))
        elif energy == self.outside.energy and self.best.energy > energy:
            far = Fraction(float(value / energy) ** (1 / power))
            if far > self.best.latency:
                yield WeightedSum(Fraction(1), short((self.best.energy - energy) / (far - self.best.latency)))

    def look(self, weights: WeightedSum) -> bool:
        """Take over what the nodes tell for weights without any search; return whether there is a plan at all."""
        self.slopes += 1
        found = self.plans.cheapest(lambda key: self._least(key, weights))
        if found is None:
            return False
        self.outside.add(weights, found[0])
        known = self.plans.cheapest(lambda key: self._known(key, weights))
        if known is not None:
            self._offer(known[1], weights)
        if self.best is not None:
            self._check(self.best.energy, self.best.latency)
        return True

    def again(self) -> None:
        """Forget what followed from the layers' bounds, of which some are no more, and take over what is left."""
        slopes, self.bound = list(self.outside.cuts), Fraction(0)
        self.outside = Outside(Fraction(0), Fraction(0))
        for weights in (ENERGY, LATENCY, *(WeightedSum(Fraction(1), slope) for slope in slopes)):
            self.look(weights)

    def _check(self, energy: Fraction, latency: Fraction) -> None:
        """Take out what is claimed of all networks against one that is known."""
        for weights, bound in self.outside.above(energy, latency):
            self.faults.append(
                f"the walk claims a bound of {float(bound)}, above a network's "
                f"{float(weights.of(energy, latency))}"
            )
            self.outside.drop(weights)

    def _least(self, key: K, weights: WeightedSum) -> Fraction | None:
        node = self.nodes(key)
        return None if node.impossible else node.least(weights)

    def _known(self, key: K, weights: WeightedSum) -> Fraction | None:
        node = self.nodes(key)
        number = node.found(weights)
        if number is None:
            return None
        value: Fraction = weights.of(*node.points[number])
        return value

    def _offer(self, plan: Sequence[K], weights: WeightedSum) -> None:
        """Take over the best known mappings for weights under a plan, if they are better than what is known."""
        numbers, energy, latency = [], Fraction(0), Fraction(0)
        for key in plan:
            node = self.nodes(key)
            number = node.found(weights)
            assert number is not None
            numbers.append(number)
            energy += node.points[number][0]
            latency += node.points[number][1]
        self._check(energy, latency)
        value = self.value
        if value is None or combined(energy, latency, self.objective) < value:
            self.best = Choice(tuple(plan), tuple(numbers), energy, latency, weights)

    def _loose(self, weights: WeightedSum) -> list[K]:
        """Return the nodes of the plan with the least bound of which more must be known at a slope.

        What all of them together lack must not exceed a share of the tolerance.
        """
        found = self.plans.cheapest(lambda key: self._least(key, weights))
        assert found is not None
        total, plan = found
        missing = {
            key: self.nodes(key).missing(weights)
            for key in dict.fromkeys(plan)
            if weights not in self.nodes(key).tried
        }
        share = Fraction(self.tolerance) * total / (4 * (1 + DELAYS[self.objective]) * len(plan))
        return [key for key, lack in missing.items() if lack is None or lack > share]
