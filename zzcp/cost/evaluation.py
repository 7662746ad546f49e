"""What the evaluator returns: every number traceable to an operand, a link, a port and a memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple, Protocol


class Accesses(NamedTuple):
    """Full-width accesses of one operand at one memory level, over the layer and all instances.

    Accesses are word-granular: a transfer takes a whole number of smallest words, and an access of fewer bits
    than the port is wide counts as the fraction of the width that its words take.

    Attributes
    ----------
    from_above, to_above : int or Fraction
        Writes by, and reads for, the level above.
    from_below, to_below : int or Fraction
        Writes by, and reads for, the level below.
    """

    from_above: int | Fraction
    to_above: int | Fraction
    from_below: int | Fraction
    to_below: int | Fraction

    @property
    def reads(self) -> int | Fraction:
        """Accesses that read the memory."""
        return self.to_above + self.to_below

    @property
    def writes(self) -> int | Fraction:
        """Accesses that write the memory."""
        return self.from_above + self.from_below


class EnergyRow(NamedTuple):
    """Energy of one operand at one memory level, split like `Accesses`."""

    memory: str
    from_above: float
    to_above: float
    from_below: float
    to_below: float
    total: float


@dataclass(frozen=True)
class Energy:
    """Energy of a layer, in the unit of the accelerator's file (pJ).

    Parameters
    ----------
    total, mac, memory : float
        All, the array's operations, and all memory accesses.
    exact : Fraction
        The total as an exact rational (for ZigZag's conventions: of its float).
    table : callable
        Returns the rows per operand and memory level, innermost first; called once, when first needed.
    leakage : float
        What array and memories take in every cycle whatever happens, over all cycles.
    """

    total: float
    mac: float
    memory: float
    exact: Fraction
    table: Callable[[], Mapping[str, tuple[EnergyRow, ...]]] = field(repr=False, compare=False)
    leakage: float = 0.0

    @cached_property
    def by_direction(self) -> Mapping[str, tuple[EnergyRow, ...]]:
        """Per operand and memory level the energy of the four directions."""
        return self.table()

    @cached_property
    def by_operand(self) -> dict[str, tuple[float, ...]]:
        """Per operand and memory level, innermost first."""
        return {operand: tuple(row.total for row in rows) for operand, rows in self.by_direction.items()}

    @cached_property
    def by_memory(self) -> dict[str, float]:
        """Per memory of the accelerator."""
        result: dict[str, float] = {}
        for rows in self.by_direction.values():
            for row in rows:
                result[row.memory] = result.get(row.memory, 0.0) + row.total
        return result


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency of a layer in cycles; `total` is the sum of the others.

    Parameters
    ----------
    total : int or float
        From the first load to the last drain.
    ideal : int
        With a full array that never waits.
    spatial_stall : int
        More because the array is not filled.
    temporal_stall : int
        More because the array waits for ports.
    data_loading, data_unloading : int or float
        Before the first and after the last operation.
    drain : int
        Along the systolic dimensions of the array.
    """

    total: int | float
    ideal: int
    spatial_stall: int
    temporal_stall: int
    data_loading: int | float
    data_unloading: int | float
    drain: int


ARRAY = "array"
"""What stands below the innermost memories, in the names of links."""

COMPONENTS = (
    "ideal", "spatial_stall", "temporal_stall", "data_loading", "data_unloading", "drain",
)  # fmt: skip
"""The parts of a latency, as they are added."""


@dataclass(frozen=True, slots=True)
class Utilization:
    """How much of the machine is in use, as fractions.

    Parameters
    ----------
    spatial : float
        Ideal cycles over cycles without stalls: how full the array is.
    temporal : float
        Cycles without stalls over the total: how little it waits.
    total : float
        Ideal cycles over the total.
    individual, shared, effective : mapping of str to tuple of float
        Per operand and memory level: bits of its own tile, bits of all tenants, and ZigZag's effective bits of its
        own tile (divided by the run of relevant loops on top), each over the memory's size.
    """

    spatial: float
    temporal: float
    total: float
    individual: Mapping[str, tuple[float, ...]]
    shared: Mapping[str, tuple[float, ...]]
    effective: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class PortReport:
    """One physical port during the layer.

    Parameters
    ----------
    memory, port : str
        Which port.
    stall : int
        Cycles that it stops the array, alone or with two ports that links hold together with it; 0 or more.
    slack : int
        Cycles that its transfers leave unused in their windows, 0 or more; 0, too, where several movements share it.
    busy : int
        Cycles that it is busy in all, first fills and last drains included.
    limits : tuple of str
        The transfers that exceed their window, or share too small a union of windows, largest first; empty where
        the port causes no stall. Each as ``W rf <- sram``.
    """

    memory: str
    port: str
    stall: int
    slack: int
    busy: int
    limits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LinkReport:
    """The first fill (inputs) or last drain (output) of one link.

    Parameters
    ----------
    operand : str
        What is moved.
    source, target : str
        Memories that are read and written; the array (`ARRAY`) at its own link.
    bits : int
        Bits of the transfer at the lower side, per instance.
    lower_cycles, upper_cycles : int
        Cycles that the ports on the two sides need; 0 at the array, which has none.
    cycles : int or float
        Cycles outside the computation.
    hidden : int or float
        Cycles behind the computation.
    start : int or None
        Cycle at which it starts, where loading is scheduled.
    shared : bool
        Whether one of its ports also carries another operand's fill.
    ports : tuple of str
        The ports it occupies, as ``memory.port``.
    """

    operand: str
    source: str
    target: str
    bits: int
    lower_cycles: int
    upper_cycles: int
    cycles: int | float
    hidden: int | float
    start: int | None
    shared: bool
    ports: tuple[str, ...]


class Details(Protocol):
    """Where an evaluation gets its breakdowns from when they are asked for."""

    def accesses(self) -> dict[str, tuple[Accesses, ...]]:
        """Accesses per operand and level."""

    def utilization(self) -> Utilization:
        """Use of the array and the memories."""

    def ports(self) -> tuple[PortReport, ...]:
        """Every port."""

    def links(self) -> tuple[LinkReport, ...]:
        """Every first fill and last drain."""


@dataclass(frozen=True)
class Evaluation:
    """The exact cost of one mapping.

    Parameters
    ----------
    conventions : str
        Name of the conventions under which it was scored.
    energy : Energy
        Energy by memory, operand and direction.
    latency : Latency
        Cycles by component.
    double_buffered : mapping of str to tuple of bool
        Per operand and level below the top one whether the tile is kept twice.
    details : Details
        Source of the breakdowns, which are computed when first asked for.
    valid : bool
        Whether the mapping can run; False only where an invalid mapping was scored on request.
    violations : tuple of str
        What an invalid mapping violates, and by how much.
    """

    conventions: str
    energy: Energy
    latency: Latency
    double_buffered: Mapping[str, tuple[bool, ...]]
    details: Details = field(repr=False, compare=False)
    valid: bool = True
    violations: tuple[str, ...] = ()

    @cached_property
    def accesses(self) -> dict[str, tuple[Accesses, ...]]:
        """Per operand and memory level, innermost first."""
        return self.details.accesses()

    @cached_property
    def utilization(self) -> Utilization:
        """How much of the array and the memories is in use."""
        return self.details.utilization()

    @cached_property
    def ports(self) -> tuple[PortReport, ...]:
        """Every port that moves something."""
        return self.details.ports()

    @cached_property
    def links(self) -> tuple[LinkReport, ...]:
        """Every first fill and last drain."""
        return self.details.links()

    @property
    def edp(self) -> float:
        """Energy-delay product: total energy times total cycles."""
        return self.energy.total * self.latency.total

    @property
    def edp_exact(self) -> Fraction:
        """The energy-delay product as an exact rational."""
        return self.energy.exact * Fraction(self.latency.total)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: integers where a number is whole, else floats."""
        return {
            "conventions": self.conventions,
            "valid": self.valid,
            **({"violations": list(self.violations)} if self.violations else {}),
            "edp": self.edp,
            "energy": _energy_data(self.energy),
            "latency": {name: plain(getattr(self.latency, name)) for name in ("total", *COMPONENTS)},
            "accesses": {
                operand: [
                    {name: plain(value) for name, value in zip(Accesses._fields, entry, strict=True)}
                    for entry in row
                ]
                for operand, row in self.accesses.items()
            },
            "utilization": {
                "spatial": self.utilization.spatial,
                "temporal": self.utilization.temporal,
                "total": self.utilization.total,
                **{
                    name: {operand: list(row) for operand, row in getattr(self.utilization, name).items()}
                    for name in ("individual", "shared", "effective")
                },
            },
            "ports": [{**asdict(port), "limits": list(port.limits)} for port in self.ports],
            "links": [
                {
                    "operand": link.operand,
                    "source": link.source,
                    "target": link.target,
                    "bytes": plain(Fraction(link.bits, 8)),
                    "lower_cycles": link.lower_cycles,
                    "upper_cycles": link.upper_cycles,
                    "cycles": plain(link.cycles),
                    "hidden": plain(link.hidden),
                    "start": link.start,
                    "shared": link.shared,
                    "ports": list(link.ports),
                }
                for link in self.links
            ],
            "double_buffered": {operand: list(flags) for operand, flags in self.double_buffered.items()},
        }


def _energy_data(energy: Energy) -> dict[str, Any]:
    return {
        "total": energy.total,
        "mac": energy.mac,
        "memory": energy.memory,
        **({"leakage": energy.leakage} if energy.leakage else {}),
        "by_memory": dict(energy.by_memory),
        "by_operand": {operand: list(row) for operand, row in energy.by_operand.items()},
        "by_direction": {
            operand: [{name: getattr(row, name) for name in Accesses._fields} for row in rows]
            for operand, rows in energy.by_direction.items()
        },
    }


def totals_of(evaluations: Sequence[Evaluation]) -> tuple[float, int | float, float]:
    """Return energy, latency and energy-delay product of layers one after the other, from exact sums."""
    energy = sum((evaluation.energy.exact for evaluation in evaluations), Fraction(0))
    latency = sum((Fraction(evaluation.latency.total) for evaluation in evaluations), Fraction(0))
    return float(energy), plain(latency), float(energy) * plain(latency)


def plain(value: int | float | Fraction) -> int | float:
    """Return an integer where a number is whole, else a float."""
    if isinstance(value, int):
        return value
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    return int(value) if value.is_integer() else value
