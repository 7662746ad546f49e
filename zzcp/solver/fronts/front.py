"""The energy-latency front as it is returned: its points, what is proven of them, and what is still open."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from zzcp.cost.evaluation import COMPONENTS, Evaluation, plain
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping.freedom import Freedom
from zzcp.solver.engines import NO_ENGINE
from zzcp.workload import Layer

_FEW = 6
"""Most ranges that the statement names."""


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """A mapping that no other is known to beat in both energy and latency.

    Parameters
    ----------
    mapping : Mapping
        The mapping.
    evaluation : Evaluation
        Its exact cost.
    lower_bound : Fraction
        No mapping that takes no longer takes less energy: proven.
    supported : bool
        Whether it lies on the convex hull of the points: whether it is the best for some weights of energy and
        latency.
    """

    mapping: LayerMapping
    evaluation: Evaluation
    lower_bound: Fraction
    supported: bool

    @property
    def energy(self) -> float:
        """Energy, in the unit of the machine's file (pJ)."""
        return self.evaluation.energy.total

    @property
    def latency(self) -> int | float:
        """Cycles."""
        return plain(self.evaluation.latency.total)

    @property
    def edp(self) -> float:
        """Energy-delay product."""
        return self.evaluation.edp

    @property
    def gap(self) -> float:
        """By which fraction of its energy a mapping that takes no longer could take less."""
        exact = self.evaluation.energy.exact
        return float((exact - min(exact, self.lower_bound)) / exact) if exact else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "energy": self.energy,
            "latency": self.latency,
            "edp": self.edp,
            "lower_bound": float(self.lower_bound),
            "gap": self.gap,
            "supported": self.supported,
            **self.mapping.to_dict(),
            "evaluation": self.evaluation.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class OpenRange:
    """Latencies at which there could be points that have not been found.

    Parameters
    ----------
    first, last : int
        Cycles.
    energy : float or None
        The least energy of a known mapping that takes no longer than `first`; None where there is none.
    lower_bound : float
        No mapping of the range takes less.
    """

    first: int
    last: int
    energy: float | None
    lower_bound: float

    @property
    def text(self) -> str:
        """The latencies, as they are printed."""
        return f"{self.first:,}" if self.first == self.last else f"{self.first:,} to {self.last:,}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Front:
    """The non-dominated or the supported points of a layer on an accelerator, from the fastest to that of least energy.

    Parameters
    ----------
    accelerator : str
        Name of the machine.
    layer : Layer
        The layer.
    conventions : str
        How costs were counted.
    points : tuple of FrontPoint
        What was found.
    open : tuple of OpenRange
        Where points could be missing; empty if the front is complete.
    gap : float
        Relative distance in energy below which a point may be missing all the same.
    solved : int
        Searches.
    interrupted : bool
        Whether the user stopped it.
    wall_s : float
        Seconds.
    diagnosis : str or None
        Where there is no mapping: why.
    supported_only : bool
        Whether only supported points were searched for, and are held.
    engine : str
        What proved it, as in `Result`.
    freedom : Freedom or None
        The unrollings that it is the front of; None where one was given.
    cached : bool
        Whether it was found in an earlier run, and kept; the seconds are those of that search.
    """

    accelerator: str
    layer: Layer
    conventions: str
    points: tuple[FrontPoint, ...]
    open: tuple[OpenRange, ...]
    gap: float
    solved: int
    interrupted: bool
    wall_s: float
    diagnosis: str | None = None
    supported_only: bool = False
    engine: str = NO_ENGINE
    freedom: Freedom | None = None
    cached: bool = False

    @property
    def complete(self) -> bool:
        """Whether no mapping is below the front (or the hull of the supported points) by more than the gap: proven."""
        return not self.open

    @property
    def supported(self) -> tuple[FrontPoint, ...]:
        """The points on the convex hull."""
        return tuple(point for point in self.points if point.supported)

    @property
    def statement(self) -> str:
        """What is proven, in words."""
        if not self.points:
            return "no mapping exists" if self.diagnosis else "no mapping was found"
        within = "" if not self.gap else f", to {self.gap:g} of the energy"
        if self.freedom is not None:
            within += f", over all unrollings ({self.freedom.description})"
        if self.complete:
            if self.supported_only:
                return f"all supported points{within}: no mapping is below their hull"
            return f"front complete{within}: no mapping is below it"
        ranges = [entry.text for entry in self.open[:_FEW]]
        if len(self.open) > _FEW:
            ranges.append(f"{len(self.open) - _FEW} ranges more")
        where = f"for latencies of {', '.join(ranges)} cycles, where points could be missing"
        what = "all supported points" if self.supported_only else "complete"
        return f"{what}{within} but {where}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "kind": "pareto",
            "accelerator": self.accelerator,
            "layer": {"id": self.layer.id, "name": self.layer.name, "operator": self.layer.operator},
            "conventions": self.conventions,
            "supported_only": self.supported_only,
            "complete": self.complete,
            "statement": self.statement,
            "gap": self.gap,
            "engine": self.engine,
            **({} if self.freedom is None else {"freedom": self.freedom.to_dict()}),
            "points": [point.to_dict() for point in self.points],
            "open": [entry.to_dict() for entry in self.open],
            "solved": self.solved,
            "interrupted": self.interrupted,
            "wall_s": round(self.wall_s, 3),
            **({"diagnosis": self.diagnosis} if self.diagnosis else {}),
        }

    def to_csv(self) -> str:
        """Return the points as CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("latency", "energy", "edp", "lower_bound", "gap", "supported", *COMPONENTS, "order"))
        for point in self.points:
            latency = point.evaluation.latency
            writer.writerow(
                (
                    point.latency,
                    point.energy,
                    point.edp,
                    float(point.lower_bound),
                    point.gap,
                    int(point.supported),
                    *(plain(getattr(latency, name)) for name in COMPONENTS),
                    " ".join(f"{loop.dim} {loop.size}" for loop in point.mapping.order),
                )
            )
        return text.getvalue()
