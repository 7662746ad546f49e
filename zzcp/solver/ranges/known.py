"""Chains that relaxations have found: what they cost under any weights and multipliers, for those that come after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zzcp.solver.lattice.keys import Array, Place, Vector
from zzcp.solver.lattice.lattice import Lattice

Chain = Mapping[Place, Vector]
_MOST = 48
"""Chains that are remembered, the last ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """What a chain comes to.

    Parameters
    ----------
    chain : mapping of Place to tuple of int
        Its boundaries.
    energy : float
        In the unit of the tables.
    latency, capacity : ndarray
        The sums that its latency is at least, and what it puts into shared memories beyond their size.
    """

    chain: Chain
    energy: float
    latency: Array
    capacity: Array


@dataclass(slots=True, eq=False)
class KnownChains:
    """Chains that relaxations of one layer have found.

    They do not depend on what is minimised. Which tile of the output is known to hold partial sums changes the figures:
    chains are kept apart by that.
    """

    _found: dict[Place | None, dict[tuple[Vector, ...], Figures]] = field(default_factory=dict)

    def add(self, unfinished: Place | None, figures: Figures) -> None:
        """Remember a chain."""
        some = self._found.setdefault(unfinished, {})
        name = tuple(figures.chain.values())
        some.pop(name, None)
        some[name] = figures
        if len(some) > _MOST:
            del some[next(iter(some))]

    def of(self, unfinished: Place | None, lattice: Lattice) -> list[Figures]:
        """Return the chains over the vectors that are left in a lattice."""
        return [found for found in self._found.get(unfinished, {}).values() if lattice.has(found.chain)]
