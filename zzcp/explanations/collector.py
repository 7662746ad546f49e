"""From an evaluation to its facts: what passes through every port, what every access costs, what every link moves."""

from __future__ import annotations

from fractions import Fraction

from zzcp.cost import Evaluation
from zzcp.cost.evaluation import ARRAY
from zzcp.cost.formulas.capacity import held_bits
from zzcp.cost.formulas.numeric import PYTHON
from zzcp.cost.report import ModelDetails
from zzcp.cost.setting.setting import OperandSetting
from zzcp.explanations.facts import EnergyShare, Facts, Flow, PortUse, Transfer, printed
from zzcp.explanations.fills import collect_fills, mark_deciding
from zzcp.hardware import Accelerator


def collect(evaluation: Evaluation) -> Facts:
    """Return the figures behind an evaluation.

    Parameters
    ----------
    evaluation : Evaluation
        Of `evaluate` or `optimize`.
    """
    details = evaluation.details
    assert isinstance(details, ModelDetails)
    setting = details.model.setting
    fills = collect_fills(details, evaluation)
    inputs = tuple(fill for fill in fills if fill.operand != setting.layer.output)
    deciding, port = mark_deciding(inputs, evaluation.latency.data_loading)
    return Facts(
        accelerator=setting.accelerator,
        layer=setting.layer,
        mapping=details.mapping,
        evaluation=evaluation,
        loading=deciding,
        loading_port=port,
        unloading=tuple(fill for fill in fills if fill.operand == setting.layer.output),
        ports=_ports(details, evaluation),
        energies=_energies(evaluation, setting.accelerator),
        flows=_flows(details),
    )


def _ports(details: ModelDetails, evaluation: Evaluation) -> tuple[PortUse, ...]:
    model, activities = details.model, details.cycles.activities
    found = []
    for report, port, moves in zip(evaluation.ports, model.setting.ports, model.port_moves, strict=True):
        transfers = [
            Transfer(
                name=details.name_of(model.moves[move]),
                cycles=printed(activities.cycles[move]),
                window=printed(activities.window[move]),
                period=printed(activities.period[move]),
                times=int(activities.repeats[move]),
                late=printed(activities.late(move, PYTHON) or activities.slack(move)),
                turns=model.moves[move].turns,
            )
            for move in moves
            if activities.counts[move] > 0
        ]
        transfers.sort(key=lambda entry: (-entry.late, -entry.cycles * entry.times))
        found.append(
            PortUse(
                report.memory,
                report.port,
                port.port.bandwidth_max,
                report.stall,
                report.busy,
                tuple(transfers),
            )
        )
    return tuple(sorted(found, key=lambda use: (-use.stall, -use.busy)))


def _level_names(operand: OperandSetting) -> list[str]:
    """Return what stands at arch levels 0 .. L: the array, then the operand's memories."""
    return [ARRAY, *(memory.name for memory in operand.memories)]


def _energies(evaluation: Evaluation, accelerator: Accelerator) -> tuple[EnergyShare, ...]:
    found = []
    for operand, rows in evaluation.energy.by_direction.items():
        for row, accesses in zip(rows, evaluation.accesses[operand], strict=True):
            memory = accelerator.memory(row.memory)
            found.append(
                EnergyShare(
                    row.memory,
                    operand,
                    row.total,
                    printed(accesses.reads),
                    printed(accesses.writes),
                    memory.read_energy,
                    memory.write_energy,
                )
            )
    return tuple(sorted(found, key=lambda entry: -entry.energy))


def _flows(details: ModelDetails) -> tuple[Flow, ...]:
    """Return what moves over every link, counted at the ports of the upper memory."""
    model, traffic = details.model, details.traffic
    result = []
    for index, operand in enumerate(model.setting.operands):
        names = _level_names(operand)
        moved = traffic.latency_moves[index]
        for link in range(operand.depth):
            numbers = [
                number
                for number, move in enumerate(model.moves)
                if (move.operand, move.link, move.is_upper) == (index, link, True)
            ]
            bits = sum(
                traffic.words[number]
                * traffic.counts[number]
                * model.moves[number].units
                * model.moves[number].width_min
                for number in numbers
            )
            main = [number for number in numbers if not model.moves[number].back]
            times = max((int(traffic.counts[number]) for number in main), default=0)
            tile = Fraction(held_bits(operand, moved, link, PYTHON)) / 8
            result.append(
                Flow(
                    operand.name,
                    names[link],
                    names[link + 1],
                    printed(Fraction(bits) / 8),
                    times,
                    printed(tile),
                )
            )
    return tuple(result)
