"""Results of the solver: a table of layers, and the loop nest of a single one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.hardware import Accelerator
from zzcp.io.result import missing_text
from zzcp.mapping.unrolling_constraints import units_in_use
from zzcp.records.layers import SolvedLayer, Totals, evaluated
from zzcp.report.accelerator import costs_lines
from zzcp.report.evaluation import evaluation_report
from zzcp.report.style import amount, count, plural, product_of, section, units
from zzcp.report.tables import table
from zzcp.solver import Progress, Result
from zzcp.solver.engines import NO_ENGINE
from zzcp.workload import Layer


def progress_line(progress: Progress) -> str:
    """Return one line about the state of a search."""
    best = "none" if progress.objective is None else f"{progress.objective:.6g}"
    gap = "" if progress.gap is None else f", gap {progress.gap:.3%}"
    return f"{progress.stage}, best {best}, bound {progress.lower_bound:.6g}{gap}, {progress.seconds:.1f} s"


def solved_report(
    machine: Accelerator,
    objective: str,
    conventions: str,
    results: Sequence[SolvedLayer],
    missing: Sequence[Layer] = (),
    *,
    single: bool = True,
) -> RenderableType:
    """Return a row per layer and the totals; of a single layer everything, if `single`. What is missing is said."""
    rows = table(
        ">id", "~name", "status", ">gap", f">{objective}", ">bound", ">energy pJ", ">cycles", ">units",
        ">loading", ">stalls", ">s", spare=("s", "loading", "stalls", "bound", "id", "units"),
    )  # fmt: skip
    for layer, result in results:
        cells: list[str | Text] = [str(layer.id), Text(layer.name), result.status]
        if result.evaluation is None or result.objective is None or result.gap is None:
            rows.add_row(*cells, "", "", "", "", "", "", "", "", f"{result.wall_s:.1f}")
            continue
        latency = result.evaluation.latency
        rows.add_row(
            *cells,
            f"{result.gap:.4%}",
            product_of(result.objective),
            product_of(result.lower_bound),
            amount(result.evaluation.energy.total),
            count(latency.total),
            _units(layer, result),
            count(latency.data_loading),
            count(latency.spatial_stall + latency.temporal_stall),
            f"{result.wall_s:.1f}",
        )
    totals = Totals.of(evaluated(results))
    rows.add_row(
        "", "total of these" if missing else "total", "", "", "", "",
        amount(totals.energy), count(totals.latency), "", "", "",
        f"{sum(result.wall_s for _, result in results):.1f}", style="bold",
    )  # fmt: skip
    parts: list[RenderableType] = []
    if len(results) == 1 and single:
        parts.extend(evaluation_report(machine, *entry) for entry in evaluated(results))
    number = f"{len(results)} of {plural(len(results) + len(missing), 'layer')}" if missing else ""
    head = (
        f"{number or plural(len(results), 'layer')} on {machine.name}, {objective}, conventions {conventions}"
    )
    parts.append(section(head, rows))
    if missing:
        parts.append(Text(missing_text([layer.name for layer in missing], len(results)), style="bold"))
    parts.append(Text(f"bounds proven by {engines(entry.result.engine for entry in results)}"))
    parts.extend(costs_lines(machine))
    parts.extend(
        Text(f"{layer.name}: {result.space}") for layer, result in results if result.space.freedom is not None
    )
    parts.extend(
        Text(f"{layer.name} has no mapping: {result.diagnosis}")
        for layer, result in results
        if result.diagnosis is not None
    )
    return Group(*parts)


def _units(layer: Layer, result: Result) -> str:
    assert result.mapping is not None
    assert result.evaluation is not None
    return units(units_in_use(layer, result.mapping.spatial), result.evaluation.utilization.spatial)


def engines(names: Iterable[str]) -> str:
    """Return which engines proved the bounds of layers, and how many each of them where they differ."""
    counted = Counter("no search" if name == NO_ENGINE else name for name in names)
    if len(counted) == 1:
        return next(iter(counted))
    return ", ".join(f"{name} ({plural(number, 'layer')})" for name, number in counted.most_common())
