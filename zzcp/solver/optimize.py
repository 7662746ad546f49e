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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from ortools.sat.python import cp_model

from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.evaluator import Evaluator
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.default import default_spatial
from zzcp.solver.chain import Chain, Completion, Vector, best_completion, merged
from zzcp.solver.diagnose import diagnose
from zzcp.solver.interrupt import Interrupt
from zzcp.solver.keys import keys_of
from zzcp.solver.model import PRODUCT_LIMIT, ChainModel, Objective, build_model
from zzcp.solver.result import Diagnosis, Progress, Result, Status, objective_of
from zzcp.solver.stall import MOST_CYCLES
from zzcp.solver.start import first_mapping
from zzcp.solver.tables import BoundaryTable, boundary_tables, largest_table
from zzcp.solver.variables import Boundary
from zzcp.workload import Layer

OBJECTIVES = ("edp", "energy", "latency")
_MOST_ENTRIES = 4_000_000
"""Largest cost table that is built; beyond it the model would not fit into memory."""
_MOST_RUN = 2**40
"""Longest run that is modelled, in cycles: stalls and loads must not reach the limit of the model's latencies."""
_PRECISION = 2**26
"""Smallest number of units that the least possible energy is split into."""
_FLOAT_ERROR = Fraction(1, 2**40)
"""More than the relative error of ZigZag's sums of floats, which may lie below the exact sums of the model."""


