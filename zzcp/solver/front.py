"""The energy-latency front: its points, what is proven of them, and what is still open."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from zzcp.cost.evaluation import COMPONENTS, Evaluation, plain
from zzcp.mapping import Mapping as LayerMapping
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
        return {
            "first": self.first,
            "last": self.last,
            "energy": self.energy,
            "lower_bound": self.lower_bound,
        }


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


Found = tuple[LayerMapping, Evaluation]
Range = tuple[int, int, Fraction | None, Fraction | float]
"""First and last latency, the energy of the front there (None where no mapping is known), and what is proven of it."""


def energy_of(found: Found) -> Fraction:
    """Return the exact energy of a mapping."""
    return found[1].energy.exact


def latency_of(found: Found) -> Fraction:
    """Return the exact latency of a mapping."""
    return Fraction(found[1].latency.total)


def non_dominated(found: Iterable[Found]) -> list[Found]:
    """Return the mappings that no other beats, the fastest first; of equals the first."""
    result: list[Found] = []
    for entry in sorted(found, key=lambda entry: (latency_of(entry), energy_of(entry))):
        if not result or energy_of(entry) < energy_of(result[-1]):
            result.append(entry)
    return result


def hull(points: Sequence[tuple[Fraction, Fraction]]) -> set[int]:
    """Return the points of a front, given as (latency, energy) with rising latency, on its convex hull."""
    kept: list[int] = []
    for number, (x, y) in enumerate(points):
        while len(kept) > 1:
            (x1, y1), (x2, y2) = points[kept[-2]], points[kept[-1]]
            if (x2 - x1) * (y - y1) > (y2 - y1) * (x - x1):
                break
            kept.pop()
        kept.append(number)
    return set(kept)


def below_hull(
    ranges: Iterable[Range], corners: Sequence[tuple[Fraction, Fraction]], gap: float
) -> Iterator[Range]:
    """Yield the parts of open ranges where a mapping could lie below a convex hull by more than a gap.

    Parameters
    ----------
    ranges : iterable of Range
        From `Proofs.open_ranges`.
    corners : sequence of (Fraction, Fraction)
        Latency and energy of the corners of the hull, the fastest first.
    gap : float
        Relative to the energy of the hull.
    """
    share = 1 - _tolerance(gap)
    for first, last, energy, bound in ranges:
        if energy is None:
            yield first, last, energy, bound
            continue
        end = first - 1
        for (x1, y1), (x2, y2) in pairwise([*corners, (Fraction(last + 1), corners[-1][1])]):
            if share * y1 > bound and x1 <= last and x2 > first:
                # energies fall along the edge: where it meets the bound
                level = Fraction(bound) / share
                meets = x2 if y2 > level else x1 + (y1 - level) * (x2 - x1) / (y1 - y2)
                end = max(end, min(last, math.ceil(meets) - 1))
        if end >= first:
            yield first, end, energy, bound


def _tolerance(gap: float) -> Fraction:
    """Return a gap that the solver has found to be within the tolerance, with its bound rounded down to a float."""
    return Fraction(gap) * (1 + Fraction(1, 10**9))


@dataclass(slots=True)
class Proofs:
    """What has been proven: energies that no mapping within a number of cycles falls below.

    Parameters
    ----------
    bounds : dict
        By latency budget in cycles; None stands for no budget. Infinite where no mapping meets it.
    given_up : list of (int, int)
        Latencies at which a search ended before its gap was closed.
    """

    bounds: dict[int | None, Fraction | float]
    given_up: list[tuple[int, int]]

    def add(self, budget: int | None, bound: Fraction | float) -> None:
        """Take over a bound."""
        self.bounds[budget] = max(bound, self.bounds.get(budget, Fraction(0)))

    def at(self, latency: Fraction | int) -> Fraction | float:
        """Return the bound for mappings that take no longer."""
        return max(
            (bound for budget, bound in self.bounds.items() if budget is None or budget >= latency),
            default=Fraction(0),
        )

    def open_ranges(self, front: Sequence[Found], gap: float, *, with_given_up: bool) -> list[Range]:
        """Return the latencies at which a mapping could lie below the front by more than a gap.

        Parameters
        ----------
        front : sequence of (Mapping, Evaluation)
            Non-dominated mappings, the fastest first.
        gap : float
            Relative to the energy of the front.
        with_given_up : bool
            Whether ranges at which the search was given up count.

        Returns
        -------
        list of Range
            From the largest latencies down.
        """
        tolerance = _tolerance(gap)
        steps: list[tuple[int, Fraction | None]] = [(1, None)]
        steps += [(math.ceil(latency_of(entry)), energy_of(entry)) for entry in front]
        ranges = []
        top: int | None = None
        for start, energy in reversed(steps):
            # between two budgets of proofs nothing changes
            budgets = sorted(budget for budget in self.bounds if budget is not None and budget >= start)
            inside = [budget for budget in budgets if top is None or budget <= top]
            ends: list[int | None] = [*inside, *([top] if top not in inside else [])]
            first = start
            for end in ends:
                if end is not None and end < first:
                    continue
                bound = self.at(end) if end is not None else self.at(10**30)
                known = energy is not None and bound >= energy * (1 - tolerance)
                if not (known or bound == math.inf):
                    # beyond the mapping of least energy only the search without a budget could tell more
                    last = end if end is not None else first
                    if with_given_up or (end is not None and not self._is_given_up(first, last)):
                        ranges.append((first, last, energy, bound))
                if end is not None:
                    first = end + 1
            top = start - 1
        return ranges

    def _is_given_up(self, first: int, last: int) -> bool:
        return any(low <= first and last <= high for low, high in self.given_up)
