"""All that does not change from one temporal mapping to the next, compiled once per layer, machine and unrolling.

Notation, used by every module of the package: an operand has memory levels 0 .. L-1, innermost first. *Arch level*
a stands for the data held below link a: a = 0 is the operand at the array, a = l + 1 the tile in memory level l.
*Link* a, for a = 0 .. L-1, connects arch level a (its lower side, memory level a - 1) to memory level a (its upper
side). Spatial loops between two levels belong to the link between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from zzcp.cost.conventions import CostConventions
from zzcp.cost.zigzag_order import set_order
from zzcp.errors import InputError, MappingError
from zzcp.hardware import Accelerator, Direction, Memory, Port
from zzcp.hardware.imc import CELLS, precharge_energy_per_weight
from zzcp.mapping import SpatialMapping
from zzcp.workload import DimensionRelation, Layer

Number = int | float
Spatial = tuple[tuple[str, Number], ...]

IRRELEVANT, RELEVANT, PARTIAL = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Variant:
    """The spatial unrolling of one operand, under one rule for factors that do not divide.

    Parameters
    ----------
    spatial : tuple of Spatial
        Loops unrolled at link a, for a = 0 .. L (the last: unrolled above the top level).
    relevant : tuple of Number
        Product of the relevant spatial factors below arch level a (links 0 .. a-1), for a = 0 .. L.
    windows : tuple of tuple of (Number, Number)
        For every arch level and window the spatial factors of its outer and inner loop below that level.
    units : tuple of int
        Memory instances in use at arch level a, duplicates included, for a = 0 .. L.
    distinct : tuple of Number
        Instances at arch level a that hold different data.
    boost : tuple of int
        Distinct instances below one upper instance, per link a = 0 .. L-1.
    reduction_above : tuple of Number
        For the output: product of the irrelevant spatial factors at links above a (a+1 .. L), for a = 0 .. L-1.
    reduction_here : tuple of Number
        The same with link a itself: what is added up on the way over the link counts, too.
    integral : bool
        Whether every factor is an integer.
    """

    spatial: tuple[Spatial, ...]
    relevant: tuple[Number, ...]
    windows: tuple[tuple[tuple[Number, Number], ...], ...]
    units: tuple[int, ...]
    distinct: tuple[Number, ...]
    boost: tuple[int, ...]
    reduction_above: tuple[Number, ...]
    reduction_here: tuple[Number, ...]
    integral: bool


@dataclass(frozen=True, slots=True)
class OperandSetting:
    """What the cost model needs of one operand.

    Parameters
    ----------
    name, memory_operand : str
        The operand in the layer and in the accelerator.
    is_output : bool
        Whether it is the output.
    memories : tuple of Memory
        Its levels, innermost first.
    kind : mapping of str to int
        IRRELEVANT, RELEVANT or PARTIAL for every dimension of the layer.
    relations : tuple of DimensionRelation
        Its sliding windows.
    window_sizes : tuple of int
        Largest extent of every window (padding left out).
    precision, final_precision : int
        Bits of an element; for inputs both are equal.
    energy, latency : Variant
        The unrolling as it counts for the energy and for the latency.
    ports : tuple of mapping of Direction to Port
        Per memory level the port of every direction in which the operand moves.
    elements : int
        Elements of the whole tensor.
    """

    name: str
    memory_operand: str
    is_output: bool
    memories: tuple[Memory, ...]
    kind: Mapping[str, int]
    relations: tuple[DimensionRelation, ...]
    window_sizes: tuple[int, ...]
    precision: int
    final_precision: int
    energy: Variant
    latency: Variant
    ports: tuple[Mapping[Direction, Port], ...]
    elements: int

    @property
    def depth(self) -> int:
        """Number of memory levels."""
        return len(self.memories)


@dataclass(frozen=True, slots=True)
class PortUse:
    """One movement through a physical port.

    Parameters
    ----------
    operand : int
        Position of the operand in `Setting.operands`.
    level : int
        Memory level of the operand at which the port stands.
    direction : Direction
        How the data moves.
    """

    operand: int
    level: int
    direction: Direction

    @property
    def link(self) -> int:
        """The link that the movement belongs to."""
        return self.level if self.direction in (Direction.TO_BELOW, Direction.FROM_BELOW) else self.level + 1


@dataclass(frozen=True, slots=True)
class PortSetting:
    """A physical port and all that moves through it for this layer.

    Parameters
    ----------
    memory : Memory
        The memory it belongs to.
    port : Port
        The port.
    uses : tuple of PortUse
        Movements in the order of the memory's operands and the file's ports.
    both_inputs : bool
        Whether the accelerator lets both inputs pass through it.
    """

    memory: Memory
    port: Port
    uses: tuple[PortUse, ...]
    both_inputs: bool


@dataclass(frozen=True, slots=True)
class Tenancy:
    """The operands that share one memory.

    Parameters
    ----------
    memory : Memory
        The memory.
    tenants : tuple of (int, int)
        Operand (position in `Setting.operands`) and its level there, in the memory's order.
    """

    memory: Memory
    tenants: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """The accelerator, the layer and the unrolling as the cost model sees them.

    Parameters
    ----------
    accelerator, layer, spatial, conventions
        What was compiled.
    links : mapping of str to str
        Memory operand of every operand.
    operands : tuple of OperandSetting
        In the order of the layer's equation, the output first.
    ports : tuple of PortSetting
        The ports that move something.
    tenancies : tuple of Tenancy
        The memories that hold something.
    temporal_sizes : mapping of str to int
        Iterations of every dimension that the temporal loops must cover.
    cycles_per_op : int
        Cycles of one operation of the array.
    ideal_cycles : int
        Cycles with a full array that never waits.
    drain : int
        Cycles along the systolic dimensions of the array.
    mac_energy : Fraction
        Energy of all operations.
    """

    accelerator: Accelerator
    layer: Layer
    spatial: SpatialMapping
    conventions: CostConventions
    links: Mapping[str, str]
    operands: tuple[OperandSetting, ...]
    ports: tuple[PortSetting, ...]
    tenancies: tuple[Tenancy, ...]
    temporal_sizes: Mapping[str, int]
    cycles_per_op: int
    ideal_cycles: int
    drain: int
    mac_energy: Fraction

    def operand_index(self, name: str) -> int:
        """Return the position of an operand in `operands`."""
        return self.layer.operands.index(name)


def compile_setting(
    accelerator: Accelerator,
    layer: Layer,
    spatial: SpatialMapping,
    conventions: CostConventions,
    links: Mapping[str, str] | None = None,
) -> Setting:
    """Compile what is fixed for all temporal mappings of a layer on an accelerator under one unrolling.

    Raises
    ------
    InputError
        If an operand is linked to a memory operand that the accelerator does not have, or two share one.
    MappingError
        If the unrolling does not fit the array or the layer.
    """
    links = dict(layer.default_links) | dict(links or {})
    _check_links(accelerator, layer, links)
    problems = spatial.violations(accelerator, layer)
    if problems:
        raise MappingError(problems)
    energy, latency = (
        (fractional_factors(layer, spatial, allow_fractions=True), fractional_factors(layer, spatial))
        if conventions.fractional_unrolling
        else (whole_factors(layer, spatial),) * 2
    )
    operands = tuple(
        _compile_operand(accelerator, layer, name, links[name], energy, latency, conventions)
        for name in layer.operands
    )
    array = accelerator.array
    imc = array.in_memory_computing
    cycles_per_op = -(-imc.input_precision[0] // imc.bit_serial_precision) if imc else 1
    from zzcp.cost.macs import mac_energy  # noqa: PLC0415 - needs the compiled operands

    setting = Setting(
        accelerator=accelerator,
        layer=layer,
        spatial=spatial,
        conventions=conventions,
        links=links,
        operands=operands,
        ports=_compile_ports(accelerator, layer, links),
        tenancies=_compile_tenancies(accelerator, layer, links),
        temporal_sizes=spatial.temporal_sizes(layer),
        cycles_per_op=cycles_per_op,
        ideal_cycles=-(-layer.macs // array.units) * cycles_per_op,
        drain=sum(
            math.prod(factor for _, factor in factors) - 1
            for dimension, factors in spatial.unrolling
            if dimension in array.systolic_dimensions
        ),
        mac_energy=Fraction(0),
    )
    object.__setattr__(setting, "mac_energy", mac_energy(setting))
    return setting


def whole_factors(layer: Layer, spatial: SpatialMapping) -> dict[str, list[tuple[str, Number]]]:
    """Return the lanes in use per array dimension, rounded up: ceil(size / (iterations x other lanes)).

    Where the unrolling of a dimension does not divide it, the lanes of its first largest factor are reduced to
    what the iterations need.
    """
    result: dict[str, list[tuple[str, Number]]] = {}
    adjusted = _adjusted_dimension(spatial)
    sizes = spatial.temporal_sizes(layer)
    for array_dimension, dim, factor in spatial:
        lanes = factor
        if adjusted[dim] == array_dimension:
            others = spatial.total(dim) // factor
            lanes = -(-layer.sizes[dim] // (sizes[dim] * others))
        result.setdefault(array_dimension, []).append((dim, lanes))
    return result


def fractional_factors(
    layer: Layer, spatial: SpatialMapping, *, allow_fractions: bool = False
) -> dict[str, list[tuple[str, Number]]]:
    """Return the lanes in use per array dimension as ZigZag counts them.

    Source: ``SpatialMappingConversionStage.generate_limited_user_spatial_mapping`` of zigzag-dse 3.9.1. The
    first array dimension with the largest factor of a layer dimension is set to size / iterations / lanes on
    earlier array dimensions, as a fraction or floored.
    """
    result: dict[str, list[tuple[str, Number]]] = {}
    adjusted = _adjusted_dimension(spatial)
    earlier: dict[str, Number] = {}
    for array_dimension, factors in spatial.unrolling:
        used: list[tuple[str, Number]] = []
        for dim, factor in factors:
            lanes: Number = factor
            before = earlier.get(dim, 1)
            if adjusted[dim] == array_dimension:
                iterations = math.ceil(layer.sizes[dim] / (factor * before))
                fraction = layer.sizes[dim] / iterations / before
                lanes = fraction if allow_fractions and not fraction.is_integer() else int(fraction)
            used.append((dim, lanes))
        for dim, lanes in used:
            earlier[dim] = earlier.get(dim, 1) * lanes
        result[array_dimension] = used
    return result


def _adjusted_dimension(spatial: SpatialMapping) -> dict[str, str]:
    """For every layer dimension the first array dimension with its largest factor."""
    best: dict[str, tuple[int, str]] = {}
    for array_dimension, dim, factor in spatial:
        if dim not in best or factor > best[dim][0]:
            best[dim] = (factor, array_dimension)
    return {dim: array_dimension for dim, (_, array_dimension) in best.items()}


def _check_links(accelerator: Accelerator, layer: Layer, links: Mapping[str, str]) -> None:
    for operand, memory_operand in links.items():
        if operand not in layer.operands:
            continue
        if memory_operand not in accelerator.operands:
            raise InputError(
                f"operand {operand} is linked to a memory operand that accelerator {accelerator.name} lacks",
                expected=", ".join(accelerator.operands),
                found=memory_operand,
            )
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


def _compile_operand(
    accelerator: Accelerator,
    layer: Layer,
    name: str,
    memory_operand: str,
    energy: Mapping[str, list[tuple[str, Number]]],
    latency: Mapping[str, list[tuple[str, Number]]],
    conventions: CostConventions,
) -> OperandSetting:
    relevance = layer.relevance(name)
    partial = relevance.partially_relevant
    kind = {
        dim: PARTIAL if dim in partial else RELEVANT if dim in relevance.relevant else IRRELEVANT
        for dim in layer.sizes
    }
    memories = tuple(
        _with_precharge(accelerator, memory, layer.precision[name])
        for memory in accelerator.levels(memory_operand)
    )
    variant = _compile_variant(layer, name, kind, memories, energy, conventions)
    same = energy == latency
    return OperandSetting(
        name=name,
        memory_operand=memory_operand,
        is_output=name == layer.output,
        memories=memories,
        kind=kind,
        relations=relevance.partial,
        window_sizes=tuple(
            layer.window_size(relation, zigzag=conventions.overcounted_slivers)
            for relation in relevance.partial
        ),
        precision=layer.precision[name],
        final_precision=layer.final_precision if name == layer.output else layer.precision[name],
        energy=variant,
        latency=variant if same else _compile_variant(layer, name, kind, memories, latency, conventions),
        ports=tuple(
            {
                direction: port
                for direction in Direction
                if (port := memory.port(memory_operand, direction)) is not None
            }
            for memory in memories
        ),
        elements=layer.tile_size(name, layer.sizes, zigzag=conventions.overcounted_slivers),
    )


def _with_precharge(accelerator: Accelerator, memory: Memory, precision: int) -> Memory:
    """Return the cells of an array that computes in memory with the energy of precharging their bitlines.

    Every weight read from a group of cells that stores several precharges the local bitline once more.
    """
    port = memory.port("I2", Direction.TO_BELOW)
    if memory.name != CELLS or accelerator.array.in_memory_computing is None or port is None or not precision:
        return memory
    per_weight = precharge_energy_per_weight(accelerator.array, memory.size)
    return replace(memory, read_energy=memory.read_energy + per_weight * port.bandwidth_max / precision)


def _compile_variant(
    layer: Layer,
    name: str,
    kind: Mapping[str, int],
    memories: tuple[Memory, ...],
    factors: Mapping[str, list[tuple[str, Number]]],
    conventions: CostConventions,
) -> Variant:
    spatial = _loops_per_link(memories, factors, zigzag=conventions.fractional_unrolling)
    relations = layer.relevance(name).partial
    relevant: list[Number] = [1]
    windows: list[tuple[tuple[Number, Number], ...]] = [tuple((1, 1) for _ in relations)]
    for loops in spatial:
        relevant.append(relevant[-1] * math.prod(f for dim, f in loops if kind[dim] == RELEVANT))
        sizes = dict(loops)
        windows.append(
            tuple(
                (outer * sizes.get(relation.outer, 1), inner * sizes.get(relation.inner, 1))
                for relation, (outer, inner) in zip(relations, windows[-1], strict=True)
            )
        )
    reused = _reuse_per_link(layer, kind, relations, spatial, zigzag=conventions.overcounted_slivers)
    totals = [math.prod(f for _, f in loops) for loops in spatial]
    units = tuple(round(round(math.prod(totals[a:]), 3)) for a in range(len(spatial)))
    distinct = tuple(math.prod(r for r, _ in reused[a:]) for a in range(len(spatial)))
    irrelevant = [math.prod(f for dim, f in loops if kind[dim] == IRRELEVANT) for loops in spatial]
    return Variant(
        spatial=spatial,
        relevant=tuple(relevant[:-1]),
        windows=tuple(windows[:-1]),
        units=units,
        distinct=distinct,
        boost=tuple(round(distinct[a] / distinct[a + 1]) for a in range(len(spatial) - 1)),
        reduction_above=tuple(math.prod(irrelevant[a + 1 :]) for a in range(len(spatial) - 1)),
        reduction_here=tuple(math.prod(irrelevant[a:]) for a in range(len(spatial) - 1)),
        integral=all(isinstance(f, int) for loops in spatial for _, f in loops),
    )


def _loops_per_link(
    memories: tuple[Memory, ...], factors: Mapping[str, list[tuple[str, Number]]], *, zigzag: bool
) -> tuple[Spatial, ...]:
    """Attach each array dimension to the first level whose memory serves it, the rest above the top level.

    Factors that ZigZag leaves fractional are multiplied in its order, since products of floats depend on it.
    """
    left = dict(factors)
    result: list[Spatial] = []
    for memory in memories:
        merged: dict[str, Number] = {}
        served = memory.served_dimensions
        for dimension in set_order(served) if zigzag else served:
            for dim, factor in left.pop(dimension, ()):
                merged[dim] = merged.get(dim, 1) * factor
        result.append(tuple(merged.items()))
    merged = {}
    for loops in left.values():
        for dim, factor in loops:
            merged[dim] = merged.get(dim, 1) * factor
    return (*result, tuple(merged.items()))


def _reuse_per_link(
    layer: Layer,
    kind: Mapping[str, int],
    relations: tuple[DimensionRelation, ...],
    spatial: tuple[Spatial, ...],
    *,
    zigzag: bool,
) -> list[tuple[Number, Number]]:
    """Split the spatial factors of every link into (different data, same data).

    Window loops are split by how much each adds to the window, loop by loop from the inside, as in ZigZag
    (``decouple_pr_loop``).
    """
    sizes: dict[str, Number] = {}
    previous: dict[str, Number] = {relation.window: 1 for relation in relations}
    result: list[tuple[Number, Number]] = []
    for loops in spatial:
        different: Number = 1
        same: Number = 1
        for dim, factor in loops:
            if kind[dim] == RELEVANT:
                different *= factor
            elif kind[dim] == IRRELEVANT:
                same *= factor
            for relation in relations:
                if dim not in (relation.outer, relation.inner):
                    continue
                sizes[dim] = sizes.get(dim, 1) * factor
                outer, inner = sizes.get(relation.outer, 1), sizes.get(relation.inner, 1)
                count = relation.distinct_zigzag if zigzag else relation.distinct
                now = min(layer.window_size(relation, zigzag=zigzag), count(int(outer), int(inner)))
                growth = now / previous[relation.window]
                different *= growth
                same *= factor / growth
                previous[relation.window] = now
        result.append((different, same))
    return result


def _compile_ports(
    accelerator: Accelerator, layer: Layer, links: Mapping[str, str]
) -> tuple[PortSetting, ...]:
    by_memory_operand = {links[name]: index for index, name in enumerate(layer.operands)}
    result = []
    for memory in accelerator.memories:
        for port in memory.ports:
            uses = []
            inputs = set()
            for operand in memory.operands:
                level = accelerator.level_of(memory, operand)
                # a movement given to several ports keeps its first place in the order, as a Python dict does
                order = dict.fromkeys(d for p in memory.ports for op, d in p.allocation if op == operand)
                for direction in order:
                    if memory.port(operand, direction) is not port:
                        continue
                    inputs.add(operand)
                    top = level == len(accelerator.levels(operand)) - 1
                    external = top and direction in (Direction.FROM_ABOVE, Direction.TO_ABOVE)
                    is_input = operand != "O"
                    backwards = is_input and direction in (Direction.FROM_BELOW, Direction.TO_ABOVE)
                    if operand in by_memory_operand and not external and not backwards:
                        uses.append(PortUse(by_memory_operand[operand], level, direction))
            if uses:
                result.append(PortSetting(memory, port, tuple(uses), {"I1", "I2"} <= inputs))
    return tuple(result)


def _compile_tenancies(
    accelerator: Accelerator, layer: Layer, links: Mapping[str, str]
) -> tuple[Tenancy, ...]:
    by_memory_operand = {links[name]: index for index, name in enumerate(layer.operands)}
    result = []
    for memory in accelerator.memories:
        tenants = tuple(
            (by_memory_operand[operand], level)
            for operand, level in accelerator.tenants(memory)
            if operand in by_memory_operand
        )
        if tenants:
            result.append(Tenancy(memory, tenants))
    return tuple(result)
