"""What every mapper takes and returns: the problem, the budget, the samples on the way, and the search.

A mapper is anything with a `name` and a method `map`; `zzcp.mappers.run.Run` takes care of the budget, of
interrupts, of the best mapping so far and of the history, so that a mapper only says which candidates to score.
"""

from __future__ import annotations

import collections.abc
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

from zzcp.checks import check_seed, choice, duration, instance, integer
from zzcp.cost.arguments import check_setting
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.objective import OBJECTIVES, Goal, WeightedSum, objective_of
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be mapped, and what counts.

    Parameters
    ----------
    accelerator, layer : Accelerator, Layer
        What runs on what.
    spatial : SpatialMapping
        The unrolling, which no mapper changes.
    objective : str
        ``edp`` (energy times latency), ``energy``, ``latency`` or ``ed2`` (energy times the square of the latency);
        or a `WeightedSum`.
    conventions : CostConventions
        How to count.
    links : mapping of str to str, optional
        Memory operand of every operand, where not the default.

    Raises
    ------
    InputError
        If the objective is unknown.
    """

    accelerator: Accelerator
    layer: Layer
    spatial: SpatialMapping
    objective: Goal = "edp"
    conventions: CostConventions = EXACT
    links: collections.abc.Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        check_setting(self.accelerator, self.layer, self.conventions, self.links)
        instance(self.spatial, SpatialMapping, "spatial mapping")
        if not isinstance(self.objective, WeightedSum):
            choice(self.objective, "objective", OBJECTIVES)

    def value(self, evaluation: Evaluation) -> Fraction:
        """Return the objective of an evaluation as an exact rational."""
        return objective_of(evaluation, self.objective)


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a mapper may search. Where nothing is set, it stops by its own rule.

    Parameters
    ----------
    evaluations : int, optional
        Most candidates that may be tried; never exceeded. A candidate that does not fit into the memories counts.
    seconds : float, optional
        Wall time after which no new batch of candidates is begun; the first one always is.
    seed : int
        Of all random choices: the same seed, problem and evaluations give the same mapping, as long as the seconds
        do not end the search.

    Raises
    ------
    InputError
        If a limit is not positive, or the seed is negative.
    """

    evaluations: int | None = None
    seconds: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.evaluations is not None:
            evaluations = integer(self.evaluations, "budget of evaluations", least=1)
            object.__setattr__(self, "evaluations", evaluations)
        if self.seconds is not None:
            object.__setattr__(self, "seconds", duration(self.seconds, "budget of seconds"))
        object.__setattr__(self, "seed", check_seed(self.seed))


@dataclass(frozen=True, slots=True)
class Sample:
    """The best mapping improved.

    Parameters
    ----------
    seconds : float
        Since the start of the search.
    evaluations : int
        Candidates tried until then.
    objective : float
        Objective of the new best mapping.
    """

    seconds: float
    evaluations: int
    objective: float


@dataclass(frozen=True, slots=True)
class Search:
    """The outcome of a mapper.

    Parameters
    ----------
    mapper : str
        Its name.
    mapping : Mapping or None
        The best valid mapping found; None if there was none.
    evaluation : Evaluation or None
        Its cost under the problem's conventions.
    objective : float or None
        Its objective.
    evaluations : int
        Candidates tried.
    wall_s : float
        Seconds.
    history : tuple of Sample
        Every improvement, in order: objectives fall, the last is that of the mapping.
    interrupted : bool
        Whether the user stopped the search.
    """

    mapper: str
    mapping: Mapping | None
    evaluation: Evaluation | None
    objective: float | None
    evaluations: int
    wall_s: float
    history: tuple[Sample, ...] = ()
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data: dict[str, Any] = {
            "name": self.mapper,
            "objective": self.objective,
            "evaluations": self.evaluations,
            "wall_s": round(self.wall_s, 3),
        }
        if self.mapping is not None and self.evaluation is not None:
            mapping = self.mapping.to_dict()
            data["spatial_mapping"] = mapping["spatial_mapping"]
            data["temporal_mapping"] = mapping["temporal_mapping"]
            data["evaluation"] = self.evaluation.to_dict()
        if self.interrupted:
            data["interrupted"] = True
        return data


OnBest = Callable[[Sample], None]
"""What a mapper calls with every improvement."""


@runtime_checkable
class Mapper(Protocol):
    """A way to a good mapping. Anything with these two members is one; it need not derive from this class."""

    @property
    def name(self) -> str:
        """What tables and messages call it."""
        ...

    def map(self, problem: Problem, budget: Budget, *, on_best: OnBest | None = None) -> Search:
        """Search a mapping within a budget.

        Parameters
        ----------
        problem : Problem
            What is to be mapped, and what counts.
        budget : Budget
            How long to search.
        on_best : callable, optional
            Called with every improvement, in the thread of the caller.

        Raises
        ------
        MappingError
            If the unrolling does not fit the array or the layer.
        """
        ...
