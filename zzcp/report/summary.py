"""Several layers in one table, a row each, with totals."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.mapping.unrolling_constraints import units_in_use
from zzcp.records.layers import EvaluatedLayer, Totals
from zzcp.report.style import amount, count, plural, product_of, section, share, units
from zzcp.report.tables import table
from zzcp.workload import SkippedNode


def layers_report(results: Sequence[EvaluatedLayer]) -> RenderableType:
    """Return a row per layer with energy, latency and what they are made of, and the totals."""
    rows = table(
        ">id", "~name", "operator", ">MACs", ">energy pJ", ">cycles", ">ideal", ">stalls", ">loading", ">unloading",
        ">EDP", ">units", ">utilization",
        spare=("unloading", "loading", "stalls", "ideal", "operator", "MACs", "id", "units"),
    )  # fmt: skip
    for layer, mapping, evaluation in results:
        latency = evaluation.latency
        rows.add_row(
            str(layer.id),
            Text(layer.name),
            Text(layer.operator),
            count(layer.macs),
            amount(evaluation.energy.total),
            count(latency.total),
            count(latency.ideal),
            count(latency.spatial_stall + latency.temporal_stall + latency.drain),
            count(latency.data_loading),
            count(latency.data_unloading),
            product_of(evaluation.edp),
            units(units_in_use(layer, mapping.spatial), evaluation.utilization.spatial),
            share(evaluation.utilization.total, 1) + ("" if evaluation.valid else " INVALID"),
        )
    totals = Totals.of(results)
    cells = [
        count(sum(result.layer.macs for result in results)),
        amount(totals.energy),
        count(totals.latency),
    ]
    rows.add_row("", "total", "", *cells, "", "", "", "", product_of(totals.edp), "", "", style="bold")
    return section(f"{plural(len(results), 'layer')}, conventions {results[0].evaluation.conventions}", rows)


def left_out_report(nodes: Sequence[SkippedNode]) -> RenderableType:
    """Return what the totals do not contain, and why; nodes without multiply-accumulate work are left to a line."""
    rows = table(">id", "~name", "operator", ">MACs", "why")
    working = [node for node in nodes if node.macs != 0]
    for node in working:
        macs = "?" if node.macs is None else count(node.macs)
        rows.add_row(str(node.id), Text(node.name), Text(node.operator), macs, Text(node.reason))
    others = len(nodes) - len(working)
    line = [Text(f"{plural(others, 'node')} without multiply-accumulate work")] if others else []
    if not working:
        return Group(*line)
    return section(f"{plural(len(working), 'node')} of the workload not in these figures", rows, *line)
