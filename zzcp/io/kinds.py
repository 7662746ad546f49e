"""Kinds of input files, so that a file in the place of another is called by its name."""

from __future__ import annotations

from enum import StrEnum

from zzcp.io.nodes import Document
from zzcp.mapping.constraints_reader import KINDS


class Kind(StrEnum):
    """What a document holds."""

    HARDWARE = "a hardware file"
    WORKLOAD = "a workload file"
    MAPPING = "a mapping file"
    FULL_MAPPING = "a full mapping"
    RESULT = "a result of zzcp"
    CONSTRAINTS = "a file of constraints"


_ENTRY_KEYS = {
    Kind.WORKLOAD: frozenset(("equation", "loop_dims", "loop_sizes", "operator_type", "operand_precision")),
    Kind.MAPPING: frozenset(
        ("spatial_mapping", "spatial_mapping_hint", "memory_operand_links", "temporal_ordering")
    ),
    Kind.CONSTRAINTS: frozenset(KINDS),
}


def kind_of(document: Document) -> Kind | None:
    """Return what a document seems to hold, or None where its keys do not tell."""
    root = document.root.value
    if isinstance(root, dict):
        if root.keys() & {"memories", "operational_array"}:
            return Kind.HARDWARE
        if "temporal_mapping" in root or ("spatial_mapping" in root and "name" not in root):
            return Kind.FULL_MAPPING
        if "layers" in root:
            return Kind.RESULT
        if root.keys() & set(KINDS) or list(root) == ["constraints"]:
            return Kind.CONSTRAINTS
        first = next(iter(root.values()), None)
    else:
        first = root[0] if isinstance(root, list) and root else None
    if first is not None and isinstance(first.value, dict):
        for kind, keys in _ENTRY_KEYS.items():
            if first.value.keys() & keys:
                return kind
    return None


def require_kind(document: Document, *kinds: Kind) -> None:
    """Check that a document is no other kind of file.

    Raises
    ------
    InputError
        If it holds something else.
    """
    found = kind_of(document)
    if found is not None and found not in kinds:
        raise document.error((), "wrong kind of file", expected=" or ".join(kinds), found=found)
