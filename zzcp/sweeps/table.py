"""The table that a sweep returns."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from zzcp.cost.evaluation import COMPONENTS
from zzcp.frames import MOST_ROWS, frame, html_table
from zzcp.sweeps.axes import Axis, Step
from zzcp.sweeps.outcome import Outcome
from zzcp.sweeps.theorem import Check, Seen, check_axes
from zzcp.workload import Layer

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One point of a sweep: a machine, a layer and an objective, with what was found.

    Parameters
    ----------
    steps : tuple of tuple
        For every axis the values of its fields.
    values : mapping of str to value
        The same by field.
    accelerator : str
        Name of the machine.
    workload : str
        Name of the network that the layer belongs to.
    layer : Layer
        The layer as it was solved.
    objective : str
        What was minimised.
    outcome : Outcome
        What was found.
    reused : bool
        Whether it was taken from the database.
    area : float
        Of the machine, in the unit of its file.
    """

    steps: tuple[Step, ...]
    values: Mapping[str, int | float | bool]
    accelerator: str
    workload: str
    layer: Layer
    objective: str
    outcome: Outcome
    reused: bool
    area: float = 0.0

    @property
    def series(self) -> tuple[str, str, str]:
        """What the points of one curve share: workload, layer and objective."""
        return self.workload, self.layer.name, self.objective

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "values": dict(self.values),
            "workload": self.workload,
            "layer": self.layer.name,
            "id": self.layer.id,
            "operator": self.layer.operator,
            "objective_name": self.objective,
            "reused": self.reused,
            "area": self.area,
            **self.outcome.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Total:
    """The layers of a network one after the other, at one step of every axis.

    Parameters
    ----------
    steps : tuple of tuple
        For every axis the values of its fields.
    values : mapping of str to value
        The same by field.
    workload, objective : str
        The network, and what was minimised for each of its layers.
    layers : int
        Number of layers.
    energy, latency : float
        Sums of energies and latencies.
    """

    steps: tuple[Step, ...]
    values: Mapping[str, int | float | bool]
    workload: str
    objective: str
    layers: int
    energy: float
    latency: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "values": dict(self.values),
            "workload": self.workload,
            "objective_name": self.objective,
            "layers": self.layers,
            "energy": self.energy,
            "latency": self.latency,
            "edp": self.energy * self.latency,
        }


def by_objective(points: Iterable[SweepPoint]) -> dict[str, list[SweepPoint]]:
    """Return points by their objectives."""
    found: dict[str, list[SweepPoint]] = {}
    for point in points:
        found.setdefault(point.objective, []).append(point)
    return found


def totals_of(machine: Iterable[SweepPoint]) -> Iterator[Total]:
    """Yield the sums over the layers of a workload at a step, for every objective where all have a mapping."""
    for objective, points in by_objective(machine).items():
        found = [p.outcome.data["evaluation"] for p in points if p.outcome.energy_exact]
        if len(found) == len(points):
            yield Total(
                points[0].steps,
                points[0].values,
                points[0].workload,
                objective,
                len(points),
                sum(entry["energy"]["total"] for entry in found),
                sum(entry["latency"]["total"] for entry in found),
            )


