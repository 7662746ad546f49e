"""What can be minimised: functions of the energy and the latency of an evaluation."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from zzcp.cost.evaluation import Evaluation

Objective = Literal["edp", "energy", "latency", "ed2"]
"""Energy-delay product, energy, latency, or energy times the square of the delay."""

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
DELAYS: dict[str, int] = {"edp": 1, "energy": 0, "latency": 1, "ed2": 2}
"""Power of the latency in every objective."""


def objective_of(evaluation: Evaluation, name: str) -> Fraction:
    """Return an objective as an exact rational."""
    value: Fraction = combined(evaluation.energy.exact, Fraction(evaluation.latency.total), name)
    return value


def combined(energy: Any, latency: Any, name: str) -> Any:
    """Return the objective of an energy and a latency: numbers, or arrays of them."""
    if name not in DELAYS:
        raise ValueError(f"no objective {name}")
    if name == "energy":
        return energy
    delay = latency ** DELAYS[name]
    return delay if name == "latency" else energy * delay


def objective_values(
    energy: npt.NDArray[np.float64], latency: npt.NDArray[np.float64], objective: str
) -> npt.NDArray[np.float64]:
    """Return the objective of every mapping of a batch."""
    return np.asarray(combined(energy, latency, objective))
