"""Mappers against proven optima: a table per layer, and one over all layers."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.comparison.layers import SOLVER, ComparedLayer, Standing, value_of
from zzcp.comparison.result import Comparison
from zzcp.cost import Evaluation
from zzcp.mapping.unrolling_constraints import units_in_use
from zzcp.report.accelerator import costs_lines
from zzcp.report.solved import engines
from zzcp.report.style import amount, count, plural, product_of, section, units
from zzcp.report.tables import FittedTable, table

_LARGE = 10.0
"""Distances from here on are written as factors."""


def compared_report(comparison: Comparison) -> RenderableType:
    """Return a row per layer and mapper, the totals, and what is to be said about them."""
    title = f"on {comparison.accelerator.name}, {comparison.objective}, conventions {comparison.conventions}"
    parts: list[RenderableType] = [
        section(f"{plural(len(comparison.layers), 'layer')} {title}", _layers(comparison)),
    ]
    if len(comparison.layers) > 1:
        parts.append(section("All layers", _totals(comparison)))
    parts.extend(costs_lines(comparison.accelerator))
    parts.extend(Text(line) for line in _notes(comparison))
    return Group(*parts)


def _layers(comparison: Comparison) -> FittedTable:
    rows = table(
        ">id", "~layer", "mapper", ">distance", *_shown(comparison.objective), ">units", ">tried", ">s", ">s to 1 %",
        spare=("s to 1 %", "tried", "s", "id", "units"),
    )  # fmt: skip
    for entry in comparison.layers:
        result, value, reference = entry.result, value_of(entry.result), entry.reference
        distance = None if value is None or reference is None else float(value / reference - 1)
        rows.add_row(
            str(entry.layer.id),
            Text(entry.layer.name),
            f"{SOLVER}, {result.status}",
            _distance(distance, proven=entry.proven) if not entry.proven else "0",
            *_figures(comparison.objective, result.evaluation, result.objective),
            _units(entry, result.evaluation),
            "",
            f"{result.wall_s:.1f}",
            _seconds(entry.close_s),
            style="bold",
        )
        for mapper in entry.mappers:
            rows.add_row(
                "",
                "",
                Text(mapper.name + (", stopped" if mapper.interrupted else "")),
                "no mapping" if mapper.value is None else _distance(mapper.distance, proven=entry.proven),
                *_figures(comparison.objective, mapper.evaluation, mapper.objective),
                _units(entry, mapper.evaluation),
                count(mapper.evaluations),
                f"{mapper.wall_s:.1f}",
                _seconds(None if mapper.close is None else mapper.close.seconds),
            )
    return rows


def _shown(objective: str) -> tuple[str, ...]:
    """Return the columns of figures; the objective is one of them."""
    return (*((">ED²",) if objective == "ed2" else ()), ">energy pJ", ">cycles", ">EDP")


def _figures(objective: str, evaluation: Evaluation | None, value: float | None) -> tuple[str, ...]:
    if evaluation is None or value is None:
        return ("",) * len(_shown(objective))
    return (
        *((product_of(value),) if objective == "ed2" else ()),
        amount(evaluation.energy.total),
        count(evaluation.latency.total),
        product_of(evaluation.edp),
    )


def _units(entry: ComparedLayer, evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return ""
    return units(units_in_use(entry.layer, entry.spatial), evaluation.utilization.spatial)


def _distance(distance: float | None, *, proven: bool) -> str:
    """Return a distance in percent; a limit where the reference is a bound only."""
    if distance is None:
        return "?"
    sign = "" if proven else "≤ "
    if distance >= _LARGE:
        return f"{sign}{1 + distance:,.1f}x"
    return (
        f"{sign}{distance:.2%}"
        if abs(distance) >= 5e-5
        else f"{sign}{distance:.1e}"
        if distance
        else f"{sign}0"
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _totals(comparison: Comparison) -> FittedTable:
    rows = table(
        "mapper", ">layers", ">geometric mean", ">worst", ">energy pJ", ">cycles", ">EDP", ">tried", ">s",
        ">within 1 %", ">s to 1 %", spare=("s to 1 %", "tried", "within 1 %", "s"),
    )  # fmt: skip
    proven = not comparison.unproven
    for standing in comparison.standings:
        rows.add_row(
            standing.name,
            str(standing.layers),
            _mean(standing, standing.mean, proven=proven),
            _mean(standing, standing.worst, proven=proven),
            amount(standing.energy),
            count(standing.latency),
            product_of(standing.edp),
            "" if standing.evaluations is None else count(standing.evaluations),
            f"{standing.wall_s:.1f}",
            str(standing.close),
            _seconds(standing.close_s),
            style="bold" if standing.name == SOLVER else None,
        )
    return rows


def _mean(standing: Standing, distance: float | None, *, proven: bool) -> str:
    if standing.name == SOLVER and proven and distance is not None:
        return "0"
    return _distance(distance, proven=proven)


def _notes(comparison: Comparison) -> list[str]:
    """Return what the tables do not say: where nothing is proven, what is missing, and what must not be."""
    lines = [f"PROOF REFUTED: {text}" for text in comparison.refutations]
    lines.append(
        "distance: objective / proven optimum - 1; the optimum is proven within the gap of the solver, "
        f"{comparison.options.get('gap', 0):g}, by {engines(entry.result.engine for entry in comparison.layers)}"
    )
    if comparison.unproven:
        names = ", ".join(dict.fromkeys(entry.layer.name for entry in comparison.unproven))
        lines.append(
            f"≤: the gap of {names} is not closed; distances there are from the proven lower bound, "
            "the true ones are smaller"
        )
    for entry in comparison.layers:
        if entry.result.space.freedom is not None:
            lines.append(f"{entry.layer.name}: {entry.result.space}; mappers ran on {_unrolling(entry)}")
        lines.extend(_faults(entry))
    return lines


def _unrolling(entry: ComparedLayer) -> str:
    """Return the unrolling of the mappers, and where it comes from."""
    factors = "; ".join(
        f"{name} {' '.join(f'{dim} {factor}' for dim, factor in loops.items())}"
        for name, loops in entry.spatial.to_dict().items()
    )
    source = "a full array" if entry.result.mapping is None else "the unrolling of the optimum"
    return f"{source} ({factors or 'nothing unrolled'})"


def _faults(entry: ComparedLayer) -> list[str]:
    lines = [
        f"layer {entry.layer.name}: what {mapper.name} returned does not count: {mapper.fault}"
        for mapper in entry.mappers
        if mapper.fault is not None
    ]
    if entry.result.diagnosis is not None:
        lines.append(f"{entry.layer.name} has no mapping: {entry.result.diagnosis}")
    return lines
