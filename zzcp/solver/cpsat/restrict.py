"""Rules (`zzcp.cost.constraints.rules`) stated about the exponent vectors of a chain.

- Order: the points p_1 <= p_2 <= .. between the steps of the order are prefixes of it like the boundaries, so that any
  boundary v is comparable with them: v <= p or v >= p. From one point to the next only factors of the step's
  dimensions are added.
- Even mapping: the operands of a group share one cut e, a further point of the chain. An operand's boundary may lie
  above it where only irrelevant loops are in between: v >= e, with equal exponents of its data.
- Tile sizes and elements: the allowed exponents of the operand's data, as a table.
- Utilization: the bits of the tiles are at least the share of the memory.
- A tile that must not be kept twice in a memory that keeps all refilled tiles twice is not refilled.

Budgets of energy and latency are in `zzcp.solver.cpsat.budgets`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
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
from zzcp.cost.formulas.links import tile_elements
from zzcp.cost.formulas.numeric import NUMPY
from zzcp.cost.setting.lookups import primes_of
from zzcp.mapping.constraints import Constraint
from zzcp.solver.cp_sat import cp_model
from zzcp.solver.lattice.keys import Key, StateSpace, enumerate_states, split_keys
from zzcp.solver.lattice.tables import grid_state, overlapping

MOST_BITS = 2**56
"""Larger tiles count as having so many bits: they are larger than any memory but the outermost."""
Vector = Sequence[Any]
"""Exponents per key: variables or integers."""


@dataclass(slots=True, eq=False)
class Point:
    """A point of the chain that is no boundary; in the form of `zzcp.solver.cpsat.variables.Boundary`."""

    name: str
    exponents: list[Any]
    operand: int = -1
    literals: Sequence[Any] = ()


@dataclass(slots=True, eq=False)
class Restriction:
    """The rules in one model.

    Parameters
    ----------
    model : CpModel
        The model.
    cost : Model
        The evaluator's compiled setting.
    keys : sequence of Key
        Prime factors of the temporal loops.
    vectors : sequence of sequence of Vector
        Per operand and link the exponents of its boundary.
    guard : callable, optional
        Returns the literal behind which a constraint stands, or None where it holds in any case.
    capacities : bool
        Whether every memory holds what it must in any case, so that larger tiles need not be listed.
    points : list of Point
        Points of the rules.
    """

    model: cp_model.CpModel
    cost: Model
    keys: Sequence[Key]
    vectors: Sequence[Sequence[Vector]]
    guard: Callable[[Constraint], Any] = lambda _: None
    capacities: bool = True
    points: list[Point] = field(default_factory=list)
    _most: dict[tuple[int, int], Any] = field(default_factory=dict)
    _tables: dict[tuple[int, int], tuple[StateSpace, Any]] = field(default_factory=dict)
    _columns: dict[tuple[int, int, str], Any] = field(default_factory=dict)
    _complete: dict[tuple[int, int], Any] = field(default_factory=dict)

    def state(self, rules: Sequence[Rule]) -> list[Point]:
        """State all rules but the budgets; return the points that join the chain."""
        for rule in rules:
            literals = self._literals(rule.constraint)
            if isinstance(rule, OrderRule):
                self._order(rule, literals)
            elif isinstance(rule, EvenRule):
                self._even(rule, literals)
            elif isinstance(rule, TileRule):
                self._tile(rule, literals)
            elif isinstance(rule, ElementsRule):
                self._elements(rule, literals)
            elif isinstance(rule, UtilizationRule):
                self._utilization(rule, literals)
            elif isinstance(rule, BufferRule):
                operand = self.cost.setting.operands[rule.operand]
                if not rule.twice and operand.memories[rule.level].doubles(operand.memory_operand):
                    self._add(self.refilled(rule.operand, rule.level) == 0, literals)
        return self.points

    def boundary(self, operand: int, level: int) -> Vector:
        """Return the exponents of the loops at or below a memory level."""
        row = self.vectors[operand]
        return row[level + 1] if level + 1 < len(row) else [key.multiplicity for key in self.keys]

    def bits(self, operand: int, level: int, *, low: bool, twice: bool = False) -> Any:
        """Return the bits of a tile.

        Parameters
        ----------
        operand, level : int
            Which tile.
        low : bool
            Fractions are rounded down, for the capacity; else up, for the utilization, which may count them at
            another precision.
        twice : bool
            Whether the tile is kept twice where it is refilled.
        """
        setting = self.cost.setting.operands[operand]
        early = self.cost.setting.conventions.early_final_precision and not low
        below = level + 1 if early else level
        stored = setting.stored[level]
        if not setting.is_output or stored.partial == stored.final:
            return self._bits_at(operand, level, stored.partial, low, twice)
        if below == setting.depth:
            return self._bits_at(operand, level, stored.final, low, twice)
        if setting.energy.reduction_above[below] > 1:
            return self._bits_at(operand, level, stored.partial, low, twice)
        complete = self._is_complete(operand, below)
        partial = self._bits_at(operand, level, stored.partial, low, twice)
        final = self._bits_at(operand, level, stored.final, low, twice)
        if isinstance(complete, bool):
            return final if complete else partial
        key = operand, level, f"bits {low} {twice}"
        if key not in self._columns:
            elements = float(np.max(self._states(operand, level)[1]))
            most = math.ceil(elements * stored.most) * (1 + twice)
            chosen = self.model.new_int_var(0, min(most, MOST_BITS), f"bits{operand}.{level}")
            self._add(chosen == final, [complete])
            self._add(chosen == partial, [~complete])
            self._columns[key] = chosen
        return self._columns[key]

    def refilled(self, operand: int, level: int) -> Any:
        """Return whether a tile is smaller than all that passes through its memory, as 0 or 1."""
        _, elements = self._states(operand, level)
        return self._column(operand, level, "refilled", elements < self._whole(operand, level))

    def _literals(self, constraint: Constraint) -> list[Any]:
        literal = self.guard(constraint)
        return [] if literal is None else [literal]

    def _add(self, expression: Any, literals: Sequence[Any]) -> None:
        added = self.model.add(expression)
        if literals:
            added.only_enforce_if(list(literals))

    def _comparable(self, one: Vector, other: Vector, literals: Sequence[Any], name: str) -> None:
        below = self.model.new_bool_var(name)
        for a, b in zip(one, other, strict=True):
            self._add(a <= b, [below, *literals])
            self._add(a >= b, [~below, *literals])

    def _place(self, point: Point, literals: Sequence[Any]) -> None:
        """Make a point part of the chain."""
        for operand, row in enumerate(self.vectors):
            for link, vector in enumerate(row):
                self._comparable(vector, point.exponents, literals, f"y{operand}.{link}<{point.name}")
        for other in self.points:
            both = [*literals, *other.literals]
            self._comparable(other.exponents, point.exponents, both, f"y{other.name}<{point.name}")
        point.literals = literals
        self.points.append(point)

    # ---- order ------------------------------------------------------------------------------------------------

    def _order(self, rule: OrderRule, literals: Sequence[Any]) -> None:
        added = [self._factors(step) for step in rule.steps]
        if any(factors is None for factors in added):
            self._add(False, literals)
            return
        name = f"p{len(self.points)}"
        vectors: list[list[Any]] = [
            [0] * len(self.keys),
            *(
                self._between(rule.steps, added, number, f"{name}.{number}")
                for number in range(1, len(rule.steps))
            ),
            [key.multiplicity for key in self.keys],
        ]
        for step, factors, (below, above) in zip(rule.steps, added, pairwise(vectors), strict=True):
            for position, key in enumerate(self.keys):
                a, b = below[position], above[position]
                if step.size is not None:
                    assert factors is not None
                    self._add(b - a == factors.get(position, 0), literals)
                elif key.dim in step.dims:
                    self._add(b >= a, literals)
                else:
                    self._add(b == a, literals)
        full = [key.multiplicity for key in self.keys]
        for number, vector in enumerate(vectors[1:-1]):
            fixed = all(isinstance(exponent, int) for exponent in vector)
            if not fixed or (any(vector) and vector != full):
                self._place(Point(f"{name}.{number}", vector), literals)

    def _factors(self, step: Step) -> dict[int, int] | None:
        """Return the exponents that a step of fixed size adds, or None where the layer lacks such factors."""
        if step.size is None:
            return {}
        needed = primes_of(step.size)
        found = {
            position: needed.pop(key.prime)
            for position, key in enumerate(self.keys)
            if key.dim in step.dims and key.prime in needed and needed[key.prime] <= key.multiplicity
        }
        return None if needed else found

    def _between(
        self, steps: Sequence[Step], added: Sequence[dict[int, int] | None], number: int, name: str
    ) -> list[Any]:
        """Return the point above the first steps: integers where they follow from the steps."""
        vector: list[Any] = []
        for position, key in enumerate(self.keys):
            fixed = [(factors or {}).get(position, 0) for factors in added]
            low, high = sum(fixed[:number]), key.multiplicity - sum(fixed[number:])
            free = [step.size is None and key.dim in step.dims for step in steps]
            if not any(free[:number]):
                vector.append(low)
            elif not any(free[number:]):
                vector.append(max(high, 0))
            else:
                vector.append(self.model.new_int_var(0, key.multiplicity, f"{name}.{key.dim}{key.prime}"))
        return vector

    # ---- even mapping -----------------------------------------------------------------------------------------

    def _even(self, rule: EvenRule, literals: Sequence[Any]) -> None:
        cuts = []
        for tenants in rule.groups:
            name = f"e{len(self.points)}"
            cut = [
                self.model.new_int_var(0, key.multiplicity, f"{name}.{position}")
                for position, key in enumerate(self.keys)
            ]
            for operand, level in tenants:
                data, _ = split_keys(self.cost.setting.operands[operand], tuple(self.keys))
                for position, (mine, shared) in enumerate(
                    zip(self.boundary(operand, level), cut, strict=True)
                ):
                    self._add(mine == shared if position in data else mine >= shared, literals)
            self._place(Point(name, cut), literals)
            cuts.append(cut)
        for below, above in rule.nested:
            for a, b in zip(cuts[below], cuts[above], strict=True):
                self._add(a <= b, literals)

    # ---- tiles ------------------------------------------------------------------------------------------------

    def _tile(self, rule: TileRule, literals: Sequence[Any]) -> None:
        states = self._factors_of(rule.dim)
        allowed = np.array([rule.allows(rule.counted(int(size))) for size in states.product])
        vector = self.boundary(rule.operand, rule.level)
        self._allow(vector, states, allowed, literals, f"tile{rule.operand}.{rule.level}")

    def _elements(self, rule: ElementsRule, literals: Sequence[Any]) -> None:
        states, elements = self._states(rule.operand, rule.level)
        rounding = 0 if elements.dtype.kind == "i" else ROUNDING
        allowed = np.array([rule.allows(count, rounding) for count in elements.tolist()])
        vector = self.boundary(rule.operand, rule.level)
        self._allow(vector, states, allowed, literals, f"elements{rule.operand}.{rule.level}")

    def measure(self, rule: TileRule | ElementsRule, *, low: bool) -> Any:
        """Return what a rule bounds; fractions are rounded down (low) or up."""
        vector = self.boundary(rule.operand, rule.level)
        name = f"measure{rule.operand}.{rule.level}"
        if isinstance(rule, TileRule):
            states = self._factors_of(rule.dim)
            sizes = np.array([rule.counted(int(size)) for size in states.product])
            return self._tabulate(vector, states, sizes, name)
        states, elements = self._states(rule.operand, rule.level)
        if elements.dtype.kind != "i":
            elements = np.floor(elements + ROUNDING) if low else np.ceil(elements - ROUNDING)
        return self._tabulate(vector, states, np.minimum(elements, MOST_BITS).astype(np.int64), name)

    def _factors_of(self, dim: str) -> StateSpace:
        chosen = [position for position, key in enumerate(self.keys) if key.dim == dim]
        return enumerate_states(tuple(self.keys), chosen)

    def _allow(
        self, vector: Vector, states: StateSpace, allowed: Any, literals: Sequence[Any], name: str
    ) -> None:
        if not allowed.any():
            self._add(False, literals)
        elif not allowed.all():
            self._add(self._tabulate(vector, states, allowed.astype(int), name) == 1, literals)

    def _utilization(self, rule: UtilizationRule, literals: Sequence[Any]) -> None:
        terms = [self.bits(operand, level, low=False) for operand, level in rule.tenants]
        least = rule.share * rule.size
        integral = all(self.cost.setting.operands[i].energy.integral for i, _ in rule.tenants)
        needed = math.ceil(least) if integral else math.floor(least - ROUNDING)
        self._add(cp_model.LinearExpr.sum(terms) >= needed, literals)

    def _states(self, operand: int, level: int) -> tuple[StateSpace, Any]:
        """Return the states of an operand's data that fit, and the elements of the tile in each."""
        place = operand, level
        if place not in self._tables:
            setting = self.cost.setting
            data, _ = split_keys(setting.operands[operand], tuple(self.keys))
            states = enumerate_states(tuple(self.keys), data)
            one = np.ones(len(states), dtype=np.int64)
            grid = grid_state(self.cost, operand, level + 1, states, one)
            held = setting.operands[operand]
            tile = tile_elements(held, held.energy, grid, level + 1, level + 1, setting.conventions, NUMPY)
            elements = np.broadcast_to(np.asarray(tile), (len(states),))
            self._most[place] = elements[-1]
            if self.capacities:
                least = held.stored[level].least
                bits = np.minimum(elements, MOST_BITS // max(least, 1)) * least
                kept = np.flatnonzero(bits <= held.memories[level].size + ROUNDING)
                # where nothing fits the capacity itself says so
                kept = kept if len(kept) else np.arange(len(states))
                states, elements = states.only(kept), elements[kept]
            self._tables[place] = states, elements
        return self._tables[place]

    def _whole(self, operand: int, level: int) -> Any:
        self._states(operand, level)
        return self._most[operand, level]

    def _bits_at(self, operand: int, level: int, precision: int, low: bool, twice: bool) -> Any:
        _, elements = self._states(operand, level)
        copies = 1 + (twice & (elements < self._whole(operand, level)))
        bits = np.minimum(elements, MOST_BITS // (2 * max(precision, 1))) * precision * copies
        if bits.dtype.kind != "i":
            bits = (np.floor(bits + ROUNDING) if low else np.ceil(bits - ROUNDING)).astype(np.int64)
        return self._column(operand, level, f"{precision} {low} {twice}", bits)

    def _column(self, operand: int, level: int, name: str, values: Any) -> Any:
        key = operand, level, name
        if key not in self._columns:
            states, _ = self._states(operand, level)
            vector = self.boundary(operand, level)
            self._columns[key] = self._tabulate(
                vector, states, np.asarray(values).astype(np.int64), f"c{key}"
            )
        return self._columns[key]

    def _tabulate(self, vector: Vector, states: StateSpace, values: Any, name: str) -> Any:
        """Return a variable with the value of the state that a vector is in."""
        columns = [vector[key] for key in states.keys]
        kept = np.ones(len(states), dtype=bool)
        for number, column in enumerate(columns):
            if isinstance(column, int):
                kept &= states.exponents[:, number] == column
        exponents, values = states.exponents[kept], values[kept]
        if not len(values):
            # the boundary is fixed, as that of an outermost memory, and its tile does not fit
            self.model.add_bool_or([])
            return 0
        free = [number for number, column in enumerate(columns) if not isinstance(column, int)]
        if (values == values[0]).all():
            return int(values[0])
        found = self.model.new_int_var(int(values.min()), int(values.max()), name)
        rows = np.concatenate([exponents[:, free], values[:, None]], axis=1)
        self.model.add_allowed_assignments([*(columns[number] for number in free), found], rows.tolist())
        return found

    def _is_complete(self, operand: int, link: int) -> Any:
        """Return whether all reduction loops of the output lie below a boundary."""
        place = operand, link
        if place not in self._complete:
            row = self.vectors[operand]
            _, reuse = split_keys(self.cost.setting.operands[operand], tuple(self.keys))
            total = sum(self.keys[position].multiplicity for position in reuse)
            used = sum(row[link][position] for position in reuse) if link else 0
            left = total - used + self._overlaps(operand, link)
            if isinstance(left, int):
                self._complete[place] = left == 0
            else:
                flag = self.model.new_bool_var(f"complete{operand}.{link}")
                self._add(left == 0, [flag])
                self._add(left >= 1, [~flag])
                self._complete[place] = flag
        return self._complete[place]

    def _overlaps(self, operand: int, link: int) -> Any:
        """Return whether the tiles below a link of an output share elements, as 0 or 1."""
        if not self.cost.setting.operands[operand].revisited:
            return 0
        keys = tuple(self.keys)
        data, _ = split_keys(self.cost.setting.operands[operand], keys)
        states = enumerate_states(keys, data)
        if not link:
            states = states.only(np.flatnonzero(states.product == 1))
        shared = overlapping(self.cost, operand, link, states)
        vector = self.vectors[operand][link] if link else [0] * len(keys)
        return self._tabulate(vector, states, shared.astype(np.int64), f"overlaps{operand}.{link}")


def add_chain(model: cp_model.CpModel, vectors: Sequence[Sequence[Vector]]) -> None:
    """State that vectors come from one loop order: those of an operand grow, any two of others are comparable."""
    for row in vectors:
        for lower, upper in pairwise(row):
            for below, above in zip(lower, upper, strict=True):
                model.add(below <= above)
    for one_row, other_row in combinations(vectors, 2):
        for one in one_row:
            for other in other_row:
                flag = model.new_bool_var("y")
                for a, b in zip(one, other, strict=True):
                    model.add(a <= b).only_enforce_if(flag)
                    model.add(a >= b).only_enforce_if(~flag)
