"""What stands on the page, and how it is put together."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

from zzcp.errors import InputError
from zzcp.html.charts import energy_chart, latency_chart
from zzcp.html.nest import nest_lines
from zzcp.io.result import ResultFile
from zzcp.plot.entries import LATENCY, Entry, entries_of, file_labels
from zzcp.plot.style import INK, PALETTE
from zzcp.report.style import amount, bits, count, product_of, share

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
    results: Sequence[ResultFile],
    *,
    version: str,
    title: str | None = None,
    labels: Sequence[str] = (),
    explain: Callable[[ResultFile, Entry], Sequence[str]] | None = None,
) -> str:
    """Return a page about results.

    Parameters
    ----------
    results : sequence of ResultFile
        What it is about.
    version : str
        Version of zzcp that writes it.
    title : str, optional
        Its title.
    labels : sequence of str
        What the results are called.
    explain : callable, optional
        Returns sentences about a layer.

    Raises
    ------
    InputError
        If no layer has a mapping, or a package is missing.
    """
    require_report()
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - an optional dependency
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - an optional dependency

    names = list(labels) or file_labels([result.path for result in results])
    shown = entries_of(results, labels=names)
    folder = files("zzcp.html") / "templates"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "count": count,
        "amount": amount,
        "product": product_of,
        "share": share,
        "bits": bits,
    }
    template = environment.from_string((folder / "report.html").read_text(encoding="utf-8"))
    charts = {"latency": latency_chart(shown), "energy": energy_chart(shown)}
    return template.render(
        policy=POLICY,
        title=title
        or f"Mappings of {', '.join(dict.fromkeys(result.accelerator.name for result in results))}",
        version=version,
        results=[_result(result, name, shown, explain) for result, name in zip(results, names, strict=True)],
        components=LATENCY,
        palette=PALETTE,
        ink=INK,
        charts=script_json(charts),
        style=(folder / "report.css").read_text(encoding="utf-8"),
        script=(folder / "report.js").read_text(encoding="utf-8"),
        plotly=get_plotlyjs().replace("</script", "<\\/script"),
    )


def script_json(data: Any) -> str:
    """Return data as JSON that is safe in a script element, whatever the strings in it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _result(
    result: ResultFile,
    name: str,
    entries: Sequence[Entry],
    explain: Callable[[ResultFile, Entry], Sequence[str]] | None,
) -> dict[str, Any]:
    mine = [entry for entry in entries if entry.result == name]
    unsolved = [entry for entry in result.layers if entry.mapping is None]
    return {
        "name": name,
        "accelerator": result.accelerator,
        "objective": result.objective,
        "conventions": result.conventions.name,
        "totals": result.data["totals"],
        "version": result.data["zzcp_version"],
        "inputs": _inputs(result),
        "options": result.data.get("options") or {},
        "left_out": result.data.get("left_out") or [],
        "unsolved": [
            {"layer": entry.layer, "status": entry.status, "why": entry.data.get("diagnosis", "")}
            for entry in unsolved
        ],
        "layers": [_layer(result, entry, explain) for entry in mine],
    }


def _inputs(result: ResultFile) -> list[dict[str, str]]:
    """Return the files that a result was made from, with their hashes."""
    found = []
    for role, source in (result.data.get("inputs") or {}).items():
        if isinstance(source, dict) and isinstance(source.get("file"), str):
            found.append({"role": role, "file": source["file"], "sha256": str(source.get("sha256", ""))})
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
