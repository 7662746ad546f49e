"""A machine, a layer and a mapping as a specification of AccelForge, which its evaluator scores."""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from typing import Any

from zzcp.conversion.notes import Notes
from zzcp.conversion.placement import (
    Placement,
    Stored,
    fan_outs,
    hierarchy,
    name_shared_ports,
    place,
    tile_below,
)
from zzcp.errors import InputError
from zzcp.hardware import Accelerator, Memory, PortType
from zzcp.io.write import PlainDumper, to_yaml
from zzcp.mapping import Mapping
from zzcp.workload import Layer
from zzcp.workload.layer import FINAL

UNITS = "MAC"
"""Name of the units in the specification."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A mapping of the file with a tag."""

    tag: str
    value: dict[str, Any]


class _Dumper(PlainDumper):
    """Writes tags, too."""


_Dumper.add_representer(
    Tagged, lambda dumper, data: dumper.represent_mapping(f"!{data.tag}", data.value, flow_style=False)
)


def write(accelerator: Accelerator, layer: Layer, mapping: Mapping, notes: Notes) -> str:
    """Return the specification: ``arch``, ``workload`` and ``mapping``.

    Parameters
    ----------
    accelerator, layer, mapping
        A valid mapping, and what it is for.
    notes : Notes
        Where remarks go.

    Raises
    ------
    InputError
        If AccelForge cannot express the machine or the mapping.
    """
    placement = place(accelerator, layer, mapping)
    order = hierarchy(placement.machine)
    data = {
        "arch": {"nodes": _architecture(placement.machine, order, placement.links, notes)},
        "workload": _workload(layer, notes),
        "mapping": {"nodes": list(_mapping(placement, order, layer, mapping))},
    }
    _remarks(placement, layer, mapping, notes)
    return to_yaml(data, _Dumper)


def _architecture(
    machine: Accelerator, order: list[Memory], links: Dictionary[str, str], notes: Notes
) -> list[Tagged]:
    """Return the nodes of the machine from the outermost inwards, with a container for every fan-out."""
    nodes: list[Tagged] = []
    tensors = {operand: tensor for tensor, operand in links.items()}
    above = fan_outs(machine, order)
    for memory, dims in zip(order, above, strict=False):
        nodes += _containers(machine, dims)
        nodes.append(_memory(memory, tensors, notes))
    nodes += _containers(machine, above[-1])
    array = machine.array
    actions = [{"name": "compute", "energy": array.unit_energy, "throughput": 1}]
    nodes.append(
        Tagged(
            "Compute",
            {
                "name": UNITS,
                "leak_power": array.leakage / array.units,
                "area": array.unit_area,
                "actions": actions,
            },
        )
    )
    return nodes


def _containers(machine: Accelerator, dims: tuple[str, ...]) -> list[Tagged]:
    return [
        Tagged("Container", {"name": dim, "spatial": [{"name": dim, "fanout": machine.array.size(dim)}]})
        for dim in dims
        if machine.array.size(dim) > 1
    ]


def _memory(memory: Memory, tensors: dict[str, str], notes: Notes) -> Tagged:
    held = [tensors[operand] for operand in memory.operands if operand in tensors]
    stored = {tensors[operand]: bits for operand, bits in memory.precision if operand in tensors}
    shared = any(port.type is PortType.READ_WRITE for port in memory.ports)
    widths: dict[str, int] = {}
    for kind, is_write in (("read", False), ("write", True)):
        ports = [
            port
            for port in memory.ports
            if any(move.direction.is_write == is_write for move in port.allocation)
        ]
        sizes = {port.bandwidth_max for port in ports} or {1}
        widths[kind] = max(sizes)
        if len(sizes) > 1:
            notes.miss(
                f"{kind} ports of {memory.name} with different widths",
                f"one port of {max(sizes)} bits per cycle there, and its energy of a bit",
            )
        smallest = {port.bandwidth_min for port in ports}
        if smallest - {1}:
            notes.miss(
                f"the smallest word of {memory.name} ({max(smallest)} bits)",
                "AccelForge counts what is moved in proportion, not in whole words",
            )
    name_shared_ports(memory, notes)
    latency = "sum" if shared else "max"
    return Tagged(
        "Memory",
        {
            "name": memory.name,
            "size": memory.size,
            "leak_power": memory.leakage,
            "area": memory.area,
            **({"bits_per_value": stored} if stored else {}),
            "tensors": {"keep": " | ".join(held) or "Nothing", "force_memory_hierarchy_order": False},
            "total_latency": f"{latency}(a.n_calls / a.throughput for a in actions)",
            "actions": [
                {"name": kind, "energy": energy, "throughput": 1, "bits_per_action": widths[kind]}
                for kind, energy in (("read", memory.read_energy), ("write", memory.write_energy))
            ],
        },
    )


