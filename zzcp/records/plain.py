"""Machines, networks, mapping files and evaluated layers as plain data, and plain data as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from zzcp.hardware import Accelerator
from zzcp.io import MappingEntry, MappingFile, accelerator_to_dict, layer_to_dict
from zzcp.mapping import Mapping
from zzcp.records.layers import EvaluatedLayer, Totals
from zzcp.workload import Layer, Network, SkippedNode

LINE = 110
"""Longest list or object that is written on one line."""


class Rows:
    """Many entries of a list, which are made while they are written.

    Parameters
    ----------
    entries : iterator
        The entries; they are gone through once.
    """

    def __init__(self, entries: Iterator[Any]) -> None:
        self.entries = entries


def json_text(data: Any) -> str:
    """Return data as JSON: what fits into a line on one, the rest indented; keys keep their order."""
    return f"{_json(data, '')}\n"


def json_parts(data: dict[str, Any]) -> Iterator[str]:
    """Yield a dictionary as JSON, piece by piece: a value of it may be `Rows`.

    It is written as `json_text` does it, but for lists of rows that would fit into a line.
    """
    start = "{\n  "
    for key, value in data.items():
        yield f"{start}{json.dumps(key, ensure_ascii=False)}: "
        start = ",\n  "
        if isinstance(value, Rows):
            yield from _each(value.entries)
        else:
            yield _json(value, "  ")
    yield "\n}\n"


def _each(entries: Iterator[Any]) -> Iterator[str]:
    start = "["
    for entry in entries:
        yield f"{start}\n    {_json(entry, '    ')}"
        start = ","
    yield "[]" if start == "[" else "\n  ]"


def _json(data: Any, indent: str) -> str:
    line = json.dumps(data, ensure_ascii=False, allow_nan=False)
    if len(indent) + len(line) <= LINE or not isinstance(data, dict | list) or not data:
        return line
    deeper = f"{indent}  "
    if isinstance(data, dict):
        parts = [
            f"{json.dumps(str(key), ensure_ascii=False)}: {_json(value, deeper)}"
            for key, value in data.items()
        ]
        start, end = "{", "}"
    else:
        parts = [_json(value, deeper) for value in data]
        start, end = "[", "]"
    body = f",\n{deeper}".join(parts)
    return f"{start}\n{deeper}{body}\n{indent}{end}"


def accelerator_data(accelerator: Accelerator) -> dict[str, Any]:
    """Return an accelerator in the form of ZigZag's hardware file, with instances and totals."""
    return {
        "kind": "accelerator",
        **accelerator_to_dict(accelerator),
        "instances": {memory.name: accelerator.instances(memory) for memory in accelerator.memories},
        "totals": {
            "units": accelerator.array.units,
            "capacity": accelerator.capacity,
            "area": accelerator.area,
        },
    }


def workload_data(network: Network) -> dict[str, Any]:
    """Return a network: its layers in the form of ZigZag's workload file, with operations and operand sizes in bits."""
    return {
        "kind": "workload",
        "name": network.name,
        "layers": [
            {
                **layer_to_dict(layer),
                "macs": layer.macs,
                "operand_bits": {operand: operand_bits(layer, operand) for operand in layer.operands},
            }
            for layer in network
        ],
        "skipped": [left_out_node(node) for node in network.skipped],
        "totals": {"layers": len(network), "macs": network.macs, "total_macs": network.total_macs},
    }


def operand_bits(layer: Layer, operand: str) -> int:
    """Return the bits of a whole operand; of the output when it is complete."""
    precision = layer.final_precision if operand == layer.output else layer.precision[operand]
    return layer.tensor_size(operand) * precision


def left_out_node(node: SkippedNode) -> dict[str, Any]:
    """Return a node that is not mapped, why, and the operations left out with it: 0, some, or null (not known)."""
    return asdict(node)


def work_data(results: Sequence[EvaluatedLayer], left_out: Sequence[SkippedNode]) -> dict[str, int]:
    """Return the multiply-accumulate operations of layers, and those together with what is left out, where known."""
    macs = sum(result.layer.macs for result in results if result.layer.multiplies)
    return {"in_layers": macs, "total": macs + sum(node.macs or 0 for node in left_out)}


def mapping_file_data(file: MappingFile) -> dict[str, Any]:
    """Return the entries of a mapping file."""
    return {"kind": "mapping file", "entries": [_entry(entry) for entry in file.entries]}


def _entry(entry: MappingEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "spatial_mapping": entry.spatial_mapping,
        "spatial_mapping_hint": None
        if entry.spatial_mapping_hint is None
        else {name: list(dims) for name, dims in entry.spatial_mapping_hint.items()},
        "memory_operand_links": entry.memory_operand_links,
        "temporal_ordering": [[dim, "*" if size is None else size] for dim, size in entry.temporal_ordering],
    }


def full_mapping_data(mappings: dict[str | None, Mapping]) -> dict[str, Any]:
    """Return full mappings, each with the layer that it is for."""
    return {
        "kind": "full mapping",
        "mappings": [{"layer": name, **mapping.to_dict()} for name, mapping in mappings.items()],
    }


def result_data(
    version: str,
    accelerator: Accelerator,
    conventions: str,
    results: Sequence[EvaluatedLayer],
    left_out: Sequence[SkippedNode] = (),
) -> dict[str, Any]:
    """Return evaluated layers with their totals, in the form that commands read again.

    Parameters
    ----------
    version : str
        Version of zzcp.
    accelerator : Accelerator
        The machine.
    conventions : str
        Name of the conventions.
    results : sequence of EvaluatedLayer
        What was evaluated.
    left_out : sequence of SkippedNode
        What of the workload was not.
    """
    return {
        "zzcp_version": version,
        "accelerator": accelerator.name,
        "conventions": conventions,
        "layers": [_layer(result) for result in results],
        "totals": Totals.of(results)._asdict(),
        "left_out": [left_out_node(node) for node in left_out],
        "macs": work_data(results, left_out),
        **costs_data(accelerator),
    }


def costs_data(accelerator: Accelerator) -> dict[str, Any]:
    """Return which costs of memories come from which model and version; nothing where none do."""
    costs = {
        memory.name: asdict(memory.costing) for memory in accelerator.memories if memory.costing is not None
    }
    return {"costs": costs} if costs else {}


def _layer(result: EvaluatedLayer) -> dict[str, Any]:
    layer, mapping, evaluation = result
    own = mapping.with_buffering(evaluation.double_buffered).to_dict()
    head = {"id": layer.id, "name": layer.name, "operator": layer.operator}
    return {**head, **own, "evaluation": evaluation.to_dict()}
