"""Random layers, machines and valid mappings, for every test that compares two ways of scoring them.

All randomness comes from the `random.Random` that the caller seeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from random import Random

from zzcp.cost import ZIGZAG, CostConventions, Evaluator
from zzcp.cost.setting.remainders import undivided
from zzcp.errors import InputError, MappingError
from zzcp.hardware import Accelerator, Allocation, Direction, Memory, OperationalArray, Port, PortType
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.mapping.mapping import Levels, Loop
from zzcp.workload import DimensionRelation, Equation, Layer

SIZES = (1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12, 13, 16, 17, 20, 24, 32, 37, 48, 64)
FILTERS = (1, 2, 3, 3, 5, 7)
ODD_SIZES = (5, 7, 7, 9, 10, 11, 13, 14, 15, 17, 19, 21, 22, 23, 25, 26, 29, 31, 37)
ODD_FILTERS = (2, 3, 4, 5, 6, 7, 7, 8, 9, 11)
LARGE_SIZES = (96, 100, 113, 128, 200, 256, 384, 500)
MAX_MACS = 2_000_000
_OVERFLOW = re.compile(r"^memory (\S+) holds")


# ---- layers ---------------------------------------------------------------------------------------------------


def random_layer(rng: Random, kind: str, max_macs: int = MAX_MACS) -> Layer:
    """Return a random layer of one of `KINDS`."""
    while True:
        try:
            layer = ALL_KINDS[kind](rng)
        except InputError:  # more padding than there is input
            continue
        if layer.macs <= max_macs:
            return layer


def odd_layer(rng: Random, layer: Layer) -> Layer:
    """Return the same kind of layer with sizes that hardly anything divides, now and then large ones."""
    sizes = {}
    for dim in layer.sizes:
        pool = ODD_FILTERS if dim in ("FX", "FY") else LARGE_SIZES if rng.random() < 0.1 else ODD_SIZES
        sizes[dim] = 1 if rng.random() < 0.25 else rng.choice(pool)
    return replace(layer, sizes=sizes, padding={}, window_sizes={})


def _precision(rng: Random, weights: int | None = None) -> dict[str, int]:
    partial = rng.choice((8, 16, 16, 24, 32, 20))
    return {
        "W": rng.choice((1, 2, 4, 8, 8, 8, 16, 3)) if weights is None else weights,
        "I": rng.choice((1, 4, 8, 8, 8, 16, 5)),
        "O": partial,
        "O_final": rng.choice((partial, 8, 8, 16)),
    }


def _sizes(rng: Random, names: str) -> dict[str, int]:
    return {name: rng.choice(SIZES) for name in names.split()}


def _image(rng: Random) -> dict[str, int]:
    """Return batch, output and filter sizes."""
    return {
        "b": rng.choice((1, 1, 1, 2, 3, 4)),
        **_sizes(rng, "oy ox"),
        "fy": rng.choice(FILTERS),
        "fx": rng.choice(FILTERS),
    }


def _pair(rng: Random, values: tuple[int, ...]) -> tuple[int, int]:
    return (rng.choice(values), rng.choice(values))


def _conv(rng: Random) -> Layer:
    return Layer.conv(**_image(rng), **_sizes(rng, "k c"), precision=_precision(rng))


def _conv_strided(rng: Random) -> Layer:
    layer = Layer.conv(
        **_image(rng),
        **_sizes(rng, "k c"),
        stride=_pair(rng, (1, 2, 2, 3, 4)),
        padding=_pair(rng, (0, 1, 1, 2, 3)),
        precision=_precision(rng),
    )
    return _padded_unevenly(rng, layer)


def _padded_unevenly(rng: Random, layer: Layer) -> Layer:
    """Pad the two sides differently, or state the windows' sizes outright, in some of the cases."""
    style = rng.choice(("even", "even", "uneven", "stated"))
    if style == "even":
        return layer
    windows = {relation.window: layer.window_size(relation) for relation in layer.relations}
    return Layer(
        layer.equation,
        layer.sizes,
        relations=layer.relations,
        precision=layer.precision,
        padding={dim: (rng.randint(0, 2), rng.randint(0, 2)) for dim in windows} if style == "uneven" else {},
        window_sizes={dim: rng.randint(1, size + 1) for dim, size in windows.items()}
        if style == "stated"
        else {},
    )


def _conv_pointwise(rng: Random) -> Layer:
    image = {**_image(rng), "fy": 1, "fx": 1}
    return Layer.conv(**image, **_sizes(rng, "k c"), stride=rng.choice((1, 1, 2)), precision=_precision(rng))


def _conv_dilated(rng: Random) -> Layer:
    return Layer.conv(
        **_image(rng),
        **_sizes(rng, "k c"),
        stride=_pair(rng, (1, 1, 2, 3, 4)),
        dilation=_pair(rng, (2, 2, 3, 4, 6)),
        padding=_pair(rng, (0, 0, 1, 2)),
        precision=_precision(rng),
    )


def _conv_grouped(rng: Random) -> Layer:
    return Layer.conv(
        **_image(rng),
        **_sizes(rng, "g k c"),
        stride=rng.choice((1, 1, 2)),
        padding=rng.choice((0, 1)),
        precision=_precision(rng),
    )


