"""The steps of a joint search: each is a function of what it is given alone, whoever does it and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from zzcp.cost.conventions import CostConventions
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import Goal
from zzcp.hardware import Accelerator
from zzcp.mapping import SpatialMapping
from zzcp.solver.constrained.diagnose import diagnose, is_certain
from zzcp.solver.cpsat.model import certain
from zzcp.solver.lattice.keys import Array
from zzcp.solver.result import Result
from zzcp.solver.unrolling.bounds import CheapBounds
from zzcp.solver.unrolling.choices import Choices
from zzcp.solver.unrolling.common import Common
from zzcp.solver.unrolling.interleaved import interleaved_bounds
from zzcp.solver.unrolling.relaxed import relaxed_bounds
from zzcp.solver.unrolling.root import root_bound
from zzcp.workload import Layer

_FLOAT_ERROR = 2.0**-30
"""More than the relative error of the bounds of relaxations."""


class Solve(NamedTuple):
    """What came of the search of one unrolling.

    Attributes
    ----------
    result : Result
        Its best mapping, if it has one.
    value : Fraction or None
        The exact objective of that mapping.
    bound : float
        No mapping with this unrolling is better than this, or than the rival; infinite where it has none.
    closed : bool
        Whether nothing is left to do.
    """

    result: Result
    value: Fraction | None
    bound: float
    closed: bool


class Cheap(NamedTuple):
    """What the cheap bounds leave of a block of unrollings.

    Attributes
    ----------
    rows, bounds : ndarray
        Those that are left, and their bounds.
    seen : int
        Unrollings in the block.
    unfit : int
        Those whose smallest tiles do not fit.
    worse : int
        Those that are no better than what is to be beaten.
    """

    rows: Array
    bounds: Array
    seen: int
    unfit: int
    worse: int


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Bounds and searches of unrollings of a layer on an accelerator.

    Parameters
    ----------
    accelerator, layer, objective, conventions, links
        What is asked.
    choices : Choices
        The unrollings.
    common : Common
        What they have in common.
    solve : callable
        Searches one unrolling within some seconds, for what is better than a rival's objective, with so much work.
    root : callable, optional
        Bounds the mappings of one unrolling by their relaxation, in place of `zzcp.solver.unrolling.root.root_bound`.
    """

    accelerator: Accelerator
    layer: Layer
    objective: Goal
    conventions: CostConventions
    links: Mapping[str, str] | None
    choices: Choices
    common: Common
    solve: Callable[..., Solve]
    root: Callable[[Evaluator, Goal, float, float], float] | None

    @property
    def bounds(self) -> CheapBounds:
        """The cheap bounds of all unrollings."""
        return CheapBounds(self.common, self.objective)

    def evaluator(self, spatial: SpatialMapping) -> Evaluator:
        """Return the evaluator of an unrolling."""
        return Evaluator(self.accelerator, self.layer, spatial, self.conventions, self.links)

    def cheap(self, start: int, lanes: float, ceiling: float) -> Cheap:
        """Bound the block of unrollings that starts at a place, of at least so many lanes, against a ceiling."""
        block = self.choices.block(start, lanes)
        values = self.bounds.of(block, ceiling)
        fits = np.isfinite(values)
        may = fits & (values < ceiling)
        return Cheap(
            block[may].astype(np.int32),
            values[may],
            len(block),
            int((~fits).sum()),
            int((fits & ~may).sum()),
        )

    def ordered(self, block: Array, value: float, known: Array) -> Array:
        """Return the bounds of unrollings by the orders of their boundaries, against a value."""
        return interleaved_bounds(self.common, block, self.objective, value, known)

    def relaxed(self, block: Array, value: float, known: Array) -> Array:
        """Return the bounds of unrollings that are relaxed together, against a value."""
        return relaxed_bounds(self.common, block, self.objective, value, known)

    def rooted(self, choice: tuple[int, ...], value: float, known: float) -> float | None:
        """Return the bound of an unrolling's whole relaxation, against a value, or None where it has no mapping."""
        evaluator = self.evaluator(self.choices.spatial(choice))
        if diagnose(evaluator.model) is not None and is_certain(evaluator.model):
            return None
        found = (self.root or root_bound)(evaluator, self.objective, value, known)
        return found * float(certain(evaluator.model)) * (1 - _FLOAT_ERROR)

    def searched(self, choice: tuple[int, ...], rival: Fraction | None, seconds: float, work: float) -> Solve:
        """Search an unrolling for what is better than a rival."""
        return self.solve(self.choices.spatial(choice), seconds, rival, work)
