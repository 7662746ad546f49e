"""Rules: constraints compiled for one layer on one machine, in terms of positions instead of names.

Operands are positions in `Setting.operands`, levels are memory levels, innermost 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from zzcp.cost.setting.lookups import primes_of
from zzcp.mapping.constraints import (
    Bypass,
    Constraint,
    DoubleBuffering,
    EvenMapping,
    MaxEnergy,
    MaxLatency,
    MinUtilization,
    TileElements,
    TileSize,
)
from zzcp.mapping.unrolling_constraints import UnrollingConstraint

Tenant = tuple[int, int]
"""Operand and its level."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a loop order.

    Parameters
    ----------
    dims : frozenset of str
        Dimensions of its loops.
    size : int or None
        Iterations of its only dimension; None for any loops over the dimensions, or none at all.
    """

    dims: frozenset[str]
    size: int | None = None


@dataclass(frozen=True, slots=True)
class OrderRule:
    """The loop order consists of some steps, innermost first."""

    constraint: Constraint
    steps: tuple[Step, ...]

    def matches(self, runs: Sequence[tuple[str, int]]) -> bool:
        """Return whether an order does, given as loops without two neighbours over one dimension."""
        order, steps = [*runs, ("", 1)], self.steps

        @cache
        def fits(step: int, run: int, left: int) -> bool:
            """Whether the steps from one on match the order from a loop on, of which some iterations are left."""
            dim = order[run][0]
            if left == 1 and dim:
                return fits(step, run + 1, order[run + 1][1])
            if step == len(steps):
                return not dim
            dims, size = steps[step].dims, steps[step].size
            if size is not None:
                return left % size == 0 and (size == 1 or dim in dims) and fits(step + 1, run, left // size)
            return fits(step + 1, run, left) or (
                dim in dims and any(fits(step, run, left // prime) for prime in primes_of(left))
            )

        return fits(0, 0, order[0][1])


@dataclass(frozen=True, slots=True)
class _Bounded:
    """A number with bounds."""

    least: int | None
    most: int | None

    def allows(self, value: Any, rounding: float = 0) -> bool:
        """Return whether a number is within the bounds."""
        above = self.least is None or value >= self.least - rounding
        return bool(above and (self.most is None or value <= self.most + rounding))


@dataclass(frozen=True, slots=True)
class TileRule(_Bounded):
    """Iterations of a dimension in a tile; with `lanes` of it, at most `whole`."""

    constraint: TileSize
    operand: int
    level: int
    dim: str
    lanes: int
    whole: int

    def counted(self, iterations: int) -> int:
        """Return what counts for a number of iterations."""
        return iterations if not self.constraint.spatial else min(self.whole, iterations * self.lanes)


@dataclass(frozen=True, slots=True)
class ElementsRule(_Bounded):
    """Elements of a tile."""

    constraint: TileElements
    operand: int
    level: int


@dataclass(frozen=True, slots=True)
class EvenRule:
    """The tenants of every group have one boundary; of the pairs `nested` the first group lies below the second."""

    constraint: EvenMapping
    groups: tuple[tuple[Tenant, ...], ...]
    nested: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class BufferRule:
    """A refilled tile is, or is not, kept twice."""

    constraint: DoubleBuffering
    operand: int
    level: int
    twice: bool


@dataclass(frozen=True, slots=True)
class UtilizationRule:
    """Tenants of a memory of so many bits fill a share of it."""

    constraint: MinUtilization
    tenants: tuple[Tenant, ...]
    size: int
    share: Fraction


@dataclass(frozen=True, slots=True)
class LatencyRule:
    """Most cycles."""

    constraint: MaxLatency
    cycles: int


@dataclass(frozen=True, slots=True)
class EnergyRule:
    """Most energy; what is the same as a float is within the budget."""

    constraint: MaxEnergy
    energy: Fraction

    @property
    def most(self) -> Fraction:
        """The budget, with the rounding of floats: a budget taken from a report must hold for what it reports."""
        return self.energy * (1 + Fraction(1, 2**52))


@dataclass(frozen=True, slots=True)
class BypassRule:
    """An operand has no level in a memory: whether that is so is a property of the machine."""

    constraint: Bypass
    obeyed: bool


@dataclass(frozen=True, slots=True)
class UnrollingRule:
    """What is asked of the unrolling: whether it is so is known before any mapping is."""

    constraint: UnrollingConstraint
    violation: str | None


Rule = (
    OrderRule
    | TileRule
    | ElementsRule
    | EvenRule
    | BufferRule
    | UtilizationRule
    | LatencyRule
    | EnergyRule
    | BypassRule
    | UnrollingRule
)
