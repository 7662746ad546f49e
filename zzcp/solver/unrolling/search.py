"""The joint search: all unrollings, best first, until none can be better than the best mapping found.

1. A first incumbent: random mappings of the unrollings that promise most.
2. Cheap bounds of all unrollings, in arrays (`bounds`); what is above the incumbent is ruled out.
3. Best first: the unrolling with the least bound is relaxed (`root`) if it has only its cheap bound, else searched
   as a whole, with the incumbent as its rival. Its bound rises, or it becomes the incumbent.

The least bound of all that is open is a bound of the whole space at any time (branch and bound, best first: Land and
Doig 1960).
"""

from __future__ import annotations

import heapq
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from zzcp.cost.conventions import CostConventions
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import DELAYS, objective_of
from zzcp.hardware import Accelerator
from zzcp.interrupt import Interrupt
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.solver.constrained.diagnose import diagnose
from zzcp.solver.lattice.keys import Array, keys_of
from zzcp.solver.lattice.start import first_mapping
from zzcp.solver.result import Progress, Result, float_below, gap_of
from zzcp.solver.unrolling.bounds import CheapBounds
from zzcp.solver.unrolling.choices import Choices, Freedom, choices_of
from zzcp.solver.unrolling.root import root_bound
from zzcp.solver.space import Space
from zzcp.workload import Layer

_PROMISING, _TRIED = 4096, 12
"""Unrollings of the fewest cycles whose cheap bounds are looked at first, and of these the ones that are tried."""
_FLOAT_ERROR = Fraction(1, 2**30)
"""More than the relative error of the bounds of relaxations."""
_CHEAP, _ROOT = range(2)


