"""A comparison as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from zzcp.comparison.layers import SOLVER, ComparedLayer, Standing, value_of
from zzcp.cost import Evaluation

COLUMNS = (
    "id", "layer", "mapper", "status", "reference", "objective", "distance", "energy_pJ", "latency_cycles",
    "edp_pJ_cycles", "evaluations", "seconds", "seconds_to_1_percent",
)  # fmt: skip
"""Columns of the CSV. `reference` says what the distance refers to: ``optimum`` or ``lower bound``."""


def reference_name(entry: ComparedLayer) -> str | None:
    """Return what the distances of a layer refer to: the optimum, a lower bound, or nothing."""
    if entry.reference is None:
        return None
    return "optimum" if entry.proven else "lower bound"


def csv_table(layers: Iterable[ComparedLayer], standings: Iterable[Standing]) -> str:
    """Return a row per layer and mapper, the solver included, and the totals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(layer_rows(layers))
    for standing in standings:
        writer.writerow(_total_row(standing))
    return text.getvalue()


def layer_rows(layers: Iterable[ComparedLayer]) -> list[list[Any]]:
    """Return a row per layer and mapper, the solver included; see `COLUMNS`."""
    rows = []
    for entry in layers:
        layer, result = entry.layer, entry.result
        value, reference = value_of(result), entry.reference
        head = [layer.id, layer.name]
        distance = None if value is None or reference is None else float(value / reference - 1)
        rows.append(
            _row([*head, SOLVER, result.status, reference_name(entry), result.objective, distance],
                 result.evaluation, None, result.wall_s, entry.close_s)
        )  # fmt: skip
        for mapper in entry.mappers:
            status = "none" if mapper.value is None else "heuristic"
            close = None if mapper.close is None else mapper.close.seconds
            rows.append(
                _row([*head, mapper.name, status, reference_name(entry), mapper.objective, mapper.distance],
                     mapper.evaluation, mapper.evaluations, mapper.wall_s, close)
            )  # fmt: skip
    return rows


def _row(
    head: list[Any], evaluation: Evaluation | None, tried: int | None, seconds: float, close: float | None
) -> list[Any]:
    figures = (
        [None] * 3
        if evaluation is None
        else [evaluation.energy.total, evaluation.latency.total, evaluation.edp]
    )
    return [*head, *figures, tried, round(seconds, 3), None if close is None else round(close, 6)]


def _total_row(standing: Standing) -> list[Any]:
    return [
        "", "total", standing.name, f"{standing.layers} layers", "geometric mean", None, standing.mean, standing.energy,
        standing.latency, standing.edp, standing.evaluations, round(standing.wall_s, 3),
        None if standing.close_s is None else round(standing.close_s, 6),
    ]  # fmt: skip
