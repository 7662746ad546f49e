"""A mapping file to begin with: what may be unrolled on a machine's array, to be narrowed to what its wiring allows."""

from __future__ import annotations

from collections.abc import Sequence

from zzcp.hardware import Accelerator

_LINKS = "{O: O, W: I2, I: I1}"
_LAYERS = (
    (
        "default",
        "convolutions, and whatever no other entry is for",
        ("B", "K", "C", "OY", "OX", "FY", "FX", "G"),
    ),
    ("is depthwise", "every channel by itself", ("B", "G", "OY", "OX", "FY", "FX")),
    ("is matrix-product", "batch B and H, rows D, columns K, reduction C", ("B", "H", "D", "K", "C")),
)


def mapping_skeleton(accelerator: Accelerator) -> str:
    """Return a mapping file for a machine, as YAML: entries by kind of layer, with everything allowed everywhere.

    Parameters
    ----------
    accelerator : Accelerator
        The machine; its memories say in comments what the units along an array dimension share.
    """
    array = accelerator.array
    lines = [
        f"# What may be unrolled on the array of {accelerator.name}: zzcp solve -m FILE --spatial auto searches it.",
        "# Leave in every list the layer dimensions that the wiring allows. A spatial_mapping fixes factors instead.",
        *(_described(accelerator, name) for name in array.dimensions),
    ]
    for name, what, dims in _LAYERS:
        lines += ["", f"- name: {name} # {what}", "  spatial_mapping_hint:"]
        lines += [f"    {dimension}: [{', '.join(dims)}]" for dimension in array.dimensions]
        lines += [f"  # spatial_mapping: {_example(accelerator, dims)}", f"  memory_operand_links: {_LINKS}"]
    return "\n".join(lines) + "\n"


def _described(accelerator: Accelerator, dimension: str) -> str:
    shared = [memory.name for memory in accelerator.memories if dimension in memory.served_dimensions]
    own = [memory.name for memory in accelerator.memories if dimension not in memory.served_dimensions]
    parts = [f"{accelerator.array.size(dimension):,} units"]
    if dimension in accelerator.array.systolic_dimensions:
        parts.append("systolic")
    if shared:
        parts.append(f"which share {', '.join(shared)}")
    if own:
        parts.append(f"each has its {', '.join(own)}")
    return f"# {dimension}: {', '.join(parts)}"


def _example(accelerator: Accelerator, dims: Sequence[str]) -> str:
    wanted = [dim for dim in ("K", "C", "OY", "OX", "G", "D") if dim in dims]
    array = accelerator.array
    parts = [
        f'{name}: ["{wanted[number % len(wanted)]}, {array.size(name)}"]'
        for number, name in enumerate(array.dimensions)
    ]
    return f"{{{', '.join(parts)}}}"
