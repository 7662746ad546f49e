"""One search as a record: what is asked of which layer on which machine, so that any process can run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.objective import Goal
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping.constraints import Constraints
from zzcp.mapping.mapping import Factors
from zzcp.mapping.unrollings import FULL, Choice, Unrolling
from zzcp.solver.cache import ResultCache
from zzcp.solver.engines import Engine
from zzcp.solver.optimize import optimize
from zzcp.solver.result import KnownBound, Progress, Result
from zzcp.workload import Layer


@dataclass(frozen=True)
class SearchOptions:
    """How every layer is searched; as for `optimize`."""

    time_limit: float | None = 60.0
    gap: float = 1e-4
    seed: int = 0
    conventions: CostConventions = EXACT
    engine: Engine = "auto"
    cache: ResultCache | None = None
    deterministic_limit: float | None = None
    factors: Factors = "perfect"
    max_padding: float | None = None
    memory_limit: int | None = None
    elsewhere: bool = True


def factor_options(factors: Factors, max_padding: float | None) -> dict[str, Any]:
    """Return what of the loops `optimize` is told: nothing where they divide."""
    if factors == "perfect":
        return {}
    return {"factors": factors} | ({} if max_padding is None else {"max_padding": max_padding})


def unrolling_without_choice(factors: Factors) -> Choice | None:
    """Return how an unrolling is found of which nothing is said: with loops that need not divide it is a full one."""
    return FULL if factors == "imperfect" else None


@dataclass(frozen=True)
class Job:
    """One search.

    Parameters
    ----------
    accelerator, layer, goal
        What is minimised of what.
    spatial : SpatialMapping or Freedom
        The unrolling, or what it may be.
    links : mapping of str to str or None
        Memory operands of the operands; None for the default.
    constraints : Constraints
        What the mapping must obey.
    options : SearchOptions
        How.
    hint : Mapping or None
        Where to start.
    known_bound : KnownBound or None
        That is proven elsewhere.
    """

    accelerator: Accelerator
    layer: Layer
    goal: Goal
    spatial: Unrolling
    links: Mapping[str, str] | None = None
    constraints: Constraints = field(default_factory=Constraints)
    options: SearchOptions = field(default_factory=SearchOptions)
    hint: LayerMapping | None = None
    known_bound: KnownBound | None = None


def run_job(job: Job, tell: Callable[[Progress], None] | None = None) -> Result:
    """Search (a function of the module, so that other processes can run it).

    Parameters
    ----------
    job : Job
        What is asked.
    tell : callable, optional
        Called with a `Progress` whenever incumbent or bound improve.
    """
    options = job.options
    rest: dict[str, Any] = {} if options.max_padding is None else {"max_padding": options.max_padding}
    return optimize(
        job.accelerator,
        job.layer,
        job.goal,
        spatial=job.spatial,
        factors=options.factors,
        time_limit=options.time_limit,
        deterministic_limit=options.deterministic_limit,
        gap=options.gap,
        seed=options.seed,
        conventions=options.conventions,
        links=job.links,
        constraints=job.constraints,
        hint=job.hint,
        known_bound=job.known_bound,
        engine=options.engine,
        memory_limit=options.memory_limit,
        cache=options.cache,
        elsewhere=options.elsewhere,
        on_progress=tell,
        **rest,
    )
