"""What every mapper found for every layer, how far it is from what is proven, and how it did over all layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from zzcp.cost.evaluation import Evaluation, plain
from zzcp.cost.objective import objective_of
from zzcp.mappers.protocol import Sample
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.solver.result import Progress, Result
from zzcp.workload import Layer

SOLVER = "zzcp"
"""What tables call the solver among the mappers."""
CLOSE = Fraction(101, 100)
"""An objective at most this many times the reference counts as reached."""


@dataclass(frozen=True, slots=True)
class MapperResult:
    """What one mapper found for one layer, scored by the one evaluator of the comparison.

    Parameters
    ----------
    name : str
        The mapper.
    mapping : Mapping or None
        Its best mapping; None if it found none that is valid.
    evaluation : Evaluation or None
        The exact cost of that mapping.
    value : Fraction or None
        Its objective, exact.
    distance : float or None
        Objective / reference - 1 (see `ComparedLayer.reference`); None without a mapping or a reference above zero.
    evaluations : int
        Candidates tried.
    wall_s : float
        Seconds.
    close : Sample or None
        When the objective came within 1 % of the reference for the first time.
    history : tuple of Sample
        Every improvement.
    interrupted : bool
        Whether the user stopped it.
    fault : str or None
        Why its mapping does not count: it was invalid, or not in the given unrolling.
    """

    name: str
    mapping: LayerMapping | None
    evaluation: Evaluation | None
    value: Fraction | None
    distance: float | None
    evaluations: int
    wall_s: float
    close: Sample | None = None
    history: tuple[Sample, ...] = ()
    interrupted: bool = False
    fault: str | None = None

    @property
    def objective(self) -> float | None:
        """Objective of the mapping."""
        return None if self.value is None else float(self.value)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: an entry of ``mappers`` of a layer."""
        doubled = None if self.evaluation is None else self.evaluation.double_buffered
        form = {} if self.mapping is None else self.mapping.with_buffering(doubled).to_dict()
        return {
            "name": self.name,
            "objective": self.objective,
            "distance": self.distance,
            "evaluations": self.evaluations,
            "wall_s": round(self.wall_s, 3),
            **{key: form.get(key) for key in ("spatial_mapping", "temporal_mapping", "double_buffered")},
            "evaluation": None if self.evaluation is None else self.evaluation.to_dict(),
            "within_1_percent": None if self.close is None else _sample(self.close),
            "history": [_sample(sample) for sample in self.history],
            "interrupted": self.interrupted,
            "fault": self.fault,
        }


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "evaluations": sample.evaluations,
        "objective": sample.objective,
        "wall_s": round(sample.seconds, 6),
    }


@dataclass(frozen=True, slots=True)
class ComparedLayer:
    """A layer, what is proven about it, and what the mappers found.

    Parameters
    ----------
    layer : Layer
        The layer.
    spatial : SpatialMapping
        The unrolling, the same for all mappers: the given one, or the one that was chosen.
    result : Result
        Of the solver.
    mappers : tuple of MapperResult
        Of the mappers.
    trace : tuple of Progress
        The solver's incumbents and bounds on the way.
    """

    layer: Layer
    spatial: SpatialMapping
    result: Result
    mappers: tuple[MapperResult, ...]
    trace: tuple[Progress, ...] = ()

    @property
    def proven(self) -> bool:
        """Whether the reference is the proven optimum; else it is the proven lower bound, and distances are limits."""
        return self.result.status == "optimal"

    @property
    def reference(self) -> Fraction | None:
        """The proven optimum (within the solver's gap), else the lower bound; None where the bound is zero."""
        return reference_of(self.result)

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped something of it."""
        return self.result.interrupted or any(mapper.interrupted for mapper in self.mappers)

    @property
    def refutations(self) -> tuple[str, ...]:
        """Mappings that contradict what is proven, in words. There must be none."""
        found = []
        for mapper in self.mappers:
            if mapper.value is None:
                continue
            if self.result.status == "infeasible":
                found.append(
                    f"layer {self.layer.name}: {mapper.name} found a valid mapping where none was proven to exist"
                )
            elif mapper.value < Fraction(self.result.lower_bound):
                found.append(
                    f"layer {self.layer.name}: the mapping of {mapper.name} has the objective {mapper.objective!r}, "
                    f"below the proven bound {self.result.lower_bound!r}"
                )
        return tuple(found)

    @property
    def close_s(self) -> float | None:
        """Seconds until the solver's incumbent was within 1 % of the reference; None if it never was."""
        reference = self.reference
        if reference is None:
            return None
        for progress in self.trace:
            if progress.objective is not None and Fraction(progress.objective) <= CLOSE * reference:
                return progress.seconds
        value = value_of(self.result)
        return self.result.wall_s if value is not None and value <= CLOSE * reference else None

    def mapper(self, name: str) -> MapperResult:
        """Return the result of a mapper."""
        return next(mapper for mapper in self.mappers if mapper.name == name)


