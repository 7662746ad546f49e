"""The linear program over the multipliers of a relaxation, grown by one cut for every chain that is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ortools.linear_solver import pywraplp

from zzcp.solver.lattice.keys import Array
from zzcp.solver.ranges.terms import PARTS, Term

_MOST_PRESSURE = 4.0
"""Largest multiplier of a capacity."""
_MOST_PRICE = 64.0
"""Largest multiplier of a budget, of which the whole is worth as much as all that is of interest."""
_LIMITS = "max_number_of_iterations: 2000, max_deterministic_time: 1"
"""Of a linear program: some dozens of variables take some dozens of iterations, but for one that never ended."""


@dataclass(frozen=True, slots=True)
class Line:
    """Weights of energy (in the unit of the tables) and latency, such that what is of interest is about 1.

    Parameters
    ----------
    energy, latency : float
        The weights.
    """

    energy: float
    latency: float


@dataclass(frozen=True, slots=True)
class Budgets:
    """What a mapping may take at most, and how much of its energy comes from its latency.

    Parameters
    ----------
    energy : float
        In the unit of the tables, leakage included.
    latency : float
        In cycles.
    leakage : float
        Energy of a cycle in the unit of the tables, which themselves know nothing of it.
    """

    energy: float = np.inf
    latency: float = np.inf
    leakage: float = 0.0

    @property
    def limited(self) -> tuple[bool, bool]:
        """Whether there is a limit of the latency, and of the energy: the order of their multipliers."""
        return bool(np.isfinite(self.latency)), bool(np.isfinite(self.energy))

    def moved(self, line: Line) -> Line:
        """Return the weights of the tables' energy and of latency: a (E + k D) + b D = a E + (b + a k) D."""
        return Line(line.energy, line.latency + line.energy * self.leakage)

    def unit(self, line: Line) -> float:
        """Return the price of a cycle for which the multipliers of the latency's terms are factors."""
        price = self.moved(line).latency
        return max(price, 1 / self.latency) if self.limited[0] else price

    @property
    def leaked(self) -> float:
        """What a cycle adds to the share of the energy's budget."""
        return self.leakage / self.energy

    def multipliers(self, weights: Array) -> tuple[float, float]:
        """Return the multipliers of latency and energy among those of a relaxation, where they come last."""
        of_latency, of_energy = self.limited
        last = weights[len(weights) - of_latency - of_energy :]
        return float(last[0]) if of_latency else 0.0, float(last[-1]) if of_energy else 0.0

    def line(self, line: Line, weights: Array) -> Line:
        """Return the weights of the tables' energy and of latency, with what exceeds the budgets at its price."""
        if not any(self.limited):
            return self.moved(line)
        latency, energy = self.multipliers(weights)
        return self.moved(Line(line.energy + energy / self.energy, line.latency + latency * self.unit(line)))

    def worth(self, line: Line, weights: Array) -> float:
        """Return what the budgets themselves are worth at their prices."""
        latency, energy = self.multipliers(weights)
        return energy + (latency * self.unit(line) * self.latency if latency else 0.0)


class Master:
    """The linear program over the multipliers.

    Parameters
    ----------
    latency : sequence of Term
        The sums that the latency is at least, each with a multiplier. For no part of the latency they exceed its weight
        together, with the price of what exceeds the budget.
    capacities : int
        Number of sums that are at most 0, each with a multiplier.
    line : Line
        Weights of energy and latency.
    budgets : Budgets
        Limits of energy and latency, each with a multiplier.
    """

    def __init__(self, latency: Sequence[Term], capacities: int, line: Line, budgets: Budgets) -> None:
        self.solver: Any = pywraplp.Solver.CreateSolver("GLOP")
        self.solver.SetSolverSpecificParametersAsString(_LIMITS)
        self.budgets, self.scale = budgets, budgets.unit(line)
        self.share = budgets.moved(line).latency / self.scale if self.scale else 1.0
        self.leaked = budgets.leaked / self.scale if self.scale else 0.0
        infinity = self.solver.infinity()
        self.bound = self.solver.NumVar(-infinity, 1e6, "")
        limited = budgets.limited
        most = self.share + (limited[0] + limited[1] * self.leaked) * _MOST_PRICE
        self.weights = [self.solver.NumVar(0, most, "") for _ in latency]
        self.pressures = [self.solver.NumVar(0, _MOST_PRESSURE, "") for _ in range(capacities)]
        self.prices = [self.solver.NumVar(0, _MOST_PRICE, "") for some in limited if some]
        self.bounds = [term.bounds for term in latency]
        for part in PARTS:
            row = self.solver.Constraint(-infinity, self.share)
            for weight, bounds in zip(self.weights, self.bounds, strict=True):
                if part in bounds:
                    row.SetCoefficient(weight, 1)
            if limited[0]:
                row.SetCoefficient(self.prices[0], -1)
            if limited[1]:
                row.SetCoefficient(self.prices[-1], -self.leaked)
        self.solver.Objective().SetMaximization()
        self.solver.Objective().SetCoefficient(self.bound, 1)

    @property
    def _variables(self) -> list[Any]:
        return [*self.weights, *self.pressures, *self.prices]

    def start(self) -> Array:
        """Return multipliers to begin with: every part of the latency shared out evenly."""
        shares = [sum(part in bounds for bounds in self.bounds) for part in PARTS]
        weights = [self.share / max(shares[part] for part in bounds) for bounds in self.bounds]
        return np.array([*weights, *(0.0 for _ in (*self.pressures, *self.prices))])

    def cut(self, fixed: float, slopes: Array) -> None:
        """Add a chain's cut.

        Parameters
        ----------
        fixed : float
            What the chain costs where all multipliers are 0.
        slopes : ndarray
            What it costs more with every multiplier, those of the latency's terms in units of `scale`.
        """
        row = self.solver.Constraint(-self.solver.infinity(), fixed)
        row.SetCoefficient(self.bound, 1)
        count = len(self.weights)
        for variable, slope in zip(self.weights, slopes[:count], strict=True):
            row.SetCoefficient(variable, -self.scale * float(slope))
        for variable, slope in zip((*self.pressures, *self.prices), slopes[count:], strict=True):
            row.SetCoefficient(variable, -float(slope))

    def solve(self) -> tuple[float, Array]:
        """Return the bound that the program promises, with its multipliers."""
        status = self.solver.Solve()
        if status not in (pywraplp.Solver.OPTIMAL, pywraplp.Solver.FEASIBLE):
            # numerical trouble: nothing better is promised
            return -np.inf, self.start()
        values = np.array([max(0.0, variable.solution_value()) for variable in self._variables])
        return self.bound.solution_value(), self._admissible(values)

    def _admissible(self, values: Array) -> Array:
        """Return multipliers whose shares of no part of the latency exceed it, not by a rounding error either."""
        most = max(
            (
                sum(weight for weight, bounds in zip(values, self.bounds, strict=False) if part in bounds)
                for part in PARTS
            ),
            default=0.0,
        )
        of_latency, of_energy = self.budgets.multipliers(values)
        share = self.share + of_latency + of_energy * self.leaked
        if most > share:
            values[: len(self.weights)] /= most / share * (1 + 1e-15)
        return values
