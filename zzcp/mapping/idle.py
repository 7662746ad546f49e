"""Unrollings that leave most of an array idle where another one would not."""

from __future__ import annotations

from zzcp.hardware import Accelerator
from zzcp.mapping.default import full_spatial
from zzcp.mapping.spatial import SpatialMapping
from zzcp.workload import Layer

_FACTOR = 2
"""Fewer idle units are not worth a word."""


def idle_units(
    accelerator: Accelerator, layer: Layer, spatial: SpatialMapping, fewest: int | None = None
) -> str | None:
    """Return what is to be said of an unrolling that leaves more than half of the array idle, or None.

    Nothing is said where another one would not take at most half of the iterations.

    Parameters
    ----------
    accelerator, layer, spatial
        What runs where, in which unrolling.
    fewest : int, optional
        Iterations that another one takes; by default those of a full unrolling (`full_spatial`).
    """
    units, iterations = accelerator.array.units, spatial.cycles(layer)
    if layer.macs * _FACTOR >= iterations * units:
        return None
    others = full_spatial(accelerator, layer).cycles(layer) if fewest is None else fewest
    if others * _FACTOR > iterations:
        return None
    return (
        f"its unrolling keeps {_average(layer.macs, iterations)} of {units:,} units busy on average, another one "
        f"{_average(layer.macs, others)}, which takes {iterations / others:.3g} times fewer iterations: "
        "--spatial auto chooses the best"
    )


def _average(operations: int, iterations: int) -> str:
    return (
        f"{operations / iterations:,.3g}"
        if operations < 1000 * iterations
        else f"{operations // iterations:,}"
    )
