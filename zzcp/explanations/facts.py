"""What an explanation is made of: the figures behind the latency and the energy of one evaluated mapping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

from zzcp.cost import Evaluation
from zzcp.cost.evaluation import plain
from zzcp.cost.loading import FillSetting
from zzcp.cost.moves import Move
from zzcp.cost.report import ModelDetails
from zzcp.hardware import Accelerator, Direction
from zzcp.mapping import Mapping
from zzcp.workload import Layer

Number = int | float
ARRAY = "array"
"""What stands below the innermost memories."""
COMPONENTS = (
    "ideal", "spatial_stall", "temporal_stall", "data_loading", "data_unloading", "drain",
)  # fmt: skip
"""The parts of a latency, as they are added."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a link: a memory, its port, and what passes there.

    Parameters
    ----------
    memory, port : str
        Which.
    bandwidth : int
        Bits per cycle.
    bytes : int or float
        Bytes of one transfer, of one instance of the memory.
    cycles : int
        Cycles that the port is busy with it.
    """

    memory: str
    port: str
    bandwidth: int
    bytes: Number
    cycles: Number


@dataclass(frozen=True, slots=True)
class Fill:
    """The first fill of an input's memory, or the last drain of the output's.

    Parameters
    ----------
    operand, source, target : str
        What is moved between which memories.
    read, written : Side
        The side that is read, and the side that is written.
    times : int
        How often the link moves its data in the whole run.
    cycles : int or float
        Of the slower side.
    exposed, hidden : int or float
        Of these, outside the computation and behind it.
    start : int or float or None
        When it starts, where loading is scheduled.
    latency : int
        Cycles from its end until the data is there.
    critical : bool
        Whether it belongs to the chain that determines the loading or unloading.
    """

    operand: str
    source: str
    target: str
    read: Side
    written: Side
    times: int
    cycles: Number
    exposed: Number
    hidden: Number
    start: Number | None
    latency: int
    critical: bool

    @property
    def name(self) -> str:
        """As it is printed: ``W dram -> sram``."""
        return f"{self.operand} {self.source} -> {self.target}"

    @property
    def slower(self) -> Side:
        """The side whose port takes longer; of equals the source."""
        return self.written if self.written.cycles > self.read.cycles else self.read


@dataclass(frozen=True, slots=True)
class Transfer:
    """A recurring transfer through a port that limits the computation.

    Parameters
    ----------
    name : str
        As in reports: ``W sram -> rf``.
    cycles, window, period : int or float
        Cycles it needs in every period, cycles of the period in which it stops nobody, and cycles of the period.
    times : int
        Transfers between the first fill and the last drain.
    late : int or float
        Cycles by which all of them exceed their windows.
    """

    name: str
    cycles: Number
    window: Number
    period: Number
    times: int
    late: Number


@dataclass(frozen=True, slots=True)
class PortUse:
    """A port during the computation.

    Parameters
    ----------
    memory, port : str
        Which.
    bandwidth : int
        Bits per cycle.
    stall : int or float
        Cycles that it stops the array; not above 0 where it does not.
    busy : int or float
        Cycles that it is busy.
    transfers : tuple of Transfer
        What passes through it, the latest first.
    """

    memory: str
    port: str
    bandwidth: int
    stall: Number
    busy: Number
    transfers: tuple[Transfer, ...]

    @property
    def name(self) -> str:
        """As it is printed: ``sram.r_port_1``."""
        return f"{self.memory}.{self.port}"


@dataclass(frozen=True, slots=True)
class EnergyShare:
    """The energy of one operand in one memory.

    Parameters
    ----------
    memory, operand : str
        Which.
    energy : float
        In the unit of the machine's file.
    reads, writes : int or float
        Accesses of the port's full width.
    read_energy, write_energy : float
        Energy of one.
    """

    memory: str
    operand: str
    energy: float
    reads: Number
    writes: Number
    read_energy: float
    write_energy: float


@dataclass(frozen=True, slots=True)
class Flow:
    """Everything that moves over one link in the whole run.

    Parameters
    ----------
    operand, lower, upper : str
        What moves between which memories; the lower one may be the array.
    bytes : int or float
        At the upper side, over all instances.
    times : int
        Transfers inwards for an input, outwards for the output.
    tile : int or float
        Bytes of the operand's tile in one instance of the lower memory.
    """

    operand: str
    lower: str
    upper: str
    bytes: Number
    times: int
    tile: Number


@dataclass(frozen=True, slots=True)
class Facts:
    """The figures behind one evaluated mapping.

    Parameters
    ----------
    accelerator : Accelerator
        The machine.
    layer : Layer
        The layer.
    mapping : Mapping
        The mapping.
    evaluation : Evaluation
        Its exact cost.
    loading, unloading : tuple of Fill
        First fills of the inputs and last drains of the output.
    loading_port : str or None
        The port that is busy with first fills during all of the loading, where that is what determines it.
    ports : tuple of PortUse
        The ports, those that stop the array most first.
    energies : tuple of EnergyShare
        Energy per memory and operand, the largest first.
    flows : tuple of Flow
        What moves over every link.
    """

    accelerator: Accelerator
    layer: Layer
    mapping: Mapping
    evaluation: Evaluation
    loading: tuple[Fill, ...]
    unloading: tuple[Fill, ...]
    loading_port: str | None
    ports: tuple[PortUse, ...]
    energies: tuple[EnergyShare, ...]
    flows: tuple[Flow, ...]

    @property
    def limiting(self) -> tuple[PortUse, ...]:
        """The ports that cause the temporal stall: each of them alone would cause all of it."""
        return tuple(port for port in self.ports if 0 < port.stall == self.evaluation.latency.temporal_stall)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        result = self.evaluation
        return {
            "accelerator": self.accelerator.name,
            "layer": self.layer.name,
            "conventions": result.conventions,
            "energy": result.energy.total,
            "mac_energy": result.energy.mac,
            "edp": result.edp,
            "latency": {
                "total": plain(result.latency.total),
                **{name: plain(getattr(result.latency, name)) for name in COMPONENTS},
            },
            "loading": [asdict(fill) for fill in self.loading],
            "loading_port": self.loading_port,
            "unloading": [asdict(fill) for fill in self.unloading],
            "ports": [asdict(port) for port in self.ports],
            "limiting": [port.name for port in self.limiting],
            "energies": [asdict(entry) for entry in self.energies],
            "flows": [asdict(flow) for flow in self.flows],
        }


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
    fills = _fills(details, evaluation)
    inputs = tuple(fill for fill in fills if fill.operand != setting.layer.output)
    deciding, port = _deciding(inputs, evaluation.latency.data_loading)
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


def _number(value: Any) -> Number:
    return plain(value) if isinstance(value, int | float | Fraction) else plain(Fraction(value))


def _settings(details: ModelDetails) -> list[FillSetting]:
    plan = details.model.plan
    return [fill for fills in (*plan.inputs, plan.output) for fill in fills]


def _fills(details: ModelDetails, evaluation: Evaluation) -> list[Fill]:
    setting, traffic = details.model.setting, details.traffic
    result = []
    for fill, link in zip(_settings(details), evaluation.links, strict=True):
        operand = setting.operands[fill.operand]
        moved = traffic.latency_moves[fill.operand]
        bits = (
            moved.tile[fill.link] * moved.lower_precision[fill.link],
            moved.upper[fill.link] * moved.upper_precision[fill.link],
        )
        lower, upper = (
            Side(
                setting.ports[port].memory.name,
                setting.ports[port].port.name,
                setting.ports[port].port.bandwidth_max,
                _number(Fraction(amount) / 8),
                _number(cycles),
            )
            for port, amount, cycles in zip(
                (fill.lower, fill.upper), bits, (link.lower_cycles, link.upper_cycles), strict=True
            )
        )
        result.append(
            Fill(
                operand=operand.name,
                source=link.source,
                target=link.target,
                read=lower if operand.is_output else upper,
                written=upper if operand.is_output else lower,
                times=int(traffic.counts[fill.lower_move]),
                cycles=_number(max(link.lower_cycles, link.upper_cycles)),
                exposed=link.cycles,
                hidden=link.hidden,
                start=link.start,
                latency=fill.latency,
                critical=operand.is_output and link.cycles > 0,
            )
        )
    return result


def _deciding(fills: Sequence[Fill], loading: Number) -> tuple[tuple[Fill, ...], str | None]:
    """Mark the fills that determine the loading: a chain from cycle 0 to its end, or those through one port.

    Nothing is marked where neither adds up to the loading, as under ZigZag's rule.
    """
    chain = _chain(fills, loading)
    port = None
    if not chain:
        names = {_port_name(side): None for fill in fills for side in (fill.read, fill.written)}
        for name in names:
            through = {
                n for n, fill in enumerate(fills) if name in map(_port_name, (fill.read, fill.written))
            }
            if loading and sum(fills[number].exposed for number in through) == loading:
                chain, port = through, name
                break
    marked = (replace(fill, critical=n in chain and fill.exposed > 0) for n, fill in enumerate(fills))
    return tuple(marked), port


def _port_name(side: Side) -> str:
    return f"{side.memory}.{side.port}"


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
        here = fills[current]
        if not starts[current]:
            return found
        ports = {_port_name(here.read), _port_name(here.written)}
        current = next(
            (
                n
                for n, fill in enumerate(
                    fills
                )  # also those that move nothing: they pass on when they may start
                if n not in found
                and (
                    (fill.operand == here.operand and arrivals[n] == starts[current])
                    or (
                        ends[n] == starts[current]
                        and ports & {_port_name(fill.read), _port_name(fill.written)}
                    )
                )
            ),
            None,
        )
    return set()


def _ports(details: ModelDetails, evaluation: Evaluation) -> tuple[PortUse, ...]:
    model, activities = details.model, details.cycles.activities
    found = []
    for report, port, moves in zip(evaluation.ports, model.setting.ports, model.port_moves, strict=True):
        transfers = [
            Transfer(
                name=_move_name(details, model.moves[move]),
                cycles=_number(activities.cycles[move]),
                window=_number(activities.window[move]),
                period=_number(activities.period[move]),
                times=int(activities.repeats[move]),
                late=_number(activities.slack(move)),
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
    return tuple(sorted(found, key=lambda use: (-max(use.stall, 0), -use.busy)))


def _move_name(details: ModelDetails, move: Move) -> str:
    operand = details.model.setting.operands[move.operand]
    names = [ARRAY, *(memory.name for memory in operand.memories)]
    below, above = names[move.link], names[move.link + 1]
    upwards = move.direction in (Direction.FROM_BELOW, Direction.TO_ABOVE)
    return f"{operand.name} {below} -> {above}" if upwards else f"{operand.name} {above} -> {below}"


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
                    _number(accesses.reads),
                    _number(accesses.writes),
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
        names = [ARRAY, *(memory.name for memory in operand.memories)]
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
            tile = Fraction(moved.tile[link] * moved.precision[link]) / 8
            result.append(
                Flow(
                    operand.name,
                    names[link],
                    names[link + 1],
                    _number(Fraction(bits) / 8),
                    times,
                    _number(tile),
                )
            )
    return tuple(result)
