"""Reader of workloads: ZigZag's workload YAML here, ONNX in `zzcp.io.onnx`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import networkx as nx
from pydantic import Field, PlainValidator, TypeAdapter

from zzcp.checks import MAX_PRECISION, among, file_path, native, pairs
from zzcp.documents.document import load_document
from zzcp.documents.nodes import Document, FieldPath
from zzcp.errors import InputError, Place
from zzcp.io.kinds import Kind, require_kind
from zzcp.io.schema import Identifier, LayerDimension, LoopFactor, Name, Schema, integer, text, validate
from zzcp.workload import DimensionRelation, Equation, Layer, Network
from zzcp.workload.checks import MAX_LOOP
from zzcp.workload.layer import FINAL

MAX_LOOPS = 64
"""Largest number of loops accepted in a layer."""

Text = Annotated[str, PlainValidator(text("an equation such as O[b][k]+=W[k][c]*I[b][c]"))]
Relation = Annotated[str, PlainValidator(text("a relation such as ix=2*ox+1*fx"))]
Precision = Annotated[
    int, PlainValidator(integer("an integer number of bits", minimum=0, maximum=MAX_PRECISION, unit="bits"))
]
Elements = Annotated[
    int, PlainValidator(integer("an integer number of elements", minimum=0, maximum=MAX_LOOP))
]
Pair = Annotated[list[Elements], Field(min_length=2, max_length=2)]
Dimensions = Annotated[list[LayerDimension], Field(max_length=MAX_LOOPS)]


class LayerSchema(Schema):
    """A layer of a workload file."""

    id: Identifier
    name: Name | None = None
    operator_type: Name
    equation: Text
    dimension_relations: Annotated[list[Relation], Field(max_length=MAX_LOOPS)] = Field(default_factory=list)
    loop_dims: Dimensions
    loop_sizes: Annotated[list[LoopFactor], Field(max_length=MAX_LOOPS)]
    operand_precision: dict[Name, Precision]
    operand_source: dict[Name, Identifier] = Field(default_factory=dict)
    pr_loop_dims: Dimensions | None = None
    pr_loop_sizes: Annotated[list[LoopFactor], Field(max_length=MAX_LOOPS)] | None = None
    padding: Annotated[list[Pair], Field(max_length=MAX_LOOPS)] | None = None


_LAYER = TypeAdapter(LayerSchema)
_LIST = TypeAdapter(list[LayerSchema])
_MAPPING = TypeAdapter(dict[Name, LayerSchema])


def load_workload(
    path: str | Path,
    *,
    dimensions: Mapping[str, int] | None = None,
    precision: Mapping[str, int] | Literal["file"] = "file",
    operators: Literal["macs", "all"] = "macs",
) -> Network:
    """Read a network from ZigZag's workload YAML or from ONNX.

    Parameters
    ----------
    path : str or Path
        The file; ONNX where its name ends so.
    dimensions : mapping of str to int, optional
        Sizes of the open dimensions of an ONNX file, such as ``{"sequence": 128}``; see `zzcp.io.onnx.load_onnx`.
    precision : "file" or mapping of str to int
        Bits of operands that count instead of the file's, such as ``{"W": 4, "I": 8, "O": 16, "O_final": 8}``.

    operators : {"macs", "all"}
        Which nodes of an ONNX file become layers; with ``"all"`` also pooling, additions, activations and the like. A
        workload in YAML holds layers only, and all are read.

    Raises
    ------
    InputError
        If the file is no such workload, with the place of what is wrong.
    """
    path = file_path(path)
    if dimensions is not None:
        sizes = pairs(dimensions, "dimensions", "a dictionary of names and sizes")
        dimensions = {name: native(size) for name, size in sizes.items()}
    if not (isinstance(precision, str) and precision == "file"):
        given = pairs(precision, "precision", "'file', or a dictionary of operands and bits")
        precision = {operand: native(bits) for operand, bits in given.items()}
    if path.suffix.lower() == ".onnx":
        from zzcp.io.onnx import load_onnx  # noqa: PLC0415  (onnx is optional, and slow to import)

        return load_onnx(path, dimensions=dimensions, precision=precision, operators=operators)
    if dimensions:
        raise InputError(
            "sizes of open dimensions are for ONNX files",
            place=Place(str(path)),
            found=", ".join(dimensions),
            hint="a workload in YAML has all of its sizes",
        )
    network = read_workload(load_document(path), path.stem)
    return network if precision == "file" else with_precision(network, precision)


def with_precision(network: Network, precision: Mapping[str, int]) -> Network:
    """Return a network with other bits for the operands of those names.

    Raises
    ------
    InputError
        If no layer has such an operand, or a number of bits is out of range.
    """
    known = {key for layer in network for key in layer.precision}
    for key in precision:
        among(key, sorted(known), "precision of an unknown operand", found=repr(key))
    return replace(
        network,
        layers=tuple(
            replace(
                layer,
                precision={key: precision.get(key, bits) for key, bits in layer.precision.items()},
            )
            for layer in network
        ),
    )


def read_workload(document: Document, name: str = "workload") -> Network:
    """Return the network that a document describes, in topological order.

    Parameters
    ----------
    document : Document
        A list of layers, or a mapping of names to layers.
    name : str
        Name of the network.
    """
    require_kind(document, Kind.WORKLOAD)
    root = document.root.value
    layers: dict[FieldPath, Layer] = {}
    if isinstance(root, dict) and not root.keys() & LayerSchema.model_fields.keys():
        for key, schema in validate(_MAPPING, document).items():
            layers[(key,)] = _read_layer(schema, document, (key,), key)
    else:
        if not isinstance(root, list):
            raise document.error((), "wrong value", expected="a list of layers")
        schemas = validate(_LIST, document)
        for i, schema in enumerate(schemas):
            layers[(i,)] = _read_layer(schema, document, (i,), None)
    if not layers:
        raise document.error((), "wrong value", expected="at least one layer")
    with document.placing(fields=_network_fields(layers)):
        network = Network(name, tuple(layers.values()))
    position = {layer.id: i for i, layer in enumerate(network)}
    order = nx.lexicographical_topological_sort(network.graph(), key=position.__getitem__)
    by_id = {layer.id: layer for layer in network}
    return Network(name, tuple(by_id[i] for i in order))


def read_layer(document: Document) -> Layer:
    """Return the layer that a document describes, in the form of an entry of a workload."""
    return _read_layer(validate(_LAYER, document), document, (), None)


def _network_fields(layers: dict[FieldPath, Layer]) -> dict[str, FieldPath]:
    fields: dict[str, FieldPath] = {}
    for i, (path, layer) in enumerate(layers.items()):
        fields[f"layers[{i}].id"] = (*path, "id")
        fields[f"layers[{i}].sources"] = (*path, "operand_source")
        for operand in layer.sources:
            fields[f"layers[{i}].sources.{operand}"] = (*path, "operand_source", operand)
    return fields


_FIELDS: dict[str, FieldPath] = {
    "equation": ("equation",),
    "sizes": ("loop_sizes",),
    "relations": ("dimension_relations",),
    "padding": ("padding",),
    "window_sizes": ("pr_loop_dims",),
    "sources": ("operand_source",),
}


def _read_layer(schema: LayerSchema, document: Document, path: FieldPath, key: str | None) -> Layer:
    equation = _read_equation(schema, document, path)
    relations = []
    for i, relation in enumerate(schema.dimension_relations):
        with document.placing((*path, "dimension_relations", i)):
            relations.append(DimensionRelation.parse(relation))
    sizes = _paired(schema, document, path, "loop_dims", "loop_sizes")
    padding = _paired(schema, document, path, "pr_loop_dims", "padding")
    window_sizes = _paired(schema, document, path, "pr_loop_dims", "pr_loop_sizes")
    keys = {f"precision.{key}": ("operand_precision", key) for key in schema.operand_precision}
    with document.placing(path, _FIELDS | keys):
        return Layer(
            equation,
            sizes,
            name=schema.name or key or "",
            operator=schema.operator_type,
            relations=tuple(relations),
            precision=schema.operand_precision,
            padding={dim: (pad[0], pad[1]) for dim, pad in padding.items()},
            window_sizes=window_sizes,
            id=schema.id,
            sources=schema.operand_source,
        )


def _read_equation(schema: LayerSchema, document: Document, path: FieldPath) -> Equation:
    """Read the equation, and check that the precision of each of its operands is given."""
    with document.placing((*path, "equation")):
        equation = Equation.parse(schema.equation)
    if len(equation.inputs) > 2:
        raise document.error((*path, "equation"), "too many operands", expected="at most two inputs")
    for operand in (*equation.operands, equation.output + FINAL):
        if operand not in schema.operand_precision:
            raise document.error(
                (*path, "operand_precision", operand),
                f"the precision of {operand} is missing",
                expected="an integer number of bits",
            )
    return equation


def _paired(
    schema: LayerSchema, document: Document, path: FieldPath, dims_key: str, key: str
) -> dict[str, Any]:
    """Return values per dimension, where the file gives dimensions and values in two lists."""
    dims, values = getattr(schema, dims_key), getattr(schema, key)
    if values is None:
        return {}
    if dims is None or len(dims) != len(values):
        count = "no entries" if dims is None else f"{len(dims)} entries"
        raise document.error(
            (*path, key),
            f"{key} does not match {dims_key}",
            expected=f"{count}, one for each of {dims_key}",
            found=f"{len(values)} entries",
        )
    for i, dim in enumerate(dims):
        if dim in dims[:i]:
            raise document.error(
                (*path, dims_key, i), f"{dim} is given twice", expected="every dimension once"
            )
    return dict(zip(dims, values, strict=True))
