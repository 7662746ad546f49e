"""From raw numbers to an `Evaluation`: names instead of positions, and every breakdown when it is asked for."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import Any

from zzcp.cost.evaluation import (
    ARRAY,
    Accesses,
    Energy,
    EnergyRow,
    Evaluation,
    Latency,
    LinkReport,
    PortReport,
    Utilization,
    plain,
)
from zzcp.cost.formulas.capacity import Flags, effective_bits, held_bits, stored_bits
from zzcp.cost.formulas.core import (
    DIRECTIONS,
    Cycles,
    LatencyFigures,
    Model,
    Traffic,
    access_counts,
    compute_cycles,
    level_energies,
    mapping_traffic,
)
from zzcp.cost.formulas.links import side_bits
from zzcp.cost.formulas.loading import FillSetting
from zzcp.cost.formulas.macs import zigzag_mac_energy
from zzcp.cost.formulas.moves import Move
from zzcp.cost.formulas.numeric import PYTHON
from zzcp.cost.formulas.stall import coupled_stall, port_stall
from zzcp.hardware import Direction
from zzcp.mapping import Mapping


def build_evaluation(
    model: Model,
    mapping: Mapping,
    run: int,
    energy: Any,
    doubled: Flags,
    cycles: LatencyFigures,
    violations: tuple[str, ...],
) -> Evaluation:
    """Assemble the report of one evaluated mapping.

    Parameters
    ----------
    model : Model
        What the mapping was scored with.
    mapping : Mapping
        The mapping.
    run : int
        Its cycles without stalls.
    energy : int or float
        Its energy as in `zzcp.cost.formulas.core.Figures`.
    doubled : Flags
        Its buffering.
    cycles : LatencyFigures
        Its latency.
    violations : tuple of str
        What it violates.
    """
    setting = model.setting
    details = ModelDetails(model, mapping, doubled)
    latency = Latency(
        total=cycles.total,
        ideal=setting.ideal_cycles,
        spatial_stall=run - setting.ideal_cycles,
        temporal_stall=cycles.stall,
        data_loading=cycles.loading,
        data_unloading=cycles.unloading,
        drain=setting.drain
        if setting.refill is None
        else cycles.total - run - cycles.stall - cycles.loading - cycles.unloading,
    )
    return Evaluation(
        conventions=setting.conventions.name,
        energy=_energy(details, energy, cycles.total),
        latency=latency,
        double_buffered={
            operand.name: tuple(map(bool, flags[: operand.depth - 1]))
            for operand, flags in zip(setting.operands, doubled, strict=True)
        },
        details=details,
        valid=not violations,
        violations=violations,
    )


def _energy(details: ModelDetails, energy: Any, cycles: Any) -> Energy:
    """Return the energy of a mapping: what moves and operates, and what leaks in its cycles."""
    model = details.model
    if model.setting.conventions.fractional_unrolling:
        mac = zigzag_mac_energy(model.setting)
        total = energy + mac
        return Energy(total, mac, energy, Fraction(total), details.energy_table)
    mac, memory = float(model.setting.mac_energy), (energy - model.mac_energy) / model.scale
    leaked = model.leakage * cycles if model.leakage else 0
    total = energy + leaked
    return Energy(
        total=total / model.scale,
        mac=mac,
        memory=memory,
        exact=Fraction(total, model.scale),
        table=details.energy_table,
        leakage=leaked / model.scale,
    )


class ModelDetails:
    """The breakdowns of one evaluated mapping (see `zzcp.cost.evaluation.Details`), computed when asked for."""

    def __init__(self, model: Model, mapping: Mapping, doubled: Flags) -> None:
        self.model, self.mapping, self.doubled = model, mapping, doubled

    @cached_property
    def traffic(self) -> Traffic:
        """What the mapping moves."""
        return mapping_traffic(self.model, self.mapping.temporal)

    @cached_property
    def cycles(self) -> Cycles:
        """Its latency with all components."""
        return compute_cycles(self.model, self.traffic, self.doubled, PYTHON)

    def counts(self) -> list[Any]:
        """Return the full-width accesses of every movement."""
        model = self.model
        if model.setting.conventions.fractional_unrolling:
            return access_counts(model, self.traffic, PYTHON)
        return [
            _whole(Fraction(words * count * move.units * move.width_min, move.width))
            for move, words, count in zip(model.moves, self.traffic.words, self.traffic.counts, strict=True)
        ]

    def accesses(self) -> dict[str, tuple[Accesses, ...]]:
        """Return the accesses per operand and level."""
        model = self.model
        table = {
            (move.operand, move.level, move.direction): count
            for move, count in zip(model.moves, self.counts(), strict=True)
        }
        return {
            operand.name: tuple(
                Accesses(*(table.get((index, level, direction), 0) for direction in DIRECTIONS))
                for level in range(operand.depth)
            )
            for index, operand in enumerate(model.setting.operands)
        }

    def energy_levels(self) -> list[EnergyRow]:
        """Return the energy of every operand at every level, operand by operand, innermost level first."""
        memories = [memory.name for operand in self.model.setting.operands for memory in operand.memories]
        return [
            EnergyRow(name, *(float(part) for part in parts))
            for name, parts in zip(memories, level_energies(self.model, self.counts()), strict=True)
        ]

    def energy_table(self) -> dict[str, tuple[EnergyRow, ...]]:
        """Return the energy per operand and level."""
        rows = iter(self.energy_levels())
        return {
            operand.name: tuple(next(rows) for _ in operand.memories)
            for operand in self.model.setting.operands
        }

    def utilization(self) -> Utilization:
        """Return the use of the array and the memories."""
        setting = self.model.setting
        effective, individual = (
            {
                operand.name: tuple(
                    bits / memory.size for bits, memory in zip(row, operand.memories, strict=True)
                )
                for operand, row in zip(setting.operands, held, strict=True)
            }
            for held in (
                effective_bits(setting, self.traffic.states, self.traffic.energy_moves, PYTHON),
                self.tile_bits(),
            )
        )
        totals = {
            tenancy.memory.name: sum(
                individual[setting.operands[operand].name][level] for operand, level in tenancy.tenants
            )
            for tenancy in setting.tenancies
        }
        run, total = self.traffic.run, self.cycles.total
        return Utilization(
            spatial=setting.ideal_cycles / run,
            temporal=float(run / total),
            total=float(setting.ideal_cycles / total),
            individual=individual,
            shared={
                operand.name: tuple(totals[memory.name] for memory in operand.memories)
                for operand in setting.operands
            },
            effective=effective,
        )

    def tile_bits(self) -> list[list[Any]]:
        """Return the bits of every operand's tile per level, as they count for the utilization."""
        setting, moves = self.model.setting, self.traffic.energy_moves
        if not setting.conventions.early_final_precision:
            return stored_bits(setting, self.traffic.states, moves, PYTHON)
        return [
            [held_bits(operand, moved, level + 1, PYTHON) for level in range(operand.depth)]
            for operand, moved in zip(setting.operands, moves, strict=True)
        ]

    def ports(self) -> tuple[PortReport, ...]:
        """Return every port with its stall, its slack, its busy cycles and what limits it."""
        activities = self.cycles.activities
        reports = []
        together = self._coupled_stalls()
        pairs = zip(self.model.setting.ports, self.model.port_moves, strict=True)
        for number, (port, moves) in enumerate(pairs):
            active = [move for move in moves if activities.counts[move] > 0]
            if len(active) == 1:
                stall = activities.late(active[0], PYTHON)
                slack = 0 if stall else max(0, -activities.slack(active[0]))
            else:
                stall, slack = port_stall(moves, activities, self.traffic.run, PYTHON), 0
            coupled = max((cycles for ports, cycles in together if number in ports), default=0)
            if coupled > stall:
                stall, slack = coupled, 0
            late = [(cycles, move) for move in active if (cycles := activities.late(move, PYTHON)) > 0]
            if stall > 0 and not late:
                # everything fits its own window, but not all of it together
                late = [(activities.busy(move), move) for move in active]
            late.sort(key=lambda entry: -entry[0])
            reports.append(
                PortReport(
                    memory=port.memory.name,
                    port=port.port.name,
                    stall=stall,
                    slack=slack,
                    busy=sum(activities.busy(move) + activities.first(move) for move in active),
                    limits=tuple(self.name_of(self.model.moves[move]) for _, move in late)
                    if stall > 0
                    else (),
                )
            )
        return tuple(reports)

    def _coupled_stalls(self) -> list[tuple[set[int], Any]]:
        """Return every three ports that links couple, and the cycles that they stop the array together."""
        port_of = {move: port for port, moves in enumerate(self.model.port_moves) for move in moves}
        return [
            (
                {port_of[move] for pair in pairs for move in pair},
                coupled_stall(pairs, self.cycles.activities, self.traffic.run, PYTHON),
            )
            for pairs in self.model.couplings
        ]

    def name_of(self, move: Move) -> str:
        """Return what a movement is called: its operand, and from where to where it goes."""
        operand = self.model.setting.operands[move.operand]
        names = [ARRAY, *(memory.name for memory in operand.memories)]
        below, above = names[move.link], names[move.link + 1]
        upwards = move.direction in (Direction.FROM_BELOW, Direction.TO_ABOVE)
        return f"{operand.name} {below} -> {above}" if upwards else f"{operand.name} {above} -> {below}"

    def links(self) -> tuple[LinkReport, ...]:
        """Return every first fill and last drain."""
        return tuple(
            self._link(fill, chain, step)
            for chain, fills in enumerate((*self.model.plan.inputs, self.model.plan.output))
            for step, fill in enumerate(fills)
        )

    def _link(self, fill: FillSetting, chain: int, step: int) -> LinkReport:
        setting, loading = self.model.setting, self.cycles.loading
        operand = setting.operands[fill.operand]
        upper = self.traffic.cycles[fill.upper_move]
        lower = 0 if fill.lower_move is None else self.traffic.cycles[fill.lower_move]
        start = None
        if setting.conventions.combined_loading:
            left = self.cycles.zigzag_fills
            shown = max(left[move] for move in fill.moves)
            hidden = max(lower, upper) - shown
        else:
            hidden = loading.hidden[fill.operand, fill.link]
            shown = max(lower, upper) - hidden
            start = None if operand.is_output else loading.starts[chain, step]
        above = operand.memories[fill.link].name
        below = operand.memories[fill.link - 1].name if fill.link else ARRAY
        moved = self.traffic.latency_moves[fill.operand]
        others = {
            port
            for other in (*self.model.plan.inputs, self.model.plan.output)
            for other_fill in other
            if other_fill.operand != fill.operand
            for port in other_fill.ports
        }
        return LinkReport(
            operand=operand.name,
            source=below if operand.is_output else above,
            target=above if operand.is_output else below,
            bits=moved.tile[fill.link] * side_bits(operand, moved, fill.link, PYTHON, upper=False),
            lower_cycles=lower,
            upper_cycles=upper,
            cycles=plain(shown),
            hidden=plain(hidden),
            start=start,
            shared=bool(others & set(fill.ports)),
            ports=tuple(
                f"{setting.ports[port].memory.name}.{setting.ports[port].port.name}" for port in fill.ports
            ),
        )


def _whole(value: Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value
