"""Mappings per second: ZigZag's cost model, our scalar evaluator and the batch evaluator, on the same mappings.

All four are timed in turns within one run, in process time, so that whatever else the machine does hits all of them;
the medians over the rounds are compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import geometric_mean, median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.cases import LAYERS, bundled_machines, own_machines, random_mappings, unrolling
from zzcp import EXACT, ZIGZAG, Accelerator, CostConventions, Layer, Mapping, SpatialMapping, evaluate
from zzcp.cost import Evaluator
from zzcp.cost.batch import MappingBatch, evaluate_batch

QUICK = {"meta_prototype", "tpu_like", "eyeriss_like"}
BATCH, SCALAR, REFEREE = 16384, 80, 6
"""Mappings per round of the batch, the scalar evaluator and ZigZag."""


@dataclass(frozen=True)
class Setting:
    """A machine, a layer, an unrolling, and the mappings to score."""

    machine: str
    layer_name: str
    dividing: bool
    accelerator: Accelerator
    layer: Layer
    spatial: SpatialMapping
    batch: MappingBatch
    mappings: list[Mapping]


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Time all settings, print a table, and return the figures."""
    referee = find_spec("zigzag") is not None and find_spec("six") is not None
    if not referee:
        console.print("zigzag-dse is not installed (the extra zzcp[zigzag]): its column is left out")
    machines = bundled_machines() if referee else own_machines()
    rounds = 3 if quick else 5
    rows = []
    for name, (path, accelerator) in machines.items():
        if quick and referee and name not in QUICK:
            continue
        for layer_name, layer in LAYERS.items():
            for dividing in (True, False):
                setting = _setting(name, accelerator, layer_name, layer, dividing=dividing)
                if setting is None:
                    continue
                calls: list[Callable[[], Any]] = []
                if referee:
                    from benchmarks.zigzag_rate import zigzag_evaluations  # noqa: PLC0415

                    calls = zigzag_evaluations(path, layer, setting.spatial, setting.mappings[:REFEREE])
                rows.append(_measure(setting, calls, rounds))
                console.print(_line(rows[-1]), highlight=False)
    summary = _summary(rows)
    console.print(_table(summary))
    return {"unit": "seconds per mapping", "rounds": rounds, "settings": rows, "summary": summary}


def _setting(
    name: str, accelerator: Accelerator, layer_name: str, layer: Layer, *, dividing: bool
) -> Setting | None:
    spatial = unrolling(accelerator, layer, dividing=dividing)
    if spatial.violations(accelerator, layer):
        return None
    batch = random_mappings(accelerator, layer, spatial, BATCH)
    if batch is None:
        return None
    mappings = [batch.mapping(number, layer, spatial) for number in range(SCALAR)]
    return Setting(name, layer_name, dividing, accelerator, layer, spatial, batch, mappings)


def _measure(setting: Setting, calls: list[Callable[[], Any]], rounds: int) -> dict[str, Any]:
    """Return the median seconds per mapping of every contender."""
    contenders: dict[str, tuple[Callable[[], Any], int]] = {}
    if calls:
        contenders["zigzag"] = (lambda: [call() for call in calls], len(calls))
    for conventions in (ZIGZAG, EXACT):
        contenders |= _contenders(setting, conventions)
    times: dict[str, list[float]] = {label: [] for label in contenders}
    for label, (call, _) in contenders.items():
        if label != "zigzag":
            call()  # compiles the setting
            call()
    for _ in range(rounds):
        for label, (call, number) in contenders.items():
            start = time.process_time()
            call()
            times[label].append((time.process_time() - start) / number)
    return {
        "machine": setting.machine,
        "layer": setting.layer_name,
        "dividing": setting.dividing,
        "seconds": {label: median(values) for label, values in times.items()},
    }


def _contenders(setting: Setting, conventions: CostConventions) -> dict[str, tuple[Callable[[], Any], int]]:
    accelerator, layer, mappings = setting.accelerator, setting.layer, setting.mappings
    evaluator = Evaluator(accelerator, layer, setting.spatial, conventions)
    name = conventions.name
    return {
        f"evaluate {name}": (
            lambda: [evaluate(accelerator, layer, mapping, conventions) for mapping in mappings],
            len(mappings),
        ),
        f"cost {name}": (lambda: [evaluator.cost(mapping) for mapping in mappings], len(mappings)),
        f"batch {name}": (
            lambda: evaluate_batch(accelerator, layer, setting.spatial, setting.batch, conventions),
            len(setting.batch),
        ),
    }


def _line(row: dict[str, Any]) -> str:
    seconds = row["seconds"]
    head = f"{row['machine']}, {row['layer']}, {'dividing' if row['dividing'] else 'not dividing'}"
    return f"{head:52}" + "".join(f"  {label} {1 / value:,.0f}/s" for label, value in seconds.items())


def _summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return per contender the rate and its ratio to ZigZag's: geometric mean, least and greatest."""
    result = []
    for label in rows[0]["seconds"]:
        entry = {
            "contender": label,
            "mappings_per_second": geometric_mean(1 / row["seconds"][label] for row in rows),
        }
        if "zigzag" in rows[0]["seconds"]:
            ratios = [row["seconds"]["zigzag"] / row["seconds"][label] for row in rows]
            entry |= {"ratio": geometric_mean(ratios), "least": min(ratios), "greatest": max(ratios)}
        result.append(entry)
    return result


def _table(summary: list[dict[str, Any]]) -> Table:
    table = Table(title="Evaluator: mappings per second, and times ZigZag's rate")
    table.add_column("")
    for heading in ("mappings/s", "ratio", "least", "greatest"):
        table.add_column(heading, justify="right")
    for entry in summary:
        ratios = [f"{entry[key]:,.1f}" if key in entry else "-" for key in ("ratio", "least", "greatest")]
        table.add_row(entry["contender"], f"{entry['mappings_per_second']:,.0f}", *ratios)
    return table
