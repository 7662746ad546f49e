"""The result file of the solver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from zzcp.hardware import Accelerator
from zzcp.io import layer_to_dict
from zzcp.records.layers import SolvedLayer, Totals, evaluated
from zzcp.records.plain import left_out_node, work_data
from zzcp.records.sources import Sources, inputs_data
from zzcp.solver.result import Progress
from zzcp.workload import Layer, SkippedNode


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
    missing: Sequence[Layer] = (),
    rows: Callable[[Iterator[dict[str, Any]]], Any] = list,
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
    missing : sequence of Layer
        Layers that were not begun when the run was stopped.
    rows : callable
        What becomes of the records of the layers; with `Rows` they are made one by one while they are written.
    """
    logs: Sequence[Sequence[Progress] | None] = [None] * len(results) if progress is None else progress
    return {
        "zzcp_version": version,
        "accelerator": machine.name,
        "objective": objective,
        "conventions": conventions,
        "layers": rows(
            {
                "id": layer.id,
                "name": layer.name,
                "operator": layer.operator,
                **result.to_dict(),
                "definition": layer_to_dict(layer),
                **({} if log is None else {"progress": [_sample(entry) for entry in log]}),
            }
            for (layer, result), log in zip(results, logs, strict=True)
        ),
        "totals": Totals.of(evaluated(results))._asdict(),
        "scope": "layers",
        "complete": not missing,
        **({"missing": [{"id": layer.id, "name": layer.name} for layer in missing]} if missing else {}),
        "left_out": [left_out_node(node) for node in left_out],
        "macs": work_data(evaluated(results), left_out),
        "inputs": inputs_data(inputs or {}, machine),
        "options": dict(options or {}),
    }


def _sample(progress: Progress) -> dict[str, Any]:
    return {
        "seconds": round(progress.seconds, 4),
        "objective": progress.objective,
        "lower_bound": progress.lower_bound,
        "gap": progress.gap,
        "stage": progress.stage,
    }
