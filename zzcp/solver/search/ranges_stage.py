"""The stage of the search by ranges: what it needs of the search that it is part of, and what it leaves to CP-SAT."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

from zzcp.cost.constraints.constrained import is_exact, violations
from zzcp.cost.constraints.rules import EnergyRule, LatencyRule, UtilizationRule
from zzcp.mapping import Mapping as LayerMapping
from zzcp.solver.lattice.completions import Most, best_of_each, chains_of
from zzcp.solver.lattice.keys import Place, Vector
from zzcp.solver.lattice.lattice import Places
from zzcp.solver.ranges.goals import curve_of
from zzcp.solver.ranges.ground import Ground
from zzcp.solver.ranges.ranges import RangeSearch, Steps
from zzcp.solver.ranges.rules import all_points, of_ranges
from zzcp.solver.search.shared import Shared
from zzcp.solver.search.state import SearchState

_FLOAT_ERROR = Fraction(1, 2**30)
"""More than the relative error of the bounds of the search by ranges."""
Effort = Literal["hasty", "brief", "full"]
"""How long the search by ranges stays with a range that is hard."""
_LABELS = {"hasty": 2_000, "brief": 15_000, "full": 100_000}
"""Labels of an enumeration."""
_GLANCE = 64
"""Orders of a chain that are scored where it is the cheapest of a relaxation only."""


@dataclass(frozen=True, slots=True)
class Left:
    """What the search by ranges leaves open.

    Parameters
    ----------
    places : mapping of Place to Places
        The vectors of every boundary.
    elsewhere : Fraction
        What the objective is at least where they are not.
    """

    places: Mapping[Place, Places]
    elsewhere: Fraction


@dataclass(eq=False)
class RangesStage:
    """The search by ranges of energy on the tables of a layer.

    Parameters
    ----------
    search : SearchState
        The search that it is a stage of.
    shared : Shared
        What it has in common with other searches of the layer.
    """

    search: SearchState
    shared: Shared

    @property
    def applies(self) -> bool:
        """Whether the search by ranges can be used."""
        return self.shared.has_lattice and of_ranges(self.shared.keys, self.search.rules)

    @cached_property
    def _ground(self) -> Ground:
        """What the search starts from, with the vectors that obey the rules."""
        rules = self.search.rules
        return self.shared.ground.under(rules) if of_ranges(self.shared.keys, rules) else self.shared.ground

    def at_the_root(self) -> Mapping[Place, Places] | None:
        """Return the vectors that one relaxation leaves for every boundary; None where its tables are too large.

        No mapping through any other is better than the incumbent.
        """
        search = self.search
        if not self.shared.has_lattice:
            return None
        goal, scale = curve_of(search.objective, self.shared.tables.scale)
        # what the evaluator adds up in floats may lie below the exact sums of the tables
        steps = Steps(
            value=lambda: float(search.exact_value() / search.certain * scale),
            complete=lambda chains: [False] * len(chains),
            glance=(lambda _: None) if search.rules else self._glance,
            improve=lambda: None,
            tell=lambda _: None,
            goes_on=lambda: search.clock.goes_on,
            closed=lambda: search.closed,
            tolerance=0.0,
            labels=0,
            briefly=False,
        )
        ground = self._ground
        ranges = RangeSearch(ground, goal, steps)
        return ground.relaxation.lattice.restricted(ranges.at_the_root()).places()

    def run(self, improve: Callable[[], None] | None, effort: Effort = "full") -> Left | None:
        """Search by ranges of energy; return what is left, None where nothing was ruled out.

        Parameters
        ----------
        improve : callable
            Looks for a better incumbent, where a range turns out to be hard; None where it is left to CP-SAT then.
        effort : Effort
            How many labels a range may have before it is left to CP-SAT.
        """
        search = self.search
        model = search.evaluator.model
        goal, scale = curve_of(search.objective, self.shared.tables.scale)
        ground = self._ground

        def known(bound: float) -> Fraction:
            if not math.isfinite(bound):
                return search.ceiling
            return min(search.ceiling, Fraction(bound) / scale * search.certain * (1 - _FLOAT_ERROR))

        def tell(bound: float) -> None:
            search.prove(known(bound), "ranges")
            search.tell("ranges")

        steps = Steps(
            value=lambda: float(search.ceiling * scale),
            complete=self._complete,
            glance=self._glance,
            improve=improve,
            tell=tell,
            goes_on=lambda: search.clock.goes_on and not search.enough(search.bound, search.aim),
            closed=lambda: search.closed,
            tolerance=search.aim if search.cutoff is None else 0.0,
            labels=_LABELS[effort],
            briefly=effort != "full",
        )
        most = self._most()
        ranges = RangeSearch(
            ground,
            goal,
            steps,
            # the model's energies may lie above the evaluator's by rounding
            most_energy=float(most[0] * model.scale / search.certain),
            most_latency=float(most[1]),
        )
        ranges.run()
        places = {} if ranges.alive is None else ground.relaxation.lattice.restricted(ranges.alive).places()
        if not places or not all(len(place.vectors) for place in places.values()):
            return None
        return Left(places, known(ranges.closed))

    def _fills_too_little(self, mapping: LayerMapping) -> bool:
        """Return whether no order of a mapping's boundaries fills what is asked for; else a chain stays open."""
        search = self.search
        rules = [rule for rule in search.rules if isinstance(rule, UtilizationRule)]
        return (
            bool(rules)
            and is_exact(search.evaluator, rules)
            and bool(violations(rules, search.evaluator.evaluate(mapping)))
        )

    def _most(self) -> tuple[Fraction | float, Fraction | float]:
        """Return the budgets of energy and latency."""
        energies = [rule.most for rule in self.search.rules if isinstance(rule, EnergyRule)]
        latencies = [Fraction(rule.cycles) for rule in self.search.rules if isinstance(rule, LatencyRule)]
        return min(energies, default=math.inf), min(latencies, default=math.inf)

    def _glance(self, chain: Mapping[Place, Vector]) -> None:
        """Offer the best of some mappings with the boundaries of a chain."""
        self._complete([chain], _GLANCE)

    def _complete(self, found: Sequence[Mapping[Place, Vector]], most: int | None = None) -> list[bool]:
        """Offer the best mapping with some boundaries; return for each whether all its orders were scored."""
        search = self.search
        setting = search.evaluator.setting
        points = all_points(self.shared.keys, search.rules)
        chains = [(chain, [*extra, *points]) for chain, extra in chains_of(setting, self.shared.keys, found)]
        completions = best_of_each(
            search.evaluator, chains, search.objective, Most(*map(float, self._most())), most
        )
        exhaustive = [completion.exhaustive for completion in completions]
        before = search.exact_value()
        for number in sorted(range(len(completions)), key=lambda number: completions[number].value):
            if completions[number].value >= float(before) * (1 + 1e-9):
                break
            mapping = completions[number].mapping(setting)
            if search.rules and not search.admits(mapping):
                exhaustive[number] = exhaustive[number] and self._fills_too_little(mapping)
                continue
            search.offer(mapping)
            break
        if search.value != before:
            search.tell("ranges")
        return exhaustive
