"""What an explanation is made of: the figures behind the latency and the energy of one evaluated mapping."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from zzcp.cost import Evaluation
from zzcp.cost.evaluation import COMPONENTS, plain
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping
from zzcp.workload import Layer

Number = int | float


def printed(value: Any) -> Number:
    """Return a figure of the evaluator for printing: an integer where it is whole, else a float."""
    return plain(value) if isinstance(value, int | float | Fraction) else plain(Fraction(value))


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a link: a memory, its port, and what passes there.

    Parameters
    ----------
    memory : str
        Which; the array, too, which has no port.
    port : str or None
        Its port.
    bandwidth : int
        Bits per cycle; 0 at the array.
    bytes : int or float
        Bytes of one transfer, of one instance of the memory.
    cycles : int
        Cycles that the port is busy with it.
    turns : int
        Instances of the memory that take turns at the port, each with so many bytes.
    """

    memory: str
    port: str | None
    bandwidth: int
    bytes: Number
    cycles: Number
    turns: int = 1

    @property
    def name(self) -> str:
        """Its port as it is printed: ``sram.r_port_1``."""
        return self.memory if self.port is None else f"{self.memory}.{self.port}"


@dataclass(frozen=True, slots=True)
class Fill:
    """The first fill of an input's memory or of the array, or the last drain of the output's.

    Parameters
    ----------
    operand, source, target : str
        What is moved between which memories, or the array.
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
    def ports(self) -> set[str]:
        """The ports that it occupies, as they are printed."""
        return {side.name for side in (self.read, self.written) if side.port is not None}

    @property
    def slower(self) -> Side:
        """The side whose port takes longer; of equals the source, unless that is the array."""
        later = self.written.cycles > self.read.cycles or self.read.port is None
        return self.written if later else self.read


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
    turns : int
        Instances of the memory that take turns at the port.
    """

    name: str
    cycles: Number
    window: Number
    period: Number
    times: int
    late: Number
    turns: int = 1


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
        Cycles that it stops the array, 0 or more.
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
            **({"leakage": result.energy.leakage} if result.energy.leakage else {}),
            "edp": result.edp,
            "latency": {name: plain(getattr(result.latency, name)) for name in ("total", *COMPONENTS)},
            "loading": [asdict(fill) for fill in self.loading],
            "loading_port": self.loading_port,
            "unloading": [asdict(fill) for fill in self.unloading],
            "ports": [asdict(port) for port in self.ports],
            "limiting": [port.name for port in self.limiting],
            "energies": [asdict(entry) for entry in self.energies],
            "flows": [asdict(flow) for flow in self.flows],
        }
