"""Rules (`zzcp.cost.constraints.rules`) in the search by ranges: the vectors that mappings which obey go through.

A rule is about mappings whose irrelevant loops directly above a boundary count beneath it, and so are the chains that
are enumerated. So a rule about the vector of a boundary leaves out vectors of the lattice, and nothing else.

- Tile sizes and elements, and tiles that must not be refilled: functions of the state of an operand's data.
- Order: the points between its steps are fixed, and every boundary lies between two that follow each other. A chain
  that is completed to an order with these points in it obeys.
- Utilization: no boundary whose tile, with the largest one of every other tenant, does not fill the share. What a whole
  chain fills, the evaluator says.
- Even mapping: the lowest boundary of a group is the common cut; from there on the data of all others is the same. The
  evaluator says whether the cuts of several groups are in order.

Budgets are the relaxation's; what cannot be said in this way is left to CP-SAT (`of_ranges`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from zzcp.cost.constraints.constrained import ROUNDING
from zzcp.cost.constraints.rules import (
    BufferRule,
    ElementsRule,
    EvenRule,
    OrderRule,
    Rule,
    Step,
    TileRule,
    UtilizationRule,
)
from zzcp.cost.formulas.core import Model
from zzcp.cost.setting.lookups import primes_of
from zzcp.solver.lattice.keys import Array, Key, Place, Vector
from zzcp.solver.lattice.lattice import Lattice
from zzcp.solver.lattice.tables import BoundaryTable


def of_ranges(keys: Sequence[Key], rules: Sequence[Rule]) -> bool:
    """Return whether the search by ranges knows some rules."""
    return all(points_of(keys, rule) is not None for rule in rules if isinstance(rule, OrderRule))


@dataclass(frozen=True, slots=True, eq=False)
class Even:
    """Groups of boundaries with one cut of the loop order each.

    Parameters
    ----------
    groups : tuple of tuple of Place
        The boundaries of every group, those at the top of the lattice among them.
    """

    groups: tuple[tuple[Place, ...], ...]

    def allows(
        self, place: Place, at: Array, placed: Mapping[Place, Array], data: Array, depths: Sequence[int]
    ) -> Array:
        """Return which labels obey with one more boundary.

        Parameters
        ----------
        place : Place
            The boundary.
        at : ndarray of int, shape (labels,)
            Its vector.
        placed : mapping of Place to ndarray of int, shape (labels,)
            The vectors of the boundaries beneath it.
        data : ndarray of int, shape (operands, vectors)
            Products of the factors that change an operand's data.
        depths : sequence of int
            Levels of every operand.
        """
        allowed = np.ones(len(at), dtype=bool)
        for group in self.groups:
            if place not in group:
                continue
            beneath = [placed[other] for other in group if other in placed]
            # what is below has the smaller number
            cut = np.minimum.reduce([at, *beneath])
            allowed &= data[place[0], at] == data[place[0], cut]
            for operand, link in group:
                if link == depths[operand]:
                    allowed &= data[operand, cut] == data[operand, -1]
        return allowed


NOT_EVEN = Even(())
"""Every boundary is where it likes."""


def even_of(rules: Sequence[Rule]) -> Even:
    """Return the groups of boundaries that share a cut."""
    return Even(
        tuple(
            tuple((operand, level + 1) for operand, level in group)
            for rule in rules
            if isinstance(rule, EvenRule)
            for group in rule.groups
        )
    )


def all_points(keys: Sequence[Key], rules: Sequence[Rule]) -> list[Vector]:
    """Return the points of all rules about orders, which have fixed ones."""
    return [
        point
        for rule in rules
        if isinstance(rule, OrderRule)
        for point in (points_of(keys, rule) or ())[1:-1]
    ]


def points_of(keys: Sequence[Key], rule: OrderRule) -> list[Vector] | None:
    """Return the points around and between the steps of an order, from none of the loops to all of them.

    Returns
    -------
    list of Vector or None
        None where it takes more than points: they depend on the mapping, or there is no such order.
    """
    added = [_factors(keys, step) for step in rule.steps]
    points = []
    for number in range(len(rule.steps) + 1):
        vector = []
        for position, key in enumerate(keys):
            fixed = [factors.get(position, 0) for factors in added]
            free = [step.size is None and key.dim in step.dims for step in rule.steps]
            if not any(free[:number]):
                vector.append(sum(fixed[:number]))
            elif not any(free[number:]):
                vector.append(key.multiplicity - sum(fixed[number:]))
            else:
                return None
        points.append(tuple(vector))
    whole = tuple(key.multiplicity for key in keys)
    if points[0] != (0,) * len(keys) or points[-1] != whole:
        return None
    for step, factors, (low, high) in zip(rule.steps, added, pairwise(points), strict=True):
        for position, key in enumerate(keys):
            more = high[position] - low[position]
            free_here = step.size is None and key.dim in step.dims
            if more < 0 or (not free_here and more != factors.get(position, 0)):
                return None
    return points


def _factors(keys: Sequence[Key], step: Step) -> dict[int, int]:
    """Return the exponents that a step of fixed size adds; those that the layer lacks are left out."""
    if step.size is None:
        return {}
    needed = primes_of(step.size)
    return {
        position: needed[key.prime]
        for position, key in enumerate(keys)
        if key.dim in step.dims and key.prime in needed
    }


def obeying(model: Model, lattice: Lattice, rules: Sequence[Rule]) -> dict[Place, Array]:
    """Return the vectors of every boundary through which mappings that obey some rules may go.

    Parameters
    ----------
    model : Model
        The compiled setting.
    lattice : Lattice
        The lattice, with the vectors that are left by other reasons.
    rules : sequence of Rule
        The rules.
    """
    alive = dict(lattice.alive)
    for rule in rules:
        if isinstance(rule, OrderRule):
            points = points_of(lattice.keys, rule)
            assert points is not None
            between = np.zeros(lattice.shape, dtype=bool)
            for low, high in pairwise(points):
                between[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))] = True
            alive = {place: some & between for place, some in alive.items()}
        elif isinstance(rule, TileRule | ElementsRule | BufferRule):
            place = rule.operand, rule.level + 1
            if place in alive:
                allowed = _allowed(model, lattice.tables[place[0]][place[1]], rule)
                alive[place] = alive[place] & lattice.of_data(place, allowed)
        elif isinstance(rule, UtilizationRule):
            alive = _filling(model, lattice, rule, alive)
    return alive


def _allowed(model: Model, table: BoundaryTable, rule: TileRule | ElementsRule | BufferRule) -> Array:
    """Return which states of an operand's data a rule about its tile allows."""
    if isinstance(rule, TileRule):
        sizes = table.data.by_dim.get(rule.dim, np.ones(len(table.data), dtype=np.int64))
        return np.array([rule.allows(rule.counted(int(size))) for size in sizes], dtype=bool)
    if isinstance(rule, ElementsRule):
        rounding = 0 if table.stored.dtype.kind == "i" else ROUNDING
        return np.array([rule.allows(count, rounding) for count in table.stored.tolist()], dtype=bool)
    operand = model.setting.operands[rule.operand]
    if rule.twice or not operand.memories[rule.level].doubles(operand.memory_operand):
        return np.ones(len(table.data), dtype=bool)
    whole = [
        size for dim, size in model.setting.temporal_sizes.items() if dim in table.data.by_dim and size > 1
    ]
    if not len(table.data) or table.data.product.max() < math.prod(whole):
        # all of it does not fit
        return np.zeros(len(table.data), dtype=bool)
    return np.asarray(table.stored >= table.stored.max())


def _filling(
    model: Model, lattice: Lattice, rule: UtilizationRule, alive: Mapping[Place, Array]
) -> dict[Place, Array]:
    """Return the vectors with which a memory may be filled to its share."""
    left = dict(alive)
    most: dict[Place, Any] = {}
    others = 0.0
    for operand, level in rule.tenants:
        place = operand, level + 1
        held = model.setting.operands[operand]
        width = held.stored[level].most
        if place not in alive:
            others = math.inf
            continue
        table = lattice.tables[operand][level + 1]
        bits = lattice.of_data(place, table.stored * width)
        most[place] = np.where(alive[place], bits, 0)
    least = float(rule.share * rule.size) * (1 - 1e-12) - ROUNDING
    for place, bits in most.items():
        rest = others + sum(float(other.max()) for which, other in most.items() if which != place)
        left[place] = alive[place] & (bits + rest >= least)
    return left
