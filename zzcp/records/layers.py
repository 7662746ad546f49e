"""Layers with what was found for them, and their totals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from zzcp.cost import Evaluation
from zzcp.cost.evaluation import totals_of
from zzcp.mapping import Mapping
from zzcp.solver.result import Result
from zzcp.workload import Layer


class EvaluatedLayer(NamedTuple):
    """A layer with its mapping and what the mapping costs."""

    layer: Layer
    mapping: Mapping
    evaluation: Evaluation


class Totals(NamedTuple):
    """Layers one after the other: energies and latencies are added, the product is that of the sums.

    Attributes
    ----------
    energy : float
        In pJ.
    latency : int or float
        In cycles.
    edp : float
        In pJ cycles.
    """

    energy: float
    latency: int | float
    edp: float

    @classmethod
    def of(cls, results: Sequence[EvaluatedLayer]) -> Totals:
        """Return the totals of some layers."""
        return cls(*totals_of([result.evaluation for result in results]))


class SolvedLayer(NamedTuple):
    """A layer and what the solver found for it."""

    layer: Layer
    result: Result


def evaluated(results: Sequence[SolvedLayer]) -> list[EvaluatedLayer]:
    """Return the layers that have a mapping."""
    return [
        EvaluatedLayer(layer, result.mapping, result.evaluation)
        for layer, result in results
        if result.mapping is not None and result.evaluation is not None
    ]
