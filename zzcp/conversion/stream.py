"""Stream's core files to hardware files: they are ZigZag's, with a few more fields."""

from __future__ import annotations

from zzcp.conversion.notes import Notes
from zzcp.conversion.parts import Part
from zzcp.documents import Document
from zzcp.documents.nodes import Node
from zzcp.hardware import Accelerator
from zzcp.io import read_accelerator

COMPUTE = ("compute", "zigzag.compute")
"""Types of cores that compute; a core without a type does."""

_DROPPED = {
    "operator_types": "layers of any type run here",
    "operand_precision": "operands have the bits of the workload, partial sums those of O (--precision O=32)",
    "core_coordinates": "there is one core, and no links between cores",
    "kernel": "there are no kernels",
    "utilization": "the array is as busy as the mapping makes it",
}
"""Fields of Stream that ZigZag does not know, and what follows from leaving them out."""
_DROPPED_MEMORY = {"banks": "banks have no effect on Stream's figures either"}


def is_core(root: Part) -> bool:
    """Return whether a file is a core of Stream: a hardware file, or the short form of an AIE tile."""
    keys = set(root.names())
    return bool(keys & {"operational_array", "memories"}) or ({"type", "memory"} <= keys)


def read_core(root: Part, notes: Notes) -> Accelerator:
    """Return the accelerator that a core is, with its memories alone.

    Parameters
    ----------
    root : Part
        The whole file.
    notes : Notes
        Where remarks go.

    Raises
    ------
    InputError
        If the core does not compute, or its file is no hardware file otherwise.
    """
    kind = root.at("type")
    name = kind.text("a type") if kind.exists else COMPUTE[0]
    if name not in COMPUTE:
        raise kind.error(
            "a core that computes nothing",
            expected=f"no type, or {' or '.join(COMPUTE)}",
            found=name,
            hint="convert the core that computes; its file has the memories that belong to it",
        )
    node = root.node
    assert node is not None
    assert isinstance(node.value, dict)
    children = {key: child for key, child in node.value.items() if key not in ("type", *_DROPPED)}
    for key, consequence in _DROPPED.items():
        if key in node.value:
            notes.miss(key, consequence)
    memories = children.get("memories")
    if memories is not None and isinstance(memories.value, dict):
        children["memories"] = _plain(memories, memories.value, notes)
    notes.assume("the core stands alone: of Stream's machine, links and other cores are left out")
    document = Document(root.document.file, Node(node.line, children))
    return read_accelerator(document)


def _plain(node: Node, memories: dict[str, Node], notes: Notes) -> Node:
    """Return the memories without what only Stream knows."""
    found = {}
    for name, memory in memories.items():
        if isinstance(memory.value, dict):
            for key, consequence in _DROPPED_MEMORY.items():
                if key in memory.value:
                    notes.miss(f"{key} of {name}", consequence)
            fields = {key: value for key, value in memory.value.items() if key not in _DROPPED_MEMORY}
            found[name] = Node(memory.line, fields)
        else:
            found[name] = memory
    return Node(node.line, found)
