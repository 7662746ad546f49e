"""Orders per second: our LOMA against ZigZag's own, on the same layers, machines and unrollings, in one run.

Both try every order of the loop prime factors (limit 6) and keep the best EDP under ZigZag's conventions; the table
says whether it is the same. They take turns, in processor time of their one thread (asking for that of the process can
itself take most of a millisecond), and the medians over the rounds count, so that whatever else the machine does hits
both. *Cold* is our search with all that it needs, from the problem to the result, *warm*
the same search once more, with what the first one left behind, as in a search by another mapper. ZigZag's time is that
of its engine and of its cost model on every mapping; imports and the reading of its files are left out.
"""

from __future__ import annotations

import io
import logging
import time
from dataclasses import dataclass, replace
from importlib.util import find_spec
from statistics import geometric_mean, median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.cases import LAYERS, bundled_machines, unrolling
from zzcp import ZIGZAG, Layer, SpatialMapping
from zzcp.io import accelerator_to_yaml, layer_to_dict
from zzcp.mappers import Budget, Loma, Problem

MACHINES = ("edge_tpu_like", "meta_prototype", "tesla_npu_like", "tpu_like")
QUICK = ("tpu_like",)
LIMIT = 6
ROUNDS, ENOUGH = 7, 3.0
"""Most rounds, and the seconds of ZigZag's after which no further one is begun: short searches need several."""
OUR_ROUNDS = 5
"""Searches of ours within a round: each takes a few milliseconds."""


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Time all settings, print a table, and return the figures."""
    if find_spec("zigzag") is None or find_spec("six") is None:
        console.print(
            "zigzag-dse is not installed (the extra zzcp[zigzag]): there is nothing to compare with"
        )
        return {"settings": []}
    logging.getLogger("zigzag").setLevel(logging.CRITICAL + 1)
    warm_up()
    machines = bundled_machines()
    rows = []
    for name in QUICK if quick else MACHINES:
        accelerator = machines[name][1]
        for layer_name, layer in LAYERS.items():
            spatial = unrolling(accelerator, layer, dividing=True)
            if spatial.violations(accelerator, layer):
                continue
            problem = Problem(accelerator, layer, spatial, "edp", ZIGZAG)
            if our_loma(problem).objective is None:
                continue  # no order fits, which ends ZigZag's search with an exception
            row = {"machine": name, "layer": layer_name, **measure(problem, 1 if quick else ROUNDS)}
            rows.append(row)
            console.print(_line(row), highlight=False)
    summary = _summary(rows)
    console.print(_table(summary))
    return {"unit": "seconds of processor time", "lpf_limit": LIMIT, "settings": rows, "summary": summary}


def warm_up() -> None:
    """Search once, so that no import is timed."""
    machine = bundled_machines()["tpu_like"][1]
    problem = Problem(machine, Layer.gemm(b=4, k=4, c=4), SpatialMapping(), "edp", ZIGZAG)
    our_loma(problem)
    zigzag_loma(problem)


@dataclass(frozen=True)
class Found:
    """What a LOMA found, and in what time."""

    objective: float | None
    orders: int
    seconds: float


def measure(problem: Problem, rounds: int) -> dict[str, Any]:
    """Return times, numbers of orders and best objectives of both."""
    found: dict[str, list[Found]] = {"zigzag": [], "cold": [], "warm": []}
    while len(found["zigzag"]) < rounds and sum(each.seconds for each in found["zigzag"]) < ENOUGH:
        found["zigzag"].append(zigzag_loma(problem))
        for _ in range(OUR_ROUNDS):
            # another layer object: nothing is known about the setting
            fresh = replace(problem, layer=replace(problem.layer))
            found["cold"].append(our_loma(fresh))
            found["warm"].append(our_loma(fresh))
    ours, theirs = found["cold"][0], found["zigzag"][0]
    return {
        "orders": ours.orders,
        "same_orders": ours.orders == theirs.orders,
        "same_objective": ours.objective == theirs.objective,
        "seconds": {label: median(one.seconds for one in each) for label, each in found.items()},
    }


def our_loma(problem: Problem) -> Found:
    """Run our LOMA."""
    start = time.thread_time()
    found = Loma(LIMIT).map(problem, Budget())
    return Found(found.objective, found.evaluations, time.thread_time() - start)


def zigzag_loma(problem: Problem) -> Found:
    """Run ZigZag's LOMA in this process."""
    from zzcp.mappers.zigzag_worker import Reporter, run_loma, zigzag_setting  # noqa: PLC0415 - needs zigzag-dse

    setting = zigzag_setting(
        {
            "accelerator": accelerator_to_yaml(problem.accelerator),
            "layer": layer_to_dict(problem.layer),
            "spatial": problem.spatial.to_dict(),
            "links": problem.layer.default_links,
        }
    )
    reporter = Reporter(io.StringIO(), None)
    start = time.thread_time()
    run_loma(*setting, LIMIT, problem.objective, reporter)
    return Found(reporter.least, reporter.tried, time.thread_time() - start)


def _line(row: dict[str, Any]) -> str:
    seconds = row["seconds"]
    ratios = ", ".join(f"{label} {seconds['zigzag'] / seconds[label]:.1f}x" for label in ("cold", "warm"))
    same = "same EDP" if row["same_objective"] else "ANOTHER EDP"
    return f"{row['machine'] + ', ' + row['layer']:40}  {row['orders']:5} orders, {same}, {ratios}"


def _summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return per contender the orders per second of all settings together, and the ratios to ZigZag."""
    orders = sum(row["orders"] for row in rows)
    result = []
    for label in ("zigzag", "cold", "warm"):
        ratios = [row["seconds"]["zigzag"] / row["seconds"][label] for row in rows]
        total = sum(row["seconds"][label] for row in rows)
        result.append(
            {
                "contender": label,
                "orders_per_second": orders / total,
                "ratio": sum(row["seconds"]["zigzag"] for row in rows) / total,
                "geometric_mean": geometric_mean(ratios),
                "least": min(ratios),
                "greatest": max(ratios),
            }
        )
    return result


def _table(summary: list[dict[str, Any]]) -> Table:
    table = Table(title="LOMA: orders per second, and times ZigZag's rate")
    table.add_column("")
    for heading in ("orders/s", "all together", "geometric mean", "least", "greatest"):
        table.add_column(heading, justify="right")
    for entry in summary:
        ratios = [f"{entry[key]:,.1f}" for key in ("ratio", "geometric_mean", "least", "greatest")]
        name = "zigzag" if entry["contender"] == "zigzag" else f"zzcp, {entry['contender']}"
        table.add_row(name, f"{entry['orders_per_second']:,.0f}", *ratios)
    return table
