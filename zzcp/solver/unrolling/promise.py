"""The unrolling that promises most among some: what a given one that leaves an array idle is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from zzcp.cost.conventions import CostConventions
from zzcp.cost.objective import Goal
from zzcp.hardware import Accelerator
from zzcp.mapping import SpatialMapping
from zzcp.mapping.freedom import Freedom
from zzcp.solver.unrolling.bounds import CheapBounds
from zzcp.solver.unrolling.choices import choices_of
from zzcp.solver.unrolling.common import Common
from zzcp.solver.unrolling.interleaved import interleaved_bounds
from zzcp.workload import Layer

_SAMPLED, _ORDERED = 2**12, 2**8
"""Unrollings of which cheap bounds are computed, and of how many of these those by the orders of boundaries."""


class Promise(NamedTuple):
    """An unrolling and what its mappings may come to.

    Attributes
    ----------
    spatial : SpatialMapping
        The unrolling with the least bound among some.
    bound : float
        No mapping of it is better.
    iterations : int
        The fewest iterations that one of them takes.
    """

    spatial: SpatialMapping
    bound: float
    iterations: int


def most_promising(
    accelerator: Accelerator,
    layer: Layer,
    goal: Goal,
    conventions: CostConventions,
    links: Mapping[str, str] | None,
    freedom: Freedom,
) -> Promise | None:
    """Return what the most promising unrolling among some of a space promises; None where none seems to fit.

    Takes a tenth of a second or so; no mapping is looked for.

    Parameters
    ----------
    accelerator, layer, goal, conventions, links
        What is minimised of what.
    freedom : Freedom
        What the unrolling may be.
    """
    choices = choices_of(accelerator, layer, freedom, fractional=conventions.fractional_unrolling)
    if not choices.groups or choices.is_empty:
        return None
    common = Common.of(accelerator, layer, conventions, links, choices)
    block = choices.some(_SAMPLED, np.random.default_rng(0))
    bounds = CheapBounds(common, goal).of(block)
    least = np.argsort(bounds, kind="stable")[:_ORDERED]
    least = least[np.isfinite(bounds[least])]
    if not len(least):
        return None
    fewest = int(choices.iterations(block[np.isfinite(bounds)]).prod(axis=1).min())
    block, bounds = block[least], bounds[least]
    bounds = interleaved_bounds(common, block, goal, float(bounds.max()) * 1e3, bounds)
    at = int(np.argmin(bounds))
    if not np.isfinite(bounds[at]):
        return None
    return Promise(choices.spatial(block[at]), float(bounds[at]), fewest)
