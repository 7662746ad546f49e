"""Reader of the results of ``solve``: everything that is needed to use, explain or check them again."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainValidator, TypeAdapter

from zzcp.cost.conventions import CONVENTIONS, CostConventions
from zzcp.cost.objective import OBJECTIVES, Objective
from zzcp.documents.document import load_document
from zzcp.documents.nodes import Document, FieldPath, dotted
from zzcp.documents.scalars import with_numbers
from zzcp.errors import InputError, Place
from zzcp.hardware import Accelerator
from zzcp.io.hardware import read_accelerator
from zzcp.io.kinds import Kind, require_kind
from zzcp.io.mapping import MAX_RESULT_VALUES, ResultLayerSchema
from zzcp.io.recorded import (
    Evaluation,
    Figure,
    LeftOut,
    Options,
    Sample,
    SearchSpace,
    Table,
    Totals,
    Words,
)
from zzcp.io.schema import Name, Schema, choice, number, text, validate
from zzcp.io.workload import read_layer
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.mapping.constraints import Constraints
from zzcp.mapping.mapping import MAPPING_KEYS
from zzcp.workload import Layer, Network

MAX_LAYERS = 10_000
"""Largest number of layers accepted in a result."""
CONTENT: FieldPath = ("inputs", "accelerator", "content")
"""Where a result holds its accelerator."""
SOLVED = ("optimal", "feasible")
"""The statuses of layers that have a mapping."""
STATUSES = (*SOLVED, "infeasible", "unknown")
_FEW = 4
"""Most names in a sentence."""


@dataclass(frozen=True, slots=True)
class ResultLayer:
    """A layer of a result.

    Parameters
    ----------
    layer : Layer
        The layer.
    status : str
        ``optimal``, ``feasible``, ``infeasible`` or ``unknown``.
    objective, gap : float or None
        Recorded objective of the mapping, and its relative distance to the bound; None without a mapping.
    lower_bound : float
        Recorded bound.
    mapping : Mapping or None
        The recorded mapping.
    spatial : SpatialMapping or None
        The unrolling, also where there is no mapping; None where the file does not give it.
    links : dict or None
        Memory operands of the operands; None for the default.
    constraints : Constraints
        What was asked of the mapping; the bound holds for the mappings that obey.
    data : dict
        The whole entry as it is in the file.
    """

    layer: Layer
    status: str
    objective: float | None
    lower_bound: float
    gap: float | None
    mapping: Mapping | None
    spatial: SpatialMapping | None
    links: dict[str, str] | None
    constraints: Constraints
    data: dict[str, Any]

    @property
    def space(self) -> dict[str, Any]:
        """What the bound holds for, as recorded; empty where the file does not say it."""
        return self.data.get("space") or {}


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A result of ``solve``, read again.

    Parameters
    ----------
    path : str
        The file.
    accelerator : Accelerator
        The machine.
    objective : str
        What was minimised: ``edp``, ``energy``, ``latency`` or ``ed2``.
    conventions : CostConventions
        How costs were counted.
    layers : tuple of ResultLayer
        The layers in the order of the file.
    data : dict
        The whole file as plain data.
    """

    path: str
    accelerator: Accelerator
    objective: Objective
    conventions: CostConventions
    layers: tuple[ResultLayer, ...]
    data: dict[str, Any]

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the layers that have no entry because the run was stopped before them."""
        return tuple(entry["name"] for entry in self.data.get("missing", ()))


_figure = number("a number")
Number = Annotated[float, PlainValidator(_figure)]


class SolvedLayerSchema(ResultLayerSchema):
    """A layer of a result of ``solve``."""

    status: Annotated[str, PlainValidator(choice(*STATUSES))]
    objective: Annotated[
        float | None, PlainValidator(lambda value: None if value is None else _figure(value))
    ]
    lower_bound: Number
    gap: Annotated[float | None, PlainValidator(lambda value: None if value is None else _figure(value))]
    evaluation: Evaluation | None = None
    constraints: Table | None = None
    engine: Name = "auto"
    wall_s: Figure = 0
    space: SearchSpace | None = None
    progress: list[Sample] | None = None
    diagnosis: Words | None = None


class MissingSchema(Schema):
    """A layer that the run had not begun when it was stopped."""

    id: int
    name: Name


class ResultSchema(Schema):
    """What every result of ``solve`` has."""

    other_keys = True
    zzcp_version: Annotated[str, PlainValidator(text("the version of zzcp"))]
    accelerator: Name
    objective: Annotated[str, PlainValidator(choice(*OBJECTIVES))]
    conventions: Annotated[str, PlainValidator(choice(*CONVENTIONS))]
    layers: Annotated[list[SolvedLayerSchema], Field(max_length=MAX_LAYERS)]
    totals: Totals
    options: Options = Options()
    left_out: list[LeftOut] = Field(default=[])
    missing: Annotated[list[MissingSchema], Field(max_length=MAX_LAYERS)] = Field(default=[])


_RESULT = TypeAdapter(ResultSchema)


def load_results(
    path: str | Path, *, accelerator: Accelerator | None = None, network: Network | None = None
) -> ResultFile:
    """Read a result of ``solve``.

    Parameters
    ----------
    path : str or Path
        The file.
    accelerator : Accelerator, optional
        The machine; by default the one in the result.
    network : Network, optional
        Where to find the layers, by name or id; by default those in the result.

    Raises
    ------
    InputError
        If the file is no result of ``solve``, or is not whole, with the place of what is wrong.
    """
    document = load_document(path, max_values=MAX_RESULT_VALUES)
    return read_results(document, accelerator=accelerator, network=network)


def read_results(
    document: Document, *, accelerator: Accelerator | None = None, network: Network | None = None
) -> ResultFile:
    """Return the result that a document holds; parameters as for `load_results`."""
    require_kind(document, Kind.RESULT)
    schema = validate(_RESULT, document)
    machine = accelerator or _embedded_accelerator(document)
    layers = tuple(_layer(document, i, entry, network) for i, entry in enumerate(schema.layers))
    data: Any = with_numbers(document.data)
    objective: Any = schema.objective
    found = tuple(
        ResultLayer(
            layer=layer,
            status=entry.status,
            objective=entry.objective,
            lower_bound=entry.lower_bound,
            gap=entry.gap,
            mapping=mapping,
            spatial=None
            if entry.spatial_mapping is None
            else SpatialMapping.from_dict(entry.spatial_mapping),
            links=entry.memory_operand_links,
            constraints=_constraints(document, ("layers", i, "constraints"), entry.constraints),
            data=data["layers"][i],
        )
        for i, (entry, (layer, mapping)) in enumerate(zip(schema.layers, layers, strict=True))
    )
    result = ResultFile(document.file, machine, objective, CONVENTIONS[schema.conventions], found, data)
    if result.missing:
        text = missing_text(result.missing, len(found))
        warnings.warn(f"{document.file}: {text}", stacklevel=3)
    return result


def located(error: InputError, file: ResultFile, *path: str | int) -> InputError:
    """Return an error about a part of a result with its place in the file.

    Parameters
    ----------
    error : InputError
        The error.
    file : ResultFile
        The result.
    path : str or int
        Keys and positions that lead to the part, such as ``"layers", 3``.
    """
    return load_document(file.path, max_values=MAX_RESULT_VALUES).placed(error, path)


def missing_text(names: Sequence[str], solved: int) -> str:
    """Return a sentence about layers that have no result because the run was stopped."""
    listed = ", ".join(names[:_FEW]) + (", ..." if len(names) > _FEW else "")
    total = len(names) + solved
    verb = "is" if len(names) == 1 else "are"
    return f"not complete: {len(names)} of {total:,} layers {verb} missing ({listed})"


@contextmanager
def _within(document: Document, path: FieldPath) -> Iterator[Document]:
    """Return the part of a document at a path as one of its own; errors in it name the whole path."""
    node = document.node(path)
    assert node is not None
    try:
        yield Document(document.file, node)
    except InputError as error:
        field = ".".join(part for part in (dotted(path), error.place.field) if part)
        error.place = Place(document.file, error.place.line or node.line, field)
        raise


def _embedded_accelerator(document: Document) -> Accelerator:
    if document.node(CONTENT) is None:
        raise document.error(
            CONTENT, "the result does not hold its accelerator", hint="give the hardware file, with -a"
        )
    with _within(document, CONTENT) as part:
        return read_accelerator(part)


def _layer(
    document: Document, index: int, entry: SolvedLayerSchema, network: Network | None
) -> tuple[Layer, Mapping | None]:
    path: FieldPath = ("layers", index)
    mapping = _mapping_of(document, path, entry)
    if network is not None:
        with document.placing((*path, "name")):
            return _named(network, entry), mapping
    if document.node((*path, "definition")) is None:
        raise document.error(
            (*path, "definition"),
            "the result does not hold its layers",
            hint="give the workload file, with -w",
        )
    with _within(document, (*path, "definition")) as part:
        layer = read_layer(part)
    if (layer.id, layer.name) != (entry.id, entry.name):
        raise document.error(
            (*path, "definition", "name"),
            "the definition is that of another layer",
            expected=f"{entry.name} with id {entry.id}",
            found=f"{layer.name} with id {layer.id}",
        )
    return layer, mapping


def _named(network: Network, entry: SolvedLayerSchema) -> Layer:
    for layer in network:
        if (layer.id, layer.name) == (entry.id, entry.name):
            return layer
    return network.layer(entry.name)


def _mapping_of(document: Document, path: FieldPath, entry: SolvedLayerSchema) -> Mapping | None:
    """Return the mapping of a layer, after checking that it has one if and only if its status says so."""
    for field in ("objective", "gap", "temporal_mapping", "evaluation"):
        if (getattr(entry, field) is not None) != (entry.status in SOLVED):
            raise document.error(
                (*path, field),
                f"the status is {entry.status}",
                expected=f"{field} of a mapping" if entry.status in SOLVED else f"no {field}",
            )
    if entry.status not in SOLVED:
        return None
    if entry.spatial_mapping is None:
        raise document.error((*path, "spatial_mapping"), "a mapping without its unrolling")
    _check_levels(document, path, entry)
    form = entry.model_dump(
        mode="json",
        include={*MAPPING_KEYS},
        exclude_none=True,
    )
    with document.placing(path):
        return Mapping.from_dict(form)


def _check_levels(document: Document, path: FieldPath, entry: SolvedLayerSchema) -> None:
    """Check that figures by operand are about the operands and the levels of the mapping."""
    assert entry.evaluation is not None
    levels = entry.temporal_mapping or {}
    for parts, figures in (
        (("energy", "by_operand"), entry.evaluation.energy.by_operand),
        (("accesses",), entry.evaluation.accesses),
        (("utilization", "individual"), entry.evaluation.utilization.individual),
    ):
        for operand, row in figures.items():
            if len(row) != len(levels.get(operand, ())):
                raise document.error(
                    (*path, "evaluation", *parts, operand),
                    "figures of other levels than those of the mapping",
                    expected=f"{len(levels.get(operand, ()))} of {operand}",
                    found=str(len(row)),
                )


def _constraints(document: Document, path: FieldPath, data: dict[str, Any] | None) -> Constraints:
    with document.placing(path):
        return Constraints.from_dict(data or {})
