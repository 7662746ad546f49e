"""What stands on the page, and how it is put together."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from zzcp.errors import InputError
from zzcp.html.charts import energy_chart, latency_chart
from zzcp.html.curves import sweep_chart
from zzcp.html.fronts import best_of, front_chart
from zzcp.html.nest import nest_lines
from zzcp.html.residents import network_of, residency_chart, stays_of
from zzcp.html.sources import FrontFile, Source, SweepFile, subject
from zzcp.io.result import ResultFile, missing_text
from zzcp.plot.entries import LATENCY, Entry, entries_of, file_labels
from zzcp.plot.style import PALETTE
from zzcp.report.style import amount, bits, count, product_of, share

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'unsafe-inline'",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "font-src data:",
    )
)
"""What a browser lets the page do: nothing that leaves it."""


def require_report() -> None:
    """Check that pages can be written.

    Raises
    ------
    InputError
        If Jinja2 or Plotly is not installed.
    """
    missing = [name for name, module in (("Jinja2", "jinja2"), ("Plotly", "plotly")) if not find_spec(module)]
    if missing:
        raise InputError(
            f"reports need {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed",
            hint="install it with: pip install 'zzcp[report]'",
        )


def report_page(
    sources: Sequence[Source],
    *,
    version: str,
    title: str | None = None,
    labels: Sequence[str] = (),
    explain: Callable[[ResultFile, Entry], Sequence[str]] | None = None,
) -> str:
    """Return a page about results, sweeps and fronts.

    Parameters
    ----------
    sources : sequence of ResultFile, SweepFile or FrontFile
        What it is about.
    version : str
        Version of zzcp that writes it.
    title : str, optional
        Its title.
    labels : sequence of str
        What the sources are called; by default what tells their files apart.
    explain : callable, optional
        Returns sentences about a layer.

    Raises
    ------
    InputError
        If no layer of the results has a mapping, there are not as many labels as sources, or a package is missing.
    """
    require_report()
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - an optional dependency

    if labels and len(labels) != len(sources):
        raise InputError(
            "as many labels are needed as there are files", expected=str(len(sources)), found=str(len(labels))
        )
    named = list(zip(sources, labels or file_labels([source.path for source in sources]), strict=True))
    results = [(source, name) for source, name in named if isinstance(source, ResultFile)]
    shown = (
        entries_of([source for source, _ in results], labels=[name for _, name in results]) if results else []
    )
    sweeps = [_sweep(source, name) for source, name in named if isinstance(source, SweepFile)]
    fronts = [_front(source, name) for source, name in named if isinstance(source, FrontFile)]
    charts = {"latency": latency_chart(shown), "energy": energy_chart(shown)} if results else {}
    pages = [_result(result, name, shown, explain) for result, name in results]
    for number, page in enumerate(pages):
        if page["residency"] is not None:
            page["chart"] = f"residency-{number}"
            charts[page["chart"]] = page["residency"]
    for number, entry in enumerate([*sweeps, *fronts]):
        entry["chart"] = f"table-{number}"
        charts[entry["chart"]] = entry["figure"]
    parts = {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in (files("zzcp.html") / "templates").iterdir()
    }
    template = _environment(parts).get_template("report.html")
    return template.render(
        policy=POLICY,
        title=title or subject(sources),
        version=version,
        results=pages,
        sweeps=sweeps,
        fronts=fronts,
        components=LATENCY,
        palette=PALETTE,
        charts=script_json(charts),
        style=parts["report.css"],
        script=parts["report.js"],
        plotly=get_plotlyjs().replace("</script", "<\\/script"),
    )


def _environment(parts: Mapping[str, str]) -> Environment:
    """Return what renders templates, with what they format figures by."""
    from jinja2 import DictLoader, Environment, StrictUndefined  # noqa: PLC0415 - an optional dependency

    environment = Environment(
        loader=DictLoader(parts),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": count,
        "amount": amount,
        "product": product_of,
        "share": share,
        "bits": bits,
    }
    return environment


def script_json(data: Any) -> str:
    """Return data as JSON that is safe in a script element, whatever the strings in it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


_FORMS = {"energy": "amount", "latency": "count"}
"""How the values of an objective are written; products where it is none of these."""


