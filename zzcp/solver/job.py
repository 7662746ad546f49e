"""One search as a record: what is asked of which layer on which machine, so that any process can run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zzcp.cost.conventions import CostConventions
from zzcp.cost.objective import Goal
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.constraints import Constraints
from zzcp.mapping.unrollings import Unrolling
from zzcp.solver.cache.question import Question
from zzcp.solver.options import SearchOptions
from zzcp.solver.result import KnownBound
from zzcp.workload import Layer

Setting = tuple[Accelerator, Layer, SpatialMapping, CostConventions, Mapping[str, str] | None]
"""What an evaluator is made of."""


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

    @property
    def shape(self) -> object:
        """What tells layers apart that are searched alike: those of equal shape have the same results."""
        links = tuple(sorted((self.links or {}).items()))
        return self.layer.signature(), self.spatial, links, self.constraints

    @property
    def all_links(self) -> dict[str, str]:
        """Memory operand of every operand."""
        return dict(self.layer.default_links) | dict(self.links or {})

    def by(self, **changes: Any) -> Job:
        """Return the same search by other options."""
        return replace(self, options=replace(self.options, **changes))

    @property
    def setting(self) -> Setting:
        """What an evaluator is made of, where the unrolling is one."""
        assert isinstance(self.spatial, SpatialMapping)
        return self.accelerator, self.layer, self.spatial, self.options.conventions, self.links

    @property
    def question(self) -> Question:
        """The search as a question to the cache."""
        return Question(
            self.accelerator,
            self.layer,
            self.spatial,
            self.goal,
            self.options.conventions,
            self.links,
            self.constraints,
            self.options.deciding,
        )