def optimize(
    accelerator: Accelerator,
    layer: Layer,
    objective: Objective = "edp",
    *,
    spatial: SpatialMapping | Mapping[str, Mapping[str, int]] | None = None,
    time_limit: float = 60.0,
    gap: float = 1e-4,
    workers: int = 1,
    seed: int = 0,
    conventions: CostConventions = EXACT,
    links: Mapping[str, str] | None = None,
    hint: LayerMapping | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Return the best mapping of a layer on an accelerator, with a proven bound.

    Parameters
    ----------
    accelerator, layer
        The machine and the layer.
    objective : str
        ``edp`` (energy-delay product), ``energy`` or ``latency``.
    spatial : SpatialMapping or dict, optional
        The unrolling; else that of the machine's file, or a full one (`default_spatial`).
    time_limit : float
        Seconds.
    gap : float
        Relative distance to the bound at which a mapping counts as optimal.
    workers : int
        Threads of the solver.
    seed : int
        Of all random choices; with one worker and no time limit in effect the result depends on nothing else.
    conventions : CostConventions
        How to count.
    links : mapping of str to str, optional
        Memory operand of every operand.
    hint : Mapping, optional
        A mapping to start from.
    on_progress : callable, optional
        Called with a `Progress` whenever incumbent or bound improve.

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
    if not time_limit > 0:
        raise InputError(
            "time limit out of range", expected="a positive number of seconds", found=str(time_limit)
        )
    if not 0 <= gap < 1:
        raise InputError("gap out of range", expected="0 <= gap < 1", found=str(gap))
    if workers < 1:
        raise InputError("workers out of range", expected="at least 1", found=str(workers))
    if spatial is None:
        spatial = default_spatial(accelerator, layer)
    elif not isinstance(spatial, SpatialMapping):
        spatial = SpatialMapping.from_dict(spatial)
    evaluator = Evaluator(accelerator, layer, spatial, conventions, links)
    search = Search(evaluator, objective, time_limit, gap, workers, seed, on_progress)
    return search.run(hint)


@dataclass(slots=True, eq=False)
class Search:
    """One search: the incumbent, the bound, and the steps that bring them together."""

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
    excluded: list[tuple[Chain, list[Vector]]] = field(default_factory=list)
    interrupted: bool = False

    def run(self, hint: LayerMapping | None) -> Result:
        """Search until the gap is closed, the time is up, or the user stops it."""
        shortage = diagnose(self.evaluator.model)
        if shortage is not None:
            return self._result("infeasible", shortage)
        with Interrupt() as interrupt:
            self._start(hint)
            self._close(interrupt)
            self.interrupted = interrupt.requested
        if self.evaluation is None:
            return self._result("unknown")
        return self._result("optimal" if self.gap <= self.tolerance else "feasible")

    @property
    def value(self) -> Fraction | None:
        """Objective of the incumbent."""
        return None if self.evaluation is None else objective_of(self.evaluation, self.objective)

    @property
    def gap(self) -> float:
        """Relative distance of the incumbent to the bound, 1 without an incumbent."""
        value = self.value
        if value is None:
            return 1.0
        return float((value - min(self.bound, value)) / value) if value else 0.0

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.time_limit - (time.monotonic() - self.started)

    def _start(self, hint: LayerMapping | None) -> None:
        if hint is not None:
            self._offer(hint)
        keys = keys_of(self.evaluator.setting.temporal_sizes)
        deadline = self.started + self.time_limit
        found = first_mapping(self.evaluator, keys, self.objective, self.seed, deadline)
        if found is not None:
            self._offer(found)
        outermost = self._outermost_mapping()
        self._offer(outermost)
        self._tell("first mapping")

    def _outermost_mapping(self) -> LayerMapping:
        """The mapping with all loops in the outermost memories, which fits whenever anything does."""
        setting = self.evaluator.setting
        order = [(dim, size) for dim, size in setting.temporal_sizes.items() if size > 1]
        ends = {operand.name: [0] * (operand.depth - 1) + [len(order)] for operand in setting.operands}
        links = None if setting.links == setting.layer.default_links else setting.links
        return LayerMapping.from_order(setting.spatial, order, ends, links=links)

    def _offer(self, mapping: LayerMapping) -> None:
        """Take over a mapping if it is better than the incumbent."""
        evaluation = self.evaluator.evaluate(mapping)
        value = self.value
        if value is None or objective_of(evaluation, self.objective) < value:
            self.mapping, self.evaluation = mapping, evaluation

    def _close(self, interrupt: Interrupt) -> None:
        setting = self.evaluator.setting
        keys = keys_of(setting.temporal_sizes)
        self.bound = self._first_bound()
        run = math.prod(setting.temporal_sizes.values()) * setting.cycles_per_op
        if run > _MOST_RUN or largest_table(self.evaluator.model, keys) > _MOST_ENTRIES:
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
        while self.gap > self.tolerance and self.left > 0 and not interrupt.requested:
            unit, limits = self._scale(tables)
            chain = build_model(self.evaluator.model, unit, tables, windowed)
            found = self._solve(chain, limits, interrupt)
            self._tell("windows" if windowed else "relaxation")
            if found is None:
                break
            if self.gap <= self.tolerance:
                break
            completion, solved = found
            if windowed != everything:
                windowed = everything
            elif completion.exhaustive and solved is not None:
                self.excluded.append(solved)
            else:
                break

    def _first_bound(self) -> Fraction:
        """Return what every mapping takes: the energy of the operations, and the cycles without stalls."""
        model = self.evaluator.model
        setting = model.setting
        energy = Fraction(model.mac_energy, model.scale)
        cycles = math.prod(setting.temporal_sizes.values()) * setting.cycles_per_op + setting.drain
        bounds = {"edp": energy * cycles, "energy": energy, "latency": Fraction(cycles)}
        return bounds[self.objective] * self._certain

    @property
    def _certain(self) -> Fraction:
        """The share of an exact figure that the evaluator's is certain to reach."""
        return 1 - _FLOAT_ERROR if self.evaluator.setting.conventions.fractional_unrolling else Fraction(1)

    def _scale(self, tables: list[list[BoundaryTable]]) -> tuple[int, tuple[int, int, int]]:
        """Return the unit of energy and the limits of energy (in units), latency and objective.

        Energy times latency must stay below 2^61, and the least energy should be split finely.
        """
        model = self.evaluator.model
        assert self.evaluation is not None
        assert self.value is not None
        least_energy = model.mac_energy + sum(int(table.energy.min()) for row in tables for table in row)
        most_energy = model.mac_energy + sum(int(table.energy.max()) for row in tables for table in row)
        run = self.evaluation.latency.ideal + self.evaluation.latency.spatial_stall
        value = self.value
        most_latency = MOST_CYCLES
        if self.objective == "edp":
            scaled = value * model.scale
            most_energy = min(most_energy, math.floor(scaled / run) + 1)
            most_latency = min(most_latency, math.floor(scaled / max(least_energy, 1)) + 1)
        elif self.objective == "latency":
            most_latency = min(most_latency, math.floor(value) + 1)
        else:
            most_energy = min(most_energy, math.floor(value * model.scale) + 1)
        unit = max(1, least_energy // _PRECISION)
        if self.objective == "edp":
            while (most_energy // unit + 1) * most_latency >= PRODUCT_LIMIT:
                unit *= 2
        else:
            while most_energy // unit >= 2**50:
                unit *= 2
        limit = {
            "edp": math.floor(value * model.scale / unit) + 1,
            "energy": math.floor(value * model.scale / unit) + 1,
            "latency": math.floor(value) + 1,
        }[self.objective]
        return unit, (most_energy // unit + 1, most_latency, limit)

    def _solve(
        self, chain: ChainModel, limits: tuple[int, int, int], interrupt: Interrupt
    ) -> tuple[Completion, tuple[Chain, list[Vector]] | None] | None:
        """Solve one model; return the completion of its boundaries, or None if the search is over."""
        model = chain.model
        most_energy, most_latency, limit = limits
        for solved, stationary in self.excluded:
            self._exclude(chain, solved, stationary)
        energy = model.new_int_var(0, most_energy, "energy")
        latency = model.new_int_var(0, most_latency, "latency")
        model.add(energy == chain.energy)
        model.add(latency == chain.latency)
        target = energy if self.objective == "energy" else latency
        if self.objective == "edp":
            target = model.new_int_var(0, limit, "edp")
            model.add_multiplication_equality(target, [energy, latency])
        model.add(target <= limit)
        model.minimize(target)
        solver = cp_model.CpSolver()
        parameters = solver.parameters
        parameters.num_workers = self.workers
        parameters.random_seed = self.seed
        parameters.max_time_in_seconds = max(self.left, 0.1)
        parameters.cp_model_probing_level = 0
        parameters.relative_gap_limit = self.tolerance / 10
        parameters.catch_sigint_signal = False
        parameters.max_memory_in_mb = 6000
        interrupt.watch(solver)
        status = solver.solve(model)
        interrupt.watch(None)
        factor = Fraction(1) if self.objective == "latency" else Fraction(chain.energy_unit, chain.cost.scale)
        factor *= self._certain
        if status == cp_model.INFEASIBLE:
            # nothing better than the incumbent is left; while nothing is excluded the incumbent itself contradicts it
            if self.excluded:
                self.bound = max(self.bound, self._exact_value())
            return None
        floor = _floor(solver.best_objective_bound)
        self.bound = max(self.bound, min(floor * factor, self._exact_value()))
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None
        solved, extra = self._read(chain, solver)
        completion = best_completion(self.evaluator, solved, self.objective, extra)
        if completion.mapping is not None:
            self._offer(completion.mapping)
        return completion, (solved, extra) if status == cp_model.OPTIMAL else None

    def _exact_value(self) -> Fraction:
        value = self.value
        assert value is not None
        return value

    def _read(self, chain: ChainModel, solver: cp_model.CpSolver) -> tuple[Chain, list[Vector]]:
        """Return the boundaries of a solution, and the stationary points at the array."""
        full: Vector = tuple(key.multiplicity for key in chain.keys)

        def vector(boundary: Boundary) -> Vector:
            return tuple(x if isinstance(x, int) else solver.value(x) for x in boundary.exponents)

        names = [operand.name for operand in chain.cost.setting.operands]
        ends = {
            names[index]: (*(vector(boundary) for boundary in row[1:]), full)
            for index, row in enumerate(chain.boundaries)
        }
        return Chain(chain.keys, ends), [vector(row[0]) for row in chain.boundaries]

    def _exclude(self, chain: ChainModel, solved: Chain, stationary: list[Vector]) -> None:
        """Forbid boundaries all of whose orders have been scored."""
        variables, values = [], []
        for operand, row, first in zip(
            chain.cost.setting.operands, chain.boundaries, stationary, strict=True
        ):
            for boundary, vector in zip(row, (first, *solved.ends[operand.name]), strict=False):
                for variable, value in zip(boundary.exponents, vector, strict=True):
                    if not isinstance(variable, int):
                        variables.append(variable)
                        values.append(value)
        if not variables:
            # there is one chain only
            chain.model.add_bool_or([])
            return
        chain.model.add_forbidden_assignments(variables, [values])

    def _tell(self, stage: str) -> None:
        if self.on_progress is None:
            return
        value = self.value
        self.on_progress(
            Progress(
                time.monotonic() - self.started,
                None if value is None else float(value),
                float(self.bound),
                None if value is None else self.gap,
                stage,
            )
        )

    def _result(self, status: Status, diagnosis: Diagnosis | None = None) -> Result:
        value = self.value
        mapping = self.mapping
        if mapping is not None and self.evaluation is not None:
            mapping = merged(mapping, self.evaluator.setting).with_buffering(self.evaluation.double_buffered)
        return Result(
            status=status,
            objective=None if value is None else float(value),
            lower_bound=float(self.bound),
            gap=None if value is None else self.gap,
            mapping=mapping,
            evaluation=self.evaluation,
            diagnosis=diagnosis,
            conventions=self.evaluator.setting.conventions.name,
            objective_name=self.objective,
            wall_s=time.monotonic() - self.started,
            interrupted=self.interrupted,
        )


def _floor(bound: float) -> int:
    """Return the integer that a bound in floating point stands for, or one below it where that is uncertain."""
    return math.floor(bound) if abs(bound) < 2**53 else math.floor(bound * (1 - 2**-52))
