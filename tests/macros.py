"""Arrays that compute in memory, for the tests of their costs."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from random import Random
from typing import Any

from zzcp.hardware import (
    Accelerator,
    Allocation,
    Direction,
    InMemoryComputing,
    Memory,
    OperationalArray,
    Port,
    PortType,
)

RECORDED = Path(__file__).parent / "golden" / "imc_zigzag.json"
"""Figures of zigzag-dse 3.9.1 for some arrays and layers; the differential tests check that they are still its."""


def recorded(part: str) -> list[dict[str, Any]]:
    """Return the recorded ``arrays`` or ``layers``."""
    cases: list[dict[str, Any]] = json.loads(RECORDED.read_text())[part]
    return cases


def array_of(recorded_array: dict[str, Any]) -> OperationalArray:
    """Return the array of a recorded case."""
    options = dict(recorded_array)
    return macro(*options.pop("sizes"), precision=tuple(options.pop("precision")), **options)


def macro(
    *sizes: int,
    analog: bool = True,
    precision: tuple[int, int] = (8, 8),
    serial: int = 2,
    resolution: int | None = None,
    dimensions: tuple[str, ...] = (),
) -> OperationalArray:
    """Return an array of macros; by default an analog one as ``aimc.yaml`` of zigzag-dse has it."""
    resolution = (8 if analog else 0) if resolution is None else resolution
    return OperationalArray(
        dimensions or tuple(f"D{number}" for number in range(1, len(sizes) + 1)),
        sizes,
        input_precision=precision,
        in_memory_computing=InMemoryComputing(analog, precision, serial, resolution),
    )


def random_macro(rng: Random) -> OperationalArray:
    """Return a random array: two to four dimensions in any order, rows a power of two where they must be."""
    analog = rng.random() < 0.5
    dimensions = [f"D{number}" for number in range(1, rng.choice((2, 2, 3, 4)) + 1)]
    sizes = {dimension: rng.choice((1, 2, 3, 4, 8, 20, 32)) for dimension in dimensions}
    if not analog:
        sizes["D2"] = 2 ** rng.randint(0, 7)
    rng.shuffle(dimensions)
    activations = 2 ** rng.randint(0, 4)
    return macro(
        *(sizes[dimension] for dimension in dimensions),
        analog=analog,
        precision=(activations, 2 ** rng.randint(0, 4)),
        serial=2 ** rng.randint(0, activations.bit_length() - 1),
        resolution=rng.randint(0, 12) if analog else 0,
        dimensions=tuple(dimensions),
    )


def machine(array: OperationalArray, cells_size: int = 0, cells_area: float = 0.0) -> Accelerator:
    """Return a machine with cells (of one weight where no size is given), registers and a large memory."""
    assert array.in_memory_computing is not None
    activations, weights = array.in_memory_computing.input_precision

    def memory(
        name: str, size: int, operands: tuple[str, ...], served: tuple[str, ...], area: float
    ) -> Memory:
        width = max(activations, weights, 64)
        moves = [(op, step) for op in operands for step in (Direction.FROM_ABOVE, Direction.TO_BELOW)]
        if "O" in operands:
            moves += [("O", Direction.FROM_BELOW), ("O", Direction.TO_ABOVE)]
        port = Port(
            "rw_port_1", PortType.READ_WRITE, weights, width, tuple(Allocation(*move) for move in moves)
        )
        return Memory(name, size, 1.0, 2.0, area, 1, operands, (port,), served)

    return Accelerator(
        "macro",
        (
            memory("cells", cells_size or weights, ("I2",), (), cells_area),
            memory("registers", 64, ("I1",), (min(array.dimensions),), 0.5),
            memory("dram", 10**9, ("I1", "I2", "O"), array.dimensions, 3.0),
        ),
        array,
    )


def zigzag_macro(array: OperationalArray, cells_size: int = 0, cells_area: float = 0.0) -> Any:
    """Return ZigZag's object for an array."""
    imc = array.in_memory_computing
    assert imc is not None
    dimension = importlib.import_module("zigzag.datatypes").OADimension
    return importlib.import_module("zigzag.hardware.architecture.imc_array").ImcArray(
        is_analog_imc=imc.analog,
        bit_serial_precision=imc.bit_serial_precision,
        input_precision=list(imc.input_precision),
        adc_resolution=imc.adc_resolution,
        cells_size=cells_size or imc.input_precision[1],
        cells_area=cells_area,
        dimension_sizes={
            dimension(name): size for name, size in zip(array.dimensions, array.sizes, strict=True)
        },
    )
