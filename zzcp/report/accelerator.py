"""An accelerator as a tree: memories from the outermost inwards with their ports, and the array."""

from __future__ import annotations

from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from zzcp.hardware import Accelerator, Direction, Memory, Port
from zzcp.report.style import amount, bits, count, heading, plural, unrolling

DIRECTIONS = {
    Direction.FROM_ABOVE: "from above",
    Direction.TO_BELOW: "to below",
    Direction.FROM_BELOW: "from below",
    Direction.TO_ABOVE: "to above",
}
"""The four ways through a memory, in words."""


def accelerator_report(accelerator: Accelerator) -> RenderableType:
    """Return an accelerator's memories, ports and array, with sizes, energies, bandwidths and totals."""
    tree = Tree(_title(accelerator))
    printed: set[str] = set()
    graph = accelerator.hierarchy()
    outermost = [memory for memory in accelerator.memories if not graph.out_degree(memory.name)]
    for memory in reversed(outermost):
        _add(tree, accelerator, memory, memory.operands, printed)
    tree.add(_array(accelerator))
    return Group(tree, *_totals(accelerator), Text(""))


def _title(accelerator: Accelerator) -> Text:
    memories = plural(len(accelerator.memories), "memory").replace("memorys", "memories")
    return Text.assemble(
        (accelerator.name, "bold"), f": {plural(accelerator.array.units, 'unit')}, {memories}"
    )


def _add(
    parent: Tree, accelerator: Accelerator, memory: Memory, operands: tuple[str, ...], printed: set[str]
) -> None:
    """Add a memory and what lies below it; a memory that is fed from two others is described once."""
    if memory.name in printed:
        parent.add(Text.assemble((memory.name, "bold"), f"  for {' '.join(operands)}, as above"))
        return
    printed.add(memory.name)
    branch = parent.add(_memory(accelerator, memory))
    graph = accelerator.hierarchy()
    below = [accelerator.memory(lower) for lower in graph.predecessors(memory.name)]
    for lower in sorted(below, key=accelerator.memories.index, reverse=True):
        _add(branch, accelerator, lower, graph.edges[lower.name, memory.name]["operands"], printed)


def costs_lines(accelerator: Accelerator) -> list[Text]:
    """Return a line for every memory that has costs of a model: which ones, and the model and version."""
    return [
        Text(f"costs of {memory.name}: {memory.costing}")
        for memory in accelerator.memories
        if memory.costing is not None
    ]


def _memory(accelerator: Accelerator, memory: Memory) -> Text:
    instances = accelerator.instances(memory)
    parts = [
        f"{count(memory.size)} bit ({bits(memory.size)})"
        + (f" x {count(instances)}" if instances > 1 else ""),
        f"holds {' '.join(memory.operands)}"
        + (f", shared along {' '.join(memory.served_dimensions)}" if memory.served_dimensions else ""),
        f"read {amount(memory.read_energy)} pJ, write {amount(memory.write_energy)} pJ",
        f"area {amount(memory.area)}",
        f"latency {count(memory.latency)}",
    ]
    if memory.costing is not None:
        parts.append(str(memory.costing))
    if memory.leakage:
        parts.append(f"leaks {amount(memory.leakage)} pJ a cycle")
    if memory.force_double_buffering:
        parts.append("always double-buffered")
    if memory.keeps_overlap:
        parts.append(f"keeps the overlap of {' '.join(memory.keeps_overlap)}")
    if memory.precision:
        stored = (f"{operand} at {bits} bit" for operand, bits in memory.precision)
        parts.append(f"stores {', '.join(stored)}")
    text = Text.assemble((memory.name, "bold"), "  ", "; ".join(parts))
    for port in memory.ports:
        text.append(f"\n  {_port(port)}", style="dim")
    return text


def _port(port: Port) -> str:
    width = count(port.bandwidth_max)
    if port.bandwidth_min != port.bandwidth_max:
        width = f"{count(port.bandwidth_min)} to {width}"
    moved = "; ".join(
        f"{operand} {', '.join(DIRECTIONS[entry.direction] for entry in entries)}"
        for operand, entries in groupby(port.allocation, key=lambda entry: entry.operand)
    )
    turns = f", in turn along {' '.join(port.shared_along)}" if port.shared_along else ""
    return f"{port.name}: {port.type.value.replace('_', '/')}, {width} bit/cycle{turns}; {moved}"


def _array(accelerator: Accelerator) -> Text:
    array = accelerator.array
    shape = " x ".join(f"{name} {size}" for name, size in zip(array.dimensions, array.sizes, strict=True))
    text = Text.assemble(("array", "bold"), f"  {shape or 'one unit'}: {plural(array.units, 'unit')}")
    macro = array.in_memory_computing
    if macro is None:
        text.append(f"; {amount(array.unit_energy)} pJ an operation; area {amount(array.unit_area)} a unit")
    else:
        activations, weights = macro.input_precision
        kind = "analog" if macro.analog else "digital"
        text.append(
            f"; computes in memory ({kind}), {activations}-bit activations, {weights}-bit weights, "
            f"{macro.bit_serial_precision} bit a cycle"
        )
        if macro.adc_resolution:
            text.append(f", {macro.adc_resolution}-bit converters")
    if array.leakage:
        text.append(f"; leaks {amount(array.leakage)} pJ a cycle")
    if array.systolic_dimensions:
        text.append(f"; systolic along {', '.join(array.systolic_dimensions)}")
        if array.systolic_refill == "per_tile":
            text.append(", refilled for every tile")
    return text


def _totals(accelerator: Accelerator) -> list[Text]:
    instances = sum(accelerator.instances(memory) for memory in accelerator.memories)
    lines = [
        heading(
            f"total: {bits(accelerator.capacity)} in {plural(instances, 'memory instance')}, "
            f"area {amount(accelerator.area)}"
        )
    ]
    if accelerator.dataflows:
        lines.append(Text(f"suggested unrolling: {unrolling(accelerator.dataflows)}"))
    return lines
