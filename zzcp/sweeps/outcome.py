"""What a search found at one point of a sweep, in the form that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from zzcp.cost.objective import combined
from zzcp.solver import Result


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the solver found at one point.

    Parameters
    ----------
    status : str
        ``optimal``, ``feasible``, ``infeasible`` or ``unknown``.
    objective, gap : float or None
        Of the mapping, from the exact evaluator; None without one.
    lower_bound : float
        Proven bound.
    energy_exact, latency_exact : Fraction or None
        Energy and latency of the mapping, as exact rationals.
    data : mapping
        The fields of a layer in a result file: mapping, evaluation, diagnosis.
    wall_s : float
        Seconds that it took when it was solved.
    """

    status: str
    objective: float | None
    lower_bound: float
    gap: float | None
    energy_exact: Fraction | None
    latency_exact: Fraction | None
    data: Mapping[str, Any]
    wall_s: float

    @classmethod
    def of(cls, result: Result) -> Outcome:
        """Return the outcome of a search."""
        found = result.evaluation
        data = result.to_dict()
        return cls(
            result.status,
            result.objective,
            result.lower_bound,
            result.gap,
            None if found is None else found.energy.exact,
            None if found is None else Fraction(found.latency.total),
            {
                key: data[key]
                for key in data
                if key not in ("status", "objective", "lower_bound", "gap", "wall_s")
            },
            round(result.wall_s, 3),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the form that `from_dict` reads."""
        return {
            "status": self.status,
            "objective": self.objective,
            "lower_bound": self.lower_bound,
            "gap": self.gap,
            "wall_s": self.wall_s,
            "energy_exact": None if self.energy_exact is None else str(self.energy_exact),
            "latency_exact": None if self.latency_exact is None else str(self.latency_exact),
            **self.data,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Outcome:
        """Return the outcome that was written.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not whole.
        """
        rest = dict(data)
        status, objective, bound, gap = (
            rest.pop(key) for key in ("status", "objective", "lower_bound", "gap")
        )
        energy, latency = rest.pop("energy_exact"), rest.pop("latency_exact")
        seconds = float(rest.pop("wall_s"))
        if status in ("optimal", "feasible") and not isinstance(rest["evaluation"]["latency"], dict):
            raise TypeError("no latency")
        return cls(
            status,
            objective,
            bound,
            gap,
            None if energy is None else Fraction(energy),
            None if latency is None else Fraction(latency),
            rest,
            seconds,
        )

    def exact(self, objective: str) -> Fraction | None:
        """Return the objective of the mapping as an exact rational."""
        if self.energy_exact is None or self.latency_exact is None:
            return None
        value: Fraction = combined(self.energy_exact, self.latency_exact, objective)
        return value
