"""What can be minimised: functions of the energy and the latency of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from zzcp.cost.evaluation import Evaluation
from zzcp.errors import InputError

Objective = Literal["edp", "energy", "latency", "ed2"]
"""Energy-delay product, energy, latency, or energy times the square of the delay."""

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
DELAYS: dict[str, int] = {"edp": 1, "energy": 0, "latency": 1, "ed2": 2}
"""Power of the latency in every objective."""


@dataclass(frozen=True, slots=True)
class WeightedSum:
    """The sum a E + b D of energy and latency, each with a weight: what the supported points of a front minimise.

    Parameters
    ----------
    energy, latency : Fraction or int
        The weights a and b, exact, neither of them negative and one of them positive. Energies are in the unit of the
        machine's file, latencies in cycles.

    Raises
    ------
    InputError
        If the weights are out of range.
    """

    energy: Fraction
    latency: Fraction

    def __post_init__(self) -> None:
        for name in ("energy", "latency"):
            weight = Fraction(getattr(self, name))
            if weight < 0:
                raise InputError(f"weight of the {name}", expected="a number >= 0", found=str(weight))
            object.__setattr__(self, name, weight)
        if not self.energy and not self.latency:
            raise InputError("weights", expected="one that is positive", found="0 and 0")

    def __str__(self) -> str:
        return f"{self.energy} energy + {self.latency} latency"

    def of(self, energy: Any, latency: Any) -> Any:
        """Return the sum of numbers, exactly where these are exact, or of arrays of floats."""
        if isinstance(energy, np.ndarray) or isinstance(latency, np.ndarray):
            return energy * float(self.energy) + latency * float(self.latency)
        return energy * self.energy + latency * self.latency


Goal = Objective | WeightedSum
"""Whatever a search can minimise."""


def objective_of(evaluation: Evaluation, name: str | WeightedSum) -> Fraction:
    """Return an objective as an exact rational."""
    value: Fraction = combined(evaluation.energy.exact, Fraction(evaluation.latency.total), name)
    return value


def combined(energy: Any, latency: Any, name: str | WeightedSum) -> Any:
    """Return the objective of an energy and a latency: numbers, or arrays of them."""
    if isinstance(name, WeightedSum):
        return name.of(energy, latency)
    if name not in DELAYS:
        raise ValueError(f"no objective {name}")
    if name == "energy":
        return energy
    delay = latency ** DELAYS[name]
    return delay if name == "latency" else energy * delay


def objective_values(
    energy: npt.NDArray[np.float64], latency: npt.NDArray[np.float64], objective: str | WeightedSum
) -> npt.NDArray[np.float64]:
    """Return the objective of every mapping of a batch."""
    return np.asarray(combined(energy, latency, objective))
