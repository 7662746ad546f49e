"""Reader of ZigZag's hardware YAML."""

from __future__ import annotations

import warnings
from pathlib import Path

from pydantic import TypeAdapter

from zzcp.documents.document import load_document
from zzcp.documents.nodes import Document, FieldPath, Node, dotted, known_keys, steps_of
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
from zzcp.hardware.accelerator import MAX_MEMORIES
from zzcp.hardware.imc import CELLS, check_cells
from zzcp.io.hardware_costs import FLAG, read_costs
from zzcp.io.hardware_schema import AcceleratorSchema, ArraySchema, CostsSchema, MemorySchema, PortSchema
from zzcp.io.kinds import Kind, require_kind
from zzcp.io.schema import unrolling_factors, validate

MAX_VALUES = 20_000
"""Largest number of values accepted in a hardware file."""

_ACCELERATOR = TypeAdapter(AcceleratorSchema)


def load_accelerator(path: str | Path) -> Accelerator:
    """Read an accelerator from ZigZag's hardware YAML.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    InputError
        If the file is not such an accelerator, with the place of what is wrong.

    Warns
    -----
    UserWarning
        If a memory has ports in a legacy form before its ports, or asks for costs from CACTI.
    """
    relics: list[str] = []

    def is_relic(at: FieldPath, first: Node, second: Node) -> bool:
        is_ports = len(at) == 3 and at[0] == "memories" and at[2] == "ports"
        relic = is_ports and _is_legacy(first) and not _is_legacy(second)
        if relic:
            relics.append(f"{path}:{first.line}: {dotted(at)} is given again on line {second.line}")
        return relic

    document = load_document(
        path, most={("memories",): MAX_MEMORIES}, tolerate=is_relic, max_values=MAX_VALUES
    )
    accelerator = read_accelerator(document)
    for relic in relics:
        warnings.warn(f"{relic}; these ports in ZigZag's old form are ignored", UserWarning, stacklevel=2)
    return accelerator


def _is_legacy(ports: Node) -> bool:
    """Whether ports are in ZigZag's old form, one mapping of directions to port names per operand.

    ZigZag bundles a file (``tpu_like.yaml``) in which such ports are left over before those that count.
    """
    directions = frozenset(Direction)
    return (
        isinstance(ports.value, list)
        and bool(ports.value)
        and all(
            isinstance(item.value, dict) and item.value and item.value.keys() <= directions
            for item in ports.value
        )
    )


def read_accelerator(document: Document) -> Accelerator:
    """Return the accelerator that a document describes; see `load_accelerator`."""
    require_kind(document, Kind.HARDWARE)
    schema = validate(_ACCELERATOR, document)
    array = _read_array(schema.operational_array, document)
    if schema.operational_array.is_imc:
        _check_cells(schema, array, document)
    memories = tuple(
        _read_memory(name, memory, document, schema.costs) for name, memory in schema.memories.items()
    )
    dataflows = None
    if schema.dataflows is not None:
        for dimension in schema.dataflows:
            if dimension not in array.dimensions:
                raise document.error(
                    ("dataflows", dimension),
                    "the array has no such dimension",
                    expected=known_keys(array.dimensions),
                    found=dimension,
                )
        dataflows = unrolling_factors(schema.dataflows, document, ("dataflows",))
    refill = "operational_array.systolic_refill"
    fields: dict[str, FieldPath] = {"": ("memories",), "memories": ("memories",), refill: steps_of(refill)}
    for memory in memories:
        own: FieldPath = ("memories", memory.name)
        fields |= {f"memories.{memory.name}.{key}": (*own, key) for key in MemorySchema.model_fields}
        for i in range(len(memory.ports)):
            shared = f"ports[{i}].shared_along"
            fields[f"memories.{memory.name}.{shared}"] = (*own, *steps_of(shared))
    with document.placing(fields=fields):
        return Accelerator(schema.name, memories, array, dataflows)


def _read_memory(name: str, schema: MemorySchema, document: Document, costs: CostsSchema | None) -> Memory:
    """Return a memory; `costs` are those of the machine, for memories without any of their own."""
    path: FieldPath = ("memories", name)
    ports = tuple(_read_port(port, document, (*path, "ports", i)) for i, port in enumerate(schema.ports))
    figures, costing = read_costs(name, schema, document, ports, costs)
    fields = ["operands", "ports", "keeps_overlap", *(f"precision.{operand}" for operand in schema.precision)]
    fields += (f"ports[{i}]{key}" for i in range(len(ports)) for key in ("", ".shared_along"))
    with document.placing(path, fields):
        return Memory(
            name=name,
            size=schema.size,
            read_energy=figures["r_cost"],
            write_energy=figures["w_cost"],
            area=figures["area"],
            latency=schema.latency,
            operands=tuple(schema.operands),
            ports=ports,
            served_dimensions=tuple(dict.fromkeys(schema.served_dimensions)),
            force_double_buffering=schema.force_double_buffering,
            memory_type=schema.mem_type,
            leakage=figures.get("leakage", 0.0),
            costing=costing,
            keeps_overlap=tuple(dict.fromkeys(schema.keeps_overlap)),
            precision=tuple(schema.precision.items()),
        )


