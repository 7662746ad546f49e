"""First fills and last drains of an evaluated mapping, and which of them determine the loading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from zzcp.cost import Evaluation
from zzcp.cost.evaluation import ARRAY
from zzcp.cost.formulas.links import side_bits
from zzcp.cost.formulas.loading import FillSetting
from zzcp.cost.formulas.numeric import PYTHON
from zzcp.cost.report import ModelDetails
from zzcp.explanations.facts import Fill, Number, Side, printed


def collect_fills(details: ModelDetails, evaluation: Evaluation) -> list[Fill]:
    """Return the first fills of the inputs and the last drains of the output."""
    setting, traffic = details.model.setting, details.traffic
    result = []
    for fill, link in zip(_settings(details), evaluation.links, strict=True):
        operand = setting.operands[fill.operand]
        moved = traffic.latency_moves[fill.operand]
        bits = (
            moved.tile[fill.link] * side_bits(operand, moved, fill.link, PYTHON, upper=False),
            moved.upper[fill.link] * side_bits(operand, moved, fill.link, PYTHON, upper=True),
        )
        lower, upper = (
            _side(details, move, port, amount, cycles)
            for move, port, amount, cycles in zip(
                (fill.lower_move, fill.upper_move),
                (fill.lower, fill.upper),
                bits,
                (link.lower_cycles, link.upper_cycles),
                strict=True,
            )
        )
        result.append(
            Fill(
                operand=operand.name,
                source=link.source,
                target=link.target,
                read=lower if operand.is_output else upper,
                written=upper if operand.is_output else lower,
                times=int(traffic.counts[fill.upper_move]),
                cycles=printed(max(link.lower_cycles, link.upper_cycles)),
                exposed=link.cycles,
                hidden=link.hidden,
                start=link.start,
                latency=fill.latency,
                critical=operand.is_output and link.cycles > 0,
            )
        )
    return result


def _side(details: ModelDetails, move: int | None, number: int | None, bits: Any, cycles: Any) -> Side:
    """Return one side of a link; without a movement and a port it is the array's."""
    amount = printed(Fraction(bits) / 8)
    if move is None or number is None:
        return Side(ARRAY, None, 0, amount, printed(cycles))
    port, turns = details.model.setting.ports[number], details.model.moves[move].turns
    return Side(port.memory.name, port.port.name, port.port.bandwidth_max, amount, printed(cycles), turns)


def _settings(details: ModelDetails) -> list[FillSetting]:
    plan = details.model.plan
    return [fill for fills in (*plan.inputs, plan.output) for fill in fills]


def mark_deciding(fills: Sequence[Fill], loading: Number) -> tuple[tuple[Fill, ...], str | None]:
    """Mark the fills that determine the loading: a chain from cycle 0 to its end, or those through one port.

    Nothing is marked where neither adds up to the loading, as under ZigZag's rule.
    """
    chain = _chain(fills, loading)
    port = None
    if not chain:
        sides = (side for fill in fills for side in (fill.read, fill.written))
        for name in {side.name: None for side in sides if side.port is not None}:
            through = {n for n, fill in enumerate(fills) if name in fill.ports}
            if loading and sum(fills[number].exposed for number in through) == loading:
                chain, port = through, name
                break
    marked = (replace(fill, critical=n in chain and fill.exposed > 0) for n, fill in enumerate(fills))
    return tuple(marked), port


def _chain(fills: Sequence[Fill], loading: Number) -> set[int]:
    """Return the fills that follow each other from cycle 0 to the end of the loading, or none if that is not so."""
    if any(fill.start is None for fill in fills):
        return set()
    starts = [fill.start or 0 for fill in fills]
    ends = [start + fill.exposed for start, fill in zip(starts, fills, strict=True)]
    arrivals = [
        end + (fill.latency if fill.exposed > 0 else 0) for end, fill in zip(ends, fills, strict=True)
    ]
    found: set[int] = set()
    current = next((n for n, fill in enumerate(fills) if fill.exposed > 0 and arrivals[n] == loading), None)
    while current is not None:
        found.add(current)
        here, start = fills[current], starts[current]
        if not start:
            return found
        # also those that move nothing: they pass on when they may start
        before = (
            n
            for n, fill in enumerate(fills)
            if n not in found
            and (
                (fill.operand == here.operand and arrivals[n] == start)
                or (ends[n] == start and here.ports & fill.ports)
            )
        )
        current = next(before, None)
    return set()