def _sweep(source: SweepFile, name: str) -> dict[str, Any]:
    table = source.table
    best: dict[tuple[str, str, str], tuple[float, int]] = {}
    columns = {"workload": "workload", "layer": "layer", "objective": "objective_name"}
    columns = {
        title: field for title, field in columns.items() if len({getattr(p, field) for p in table.points}) > 1
    }
    rows = []
    for number, (point, places, loops) in enumerate(
        zip(table.points, source.places, source.loops, strict=True)
    ):
        if point.objective is not None:
            series = (point.workload, point.layer, point.objective_name)
            best[series] = min(best.get(series, (point.objective, number)), (point.objective, number))
        rows.append(
            {
                "point": point,
                "labels": _labels(source, places),
                "names": [getattr(point, field) for field in columns.values()],
                "form": _FORMS.get(point.objective_name, "product"),
                "loops": loops,
                "best": False,
            }
        )
    for _, number in best.values():
        rows[number]["best"] = len(rows) > len(best)
    return {
        "name": name,
        "table": table,
        "inputs": _inputs(table.inputs),
        "objectives": list(dict.fromkeys(point.objective_name for point in table.points)),
        "layers": list(dict.fromkeys(point.layer for point in table.points)),
        "figure": sweep_chart(source),
        "first": table.axes[0].title if table.axes else "",
        "columns": list(columns),
        "rows": rows,
        "totals": [
            {"total": total, "labels": _labels(source, places)}
            for total, places in zip(table.totals, source.total_places, strict=True)
            if total.layers > 1
        ],
        "proven": sum(point.proven for point in table.points),
        "unproven": sum(point.evaluation is not None and not point.proven for point in table.points),
        "without": sum(point.evaluation is None for point in table.points),
    }


def _labels(source: SweepFile, places: Sequence[int]) -> list[str]:
    return [axis.labels[place] for axis, place in zip(source.table.axes, places, strict=True)]


def _front(source: FrontFile, name: str) -> dict[str, Any]:
    best = best_of(source)
    return {
        "name": name,
        "table": source.table,
        "inputs": _inputs(source.table.inputs),
        "figure": front_chart(source),
        "rows": [
            {"point": point, "loops": loops, "best": number == best}
            for number, (point, loops) in enumerate(zip(source.table.points, source.loops, strict=True))
        ],
    }


def _result(
    result: ResultFile,
    name: str,
    entries: Sequence[Entry],
    explain: Callable[[ResultFile, Entry], Sequence[str]] | None,
) -> dict[str, Any]:
    mine = [entry for entry in entries if entry.result == name]
    unsolved = [entry for entry in result.layers if entry.mapping is None]
    stays = [] if unsolved else stays_of(result)
    return {
        "name": name,
        "accelerator": result.accelerator,
        "objective": result.objective,
        "conventions": result.conventions.name,
        "totals": result.data["totals"],
        "network": network_of(result),
        "stays": [(stay, mine[stay.layers[-1]].name) for stay in stays],
        "residency": residency_chart(result, stays, mine) if stays else None,
        "version": result.data["zzcp_version"],
        "inputs": _inputs(result.data.get("inputs")),
        "options": result.data.get("options") or {},
        "left_out": result.data.get("left_out") or [],
        "missing": missing_text(result.missing, len(result.layers)) if result.missing else "",
        "unsolved": [
            {"layer": entry.layer, "status": entry.status, "why": entry.data.get("diagnosis", "")}
            for entry in unsolved
        ],
        "layers": [_layer(result, entry, explain) for entry in mine],
    }


def _inputs(inputs: Any) -> list[dict[str, str]]:
    """Return the files that something was made from, with their hashes; nothing where they are not written."""
    found = []
    for role, given in inputs.items() if isinstance(inputs, dict) else ():
        several = isinstance(given, list)
        found += [
            {
                "role": role.removesuffix("s") if several else role,
                "file": source["file"],
                "sha256": str(source.get("sha256") or "not a file that could be read again"),
            }
            for source in (given if several else [given])
            if isinstance(source, dict) and isinstance(source.get("file"), str)
        ]
    return found


def _layer(
    result: ResultFile, entry: Entry, explain: Callable[[ResultFile, Entry], Sequence[str]] | None
) -> dict[str, Any]:
    operands = list(entry.evaluation["energy"]["by_operand"])
    cells = entry.energies
    memories = [memory.name for memory in entry.accelerator.memories]
    return {
        "entry": entry,
        "name": entry.name,
        "layer": entry.layer,
        "data": entry.data,
        "evaluation": entry.evaluation,
        "latency": entry.latency,
        "operands": operands,
        "energy": [
            {
                "memory": memory,
                "cells": [cells.get((memory, operand)) for operand in operands],
                "total": entry.evaluation["energy"]["by_memory"][memory],
            }
            for memory in reversed(memories)
            if memory in entry.evaluation["energy"]["by_memory"]
        ],
        "accesses": [
            {"operand": operand, "memory": entry.memories[operand][level], **row}
            for operand, rows in entry.evaluation["accesses"].items()
            for level, row in reversed(list(enumerate(rows)))
        ],
        "nest": nest_lines(entry),
        "sentences": list(explain(result, entry)) if explain is not None else [],
    }