def _read_port(schema: PortSchema, document: Document, path: FieldPath) -> Port:
    movements = dict.fromkeys(
        Allocation(operand.strip(), Direction(direction.strip()))
        for operand, direction in (movement.split(",") for movement in schema.allocation)
    )
    with document.placing(path, ("bandwidth_min", "allocation")):
        return Port(
            name=schema.name,
            type=PortType(schema.type),
            bandwidth_min=schema.bandwidth_min,
            bandwidth_max=schema.bandwidth_max,
            allocation=tuple(movements),
            shared_along=tuple(dict.fromkeys(schema.shared_along)),
        )


def _read_array(schema: ArraySchema, document: Document) -> OperationalArray:
    path: FieldPath = ("operational_array",)
    in_memory = _read_in_memory(schema, document) if schema.is_imc else None
    if in_memory is None:
        for key in ("unit_energy", "unit_area"):
            if getattr(schema, key) is None:
                raise document.error((*path, key), f"the array has no {key}", expected="a number")
        for key in ("imc_type", "adc_resolution", "bit_serial_precision"):
            if getattr(schema, key):
                raise document.error(
                    (*path, key),
                    f"{key} without in-memory computing",
                    expected="is_imc: true, or no such key",
                )
    precision = schema.input_precision
    fields = ("dimensions", "sizes", "systolic_dimensions", "cycles_per_op", "systolic_refill")
    with document.placing(path, fields):
        return OperationalArray(
            dimensions=tuple(schema.dimensions),
            sizes=tuple(schema.sizes),
            unit_energy=schema.unit_energy or 0.0,
            unit_area=schema.unit_area or 0.0,
            systolic_dimensions=tuple(dict.fromkeys(schema.systolic_dimensions)),
            input_precision=(precision[0], precision[1]) if precision else None,
            in_memory_computing=in_memory,
            cycles_per_op=schema.cycles_per_op,
            leakage=schema.leakage,
            systolic_refill=schema.systolic_refill,
        )


def _read_in_memory(schema: ArraySchema, document: Document) -> InMemoryComputing:
    """Check an in-memory-computing array by ZigZag's rules."""
    path: FieldPath = ("operational_array",)
    for key, expected in (
        ("imc_type", "analog or digital"),
        ("input_precision", "the bits of activations and weights, such as [8, 8]"),
        ("bit_serial_precision", "a number of bits"),
    ):
        if getattr(schema, key) is None:
            raise document.error(
                (*path, key), f"an array that computes in memory needs {key}", expected=expected
            )
    assert schema.input_precision is not None
    assert schema.bit_serial_precision is not None
    activations, weights = schema.input_precision
    serial, resolution = schema.bit_serial_precision, schema.adc_resolution or 0
    for key, bits, expected in (
        ("bit_serial_precision", serial, "a power of two"),
        ("adc_resolution", resolution, "an integer number of bits"),
    ):
        if not float(bits).is_integer():
            raise document.error((*path, key), "wrong value", expected=expected, found=f"{bits:g}")
    with document.placing(path, ("input_precision", "bit_serial_precision", "adc_resolution")):
        return InMemoryComputing(
            schema.imc_type == "analog", (activations, weights), int(serial), int(resolution)
        )


def _check_cells(schema: AcceleratorSchema, array: OperationalArray, document: Document) -> None:
    """An in-memory-computing array computes in the memory ``cells``, which has to fit it."""
    path: FieldPath = ("memories", CELLS)
    cells = schema.memories.get(CELLS)
    if cells is None:
        raise document.error(
            path,
            f"no memory {CELLS!r}",
            expected="one, since is_imc is true",
            found=known_keys(tuple(schema.memories)),
        )
    with document.placing(path, ("operands", "served_dimensions", "size")):
        check_cells(array, cells.size, tuple(cells.operands), tuple(cells.served_dimensions))
    if cells.auto_cost_extraction:
        raise document.error(
            (*path, FLAG),
            "costs of cells are not extracted: CACTI lays out no memory of a few bits, and ZigZag stops there, too",
            expected="false, or no such key",
            hint="give r_cost, w_cost and area",
        )
