"""`optimize`: solve, re-score, tighten, until the gap between evaluator and bound is closed.

1. Random mappings give a first incumbent, which bounds the variables.
2. The relaxed model (every window as long as its period) gives a bound; its boundaries are completed to a mapping by
   scoring every order inside the segments that can matter.
3. Where the gap stays open, the windows and tails join the model.
4. Where it still does, the found boundaries are excluded (all their orders have been scored) and the search goes on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

from ortools.sat.python import cp_model

from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import DELAYS, OBJECTIVES, Objective, objective_of
from zzcp.cost.rules import Rule
from zzcp.errors import InputError, check_seed
from zzcp.hardware import Accelerator
from zzcp.interrupt import Interrupt
from zzcp.mappers import Budget, Genetic, Problem
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.constraints import Constraints, LayerConstraints
from zzcp.mapping.default import default_spatial
from zzcp.solver.chain import Chain, Completion, best_completion, merged
from zzcp.solver.completions import best_of_each
from zzcp.solver.constrained import attempt_after_all, constraints_of, is_exact, obeys, optimize_constrained
from zzcp.solver.diagnose import diagnose, is_certain
from zzcp.solver.factors import packs
from zzcp.solver.keys import Key, Vector, keys_of
from zzcp.solver.lattice import Lattice, cells
from zzcp.solver.model import ChainModel, build_model, certain
from zzcp.solver.ranges import RangeSearch, Steps
from zzcp.solver.relaxation import Relaxation
from zzcp.solver.restrict import Point
from zzcp.solver.result import Diagnosis, Progress, Result, Status, float_below, gap_of
from zzcp.solver.run import Limits, Value, run_solver
from zzcp.solver.start import first_mapping, outermost_mapping
from zzcp.solver.tables import BoundaryTable, boundary_tables, largest_table
from zzcp.solver.target import Scale, add_target, first_bound, scale_of
from zzcp.solver.variables import Boundary, Places
from zzcp.workload import Layer

DEFAULT_TIME_LIMIT = 60.0
"""Seconds."""
_MOST_ENTRIES = 4_000_000
"""Largest cost table that is built; beyond it the model would not fit into memory."""
_MOST_CELLS = 40_000_000
"""Largest table of the dynamic program over the lattice."""
_DESCENDANTS = 10_000
"""Mappings that are scored in search of a better incumbent."""
_FLOAT_ERROR = Fraction(1, 2**30)
"""More than the relative error of the bounds of the search by ranges."""
_FEW_ENTRIES, _VERY_FEW_ENTRIES = 50_000, 100
"""Largest cost table of a model that is tried for a moment, and of one that is tried before the search by ranges."""
_SHORT_WORK = 0.025
"""Work that CP-SAT may do on it, in its own deterministic measure: less than a second."""
_SHORT_WORK_GREEDY = 0.3
"""The same under ZigZag's buffering, where the search by ranges is less sharp."""
_SMALL_GAP, _SHARPER = 1e-3, 0.01
"""Where a smaller gap than this is asked for, the search aims at this share of it: that costs next to nothing, and what
is found can hardly be bettered."""
_MOST_RUN = 2**40
"""Longest run that is modelled, in cycles: stalls and loads must not reach the limit of the model's latencies."""