@dataclass(slots=True, eq=False)
class JointSearch:
    """The search for the best unrolling and mapping of a layer on an accelerator.

    Parameters
    ----------
    accelerator, layer, objective, conventions, links
        What is asked.
    freedom : Freedom
        What the unrolling may be.
    solve : callable
        Searches one unrolling: takes an evaluator, seconds, a rival's objective and the tolerance, and returns the
        finished search.
    time_limit : float
        Seconds.
    tolerance : float
        Gap at which a mapping counts as optimal.
    seed : int
        Of random choices.
    on_progress : callable, optional
        Called with a `Progress` whenever incumbent or bound improve.
    """

    accelerator: Accelerator
    layer: Layer
    objective: str
    conventions: CostConventions
    links: Mapping[str, str] | None
    freedom: Freedom
    solve: Callable[[Evaluator, float, Fraction | None], Any]
    time_limit: float
    tolerance: float
    seed: int = 0
    on_progress: Callable[[Progress], None] | None = None
    started: float = field(default_factory=time.monotonic)
    best: Result | None = None
    value: Fraction | None = None
    bound: float = 0.0
    solved: int = 0
    ruled_out: Counter[str] = field(default_factory=Counter)
    interrupt: Interrupt = field(default_factory=Interrupt)
    choices: Choices = field(init=False)
    bounds: CheapBounds = field(init=False)

    def __post_init__(self) -> None:
        self.choices = choices_of(self.accelerator, self.layer, self.freedom)
        self.bounds = CheapBounds(
            self.accelerator, self.layer, self.conventions, self.links, self.choices, self.objective
        )

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.time_limit - (time.monotonic() - self.started)

    @property
    def goes_on(self) -> bool:
        """Whether there is time left, and the user has not stopped it."""
        return self.left > 0 and not self.interrupt.requested

    @property
    def ceiling(self) -> float:
        """Nothing at or above it is of interest."""
        return math.inf if self.value is None else float(self.value) * (1 - self.tolerance / 2)

    def run(self, hint: LayerMapping | None = None) -> Result:
        """Search until no unrolling can be better, the time is up, or the user stops it."""
        with self.interrupt:
            if hint is not None:
                self._offer_mapping(self._evaluator(hint.spatial), hint)
            self._start()
            open_, complete = self._open()
            self._close(open_)
        complete = complete and not open_
        return self._result(complete)

    def _evaluator(self, spatial: SpatialMapping) -> Evaluator:
        return Evaluator(self.accelerator, self.layer, spatial, self.conventions, self.links)

    # ---- incumbents

    def _start(self) -> None:
        """Score random mappings of the unrollings that promise most."""
        promising: list[tuple[Array, Array]] = []
        for block in self.choices.blocks():
            cycles = self.choices.iterations(block).prod(axis=1)
            chosen = np.argsort(cycles, kind="stable")[:_PROMISING]
            promising.append((cycles[chosen], block[chosen]))
            if not self.goes_on:
                break
        cycles = np.concatenate([part for part, _ in promising])
        block = np.concatenate([part for _, part in promising])[
            np.argsort(cycles, kind="stable")[:_PROMISING]
        ]
        values = self.bounds.of(block)
        for number in np.argsort(values, kind="stable")[:_TRIED]:
            if not np.isfinite(values[number]) or not self.goes_on:
                break
            evaluator = self._evaluator(self.choices.spatial(block[number]))
            found = first_mapping(
                evaluator,
                keys_of(evaluator.setting.temporal_sizes),
                self.objective,
                self.seed,
                self.started + self.time_limit,
                rounds=1,
            )
            if found is not None:
                self._offer_mapping(evaluator, found)
        self._tell("first mappings")

    def _offer_mapping(self, evaluator: Evaluator, mapping: LayerMapping) -> None:
        evaluation = evaluator.evaluate(mapping)
        value = objective_of(evaluation, self.objective)
        if self.value is None or value < self.value:
            self.value = value
            self.best = Result(
                status="feasible",
                objective=float(value),
                lower_bound=0.0,
                gap=None,
                mapping=mapping.with_buffering(evaluation.double_buffered),
                evaluation=evaluation,
                diagnosis=None,
                conventions=self.conventions.name,
                objective_name=self.objective,  # type: ignore[arg-type]
                wall_s=0.0,
                spatial=evaluator.setting.spatial,
                links=evaluator.setting.own_links,
            )

    # ---- bounds

    def _open(self) -> tuple[list[tuple[float, int, int, tuple[int, ...]]], bool]:
        """Return what the cheap bounds leave, as a heap, and whether all unrollings were looked at."""
        entries: list[tuple[float, int, int, tuple[int, ...]]] = []
        kept = 0
        for block in self.choices.blocks():
            if not self.goes_on:
                return entries, False
            kept += len(block)
            values = self.bounds.of(block)
            self.ruled_out["capacity"] += int((~np.isfinite(values)).sum())
            near = np.isfinite(values) & (values < self.ceiling)
            self.ruled_out["bound"] += int((np.isfinite(values) & ~near).sum())
            entries += [
                (float(value), _CHEAP, number, tuple(map(int, row)))
                for number, (value, row) in enumerate(
                    zip(values[near], block[near], strict=True), len(entries)
                )
            ]
        self.ruled_out["equivalent"] = self.choices.held - kept
        heapq.heapify(entries)
        return entries, True

    def _close(self, open_: list[tuple[float, int, int, tuple[int, ...]]]) -> None:
        """Raise the least bound until it reaches the incumbent."""
        powers = int(self.objective != "latency"), DELAYS[self.objective]
        while open_ and self.goes_on:
            bound, stage, number, choice = open_[0]
            if bound >= self.ceiling:
                for _, reached, _, _ in open_:
                    self.ruled_out["relaxation" if reached == _ROOT else "bound"] += 1
                open_.clear()
                break
            if bound > self.bound:
                self.bound = bound
                self._tell(f"{len(open_):,} unrollings left")
            evaluator = self._evaluator(self.choices.spatial(choice))
            if stage == _CHEAP:
                if diagnose(evaluator.model) is not None:
                    self.ruled_out["capacity"] += 1
                    heapq.heappop(open_)
                    continue
                value = float(self.value) if self.value is not None else bound * 1e3
                found = root_bound(evaluator, powers, value, bound)
                found *= float(self._certain(evaluator)) * (1 - float(_FLOAT_ERROR))
                heapq.heapreplace(open_, (max(bound, found), _ROOT, number, choice))
                continue
            search = self.solve(evaluator, max(self.left, 0.1), self.value)
            self._take(search)
            closed = min(float(search.bound), float(search.ceiling))
            if closed >= self.ceiling or search.closed:
                heapq.heappop(open_)
                self.solved += 1
            else:
                heapq.heapreplace(open_, (max(bound, closed), _ROOT, number, choice))
                break
        self.bound = max(self.bound, min([entry[0] for entry in open_], default=math.inf))

    def _certain(self, evaluator: Evaluator) -> Fraction:
        from zzcp.solver.cpsat.model import certain  # noqa: PLC0415

        return certain(evaluator.model)

    def _take(self, search: Any) -> None:
        if search.value is not None and (self.value is None or search.value < self.value):
            self.value = search.value
            self.best = search.result("feasible")

    def _tell(self, stage: str) -> None:
        if self.on_progress is not None:
            value = self.value
            gap = None if value is None else gap_of(value, Fraction(self.bound))
            self.on_progress(
                Progress(
                    time.monotonic() - self.started,
                    None if value is None else float(value),
                    self.bound,
                    gap,
                    stage,
                )
            )

    def _result(self, complete: bool) -> Result:
        space = Space(
            self.choices.held, dict(self.ruled_out), self.solved, complete, self.freedom.description
        )
        wall = time.monotonic() - self.started
        if self.best is None or self.value is None:
            raise NotImplementedError
        limit = self.value * (1 - Fraction(self.tolerance) / 2) if complete else Fraction(self.bound)
        bound = float_below(min(limit, self.value))
        gap = gap_of(self.value, bound)
        return replace(
            self.best,
            status="optimal" if complete and gap <= self.tolerance else "feasible",
            lower_bound=bound,
            gap=gap,
            wall_s=wall,
            interrupted=self.interrupt.requested,
            space=space,
        )
