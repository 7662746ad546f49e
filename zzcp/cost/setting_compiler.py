"""From layer, machine and unrolling to a setting: done once, before temporal mappings are scored."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from zzcp.checks import among, instance
from zzcp.cost.arguments import check_setting
from zzcp.cost.conventions import CostConventions
from zzcp.cost.formulas.macs import mac_energy
from zzcp.cost.setting.directions import compile_directions, compile_slides, compile_volumes
from zzcp.cost.setting.remainders import Padded, check_padded, loop_product, tile_iterations
from zzcp.cost.setting.setting import (
    Bits,
    OperandSetting,
    PortSetting,
    PortUse,
    Refill,
    Setting,
    Tenancy,
)
from zzcp.cost.setting.turns import compile_turns
from zzcp.cost.setting.unrolling import Factors, compile_variant, fractional_factors, whole_factors
from zzcp.errors import InputError, MappingError, Place
from zzcp.hardware import Accelerator, Direction, Memory, Port
from zzcp.hardware.imc import CELLS, precharge_energy_per_weight
from zzcp.mapping import SpatialMapping
from zzcp.workload import Layer

_DIRECTIONS = tuple(Direction)
_OUTWARDS = (Direction.FROM_ABOVE, Direction.TO_ABOVE)
_BACKWARDS = (Direction.FROM_BELOW, Direction.TO_ABOVE)
"""The directions of an operand's outermost memory that leave the machine, and those in which no input moves."""

Places = Mapping[tuple[str, str], int]
"""The level at which every memory, by its name, holds every memory operand of its own."""
Carriers = Mapping[tuple[str, Direction], Port]
"""The port through which every memory operand of a memory moves in every direction."""


