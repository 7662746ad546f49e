"""Which layers a command is about, and where the mapping of each comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from zzcp.cost import CostConventions
from zzcp.errors import InputError, Place, placed_at
from zzcp.hardware import Accelerator
from zzcp.io import FullMappings, MappingFile
from zzcp.mappers import mapping_from_entry
from zzcp.mapping import Mapping
from zzcp.workload import Layer, Network, SkippedNode

MANY = 20
"""Most names that a message lists."""


class Mapped(NamedTuple):
    """Layers with their mappings, and what of the workload has none."""

    layers: list[tuple[Layer, Mapping]]
    left_out: list[SkippedNode]


def select_layers(network: Network, names: Sequence[str], file: str) -> list[Layer]:
    """Return the layers of some names, each once, or all where none is named.

    Raises
    ------
    InputError
        If there is no such layer, or none at all.
    """
    if not network.layers:
        raise InputError(
            f"network {network.name} has no layers that can be mapped",
            place=Place(file),
            found=f"{len(network.skipped):,} nodes that have none" if network.skipped else None,
            hint=f"zzcp show {file} says why" if network.skipped else None,
        )
    with placed_at(file):
        chosen = [network.layer(name) for name in names]
    return list(dict.fromkeys(chosen)) or list(network)


def single_layer(layers: Sequence[Layer], file: str | None, purpose: str) -> Layer:
    """Return the only one of some layers.

    Raises
    ------
    InputError
        If there are several, naming what is for one layer only.
    """
    if len(layers) > 1:
        raise InputError(
            f"{purpose} is for one layer, the workload has {len(layers)}",
            place=Place(file),
            expected=f"--layer with one of {_listed([layer.name for layer in layers])}",
        )
    return layers[0]


def map_layers(
    source: MappingFile | FullMappings,
    accelerator: Accelerator,
    network: Network,
    layers: Sequence[Layer],
    conventions: CostConventions,
    *,
    named: bool,
) -> Mapped:
    """Return the mapping of every layer that a source has one for.

    Parameters
    ----------
    source : MappingFile or FullMappings
        What a mapping file holds.
    accelerator : Accelerator
        The machine.
    network : Network
        Where the layers come from; its skipped nodes are left out.
    layers : sequence of Layer
        The layers.
    conventions : CostConventions
        How tiles are counted where the source leaves to us what a memory holds.
    named : bool
        Whether the user named the layers: all of them must then have a mapping.

    Raises
    ------
    InputError
        If no layer has a mapping, or one that the user named has none.
    """
    if isinstance(source, FullMappings) and None in source.by_layer and not named:
        single_layer(layers, source.file, "a full mapping")
    mapped: list[tuple[Layer, Mapping]] = []
    missing: list[tuple[Layer, InputError]] = []
    for layer in layers:
        reason = _missing(source, layer)
        if reason is None:
            mapped.append((layer, _mapping(source, accelerator, layer, conventions)))
        elif named:
            raise reason
        else:
            missing.append((layer, reason))
    if not mapped:
        raise missing[0][1]
    left_out = [
        SkippedNode(
            layer.id, layer.name, layer.operator, reason.message, layer.macs if layer.multiplies else 0
        )
        for layer, reason in missing
    ]
    return Mapped(mapped, left_out if named else [*left_out, *network.skipped])


def _missing(source: MappingFile | FullMappings, layer: Layer) -> InputError | None:
    """Return why a source has no complete mapping of a layer, or None where it has one."""
    place = Place(source.file)
    if isinstance(source, FullMappings):
        if _key(source, layer) in source.by_layer:
            return None
        names = [name for name in source.by_layer if name is not None]
        return InputError(
            f"no mapping of layer {layer.name}",
            place=place,
            expected=f"one of {_listed(names)}",
            found=layer.name,
        )
    entry = source.for_layer(layer)
    if entry.temporal_ordering:
        return None
    return InputError(
        f"no loop order for layer {layer.name}",
        place=Place(source.file, field=entry.name),
        expected="a complete temporal_ordering, innermost loop first",
        found="none",
    )


def other_conventions(source: MappingFile | FullMappings, conventions: CostConventions) -> bool:
    """Return whether a source was computed under other conventions, whose choice of double buffers is not ours."""
    return isinstance(source, FullMappings) and source.conventions not in (None, conventions.name)


def _key(source: FullMappings, layer: Layer) -> str | None:
    """Return the key of a layer's mapping: none, its name, or its id where several share the name."""
    if None in source.by_layer:
        return None
    return layer.name if layer.name in source.by_layer else str(layer.id)


def _mapping(
    source: MappingFile | FullMappings, accelerator: Accelerator, layer: Layer, conventions: CostConventions
) -> Mapping:
    if isinstance(source, FullMappings):
        with placed_at(source.file):
            mapping = Mapping.from_dict(source.by_layer[_key(source, layer)])
        return mapping.with_buffering(None) if other_conventions(source, conventions) else mapping
    entry = source.for_layer(layer)
    try:
        return mapping_from_entry(accelerator, layer, entry, conventions)
    except InputError as error:
        raise source.located(error, entry, *filter(None, (error.place.field,))) from None


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:MANY])}{', ...' if len(names) > MANY else ''}"
