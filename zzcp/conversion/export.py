"""From results to the files of other tools: a mapping with its machine and its layer, for others to score."""

from __future__ import annotations

from typing import Literal, get_args

from zzcp.checks import choice
from zzcp.conversion.accelforge import spec as accelforge_spec
from zzcp.conversion.notes import Notes
from zzcp.conversion.timeloop import spec as timeloop_spec
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping
from zzcp.workload import Layer

Tool = Literal["timeloop", "accelforge"]
"""Tools to whose files a mapping can be written."""

_WRITERS = {"timeloop": timeloop_spec.write, "accelforge": accelforge_spec.write}
_NAMES = {"timeloop": "Timeloop (timeloop-model FILE)", "accelforge": "AccelForge (Spec.from_yaml)"}


def export(accelerator: Accelerator, layer: Layer, mapping: Mapping, to: Tool) -> str:
    """Return a mapping with its machine and its layer as a file of another tool.

    Parameters
    ----------
    accelerator, layer, mapping
        A valid mapping, and what it is for.
    to : {"timeloop", "accelforge"}
        Whose file.

    Returns
    -------
    str
        YAML, with comments that say where the tool would count otherwise.

    Raises
    ------
    InputError
        If that tool cannot express the machine or the mapping; the message says what.
    """
    choice(to, "tool", get_args(Tool))
    if accelerator.array.in_memory_computing is not None:
        raise InputError("an array that computes in memory", expected="a plain array")
    notes = Notes()
    text = _WRITERS[to](accelerator, layer, mapping, notes)
    return notes.comment(f"Written by zzcp for {_NAMES[to]}: {layer.name} on {accelerator.name}") + text
