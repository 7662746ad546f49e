"""The result file of a network whose layers were solved together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zzcp.hardware import Accelerator
from zzcp.networks.result import NetworkResult
from zzcp.records.layers import SolvedLayer
from zzcp.records.solved import solved_data
from zzcp.records.sources import Sources
from zzcp.workload import Layer, SkippedNode


def solved_layers(result: NetworkResult) -> list[SolvedLayer]:
    """Return the layers of a network with what was found for each."""
    return [SolvedLayer(*entry) for entry in zip(result.network_layers, result.layers, strict=True)]


def network_data(
    version: str,
    machine: Accelerator,
    result: NetworkResult,
    left_out: Sequence[SkippedNode] = (),
    inputs: Sources | None = None,
    options: Mapping[str, Any] | None = None,
    missing: Sequence[Layer] = (),
) -> dict[str, Any]:
    """Return a result file: that of the layers, with the totals and the bound of the network.

    Parameters
    ----------
    version, machine, left_out, inputs, options, missing
        As for `zzcp.records.solved.solved_data`.
    result : NetworkResult
        The network.
    """
    data = solved_data(
        version,
        machine,
        result.objective_name,
        result.conventions,
        solved_layers(result),
        left_out,
        inputs,
        options,
        missing=missing,
    )
    data["totals"] |= result.totals()
    return {**data, "scope": "network"}
