"""Mapping files: what they fix for which layers, or the loop nests of full mappings."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.hardware import Accelerator
from zzcp.io import MappingEntry, MappingFile
from zzcp.mapping import Mapping
from zzcp.report.nest import level_names, loop_nest
from zzcp.report.style import loops, plural, section, unrolling
from zzcp.report.tables import table


def mapping_file_report(file: MappingFile) -> RenderableType:
    """Return the entries of a mapping file, a row each."""
    rows = table("entry", "unrolled over the array", "operands as", "loop order, innermost first")
    for entry in file.entries:
        links = entry.memory_operand_links or {}
        rows.add_row(
            Text(entry.name),
            _spatial(entry),
            ", ".join(f"{operand} {memory}" for operand, memory in links.items()) or "default",
            loops(entry.temporal_ordering) or "free",
        )
    return section(f"mapping file: {plural(len(file.entries), 'entry').replace('entrys', 'entries')}", rows)


def _spatial(entry: MappingEntry) -> str:
    parts = []
    if entry.spatial_mapping:
        parts.append(unrolling(entry.spatial_mapping))
    if entry.spatial_mapping_hint:
        hints = "   ".join(f"{name}: {' '.join(dims)}" for name, dims in entry.spatial_mapping_hint.items())
        parts.append(f"hint {hints}")
    return "; ".join(parts) or "free"


def full_mapping_report(
    mappings: dict[str | None, Mapping], accelerator: Accelerator | None = None
) -> RenderableType:
    """Return the loop nest of every mapping.

    Parameters
    ----------
    mappings : dict
        Per layer name its mapping; the key is None where a file holds one mapping that names no layer.
    accelerator : Accelerator, optional
        The machine they are for, whose memory names are shown.
    """
    return Group(
        *(
            section(
                "full mapping" if name is None else f"mapping of layer {name}",
                loop_nest(mapping, level_names(mapping, accelerator)),
            )
            for name, mapping in mappings.items()
        )
    )
