"""The exact evaluator's result for one layer: every figure with where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.cost import Evaluation, PortReport
from zzcp.cost.evaluation import COMPONENTS
from zzcp.explanations.words import resident_words
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping
from zzcp.report.nest import level_names, loop_nest
from zzcp.report.style import amount, count, heading, loops, product_of, section, share
from zzcp.report.tables import FittedTable, table
from zzcp.workload import Layer


def evaluation_report(
    accelerator: Accelerator, layer: Layer, mapping: Mapping, evaluation: Evaluation
) -> RenderableType:
    """Return everything that the evaluator says about one mapping of one layer.

    Parameters
    ----------
    accelerator, layer, mapping
        What was evaluated.
    evaluation : Evaluation
        The result.
    """
    names = level_names(mapping, accelerator, layer.default_links)
    return Group(
        _head(accelerator, layer, evaluation),
        section(
            "Mapping",
            loop_nest(mapping, names, evaluation.double_buffered),
            *map(Text, resident_words(mapping)),
        ),
        section("Latency", latency_table(evaluation), _stalling(evaluation.ports)),
        section("Data loading and unloading", _loading(layer, evaluation)),
        section("Ports", _ports(evaluation.ports)),
        section("Energy", _energy(accelerator, evaluation)),
        section("Accesses", _accesses(evaluation)),
        section("Utilization", *_utilization(evaluation)),
    )


def _head(accelerator: Accelerator, layer: Layer, evaluation: Evaluation) -> RenderableType:
    sizes = loops((dim, size) for dim, size in layer.sizes.items() if size > 1)
    lines = [
        heading(f"layer {layer.name} ({layer.operator}) on {accelerator.name}"),
        Text(f"{count(layer.macs)} MACs: {sizes or 'a single one'}; conventions {evaluation.conventions}"),
        Text(
            f"energy {amount(evaluation.energy.total)} pJ, latency {count(evaluation.latency.total)} cycles, "
            f"EDP {product_of(evaluation.edp)} pJ cycles"
        ),
    ]
    lines += [
        Text(f"INVALID, scored all the same: {reason}", style="red") for reason in evaluation.violations
    ]
    return Group(*lines, Text(""))


def latency_table(evaluation: Evaluation) -> FittedTable:
    """Return the components of the latency with their shares."""
    latency = evaluation.latency
    rows = table("component", ">cycles", ">share")
    for name in COMPONENTS:
        cycles = getattr(latency, name)
        rows.add_row(name.replace("_", " "), count(cycles), share(cycles, latency.total))
    rows.add_row("total", count(latency.total), share(latency.total, latency.total), style="bold")
    return rows


def _stalling(ports: Sequence[PortReport]) -> Text:
    """Return in words which port makes the array wait."""
    stalling = [port for port in ports if port.stall > 0]
    if not stalling:
        return Text("the array never waits for a port during the computation")
    longest = max(port.stall for port in stalling)
    worst = [port for port in stalling if port.stall == longest]
    names = ", ".join(f"{port.memory}.{port.port} ({', '.join(port.limits)})" for port in worst)
    return Text(f"the temporal stall is that of {names}")


def _loading(layer: Layer, evaluation: Evaluation) -> RenderableType:
    """Return the first fill of every input's level and the last drain of every output's."""
    rows = table(
        "operand", "from -> to", ">bytes", ">read", ">write", ">exposed", ">hidden", ">start", "ports"
    )
    for link in evaluation.links:
        cycles = link.upper_cycles, link.lower_cycles
        read, write = reversed(cycles) if link.operand == layer.output else cycles
        rows.add_row(
            link.operand,
            Text(f"{link.source} -> {link.target}"),
            count(Fraction(link.bits, 8)),
            count(read),
            count(write),
            count(link.cycles),
            count(link.hidden),
            "-" if link.start is None else count(link.start),
            Text(f"{', '.join(link.ports)} ({'shared' if link.shared else 'exclusive'})"),
        )
    total = evaluation.latency
    note = (
        f"cycles; loading takes {count(total.data_loading)} in all and unloading {count(total.data_unloading)}: "
        "transfers overlap where they share no port"
    )
    return Group(rows, Text(note))


def _ports(ports: Sequence[PortReport]) -> RenderableType:
    """Return the ports that are used while the array computes."""
    rows = table("port", ">busy", ">stall", ">slack", "limited by")
    for port in ports:
        if not port.busy:
            continue
        rows.add_row(
            Text(f"{port.memory}.{port.port}"),
            count(port.busy),
            count(port.stall),
            count(port.slack) if port.slack else "",
            Text(", ".join(port.limits)),
        )
    return rows


def _energy(accelerator: Accelerator, evaluation: Evaluation) -> RenderableType:
    """Return the energy of every memory, operand by operand."""
    energy = evaluation.energy
    cells: dict[str, dict[str, float]] = {}
    for operand, levels in energy.by_direction.items():
        for row in levels:
            cells.setdefault(row.memory, {})[operand] = row.total
    rows = table("pJ", *(f">{operand}" for operand in energy.by_direction), ">total", ">share")
    for memory in reversed(accelerator.memories):
        if memory.name not in cells:
            continue
        parts = cells[memory.name]
        total = energy.by_memory[memory.name]
        rows.add_row(
            Text(memory.name),
            *(amount(parts[operand]) if operand in parts else "" for operand in energy.by_direction),
            amount(total),
            share(total, energy.total),
        )
    blank = [""] * len(energy.by_direction)
    rows.add_row("array", *blank, amount(energy.mac), share(energy.mac, energy.total))
    if energy.leakage:
        rows.add_row("leakage", *blank, amount(energy.leakage), share(energy.leakage, energy.total))
    sums = [amount(sum(row)) for row in energy.by_operand.values()]
    rows.add_row("total", *sums, amount(energy.total), share(energy.total, energy.total), style="bold")
    return rows


def _accesses(evaluation: Evaluation) -> RenderableType:
    """Return the accesses of every operand at every level, outermost level first."""
    rows = table(
        "operand", "memory", ">read to below", ">read to above", ">written from above", ">written from below"
    )
    for operand, levels in evaluation.accesses.items():
        memories = [row.memory for row in evaluation.energy.by_direction[operand]]
        for memory, entry in reversed(list(zip(memories, levels, strict=True))):
            moved = (entry.to_below, entry.to_above, entry.from_above, entry.from_below)
            rows.add_row(operand, Text(memory), *(count(number) for number in moved))
    return Group(rows, Text("in accesses of the port's full width, over all instances"))


def _utilization(evaluation: Evaluation) -> list[RenderableType]:
    used = evaluation.utilization
    array = Text(
        f"array: {share(used.spatial, 1)} of the units are used, {share(used.temporal, 1)} of the time, "
        f"{share(used.total, 1)} in all"
    )
    rows = table("operand", "memory", ">own tile", ">all operands", ">effective", "kept twice")
    for operand, levels in used.individual.items():
        memories = [row.memory for row in evaluation.energy.by_direction[operand]]
        flags = evaluation.double_buffered.get(operand, ())
        for level in reversed(range(len(levels))):
            rows.add_row(
                operand,
                Text(memories[level]),
                *(share(part[operand][level], 1) for part in (used.individual, used.shared, used.effective)),
                "yes" if level < len(flags) and flags[level] else "",
            )
    return [array, rows]
