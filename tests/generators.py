"""Random machines and valid mappings, for every test that compares two ways of scoring them.

All randomness comes from the `random.Random` that the caller seeds.
"""

from __future__ import annotations

import re
from random import Random

from zzcp.cost import ZIGZAG, CostConventions, Evaluator
from zzcp.cost.setting.remainders import undivided
from zzcp.errors import MappingError
from zzcp.hardware import Accelerator, Allocation, Direction, Memory, OperationalArray, Port, PortType
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.mapping.mapping import Levels, Loop
from zzcp.workload import Layer

_OVERFLOW = re.compile(r"^memory (\S+) holds")


# ---- machines -------------------------------------------------------------------------------------------------


def random_accelerator(rng: Random, name: str = "random") -> Accelerator:
    """Return a random machine: 1 to 4 levels per operand, private and shared memories, ports shared in all ways."""
    count = rng.randint(1, 4)
    dimensions = tuple(f"D{number}" for number in range(1, count + 1))
    array = OperationalArray(
        dimensions=dimensions,
        sizes=tuple(rng.choice((1, 2, 3, 4, 5, 6, 7, 8)) for _ in dimensions),
        unit_energy=_cost(rng),
        unit_area=1.0,
        systolic_dimensions=tuple(dim for dim in dimensions if rng.random() < 0.2),
    )
    holders = _random_holders(rng)
    realistic = rng.random() < 0.5
    served: set[str] = set()
    memories = []
    for number, operands in enumerate(holders):
        last = number == len(holders) - 1
        if realistic:  # what lies further out serves at least as much of the array
            served |= {dim for dim in dimensions if rng.random() < 0.4}
            serves = [dim for dim in dimensions if dim in served]
        else:
            serves = [dim for dim in dimensions if rng.random() < 0.5]
        rng.shuffle(serves)
        memories.append(
            Memory(
                name=f"m{number}_{''.join(operands)}",
                size=10**9 if last else int(2 ** rng.uniform(3 + len(operands), 18)),
                read_energy=_cost(rng),
                write_energy=_cost(rng),
                area=1.0,
                latency=rng.choice((0, 1, 1, 2, 5)),
                operands=operands,
                ports=_random_ports(rng, operands),
                served_dimensions=tuple(dimensions if last and rng.random() < 0.7 else serves),
                force_double_buffering=rng.random() < 0.15,
            )
        )
    return Accelerator(name, tuple(memories), array)


def _cost(rng: Random) -> float:
    return rng.choice((round(rng.uniform(0, 3), 3), round(rng.uniform(0, 900), 2), float(rng.randint(0, 9))))


def _random_holders(rng: Random) -> list[tuple[str, ...]]:
    """Return the operands of every memory: each operand gets 1 to 4 levels, the last memory holds all three."""
    while True:
        holders = []
        for _ in range(rng.randint(0, 6)):
            operands = [op for op in ("I1", "I2", "O") if rng.random() < 0.45]
            rng.shuffle(operands)
            if operands:
                holders.append(tuple(operands))
        top = ["I1", "I2", "O"]
        if rng.random() < 0.3:
            rng.shuffle(top)
        holders.append(tuple(top))
        if all(sum(op in operands for operands in holders) <= 4 for op in top):
            return holders


