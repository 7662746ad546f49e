"""A workload as a table: a row per layer, and the nodes that no layer stands for."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.records.plain import operand_bits
from zzcp.report.style import bits, count, heading, loops, plural, section, table
from zzcp.workload import Layer, Network, SkippedNode


def workload_report(network: Network) -> RenderableType:
    """Return the layers of a network with loops, operations and operand sizes, and its skipped nodes."""
    rows = table(">id", "name", "operator", "loops", ">MACs", "operands")
    for layer in network:
        rows.add_row(
            str(layer.id),
            Text(layer.name),
            Text(layer.operator),
            loops((dim, size) for dim, size in layer.sizes.items() if size > 1) or "none",
            count(layer.macs),
            operands(layer),
        )
    parts: list[RenderableType] = [
        section(f"{network.name}: {plural(len(network), 'layer')}", rows, _totals(network))
    ]
    if network.skipped:
        parts.append(skipped_nodes(network.skipped))
    return Group(*parts)


def operands(layer: Layer) -> str:
    """Return the size of every operand of a layer, and where it comes from if another layer produces it."""
    parts = []
    for operand in (*layer.inputs, layer.output):
        source = f" from {layer.sources[operand]}" if operand in layer.sources else ""
        parts.append(f"{operand} {bits(operand_bits(layer, operand))}{source}")
    return ", ".join(parts)


def skipped_nodes(nodes: tuple[SkippedNode, ...]) -> RenderableType:
    """Return the nodes of a model file that are not mapped, and why."""
    rows = table(">id", "name", "operator", "why it is not mapped")
    for node in nodes:
        rows.add_row(str(node.id), Text(node.name), Text(node.operator), Text(node.reason))
    return section(f"{plural(len(nodes), 'node')} not mapped: they cost nothing here", rows)


def _totals(network: Network) -> RenderableType:
    different = len({layer.signature() for layer in network})
    weights = sum(operand_bits(layer, "W") for layer in network if "W" in layer.constant_operands)
    text = f"total: {count(sum(layer.macs for layer in network))} MACs"
    if weights:
        text += f", weights {bits(weights)}"
    if different < len(network):
        text += f"; {different} different layers"
    return heading(text)
