"""What memories of a hardware file cost: what the file states, and the rest by a cost model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

from zzcp.costs import CostModel, ModelName, cost_model, costs_of, figures_of
from zzcp.costs.zigzag import NAME as EXTRACTOR
from zzcp.costs.zigzag import PACKAGE
from zzcp.documents.nodes import Document, FieldPath, dotted
from zzcp.errors import InputError
from zzcp.hardware import Costing, Port
from zzcp.hardware.imc import CELLS
from zzcp.hardware.memory import COSTS
from zzcp.io.hardware_schema import CostsSchema, MemorySchema

TABLE_PROCESS = 45.0
"""Process of the built-in cost model, in nm."""
NEEDED = ("r_cost", "w_cost", "area")
"""Costs that every memory has; leakage is none where nobody gives it."""
FLAG = "auto_cost_extraction"
DRAM = "dram"


class _Source(NamedTuple):
    """The cost model of a memory, and where the file names it; `extracts` if its figures come before the file's."""

    costs: CostsSchema
    at: FieldPath
    extracts: bool = False


def read_costs(
    name: str,
    schema: MemorySchema,
    document: Document,
    ports: Sequence[Port],
    of_machine: CostsSchema | None,
) -> tuple[dict[str, float], Costing | None]:
    """Return the costs of a memory: what the file states, and the rest from its cost model.

    Parameters
    ----------
    name : str
        The memory.
    schema : MemorySchema
        What the file says of it.
    document : Document
        The file.
    ports : sequence of Port
        Its ports.
    of_machine : CostsSchema or None
        The cost model of memories without one of their own.

    Raises
    ------
    InputError
        If a cost is missing, or the cost model cannot give it.

    Warns
    -----
    UserWarning
        If costs are to be extracted, and those of the file count all the same.
    """
    stated = {key: getattr(schema, key) for key in COSTS if getattr(schema, key) is not None}
    source = _source(name, schema, document, of_machine)
    if source is not None and source.extracts:
        # as in ZigZag, what is extracted counts, and not what the file states beside it
        stated = {key: value for key, value in stated.items() if key not in NEEDED}
    missing = [key for key in NEEDED if key not in stated]
    own = schema.costs
    if own is not None and own.figures is not None:
        if "leakage" in own.figures and own.clock is None:
            raise document.error(
                ("memories", name, "costs", "figures"),
                "leakage of a cycle without a clock",
                expected="clock: 1GHz or another",
            )
        if not missing:
            return stated, Costing(_model_name(own), own.version or "", tuple(own.figures))
    if source is not None and source.costs.clock is not None and "leakage" not in stated:
        missing.append("leakage")
    if not missing:
        return stated, None
    if source is None:
        raise _without_model(name, schema, document, missing[0], of_machine)
    model = _model(source, document)
    try:
        found = figures_of(costs_of(model, schema.size, ports, schema.mem_type))
    except InputError as error:
        if source.at[-1] == FLAG:
            error.hint = f"ZigZag stops there, too; without {FLAG} the costs of the file count"
        raise document.placed(error, source.at) from None
    figures = stated | {key: found[key] for key in missing}
    return figures, Costing(model.key, model.version, tuple(missing))


def _source(
    name: str, schema: MemorySchema, document: Document, of_machine: CostsSchema | None
) -> _Source | None:
    """Return the cost model that knows a memory, or None; where the flag finds none there is a warning."""
    if name == CELLS:
        return None
    flag: FieldPath = ("memories", name, FLAG)
    if schema.costs is not None:
        source = _Source(schema.costs, ("memories", name, "costs"), schema.auto_cost_extraction)
    elif of_machine is not None:
        source = _Source(of_machine, ("costs",), schema.auto_cost_extraction)
    elif not schema.auto_cost_extraction:
        return None
    elif PACKAGE.is_installed():
        return _Source(CostsSchema(model=EXTRACTOR), flag, True)
    else:
        why = f"it is ZigZag's CACTI that says them, and {PACKAGE.name} is not installed ({PACKAGE.hint})"
        _warn(document, flag, why)
        return None
    if schema.mem_type != DRAM or (source.extracts and source.costs.model == EXTRACTOR):
        return source
    if source.extracts:
        _warn(document, flag, f"the cost model {source.costs.model} knows memories on the chip only")
    return None


def _warn(document: Document, flag: FieldPath, why: str) -> None:
    place = document.place(flag)
    warnings.warn(
        f"{place.file}:{place.line}: {dotted(flag)}: the costs of the file count, none are extracted: {why}",
        UserWarning,
        stacklevel=2,
    )


def _without_model(
    name: str, schema: MemorySchema, document: Document, key: str, of_machine: CostsSchema | None
) -> InputError:
    """Return the error that a cost is missing of a memory that no cost model knows."""
    path: FieldPath = ("memories", name, key)
    if schema.mem_type == DRAM and (schema.costs is not None or of_machine is not None):
        return document.error(
            path, "cost models know memories on the chip only", expected=f"{key} of this dram"
        )
    if schema.auto_cost_extraction and name != CELLS:
        return document.error(
            path, f"no {key}, and none can be extracted", expected="a number", hint=f"or {PACKAGE.hint}"
        )
    return document.error(path, f"memory {name} has no {key}", expected="a number")


def _model(source: _Source, document: Document) -> CostModel:
    """Return a cost model, of the version that the file names."""
    try:
        model = cost_model(_model_name(source.costs))
        release = model.version
    except InputError as error:
        raise document.placed(error, source.at) from None
    if source.costs.version not in (None, release):
        raise document.error(
            (*source.at, "version"),
            "the cost model has another version",
            expected=release,
            found=source.costs.version,
        )
    return model


def _model_name(costs: CostsSchema) -> str:
    """Return the name of a cost model with its process, banks and clock, where they are given."""
    process = costs.technology
    if costs.model == "table" and process == TABLE_PROCESS:
        process = None
    return str(ModelName(costs.model, process, costs.banks or 1, costs.clock))
