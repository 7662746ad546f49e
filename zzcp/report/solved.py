"""Results of the solver: a table of layers, the loop nest of a single one, and the result file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.hardware import Accelerator
from zzcp.io import accelerator_to_dict, layer_to_dict
from zzcp.report.data import left_out_node
from zzcp.report.evaluation import evaluation_report
from zzcp.report.style import amount, count, plural, product_of, section, table
from zzcp.report.summary import EvaluatedLayer, Totals
from zzcp.solver import Progress, Result
from zzcp.workload import Layer, SkippedNode


class Source(NamedTuple):
    """A file that was read.

    Attributes
    ----------
    file : str
        Its name, without folders.
    sha256 : str or None
        Hash of its content, in hexadecimal digits; None of a pipe, which can be read only once.
    """

    file: str
    sha256: str | None

    @classmethod
    def of(cls, path: str | Path) -> Source:
        """Return the name and the hash of a file."""
        file = Path(path)
        return cls(file.name, sha256(file.read_bytes()).hexdigest() if file.is_file() else None)


Sources = Mapping[str, Source | Sequence[Source] | None]
"""The files that something was made from, by their roles; None where there is no file of a role."""


class SolvedLayer(NamedTuple):
    """A layer and what the solver found for it."""

    layer: Layer
    result: Result


def evaluated(results: Sequence[SolvedLayer]) -> list[EvaluatedLayer]:
    """Return the layers that have a mapping."""
    return [
        EvaluatedLayer(layer, result.mapping, result.evaluation)
        for layer, result in results
        if result.mapping is not None and result.evaluation is not None
    ]


def progress_line(progress: Progress) -> str:
    """Return one line about the state of a search."""
    best = "none" if progress.objective is None else f"{progress.objective:.6g}"
    gap = "" if progress.gap is None else f", gap {progress.gap:.3%}"
    return f"{progress.stage}, best {best}, bound {progress.lower_bound:.6g}{gap}, {progress.seconds:.1f} s"


def solved_report(
    machine: Accelerator, objective: str, conventions: str, results: Sequence[SolvedLayer]
) -> RenderableType:
    """Return a row per layer and the totals; of a single layer everything."""
    rows = table(
        ">id", "name", "status", ">gap", f">{objective}", ">bound", ">energy pJ", ">cycles", ">loading",
        ">stalls", ">s",
    )  # fmt: skip
    for layer, result in results:
        cells: list[str | Text] = [str(layer.id), Text(layer.name), result.status]
        if result.evaluation is None or result.objective is None or result.gap is None:
            rows.add_row(*cells, "", "", "", "", "", "", "", f"{result.wall_s:.1f}")
            continue
        latency = result.evaluation.latency
        rows.add_row(
            *cells,
            f"{result.gap:.4%}",
            product_of(result.objective),
            product_of(result.lower_bound),
            amount(result.evaluation.energy.total),
            count(latency.total),
            count(latency.data_loading),
            count(latency.spatial_stall + latency.temporal_stall),
            f"{result.wall_s:.1f}",
        )
    totals = Totals.of(evaluated(results))
    rows.add_row(
        "", "total", "", "", "", "", amount(totals.energy), count(totals.latency), "", "",
        f"{sum(result.wall_s for _, result in results):.1f}", style="bold",
    )  # fmt: skip
    parts: list[RenderableType] = []
    if len(results) == 1:
        parts.extend(evaluation_report(machine, *entry) for entry in evaluated(results))
    parts.append(
        section(
            f"{plural(len(results), 'layer')} on {machine.name}, {objective}, conventions {conventions}", rows
        )
    )
    parts.extend(
        Text(f"{layer.name} has no mapping: {result.diagnosis}")
        for layer, result in results
        if result.diagnosis is not None
    )
    return Group(*parts)


def solved_data(
    version: str,
    machine: Accelerator,
    objective: str,
    conventions: str,
    results: Sequence[SolvedLayer],
    left_out: Sequence[SkippedNode] = (),
    inputs: Sources | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Sequence[Sequence[Progress]] | None = None,
) -> dict[str, Any]:
    """Return a result file, with all that `zzcp.io.result.load_results` needs to read it without other files.

    Parameters
    ----------
    version : str
        Version of zzcp.
    machine : Accelerator
        The machine.
    objective, conventions : str
        What was minimised, and how costs were counted.
    results : sequence of SolvedLayer
        The layers.
    left_out : sequence of SkippedNode
        What of the workload was not solved.
    inputs : mapping of str to Source, optional
        The files that the inputs come from, by their roles.
    options : mapping, optional
        With what the layers were solved.
    progress : sequence of sequence of Progress, optional
        What every search reported, where that is wanted: its times differ from run to run.
    """
    logs: Sequence[Sequence[Progress] | None] = [None] * len(results) if progress is None else progress
    return {
        "zzcp_version": version,
        "accelerator": machine.name,
        "objective": objective,
        "conventions": conventions,
        "layers": [
            {
                "id": layer.id,
                "name": layer.name,
                "operator": layer.operator,
                **result.to_dict(),
                "definition": layer_to_dict(layer),
                **({} if log is None else {"progress": [_sample(entry) for entry in log]}),
            }
            for (layer, result), log in zip(results, logs, strict=True)
        ],
        "totals": Totals.of(evaluated(results))._asdict(),
        "left_out": [left_out_node(node) for node in left_out],
        "inputs": inputs_data(inputs or {}, machine),
        "options": dict(options or {}),
    }


def inputs_data(inputs: Sources, machine: Accelerator | None = None) -> dict[str, Any]:
    """Return names and hashes of files for JSON.

    Parameters
    ----------
    inputs : mapping of str to Source, sequence of Source or None
        The files by their roles.
    machine : Accelerator, optional
        The machine of the ``accelerator``, whose whole content is written, too.
    """
    data: dict[str, Any] = {}
    if machine is not None:
        data["accelerator"] = {
            **(_source_data(inputs.get("accelerator")) or {}),
            "content": accelerator_to_dict(machine),
        }
    return data | {role: _source_data(source) for role, source in inputs.items() if role not in data}


def _sample(progress: Progress) -> dict[str, Any]:
    return {
        "seconds": round(progress.seconds, 4),
        "objective": progress.objective,
        "lower_bound": progress.lower_bound,
        "gap": progress.gap,
        "stage": progress.stage,
    }


def _source_data(source: Source | Sequence[Source] | None) -> Any:
    if source is None or isinstance(source, Source):
        return None if source is None else source._asdict()
    return [entry._asdict() for entry in source]
