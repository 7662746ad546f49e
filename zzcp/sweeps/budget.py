"""The best machine of a grid within a budget of area or power."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from zzcp.checks import pairs, repr_of
from zzcp.cost.objective import combined
from zzcp.errors import InputError, Place
from zzcp.sweeps.axes import Step
from zzcp.sweeps.table import SweepPoint, SweepTable

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

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data: dict[str, Any] = {
            "workload": self.workload,
            "objective_name": self.objective,
            "within": self.within,
            "total": self.total,
        }
        if self.values is None:
            return data
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
    groups: dict[tuple[str, str], dict[tuple[Step, ...], list[SweepPoint]]] = {}
    for point in table.points:
        steps = groups.setdefault((point.workload, point.objective), {})
        steps.setdefault(point.steps, []).append(point)
    most = {key: max(map(len, steps.values())) for key, steps in groups.items()}
    return [_best(*key, steps, most[key], limits) for key, steps in groups.items()]


def _limits(budget: Mapping[str, float]) -> dict[str, float]:
    limits = pairs(budget, "budget", "a dictionary of area and power")
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


def _best(
    workload: str,
    objective: str,
    machines: Mapping[tuple[Step, ...], list[SweepPoint]],
    layers: int,
    limits: Mapping[str, float],
) -> Best:
    within: list[Best] = []
    proven = True
    for steps, points in machines.items():
        found = [point.outcome.data["evaluation"] for point in points if "evaluation" in point.outcome.data]
        if len(found) < layers:
            proven = proven and all(
                point.outcome.status == "infeasible" or "evaluation" in point.outcome.data for point in points
            )
            continue
        energy = sum(entry["energy"]["total"] for entry in found)
        latency = sum(entry["latency"]["total"] for entry in found)
        figures = {"area": points[0].area, "power": energy / latency}
        if any(figures[name] > most for name, most in limits.items()):
            continue
        proven = proven and all(point.outcome.status == "optimal" for point in points)
        value = float(combined(energy, latency, objective))
        within.append(
            Best(
                workload, objective, 0, len(machines), steps, points[0].values, energy, latency, value,
                figures["area"], figures["power"],
            )
        )  # fmt: skip
    if not within:
        return Best(workload, objective, 0, len(machines))
    best = min(within, key=lambda entry: (entry.value, entry.area))
    return replace(best, within=len(within), proven=proven)
