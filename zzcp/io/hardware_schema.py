"""The fields of ZigZag's hardware YAML."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PlainValidator

from zzcp.checks import MAX_PRECISION
from zzcp.costs import MODELS, clock_rate
from zzcp.errors import InputError
from zzcp.hardware.array import MAX_CYCLES, MAX_UNITS, REFILLS, Refill
from zzcp.hardware.figures import MAX_ENERGY, MIN_ENERGY
from zzcp.hardware.memory import COSTS, MAX_BITS, MAX_LATENCY, MEMORY_OPERANDS, PortType
from zzcp.io.schema import (
    ArrayDimension,
    Flag,
    MemoryOperand,
    Name,
    Schema,
    Unrollings,
    choice,
    integer,
    number,
    text,
    unmet,
)

MAX_DIMENSIONS = 16
"""Largest number of array dimensions accepted."""

Bits = Annotated[
    int, PlainValidator(integer("an integer number of bits", minimum=1, maximum=MAX_BITS, unit="bits"))
]
Width = Annotated[
    int,
    PlainValidator(
        integer("an integer number of bits per cycle", minimum=1, maximum=MAX_BITS, unit="bits per cycle")
    ),
]
Precision = Annotated[
    int,
    PlainValidator(integer("an integer number of bits", minimum=1, maximum=MAX_PRECISION, unit="bits")),
]
Energy = Annotated[
    float,
    PlainValidator(number("a number (energy)", unit="pJ", least=MIN_ENERGY, most=MAX_ENERGY)),
]
Area = Annotated[float, PlainValidator(number("a number (area)"))]
Cycles = Annotated[
    int, PlainValidator(integer("an integer number of cycles", minimum=0, maximum=MAX_LATENCY, unit="cycles"))
]
Units = Annotated[int, PlainValidator(integer("an integer number of units", minimum=1, maximum=MAX_UNITS))]
Movement = Annotated[
    str,
    PlainValidator(
        text(
            "an operand (I1, I2 or O) and a direction (fh, tl, fl or th), such as 'I1, tl'",
            r"(I1|I2|O)\s*,\s*(fh|tl|fl|th)",
        )
    ),
]


def process(value: object) -> float:
    """Return a process in nm, given as a number or as a text such as ``45nm``."""
    text = value.removesuffix("nm").strip() if isinstance(value, str) else value
    if isinstance(text, str) and text.replace(".", "", 1).isdecimal() and text.isascii():
        return float(text)
    if isinstance(text, bool) or not isinstance(text, int | float):
        raise unmet("a process in nm, such as 45nm")
    return float(text)


def rate(value: object) -> float:
    """Return a clock in GHz, given as a text such as ``1GHz``, or as a number of GHz."""
    try:
        return clock_rate(value)
    except InputError as error:
        raise unmet(error.expected or error.message) from None


class PortSchema(Schema):
    """An entry of a memory's ``ports``."""

    name: Name
    type: Annotated[str, PlainValidator(choice(*(kind.value for kind in PortType)))]
    bandwidth_min: Width
    bandwidth_max: Width
    allocation: Annotated[list[Movement], Field(max_length=100)]
    shared_along: Annotated[list[ArrayDimension], Field(max_length=MAX_DIMENSIONS)] = Field(
        default_factory=list
    )


class CostsSchema(Schema):
    """The ``costs`` of a machine or of a memory."""

    model: Annotated[str, PlainValidator(choice(*MODELS))]
    technology: Annotated[float, PlainValidator(process)] | None = None
    clock: Annotated[float, PlainValidator(rate)] | None = None
    banks: Annotated[int, PlainValidator(integer("an integer number of banks", minimum=1))] | None = None
    version: Name | None = None
    figures: (
        Annotated[list[Annotated[str, PlainValidator(choice(*COSTS))]], Field(max_length=len(COSTS))] | None
    ) = None


class MemorySchema(Schema):
    """An entry of ``memories``."""

    size: Bits
    r_cost: Energy | None = None
    w_cost: Energy | None = None
    area: Area | None = None
    latency: Cycles
    mem_type: Name = "sram"
    auto_cost_extraction: Flag = False
    operands: Annotated[list[MemoryOperand], Field(max_length=len(MEMORY_OPERANDS))]
    ports: Annotated[list[PortSchema], Field(max_length=64)]
    served_dimensions: Annotated[list[ArrayDimension], Field(max_length=MAX_DIMENSIONS)]
    force_double_buffering: Flag = False
    leakage: Energy | None = None
    keeps_overlap: Annotated[list[MemoryOperand], Field(max_length=len(MEMORY_OPERANDS))] = Field(
        default_factory=list
    )
    precision: dict[MemoryOperand, Precision] = Field(default_factory=dict)
    costs: CostsSchema | None = None


class ArraySchema(Schema):
    """The ``operational_array``."""

    dimensions: Annotated[list[ArrayDimension], Field(max_length=MAX_DIMENSIONS)]
    sizes: Annotated[list[Units], Field(max_length=MAX_DIMENSIONS)]
    is_imc: Flag = False
    systolic_dimensions: Annotated[list[ArrayDimension], Field(max_length=MAX_DIMENSIONS)] = Field(
        default_factory=list
    )
    systolic_refill: Annotated[Refill, PlainValidator(choice(*REFILLS))] = "per_layer"
    input_precision: Annotated[list[Precision], Field(min_length=2, max_length=2)] | None = None
    cycles_per_op: Annotated[
        int,
        PlainValidator(integer("an integer number of cycles", minimum=1, maximum=MAX_CYCLES, unit="cycles")),
    ] = 1
    unit_energy: Energy | None = None
    unit_area: Area | None = None
    leakage: Energy = 0.0
    imc_type: Annotated[str, PlainValidator(choice("analog", "digital"))] | None = None
    adc_resolution: Annotated[float, PlainValidator(number("a number of bits", unit="bits"))] | None = None
    bit_serial_precision: Annotated[float, PlainValidator(number("a number of bits", unit="bits"))] | None = (
        None
    )


class AcceleratorSchema(Schema):
    """A hardware file."""

    name: Name
    memories: dict[Name, MemorySchema]
    operational_array: ArraySchema
    dataflows: Unrollings | None = None
    costs: CostsSchema | None = None
