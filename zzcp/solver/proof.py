"""What becomes of a bound that is proven again."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from zzcp.solver.engines import NO_ENGINE

TOLERANCE = Fraction(1, 10**6)
"""How much below a recorded bound, relative to it, a second proof may stay: the solver rounds costs down to units."""

PROVEN = "re-proven"
OPEN = "not re-proven within the time limit"
CONTRADICTED = "CONTRADICTED"
SKIPPED = "not checked"


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of a bound.

    Parameters
    ----------
    state : str
        ``re-proven``, ``not re-proven within the time limit``, ``CONTRADICTED`` or ``not checked``.
    bound : float
        What was proven this time; no mapping is better.
    better : float or None
        Objective of a mapping that is better than the recorded bound.
    wall_s : float
        Seconds.
    engine : str
        What has proven it, as in `Result`.
    """

    state: str
    bound: float = 0.0
    better: float | None = None
    wall_s: float = 0.0
    engine: str = NO_ENGINE
