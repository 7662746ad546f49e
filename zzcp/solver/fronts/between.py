"""The points of a front between two that are known, enumerated by ranges of energy below the staircase of the known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise

import numpy as np

from zzcp.solver.clock import Clock
from zzcp.solver.cpsat.model import certain
from zzcp.solver.fronts.known import Corner, Found, corner_of, energy_of, latency_of, non_dominated
from zzcp.solver.fronts.staircase import Staircase
from zzcp.solver.lattice.chain import merged
from zzcp.solver.lattice.completions import Candidate, chains_of, non_dominated_of_each
from zzcp.solver.lattice.keys import Place, Vector
from zzcp.solver.ranges.ranges import RangeSearch, Steps
from zzcp.solver.search.shared import Shared

_LABELS = 100_000
"""Labels of an enumeration."""
_AIM = Fraction(1, 100)
"""The share of a gap that is aimed at: that costs next to nothing."""
_FLOAT_ERROR = Fraction(1, 2**30)
"""More than the relative error of the bounds of the search by ranges."""
_ROUNDING = 1e-12
"""More than the relative error of the batch evaluator."""


class Between:
    """The search between two neighbours on the hull of a front.

    Parameters
    ----------
    shared : Shared
        What the searches of the layer share.
    gap : float
        Relative to the energy of the front.
    clock : Clock
        When to stop.

    Attributes
    ----------
    known : list of Found
        The mappings from the first to the second, none of which another beats.
    proven : list of (Fraction, Fraction)
        Latencies, and what the energy of faster mappings is at least.
    """

    def __init__(self, shared: Shared, gap: float, clock: Clock) -> None:
        self._shared, self._clock = shared, clock
        self._share = 1 - Fraction(gap) * _AIM
        self.known: list[Found] = []
        self.proven: list[Corner] = []

    def run(self, first: Found, second: Found, least_energy: Fraction) -> None:
        """Search between two mappings, the faster one first.

        Parameters
        ----------
        first, second : Found
            The mappings.
        least_energy : Fraction
            No mapping that is as fast as the second takes less.
        """
        self.known = [first, second]
        evaluator, tables = self._shared.evaluator, self._shared.tables
        # what the evaluator adds up in floats may lie below the exact sums of the tables
        scale = tables.scale / certain(evaluator.model)
        whole = not evaluator.setting.conventions.combined_loading
        leaks = bool(tables.leakage)
        self._stairs = Staircase(self._corners, scale, self._share, whole=whole, leaks=leaks)
        steps = Steps(
            value=lambda: 1.0,
            complete=self._complete,
            glance=self._glance,
            improve=lambda: None,
            tell=lambda _: None,
            goes_on=lambda: self._clock.goes_on,
            closed=lambda: False,
            tolerance=0.0,
            labels=_LABELS,
            briefly=False,
        )
        search = RangeSearch(
            self._shared.ground,
            self._stairs,
            steps,
            most_energy=self._stairs.most_energy(1.0, 0.0),
            most_latency=self._stairs.most_cycles,
            # figures of the tables are rounded down, term by term
            least_energy=float(least_energy * tables.scale * (1 - _FLOAT_ERROR)),
        )
        with suppress(MemoryError), self._clock.watched():
            # what has been proven until there is no time or memory left holds
            search.run()
        self.proven = [
            (latency_of(slow), self._proven(energy_of(fast), search.bound, scale))
            for fast, slow in pairwise([*self.known, second])
            if latency_of(slow) > latency_of(fast)
        ]

    def _proven(self, energy: Fraction, reached: float, scale: Fraction) -> Fraction:
        """Return what the energy is at least where a mapping of some energy is the best that is known."""
        if reached >= 1:
            return energy * self._share
        share = Fraction(reached) * (1 - _FLOAT_ERROR)
        return max(Fraction(0), share * (energy * self._share - 1 / scale))

    @property
    def _corners(self) -> list[Corner]:
        return [corner_of(entry) for entry in self.known]

    def _complete(self, found: Sequence[Mapping[Place, Vector]]) -> list[bool]:
        """Score all orders of some boundaries, and take over what no known mapping beats."""
        evaluator = self._shared.evaluator
        scored = non_dominated_of_each(evaluator, chains_of(evaluator.setting, self._shared.keys, found))
        for candidates, _ in scored:
            for candidate in candidates:
                if self._may_count(candidate):
                    mapping = candidate.mapping(evaluator.setting)
                    evaluation = evaluator.evaluate(mapping)
                    stated = merged(mapping, evaluator.setting).with_buffering(evaluation.double_buffered)
                    self.known = non_dominated([*self.known, (stated, evaluation)])
                    self._stairs.renew(self._corners)
        return [exhaustive for _, exhaustive in scored]

    def _glance(self, chain: Mapping[Place, Vector]) -> None:
        """Take over what no known mapping beats of those with the boundaries of a chain."""
        self._complete([chain])

    def _may_count(self, candidate: Candidate) -> bool:
        """Return whether no known mapping beats a candidate, by its rounded figures."""
        if candidate.latency > self._stairs.most_cycles:
            return False
        energy = np.array(candidate.energy * float(self._stairs.scale))
        return float(self._stairs.least(energy, np.array(candidate.latency))) <= 1 + _ROUNDING
