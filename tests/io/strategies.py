"""Strategies for accelerators and networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from zzcp.hardware import (
    Accelerator,
    Allocation,
    Costing,
    Direction,
    InMemoryComputing,
    Memory,
    OperationalArray,
    Port,
    PortType,
)
from zzcp.hardware.figures import MAX_ENERGY, MIN_ENERGY
from zzcp.workload import Layer, Network
from zzcp.workload.network import may_feed

names = st.text(min_size=1, max_size=12).filter(str.isprintable) | st.sampled_from(
    ("1e5", "010", "1:30", "yes", "null", "~", ".inf", "12", "-", "#", "a: b", "[x]", "*", "&a", "é", "D1, 2")
)
"""Names, those among them that YAML would take for something else."""

amounts = st.floats(0, 1e30, allow_subnormal=True) | st.integers(0, 10**6).map(float)
energies = st.floats(MIN_ENERGY, MAX_ENERGY) | st.integers(0, 10**6).map(float)
bits = st.integers(1, 2**62)


def _movements(operand: str) -> list[Allocation]:
    used = Direction if operand == "O" else (Direction.FROM_ABOVE, Direction.TO_BELOW)
    return [Allocation(operand, direction) for direction in used]


@st.composite
def ports(draw: st.DrawFn, operands: tuple[str, ...]) -> tuple[Port, ...]:
    """Return ports that carry every movement of some operands, each exactly once."""
    movements = [movement for operand in operands for movement in _movements(operand)]
    at = draw(st.lists(st.integers(0, 3), min_size=len(movements), max_size=len(movements)))
    result = []
    for number in sorted(set(at)):
        allocation = tuple(movement for movement, port in zip(movements, at, strict=True) if port == number)
        writes = {direction.is_write for _, direction in allocation}
        kinds = [PortType.READ_WRITE]
        if len(writes) == 1:
            kinds.append(PortType.WRITE if writes == {True} else PortType.READ)
        low, high = sorted(draw(st.tuples(bits, bits)))
        result.append(Port(f"rw_port_{number}", draw(st.sampled_from(kinds)), low, high, allocation))
    return tuple(result)


costings = st.builds(
    Costing,
    st.sampled_from(("table", "cacti:45", "cacti:22")),
    st.sampled_from(("Horowitz 2014", "hwcomponents-cacti 1.0.40")),
    st.lists(st.sampled_from(("r_cost", "w_cost", "area")), unique=True).map(tuple),
)


@st.composite
def memories(draw: st.DrawFn, name: str, dimensions: tuple[str, ...], *, zigzag: bool = False) -> Memory:
    """Return a memory of some operands; with `zigzag`, one that ZigZag's schema can express."""
    operands = tuple(draw(st.lists(st.sampled_from(("I1", "I2", "O")), min_size=1, max_size=3, unique=True)))
    return Memory(
        name=name,
        size=draw(bits),
        read_energy=draw(energies),
        write_energy=draw(energies),
        area=draw(amounts),
        latency=draw(st.integers(0, 2**40)),
        operands=operands,
        ports=draw(ports(operands)),
        served_dimensions=tuple(draw(st.lists(st.sampled_from(dimensions), unique=True))),
        force_double_buffering=draw(st.booleans()),
        keeps_overlap=tuple(operand for operand in operands if not zigzag and draw(st.booleans())),
        memory_type=draw(st.sampled_from(("sram", "dram"))),
        leakage=0.0 if zigzag else draw(energies),
        precision=tuple(
            (o, draw(st.integers(1, 4096))) for o in operands if not zigzag and draw(st.booleans())
        ),
        costing=None if zigzag else draw(st.none() | costings),
    )


@st.composite
def arrays(draw: st.DrawFn, *, zigzag: bool = False) -> OperationalArray:
    """Return a plain array."""
    known = tuple(f"D{i}" for i in range(1, 10 if zigzag else 13))
    dimensions = tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True)))
    precisions = st.tuples(st.integers(1, 64), st.integers(1, 64))
    return OperationalArray(
        dimensions=dimensions,
        sizes=tuple(draw(st.integers(1, 200)) for _ in dimensions),
        unit_energy=draw(energies),
        unit_area=draw(amounts),
        systolic_dimensions=tuple(draw(st.lists(st.sampled_from(dimensions), unique=True))),
        input_precision=draw(st.none() | precisions),
        cycles_per_op=1 if zigzag else draw(st.integers(1, 20)),
        leakage=0.0 if zigzag else draw(energies),
    )


