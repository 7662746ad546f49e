"""The files that a search starts from: the machine, the workload, and the mapping file with the unrollings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

from rich.console import RenderableType

from zzcp.cli.machines import load_machine
from zzcp.cli.output import Output
from zzcp.cli.reading import Reading
from zzcp.cli.sources import select_layers
from zzcp.cost import CostConventions
from zzcp.cost.setting_compiler import check_links
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.io import MappingEntry, MappingFile, load_mapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.unrollings import GIVEN, Unrolling, UnrollingOptions
from zzcp.records.sources import Source
from zzcp.report.summary import left_out_report
from zzcp.report.workload import coverage
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
        Names and hashes of the files (``accelerator``, ``workload`` and ``mapping``) as they were when they were read.
    """

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

    def show(self, output: Output, report: RenderableType) -> None:
        """Print a report between what of the workload is solved and what of it is left out, if something is."""
        if self.left_out:
            output.show(*coverage(self.network))
        output.show(report)
        if self.left_out:
            output.show(left_out_report(self.left_out))

    def _links(self, entry: MappingEntry | None, layer: Layer) -> dict[str, str] | None:
        """Return the links of a layer's operands that an entry gives; together with the others they must be right."""
        if self.mappings is None or entry is None or not entry.memory_operand_links:
            return None
        given = entry.memory_operand_links
        own = {operand: given[operand] for operand in layer.operands if operand in given}
        try:
            check_links(self.machine, layer, {**layer.default_links, **own})
        except InputError as error:
            raise self.mappings.located(error, entry, "memory_operand_links") from None
        return own


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a command: what a user says of them.

    Parameters
    ----------
    accelerator, workload, mapping : str or None
        Their paths; the seed example's where machine and workload are None.
    layers : sequence of str
        The layers that are named.
    reading : Reading
        How the workload is read.
    """

    accelerator: str | None
    workload: str | None
    mapping: str | None
    layers: Sequence[str]
    reading: Reading

    @contextmanager
    def open(self, conventions: CostConventions) -> Iterator[Inputs]:
        """Read the files; those of the seed example are there inside the block.

        Raises
        ------
        InputError
            If only one of machine and workload is given, a file cannot be read, or there is no layer of some name.
        """
        if (self.accelerator is None) != (self.workload is None):
            missing = "--workload" if self.workload is None else "--accelerator"
            raise InputError(f"{missing} is missing", hint="give both files, or none for the seed example")
        with self._paths() as (machine_file, workload_file, mapping_file):
            machine = load_machine(machine_file, conventions)
            network = self.reading.load(workload_file, conventions.name)
            mappings = None if mapping_file is None else load_mapping(mapping_file)
            chosen = select_layers(network, self.layers, workload_file)
            if mappings is not None:
                mappings.check_dimensions(chosen)
            paths = {"accelerator": machine_file, "workload": workload_file, "mapping": mapping_file}
            yield Inputs(
                machine=machine,
                network=network,
                mappings=mappings,
                layers=chosen,
                left_out=() if self.layers else tuple(network.skipped),
                # now, before a search: a file may be changed meanwhile
                sources={role: None if path is None else Source.of(path) for role, path in paths.items()},
            )

    @contextmanager
    def _paths(self) -> Iterator[tuple[str, str, str | None]]:
        if self.accelerator is not None and self.workload is not None:
            yield self.accelerator, self.workload, self.mapping
            return
        with as_file(files("zzcp") / "data" / "seed") as folder:
            paths = {role: str(Path(folder) / name) for role, name in SEED.items()}
            yield paths["accelerator"], paths["workload"], self.mapping or paths["mapping"]
