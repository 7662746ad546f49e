"""One search: which stage works when, until the gap is closed.

1. Random mappings give a first incumbent, which bounds everything that follows.
2. The search by ranges closes most layers; on easy ones CP-SAT is tried first, on the model without windows. Under
   ZigZag's buffering it is tried for longer, on the vectors that a hasty search by ranges leaves.
3. What is left is CP-SAT's.

Where one engine is asked for, the other is not used.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

from zzcp.mappers import Budget, Genetic, Problem
from zzcp.mapping import Mapping as LayerMapping
from zzcp.solver.clock import spend
from zzcp.solver.cpsat.target import first_bound
from zzcp.solver.lattice.start import first_mapping, outermost_mapping
from zzcp.solver.memory_limit import exceeded
from zzcp.solver.options import SearchOptions
from zzcp.solver.result import Result
from zzcp.solver.search.cpsat_stage import CpSatStage
from zzcp.solver.search.ranges_stage import RangesStage
from zzcp.solver.search.shared import Shared
from zzcp.solver.search.state import SearchState

_DESCENDANTS = 10_000
"""Mappings that are scored in search of a better incumbent."""
_FEW_DESCENDANTS = 3_000
"""The same where the search by ranges has only begun."""
_NEAR = 0.15
"""The gap up to which it goes on then: wider ones are those that it cannot close."""
_SCORED = 1e-4
"""Work that each of them counts as."""
_FEW_ENTRIES, _VERY_FEW_ENTRIES = 50_000, 100
"""Largest cost table of a model that is tried for a moment, and of one that is tried before the search by ranges."""
_VERY_FEW_LEAKING = 20
"""The latter on a machine that leaks: the energy grows with the cycles then, and a moment seldom closes the model."""
_MANY_VECTORS = 300
"""Vectors left at the root, over all boundaries, from which on a better incumbent is searched for."""


class Search(SearchState):
    """A search for the best mapping of one layer on one machine under one unrolling."""

    __slots__ = ()

    def run(self, hint: LayerMapping | None) -> Result:
        """Search until the gap is closed, the time is up, or the user stops it."""
        with self.interrupt:
            # where there are rules, or where not everything fits that is small, there is a hint that obeys and fits
            self.offer(outermost_mapping(self.evaluator.setting) if hint is None else hint)
            if not self.interrupt.requested:
                with self.interrupt.at_once(), self.clock.watched():
                    self._search(hint)
            if exceeded():
                self.tell("out of memory")
        if self.evaluation is None:
            return self.result("unknown")
        return self.result("optimal" if self.gap <= self.tolerance else "feasible")

    def _search(self, hint: LayerMapping | None) -> None:
        """Search until the end, or until there is no memory left."""
        try:
            shared = self.given or Shared(self.evaluator)
            # a rival's mapping is as good an incumbent as a random one, and so is one that comes with a bound
            if self.rival is None and (hint is None or (self.given is None and self.floor is None)):
                self._start(shared)
            self._close(shared)
        except MemoryError:
            # also OR-Tools' std::bad_alloc; what has been proven by then holds
            self.tell("out of memory")

    def _start(self, shared: Shared) -> None:
        deadline = self.clock.started + self.time_limit
        admits = self.admits if self.rules else None
        found = first_mapping(self.evaluator, shared.keys, self.objective, self.seed, deadline, admits=admits)
        if found is not None:
            self.offer(found)
        self.tell("first mapping")

    def _close(self, shared: Shared) -> None:
        self.bound = first_bound(self.evaluator.model, self.objective) * self.certain
        if self.floor is not None:
            self.prove(Fraction(self.floor.value), self.floor.engine)
        if self.ceiling <= self.bound or (self.floor and self.enough(self.bound, self.aim)):
            # nothing can be better: a machine without any energy, for one, or what is known of another
            return
        if not shared.has_tables:
            self.tell(
                "too many states or cycles for the model: only the bound of ideal cycles and operations is proven"
            )
            return
        ranges, cpsat = RangesStage(self, shared), CpSatStage(self, shared.tables)
        if self.engine == "cp-sat":
            self._by_cp_sat(ranges, cpsat)
        elif self.engine == "ranges":
            self._by_ranges(ranges)
        else:
            self._by_both(ranges, cpsat, shared.entries)

    def _by_cp_sat(self, ranges: RangesStage, cpsat: CpSatStage) -> None:
        """Prove by CP-SAT alone, on a model without the vectors that one relaxation rules out.

        A second opinion does without the relaxation.
        """
        if not self.other_parameters:
            cpsat.places = ranges.at_the_root()
            many = cpsat.places is not None and sum(map(len, cpsat.places.values())) > _MANY_VECTORS
            if many and not self.rules:
                self._improve()
                cpsat.places = ranges.at_the_root()
        cpsat.run()

    def _by_ranges(self, ranges: RangesStage) -> None:
        """Search by ranges alone; what they leave stays open."""
        if ranges.applies:
            ranges.run(self._improve)
        else:
            self.tell(
                "the search by ranges does not apply: only the bound of ideal cycles and operations is proven"
            )

    def _by_both(self, ranges: RangesStage, cpsat: CpSatStage, entries: int) -> None:
        """Let the engine begin that is faster, and the other do what is left.

        Parameters
        ----------
        ranges, cpsat
            The stages.
        entries : int
            Of the largest cost table.
        """
        few = entries <= _FEW_ENTRIES
        # under ZigZag's buffering the search by ranges is less sharp
        greedy = self.evaluator.setting.conventions.greedy_buffering
        very_few = _VERY_FEW_LEAKING if self.evaluator.setting.leakage else _VERY_FEW_ENTRIES
        first = few if greedy else entries <= very_few

        def improve() -> None:
            if few and not first:
                cpsat.briefly()
            self._improve()

        left = None
        if ranges.applies:
            if first:
                if greedy and not self.other_parameters:
                    self._hastily(ranges, cpsat)
                if not self.closed:
                    cpsat.briefly()
                cpsat.places = cpsat.elsewhere = None
            if not self.closed:
                left = ranges.run(improve, "brief" if greedy and few else "full")
            elif self.cutoff is None and self.gap > self.aim and few:
                ranges.run(self._improve, "brief")
        if left is not None:
            cpsat.places, cpsat.elsewhere = left.places, left.elsewhere
        cpsat.run()

    def _hastily(self, ranges: RangesStage, cpsat: CpSatStage) -> None:
        """Search by ranges until one is hard; CP-SAT begins with what is left.

        Where the gap is small by then, some more labels and a better incumbent mostly close it.
        """
        left = ranges.run(None, "hasty")
        if left is not None and self.gap < _NEAR:
            self._improve(_FEW_DESCENDANTS)
            left = ranges.run(None, "brief")
        if left is not None:
            cpsat.places, cpsat.elsewhere = left.places, left.elsewhere

    def _improve(self, descendants: int = _DESCENDANTS) -> None:
        """Search a better incumbent among so many descendants of random mappings."""
        setting = self.evaluator.setting
        if self.closed or setting.remainders or self.evaluator.arrays is None:
            # one by one they would take longer than they save
            return
        problem = Problem(
            setting.accelerator,
            setting.layer,
            setting.spatial,
            self.objective,
            setting.conventions,
            setting.own_links,
        )
        budget = Budget(descendants, seconds=max(self.clock.left, 1e-3), seed=self.seed)
        found = Genetic().map(problem, budget).mapping
        spend(descendants * _SCORED)
        if found is not None and (not self.rules or self.admits(found)):
            self.offer(found)
            self.tell("descendants")


def searching(options: SearchOptions, **more: Any) -> Callable[..., Search]:
    """Return what makes a `Search` by some options, of an evaluator, an objective, a time limit and a tolerance."""
    return partial(
        Search,
        workers=options.workers or 1,
        seed=options.seed,
        engine=options.engine,
        other_parameters=options.other_parameters,
        **more,
    )
