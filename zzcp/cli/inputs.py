"""The files that a search starts from: the machine, the workload, and the mapping file with the unrollings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

from zzcp.cli.machines import load_machine
from zzcp.cli.reading import Reading
from zzcp.cli.sources import select_layers
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.io import MappingEntry, MappingFile, load_mapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.unrollings import GIVEN, Unrolling, UnrollingOptions
from zzcp.records.sources import Source
from zzcp.workload import Layer, Network, SkippedNode

SEED = {
    "accelerator": "seed_eyeriss_1_2_4.yaml",
    "workload": "seed_workload.yaml",
    "mapping": "seed_mapping.yaml",
}
"""What is searched when no files are given."""


class Unrolled(NamedTuple):
    """The unrolling of a layer, or what it may be, and the memory operand of every operand, where a file says it."""

    spatial: Unrolling
    links: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the files of a command hold.

    Parameters
    ----------
    paths : mapping
        The files: ``accelerator``, ``workload`` and ``mapping`` (None where there is none).
    machine : Accelerator
        The machine.
    network : Network
        The workload.
    layers : list of Layer
        The layers that the user named, or all.
    left_out : tuple of SkippedNode
        What of the workload cannot be mapped, where no layer is named.
    mappings : MappingFile or None
        Where the unrollings come from; by default the machine's, or none.
    sources : mapping
        Names and hashes of the files, by the same roles, as they were when they were read.
    """

    paths: Mapping[str, str | None]
    machine: Accelerator
    network: Network
    layers: list[Layer]
    left_out: tuple[SkippedNode, ...]
    mappings: MappingFile | None
    sources: Mapping[str, Source | None]

    def unrolled(self, layer: Layer, options: UnrollingOptions = GIVEN) -> Unrolled:
        """Return the unrolling of a layer, or what it may be, and its links.

        Parameters
        ----------
        layer : Layer
            The layer.
        options : UnrollingOptions
            Whether the unrolling is chosen; by default it is not.

        Raises
        ------
        InputError
            If the machine cannot be unrolled that way.
        """
        entry = None if self.mappings is None else self.mappings.for_layer(layer)
        factors = None if entry is None else entry.spatial_mapping
        hints = None if entry is None else entry.spatial_mapping_hint
        try:
            found = options.unrolling(self.machine, layer, factors, hints)
            problems = found.violations(self.machine, layer) if isinstance(found, SpatialMapping) else []
            if problems:
                raise InputError("; ".join(problems))
        except InputError as error:
            error.message = f"layer {layer.name}: {error.message}"
            if self.mappings is None or entry is None:
                raise
            key = "spatial_mapping" if factors is not None else "spatial_mapping_hint"
            raise self.mappings.located(error, entry, key) from None
        return Unrolled(found, self._links(entry, layer))

    def given(self, layer: Layer) -> tuple[SpatialMapping, dict[str, str] | None]:
        """Return the unrolling of a layer that a file gives, else a full one, and its links; errors as `unrolled`."""
        spatial, links = self.unrolled(layer)
        assert isinstance(spatial, SpatialMapping)
        return spatial, links

    @staticmethod
    def _links(entry: MappingEntry | None, layer: Layer) -> dict[str, str] | None:
        given = None if entry is None else entry.memory_operand_links
        return given and {operand: given[operand] for operand in layer.operands if operand in given}


@contextmanager
def open_inputs(
    accelerator: str | None,
    workload: str | None,
    mapping: str | None,
    layers: Sequence[str],
    reading: Reading,
    conventions: str = "exact",
) -> Iterator[Inputs]:
    """Read the files of a command, those of the seed example where none are given; they are there inside the block.

    Raises
    ------
    InputError
        If a file cannot be read, or there is no layer of some name.
    """
    with _paths(accelerator, workload, mapping) as (machine_file, workload_file, mapping_file):
        machine = load_machine(machine_file, conventions)
        network = reading.load(workload_file, conventions)
        mappings = None if mapping_file is None else load_mapping(mapping_file)
        chosen = select_layers(network, layers, workload_file)
        if mappings is not None:
            mappings.check_dimensions(chosen)
        paths = {"accelerator": machine_file, "workload": workload_file, "mapping": mapping_file}
        yield Inputs(
            paths=paths,
            machine=machine,
            network=network,
            mappings=mappings,
            layers=chosen,
            left_out=() if layers else tuple(network.skipped),
            # now, before a search: a file may be changed meanwhile
            sources={role: None if path is None else Source.of(path) for role, path in paths.items()},
        )


def check_both_or_none(accelerator: str | None, workload: str | None) -> None:
    """Check that machine and workload are given together, before anything is read.

    Raises
    ------
    InputError
        If one of them is missing.
    """
    if (accelerator is None) != (workload is None):
        missing = "--workload" if workload is None else "--accelerator"
        raise InputError(f"{missing} is missing", hint="give both files, or none for the seed example")


@contextmanager
def _paths(
    accelerator: str | None, workload: str | None, mapping: str | None
) -> Iterator[tuple[str, str, str | None]]:
    if accelerator is not None and workload is not None:
        yield accelerator, workload, mapping
        return
    with as_file(files("zzcp") / "data" / "seed") as folder:
        paths = {role: str(Path(folder) / name) for role, name in SEED.items()}
        yield paths["accelerator"], paths["workload"], mapping or paths["mapping"]
