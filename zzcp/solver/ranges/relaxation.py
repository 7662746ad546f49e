"""Bounds by Lagrangian relaxation over the lattice.

With weights a and b of energy and latency, and multipliers w >= 0 for the terms of the latency and k >= 0 for the
capacities,

    a E + b D  >=  a E + b (run + sum w_i term_i) + sum k_j (bits_j - size_j) / size_j

is a sum over boundaries, whose least value over all chains the lattice gives exactly. Budgets of energy and latency
have multipliers, too: with m >= 0 for a latency of at most L,

    a E + b D  >=  a E + (b + m) D - m L.

Where the machine leaks k in every cycle, E is what the tables hold and k D: a E of it is a of the tables' and a k D.

The multipliers are chosen by cutting planes: every cheapest chain is a linear function of them, and a linear program
picks the multipliers that make the least of these functions the greatest (`zzcp.solver.ranges.multipliers`). Chains
found for other weights are such functions, too, and every relaxation begins with them (`zzcp.solver.ranges.known`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np

from zzcp.cost.formulas.core import Model
from zzcp.solver.clock import look
from zzcp.solver.lattice.keys import Array, Place
from zzcp.solver.lattice.lattice import Lattice
from zzcp.solver.lattice.tables import CostTables
from zzcp.solver.ranges.known import Chain, Figures, KnownChains
from zzcp.solver.ranges.multipliers import Budgets, Line, Master
from zzcp.solver.ranges.terms import (
    Term,
    capacity_terms,
    energy_term,
    latency_terms,
    run_cycles,
    tile_bits,
)

_MARGIN = 1e-9
"""More than the relative error of sums in floating point."""


@dataclass(slots=True, eq=False)
class Relaxation:
    """The relaxation of one layer, with the multipliers found so far.

    Parameters
    ----------
    model : Model
        The compiled setting.
    tables : CostTables
        Per operand and link.
    lattice : Lattice
        The vectors that are left for every boundary.
    unfinished : Place, optional
        A boundary of the output whose tile is known to hold partial sums.
    budgets : Budgets
        Limits of energy and latency: bounds hold for mappings within them.
    known : KnownChains
        Chains that were found before: every relaxation of the layer begins with their cuts.
    """

    model: Model
    tables: CostTables
    lattice: Lattice
    unfinished: Place | None = None
    budgets: Budgets = field(default_factory=Budgets)
    energy: Term = field(init=False)
    latency: list[Term] = field(init=False)
    capacity: list[Term] = field(init=False)
    base: int = field(init=False)
    known: KnownChains = field(default_factory=KnownChains)

    def __post_init__(self) -> None:
        self.energy = energy_term(self.tables)
        self.latency = latency_terms(self.model, self.tables)
        self.capacity = capacity_terms(self.model, self.tables)
        self.base = run_cycles(self.model) + self.model.setting.drain
        self.budgets = replace(self.budgets, leakage=float(self.tables.leakage))
        for row in self.tables:
            for table in row[1:]:
                self._drop_too_large((table.operand, table.link))

    @property
    def leakage(self) -> float:
        """Energy of a cycle, in the unit of the tables."""
        return self.budgets.leakage

    @property
    def least_energy(self) -> float:
        """The energy of the operations, and of what leaks while they run."""
        return self.energy.constant + self.leakage * self.base * (1 - _MARGIN)

    def _drop_too_large(self, place: Place) -> None:
        """Drop the vectors whose tile does not fit its memory by itself."""
        look()
        size = self.model.setting.operands[place[0]].memories[place[1] - 1].size
        fits = self.lattice.spread(place, self.tile_bits(place)[0]) <= size
        alive = self.lattice.alive
        self.lattice = self.lattice.restricted({**alive, place: alive[place] & fits})

    def tile_bits(self, place: Place) -> tuple[Array, Array]:
        """Return the bits of a tile at the least and as partial sums (`zzcp.solver.ranges.terms.tile_bits`)."""
        least, partial = tile_bits(self.model, self.tables[place[0]][place[1]])
        return (partial if place == self.unfinished else least), partial

    def with_unfinished(self, place: Place, alive: Mapping[Place, Array]) -> Relaxation:
        """Return the relaxation over fewer vectors where a tile of the output is known to hold partial sums."""
        result = self.restricted(alive)
        result.unfinished = place
        result._drop_too_large(place)
        size = self.model.setting.operands[place[0]].memories[place[1] - 1].size
        result.capacity = [
            replace(term, parts={**term.parts, place: self.tile_bits(place)[1] / size})
            if place in term.parts
            else term
            for term in self.capacity
        ]
        return result

    def tighten(
        self,
        line: Line,
        rounds: int,
        visit: Callable[[Chain], None] | None = None,
        enough: float = np.inf,
        weights: Array | None = None,
        precision: float = 1e-6,
    ) -> tuple[float, Array]:
        """Return the greatest lower bound of a E + b D that was found, and its multipliers.

        Parameters
        ----------
        line : Line
            The weights a and b.
        rounds : int
            Dynamic programs to solve at most.
        visit : callable, optional
            Called with every cheapest chain.
        enough : float
            Stop above this bound.
        weights : ndarray, optional
            Multipliers to begin with.
        precision : float
            Stop where no multipliers promise a bound that is better by this share.
        """
        master = Master(self.latency, len(self.capacity), line, self.budgets)
        known = self.known.of(self.unfinished, self.lattice)
        for found in known:
            master.cut(self._fixed(line, found), self._slopes(line, found))
        if weights is None:
            weights = master.solve()[1] if known else master.start()
        best, chosen = -np.inf, weights
        for _ in range(rounds):
            look()
            value, chain = self.lattice.cheapest(self.costs(line, weights))
            value += self.constant(line, weights)
            if value > best:
                best, chosen = value, weights
            if not chain or best > enough:
                break
            if visit is not None:
                visit(chain)
            found = self._figures(chain)
            self.known.add(self.unfinished, found)
            master.cut(self._fixed(line, found), self._slopes(line, found))
            promised, weights = master.solve()
            if promised <= best + precision * abs(best):
                break
        return best, chosen

    def cheapest_known(self, line: Line, weights: Array, most: int) -> list[Chain]:
        """Return some chains that are cheap for some multipliers, the cheapest first, among those seen so far."""
        priced = weights.copy()
        priced[: len(self.latency)] *= self.budgets.unit(line)
        costs = [
            (self._fixed(line, found) + float(self._slopes(line, found) @ priced), number, found.chain)
            for number, found in enumerate(self.known.of(self.unfinished, self.lattice))
        ]
        return [chain for _, _, chain in sorted(costs, key=lambda cost: cost[:2])[:most]]

    def _figures(self, chain: Chain) -> Figures:
        """Return what a chain comes to."""
        return Figures(
            chain,
            self._of_chain(self.energy, chain),
            np.array([self._of_chain(term, chain) for term in self.latency]),
            np.array([self._of_chain(term, chain) for term in self.capacity]),
        )

    def _fixed(self, line: Line, found: Figures) -> float:
        """Return what a chain costs where all multipliers are 0."""
        moved = self.budgets.moved(line)
        return moved.energy * found.energy + moved.latency * self.base

    def _slopes(self, line: Line, found: Figures) -> Array:
        """Return what a chain costs more with every multiplier, those of the latency's terms per unit of price."""
        budgets = self.budgets
        slopes = [*found.latency, *found.capacity]
        of_latency, of_energy = budgets.limited
        if of_latency:
            slopes.append((self.base - budgets.latency) * budgets.unit(line))
        if of_energy:
            slopes.append((found.energy + self.leakage * self.base) / budgets.energy - 1)
        return np.array(slopes)

    def restricted(self, alive: Mapping[Place, Array]) -> Relaxation:
        """Return the relaxation over fewer vectors."""
        result = copy(self)
        result.lattice = self.lattice.restricted(alive)
        return result

    def shares(self) -> dict[Place, Array]:
        """Return for every boundary of a shared memory the share of it that the tile takes, over all vectors."""
        return {
            place: np.broadcast_to(self.lattice.spread(place, part), self.lattice.shape)
            for term in self.capacity
            for place, part in term.parts.items()
        }

    def through(self, line: Line, weights: Array) -> dict[Place, Array]:
        """Return the bound of a E + b D for every boundary and vector, for some multipliers."""
        found = self.lattice.through(self.costs(line, weights))
        constant = self.constant(line, weights)
        return {place: values + constant for place, values in found.items()}

    def capacity_of(self, place: Place) -> int | None:
        """Return the position of the term of the shared memory that a boundary's tile is kept in."""
        return next((i for i, term in enumerate(self.capacity) if place in term.parts), None)

    @property
    def stall_ports(self) -> list[tuple[int, tuple[int, ...]]]:
        """Positions of the terms of late transfers, with the movements of their ports."""
        return [(number, term.late) for number, term in enumerate(self.latency) if term.late]

    def within(self, budgets: Budgets) -> Relaxation:
        """Return the relaxation of mappings that keep within budgets."""
        result = copy(self)
        result.budgets = replace(budgets, leakage=self.leakage)
        return result

    def scaled(self, line: Line, weights: Array) -> Array:
        """Return what a unit of every term of the latency, and of every capacity, adds."""
        scaled = np.array(weights[: len(self.latency) + len(self.capacity)], dtype=float)
        scaled[: len(self.latency)] *= self.budgets.unit(line)
        return scaled

    def costs(self, line: Line, weights: Array) -> dict[Place, Array]:
        """Return what every boundary adds, over its box."""
        total: dict[Place, Array] = {}
        energy = self.budgets.line(line, weights).energy
        for place, part in self.energy.parts.items():
            look()
            total[place] = part * energy
        terms = [*self.latency, *self.capacity]
        for weight, term in zip(self.scaled(line, weights), terms, strict=True):
            if weight:
                for place, part in term.parts.items():
                    total[place] = total[place] + weight * part
        return {place: self.lattice.costs(place, values) for place, values in total.items()}

    def constant(self, line: Line, weights: Array) -> float:
        """Return what the boundaries do not add."""
        terms = [*self.latency, *self.capacity]
        priced = self.budgets.line(line, weights)
        result = priced.energy * self.energy.constant + priced.latency * self.base
        result -= self.budgets.worth(line, weights)
        scaled = self.scaled(line, weights)
        return float(result + sum(weight * term.constant for weight, term in zip(scaled, terms, strict=True)))

    def _of_chain(self, term: Term, chain: Chain) -> float:
        parts = (self.lattice.value(place, part, chain[place]) for place, part in term.parts.items())
        return term.constant + sum(parts)