def _depthwise(rng: Random) -> Layer:
    return Layer.depthwise(
        **_image(rng),
        **_sizes(rng, "g"),
        stride=rng.choice((1, 1, 2)),
        padding=rng.choice((0, 1)),
        precision=_precision(rng),
    )


def _conv_1d(rng: Random) -> Layer:
    """Return a convolution with its loops in any order and no second window."""
    dims = ["B", "K", "C", "OX", "FX"]
    rng.shuffle(dims)
    return Layer(
        Equation.parse("O[b][k][ox]+=W[k][c][fx]*I[b][c][ix]"),
        {dim: rng.choice(FILTERS if dim == "FX" else SIZES) for dim in dims},
        relations=(DimensionRelation("IX", "OX", rng.choice((1, 2, 3)), "FX", rng.choice((1, 1, 2))),),
        precision=_precision(rng),
    )


def _gemm(rng: Random) -> Layer:
    if rng.random() < 0.5:
        return Layer.gemm(**_sizes(rng, "b k c"), precision=_precision(rng))
    return Layer("O[m][n]+=I[m][k]*W[k][n]", _sizes(rng, "M N K"), operator="Gemm", precision=_precision(rng))


def _gemm_batched(rng: Random) -> Layer:
    return Layer.gemm(**_sizes(rng, "b k c"), batch=rng.choice(SIZES), precision=_precision(rng))


def _add(rng: Random) -> Layer:
    if rng.random() < 0.6:
        return Layer.add(**_sizes(rng, "b g oy ox"), precision=_precision(rng))
    return Layer(
        rng.choice(
            (
                "O[b][g][oy][ox]+=W[g]+I[b][g][oy][ox]",
                "O[b][g][oy][ox]+=W[b][g][oy][ox]*I[]",
                "O[b][g][oy][ox]+=W[b][oy]*I[g][ox]",
            )
        ),
        _sizes(rng, "B G OY OX"),
        operator="Add",
        precision=_precision(rng),
    )


def _pooling(rng: Random) -> Layer:
    return Layer.pooling(
        **_image(rng),
        **_sizes(rng, "g"),
        stride=rng.choice((1, 2, 2, 3)),
        padding=rng.choice((0, 0, 1)),
        precision=_precision(rng, weights=rng.choice((0, 0, 0, 8))),
    )


def _one_input(rng: Random) -> Layer:
    """Return a layer without weights: a reduction, a pooling or a copy."""
    equation, dims = rng.choice(
        (
            ("O[b][g][oy][ox]+=I[b][g][iy][ix]", "B G OY OX FY FX"),
            ("O[b][g]+=I[b][g][c]", "B G C"),
            ("O[b][g][c]+=I[b][g][c]", "B G C"),
        )
    )
    relations = ("ix=2*ox+1*fx", "iy=1*oy+1*fy") if "FX" in dims else ()
    precision = _precision(rng)
    del precision["W"]
    return Layer(
        equation,
        {dim: rng.choice(FILTERS if dim in ("FX", "FY") else SIZES) for dim in dims.split()},
        operator="Pooling",
        relations=tuple(DimensionRelation.parse(relation) for relation in relations),
        precision=precision,
    )


KINDS: dict[str, Callable[[Random], Layer]] = {
    "conv": _conv,
    "conv_strided": _conv_strided,
    "conv_pointwise": _conv_pointwise,
    "conv_dilated": _conv_dilated,
    "conv_grouped": _conv_grouped,
    "conv_1d": _conv_1d,
    "depthwise": _depthwise,
    "gemm": _gemm,
    "gemm_batched": _gemm_batched,
    "add": _add,
    "pooling": _pooling,
    "one_input": _one_input,
}
"""Kinds of layers that `random_layer` knows."""


def _output_window(rng: Random) -> Layer:
    """Return a transposed convolution or the input gradient of a convolution: the window is on the output."""
    equation, dims = rng.choice(
        (
            ("O[b][c][iy][ix]+=W[k][c][fy][fx]*I[b][k][oy][ox]", "B K C OY OX FY FX"),
            ("O[g][iy][ix]+=W[g][fy][fx]*I[g][oy][ox]", "G OY OX FY FX"),
            ("O[ix]+=W[fx]*I[ox]", "OX FX"),
            ("O[b][k][ix]+=W[k][c][fx]*I[b][c][ox]", "B K C OX FX"),
        )
    )
    windows = ("X", "Y") if "OY" in dims else ("X",)
    relations = tuple(
        DimensionRelation(
            f"I{axis}", f"O{axis}", rng.choice((1, 1, 2, 3)), f"F{axis}", rng.choice((1, 1, 1, 2))
        )
        for axis in windows
    )
    padding = {f"I{axis}": (rng.choice((0, 0, 1)), rng.choice((0, 0, 1))) for axis in windows}
    return Layer(
        equation,
        {dim: rng.choice(FILTERS if dim in ("FX", "FY") else SIZES) for dim in dims.split()},
        operator="ConvTranspose",
        relations=relations,
        precision=_precision(rng),
        padding=padding,
    )


ALL_KINDS: dict[str, Callable[[Random], Layer]] = {**KINDS, "output_window": _output_window}
"""These, and layers that zigzag-dse does not count: `KINDS` stays what its recorded figures were drawn from."""


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