def optimize(
    accelerator: Accelerator,
    layer: Layer,
    objective: Objective = "edp",
    *,
    spatial: SpatialMapping | Mapping[str, Mapping[str, int]] | None = None,
    time_limit: float | None = None,
    deterministic_limit: float | None = None,
    gap: float = 1e-4,
    workers: int = 1,
    seed: int = 0,
    conventions: CostConventions = EXACT,
    links: Mapping[str, str] | None = None,
    constraints: Constraints | LayerConstraints | Mapping[str, Any] | None = None,
    hint: LayerMapping | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Return the best mapping of a layer on an accelerator, with a proven bound.

    Parameters
    ----------
    accelerator, layer
        The machine and the layer.
    objective : str
        ``edp`` (energy-delay product), ``energy``, ``latency`` or ``ed2`` (energy times the square of the delay).
    spatial : SpatialMapping or dict, optional
        The unrolling; else that of the machine's file, or a full one (`default_spatial`).
    time_limit : float, optional
        Seconds; 60 by default, unless there is a deterministic limit.
    deterministic_limit : float, optional
        Limit of the solver's work, in its own measure (1 is about half a minute): with one worker the result is then
        the same every time, even if the search stops at this limit.
    gap : float
        Relative distance to the bound at which a mapping counts as optimal. Where that takes little, the search goes on
        to a hundredth of it.
    workers : int
        Threads of the solver.
    seed : int
        Of all random choices; with one worker and no time limit in effect the result depends on nothing else.
    conventions : CostConventions
        How to count.
    links : mapping of str to str, optional
        Memory operand of every operand.
    constraints : Constraints or dict, optional
        What is asked of the mapping; the bound then holds for the mappings that obey (see ``docs/constraints.md``).
    hint : Mapping, optional
        A mapping to start from; one that does not obey the constraints is not used.
    on_progress : callable, optional
        Called with a `Progress` whenever incumbent or bound improve, possibly from another thread.

    Returns
    -------
    Result
        Also after Ctrl-C or at the time limit: the best so far, with its gap.

    Raises
    ------
    InputError
        If the arguments are out of range.
    MappingError
        If the unrolling does not fit the array or the layer.
    """
    if objective not in OBJECTIVES:
        raise InputError("unknown objective", expected=", ".join(OBJECTIVES), found=str(objective))
    if time_limit is None:
        time_limit = DEFAULT_TIME_LIMIT if deterministic_limit is None else math.inf
    if deterministic_limit is None:
        deterministic_limit = math.inf
    if not deterministic_limit > 0:
        raise InputError(
            "deterministic limit out of range", expected="a positive number", found=str(deterministic_limit)
        )
    if not time_limit > 0:
        raise InputError(
            "time limit out of range", expected="a positive number of seconds", found=str(time_limit)
        )
    if not 0 <= gap < 1:
        raise InputError("gap out of range", expected="0 <= gap < 1", found=str(gap))
    if workers < 1:
        raise InputError("workers out of range", expected="at least 1", found=str(workers))
    check_seed(seed)
    if spatial is None:
        spatial = default_spatial(accelerator, layer)
    elif not isinstance(spatial, SpatialMapping):
        spatial = SpatialMapping.from_dict(spatial)
    asked = constraints_of(constraints, layer)
    search_with = partial(
        Search, workers=workers, seed=seed, on_progress=on_progress, deterministic_limit=deterministic_limit
    )
    setting = accelerator, layer, spatial, conventions, links
    if asked:
        return optimize_constrained(setting, asked, objective, time_limit, gap, search_with, hint)
    search: Search = search_with(Evaluator(*setting), objective, time_limit, gap)
    shortage = diagnose(search.evaluator.model) if hint is None else None
    if shortage is not None:
        certain_of_it = is_certain(search.evaluator.model)
        attempt = None if certain_of_it else attempt_after_all(setting, search_with, time_limit)
        if attempt is None or attempt.answer == "none":
            return search.result("infeasible", shortage)
        if attempt.mapping is None:
            return search.result("unknown")
        hint = attempt.mapping
    return search.run(hint)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a run of the solver says.

    Parameters
    ----------
    bound : Fraction
        No mapping in the model is better.
    fault : str or None
        Why it cannot be believed.
    completion : Completion or None
        The best orders for the boundaries of its solution.
    solved : tuple or None
        These boundaries, with the stationary points at the array, where they are the model's best.
    """

    bound: Fraction
    fault: str | None = None
    completion: Completion | None = None
    solved: tuple[Chain, list[Vector]] | None = None


@dataclass(slots=True, eq=False)
class Search:
    """One search: the incumbent, the bound, and the steps that bring them together.

    With a cutoff only mappings that are better than it are searched for: the search ends with one of them, or when
    there is none. `elsewhere` is the bound of what the search by ranges has closed, where the model has only the rest.
    """

    evaluator: Evaluator
    objective: Objective
    time_limit: float
    tolerance: float
    workers: int
    seed: int
    on_progress: Callable[[Progress], None] | None
    started: float = field(default_factory=time.monotonic)
    mapping: LayerMapping | None = None
    evaluation: Evaluation | None = None
    bound: Fraction = Fraction(0)
    told: Fraction = Fraction(0)
    allowance: float = math.inf
    excluded: list[tuple[Chain, list[Vector]]] = field(default_factory=list)
    deterministic_limit: float = math.inf
    cutoff: Fraction | None = None
    other_parameters: bool = False
    deterministic_spent: float = 0.0
    faults: list[str] = field(default_factory=list)
    interrupt: Interrupt = field(default_factory=Interrupt)
    rules: Sequence[Rule] = ()
    elsewhere: Fraction | None = None

    def run(self, hint: LayerMapping | None) -> Result:
        """Search until the gap is closed, the time is up, or the user stops it."""
        with self.interrupt:
            # where there are rules, or where not everything fits that is small, there is a hint that obeys and fits
            self._offer(outermost_mapping(self.evaluator.setting) if hint is None else hint)
            if not self.interrupt.requested:
                with self.interrupt.at_once():
                    self._start()
                    self._close()
        if self.evaluation is None:
            return self.result("unknown")
        return self.result("optimal" if self.gap <= self.tolerance else "feasible")

    @property
    def value(self) -> Fraction | None:
        """Objective of the incumbent."""
        return None if self.evaluation is None else objective_of(self.evaluation, self.objective)

    @property
    def gap(self) -> float:
        """Relative distance of the incumbent to the bound, 1 without an incumbent."""
        value = self.value
        return 1.0 if value is None else gap_of(value, self.bound)

    @property
    def _aim(self) -> float:
        """The gap that is aimed at, while the one asked for is not closed or where little is left to do."""
        return self.tolerance * _SHARPER if self.tolerance < _SMALL_GAP else self.tolerance

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.time_limit - (time.monotonic() - self.started)

    @property
    def _closed(self) -> bool:
        """Whether the search has its answer."""
        if self.cutoff is None:
            return self.gap <= self.tolerance
        return self.bound >= self.cutoff or self._exact_value() < self.cutoff

    @property
    def _ceiling(self) -> Fraction:
        """What is searched for is not above this."""
        value = self._exact_value()
        return value if self.cutoff is None else min(value, self.cutoff)

    @property
    def _goes_on(self) -> bool:
        return self.left > 0 and self.deterministic_left > 0 and not self.interrupt.requested

    @property
    def deterministic_left(self) -> float:
        """What is left of the solver's own measure of work."""
        return self.deterministic_limit - self.deterministic_spent

    def admits(self, mapping: LayerMapping) -> bool:
        """Return whether a mapping is valid and obeys the rules."""
        return obeys(self.evaluator, mapping, self.rules)

    def _start(self) -> None:
        keys = keys_of(self.evaluator.setting.temporal_sizes)
        deadline = self.started + self.time_limit
        admits = self.admits if self.rules else None
        found = first_mapping(self.evaluator, keys, self.objective, self.seed, deadline, admits=admits)
        if found is not None:
            self._offer(found)
        self._tell("first mapping")

    def _offer(self, mapping: LayerMapping) -> Fraction:
        """Take over a mapping if it is better than the incumbent; return its objective."""
        evaluation = self.evaluator.evaluate(mapping)
        found, value = objective_of(evaluation, self.objective), self.value
        if value is None or found < value:
            with self.interrupt.held():
                self.mapping, self.evaluation = mapping, evaluation
        return found

    def _close(self) -> None:
        setting = self.evaluator.setting
        keys = keys_of(setting.temporal_sizes)
        self.bound = first_bound(self.evaluator.model, self.objective) * self._certain
        run = math.prod(setting.temporal_sizes.values()) * setting.cycles_per_op
        entries = largest_table(self.evaluator.model, keys)
        if run > _MOST_RUN or entries > _MOST_ENTRIES:
            self._tell(
                "too many states or cycles for the model: only the bound of ideal cycles and operations is proven"
            )
            return
        tables = boundary_tables(self.evaluator.model, keys)
        everything = frozenset(
            (index, link)
            for index, operand in enumerate(setting.operands)
            for link in range(1, operand.depth + 1)
        )
        windowed: frozenset[tuple[int, int]] = frozenset()
        # under ZigZag's buffering the search by ranges is less sharp
        greedy = setting.conventions.greedy_buffering
        first = entries <= (_FEW_ENTRIES if greedy else _VERY_FEW_ENTRIES)
        if first and self._ranges_apply(keys, tables):
            self._try_relaxation(tables)
        relax = not first and entries <= _FEW_ENTRIES
        briefly = greedy and entries <= _FEW_ENTRIES
        places = None
        if not self._closed:
            places = self._search_ranges(keys, tables, relax=relax, briefly=briefly)
        elif self.cutoff is None and self.gap > self._aim and entries <= _FEW_ENTRIES:
            self._search_ranges(keys, tables, relax=False, briefly=True)
        while not self._closed and self._goes_on:
            scale = self._scale(tables)
            chain = build_model(self.evaluator.model, scale.energy_unit, tables, windowed, self.rules, places)
            claim = self._solve(chain, scale)
            self._tell("branch and check" if self.excluded else "windows" if windowed else "relaxation")
            if claim is None or self._closed:
                break
            if windowed != everything:
                windowed = everything
            elif self._is_settled(claim) and claim.solved is not None:
                self.excluded.append(claim.solved)
            else:
                break

    def _ranges_apply(self, keys: tuple[Key, ...], tables: list[list[BoundaryTable]]) -> bool:
        """Return whether the search by ranges can be used."""
        # rules may forbid a chain and allow another one that says the same; a deterministic limit counts CP-SAT's work
        if self.rules or math.isfinite(self.deterministic_limit):
            return False
        shape = tuple(key.multiplicity + 1 for key in keys)
        return bool(keys) and packs(shape) and cells(keys, [len(row) for row in tables]) <= _MOST_CELLS

    def _try_relaxation(self, tables: list[list[BoundaryTable]]) -> None:
        """Let CP-SAT work for a moment on the model without windows, which is all that easy layers take."""
        scale = self._scale(tables)
        greedy = self.evaluator.setting.conventions.greedy_buffering
        self.allowance = _SHORT_WORK_GREEDY if greedy else _SHORT_WORK
        self._solve(build_model(self.evaluator.model, scale.energy_unit, tables, (), self.rules), scale)
        self.allowance = math.inf
        self._tell("relaxation")

    def _search_ranges(
        self, keys: tuple[Key, ...], tables: list[list[BoundaryTable]], *, relax: bool, briefly: bool
    ) -> dict[tuple[int, int], Places] | None:
        """Search by ranges of energy; return what is left for every boundary, None where nothing was ruled out.

        Where a range turns out to be hard, CP-SAT is tried if `relax`, and then a better incumbent is looked for; if
        `briefly`, it is left to CP-SAT.
        """
        model = self.evaluator.model
        if not self._ranges_apply(keys, tables):
            return None
        powers = int(self.objective != "latency"), DELAYS[self.objective]
        scale = model.scale if powers[0] else 1
        lattice = Lattice(keys, tables)

        def known(bound: float) -> Fraction:
            if not math.isfinite(bound):
                return self._ceiling
            return min(self._ceiling, Fraction(bound) / scale * self._certain * (1 - _FLOAT_ERROR))

        def tell(bound: float) -> None:
            self.bound = max(self.bound, known(bound))
            self._tell("ranges")

        def improve() -> None:
            if relax:
                self._try_relaxation(tables)
            if not self._closed:
                self._improve()

        steps = Steps(
            value=lambda: float(self._ceiling * scale),
            complete=lambda chains: self._complete(keys, chains),
            improve=improve,
            tell=tell,
            goes_on=lambda: self._goes_on,
            tolerance=self._aim if self.cutoff is None else 0.0,
            briefly=briefly,
        )
        search = RangeSearch(Relaxation(model, tables, lattice), powers, steps)
        search.run()
        places = {} if search.alive is None else lattice.restricted(search.alive).places()
        if not places or not all(len(place.vectors) for place in places.values()):
            return None
        self.elsewhere = known(search.closed)
        return places

    def _improve(self) -> None:
        """Search a better incumbent among the descendants of random mappings."""
        if self.evaluator.arrays is None:
            # one by one they would take longer than they save
            return
        setting = self.evaluator.setting
        problem = Problem(
            setting.accelerator,
            setting.layer,
            setting.spatial,
            self.objective,
            setting.conventions,
            setting.own_links,
        )
        budget = Budget(_DESCENDANTS, seconds=max(self.left, 1e-3), seed=self.seed)
        found = Genetic().map(problem, budget).mapping
        if found is not None:
            self._offer(found)
            self._tell("descendants")

    def _complete(
        self, keys: tuple[Key, ...], found: Sequence[Mapping[tuple[int, int], Vector]]
    ) -> list[bool]:
        """Offer the best mapping with some boundaries; return for each whether all its orders were scored."""
        setting = self.evaluator.setting
        full = tuple(key.multiplicity for key in keys)
        chains = []
        for places in found:
            ends = {
                operand.name: (*(places[index, link] for link in range(1, operand.depth)), full)
                for index, operand in enumerate(setting.operands)
            }
            chains.append((Chain(keys, ends), [places[index, 0] for index in range(len(setting.operands))]))
        completions = best_of_each(self.evaluator, chains, self.objective)
        best = min(completions, key=lambda completion: completion.value)
        before = self._exact_value()
        if best.value < float(before) * (1 + 1e-9):
            self._offer(best.mapping(setting))
            if self.value != before:
                self._tell("ranges")
        return [completion.exhaustive for completion in completions]

    def _scale(self, tables: list[list[BoundaryTable]]) -> Scale:
        """Return the units of a model in which all mappings are that the evaluator finds as good as the incumbent."""
        return scale_of(self.evaluator.model, self.objective, tables, self._ceiling / self._certain)

    @property
    def _certain(self) -> Fraction:
        """The share of an exact figure that the evaluator's is certain to reach."""
        return certain(self.evaluator.model)

    def _solve(self, chain: ChainModel, scale: Scale) -> Claim | None:
        """Solve one model; return what is known of its boundaries, or None if the search is over.

        What the solver claims is not believed where the evaluator contradicts it: then it runs again, with other
        parameters; and if that is contradicted, too, no bound is taken from the model.
        """
        for solved, stationary in self.excluded:
            self._exclude(chain, solved, stationary)
        chain.model.minimize(add_target(chain, self.objective, scale))
        for attempt in range(2):
            claim = self._attempt(chain, scale, attempt)
            if claim.fault is None:
                self.bound = max(self.bound, self._everywhere(claim.bound))
                return claim if claim.completion is not None else None
            self.faults.append(claim.fault)
            self.told = self.bound
        return None

    def _attempt(self, chain: ChainModel, scale: Scale, attempt: int) -> Claim:
        """Run the solver; everything that it finds is scored by the evaluator."""
        # of what lies in the model: what is excluded may be better than all that is left
        partial = self.excluded or self.cutoff is not None or self.elsewhere is not None
        least = [] if partial else [self._exact_value()]
        unit = scale.unit * self._certain
        stage = "windows" if chain.windows or chain.tails else "relaxation"
        last: list[tuple[Completion, tuple[Chain, list[Vector]]]] = []

        def score(value: Value) -> tuple[Completion, tuple[Chain, list[Vector]]]:
            solved = self._read(chain, value)
            if not last or last[0][1] != solved:
                completion = best_completion(
                    self.evaluator, solved[0], self.objective, solved[1], self.admits if self.rules else None
                )
                if completion.mapping is not None:
                    least.append(self._offer(completion.mapping))
                last[:] = [(completion, solved)]
            return last[0]

        def on_solution(value: Value) -> None:
            before = self.value
            score(value)
            if self.value != before:
                self._tell(stage)

        def on_bound(bound: float) -> None:
            self._tell(stage, self._everywhere(_floor(bound) * unit))

        outcome = run_solver(
            chain.model,
            Limits(
                self.left, min(self.deterministic_left, self.allowance), min(self._aim, self.tolerance / 10)
            ),
            self.interrupt,
            workers=self.workers,
            seed=self.seed,
            attempt=attempt ^ self.other_parameters,
            on_solution=on_solution,
            on_bound=None if self.on_progress is None else on_bound,
        )
        status = outcome.status
        self.deterministic_spent += outcome.work
        if status == cp_model.MODEL_INVALID:
            return Claim(Fraction(0), "the solver does not accept the model")
        if status == cp_model.INFEASIBLE:
            # nothing better than the incumbent is left; while nothing is excluded the incumbent itself contradicts it
            fault = "the solver claims that there is no mapping, against one that there is" if least else None
            return Claim(self._ceiling, fault)
        bound = _floor(outcome.bound) * unit
        found = score(outcome.value) if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else (None, None)
        completion, solved = found
        if least and bound > min(least):
            return Claim(
                bound, f"the solver claims a bound of {float(bound)}, above a mapping's {float(min(least))}"
            )
        return Claim(bound, None, completion, solved if status == cp_model.OPTIMAL else None)

    def _everywhere(self, bound: Fraction) -> Fraction:
        """Return what a bound of the model says of all mappings."""
        least = min(bound, self._ceiling)
        return least if self.elsewhere is None else min(least, self.elsewhere)

    def _is_settled(self, claim: Claim) -> bool:
        """Return whether all that can be made of the boundaries that a claim is about has been scored."""
        completion = claim.completion
        if completion is None or not completion.exhaustive:
            return False
        return not completion.rejected or is_exact(self.evaluator, self.rules)

    def _exact_value(self) -> Fraction:
        value = self.value
        assert value is not None
        return value

    def _read(self, chain: ChainModel, value: Value) -> tuple[Chain, list[Vector]]:
        """Return the boundaries of a solution, and the other points: those at the array, and those of the rules."""
        full: Vector = tuple(key.multiplicity for key in chain.keys)

        def vector(boundary: Boundary | Point) -> Vector:
            return tuple(x if isinstance(x, int) else value(x) for x in boundary.exponents)

        names = [operand.name for operand in chain.cost.setting.operands]
        ends = {
            names[index]: (*(vector(boundary) for boundary in row[1:]), full)
            for index, row in enumerate(chain.boundaries)
        }
        points: list[Boundary | Point] = [row[0] for row in chain.boundaries]
        points += chain.points
        return Chain(chain.keys, ends), [vector(point) for point in points]

    def _exclude(self, chain: ChainModel, solved: Chain, extra: list[Vector]) -> None:
        """Forbid boundaries all of whose orders have been scored."""
        others: list[Boundary | Point] = [row[0] for row in chain.boundaries]
        others += chain.points
        points = list(zip(others, extra, strict=True))
        for operand, row in zip(chain.cost.setting.operands, chain.boundaries, strict=True):
            points += zip(row[1:], solved.ends[operand.name], strict=False)
        variables, values = [], []
        for boundary, vector in points:
            for variable, value in zip(boundary.exponents, vector, strict=True):
                if not isinstance(variable, int):
                    variables.append(variable)
                    values.append(value)
        if not variables:
            # there is one chain only
            chain.model.add_bool_or([])
            return
        chain.model.add_forbidden_assignments(variables, [values])

    def _tell(self, stage: str, bound: Fraction = Fraction(0)) -> None:
        """Report the state of the search, with a bound of the solver that runs if that is better."""
        if self.on_progress is None:
            return
        value = self.value
        self.told = bound = max(self.told, self.bound, bound)
        gap = None if value is None else gap_of(value, bound)
        with self.interrupt.held():
            self.on_progress(
                Progress(
                    time.monotonic() - self.started,
                    None if value is None else float(value),
                    float(bound),
                    gap,
                    stage,
                )
            )

    def result(self, status: Status, diagnosis: Diagnosis | None = None) -> Result:
        """Return what has been found so far."""
        value = self.value
        lower_bound = float_below(self.bound)
        setting = self.evaluator.setting
        mapping = self.mapping
        if mapping is not None and self.evaluation is not None:
            mapping = merged(mapping, self.evaluator.setting).with_buffering(self.evaluation.double_buffered)
        return Result(
            status=status,
            objective=None if value is None else float(value),
            lower_bound=lower_bound,
            gap=None if value is None else gap_of(value, lower_bound),
            mapping=mapping,
            evaluation=self.evaluation,
            diagnosis=diagnosis,
            conventions=self.evaluator.setting.conventions.name,
            objective_name=self.objective,
            wall_s=time.monotonic() - self.started,
            interrupted=self.interrupt.requested,
            spatial=setting.spatial,
            links=setting.own_links,
            faults=tuple(self.faults),
        )


def _floor(bound: float) -> int:
    """Return the integer that a bound in floating point stands for, or one below it where that is uncertain."""
    return math.floor(bound) if abs(bound) < 2**53 else math.floor(bound * (1 - 2**-52))