def value_of(result: Result) -> Fraction | None:
    """Return the exact objective of the solver's mapping."""
    return None if result.evaluation is None else objective_of(result.evaluation, result.objective_name)


def reference_of(result: Result) -> Fraction | None:
    """Return what distances refer to: the proven optimum, else the lower bound, if it is above zero."""
    value = value_of(result) if result.status == "optimal" else Fraction(result.lower_bound)
    return value if value is not None and value > 0 else None


@dataclass(frozen=True, slots=True)
class Standing:
    """How one mapper, or the solver, did over all layers.

    Parameters
    ----------
    name : str
        Which.
    layers : int
        Layers that it has a mapping of; the totals are those of these layers.
    energy, latency, edp : float
        Energies and cycles added, and the product of these sums.
    mean, worst : float or None
        Geometric mean and greatest of the distances (of the ratios to the references, minus 1).
    evaluations : int or None
        Candidates tried, for each shape once; None for the solver.
    wall_s : float
        Seconds, for each shape once.
    close : int
        Layers on which it came within 1 % of the reference.
    close_s : float or None
        Geometric mean of the seconds that this took on these layers.
    """

    name: str
    layers: int
    energy: float
    latency: int | float
    edp: float
    mean: float | None
    worst: float | None
    evaluations: int | None
    wall_s: float
    close: int
    close_s: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "name": self.name,
            "layers": self.layers,
            "energy": self.energy,
            "latency": self.latency,
            "edp": self.edp,
            "distance_geometric_mean": self.mean,
            "distance_greatest": self.worst,
            "evaluations": self.evaluations,
            "wall_s": round(self.wall_s, 3),
            "within_1_percent": {
                "layers": self.close,
                "wall_s": None if self.close_s is None else round(self.close_s, 6),
            },
        }


def standing_of(
    name: str,
    evaluations: Sequence[Evaluation],
    distances: Sequence[float],
    tried: int | None,
    seconds: float,
    close: Sequence[float | None],
) -> Standing:
    """Return the standing of one mapper from what it found.

    Parameters
    ----------
    name : str
        Which.
    evaluations : sequence of Evaluation
        Costs of its mappings, one a layer.
    distances : sequence of float
        Their distances from the references.
    tried : int or None
        Candidates tried, for each shape once.
    seconds : float
        For each shape once.
    close : sequence of float or None
        Per layer the seconds until it was within 1 % of the reference.
    """
    energy = sum(evaluation.energy.total for evaluation in evaluations)
    latency = plain(sum(evaluation.latency.total for evaluation in evaluations))
    reached = [value for value in close if value is not None]
    mean = geometric_mean(1 + distance for distance in distances)
    return Standing(
        name=name,
        layers=len(evaluations),
        energy=energy,
        latency=latency,
        edp=energy * latency,
        mean=None if mean is None else mean - 1,
        worst=max(distances, default=None),
        evaluations=tried,
        wall_s=seconds,
        close=len(reached),
        close_s=geometric_mean(max(value, 1e-6) for value in reached),
    )


def geometric_mean(values: Iterable[float]) -> float | None:
    """Return the geometric mean of positive numbers, or None of none."""
    logs = [math.log(value) for value in values]
    return math.exp(math.fsum(logs) / len(logs)) if logs else None
