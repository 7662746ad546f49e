"""Writers of ZigZag's formats: what they write, the readers read back equal."""

from __future__ import annotations

from typing import Any

import yaml

from zzcp.costs import ModelName
from zzcp.errors import InputError
from zzcp.hardware import Accelerator, Memory, OperationalArray, Port
from zzcp.workload import Layer, Network
from zzcp.workload.network import may_feed


class PlainDumper(yaml.SafeDumper):
    """Writes every value in full, without anchors."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Return True: what stands twice is written twice."""
        return True


def to_yaml(data: Any, dumper: type[yaml.SafeDumper] = PlainDumper) -> str:
    """Return plain data as YAML text, keys in their order; another dumper may know more than plain data."""
    return yaml.dump(data, Dumper=dumper, sort_keys=False, allow_unicode=True, width=110)


def accelerator_to_dict(accelerator: Accelerator) -> dict[str, Any]:
    """Return an accelerator in the form of ZigZag's hardware YAML."""
    data: dict[str, Any] = {
        "name": accelerator.name,
        "memories": {memory.name: _memory(memory) for memory in accelerator.memories},
        "operational_array": _array(accelerator.array),
    }
    if accelerator.dataflows is not None:
        data["dataflows"] = {
            dimension: [f"{dim}, {factor}" for dim, factor in factors.items()]
            for dimension, factors in accelerator.dataflows.items()
        }
    return data


def accelerator_to_yaml(accelerator: Accelerator) -> str:
    """Return an accelerator as ZigZag's hardware YAML."""
    return to_yaml(accelerator_to_dict(accelerator))


def _memory(memory: Memory) -> dict[str, Any]:
    data = {
        "size": memory.size,
        "r_cost": memory.read_energy,
        "w_cost": memory.write_energy,
        "area": memory.area,
        "latency": memory.latency,
        "mem_type": memory.memory_type,
        "operands": list(memory.operands),
        "ports": [_port(port) for port in memory.ports],
        "served_dimensions": list(memory.served_dimensions),
        "force_double_buffering": memory.force_double_buffering,
    }
    if memory.costing is not None:
        model = ModelName.of(memory.costing.model)
        data["costs"] = {
            "model": model.model,
            **({} if model.process is None else {"technology": f"{model.process:g}nm"}),
            **({} if model.banks == 1 else {"banks": model.banks}),
            **({} if model.clock is None else {"clock": f"{model.clock:.12g}GHz"}),
            "version": memory.costing.version,
            "figures": list(memory.costing.figures),
        }
    if memory.leakage or (memory.costing is not None and "leakage" in memory.costing.figures):
        data["leakage"] = memory.leakage
    if memory.keeps_overlap:
        data["keeps_overlap"] = list(memory.keeps_overlap)
    if memory.precision:
        data["precision"] = dict(memory.precision)
    return data


def _port(port: Port) -> dict[str, Any]:
    return {
        "name": port.name,
        "type": port.type.value,
        "bandwidth_min": port.bandwidth_min,
        "bandwidth_max": port.bandwidth_max,
        "allocation": [f"{operand}, {direction.value}" for operand, direction in port.allocation],
        **({"shared_along": list(port.shared_along)} if port.shared_along else {}),
    }


def _array(array: OperationalArray) -> dict[str, Any]:
    data: dict[str, Any] = {
        "unit_energy": array.unit_energy,
        "unit_area": array.unit_area,
        "dimensions": list(array.dimensions),
        "sizes": list(array.sizes),
        "systolic_dimensions": list(array.systolic_dimensions),
    }
    if array.cycles_per_op > 1:
        data["cycles_per_op"] = array.cycles_per_op
    if array.systolic_refill != "per_layer":
        data["systolic_refill"] = array.systolic_refill
    if array.leakage:
        data["leakage"] = array.leakage
    if array.input_precision is not None:
        data["input_precision"] = list(array.input_precision)
    if array.in_memory_computing is not None:
        macro = array.in_memory_computing
        data |= {
            "is_imc": True,
            "imc_type": "analog" if macro.analog else "digital",
            "input_precision": list(macro.input_precision),
            "bit_serial_precision": macro.bit_serial_precision,
            "adc_resolution": macro.adc_resolution,
        }
    return data


def layer_to_dict(layer: Layer) -> dict[str, Any]:
    """Return a layer in the form of ZigZag's workload YAML."""
    data: dict[str, Any] = {
        "id": layer.id,
        "name": layer.name,
        "operator_type": layer.operator,
        "equation": str(layer.equation),
        "dimension_relations": [str(relation) for relation in layer.relations],
        "loop_dims": list(layer.sizes),
        "loop_sizes": list(layer.sizes.values()),
        "operand_precision": dict(layer.precision),
        "operand_source": {operand: layer.sources.get(operand, layer.id) for operand in layer.inputs},
    }
    if layer.padding or layer.window_sizes:
        windows = {relation.window: relation for relation in layer.relations}
        dims = list(windows) if layer.window_sizes else list(layer.padding)
        data["pr_loop_dims"] = dims
        if layer.window_sizes:
            data["pr_loop_sizes"] = [layer.window_size(windows[dim]) for dim in dims]
        if layer.padding:
            data["padding"] = [list(layer.padding.get(dim, (0, 0))) for dim in dims]
    return data


def network_to_yaml(network: Network, *, comments: bool = False) -> str:
    """Return the layers of a network as ZigZag's workload YAML.

    Nodes that the network skips cannot be written: what they pass on is taken from the layer before them, or is
    constant where there is none, or where that does not make as much (they may repeat or join tensors).

    Parameters
    ----------
    network : Network
        The network.
    comments : bool
        Say in comments what the reader took for granted, and which nodes are skipped and why.

    Raises
    ------
    InputError
        If the network has no layers.
    """
    if not network.layers:
        raise InputError(f"network {network.name} has no layers to write")
    graph = network.graph()
    mapped = {layer.id: layer for layer in network}
    rows = []
    for layer in network:
        row = layer_to_dict(layer)
        for operand, source in layer.sources.items():
            found: int | None = source
            while found is not None and found not in mapped:
                found = next(iter(graph.predecessors(found)), None)
            if found is None or not may_feed(mapped[found], layer, operand):
                found = layer.id
            row["operand_source"][operand] = found
        rows.append(row)
    return (_comments(network) if comments else "") + to_yaml(rows)


def _comments(network: Network) -> str:
    """Return what is not in the layers, line by line."""
    lines = [f"{network.name}: read {network.macs:,} of {network.total_macs:,} MACs"]
    lines += network.notes
    if network.skipped:
        lines.append("skipped:")
    for node in network.skipped:
        macs = (
            "" if node.macs == 0 else " (MACs not known)" if node.macs is None else f" ({node.macs:,} MACs)"
        )
        lines.append(f"  {node.id} {node.operator} {node.name}: {node.reason}{macs}")
    # names are text of any kind: none may end a comment
    return "".join(f"# {shown(line)}\n" for line in lines)


def shown(text: str) -> str:
    """Return a text with escapes in the place of what does not print."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
