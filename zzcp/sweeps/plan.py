"""The points of a sweep before they are solved: axes, machines, layers and unrollings, checked one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from zzcp.checks import all_of, pairs
from zzcp.costs import CostModel, cost_model
from zzcp.errors import InputError, Place
from zzcp.hardware import Accelerator
from zzcp.io import MappingFile
from zzcp.mapping import SpatialMapping
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.unrollings import AUTO, Unrolling, UnrollingOptions
from zzcp.solver.job import Job
from zzcp.sweeps.axes import Axis, Given, Step, make_axis, parse_axis
from zzcp.sweeps.fields import Subject, catalogue
from zzcp.sweeps.refit import refit
from zzcp.workload import Layer, Network

Workloads = Layer | Network | Sequence[Layer | Network]
Vary = Mapping[str, Given] | Iterable[str]
GivenUnrolling = Unrolling | Mapping[str, Mapping[str, int]] | MappingFile | None


class Planned(NamedTuple):
    """One point of the grid before it is solved."""

    steps: tuple[Step, ...]
    values: dict[str, Any]
    workload: str
    job: Job
    key: str

    @property
    def name(self) -> str:
        """What a user calls it: the layer, and the values that are varied."""
        values = ", ".join(f"{name.removeprefix('memories.')} {value}" for name, value in self.values.items())
        return f"{self.job.layer.name} at {values}" if values else self.job.layer.name


def make_axes(accelerator: Accelerator, layers: Sequence[Layer], vary: Vary) -> tuple[Axis, ...]:
    """Return the axes of a sweep.

    Raises
    ------
    InputError
        If a field does not exist, is on two axes, or a value is not one of its kind.
    """
    known = catalogue(accelerator, layers)
    if isinstance(vary, Mapping):
        axes = tuple(
            make_axis(names, values, known) for names, values in pairs(vary, "vary", "fields").items()
        )
    else:
        texts = all_of(vary, str, "vary", "a dictionary of fields and values, or texts NAME=VALUES")
        axes = tuple(parse_axis(text, known) for text in texts)
    names = [field.name for axis in axes for field in axis.fields]
    for name in names:
        if names.count(name) > 1:
            raise InputError("field on two axes", place=Place(field=name))
    return axes


def as_networks(workloads: Workloads) -> list[Network]:
    """Return workloads as networks; a layer is one of its own.

    Raises
    ------
    InputError
        If there is no layer.
    """
    expected = "a Layer, a Network, or several"
    given: tuple[Layer | Network, ...] = (
        (workloads,)
        if isinstance(workloads, Layer | Network)
        else all_of(workloads, (Layer, Network), "workloads", expected)
    )
    networks = [
        item if isinstance(item, Network) else Network(item.name, (replace(item, sources={}),))
        for item in given
    ]
    if not any(len(network) for network in networks):
        raise InputError("nothing to solve", expected="at least one layer")
    return networks


def resized_memories(axes: Sequence[Axis]) -> tuple[str, ...]:
    """Return the memories whose size or width is varied.

    Raises
    ------
    InputError
        If there is none: then there is nothing for a cost model to say.
    """
    names = _resized(axes)
    if not names:
        raise InputError("costs of a model, but no memory changes", expected="--vary memories.NAME.size=...")
    return names


def model_of_file(accelerator: Accelerator, axes: Sequence[Axis]) -> tuple[CostModel | None, tuple[str, ...]]:
    """Return the cost model of the machine's file for the memories whose size or width is varied, and these.

    Raises
    ------
    InputError
        If they have several models, or what a model gives is varied, too.
    """
    held = {name: accelerator.memory(name).costing for name in _resized(axes)}
    given = {name: costing for name, costing in held.items() if costing is not None and costing.figures}
    models = {costing.model for costing in given.values()}
    if len(models) > 1:
        raise InputError(
            "memories whose size is varied have several cost models",
            expected="one of them, such as --costs table",
            found=", ".join(sorted(models)),
        )
    check_costs_given(axes, accelerator, tuple(given))
    return (cost_model(models.pop()) if models else None), tuple(given)


def _resized(axes: Sequence[Axis]) -> tuple[str, ...]:
    """Return the memories whose size or width is varied."""
    return tuple(
        dict.fromkeys(
            parts[1]
            for parts in _varied(axes)
            if parts[2] == "size" or parts[-1] in ("bandwidth", "bandwidth_max")
        )
    )


def _varied(axes: Sequence[Axis]) -> list[list[str]]:
    """Return the parts of the names of all fields of memories that are varied."""
    fields = [field.name.split(".") for axis in axes for field in axis.fields]
    return [parts for parts in fields if parts[0] == "memories"]


def check_costs_given(axes: Sequence[Axis], accelerator: Accelerator, names: Sequence[str]) -> None:
    """Check that what the costs of some memories of a machine came from is not varied as well."""
    for name in names:
        costing = accelerator.memory(name).costing
        _check_costs(axes, (name,), costing.figures if costing is not None else ())


def _check_costs(axes: Sequence[Axis], names: Sequence[str], figures: Sequence[str]) -> None:
    """Check that what a model says of some memories is not varied as well."""
    for parts in _varied(axes):
        if parts[1] in names and parts[2] in figures:
            raise InputError(
                "costs of a model, and costs that are varied",
                place=Place(field=".".join(parts)),
                expected="one of the two",
            )


def without_theorem(axes: Sequence[Axis], names: Sequence[str]) -> tuple[Axis, ...]:
    """Return axes along which memories cost what a model says: there more is not always better."""
    prefixes = tuple(f"memories.{name}." for name in names)
    return tuple(
        replace(
            axis,
            fields=tuple(
                replace(field, better=0) if field.name.startswith(prefixes) else field
                for field in axis.fields
            ),
        )
        for axis in axes
    )


def at_steps(subject: Subject, axes: Sequence[Axis], steps: Sequence[Step]) -> tuple[Subject, dict[str, Any]]:
    """Return the machine and the layer at a point."""
    values: dict[str, Any] = {}
    for axis, step in zip(axes, steps, strict=True):
        for field, value in zip(axis.fields, step, strict=True):
            values[field.name] = value
            try:
                subject = field.put(subject, value)
            except InputError as error:
                error.place = Place(field=f"{field.name} = {value}")
                raise
    return subject, values


def unrolling_at(
    base: Subject, subject: Subject, spatial: GivenUnrolling, unrollings: UnrollingOptions
) -> tuple[Unrolling, dict[str, str] | None]:
    """Return the unrolling at a point, or what it may be, and the links that a mapping file gives."""
    layer, links, hints = subject.layer, None, None
    named: tuple[str, ...] | None = None
    if isinstance(spatial, MappingFile):
        entry = spatial.for_layer(layer)
        given = entry.memory_operand_links or {}
        links = {operand: given[operand] for operand in layer.operands if operand in given} or None
        spatial, hints = entry.spatial_mapping, entry.spatial_mapping_hint
        named = None if spatial is None else tuple(spatial)
    if isinstance(spatial, Freedom):
        return spatial, links
    if unrollings.choice == AUTO or (spatial is None and not base.accelerator.dataflows):
        return unrollings.unrolling(subject.accelerator, layer, hints=hints), links
    if spatial is None:
        assert base.accelerator.dataflows is not None
        spatial = base.accelerator.dataflows
    chosen = spatial if isinstance(spatial, SpatialMapping) else SpatialMapping.from_dict(spatial)
    if base.accelerator.array.sizes == subject.accelerator.array.sizes:
        chosen = chosen.fitted(layer)
    else:
        chosen = refit(chosen, layer, base.accelerator.array, subject.accelerator.array)
    problems = chosen.violations(subject.accelerator, layer)
    if problems:
        raise InputError("; ".join(problems), place=Place(field=f"layer {layer.name}"))
    if named is None:
        return chosen, links
    there = chosen.to_dict()
    factors = {name: there.get(name, {}) for name in named}
    return unrollings.unrolling(subject.accelerator, layer, factors, hints), links
