"""`optimize_network`: the public function, and the searches behind a walk."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from zzcp.checks import (
    MAX_WORKERS,
    all_of,
    check_seed,
    choice,
    duration,
    function,
    gap_tolerance,
    instance,
    integer,
)
from zzcp.cost.arguments import check_setting
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.objective import DELAYS, OBJECTIVES, Goal, Objective, WeightedSum, combined
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.interrupt import Interrupt
from zzcp.mapping.constraints import Constraints, LayerConstraints
from zzcp.mapping.freedom import DEFAULT_MAX_DIMS
from zzcp.networks.bounds import tangent
from zzcp.networks.nodes import Node
from zzcp.networks.result import Alone, NetworkResult
from zzcp.networks.tasks import (
    Job,
    LayerTask,
    SearchOptions,
    Unrollings,
    distinct,
    layer_task,
    run_job,
)
from zzcp.networks.walk import Walk
from zzcp.runs import Executor, executor_for
from zzcp.solver.cache import Cache, ResultCache
from zzcp.solver.engines import Engine, check_engine
from zzcp.solver.result import Result, Status, float_below, gap_of
from zzcp.workload import Layer, Network

_SHARE = 8
"""The gap of every search is this share of the gap of the network, whose product sums up two of them."""


@dataclass(frozen=True, slots=True)
class NetworkProgress:
    """How far the search of a network is.

    Parameters
    ----------
    searches : int
        Searches of layers that are done.
    slopes : int
        Slopes that were looked at.
    objective, lower_bound, gap : float or None
        Of the network.
    stage : str
        What is being done.
    """

    searches: int
    slopes: int
    objective: float | None
    lower_bound: float
    gap: float | None
    stage: str


def optimize_network(
    accelerator: Accelerator,
    network: Network | Sequence[Layer],
    objective: Objective = "edp",
    *,
    spatial: Unrollings = "auto",
    max_dims: int = DEFAULT_MAX_DIMS,
    time_limit: float = 60.0,
    gap: float = 1e-4,
    seed: int = 0,
    conventions: CostConventions = EXACT,
    links: Mapping[str, str] | None = None,
    constraints: Constraints | LayerConstraints | Mapping[str, Any] | None = None,
    engine: Engine = "auto",
    cache: Cache = None,
    jobs: int = 1,
    on_progress: Callable[[NetworkProgress], None] | None = None,
) -> NetworkResult:
    """Return the mappings of all layers that are the best for the network as a whole, with one proven bound.

    The layers run one after the other: energies and latencies are added, and the objective is that of the sums. A
    mapping that is not the best for its layer may be the best for the network, which the sum of the layers' optima
    does not tell (``docs/network.md``).

    Parameters
    ----------
    accelerator : Accelerator
        The machine.
    network : Network or sequence of Layer
        The layers; those of equal shape are solved once.
    objective : str
        What is minimised of the sums: ``edp``, ``energy``, ``latency`` or ``ed2``.
    spatial : SpatialMapping, Freedom, dict, MappingFile or "auto", optional
        The unrollings, as for `optimize`, or of a mapping file; what a layer cannot use of them is left out.
    max_dims : int
        Layer dimensions on one array dimension, at most, where the unrolling is chosen.
    time_limit : float
        Seconds for every search of a layer.
    gap : float
        Relative distance of the objective to the bound at which the network counts as optimal.
    seed : int
        Of all random choices.
    conventions, links, engine, cache
        As for `optimize`.
    constraints : Constraints, LayerConstraints or dict, optional
        What every mapping must obey.
    jobs : int
        Searches side by side, in processes of their own.
    on_progress : callable, optional
        Called with a `NetworkProgress` after every search.

    Returns
    -------
    NetworkResult
        Also after Ctrl-C or at a limit: the best so far, with its gap.

    Raises
    ------
    InputError
        If the arguments are out of range.
    MappingError
        If an unrolling does not fit the array or a layer.

    Examples
    --------
    >>> import zzcp
    >>> best = zzcp.optimize_network(machine, zzcp.load_workload("net.onnx"), jobs=2)  # doctest: +SKIP
    >>> best.status, best.gain  # doctest: +SKIP
    """
    layers = network.layers if isinstance(network, Network) else all_of(network, Layer, "network", "layers")
    if not layers:
        raise InputError("nothing to solve", expected="a network with at least one layer")
    instance(accelerator, Accelerator, "accelerator", "an Accelerator, as load_accelerator returns it")
    for layer in layers:
        check_setting(accelerator, layer, conventions, links)
    choice(objective, "objective", OBJECTIVES)
    check_engine(engine)
    function(on_progress, "on_progress")
    gap = gap_tolerance(gap)
    options = SearchOptions(
        time_limit=duration(time_limit, "time limit"),
        gap=gap,
        seed=check_seed(seed),
        conventions=conventions,
        engine=engine,
        cache=ResultCache.of(cache),
    )
    max_dims = integer(max_dims, "max_dims", least=1)
    tasks = [layer_task(accelerator, layer, spatial, max_dims, links, constraints) for layer in layers]
    jobs = integer(jobs, "jobs", least=1, most=MAX_WORKERS)
    name = network.name if isinstance(network, Network) else "network"
    return search_network(accelerator, name, tasks, objective, gap, options, jobs, on_progress)


def search_network(
    accelerator: Accelerator,
    name: str,
    tasks: Sequence[LayerTask],
    objective: Objective,
    gap: float,
    options: SearchOptions,
    jobs: int = 1,
    on_progress: Callable[[NetworkProgress], None] | None = None,
    enough: Fraction | None = None,
) -> NetworkResult:
    """Return the best mappings of some layers together.

    Parameters
    ----------
    accelerator, name, objective, gap, jobs, on_progress
        As for `optimize_network`.
    tasks : sequence of LayerTask
        The layers.
    options : SearchOptions
        How every layer is searched.
    enough : Fraction, optional
        A bound with which the search ends.
    """
    with Interrupt() as interrupt, executor_for(min(jobs, len(set(distinct(tasks))))) as executor:
        search = _Search(
            accelerator, name, tuple(tasks), objective, gap, options, executor, interrupt, on_progress, enough
        )
        return search.run()


@dataclass(frozen=True, slots=True)
class _OnePlan:
    """The only plan where nothing stays on the chip: every layer at its own node."""

    keys: tuple[int, ...]

    def cheapest(self, value: Callable[[int], Fraction | None]) -> tuple[Fraction, Sequence[int]] | None:
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

    accelerator: Accelerator
    name: str
    tasks: tuple[LayerTask, ...]
    objective: Objective
    gap: float
    options: SearchOptions
    executor: Executor
    interrupt: Interrupt
    on_progress: Callable[[NetworkProgress], None] | None
    enough: Fraction | None = None
    started: float = field(default_factory=time.monotonic)
    nodes: dict[int, Node] = field(default_factory=dict)
    own: dict[int, Result] = field(default_factory=dict)
    searches: int = 0
    walk: Walk[int] = field(init=False)

    def __post_init__(self) -> None:
        keys = tuple(distinct(self.tasks))
        self.nodes = {key: Node() for key in keys}
        self.walk = Walk(
            self.objective, _OnePlan(keys), self.nodes.__getitem__, self._solve, self.gap, self.enough
        )

    @property
    def keys(self) -> tuple[int, ...]:
        """The node of every layer."""
        return tuple(distinct(self.tasks))

    def run(self) -> NetworkResult:
        """Solve every layer by itself, then walk."""
        self._solve_alone()
        if len(self.own) == len(self.nodes) and all(node.points for node in self.nodes.values()):
            self._tell("walk over the common slope")
            self.walk.run(self._first_slopes())
        return self._result()

    # ---- searches

    def _solve_alone(self) -> None:
        """Find every layer's own optimum."""
        keys = list(self.nodes)
        jobs = [Job(self.accelerator, self.tasks[key], self.objective, self.options) for key in keys]
        for number, result in self.executor.run(run_job, jobs, self.interrupt):
            self._take(keys[number], self.objective, result)
            self.own[keys[number]] = result
            self._tell(f"layer {self.tasks[keys[number]].layer.name}")

    def _solve(self, keys: Sequence[int], weights: WeightedSum) -> bool:
        """Search some layers for weights; return whether to go on."""
        jobs = [self._job(key, weights) for key in keys]
        for number, result in self.executor.run(run_job, jobs, self.interrupt):
            self._take(keys[number], weights, result)
            self._tell(f"layer {self.tasks[keys[number]].layer.name}")
        return not self.interrupt.requested

    def _job(self, key: int, weights: WeightedSum) -> Job:
        node = self.nodes[key]
        number = node.found(weights)
        hint = None if number is None else node.results[number].mapping
        options = replace(self.options, gap=self.options.gap / _SHARE)
        return Job(self.accelerator, self.tasks[key], weights, options, hint)

    def _take(self, key: int, goal: Goal, result: Result) -> None:
        self.nodes[key].take(goal, result)
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

    def _tell(self, stage: str) -> None:
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
            )
        )

    # ---- results

    def _result(self) -> NetworkResult:
        walk = self.walk
        value = walk.value
        bound = float_below(min(walk.bound, value)) if value is not None else 0.0
        gap = None if value is None else gap_of(value, bound)
        energy, latency = (
            (Fraction(0), Fraction(0)) if walk.best is None else (walk.best.energy, walk.best.latency)
        )
        results = self._layers()
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
            alone=self._alone(),
            slopes=walk.slopes,
            searches=self.searches,
            wall_s=time.monotonic() - self.started,
            interrupted=self.interrupt.requested,
        )

    def _status(self, gap: float | None) -> Status:
        if gap is not None:
            return "optimal" if gap <= self.gap else "feasible"
        return "infeasible" if any(node.impossible for node in self.nodes.values()) else "unknown"

    def _layers(self) -> list[tuple[LayerTask, Result]]:
        """Return the mapping of every layer; where there is none for all, what is known of each by itself."""
        best = self.walk.best
        if best is None:
            known = zip(self.tasks, self.keys, strict=True)
            return [(task, self.own[key]) for task, key in known if key in self.own]
        return [
            (task, self.nodes[key].result(number, self.objective, self.gap))
            for task, key, number in zip(self.tasks, best.plan, best.numbers, strict=True)
        ]

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
            if self._own_value(key, number) > self._own_value(key, 0)
        )
        return Alone(energy, latency, value, gave_way)

    def _own_value(self, key: int, number: int) -> Fraction:
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
