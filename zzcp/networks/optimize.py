"""`optimize_network`: the public function, and its checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zzcp.checks import (
    MAX_WORKERS,
    all_of,
    choice,
    duration,
    flag,
    function,
    instance,
    integer,
)
from zzcp.cost.arguments import check_setting
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.objective import OBJECTIVES, Objective
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.mapping.constraints import Constraints, LayerConstraints
from zzcp.mapping.freedom import DEFAULT_MAX_DIMS
from zzcp.mapping.unrollings import UnrollingOptions
from zzcp.networks.progress import NetworkProgress
from zzcp.networks.residency import Tensor, tensors_of
from zzcp.networks.result import NetworkResult
from zzcp.networks.search import search_network
from zzcp.networks.tasks import Unrollings, layer_job
from zzcp.solver.cache import Cache, ResultCache
from zzcp.solver.engines import Engine
from zzcp.solver.options import SearchOptions
from zzcp.workload import Layer, Network


def optimize_network(
    accelerator: Accelerator,
    network: Network | Sequence[Layer],
    objective: Objective = "edp",
    *,
    keep_on_chip: bool = False,
    spatial: Unrollings = None,
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
    scheduler: str | None = None,
    memory_limit: int | None = None,
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
    keep_on_chip : bool
        Whether tensors between layers may stay in memories of the chip; the layers run in their order.
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
    scheduler : str, optional
        Address of the scheduler of a Dask cluster, such as ``tcp://127.0.0.1:8786``, whose workers search instead
        (``docs/cluster.md``).
    memory_limit : int, optional
        Bytes of every search, as for `optimize`.
    on_progress : callable, optional
        Called with a `NetworkProgress` whenever a search begins or ends.

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
    flag(keep_on_chip, "keep_on_chip")
    function(on_progress, "on_progress")
    options = SearchOptions(
        time_limit=duration(time_limit, "time limit"),
        gap=gap,
        seed=seed,
        conventions=conventions,
        engine=engine,
        cache=ResultCache.of(cache),
        memory_limit=memory_limit,
    ).checked()
    max_dims = integer(max_dims, "max_dims", least=1)
    unrollings = UnrollingOptions.of(spatial if isinstance(spatial, str) else None, max_dims)
    tasks = [
        layer_job(accelerator, layer, objective, spatial, unrollings, links, options, constraints)
        for layer in layers
    ]
    jobs = integer(jobs, "jobs", least=1, most=MAX_WORKERS)
    name = network.name if isinstance(network, Network) else "network"
    tensors: Sequence[Tensor] = ()
    if keep_on_chip:
        whole = network if isinstance(network, Network) else Network(name, layers)
        tensors = tensors_of(whole, tasks)
    return search_network(name, tasks, jobs, on_progress, tensors=tensors, scheduler=scheduler)
