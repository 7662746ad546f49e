"""The layers of a network as searches: what is asked of each, and which of them are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from zzcp.cost.objective import Goal
from zzcp.hardware import Accelerator
from zzcp.io import MappingFile
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.constraints import Constraints, LayerConstraints
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.machine import with_residents
from zzcp.mapping.unrollings import Choice, Unrolling, UnrollingOptions
from zzcp.solver.constrained.optimize import constraints_of
from zzcp.solver.job import Job, SearchOptions
from zzcp.solver.result import Result
from zzcp.workload import Layer

Unrollings = SpatialMapping | Freedom | Mapping[str, Mapping[str, int]] | MappingFile | Choice | None
"""What the unrollings of a network's layers may be: as for `optimize`, or of a mapping file."""


@dataclass(frozen=True)
class LayerTask:
    """A layer and what is asked of its mapping.

    Parameters
    ----------
    layer : Layer
        The layer.
    spatial : SpatialMapping or Freedom
        The unrolling, or what it may be.
    links : dict or None
        Memory operands of the operands; None for the default.
    constraints : Constraints
        What the mapping must obey.
    """

    layer: Layer
    spatial: Unrolling
    links: dict[str, str] | None = None
    constraints: Constraints = field(default_factory=Constraints)

    @property
    def shape(self) -> object:
        """What its optimum depends on: tasks of equal shape have equal ones."""
        links = tuple(sorted((self.links or {}).items()))
        return self.layer.signature(), self.spatial, links, self.constraints


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


def machine_for(accelerator: Accelerator, task: LayerTask, variant: Variant) -> Accelerator:
    """Return the machine of a layer beside what stays in its memories.

    Raises
    ------
    InputError
        If something cannot stay where it should.
    """
    links = dict(task.layer.default_links) | (task.links or {})
    return with_residents(accelerator, dict(variant.resident), dict(variant.reserved), links)


def with_variant(result: Result, variant: Variant | None) -> Result:
    """Return a result whose mapping says what stays in the memories."""
    if variant is None or result.mapping is None or not (variant.resident or variant.reserved):
        return result
    mapping = replace(
        result.mapping, resident=dict(variant.resident) or None, reserved=dict(variant.reserved) or None
    )
    return replace(result, mapping=mapping)


def job_of(
    accelerator: Accelerator,
    task: LayerTask,
    goal: Goal,
    options: SearchOptions,
    variant: Variant | None = None,
    hint: LayerMapping | None = None,
) -> Job:
    """Return a layer as a search, on its machine beside what stays in the memories."""
    machine = accelerator if variant is None else machine_for(accelerator, task, variant)
    return Job(machine, task.layer, goal, task.spatial, task.links, task.constraints, options, hint)


def layer_task(
    accelerator: Accelerator,
    layer: Layer,
    spatial: Unrollings,
    max_dims: int,
    links: Mapping[str, str] | None,
    constraints: Constraints | LayerConstraints | Mapping[str, Any] | None,
) -> LayerTask:
    """Return a layer with what its unrolling may be, its links and its constraints.

    Parameters
    ----------
    accelerator, layer : Accelerator, Layer
        What runs on what.
    spatial : SpatialMapping, Freedom, dict, MappingFile, "auto" or "full", optional
        The unrolling, reduced to what the layer can use, or what it may be (see `zzcp.optimize`).
    max_dims : int
        Layer dimensions on one array dimension, at most, where it is chosen.
    links : mapping of str to str, optional
        Memory operand of every operand.
    constraints : Constraints or dict, optional
        What the mapping must obey.

    Raises
    ------
    InputError
        If the unrolling or a constraint is none.
    """
    given = {} if links is None else dict(links)
    if isinstance(spatial, MappingFile):
        entry = spatial.for_layer(layer)
        given = entry.memory_operand_links or given
        chosen = UnrollingOptions.of(None, max_dims).unrolling(
            accelerator, layer, entry.spatial_mapping, entry.spatial_mapping_hint
        )
    elif spatial is None or isinstance(spatial, str):
        chosen = UnrollingOptions.of(spatial, max_dims).unrolling(accelerator, layer)
    elif isinstance(spatial, SpatialMapping | Freedom):
        chosen = spatial.fitted(layer) if isinstance(spatial, SpatialMapping) else spatial
    else:
        chosen = SpatialMapping.from_dict(spatial).fitted(layer)
    own = {operand: given[operand] for operand in layer.operands if operand in given}
    return LayerTask(layer, chosen, own or None, constraints_of(constraints, layer))


def distinct(tasks: Sequence[LayerTask]) -> list[int]:
    """Return for every task the number of the first one of the same shape."""
    first: dict[object, int] = {}
    return [first.setdefault(task.shape, number) for number, task in enumerate(tasks)]
