"""The search of a network: every layer by itself, then the walk, at last with tensors that stay on the chip."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from zzcp.cost.constraints.constrained import check_constraints, constraint_violations
from zzcp.cost.evaluate import evaluate
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import DELAYS, Goal, Objective, WeightedSum, combined
from zzcp.errors import InputError, MappingError
from zzcp.hardware import Accelerator
from zzcp.interrupt import Interrupt
from zzcp.mapping import SpatialMapping
from zzcp.networks.bounds import tangent
from zzcp.networks.nodes import Node
from zzcp.networks.progress import NetworkProgress
from zzcp.networks.residency import ResidentPlans, Tensor
from zzcp.networks.result import Alone, NetworkResult, Resident
from zzcp.networks.tasks import Variant, distinct, machine_for, with_variant
from zzcp.networks.walk import Plans, Walk
from zzcp.runs import Estimate, Executor, executor_for
from zzcp.runs.progress import Changes, Watchers
from zzcp.solver.cpsat.model import certain
from zzcp.solver.cpsat.target import first_bound
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions
from zzcp.solver.portable import SEARCH
from zzcp.solver.result import Result, Status, float_below, gap_of

_SHARE = 8
"""The gap of every search is this share of the gap of the network, whose product sums up two of them."""


def search_network(
    name: str,
    tasks: Sequence[Job],
    jobs: int = 1,
    on_progress: Callable[[NetworkProgress], None] | None = None,
    enough: Fraction | None = None,
    *,
    tensors: Sequence[Tensor] = (),
    scheduler: str | None = None,
) -> NetworkResult:
    """Return the best mappings of some layers together.

    Parameters
    ----------
    name : str
        Of the network.
    tasks : sequence of Job
        The layers, each by itself; what is minimised is the same of all, and how, where the gap is the network's.
    jobs, on_progress
        As for `optimize_network`.
    enough : Fraction, optional
        A bound with which the search ends.
    tensors : sequence of Tensor
        What may stay on the chip.
    scheduler : str, optional
        Of the cluster that searches instead of this machine.
    """
    jobs = min(jobs, len(set(distinct(tasks))))
    with Interrupt() as interrupt, executor_for(jobs, scheduler) as executor:
        search = _Search(name, tuple(tasks), tensors, executor, interrupt, on_progress, enough)
        return search.run()


@dataclass(frozen=True, slots=True)
class _OnePlan:
    """The only plan where nothing stays on the chip: every layer at its own node."""

    keys: tuple[Variant, ...]

    def cheapest(
        self, value: Callable[[Variant], Fraction | None]
    ) -> tuple[Fraction, Sequence[Variant]] | None:
        """Return the sum of the values of all layers."""
        total = Fraction(0)
        for key, count in Counter(self.keys).items():
            found = value(key)
            if found is None:
                return None
            total += count * found
        return total, self.keys


@dataclass(slots=True, eq=False)
class _Search:
    """The search of a network."""

    name: str
    tasks: tuple[Job, ...]
    tensors: Sequence[Tensor]
    executor: Executor
    interrupt: Interrupt
    on_progress: Callable[[NetworkProgress], None] | None
    enough: Fraction | None = None
    started: float = field(default_factory=time.monotonic)
    nodes: dict[Variant, Node] = field(default_factory=dict)
    own: dict[Variant, Result] = field(default_factory=dict)
    searches: int = 0
    doubts: int = 0
    faults: list[str] = field(default_factory=list)
    keys: tuple[Variant, ...] = field(init=False)
    plans: ResidentPlans = field(init=False)
    walk: Walk[Variant] = field(init=False)
    accelerator: Accelerator = field(init=False)
    objective: Objective = field(init=False)
    options: SearchOptions = field(init=False)
    without: Fraction | None = None

    def __post_init__(self) -> None:
        first = self.tasks[0]
        assert isinstance(first.goal, str)
        self.accelerator, self.objective, self.options = first.accelerator, first.goal, first.options
        shapes = distinct(self.tasks)
        self.keys = tuple(map(Variant, shapes))
        for key in self.keys:
            self._node(key)
        self.plans = ResidentPlans(self.tasks, shapes, self.tensors)
        self.walk = self._walk(_OnePlan(self.keys), None if self.tensors else self.enough)

    def _walk(self, plans: Plans[Variant], enough: Fraction | None) -> Walk[Variant]:
        return Walk(self.objective, plans, self._node, self._solve, self.options.gap, enough)

    def _node(self, key: Variant) -> Node:
        """Return what is known of a layer, at first what no mapping can do without."""
        if key not in self.nodes:
            roomier = self._node(key._replace(reserved=())) if key.reserved else None
            node = self.nodes[key] = Node(roomier=roomier)
            task = self.tasks[key.shape]
            try:
                machine = machine_for(task, key)
                given = task.spatial if isinstance(task.spatial, SpatialMapping) else SpatialMapping()
                check_constraints(machine, task.layer, given, task.constraints, task.links)
                if isinstance(task.spatial, SpatialMapping):
                    setting = machine, task.layer, task.spatial, self.options.conventions, task.links
                    model = Evaluator(*setting).model
                    sure = certain(model)
                    node.claim("energy", first_bound(model, "energy") * sure)
                    node.claim("latency", first_bound(model, "latency") * sure)
            except InputError:
                if not (key.resident or key.reserved):
                    raise
                node.impossible = True
        return self.nodes[key]

    def run(self) -> NetworkResult:
        """Solve every layer by itself, then walk; at last with tensors that stay on the chip."""
        self._solve_alone()
        if len(self.own) < len(set(self.keys)) or not all(self.nodes[key].points for key in self.keys):
            return self._result()
        self.walk.run(self._first_slopes())
        if self.tensors and not self.interrupt.requested and self.walk.best is not None:
            self.without, best = self.walk.value, self.walk.best
            self.faults += self.walk.faults
            self.walk = self._walk(self.plans, self.enough)
            self.walk.best = best
            self.walk.run([tangent(self.objective, best.energy, best.latency)] if best.latency else [])
        return self._result()

    # ---- searches

    def _solve_alone(self) -> None:
        """Find every layer's own optimum."""
        keys = list(dict.fromkeys(self.keys))
        jobs = [self.tasks[key.shape] for key in keys]
        for key, result in self._run("layers by themselves", keys, jobs):
            self._take(key, self.objective, result)
            self.own[key] = result

    def _solve(self, keys: Sequence[Variant], weights: WeightedSum) -> bool:
        """Search some layers for weights; return whether to go on.

        Where room is reserved, the layer is searched with all the room first, which serves other variants, too: what
        is found may fit beside what is reserved.
        """
        keys = [self._roomier(key, weights) for key in dict.fromkeys(keys)]
        keys = [key for key in dict.fromkeys(keys) if not self._adopts(key, weights)]
        jobs = [self._job(key, weights) for key in keys]
        for key, result in self._run("walk over the common slope", keys, jobs):
            self._take(key, weights, with_variant(result, key))
        doubts = sum(len(node.faults) for node in self.nodes.values())
        if doubts > self.doubts:
            self.doubts = doubts
            self.walk.again()
        return not self.interrupt.requested

    def _roomier(self, key: Variant, weights: WeightedSum) -> Variant:
        """Return the variant with all the room, where it has not been searched yet."""
        roomier = self._node(key).roomier
        return key if roomier is None or weights in roomier.tried else key._replace(reserved=())

    def _adopts(self, key: Variant, weights: WeightedSum) -> bool:
        """Return whether a mapping that was found with more room is as good here as any can be."""
        node = self._node(key)
        if node.roomier is None or node.roomier.impossible:
            return False
        task = self.tasks[key.shape]
        machine = machine_for(task, key)
        for result in node.roomier.results:
            assert result.mapping is not None
            mapping = replace(result.mapping.on_its_machine(), bypass=result.mapping.bypass, buffering=None)
            try:
                evaluation = evaluate(machine, task.layer, mapping, self.options.conventions)
            except MappingError:
                continue
            if task.constraints and constraint_violations(
                machine, task.layer, mapping, task.constraints, self.options.conventions
            ):
                continue
            kept = replace(result, mapping=mapping.with_buffering(evaluation.double_buffered))
            node.offer(with_variant(replace(kept, evaluation=evaluation), key))
        lack = node.missing(weights)
        return lack is not None and lack <= 0

    def _job(self, key: Variant, weights: WeightedSum) -> Job:
        node = self._node(key)
        number = node.found(weights)
        hint = None if number is None else node.results[number].mapping
        if hint is not None:
            hint = replace(hint, resident=None, reserved=None)
        task = self.tasks[key.shape]
        job = replace(task, accelerator=machine_for(task, key), goal=weights, hint=hint)
        job = job.by(gap=self.options.gap / _SHARE)
        return job.by(seed=self.options.seed + 1, cache=None) if weights in node.doubted else job

    def _run(
        self, stage: str, keys: Sequence[Variant], jobs: Sequence[Job]
    ) -> Iterator[tuple[Variant, Result]]:
        """Yield what the searches of a stage find, as it comes."""
        names = [self.tasks[key.shape].layer.name for key in keys]
        estimate = Estimate(len(jobs), self.executor.jobs)
        teller = Changes(lambda: self._tell(stage, estimate.names(names), estimate.left))
        for number, result in self.executor.run(SEARCH, jobs, self.interrupt, Watchers(estimate, teller)):
            yield keys[number], result

    def _take(self, key: Variant, goal: Goal, result: Result) -> None:
        self._node(key).take(goal, result)
        self.faults += (f"layer {self.tasks[key.shape].layer.name}: {fault}" for fault in result.faults)
        self.searches += 1

    def _first_slopes(self) -> list[WeightedSum]:
        """Return the slope at the sum of the layers' own optima."""
        if self.objective not in ("edp", "ed2"):
            return []
        energy, latency = self._sums([0] * len(self.tasks))
        return [tangent(self.objective, energy, latency)] if energy and latency else []

    def _sums(self, numbers: Sequence[int]) -> tuple[Fraction, Fraction]:
        """Return energy and latency with the known mappings of some numbers."""
        points = [self.nodes[key].points[number] for key, number in zip(self.keys, numbers, strict=True)]
        return sum((e for e, _ in points), Fraction(0)), sum((d for _, d in points), Fraction(0))

    def _tell(self, stage: str, running: tuple[str, ...] = (), left: float | None = None) -> None:
        if self.on_progress is None:
            return
        value = self.walk.value
        self.on_progress(
            NetworkProgress(
                self.searches,
                self.walk.slopes,
                None if value is None else float(value),
                float(self.walk.bound),
                None if value is None else gap_of(value, self.walk.bound),
                stage,
                running,
                left,
            )
        )

    # ---- results

    def _result(self) -> NetworkResult:
        walk = self.walk
        value = walk.value
        bound = float_below(walk.bound) if value is not None else 0.0
        gap = None if value is None else gap_of(value, bound)
        results = self._layers()
        known = [result.evaluation for _, result in results if result.evaluation is not None]
        energy = sum((evaluation.energy.exact for evaluation in known), Fraction(0))
        latency = sum((Fraction(evaluation.latency.total) for evaluation in known), Fraction(0))
        return NetworkResult(
            status=self._status(gap),
            accelerator=self.accelerator.name,
            network=self.name,
            objective_name=self.objective,
            conventions=self.options.conventions.name,
            network_layers=tuple(task.layer for task, _ in results),
            layers=tuple(result for _, result in results),
            energy_exact=energy,
            latency_exact=latency,
            exact=value,
            lower_bound=bound,
            gap=gap,
            slope=None if value is None else _slope(self.objective, energy, latency),
            resident=self._resident(),
            alone=self._alone(),
            without=self.without,
            tensors=tuple(self.tensors),
            slopes=walk.slopes,
            searches=self.searches,
            wall_s=time.monotonic() - self.started,
            interrupted=self.interrupt.requested,
            faults=self._faults(),
        )

    def _faults(self) -> tuple[str, ...]:
        """Return what was claimed against the evaluator, each once."""
        own = (
            f"layer {self.tasks[key.shape].layer.name}: {fault}"
            for key, node in self.nodes.items()
            for fault in node.faults
        )
        return tuple(dict.fromkeys((*self.faults, *own, *self.walk.faults)))

    def _status(self, gap: float | None) -> Status:
        if gap is not None:
            return "optimal" if gap <= self.options.gap else "feasible"
        return "infeasible" if any(self.nodes[key].impossible for key in self.keys) else "unknown"

    def _layers(self) -> list[tuple[Job, Result]]:
        """Return the mapping of every layer; where there is none for all, what is known of each by itself."""
        best = self.walk.best
        if best is None:
            known = zip(self.tasks, self.keys, strict=True)
            return [(task, self.own[key]) for task, key in known if key in self.own]
        return [
            (task, self.nodes[key].result(number, self.objective, self.options.gap))
            for task, key, number in zip(self.tasks, best.plan, best.numbers, strict=True)
        ]

    def _resident(self) -> tuple[Resident, ...]:
        """Return what stays on the chip."""
        best = self.walk.best
        if best is None or not self.tensors:
            return ()
        return tuple(
            Resident(
                self.tasks[tensor.producer].layer.name,
                memory,
                self.plans.taken(tensor, memory),
                tuple(task.layer.name for task in self.tasks[tensor.producer : tensor.last + 1]),
            )
            for tensor, memory in self.plans.staying(best.plan)
        )

    def _alone(self) -> Alone | None:
        """Return what the network costs with every layer at its own optimum."""
        best = self.walk.best
        if best is None:
            return None
        energy, latency = self._sums([0] * len(self.tasks))
        value: Fraction = combined(energy, latency, self.objective)
        gave_way = tuple(
            task.layer.name
            for task, key, number in zip(self.tasks, best.plan, best.numbers, strict=True)
            if self._own_value(key, number) > self._own_value(Variant(key.shape), 0)
        )
        return Alone(energy, latency, value, gave_way)

    def _own_value(self, key: Variant, number: int) -> Fraction:
        """Return the objective of a mapping of a layer by itself."""
        value: Fraction = combined(*self.nodes[key].points[number], self.objective)
        return value


def _slope(objective: Objective, energy: Fraction, latency: Fraction) -> float | None:
    """Return how much a cycle counts against a unit of energy at some sums; None where energy does not count.

    The best sums are a corner whose mappings minimise, among others, what the line through it does that touches the
    curve of the objective.
    """
    if objective == "latency":
        return None
    return float(DELAYS[objective] * energy / latency) if latency else None
