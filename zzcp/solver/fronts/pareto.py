"""`pareto`: the exact energy-latency front.

The least energy e(L) of the mappings that take at most L cycles falls as L grows, and the points where it falls are the
front. A point may be missing where the front that is known lies above what is proven of e(L), and a supported point,
one on the convex hull, only where the hull of the known points does (`zzcp.solver.fronts.exploration`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from zzcp.checks import duration, flag, function, integer
from zzcp.cost.arguments import check_setting
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.errors import InputError, Place
from zzcp.hardware import Accelerator
from zzcp.interrupt import Interrupt
from zzcp.mapping import SpatialMapping
from zzcp.mapping.freedom import DEFAULT_MAX_DIMS, Freedom
from zzcp.mapping.mapping import Factors
from zzcp.mapping.unrollings import Choice, unrolling_of
from zzcp.solver.cache import Cache, ResultCache
from zzcp.solver.engines import Engine, joined
from zzcp.solver.fronts.every_unrolling import JointPoints
from zzcp.solver.fronts.exploration import Exploration, FrontProgress
from zzcp.solver.fronts.front import Front, FrontPoint, OpenRange
from zzcp.solver.fronts.kept import from_entry, front_question, is_kept, to_entry
from zzcp.solver.fronts.known import hull
from zzcp.solver.fronts.proofs import Range
from zzcp.solver.fronts.supported import WeightedSearch
from zzcp.solver.job import Job
from zzcp.solver.memory import give_back
from zzcp.solver.options import SearchOptions
from zzcp.workload import Layer


def pareto(
    accelerator: Accelerator,
    layer: Layer,
    *,
    spatial: SpatialMapping | Freedom | Mapping[str, Mapping[str, int]] | Choice | None = None,
    max_dims: int = DEFAULT_MAX_DIMS,
    time_limit: float = 600.0,
    search_limit: float = 60.0,
    max_points: int | None = None,
    supported_only: bool = False,
    gap: float = 1e-4,
    seed: int = 0,
    workers: int = 1,
    conventions: CostConventions = EXACT,
    links: Mapping[str, str] | None = None,
    engine: Engine = "auto",
    factors: Factors = "perfect",
    cache: Cache = None,
    on_progress: Callable[[FrontProgress], None] | None = None,
) -> Front:
    """Return the energy-latency front of a layer: the mappings that no other beats in both, each proven.

    Parameters
    ----------
    accelerator, layer
        The machine and the layer.
    spatial : SpatialMapping, Freedom, dict, "auto" or "full", optional
        The unrolling, or what it may be, as for `optimize`: where it is chosen the front is that of all unrollings.
    max_dims : int
        Layer dimensions on one array dimension, at most, where the unrolling is chosen.
    time_limit : float
        Seconds for the whole front.
    search_limit : float
        Seconds for a single search.
    max_points : int, optional
        The search ends with so many points; they are spread over the front.
    supported_only : bool
        Search only the points on the convex hull, those that are the best for some weights of energy and latency.
    gap : float
        A point may be missing if its energy is below that of the front (or of the hull) by less than this fraction.
        With 0 the front is exact to the last bit, which takes far longer.
    seed, workers, conventions, links, engine, cache
        As for `optimize`. Fronts are kept that no limit of time has ended.
    factors : str
        ``perfect``: fronts are of loops that divide.
    on_progress : callable, optional
        Called with a `FrontProgress` after every search.

    Returns
    -------
    Front
        Also after Ctrl-C or at a limit: what is known, and where points could be missing.

    Raises
    ------
    InputError
        If the arguments are out of range.
    MappingError
        If the unrolling does not fit the array or the layer.

    Examples
    --------
    >>> import zzcp
    >>> front = zzcp.pareto(machine, layer, max_points=10)  # doctest: +SKIP
    >>> front.statement  # doctest: +SKIP
    """
    check_setting(accelerator, layer, conventions, links)
    options = SearchOptions(
        time_limit=duration(time_limit, "time limit"),
        gap=gap,
        seed=seed,
        conventions=conventions,
        engine=engine,
        cache=ResultCache.of(cache),
        factors=factors,
        workers=workers,
    )
    unrolling = unrolling_of(accelerator, layer, spatial, max_dims)
    job = Job(accelerator, layer, "energy", unrolling, links, options=options)
    return front_of(
        job,
        search_limit,
        max_points=max_points,
        supported_only=flag(supported_only, "supported_only"),
        on_progress=on_progress,
    )


def front_of(
    job: Job,
    search_limit: float,
    *,
    max_points: int | None,
    supported_only: bool,
    on_progress: Callable[[FrontProgress], None] | None,
) -> Front:
    """Return the front of a layer; what is not in the job is as for `pareto`."""
    options = job.options.checked()
    check_setting(job.accelerator, job.layer, options.conventions, job.links)
    search_limit = duration(search_limit, "search limit")
    if max_points is not None:
        max_points = integer(max_points, "number of points", least=1)
    function(on_progress, "on_progress")
    if options.factors != "perfect":
        raise InputError(
            "fronts are of loops that divide",
            place=Place(field="factors"),
            expected="perfect; single points of a front are found by optimize with a weighted sum",
            found=options.factors,
        )
    job = replace(job, options=options)

    def explore() -> Front:
        started, own = time.monotonic(), job.by(cache=None)
        search = WeightedSearch(own) if isinstance(job.spatial, SpatialMapping) else JointPoints(own)
        with Interrupt() as interrupt:
            exploration = Exploration(
                search, search_limit, max_points, supported_only, on_progress, interrupt, started
            )
            exploration.run()
        front = _front(exploration)
        del search, exploration
        give_back()
        return front

    kept = options.cache
    if kept is None:
        return explore()
    question = front_question(job, supported_only=supported_only, max_points=max_points)
    front = kept.read(question, lambda entry: from_entry(entry, question))
    if front is None:
        front = explore()
        if is_kept(front, max_points):
            kept.write(question, front.gap, to_entry(front))
    return front


def _front(exploration: Exploration) -> Front:
    """Return what is known after an exploration."""
    job = exploration.search.job
    corners = exploration.corners
    on_hull = hull(corners)

    def point(number: int) -> FrontPoint:
        latency, energy = corners[number]
        bound = min(Fraction(exploration.proofs.at(latency)), energy)
        return FrontPoint(*exploration.known[number], bound, number in on_hull)

    return Front(
        accelerator=job.accelerator.name,
        layer=job.layer,
        conventions=job.options.conventions.name,
        points=tuple(map(point, sorted(on_hull) if exploration.supported_only else range(len(corners)))),
        open=tuple(_merged(exploration.open_ranges(with_given_up=True))),
        gap=exploration.gap,
        solved=exploration.solved,
        interrupted=exploration.interrupted,
        wall_s=time.monotonic() - exploration.started,
        diagnosis=exploration.diagnosis,
        supported_only=exploration.supported_only,
        engine=joined(exploration.engines),
        freedom=job.spatial if isinstance(job.spatial, Freedom) else None,
    )


def _merged(ranges: list[Range]) -> Iterator[OpenRange]:
    """Yield ranges from the lowest latencies up, with those that touch each other united."""
    current: OpenRange | None = None
    for first, last, energy, bound in sorted(ranges, key=lambda entry: entry[0]):
        if current is not None and current.last + 1 == first:
            current = replace(current, last=last, lower_bound=min(current.lower_bound, float(bound)))
            continue
        if current is not None:
            yield current
        current = OpenRange(first, last, None if energy is None else float(energy), float(bound))
    if current is not None:
        yield current
