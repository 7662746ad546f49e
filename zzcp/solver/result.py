"""What `optimize` returns: the mapping, its exact cost, and the proof's numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from zzcp.checks import number
from zzcp.cost.conventions import CostConventions
from zzcp.cost.evaluation import COMPONENTS, Evaluation
from zzcp.cost.objective import objective_of
from zzcp.frames import frame, html_table
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.mapping.constraints import Constraints
from zzcp.solver.engines import NO_ENGINE
from zzcp.solver.space import Space

if TYPE_CHECKING:
    import pandas

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
        The smallest change of every memory that makes room; under constraints single changes each of which makes a
        mapping possible, the smallest first.
    conflict : tuple of str
        Constraints that cannot be obeyed together.
    memories : tuple of str
        Memories whose capacity takes part in the conflict.
    minimal : bool
        Whether it is proven that without any one of these constraints the others can be obeyed.
    further : tuple of tuple of str
        Where no single change helps: more conflicts, among the other constraints.
    elsewhere : str
        Where the unrolling was given or bounded: whether another one has a mapping.
    """

    shortages: tuple[Shortage, ...]
    changes: tuple[str, ...]
    conflict: tuple[str, ...] = ()
    memories: tuple[str, ...] = ()
    minimal: bool = True
    further: tuple[tuple[str, ...], ...] = ()
    elsewhere: str = ""

    def __str__(self) -> str:
        other = [self.elsewhere] if self.elsewhere else []
        return "; ".join([*map(str, self.shortages), *self._conflicts(), *self.changes, *other])

    def _conflicts(self) -> list[str]:
        if not self.conflict:
            return []
        count = len(self.conflict)
        head = "this constraint" if count == 1 else f"these {count} constraints together"
        within = f" within the size of {' and '.join(self.memories)}" if self.memories else ""
        doubt = "" if self.minimal else " (perhaps fewer of them)"
        found = f"no mapping obeys {head}{within}{doubt}: {', '.join(self.conflict)}"
        found += "".join(f", and independently of this {', '.join(other)}" for other in self.further)
        told = self.changes or self.elsewhere
        return [found] if told else [found, "no single change that helps was found"]


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
class KnownBound:
    """A bound that is proven elsewhere, such as that of a machine on which every mapping costs no more.

    Parameters
    ----------
    value : float
        No mapping has a lower objective.
    engine : str
        What proved it.

    Raises
    ------
    InputError
        If it is no number >= 0.
    """

    value: float
    engine: str

    def __post_init__(self) -> None:
        number(self.value, "known bound", "a number >= 0", lambda value: value >= 0)


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
    spatial : SpatialMapping or None
        The unrolling.
    links : mapping of str to str or None
        Memory operands of the operands, where they are not the default.
    faults : tuple of str
        What CP-SAT claimed against the evaluator; none of it went into the bound.
    constraints : Constraints
        What was asked of the mapping: the bound holds for mappings that obey.
    engine : str
        What proved the bound, or that there is no mapping: ``ranges``, ``cp-sat``, or ``ranges+cp-sat`` where one
        needed the other; ``none`` where nothing is proven but what operations, cycles and smallest tiles tell.
    space : Space
        The unrollings that the bound holds for, and what became of them.
    cached : bool
        Whether it was found in an earlier run, and kept; the seconds are those of that search.
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
    spatial: SpatialMapping | None = None
    links: MappingType[str, str] | None = None
    faults: tuple[str, ...] = ()
    constraints: Constraints = field(default_factory=Constraints)
    engine: str = NO_ENGINE
    space: Space = field(default_factory=Space.given)
    cached: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON (the fields of a layer in a result file)."""
        data: dict[str, Any] = {
            "status": self.status,
            "objective": self.objective,
            "lower_bound": self.lower_bound,
            "gap": self.gap,
            "engine": self.engine,
            "wall_s": round(self.wall_s, 3),
        }
        if self.mapping is not None and self.evaluation is not None:
            data |= self.mapping.with_buffering(self.evaluation.double_buffered).to_dict()
            data["evaluation"] = self.evaluation.to_dict()
        elif self.spatial is not None:
            data["spatial_mapping"] = self.spatial.to_dict()
            if self.links is not None:
                data["memory_operand_links"] = dict(self.links)
        data["space"] = self.space.to_dict()
        if self.diagnosis is not None:
            data["diagnosis"] = str(self.diagnosis)
        if self.constraints:
            data["constraints"] = self.constraints.to_dict()
        return data

    def row(self) -> dict[str, Any]:
        """Return the figures by name: status, objective, energy by memory (pJ), latency by part (cycles)."""
        found: dict[str, Any] = {
            "status": self.status,
            "objective_name": self.objective_name,
            "objective": self.objective,
            "lower_bound": self.lower_bound,
            "gap": self.gap,
        }
        if self.evaluation is not None:
            energy, latency = self.evaluation.energy, self.evaluation.latency
            found |= {"energy": energy.total, "latency": latency.total, "edp": self.evaluation.edp}
            found |= {f"energy.{name}": value for name, value in energy.by_memory.items()}
            found["energy.mac"] = energy.mac
            if energy.leakage:
                found["energy.leakage"] = energy.leakage
            found |= {f"latency.{name}": getattr(latency, name) for name in COMPONENTS}
        return found | {
            "conventions": self.conventions,
            "engine": self.engine,
            "wall_s": round(self.wall_s, 3),
        }

    def to_frame(self) -> pandas.DataFrame:
        """Return the figures of the result as a DataFrame of one row; see `row`.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        return frame([self.row()])

    def _repr_html_(self) -> str:
        """Return the figures as a table, for notebooks."""
        rows = [
            {"": name, "value": value}
            for name, value in self.row().items()
            if value is not None and not (name.startswith("latency.") and not value)
        ]
        notes = [str(self.diagnosis)] if self.diagnosis is not None else []
        if self.mapping is not None:
            notes.append(f"mapping, innermost loop first: {self._loops()}")
        return html_table(f"{self.status} ({self.objective_name}, {self.conventions})", rows, notes)

    def _loops(self) -> str:
        """Return unrolling and loops in a line."""
        assert self.mapping is not None
        lanes = [f"{dim} {factor} on {array_dim}" for array_dim, dim, factor in self.mapping.spatial]
        loops = [f"{loop.dim} {loop.size}" for loop in self.mapping.order]
        return ", ".join([*lanes, *loops])


def as_scored(mapping: Mapping, conventions: CostConventions, constraints: Constraints) -> Mapping:
    """Return a mapping as it is to be scored: where the conventions choose the double buffers, without its own."""
    by_rule = conventions.greedy_buffering and not constraints
    return mapping.with_buffering(None) if by_rule else mapping


def float_below(value: Fraction) -> float:
    """Return the largest float that is not above a value."""
    nearest = float(value)
    return nearest if Fraction(nearest) <= value else math.nextafter(nearest, -math.inf)


def gap_of(objective: Fraction, bound: Fraction | float) -> float:
    """Return the distance of an objective to a bound, relative to the objective."""
    return float((objective - min(Fraction(bound), objective)) / objective) if objective else 0.0


__all__ = [
    "Diagnosis",
    "Progress",
    "Result",
    "Shortage",
    "Status",
    "as_scored",
    "float_below",
    "gap_of",
    "objective_of",
]