def compile_setting(
    accelerator: Accelerator,
    layer: Layer,
    spatial: SpatialMapping,
    conventions: CostConventions,
    links: Mapping[str, str] | None = None,
    padded: Mapping[str, Padded] | None = None,
) -> Setting:
    """Compile what is fixed for all temporal mappings of a layer on an accelerator under one unrolling.

    Parameters
    ----------
    accelerator, layer, spatial, conventions, links
        As for the evaluator.
    padded : mapping of str to int, or to tuple of int, optional
        Products of the temporal loops, of dimensions whose iterations they exceed, or all tile sizes to look at.

    Raises
    ------
    InputError
        If an operand is linked to a memory operand that the accelerator does not have, or two share one.
    MappingError
        If the unrolling does not fit the array or the layer.
    """
    check_setting(accelerator, layer, conventions, links)
    instance(spatial, SpatialMapping, "spatial mapping")
    links = dict(layer.default_links) | dict(links or {})
    check_links(accelerator, layer, links)
    problems = spatial.violations(accelerator, layer)
    if problems:
        raise MappingError(problems)
    energy, latency = (
        (fractional_factors(layer, spatial, allow_fractions=True), fractional_factors(layer, spatial))
        if conventions.fractional_unrolling
        else (whole_factors(layer, spatial),) * 2
    )
    places = _places(accelerator)
    carriers = {memory.name: _carriers(memory) for memory in accelerator.memories}
    iterations = spatial.temporal_sizes(layer)
    padded = check_padded(layer, iterations, conventions, padded)
    operands = tuple(
        _compile_operand(
            accelerator, layer, name, links[name], carriers, energy, latency, iterations, conventions, padded
        )
        for name in layer.operands
    )
    array = accelerator.array
    counts = conventions.knows_more or array.in_memory_computing is not None
    cycles_per_op = array.operation_cycles if counts else 1
    refill = _refill(accelerator, operands) if conventions.knows_more else None
    held = {links[name]: index for index, name in enumerate(layer.operands)}
    setting = Setting(
        accelerator=accelerator,
        layer=layer,
        spatial=spatial,
        conventions=conventions,
        links=links,
        operands=operands,
        ports=_compile_ports(accelerator, held, places, carriers),
        tenancies=_compile_tenancies(accelerator, held, places),
        temporal_sizes=iterations
        | {dim: loop_product(iterations[dim], size) for dim, size in padded.items()},
        iterations=iterations,
        cycles_per_op=cycles_per_op,
        ideal_cycles=-(-layer.macs // array.units) * cycles_per_op,
        drain=_drain(accelerator, spatial, None if conventions.fractional_unrolling else energy)
        if refill is None
        else refill.shift + refill.fill,
        mac_energy=Fraction(0),
        leakage=accelerator.leakage if conventions.knows_more else Fraction(0),
        refill=refill,
    )
    return replace(setting, mac_energy=mac_energy(setting))


def _drain(accelerator: Accelerator, spatial: SpatialMapping, used: Factors | None) -> int:
    """Return the cycles along the systolic dimensions: of the lanes in use, of all that are asked for without these."""
    unrolled = spatial.unrolling if used is None else tuple((dim, tuple(used[dim])) for dim in used)
    systolic = accelerator.array.systolic_dimensions
    return sum(
        math.prod(int(lanes) for _, lanes in factors) - 1
        for dimension, factors in unrolled
        if dimension in systolic
    )


def _refill(accelerator: Accelerator, operands: Sequence[OperandSetting]) -> Refill | None:
    """Return what a systolic array takes when the tile changes that stays in its units; None where that is nothing."""
    array = accelerator.array
    sizes = [array.size(dimension) for dimension in array.systolic_dimensions]
    for index, operand in enumerate(operands):
        if operand.memory_operand == accelerator.stationary and operand.depth > 1:
            # results leave with the values that drain behind them
            shift = 0 if operand.is_output else sizes[0]
            return Refill(index, shift, sum(sizes) - len(sizes))
    return None


def check_links(accelerator: Accelerator, layer: Layer, links: Mapping[str, str]) -> None:
    """Check the memory operands of a layer's operands: one for each, and O for the output.

    Raises
    ------
    InputError
        If they are not so.
    """
    known = accelerator.operands
    for operand, memory_operand in links.items():
        if operand not in layer.operands:
            continue
        lacks = f"operand {operand} is linked to a memory operand that accelerator {accelerator.name} lacks"
        among(memory_operand, known, lacks)
    for operand in layer.operands:
        if operand not in links:
            raise InputError(
                f"operand {operand} of layer {layer.name} is linked to no memory operand",
                expected="memory_operand_links with one of I1, I2, O for every operand",
            )
    used = [links[operand] for operand in layer.operands]
    if len(set(used)) != len(used):
        raise InputError(
            f"two operands of layer {layer.name} are linked to one memory operand", found=str(links)
        )
    if links[layer.output] != "O":
        raise InputError(f"the output of layer {layer.name} must be linked to O", found=links[layer.output])


def _not_kept(output: str, memory: str, memory_operand: str) -> InputError:
    return InputError(
        f"the overlap of output {output}, whose windows share sums, is not kept between refills",
        place=Place(field="keeps_overlap"),
        expected="keeps_overlap of inputs, or a layer without windows on its output",
        found=f"memory {memory} keeps {memory_operand}",
    )


def _compile_operand(
    accelerator: Accelerator,
    layer: Layer,
    name: str,
    memory_operand: str,
    carriers: Mapping[str, Carriers],
    energy: Factors,
    latency: Factors,
    temporal: Mapping[str, int],
    conventions: CostConventions,
    padded: Mapping[str, Padded],
) -> OperandSetting:
    directions = compile_directions(layer, name, energy, temporal, conventions, padded)
    kind, relations = directions.kind, directions.relations
    levels = accelerator.levels(memory_operand)
    stored = tuple(stored_precision(layer, name, memory_operand, memory, conventions) for memory in levels)
    memories = tuple(
        _with_precharge(accelerator, memory, bits.partial)
        for memory, bits in zip(levels, stored, strict=True)
    )
    variant = compile_variant(layer, name, kind, relations, memories, energy, conventions)
    values = {dim: tile_iterations(temporal[dim], size) for dim, size in padded.items()}
    volumes = compile_volumes(directions, variant, temporal, values)
    kept = _kept(layer, name, memory_operand, memories, conventions)
    keeping = memories[kept.index(True) - 1].name if any(kept) else ""
    if keeping and name == layer.output and directions.revisited:
        raise _not_kept(name, keeping, memory_operand)
    slides = None if name == layer.output else compile_slides(directions, variant, temporal, kept, layer)
    if slides is not None and values:
        raise MappingError([_not_counted(values, keeping, name)])
    ports = tuple(_ports_of(memory_operand, carriers[memory.name]) for memory in memories)
    return OperandSetting(
        name=name,
        memory_operand=memory_operand,
        is_output=name == layer.output,
        memories=memories,
        kind=kind,
        relations=relations,
        window_sizes=tuple(axis.most for axis in directions.axes),
        precision=layer.precision[name],
        final_precision=layer.final_precision if name == layer.output else layer.precision[name],
        stored=stored,
        energy=variant,
        latency=variant
        if energy == latency
        else compile_variant(layer, name, kind, relations, memories, latency, conventions),
        ports=ports,
        turns=compile_turns(kind, memories, ports, latency, conventions, is_output=name == layer.output),
        elements=volumes.elements
        if volumes
        else layer.tile_size(name, layer.sizes, zigzag=conventions.overcounted_slivers),
        volumes=volumes,
        revisited=directions.revisited,
        remainders=tuple((dim, temporal[dim]) for dim in padded),
        slides=slides,
    )


def _not_counted(dims: Collection[str], memory: str, operand: str) -> str:
    return (
        f"loops that do not divide ({', '.join(dims)}) are not counted where a memory keeps the overlap of windows, "
        f"as {memory} does of {operand}"
    )


def _ports_of(memory_operand: str, carriers: Carriers) -> dict[Direction, Port]:
    """Return the ports that carry an operand's transfers at a memory, by direction."""
    found = {direction: carriers.get((memory_operand, direction)) for direction in _DIRECTIONS}
    return {direction: port for direction, port in found.items() if port is not None}


def stored_precision(
    layer: Layer, name: str, memory_operand: str, memory: Memory, conventions: CostConventions
) -> Bits:
    """Return the bits at which a memory stores an operand: what it states, else the layer's.

    What has no bits in the layer, such as the weights of a pooling, takes none anywhere.
    """
    precision = layer.precision[name]
    own = Bits(precision, layer.final_precision if name == layer.output else precision)
    stated = memory.stated_precision(memory_operand) if conventions.knows_more else None
    return own if stated is None else Bits(*(stated if bits else 0 for bits in own))


def _kept(
    layer: Layer, name: str, memory_operand: str, memories: Sequence[Memory], conventions: CostConventions
) -> tuple[bool, ...]:
    """Return for every link of an operand whether the memory below it keeps the overlap of windows."""
    if not conventions.keeps_overlap or not layer.relevance(name).partial:
        return (False,) * len(memories)
    return (False, *(memory_operand in memory.keeps_overlap for memory in memories[:-1]))


def _with_precharge(accelerator: Accelerator, memory: Memory, precision: int) -> Memory:
    """Return the cells of an array that computes in memory with the energy of precharging their bitlines.

    Every weight read from a group of cells that stores several precharges the local bitline once more.
    """
    if memory.name != CELLS or accelerator.array.in_memory_computing is None or not precision:
        return memory
    port = memory.port("I2", Direction.TO_BELOW)
    if port is None:
        return memory
    per_weight = precharge_energy_per_weight(accelerator.array, memory.size)
    return replace(memory, read_energy=memory.read_energy + per_weight * port.bandwidth_max / precision)


def _places(accelerator: Accelerator) -> Places:
    return {
        (memory.name, operand): level
        for operand in accelerator.operands
        for level, memory in enumerate(accelerator.levels(operand))
    }


def _carriers(memory: Memory) -> Carriers:
    # a movement given to several ports goes through the last one, and keeps its first place in the order
    return {(operand, direction): port for port in memory.ports for operand, direction in port.allocation}


def _compile_ports(
    accelerator: Accelerator, held: Mapping[str, int], places: Places, carriers: Mapping[str, Carriers]
) -> tuple[PortSetting, ...]:
    """Return the ports that move something; `held` is the operand (its position) of every memory operand in use."""
    depth = Counter(operand for _, operand in places)
    result = []
    for memory in accelerator.memories:
        moves = [
            (operand, direction, port)
            for operand in memory.operands
            for (moved, direction), port in carriers[memory.name].items()
            if moved == operand
        ]
        for port in memory.ports:
            uses = []
            inputs = set()
            for operand, direction, carrier in moves:
                if carrier is not port:
                    continue
                inputs.add(operand)
                level = places[memory.name, operand]
                external = level == depth[operand] - 1 and direction in _OUTWARDS
                backwards = operand != "O" and direction in _BACKWARDS
                if operand in held and not external and not backwards:
                    uses.append(PortUse(held[operand], level, direction))
            if uses:
                result.append(PortSetting(memory, port, tuple(uses), {"I1", "I2"} <= inputs))
    return tuple(result)


def _compile_tenancies(
    accelerator: Accelerator, held: Mapping[str, int], places: Places
) -> tuple[Tenancy, ...]:
    result = []
    for memory in accelerator.memories:
        tenants = tuple(
            (held[operand], places[memory.name, operand]) for operand in memory.operands if operand in held
        )
        if tenants:
            result.append(Tenancy(memory, tenants))
    return tuple(result)