@dataclass(frozen=True, slots=True)
class SweepTable:
    """The points of a sweep in the order of its grid, the first axis changing slowest.

    Parameters
    ----------
    accelerator : str
        Name of the machine that was varied.
    conventions : str
        How costs were counted.
    axes : tuple of Axis
        What was varied.
    points : sequence of SweepPoint
        What was found; those that a stopped sweep did not reach are missing. Up to 1,000 are a tuple; more are read
        from the database when they are looked at.
    total : int
        Number of points in the grid.
    checks : tuple of Check
        What the monotonicity theorem says of every axis, and whether the points agree.
    interrupted : bool
        Whether the user stopped it.
    wall_s : float
        Seconds that this run took.
    options : mapping
        Time limit, gap, seed and engine.
    """

    accelerator: str
    conventions: str
    axes: tuple[Axis, ...]
    points: Sequence[SweepPoint]
    total: int
    checks: tuple[Check, ...]
    interrupted: bool
    wall_s: float
    options: Mapping[str, Any]

    @property
    def complete(self) -> bool:
        """Whether every point of the grid is there."""
        return len(self.points) == self.total

    def totals(self) -> tuple[Total, ...]:
        """Return the sums over the layers of every network at every step, where all of them have a mapping."""
        return tuple(self.each_total())

    def each_total(self) -> Iterator[Total]:
        """Yield what `totals` returns."""
        for machine in self.machines():
            yield from totals_of(machine)

    def machines(self) -> Iterator[list[SweepPoint]]:
        """Yield the points of every workload at every step."""
        for _, points in groupby(self.points, lambda point: (point.steps, point.workload)):
            yield list(points)

    def checked(self, *, exact: bool) -> SweepTable:
        """Return the table with the theorem checked along its axes; it is known to hold under `EXACT` only."""
        seen = (
            Seen(
                point.series,
                point.steps,
                point.outcome.status,
                point.outcome.exact(point.objective),
                point.outcome.lower_bound,
                _loading(point.outcome),
            )
            for point in self.points
        )
        return replace(self, checks=check_axes(self.axes, seen, exact=exact))

    def to_dict(self, *, rows: Callable[[Iterator[Any]], Any] = list) -> dict[str, Any]:
        """Return plain data for JSON.

        Parameters
        ----------
        rows : callable
            Takes what yields the points, or the totals, and returns what stands for them: by default their list.
        """
        return {
            "kind": "sweep",
            "accelerator": self.accelerator,
            "conventions": self.conventions,
            "complete": self.complete,
            "total": self.total,
            "axes": [
                {
                    "name": axis.name,
                    "fields": [{"name": field.name, "kind": field.kind.value} for field in axis.fields],
                    "values": [list(step) for step in axis.steps],
                    "labels": [axis.text(step) for step in axis.steps],
                }
                for axis in self.axes
            ],
            "options": dict(self.options),
            "monotonicity": [check.to_dict() for check in self.checks],
            "points": rows(point.to_dict() for point in self.points),
            "totals": rows(total.to_dict() for total in self.each_total()),
        }

    def to_csv(self) -> str:
        """Return the table as CSV: a column per varied field, then what was found."""
        return "".join(self.csv_lines())

    def csv_lines(self) -> Iterator[str]:
        """Yield the lines of the CSV."""
        fields = [field.name for axis in self.axes for field in axis.fields]
        yield _csv_line([*fields, *_COLUMNS])
        for point in self.points:
            yield _csv_line([*(point.values[name] for name in fields), *_cells(point)])

    def rows(self) -> list[dict[str, Any]]:
        """Return what the CSV holds, a dictionary per point; None where there is no figure."""
        return list(self._each_row())

    def _each_row(self) -> Iterator[dict[str, Any]]:
        for point in self.points:
            yield {**point.values, **{key: None if cell == "" else cell for key, cell in _named(point)}}

    def to_frame(self) -> pandas.DataFrame:
        """Return the table as a DataFrame: a column per varied field, then what was found.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        fields = [field.name for axis in self.axes for field in axis.fields]
        return frame(self.rows(), [*fields, *_COLUMNS])

    def _repr_html_(self) -> str:
        """Return the table for notebooks, without the parts of the latency."""
        hidden = {*COMPONENTS, "lower_bound", "wall_s", "engine"}
        first = islice(self._each_row(), MOST_ROWS)
        rows = [{key: cell for key, cell in row.items() if key not in hidden} for row in first]
        rows = [row | ({"gap": None} if row["status"] == "optimal" else {}) for row in rows]
        notes = [] if self.complete else [f"{len(self.points):,} of {self.total:,} points"]
        if len(self.points) > MOST_ROWS:
            notes.insert(0, f"{len(self.points) - MOST_ROWS:,} more rows: to_frame() has all")
        return html_table(f"sweep of {self.accelerator}, conventions {self.conventions}", rows, notes)


_COLUMNS = (
    "workload", "layer", "objective_name", "status", "objective", "lower_bound", "gap", "energy", "latency", "edp",
    *COMPONENTS, "wall_s", "diagnosis", "engine", "area",
)  # fmt: skip


def _csv_line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _named(point: SweepPoint) -> list[tuple[str, object]]:
    return list(zip(_COLUMNS, _cells(point), strict=True))


def _cells(point: SweepPoint) -> Sequence[object]:
    outcome = point.outcome
    found = outcome.data.get("evaluation")
    figures: list[object] = [""] * (3 + len(COMPONENTS))
    if found is not None:
        figures = [found["energy"]["total"], found["latency"]["total"], found["edp"]]
        figures += [found["latency"][name] for name in COMPONENTS]
    head = [outcome.status, outcome.objective, outcome.lower_bound, outcome.gap]
    tail = [round(outcome.wall_s, 3), outcome.data.get("diagnosis", ""), outcome.data.get("engine", "")]
    tail.append(point.area)
    return [*point.series, *head, *figures, *tail]


def _loading(outcome: Outcome) -> int | float | None:
    found = outcome.data.get("evaluation")
    value: int | float | None = None if found is None else found["latency"]["data_loading"]
    return value
