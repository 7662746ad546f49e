"""The best machine of a grid within a budget of area or power."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from zzcp.checks import native, pairs, repr_of
from zzcp.cost.objective import combined
from zzcp.errors import InputError, Place
from zzcp.sweeps.axes import Step
from zzcp.sweeps.table import SweepPoint, SweepTable, by_objective

BUDGETS = ("area", "power")
"""What can be limited: the machine's area in the unit of its file, and energy by latency, in pJ per cycle."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best machine of a grid within a budget, for one workload and objective.

    Parameters
    ----------
    workload, objective : str
        What runs, and what was minimised for each of its layers.
    within, total : int
        Machines within the budget with a mapping of every layer, and all.
    steps : tuple of tuple, optional
        Per axis the values of its fields; None where no machine is within the budget.
    values : mapping of str to value
        The same by field.
    energy, latency, value : float
        Of all layers one after the other.
    area, power : float
        Of the machine; the power in pJ per cycle.
    proven : bool
        Whether every layer is proven optimal on every machine within the budget.
    least : mapping of str to float, optional
        Where no machine is within the budget: the least area and the least power of those on which every layer has a
        mapping, each by itself. None where there is no such machine.
    """

    workload: str
    objective: str
    within: int
    total: int
    steps: tuple[Step, ...] | None = None
    values: Mapping[str, Any] | None = None
    energy: float = 0.0
    latency: float = 0.0
    value: float = 0.0
    area: float = 0.0
    power: float = 0.0
    proven: bool = False
    least: Mapping[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data: dict[str, Any] = {
            "workload": self.workload,
            "objective_name": self.objective,
            "within": self.within,
            "total": self.total,
        }
        if self.values is None:
            return data | ({} if self.least is None else {"least": dict(self.least)})
        return data | {
            "values": dict(self.values),
            "energy": self.energy,
            "latency": self.latency,
            "objective": self.value,
            "area": self.area,
            "power": self.power,
            "proven": self.proven,
        }


def best_under(table: SweepTable, budget: Mapping[str, float]) -> list[Best]:
    """Return the best machine of a sweep within a budget, for every workload and objective.

    Parameters
    ----------
    table : SweepTable
        The sweep.
    budget : mapping of str to float
        The most that is allowed of ``area`` and ``power``.

    Raises
    ------
    InputError
        If something else is limited, or a limit is no positive number.
    """
    limits = _limits(budget)
    found: dict[tuple[str, str], _Choice] = {}
    for machine in table.machines():
        for objective, points in by_objective(machine).items():
            key = points[0].workload, objective
            if key not in found:
                found[key] = _Choice(*key)
            found[key].look_at(points, limits)
    return [choice.best() for choice in found.values()]


def _limits(budget: Mapping[str, float]) -> dict[str, float]:
    given = pairs(budget, "budget", "a dictionary of area and power")
    limits: dict[str, Any] = {name: native(most) for name, most in given.items()}
    for name, most in limits.items():
        if name not in BUDGETS:
            raise InputError("no such budget", expected=", ".join(BUDGETS), found=repr_of(name))
        if isinstance(most, bool) or not isinstance(most, int | float) or not most > 0:
            raise InputError(
                f"budget of {name}",
                place=Place(field=name),
                expected="a positive number",
                found=repr_of(most),
            )
    return limits


@dataclass(slots=True, eq=False)
class _Choice:
    """The best machine so far, for one workload and objective; by the number of its layers that have a mapping.

    How many layers there are, is known at the end only: of a sweep that was stopped, some may be missing anywhere.
    """

    workload: str
    objective: str
    layers: int = 0
    total: int = 0
    within: Counter[int] = field(default_factory=Counter)
    bests: dict[int, Best] = field(default_factory=dict)
    least: dict[int, dict[str, float]] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)
    """Where a layer may have a mapping that was not found."""
    unproven: set[int] = field(default_factory=set)
    """Where a mapping of a machine within the budget is not proven optimal."""

    def look_at(self, points: Sequence[SweepPoint], limits: Mapping[str, float]) -> None:
        """Count a machine's points of all layers."""
        found = [point.outcome.data["evaluation"] for point in points if "evaluation" in point.outcome.data]
        layers = len(found)
        self.total += 1
        self.layers = max(self.layers, len(points))
        if any(
            point.outcome.status != "infeasible" and "evaluation" not in point.outcome.data
            for point in points
        ):
            self.open.add(layers)
        if not found:
            return
        energy = sum(entry["energy"]["total"] for entry in found)
        latency = sum(entry["latency"]["total"] for entry in found)
        figures = {"area": points[0].area, "power": energy / latency}
        least = self.least.setdefault(layers, dict(figures))
        least.update({name: min(figures[name], least[name]) for name in figures})
        if any(figures[name] > most for name, most in limits.items()):
            return
        self.within[layers] += 1
        if any(point.outcome.status != "optimal" for point in points):
            self.unproven.add(layers)
        value = float(combined(energy, latency, self.objective))
        known = self.bests.get(layers)
        if known is None or (value, figures["area"]) < (known.value, known.area):
            self.bests[layers] = Best(
                self.workload, self.objective, 0, 0, points[0].steps, points[0].values, energy, latency, value,
                figures["area"], figures["power"],
            )  # fmt: skip

    def best(self) -> Best:
        """Return the best of the machines on which every layer has a mapping."""
        if self.layers not in self.bests:
            return Best(self.workload, self.objective, 0, self.total, least=self.least.get(self.layers))
        proven = self.layers not in self.unproven and not any(layers < self.layers for layers in self.open)
        return replace(
            self.bests[self.layers], within=self.within[self.layers], total=self.total, proven=proven
        )