def _workload(layer: Layer, notes: Notes) -> dict[str, Any]:
    windows = {relation.window: relation for relation in layer.relations}
    accesses = []
    for operand in (*layer.inputs, layer.output):
        projection = {}
        for dim in layer.equation.indices[operand]:
            if dim in windows:
                window = windows[dim]
                projection[dim] = " + ".join(
                    f"{factor} * {loop.lower()}" if factor > 1 else loop.lower()
                    for loop, factor in ((window.outer, window.stride), (window.inner, window.dilation))
                )
            elif dim in layer.sizes:
                projection[dim] = dim.lower()
        access: dict[str, Any] = {
            "name": operand,
            "projection": projection,
            "bits_per_value": layer.precision[operand],
        }
        accesses.append(access | ({"output": True} if operand == layer.output else {}))
    if layer.precision[layer.output] != layer.precision[layer.output + FINAL]:
        notes.miss(
            f"outputs of {layer.precision[layer.output + FINAL]} bits",
            f"all have the {layer.precision[layer.output]} bits of partial sums there",
        )
    if layer.padding or layer.window_sizes:
        notes.miss("padding", "AccelForge stores and moves the elements of the padding, too")
    return {
        "iteration_space_shape": {
            dim.lower(): f"0 <= {dim.lower()} < {size}" for dim, size in layer.sizes.items()
        },
        "einsums": [
            {
                "name": "layer",
                "tensor_accesses": accesses,
                "renames": {"weight": "W", "input": "I", "output": "O"}
                if set(layer.operands) == {"W", "I", "O"}
                else {"output": layer.output},
            }
        ],
    }


def _mapping(placement: Placement, order: list[Memory], layer: Layer, mapping: Mapping) -> Iterator[Tagged]:
    """Yield the nodes of the mapping, the outermost first."""
    depth = {memory.name: i for i, memory in enumerate(order)}
    stored = sorted(placement.stored, key=lambda entry: (-entry.high, depth[entry.memory]))
    lanes = _lanes(placement, order, stored, mapping)
    inside = {dim: math.prod(loop.size for loop in placement.loops if loop.dim == dim) for dim in layer.sizes}
    inside = {dim: count * mapping.spatial.total(dim) for dim, count in inside.items()}
    position = len(placement.loops)
    for i, entry in enumerate((*stored, None)):
        end = entry.high if entry else 0
        while position > end:
            position -= 1
            loop = placement.loops[position]
            inside[loop.dim] //= loop.size
            yield Tagged("Temporal", {"rank_variable": loop.dim.lower(), "tile_shape": inside[loop.dim]})
        for array_dim, dim, factor in lanes.get(i, []):
            inside[dim] //= factor
            yield Tagged(
                "Spatial",
                {
                    "rank_variable": dim.lower(),
                    "tile_shape": inside[dim],
                    "name": array_dim,
                    "component": array_dim,
                },
            )
        if entry:
            yield Tagged("Storage", {"tensors": [entry.operand], "component": entry.memory})
    yield Tagged("Compute", {"einsum": "layer", "component": UNITS})


def _lanes(
    placement: Placement, order: list[Memory], stored: list[Stored], mapping: Mapping
) -> dict[int, list[tuple[str, str, int]]]:
    """Return before which of the stored operands the lanes of each array dimension lie.

    Raises
    ------
    InputError
        If a memory above a fan-out would be filled inside of one below it: there the lanes would lie on both sides.
    """
    depth = {memory.name: i for i, memory in enumerate(order)}
    found: dict[int, list[tuple[str, str, int]]] = {}
    unrolled = dict(mapping.spatial.unrolling)
    for level, dims in enumerate(fan_outs(placement.machine, order)):
        lanes = [(dim, loop, factor) for dim in dims for loop, factor in unrolled.get(dim, ()) if factor > 1]
        if not lanes:
            continue
        below = [i for i, entry in enumerate(stored) if depth[entry.memory] >= level]
        first = min(below, default=len(stored))
        late = [entry for entry in stored[first:] if depth[entry.memory] < level]
        if late:
            raise InputError(
                f"{late[0].operand} in {late[0].memory} is filled inside of a tile of {stored[first].operand} in "
                f"{stored[first].memory}, below the fan-out {', '.join(dims)}",
                expected="a mapping in which all that is above a fan-out is filled outside of all that is below it",
                hint="even mappings are (docs/constraints.md)",
            )
        found.setdefault(first, []).extend(lanes)
    return found


def _remarks(placement: Placement, layer: Layer, mapping: Mapping, notes: Notes) -> None:
    """Name where the models differ on this mapping."""
    uneven = [dim for dim, size in layer.sizes.items() if tile_below(mapping, placement.loops, dim) != size]
    if uneven:
        notes.miss(
            f"{', '.join(uneven)}, which loops and lanes do not divide", "AccelForge counts averages there"
        )
    if any(layer.relevance(operand).partial for operand in layer.operands):
        notes.miss(
            "windows",
            "AccelForge keeps their overlap where a memory stands directly above the loop that slides",
        )
    notes.assume(
        "every operation reads its inputs there (here same_data_free=False), and partial sums that come back are "
        "written into all lanes that add to them (restored_everywhere=True)"
    )
    notes.miss(
        "cycles", "AccelForge has no first fill, no last drain and no stalls: the busiest component counts"
    )
