"""What `optimize` returns: the mapping, its exact cost, and the proof's numbers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from zzcp.cost.evaluation import Evaluation
from zzcp.mapping import Mapping

Status = Literal["optimal", "feasible", "infeasible", "unknown"]


@dataclass(frozen=True, slots=True)
class Shortage:
    """A memory that cannot hold even the smallest tiles.

    Parameters
    ----------
    memory : str
        The memory.
    needed, size : int
        Bits of the smallest tiles together, and bits that it holds.
    tiles : tuple of (str, int)
        Operands with the bits of their smallest tiles.
    """

    memory: str
    needed: int
    size: int
    tiles: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        tiles = ", ".join(f"{operand} {bits}" for operand, bits in self.tiles)
        return (
            f"memory {self.memory} holds {self.size} bits, the smallest tiles need {self.needed} "
            f"({self.needed - self.size} too many: {tiles})"
        )


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why no mapping exists, and what would help.

    Parameters
    ----------
    shortages : tuple of Shortage
        Memories that are too small.
    changes : tuple of str
        The smallest change of every memory that makes room.
    """

    shortages: tuple[Shortage, ...]
    changes: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join([*map(str, self.shortages), *self.changes])


@dataclass(frozen=True, slots=True)
class Progress:
    """A message during the search.

    Parameters
    ----------
    seconds : float
        Since the start.
    objective, lower_bound, gap : float or None
        Best mapping so far, proven bound, and the distance between them.
    stage : str
        What is being done.
    """

    seconds: float
    objective: float | None
    lower_bound: float
    gap: float | None
    stage: str


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a search.

    Parameters
    ----------
    status : str
        ``optimal`` (the gap is within the tolerance), ``feasible``, ``infeasible`` or ``unknown``.
    objective : float or None
        Objective of the mapping, from the exact evaluator.
    lower_bound : float
        No mapping with this unrolling is better under these conventions; rounded down.
    gap : float or None
        (objective - lower_bound) / objective.
    mapping : Mapping or None
        The best mapping found.
    evaluation : Evaluation or None
        Its exact cost.
    diagnosis : Diagnosis or None
        Where there is no mapping: why.
    conventions, objective_name : str
        What the bound refers to.
    wall_s : float
        Seconds.
    interrupted : bool
        Whether the user stopped the search.
    """

    status: Status
    objective: float | None
    lower_bound: float
    gap: float | None
    mapping: Mapping | None
    evaluation: Evaluation | None
    diagnosis: Diagnosis | None
    conventions: str
    objective_name: str
    wall_s: float
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON (the fields of a layer in a result file)."""
        data: dict[str, Any] = {
            "status": self.status,
            "objective": self.objective,
            "lower_bound": self.lower_bound,
            "gap": self.gap,
            "wall_s": round(self.wall_s, 3),
        }
        if self.mapping is not None and self.evaluation is not None:
            mapping = self.mapping.to_dict()
            data["spatial_mapping"] = mapping["spatial_mapping"]
            data["temporal_mapping"] = mapping["temporal_mapping"]
            data["double_buffered"] = {
                operand: list(flags) for operand, flags in self.evaluation.double_buffered.items()
            }
            if self.mapping.links is not None:
                data["memory_operand_links"] = dict(self.mapping.links)
            data["evaluation"] = self.evaluation.to_dict()
        if self.diagnosis is not None:
            data["diagnosis"] = str(self.diagnosis)
        return data


def objective_of(evaluation: Evaluation, name: str) -> Fraction:
    """Return an objective as an exact rational."""
    if name == "energy":
        return evaluation.energy.exact
    if name == "latency":
        return Fraction(evaluation.latency.total)
    return evaluation.edp_exact
