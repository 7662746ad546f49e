"""An explanation, or two results side by side: the sentences, and the figures behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.explanations import Change, Comparison, Explanation
from zzcp.explanations.compare import Pair
from zzcp.explanations.differences import Difference
from zzcp.explanations.facts import EnergyShare, Facts, Fill, PortUse
from zzcp.explanations.phrases import growth, percent
from zzcp.report.evaluation import latency_table
from zzcp.report.style import amount, count, plural, product_of, section, share
from zzcp.report.tables import FittedTable, table

_FEW = 12
"""Most rows of a table of which only the first matter."""


def explanation_report(explained: Explanation) -> RenderableType:
    """Return where the cycles and the energy of one mapping go."""
    facts = explained.facts
    parts: list[RenderableType] = [
        section(_title(explained), *map(Text, explained.sentences)),
        section("Latency", latency_table(facts.evaluation)),
        section("Data loading and unloading", _fills((*facts.loading, *facts.unloading))),
        section("Ports during the computation", _ports(facts.ports)),
        section("Energy by memory and operand", _energies(facts)),
    ]
    if explained.changes:
        how = "the best mapping searched again" if explained.resolved else "the same mapping"
        parts.append(section(f"What would help, with {how}", _changes(explained.changes, explained)))
    return Group(*parts)


def _title(explained: Explanation) -> str:
    facts = explained.facts
    head = f"{facts.layer.name} on {facts.accelerator.name}, conventions {facts.evaluation.conventions}"
    if explained.status is None:
        return head
    proof = "" if explained.gap is None else f", gap {percent(explained.gap, 1)}"
    return f"{head}: {explained.status}{proof}"


def _fills(fills: Sequence[Fill]) -> FittedTable:
    rows = table(
        "operand", "from -> to", ">bytes", ">bits/cycle", "slower port", ">times", ">cycles", ">exposed", ">hidden",
        ">start", "decides",
    )  # fmt: skip
    for fill in fills:
        side = fill.slower
        rows.add_row(
            fill.operand,
            Text(f"{fill.source} -> {fill.target}"),
            count(side.bytes),
            count(side.bandwidth),
            Text(f"{side.memory}.{side.port}"),
            count(fill.times),
            count(fill.cycles),
            count(fill.exposed),
            count(fill.hidden),
            "" if fill.start is None else count(fill.start),
            "yes" if fill.critical else "",
        )
    return rows


def _ports(ports: Sequence[PortUse]) -> RenderableType:
    rows = table(
        "port", ">bits/cycle", ">stall", ">busy", "transfer", ">takes", ">has", ">of each", ">times", ">late"
    )
    used = [port for port in ports if port.busy]
    for port in used[:_FEW]:
        head: list[str | Text] = [
            Text(port.name), count(port.bandwidth), count(port.stall), count(port.busy)
        ]  # fmt: skip
        for transfer in port.transfers:
            rows.add_row(
                *head,
                Text(transfer.name),
                count(transfer.cycles),
                count(transfer.window),
                count(transfer.period),
                count(transfer.times),
                count(transfer.late) if transfer.late > 0 else "",
            )
            head = [""] * 4
    if len(used) > _FEW:
        return Group(rows, Text(f"and {plural(len(used) - _FEW, 'port')} more"))
    return rows


def _energies(facts: Facts) -> FittedTable:
    rows = table("memory", "operand", ">pJ", ">share", ">reads", ">writes")
    total = facts.evaluation.energy.total
    entries: list[EnergyShare] = [entry for entry in facts.energies if entry.energy]
    for entry in entries[:_FEW]:
        rows.add_row(
            Text(entry.memory),
            entry.operand,
            amount(entry.energy),
            share(entry.energy, total),
            count(entry.reads),
            count(entry.writes),
        )
    rest = sum(entry.energy for entry in entries[_FEW:])
    if rest:
        rows.add_row("others", "", amount(rest), share(rest, total), "", "")
    mac = facts.evaluation.energy.mac
    rows.add_row("operations", "", amount(mac), share(mac, total), "", "")
    leakage = facts.evaluation.energy.leakage
    if leakage:
        rows.add_row("leakage", "", amount(leakage), share(leakage, total), "", "")
    rows.add_row("total", "", amount(total), share(total, total), "", "", style="bold")
    return rows


def _changes(changes: Sequence[Change], explained: Explanation) -> RenderableType:
    rows = table(
        "change",
        ">energy pJ",
        ">cycles",
        f">{explained.objective}",
        ">gain",
        *([">at most"] if explained.resolved else []),
    )
    shown = [change for change in changes if change.gain or explained.resolved]
    for change in shown:
        cells: list[str | Text] = [
            Text(change.text),
            amount(change.energy),
            count(change.latency),
            product_of(change.value),
            _gain(change.gain),
        ]
        if explained.resolved:
            cells.append(_gain(change.most) if change.most > change.gain else "")
        rows.add_row(*cells)
    without = len(changes) - len(shown)
    if not without:
        return rows
    return Group(
        rows, Text(f"twice the bandwidth or capacity in {plural(without, 'other place')} changes nothing")
    )


def _gain(value: float) -> str:
    if not value:
        return ""
    text = f"{'-' if value > 0 else '+'}{percent(abs(value), 1)}"
    return text.replace("less than ", "<")


# ---- two results --------------------------------------------------------------------------------------------------


def comparison_report(compared: Comparison) -> RenderableType:
    """Return what two results differ in."""
    title = f"{compared.names[0]} and {compared.names[1]}, layer {compared.first.layer.name}"
    if compared.first.layer.name != compared.second.layer.name:
        title += f" and {compared.second.layer.name}"
    parts: list[RenderableType] = [
        section(title, *map(Text, compared.sentences)),
        section("Side by side", _totals(compared)),
        section("Data loading and unloading, cycles outside the computation", _fill_pairs(compared)),
        section("Energy by memory, pJ", _pairs(compared, compared.memories, energy=True)),
        section("Bytes over every link in the whole run", _pairs(compared, compared.traffic)),
    ]
    for name, differences in (("machines", compared.machine), ("mappings", compared.mapping)):
        if differences:
            parts.append(section(f"What differs between the {name}", _differences(compared, differences)))
    return Group(*parts)


def _totals(compared: Comparison) -> FittedTable:
    rows = _side_by_side(compared)
    for pair in compared.components:
        _add(rows, Pair(pair.name.replace("_", " "), pair.first, pair.second), count)
    energy, latency, edp = compared.totals
    _add(rows, Pair("cycles", latency.first, latency.second), count, style="bold")
    _add(rows, Pair("energy pJ", energy.first, energy.second), amount, style="bold")
    _add(rows, edp, product_of, style="bold")
    return rows


def _side_by_side(compared: Comparison) -> FittedTable:
    return table("", *(f">{name}" for name in compared.names), ">difference", ">share")


def _add(rows: FittedTable, pair: Pair, text: Callable[[int | float], str], style: str | None = None) -> None:
    difference = pair.difference
    sign = "+" if difference > 0 else "-" if difference < 0 else ""
    rows.add_row(
        Text(pair.name),
        text(pair.first),
        text(pair.second),
        f"{sign}{text(abs(difference))}" if difference else "",
        growth(pair.first, pair.second) if difference and pair.first else "",
        style=style,
    )


def _pairs(compared: Comparison, pairs: Sequence[Pair], *, energy: bool = False) -> FittedTable:
    rows = _side_by_side(compared)
    for pair in pairs:
        if pair.first or pair.second:
            _add(rows, pair, amount if energy else count)
    return rows


def _fill_pairs(compared: Comparison) -> FittedTable:
    rows = table(
        "link",
        *(f">{name}" for name in compared.names),
        ">difference",
        ">bytes",
        ">hidden cycles",
        ">times",
    )
    for pair in compared.fills:
        sides = [pair.first, pair.second]
        sign = "+" if pair.difference > 0 else ""
        cells = [
            *("none" if fill is None else count(fill.exposed) for fill in sides),
            f"{sign}{count(pair.difference)}" if pair.difference else "",
        ]
        for name in ("bytes", "hidden", "times"):
            cells += [" -> ".join(dict.fromkeys(_of(fill, name) for fill in sides))]
        rows.add_row(Text(pair.name), *cells)
    return rows


def _of(fill: Fill | None, name: str) -> str:
    if fill is None:
        return ""
    return count(fill.slower.bytes if name == "bytes" else getattr(fill, name))


def _differences(compared: Comparison, differences: Sequence[Difference]) -> FittedTable:
    rows = table("", *compared.names)
    for difference in differences:
        rows.add_row(Text(difference.field), Text(difference.first), Text(difference.second))
    return rows
