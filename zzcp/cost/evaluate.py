"""`evaluate`: the exact cost of one mapping."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from zzcp.checks import flag, instance
from zzcp.cost.arguments import check_setting
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.evaluator import Evaluator
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

_CACHE_SIZE = 64
_cache: OrderedDict[tuple[Any, ...], tuple[Evaluator, Accelerator, Layer]] = OrderedDict()


def evaluate(
    accelerator: Accelerator,
    layer: Layer,
    mapping: Mapping,
    conventions: CostConventions = EXACT,
    *,
    allow_invalid: bool = False,
) -> Evaluation:
    """Return the exact cost of a given mapping.

    Parameters
    ----------
    accelerator : Accelerator
        The machine.
    layer : Layer
        The layer.
    mapping : Mapping
        Its mapping.
    conventions : CostConventions
        How to count: `EXACT` (the default) or `ZIGZAG`, or fields of your own.
    allow_invalid : bool
        Score a mapping that does not cover the layer, breaks the loop order between operands or overflows a
        memory, too; the result is marked.

    Returns
    -------
    Evaluation
        Energy, latency, accesses and utilization with all breakdowns.

    Raises
    ------
    MappingError
        If the mapping is invalid: what is violated, and by how much.

    Examples
    --------
    >>> import zzcp
    >>> machine = zzcp.load_accelerator("models/accelerators/seed_eyeriss_1_2_4.yaml")  # doctest: +SKIP
    >>> zzcp.evaluate(machine, layer, mapping).latency.total  # doctest: +SKIP
    """
    instance(mapping, Mapping, "mapping", "a Mapping; see Mapping.from_dict")
    evaluator = cached_evaluator(accelerator, layer, mapping.spatial, conventions, mapping.links)
    return evaluator.evaluate(mapping, allow_invalid=flag(allow_invalid, "allow_invalid"))


def cached_evaluator(
    accelerator: Accelerator,
    layer: Layer,
    spatial: SpatialMapping,
    conventions: CostConventions = EXACT,
    links: Any = None,
) -> Evaluator:
    """Return the evaluator of a setting, compiled once for the last few settings in use."""
    check_setting(accelerator, layer, conventions, links)
    instance(spatial, SpatialMapping, "spatial mapping")
    # objects are compared by identity (hashing a machine takes longer than scoring a mapping); keeping them in
    # the entry keeps their ids from being used again
    key = (id(accelerator), id(layer), spatial, conventions, tuple(sorted((links or {}).items())))
    entry = _cache.get(key)
    if entry is None:
        entry = (Evaluator(accelerator, layer, spatial, conventions, links), accelerator, layer)
        _cache[key] = entry
        if len(_cache) > _CACHE_SIZE:
            _cache.popitem(last=False)
    return entry[0]
