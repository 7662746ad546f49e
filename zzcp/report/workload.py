"""A workload as a table: a row per layer, and the nodes that no layer stands for."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.records.plain import operand_bits
from zzcp.report.style import bits, count, heading, loops, plural, section
from zzcp.report.tables import table
from zzcp.workload import Layer, Network, SkippedNode

KINDS = 8
"""Most kinds of nodes that a line names."""


def workload_report(network: Network) -> RenderableType:
    """Return the layers of a network with loops, operations and operand sizes, and the work that is left out."""
    rows = table(">id", "~name", "operator", "loops", ">MACs", "operands", spare=("operands",))
    for layer in network:
        rows.add_row(
            str(layer.id),
            Text(layer.name),
            Text(layer.operator),
            loops((dim, size) for dim, size in layer.sizes.items() if size > 1) or "none",
            count(layer.macs),
            operands(layer),
        )
    title = f"{network.name}: {plural(len(network), 'layer')}"
    parts: list[RenderableType] = [section(title, *coverage(network), rows, _totals(network))]
    if network.unmapped:
        parts.append(skipped_nodes(network.unmapped))
    return Group(*parts)


def operands(layer: Layer) -> str:
    """Return the size of every operand of a layer, and where it comes from if another layer produces it."""
    parts = []
    for operand in (*layer.inputs, layer.output):
        source = f" from {layer.sources[operand]}" if operand in layer.sources else ""
        parts.append(f"{operand} {bits(operand_bits(layer, operand))}{source}")
    return ", ".join(parts)


def summary_report(network: Network) -> RenderableType:
    """Return how much of a network is in its layers, without a table of them."""
    read = f"read {count(network.macs)} of {count(network.total_macs)} MACs"
    title = heading(f"{network.name}: {plural(len(network), 'layer')}, {read}")
    return Group(title, *coverage(network), Text(""))


def coverage(network: Network) -> list[Text]:
    """Return, of a network with nodes that are not mapped, which share of its work is in layers and what is not."""
    if not network.skipped:
        return []
    unknown = [node for node in network.unmapped if node.macs is None]
    known = [node for node in network.unmapped if node.macs]
    whole = " that are known" if unknown else ""
    layers = plural(sum(layer.multiplies for layer in network), "layer")
    text = f"{_covered(network)} of the MACs of this network{whole} are in {layers}"
    parts = [
        f"{len(nodes):,} {operator} ({amount_of_macs(sum(node.macs or 0 for node in nodes))} MACs)"
        for operator, nodes in _by_operator(known).items()
    ]
    if unknown:
        parts.append(f"{len(unknown):,} of unknown size ({_listed(unknown)})")
    lines = [Text(f"{text}; left out: {', '.join(parts)}" if parts else text)]
    without = [node for node in network.skipped if node.macs == 0]
    if without:
        lines.append(
            Text(f"{plural(len(without), 'node')} without multiply-accumulate work: {_listed(without)}")
        )
    return lines


def amount_of_macs(number: int) -> str:
    """Return a number of operations in the largest unit that leaves a number >= 1, such as 1.9 M."""
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)


def _covered(network: Network) -> str:
    """Return the share of the known operations that layers have, rounded down."""
    total = network.total_macs
    permille = 1000 * network.macs // total if total else 1000
    return f"{permille // 10}.{permille % 10} %".replace(".0 %", " %")


def _by_operator(nodes: Sequence[SkippedNode]) -> dict[str, list[SkippedNode]]:
    found: dict[str, list[SkippedNode]] = {}
    for node in nodes:
        found.setdefault(node.operator, []).append(node)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def _listed(nodes: Sequence[SkippedNode]) -> str:
    kinds = _by_operator(nodes)
    text = ", ".join(f"{len(found):,} {operator}" for operator, found in list(kinds.items())[:KINDS])
    return text + (", ..." if len(kinds) > KINDS else "")


def skipped_nodes(nodes: Sequence[SkippedNode]) -> RenderableType:
    """Return the nodes of a model file that have, or may have, work which no layer stands for, and why."""
    rows = table(">id", "~name", "operator", ">MACs", "why it is not mapped")
    for node in nodes:
        macs = "?" if node.macs is None else count(node.macs)
        rows.add_row(str(node.id), Text(node.name), Text(node.operator), macs, Text(node.reason))
    return section(f"{plural(len(nodes), 'node')} with work that is left out", rows)


def _totals(network: Network) -> RenderableType:
    different = len({layer.signature() for layer in network})
    outside = sum(operand_bits(layer, "W") for layer in network if "W" in layer.constant_operands)
    text = f"total: {count(network.macs)} MACs"
    others = sum(layer.macs for layer in network if not layer.multiplies)
    if others:
        text += f" and {count(others)} other operations"
    if outside:
        text += f", W from outside {bits(outside)}"
    if different < len(network):
        text += f"; {different} different layers"
    return heading(text)