@st.composite
def macros(draw: st.DrawFn) -> tuple[OperationalArray, Memory]:
    """Return an array that computes in memory, with its cells."""
    activations, weights = (2 ** draw(st.integers(0, 4)) for _ in range(2))
    serial = 2 ** draw(st.integers(0, activations.bit_length() - 1))
    analog = draw(st.booleans())
    resolution = draw(st.integers(0, 12)) if analog else 0
    macro = InMemoryComputing(analog, (activations, weights), serial, resolution)
    array = OperationalArray(
        ("D1", "D2"), (32, 16), draw(energies), draw(amounts), (), (activations, weights), macro
    )
    width = weights * draw(st.integers(1, 4))
    cells = Memory(
        "cells", width, 0.0, draw(energies), 0.0, 0, ("I2",), draw(ports(("I2",))), served_dimensions=()
    )
    return array, cells


@st.composite
def accelerators(draw: st.DrawFn, *, zigzag: bool = False) -> Accelerator:
    """Return any accelerator; with `zigzag`, one that ZigZag's schema can express."""
    array, *inner = draw(macros()) if draw(st.booleans()) else (draw(arrays(zigzag=zigzag)),)
    known = draw(
        st.lists(names, min_size=1, max_size=5, unique=True).filter(lambda some: "cells" not in some)
    )
    outer = [draw(memories(name, array.dimensions, zigzag=zigzag)) for name in known]
    dims = st.sampled_from(("K", "C", "OX", "FX"))
    unrolling = st.dictionaries(dims, st.integers(1, 64), min_size=1, max_size=3)
    possible = ("D1",) if zigzag else array.dimensions
    dataflows = (
        draw(st.none() | st.dictionaries(st.sampled_from(possible), unrolling, min_size=1))
        if set(possible) <= set(array.dimensions)
        else None
    )
    return Accelerator(draw(names), (*inner, *outer), array, dataflows)


@st.composite
def layers(draw: st.DrawFn, number: int, *, zigzag: bool = False) -> Layer:
    """Return a layer that may take its inputs from layers of lower numbers."""
    sizes = st.integers(1, 20)
    arguments: dict[str, Any] = {
        "name": draw(names),
        "id": number,
        "precision": {key: draw(st.integers(0, 64)) for key in ("W", "I", "O", "O_final")},
    }
    kind = draw(st.sampled_from(("conv", "depthwise", "gemm", "add", "pooling")))
    if kind == "gemm":
        batch = draw(st.none() | sizes)
        layer = Layer.gemm(b=draw(sizes), k=draw(sizes), c=draw(sizes), batch=batch, **arguments)
    elif kind == "add":
        layer = Layer.add(g=draw(sizes), ox=draw(sizes), **arguments)
    else:
        window: dict[str, Any] = {
            "oy": draw(st.integers(4, 20)), "ox": draw(st.integers(4, 20)),
            "fy": draw(st.integers(1, 5)), "fx": draw(st.integers(1, 5)),
            "stride": draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
            "padding": draw(st.tuples(st.integers(0, 1), st.integers(0, 1))),
        }  # fmt: skip
        if kind == "conv":
            layer = Layer.conv(k=draw(sizes), c=draw(sizes), **window, **arguments)
        elif kind == "depthwise":
            layer = Layer.depthwise(g=draw(sizes), **window, **arguments)
        else:
            layer = Layer.pooling(g=draw(sizes), **window, **arguments)
    stated = draw(st.booleans()) and layer.relations
    window_sizes = {
        rel.window: draw(st.integers(1 + sum(layer.padding.get(rel.window, (0, 0))), 30))
        for rel in (layer.relations if stated else ())
    }
    sources = {operand: draw(st.integers(0, number)) for operand in layer.inputs if draw(st.booleans())}
    operators = st.sampled_from(("Conv", "Gemm", "Add")) if zigzag else names
    return Layer(
        layer.equation,
        layer.sizes,
        name=layer.name,
        operator=draw(operators),
        relations=layer.relations,
        precision=layer.precision,
        padding=layer.padding,
        window_sizes=window_sizes,
        id=number,
        sources=sources,
    )


@st.composite
def networks(draw: st.DrawFn, *, zigzag: bool = False) -> Network:
    """Return a network in topological order; with `zigzag`, one that ZigZag's schema can express."""
    count = draw(st.integers(1, 4))
    found: list[Layer] = []
    for number in range(count):
        layer = draw(layers(number, zigzag=zigzag))
        fed = {
            operand: source
            for operand, source in layer.sources.items()
            if source == number or may_feed(found[source], layer, operand)
        }
        found.append(replace(layer, sources=fed))
    return Network(draw(names), tuple(found))