def _random_ports(rng: Random, operands: tuple[str, ...]) -> tuple[Port, ...]:
    """Give every movement a port: one for all, one each for reads and writes, or any grouping in between."""
    wanted = [
        Allocation(operand, direction)
        for operand in operands
        for direction in Direction
        if operand == "O" or direction in (Direction.FROM_ABOVE, Direction.TO_BELOW) or rng.random() < 0.1
    ]
    rng.shuffle(wanted)
    types = rng.choice(
        (
            [PortType.READ_WRITE],
            [PortType.READ, PortType.WRITE],
            [PortType.READ, PortType.WRITE, PortType.READ_WRITE],
            [PortType.READ, PortType.READ, PortType.WRITE, PortType.WRITE],
            [PortType.READ_WRITE, PortType.READ_WRITE],
        )
    )
    groups: list[list[Allocation]] = [[] for _ in types]
    for movement in wanted:
        able = [index for index, kind in enumerate(types) if kind.allows(movement.direction)]
        groups[rng.choice(able)].append(movement)
        if len(able) > 1 and rng.random() < 0.05:  # given to two ports: the last one carries it
            groups[able[-1]] = list(dict.fromkeys([*groups[able[-1]], movement]))
    ports = []
    for index, (kind, movements) in enumerate(zip(types, groups, strict=True)):
        later = {movement for group in groups[index + 1 :] for movement in group}
        if not set(movements) - later:
            continue
        width = rng.choice((1, 3, 5, 7, 8, 8, 12, 16, 16, 24, 32, 64, 100, 128))
        prefix = {PortType.READ: "r", PortType.WRITE: "w", PortType.READ_WRITE: "rw"}[kind]
        ports.append(
            Port(
                name=f"{prefix}_port_{index + 1}",
                type=kind,
                bandwidth_min=rng.choice((width, width, max(1, width // 2), rng.randint(1, width))),
                bandwidth_max=width,
                allocation=tuple(movements),
            )
        )
    return tuple(ports)


# ---- mappings -------------------------------------------------------------------------------------------------


def random_spatial(rng: Random, accelerator: Accelerator, layer: Layer) -> SpatialMapping:
    """Return a random unrolling that fits: factors that do not divide, several on one array dimension, or one
    layer dimension on several array dimensions.
    """
    left = dict(layer.sizes)
    array = list(zip(accelerator.array.dimensions, accelerator.array.sizes, strict=True))
    if rng.random() < 0.2:
        rng.shuffle(array)
    unrolling = []
    for dimension, size in array:
        if rng.random() < 0.1:
            continue
        factors = []
        room = size
        for dim in rng.sample(list(left), k=min(len(left), rng.choice((1, 1, 1, 2, 2, 3)))):
            most = min(room, left[dim])
            factor = most if rng.random() < 0.5 else rng.randint(1, most)
            if factor == 1 and rng.random() < 0.8:
                continue
            room //= factor
            left[dim] = -(-left[dim] // factor)
            factors.append((dim, factor))
        if factors:
            unrolling.append((dimension, tuple(factors)))
    return SpatialMapping(tuple(unrolling))


def odd_spatial(rng: Random, accelerator: Accelerator, layer: Layer) -> SpatialMapping:
    """Return a random unrolling over every array dimension, by factors of which few divide what they unroll."""
    left = dict(layer.sizes)
    windows = [dim for dim in ("OX", "FX", "OY", "FY") if dim in left]
    array = list(zip(accelerator.array.dimensions, accelerator.array.sizes, strict=True))
    if rng.random() < 0.3:
        rng.shuffle(array)
    unrolling = []
    for dimension, size in array:
        dims = rng.sample(list(left), k=min(len(left), rng.choice((1, 2, 2, 3))))
        if windows and rng.random() < 0.7:
            dims = list(dict.fromkeys([rng.choice(windows), *dims]))
        factors = []
        room = size
        for dim in dims:
            most = min(room, left[dim])
            if most > 1:
                factor = rng.randint(2, most)
                room //= factor
                left[dim] = -(-left[dim] // factor)
                factors.append((dim, factor))
        if factors:
            unrolling.append((dimension, tuple(factors)))
    return SpatialMapping(tuple(unrolling))


def prime_factors(number: int) -> list[int]:
    """Return the prime factors of a number, smallest first."""
    factors = []
    prime = 2
    while number > 1:
        if prime * prime > number:
            prime = number
        while number % prime == 0:
            factors.append(prime)
            number //= prime
        prime += 1
    return factors


def random_order(rng: Random, layer: Layer, spatial: SpatialMapping) -> list[Loop]:
    """Return a random order of the temporal loops: prime factors, some of them merged."""
    loops = []
    merging = rng.choice((0.0, 0.3, 1.0))
    for dim, size in spatial.temporal_sizes(layer).items():
        factors = prime_factors(size)
        rng.shuffle(factors)
        while len(factors) > 1 and rng.random() < merging:
            factors.append(factors.pop() * factors.pop())
            rng.shuffle(factors)
        loops += [Loop(dim, factor) for factor in factors]
    rng.shuffle(loops)
    return loops


def imperfect_order(rng: Random, layer: Layer, spatial: SpatialMapping) -> list[tuple[str, int]]:
    """Return temporal loops in random order of which those of some dimensions do not divide."""
    loops: list[tuple[str, int]] = []
    kept = undivided(layer)
    for dim, iterations in spatial.temporal_sizes(layer).items():
        if dim in kept or rng.random() < 0.3:
            loops += [(dim, prime) for prime in prime_factors(iterations)]
            continue
        below = 1
        while below < iterations:
            most = -(-iterations // below)
            size = most if rng.random() < 0.4 else rng.randint(2, most)
            loops.append((dim, size))
            below *= size
    # the outermost loop of a dimension runs through the tiles that there are, which is what the last one drawn does
    numbers = rng.sample(range(len(loops)), len(loops))
    waiting = {dim: [loop for loop in loops if loop[0] == dim] for dim, _ in loops}
    return [waiting[loops[number][0]].pop(0) for number in numbers]


def random_mapping(
    rng: Random,
    accelerator: Accelerator,
    layer: Layer,
    spatial: SpatialMapping,
    conventions: CostConventions = ZIGZAG,
    links: dict[str, str] | None = None,
    *,
    imperfect: bool = False,
) -> Mapping | None:
    """Return a random valid mapping, or None where the unrolling alone overflows a memory.

    Boundaries are drawn at random; where a memory overflows, those of its tenants are lowered one by one. The loops of
    an `imperfect` one need not divide, though they may turn out to.
    """
    order = imperfect_order(rng, layer, spatial) if imperfect else random_order(rng, layer, spatial)
    evaluator = Evaluator(accelerator, layer, spatial, conventions, links)
    linked = layer.default_links | (links or {})
    memories = {operand: accelerator.levels(linked[operand]) for operand in layer.operands}
    cuts = {
        operand: [*sorted(rng.randint(0, len(order)) for _ in levels[1:]), len(order)]
        for operand, levels in memories.items()
    }
    hasty = rng.random() < 0.3
    while True:
        mapping = Mapping.from_order(
            spatial, order, cuts, links=links, factors="imperfect" if imperfect else "perfect"
        )
        try:
            evaluator.evaluate(mapping)
        except MappingError as error:
            found = [_OVERFLOW.match(text) for text in error.violations]
            full = [match.group(1) for match in found if match]
            if len(full) < len(found):
                raise
        else:
            grouped = _regrouped(rng, mapping)
            # what two loops do that do not divide one loop does in fewer iterations
            return mapping if imperfect and grouped.order != mapping.order else grouped
        movable = [
            (operand, level)
            for operand, levels in memories.items()
            for level, memory in enumerate(levels[:-1])
            if memory.name in full and cuts[operand][level] > 0
        ]
        if not movable:
            return None
        operand, level = rng.choice(movable)
        cut = cuts[operand][level]
        cut = rng.randint(0, cut - 1) if hasty else cut - 1
        cuts[operand] = [min(end, cut) for end in cuts[operand][: level + 1]] + cuts[operand][level + 1 :]


def _regrouped(rng: Random, mapping: Mapping) -> Mapping:
    """Write neighbouring loops over one dimension as one loop, operand by operand, in some of the cases."""
    if rng.random() < 0.7:
        return mapping
    temporal: dict[str, Levels] = {}
    for operand, levels in mapping.temporal.items():
        rows = []
        for level in levels:
            row: list[Loop] = []
            for loop in level:
                if row and row[-1].dim == loop.dim and rng.random() < 0.7:
                    row[-1] = Loop(loop.dim, row[-1].size * loop.size)
                else:
                    row.append(loop)
            rows.append(tuple(row))
        temporal[operand] = tuple(rows)
    return Mapping(mapping.spatial, temporal, links=mapping.links, factors=mapping.factors)
