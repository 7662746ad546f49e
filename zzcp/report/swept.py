"""A sweep as a table, with the best points and what the monotonicity theorem says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, TypeVar

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.hardware import Accelerator
from zzcp.mapping import SpatialMapping
from zzcp.mapping.unrolling_constraints import units_in_use
from zzcp.records.plain import Rows
from zzcp.records.sources import Sources, inputs_data
from zzcp.report.style import amount, count, plural, product_of, section, units
from zzcp.report.tables import FittedTable, table
from zzcp.sweeps import Axis, Check, SweepPoint, SweepTable
from zzcp.sweeps.axes import Step
from zzcp.sweeps.budget import BUDGETS, Best
from zzcp.sweeps.fields import Field, Subject
from zzcp.sweeps.table import Total, totals_of
from zzcp.sweeps.values import value_text

_MANY = 12
"""Most contradictions that are listed."""
_ROWS = 1_000
"""Most rows of a table, and most points without a mapping that are listed."""
T = TypeVar("T")
_AS_IT_IS = "the machine as it is"
_SIZES: dict[str, Callable[[float], str]] = {"energy": amount, "latency": count}


def axis_title(axis: Axis) -> str:
    """Return the name of an axis without what all names of its kind begin with."""
    return ", ".join(_short(field) for field in axis.fields)


def _short(field: Field) -> str:
    return field.name.partition(".")[2]


def sweep_report(
    swept: SweepTable, budget: Mapping[str, float] | None = None, within: Sequence[Best] = ()
) -> RenderableType:
    """Return everything about a sweep.

    Parameters
    ----------
    swept : SweepTable
        The sweep.
    budget : mapping of str to float, optional
        Limits of area and power.
    within : sequence of Best
        The best machines within the budget.
    """
    seen = _Seen.of(swept)
    parts: list[RenderableType] = [
        section(_title(swept, seen), _points(swept, seen), *_more(len(swept.points)))
    ]
    if seen.totals.number:
        parts.append(
            section(
                "Layers one after the other", _totals(swept, seen.totals.first), *_more(seen.totals.number)
            )
        )
    if len(swept.points) > 1:
        parts.append(section("Best", *_best(swept, seen)))
    if budget:
        parts.append(
            section(f"Best within {_budget(budget)}", *(Text(_machine(swept, best)) for best in within))
        )
    if "costs" in swept.options:
        parts.append(section("Costs of memories", *(Text(line) for line in _costs(swept.options["costs"]))))
    if swept.checks:
        parts.append(
            section("Monotonicity", *(Text(line) for check in swept.checks for line in _check(swept, check)))
        )
    without = seen.diagnosed
    if without.number:
        lines = dict.fromkeys(f"{_where(swept, p)}: {p.outcome.data['diagnosis']}" for p in without.first)
        parts.append(section("Without a mapping", *map(Text, lines), *_more(without.number)))
    return Group(*parts)


@dataclass(slots=True, eq=False)
class _Some(Generic[T]):
    """The first entries, which are shown, and the number of all."""

    first: list[T] = field(default_factory=list)
    number: int = 0

    def add(self, entry: T) -> None:
        self.number += 1
        if self.number <= _ROWS:
            self.first.append(entry)


_COLUMNS = ("workload", "layer", "objective")
"""What tells points of the same step apart."""


@dataclass(slots=True, eq=False)
class _Seen:
    """What the report says of all points, which are gone through once."""

    reused: int = 0
    names: dict[str, set[str]] = field(default_factory=lambda: {column: set() for column in _COLUMNS})
    best: dict[tuple[str, str, str], SweepPoint] = field(default_factory=dict)
    """For every layer and objective the point with the lowest value; of equals the first."""
    totals: _Some[Total] = field(default_factory=_Some)
    diagnosed: _Some[SweepPoint] = field(default_factory=_Some)

    @classmethod
    def of(cls, swept: SweepTable) -> _Seen:
        found = cls()
        for machine in swept.machines():
            for point in machine:
                found.look_at(point)
            for total in totals_of(machine):
                if total.layers > 1:
                    found.totals.add(total)
        return found

    def look_at(self, point: SweepPoint) -> None:
        self.reused += point.reused
        for column in _COLUMNS:
            self.names[column].add(_name(point, column))
        if "diagnosis" in point.outcome.data:
            self.diagnosed.add(point)
        value = point.outcome.objective
        if value is None:
            return
        known = self.best.get(point.series)
        if known is None or known.outcome.objective is None or value < known.outcome.objective:
            self.best[point.series] = point


def _more(number: int) -> list[Text]:
    """Return what is said under the first of so many rows."""
    return [Text(f"{number - _ROWS:,} more: --csv and --json write all")] if number > _ROWS else []


def _title(swept: SweepTable, seen: _Seen) -> str:
    done = plural(len(swept.points), "point")
    if not swept.complete:
        done = f"{len(swept.points):,} of {plural(swept.total, 'point')}"
    known = f", {seen.reused:,} of them known before" if seen.reused else ""
    return f"{done} of {swept.accelerator}{known}, conventions {swept.conventions}"


def _points(swept: SweepTable, seen: _Seen) -> FittedTable:
    several = [column for column in _COLUMNS if len(seen.names[column]) > 1]
    rows = table(
        *(f">{axis_title(axis)}" for axis in swept.axes),
        *several,
        "status", ">gap", ">optimum", ">energy pJ", ">cycles", ">units", ">loading", ">stalls", ">s",
        spare=("s", "loading", "stalls", "units"),
    )  # fmt: skip
    for point in islice(swept.points, _ROWS):
        outcome = point.outcome
        cells: list[str | Text] = [*_labels(swept, point.steps)]
        cells += [Text(_name(point, column)) for column in several]
        found = outcome.data.get("evaluation")
        if found is None or outcome.gap is None or outcome.objective is None:
            rows.add_row(*cells, outcome.status, "", "", "", "", "", "", "", f"{outcome.wall_s:.1f}")
            continue
        latency = found["latency"]
        rows.add_row(
            *cells,
            outcome.status,
            f"{outcome.gap:.4%}",
            _SIZES.get(point.objective, product_of)(outcome.objective),
            amount(found["energy"]["total"]),
            count(latency["total"]),
            units(
                units_in_use(point.layer, SpatialMapping.from_dict(outcome.data["spatial_mapping"])),
                found["utilization"]["spatial"],
            ),
            count(latency["data_loading"]),
            count(latency["spatial_stall"] + latency["temporal_stall"]),
            f"{outcome.wall_s:.1f}",
        )
    return rows


def _name(point: SweepPoint, column: str) -> str:
    return {"workload": point.workload, "layer": point.layer.name, "objective": point.objective}[column]


def _labels(swept: SweepTable, steps: tuple[tuple[int | float | bool, ...], ...]) -> list[str]:
    return [axis.text(step) for axis, step in zip(swept.axes, steps, strict=True)]


def _at(swept: SweepTable, steps: tuple[Step, ...]) -> str:
    """Return where on the axes something stands, in words."""
    labels = _labels(swept, steps)
    return ", ".join(f"{axis_title(axis)} {label}" for axis, label in zip(swept.axes, labels, strict=True))


def _where(swept: SweepTable, point: SweepPoint) -> str:
    at = _at(swept, point.steps)
    return f"{at}, layer {point.layer.name}" if at else f"layer {point.layer.name}"


def _totals(swept: SweepTable, totals: list[Total]) -> FittedTable:
    rows = table(
        *(f">{axis_title(axis)}" for axis in swept.axes), "~workload", "objective", ">layers", ">energy pJ", ">cycles",
        ">EDP", spare=("layers",),
    )  # fmt: skip
    for total in totals:
        rows.add_row(
            *_labels(swept, total.steps),
            Text(total.workload),
            total.objective,
            str(total.layers),
            amount(total.energy),
            count(total.latency),
            product_of(total.energy * total.latency),
        )
    return rows


def _best(swept: SweepTable, seen: _Seen) -> list[Text]:
    """Return for every layer and objective where its value is the lowest."""
    if not seen.best:
        return [Text("no point has a mapping")]
    return [
        Text(
            f"{point.layer.name}: lowest {point.objective} "
            f"{_SIZES.get(point.objective, product_of)(point.outcome.objective or 0)} at "
            f"{_at(swept, point.steps) or _AS_IT_IS}{_inside(swept, point.steps)}"
        )
        for point in seen.best.values()
    ]


def _inside(swept: SweepTable, steps: tuple[Step, ...]) -> str:
    """Return along which axes of numbers a step is neither the first nor the last."""
    inside = [
        axis_title(axis)
        for axis, step in zip(swept.axes, steps, strict=True)
        if len(axis.steps) > 2 and min(axis.steps) < step < max(axis.steps)
    ]
    return f" (inside of the range of {' and '.join(inside)})" if inside else ""


def _budget(budget: Mapping[str, float]) -> str:
    units = {"area": "", "power": " pJ per cycle"}
    return " and ".join(f"{name} {amount(most)}{units[name]}" for name, most in budget.items())


def _machine(swept: SweepTable, best: Best) -> str:
    """Return the best machine for a workload within a budget in words."""
    if best.steps is None:
        none = f"{best.workload}, {best.objective}: none of {plural(best.total, 'machine')}"
        if best.least is None:
            return f"{none} has a mapping of every layer"
        area, power = (amount(best.least[name]) for name in BUDGETS)
        return f"{none}; the least area is {area}, the least power {power} pJ per cycle"
    value = _SIZES.get(best.objective, product_of)(best.value)
    proof = "proven" if best.proven else "not proven: some points are open"
    return (
        f"{best.workload}, lowest {best.objective}: {value} at {_at(swept, best.steps) or _AS_IT_IS}"
        f"{_inside(swept, best.steps)}, "
        f"area {amount(best.area)}, {amount(best.power)} pJ per cycle; best of {best.within:,} within "
        f"of {best.total:,} machines, {proof}"
    )


def _costs(costs: Mapping[str, Any]) -> list[str]:
    """Return which model gave the costs of which memories, and where they fall with the size."""
    lines = [f"{', '.join(costs['memories'])}: energies and areas by {costs['model']}, {costs['version']}"]
    if costs["notes"]:
        lines.append("the model is not monotone; its figures stand as they are:")
    return lines + [f"  {note}" for note in costs["notes"][:_MANY]]


def _check(swept: SweepTable, check: Check) -> list[str]:
    """Return what the theorem says of an axis, and whether the points agree."""
    axis = next(axis for axis in swept.axes if axis.name == check.axis)
    title = axis_title(axis)
    if not check.applies:
        reason = "" if swept.conventions == "exact" else f" under the conventions {swept.conventions}"
        return [f"{title}: the theorem says nothing about this{reason}"]
    if not check.pairs:
        return [f"{title}: no two points to compare"]
    if check.violations:
        lines = [
            f"{' '.join(entry.series[1:])}: from {entry.worse} to {entry.better}: {entry.text}"
            for entry in check.violations[:_MANY]
        ]
        return [
            f"{title}: CONTRADICTED by {check.contradicting:,} of {plural(check.pairs, 'pair')} of points",
            *lines,
        ]
    way = {field.better for field in axis.fields}
    kind = "better" if len(way) > 1 else "larger" if way == {1} else "smaller"
    better = f"a {kind} {title} never worsens" if len(axis.fields) == 1 else f"{kind} {title} never worsen"
    pairs = f"all {check.pairs:,} pairs" if check.pairs > 1 else "the one pair"
    text = f"{better} the proven optimum: true of {pairs} of points"
    if check.within:
        text += f" ({check.within:,} by the bound only: the mapping found is worse within the gap)"
    if check.more_loading:
        text += f"; in {check.more_loading:,} of them data loading takes longer all the same"
    return [text]


def swept_data(version: str, machine: Accelerator, swept: SweepTable, inputs: Sources) -> dict[str, Any]:
    """Return the JSON of a sweep, with the files that it was made from; many points are `Rows`.

    Parameters
    ----------
    version : str
        Version of zzcp.
    machine : Accelerator
        The machine whose fields were varied.
    swept : SweepTable
        The table.
    inputs : mapping of str to Source or sequence of Source
        The files that the inputs come from, by their roles.
    """
    rows = list if isinstance(swept.points, tuple) else Rows
    return {"zzcp_version": version, **swept.to_dict(rows=rows), "inputs": inputs_data(inputs, machine)}


def fields_report(known: Mapping[str, Field], subject: Subject) -> RenderableType:
    """Return the fields that can be varied, with their values."""
    rows = table("field", ">value", "kind")
    for entry in known.values():
        value = entry.get(subject)
        rows.add_row(
            Text(entry.name), "" if value is None else value_text(value, entry.kind), entry.kind.value
        )
    return section("Fields that can be varied", rows)
