"""What pictures are drawn from: mapped layers with their figures, taken from result files or made in Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zzcp.errors import InputError, Place, nearest
from zzcp.report.nest import level_names

if TYPE_CHECKING:
    from zzcp.cost import Evaluation
    from zzcp.hardware import Accelerator
    from zzcp.io.result import ResultFile, ResultLayer
    from zzcp.mapping import Mapping
    from zzcp.workload import Layer

LATENCY = {
    "ideal": "ideal",
    "spatial_stall": "array not full",
    "temporal_stall": "waiting for ports",
    "data_loading": "data loading",
    "data_unloading": "data unloading",
    "drain": "array drain",
}
"""The components of a latency as they are added, and what they are called in pictures."""
LEAKAGE = "leakage"
"""What leaks in every cycle, among the memories of an energy."""
ARRAY = "array"
"""Stands for the multiply-accumulate units among the memories."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One layer with its mapping and what it costs.

    Parameters
    ----------
    result : str
        Label of the result it comes from, such as the name of the file.
    name : str
        Label of the layer.
    accelerator, layer, mapping
        What was evaluated.
    evaluation : mapping
        The figures, in the form of `Evaluation.to_dict`.
    data : mapping
        The layer's whole entry in the result file; empty where there is none.
    """

    result: str
    name: str
    accelerator: Accelerator
    layer: Layer
    mapping: Mapping
    evaluation: MappingType[str, Any]
    data: MappingType[str, Any]

    @classmethod
    def of(
        cls, label: str, accelerator: Accelerator, layer: Layer, mapping: Mapping, evaluation: Evaluation
    ) -> Entry:
        """Return the entry of an evaluated mapping that comes from no file."""
        return cls(label, layer.name, accelerator, layer, mapping, evaluation.to_dict(), {})

    @property
    def latency(self) -> dict[str, int | float]:
        """Cycles of every component, in the order of `LATENCY`."""
        return {part: self.evaluation["latency"][part] for part in LATENCY}

    @property
    def total_latency(self) -> int | float:
        """Cycles in all."""
        total: int | float = self.evaluation["latency"]["total"]
        return total

    @property
    def total_energy(self) -> float:
        """Energy in all, in pJ."""
        total: float = self.evaluation["energy"]["total"]
        return total

    @property
    def memories(self) -> dict[str, tuple[str, ...]]:
        """For every operand the names of its memories, innermost first."""
        return level_names(self.mapping, self.accelerator, self.layer.default_links)

    @property
    def energies(self) -> dict[tuple[str, str | None], float]:
        """Energy in pJ of every memory and operand, from the array outwards; of the array for no operand."""
        energy = self.evaluation["energy"]
        names = self.memories
        parts: dict[tuple[str, str | None], float] = {(ARRAY, None): energy["mac"]}
        order = [memory.name for memory in self.accelerator.memories]
        found = {
            (names[operand][level], operand): value
            for operand, row in energy["by_operand"].items()
            for level, value in enumerate(row)
        }
        operands = [operand for operand in self.layer.operands if operand in names]
        for memory in order:
            parts |= {(memory, op): found[memory, op] for op in operands if (memory, op) in found}
        if energy.get("leakage"):
            parts[LEAKAGE, None] = energy["leakage"]
        return parts


def entries_of(
    files: Sequence[ResultFile], *, layers: Sequence[str] = (), labels: Sequence[str] = ()
) -> list[Entry]:
    """Return the mapped layers of some results.

    Parameters
    ----------
    files : sequence of ResultFile
        The results.
    layers : sequence of str
        Names or ids of the layers that are wanted; all where empty.
    labels : sequence of str
        What the results are called; by default what tells their files apart.

    Raises
    ------
    InputError
        If a layer is in none of the results, if none has a mapping, or if there are not as many labels as files.
    """
    if labels and len(labels) != len(files):
        raise InputError(
            "as many labels are needed as there are results", expected=str(len(files)), found=str(len(labels))
        )
    known = {name for file in files for entry in file.layers for name in _names_of(entry)}
    for name in layers:
        if name not in known:
            shown = [entry.layer.name for file in files for entry in file.layers]
            raise InputError(
                f"no layer {name!r} in {'the results' if len(files) > 1 else files[0].path}",
                hint=nearest(name, list(dict.fromkeys(shown))),
            )
    found = []
    for file, label in zip(files, labels or file_labels([file.path for file in files]), strict=True):
        twice = Counter(entry.layer.name for entry in file.layers)
        for entry in file.layers:
            if entry.mapping is None or (layers and not _names_of(entry) & set(layers)):
                continue
            layer = entry.layer
            name = layer.name if twice[layer.name] == 1 else f"{layer.name} ({layer.id})"
            found.append(
                Entry(
                    label, name, file.accelerator, layer, entry.mapping, entry.data["evaluation"], entry.data
                )
            )
    if not found:
        raise InputError("no layer has a mapping", place=Place(", ".join(file.path for file in files)))
    return found


def _names_of(entry: ResultLayer) -> set[str]:
    return {entry.layer.name, str(entry.layer.id)}


def file_labels(paths: Sequence[str]) -> list[str]:
    """Return short names that tell some files apart: the file's name, with as many folders as are needed."""
    parts = [Path(path).with_suffix("").parts for path in paths]
    for length in range(1, max(map(len, parts), default=1) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return [f"{name} ({number})" for number, name in enumerate(names, 1)]


def single(found: Sequence[Entry], kind: str) -> Entry:
    """Return the only entry.

    Raises
    ------
    InputError
        If there are several.
    """
    if len(found) > 1:
        names = list(dict.fromkeys(entry.name for entry in found))
        shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        several = len(names) > 1
        raise InputError(
            f"a picture of kind {kind} shows one layer of one result",
            expected=f"--layer with one of {shown}" if several else "one file",
            found=f"{len(names)} layers" if several else f"{len(found)} results",
        )
    return found[0]
