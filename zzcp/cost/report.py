"""From raw numbers to an `Evaluation`: names instead of positions, and every breakdown."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from zzcp.cost.capacity import Flags, effective_bits
from zzcp.cost.core import Cycles, Model, Traffic, access_energy, accesses, energy_units
from zzcp.cost.evaluation import (
    Accesses,
    Energy,
    Evaluation,
    Latency,
    LinkReport,
    PortReport,
    Utilization,
    plain,
)
from zzcp.cost.loading import FillSetting
from zzcp.cost.numeric import PYTHON
from zzcp.cost.setting import PortSetting
from zzcp.hardware import Direction

_DIRECTIONS = (Direction.FROM_ABOVE, Direction.TO_ABOVE, Direction.FROM_BELOW, Direction.TO_BELOW)


def build_evaluation(
    model: Model,
    traffic: Traffic,
    doubled: Flags,
    cycles: Cycles,
    violations: tuple[str, ...],
) -> Evaluation:
    """Assemble the report of one evaluated mapping."""
    setting = model.setting
    counted = _accesses(model, traffic)
    run = traffic.run
    latency = Latency(
        total=cycles.total,
        ideal=setting.ideal_cycles,
        spatial_stall=run - setting.ideal_cycles,
        temporal_stall=cycles.stall,
        data_loading=cycles.loading.loading,
        data_unloading=cycles.loading.unloading,
        drain=setting.drain,
    )
    return Evaluation(
        conventions=setting.conventions.name,
        energy=_energy(model, traffic, counted),
        latency=latency,
        accesses=counted,
        utilization=_utilization(model, traffic, latency),
        ports=tuple(
            _port(model, traffic, port, row) for port, row in zip(setting.ports, cycles.activities, strict=True)
        ),
        links=tuple(
            _link(model, traffic, cycles, fill, index, step)
            for index, chain in enumerate((*model.plan.inputs, model.plan.output))
            for step, fill in enumerate(chain)
        ),
        double_buffered={
            operand.name: tuple(bool(flag) for flag in flags[: operand.depth - 1])
            for operand, flags in zip(setting.operands, doubled, strict=True)
        },
        valid=not violations,
        violations=violations,
    )


def _accesses(model: Model, traffic: Traffic) -> dict[str, tuple[Accesses, ...]]:
    counts = accesses(model, traffic, PYTHON)
    whole = model.setting.conventions.fractional_unrolling
    result = {}
    for index, operand in enumerate(model.setting.operands):
        rows = []
        for level in range(operand.depth):
            values: list[Any] = []
            for direction in _DIRECTIONS:
                count = counts.get((index, level, direction), 0)
                if not whole and count:
                    port = operand.ports[level][direction]
                    share = Fraction(count * port.bandwidth_min, port.bandwidth_max)
                    count = share.numerator if share.denominator == 1 else share
                values.append(count)
            rows.append(Accesses(*values))
        result[operand.name] = tuple(rows)
    return result


def _energy(model: Model, traffic: Traffic, counted: dict[str, tuple[Accesses, ...]]) -> Energy:
    setting = model.setting
    zigzag = setting.conventions.fractional_unrolling
    by_memory: dict[str, Any] = {}
    by_operand: dict[str, tuple[Any, ...]] = {}
    by_direction = {}
    memory_total: Any = 0
    for operand in setting.operands:
        levels, directions = [], []
        for memory, counts in zip(operand.memories, counted[operand.name], strict=True):
            write: Any = memory.write_energy if zigzag else access_energy(memory, Direction.FROM_BELOW)
            read: Any = memory.read_energy if zigzag else access_energy(memory, Direction.TO_BELOW)
            parts = (
                counts.from_above * write,
                counts.to_above * read,
                counts.from_below * write,
                counts.to_below * read,
            )
            # ZigZag's order of additions, since floats are compared to the bit
            level_total = (parts[1] + parts[3]) + (parts[0] + parts[2])
            memory_total = memory_total + level_total
            by_memory[memory.name] = by_memory.get(memory.name, 0) + level_total
            levels.append(level_total)
            directions.append(tuple(float(part) for part in parts))
        by_operand[operand.name] = tuple(levels)
        by_direction[operand.name] = tuple(directions)
    if zigzag:
        total = float(memory_total) + float(setting.mac_energy)
        exact = Fraction(total)
    else:
        exact = Fraction(energy_units(model, traffic), model.scale)
        total = float(exact)
    return Energy(
        total=total,
        mac=float(setting.mac_energy),
        memory=float(memory_total),
        by_memory={
            memory.name: float(by_memory[memory.name])
            for memory in setting.accelerator.memories
            if memory.name in by_memory
        },
        by_operand={name: tuple(float(value) for value in row) for name, row in by_operand.items()},
        by_direction=by_direction,
        exact=exact,
    )


def _utilization(model: Model, traffic: Traffic, latency: Latency) -> Utilization:
    setting = model.setting
    individual = {}
    effective = {}
    effective_sizes = effective_bits(setting, traffic.states, traffic.energy_moves)
    for index, operand in enumerate(setting.operands):
        moved = traffic.energy_moves[index]
        individual[operand.name] = tuple(
            moved.tile[level + 1] * moved.precision[level + 1] / memory.size
            for level, memory in enumerate(operand.memories)
        )
        effective[operand.name] = tuple(
            bits / memory.size for bits, memory in zip(effective_sizes[index], operand.memories, strict=True)
        )
    totals: dict[str, Any] = {}
    for tenancy in setting.tenancies:
        totals[tenancy.memory.name] = sum(
            individual[setting.operands[operand].name][level] for operand, level in tenancy.tenants
        )
    shared = {
        operand.name: tuple(totals[memory.name] for memory in operand.memories) for operand in setting.operands
    }
    run = latency.ideal + latency.spatial_stall
    return Utilization(
        spatial=latency.ideal / run,
        temporal=float(run / latency.total),
        total=float(latency.ideal / latency.total),
        individual=individual,
        shared=shared,
        effective=effective,
    )


def _port(model: Model, traffic: Traffic, port: PortSetting, activities: Sequence[Any]) -> PortReport:
    from zzcp.cost.stall import port_stall  # noqa: PLC0415

    active = [(use, activity) for use, activity in zip(port.uses, activities, strict=True) if activity.count > 0]
    if len(active) == 1:
        stall = active[0][1].slack
    else:
        stall = port_stall(activities, traffic.run, PYTHON)
    late = [(activity.slack, use) for use, activity in active if activity.slack > 0]
    if stall > 0 and not late:
        # everything fits its own window, but not all of it together
        late = [(activity.cycles * activity.repeats, use) for use, activity in active]
    late.sort(key=lambda entry: -entry[0])
    return PortReport(
        memory=port.memory.name,
        port=port.port.name,
        stall=stall,
        busy=sum(activity.cycles * activity.count for _, activity in active),
        limits=tuple(_describe(model, use.operand, use.level, use.direction) for _, use in late) if stall > 0 else (),
    )


def _describe(model: Model, index: int, level: int, direction: Direction) -> str:
    operand = model.setting.operands[index]
    names = [memory.name for memory in operand.memories]
    below = names[level - 1] if level else "array"
    above = names[level + 1] if level + 1 < operand.depth else "outside"
    here = names[level]
    source, target = {
        Direction.TO_BELOW: (here, below),
        Direction.FROM_ABOVE: (above, here),
        Direction.FROM_BELOW: (below, here),
        Direction.TO_ABOVE: (here, above),
    }[direction]
    return f"{operand.name} {source} -> {target}"


def _link(model: Model, traffic: Traffic, cycles: Cycles, fill: FillSetting, index: int, step: int) -> LinkReport:
    setting = model.setting
    operand = setting.operands[fill.operand]
    lower_direction = Direction.TO_ABOVE if operand.is_output else Direction.FROM_ABOVE
    upper_direction = Direction.FROM_BELOW if operand.is_output else Direction.TO_BELOW
    lower = traffic.cycles[fill.operand, fill.link - 1, lower_direction]
    upper = traffic.cycles[fill.operand, fill.link, upper_direction]
    below, above = operand.memories[fill.link - 1].name, operand.memories[fill.link].name
    if setting.conventions.combined_loading:
        left = cycles.zigzag_fills
        shown = max(
            left[fill.operand, fill.link - 1, lower_direction], left[fill.operand, fill.link, upper_direction]
        )
        hidden = max(lower, upper) - shown
        start = None
    else:
        hidden = cycles.loading.hidden[fill.operand, fill.link]
        shown = max(lower, upper) - hidden
        start = None if operand.is_output else cycles.loading.starts[index, step]
    moved = traffic.latency_moves[fill.operand]
    precision = moved.drain_precision[fill.link] if operand.is_output else operand.precision
    others = {
        port
        for chain in model.plan.inputs
        for other in chain
        if other.operand != fill.operand
        for port in other.ports
    }
    return LinkReport(
        operand=operand.name,
        source=below if operand.is_output else above,
        target=above if operand.is_output else below,
        bits=moved.tile[fill.link] * precision,
        lower_cycles=lower,
        upper_cycles=upper,
        cycles=plain(shown),
        hidden=plain(hidden),
        start=start,
        shared=bool(others & set(fill.ports)),
        ports=tuple(f"{setting.ports[port].memory.name}.{setting.ports[port].port.name}" for port in fill.ports),
    )


