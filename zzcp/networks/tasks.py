"""The layers of a network as searches: what is asked of each, and which of them are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from zzcp.cost.objective import Goal
from zzcp.hardware import Accelerator
from zzcp.io import MappingFile
from zzcp.mapping import SpatialMapping
from zzcp.mapping.constraints import Constraints, LayerConstraints
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.machine import with_residents
from zzcp.mapping.unrollings import Choice, UnrollingOptions
from zzcp.solver.constrained.optimize import constraints_of
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions
from zzcp.solver.result import Result
from zzcp.workload import Layer

Unrollings = SpatialMapping | Freedom | Mapping[str, Mapping[str, int]] | MappingFile | Choice | None
"""What the unrollings of a network's layers may be: as for `optimize`, or of a mapping file."""


class Variant(NamedTuple):
    """A layer, and what of it stays where between layers.

    Attributes
    ----------
    shape : int
        Number of the first layer of this shape.
    resident : tuple of (str, str)
        Operands that stay, with the memory, in the order of the layer.
    reserved : tuple of (str, int)
        Memories with the bits that other tensors take of them.
    """

    shape: int
    resident: tuple[tuple[str, str], ...] = ()
    reserved: tuple[tuple[str, int], ...] = ()


def machine_for(job: Job, variant: Variant) -> Accelerator:
    """Return the machine of a layer beside what stays in its memories.

    Raises
    ------
    InputError
        If something cannot stay where it should.
    """
    return with_residents(job.accelerator, dict(variant.resident), dict(variant.reserved), job.all_links)


def with_variant(result: Result, variant: Variant) -> Result:
    """Return a result whose mapping says what stays in the memories."""
    if result.mapping is None or not (variant.resident or variant.reserved):
        return result
    mapping = replace(
        result.mapping, resident=dict(variant.resident) or None, reserved=dict(variant.reserved) or None
    )
    return replace(result, mapping=mapping)


def layer_job(
    accelerator: Accelerator,
    layer: Layer,
    goal: Goal,
    spatial: Unrollings,
    unrollings: UnrollingOptions,
    links: Mapping[str, str] | None,
    options: SearchOptions,
    constraints: Constraints | LayerConstraints | Mapping[str, Any] | None = None,
    *,
    fitted: bool = True,
) -> Job:
    """Return the search of a layer, with what its unrolling may be, its links and its constraints.

    Parameters
    ----------
    accelerator, layer, goal, options
        What is searched, and how.
    spatial : SpatialMapping, Freedom, dict, MappingFile, "auto" or "full", optional
        The unrolling, or what it may be (see `zzcp.optimize`).
    unrollings : UnrollingOptions
        How an unrolling is found that is not given.
    links : mapping of str to str, optional
        Memory operand of every operand.
    constraints : Constraints or dict, optional
        What the mapping must obey.
    fitted : bool
        Whether an unrolling that is given is reduced to what the layer can use.

    Raises
    ------
    InputError
        If the unrolling or a constraint is none.
    """
    given = {} if links is None else dict(links)
    if isinstance(spatial, MappingFile):
        entry = spatial.for_layer(layer)
        given = entry.memory_operand_links or given
        chosen = unrollings.unrolling(accelerator, layer, entry.spatial_mapping, entry.spatial_mapping_hint)
    elif spatial is None or isinstance(spatial, str):
        chosen = unrollings.unrolling(accelerator, layer)
    elif isinstance(spatial, Freedom):
        chosen = spatial
    else:
        given_one = spatial if isinstance(spatial, SpatialMapping) else SpatialMapping.from_dict(spatial)
        chosen = given_one.fitted(layer) if fitted else given_one
    own = {operand: given[operand] for operand in layer.operands if operand in given}
    asked = constraints_of(constraints, layer)
    return Job(accelerator, layer, goal, chosen, own or None, asked, options)


def distinct(tasks: Sequence[Job]) -> list[int]:
    """Return for every task the number of the first one of the same shape."""
    first: dict[object, int] = {}
    return [first.setdefault(task.shape, number) for number, task in enumerate(tasks)]
