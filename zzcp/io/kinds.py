"""Kinds of input files, so that a file in the place of another is called by its name."""

from __future__ import annotations

from enum import StrEnum

from zzcp.documents.nodes import Document, Node
from zzcp.mapping.constraints_reader import KINDS


class Kind(StrEnum):
    """What a document holds."""

    HARDWARE = "a hardware file"
    WORKLOAD = "a workload file"
    MAPPING = "a mapping file"
    FULL_MAPPING = "a full mapping"
    RESULT = "a result of zzcp"
    CONSTRAINTS = "a file of constraints"
    SWEEP = "a sweep of zzcp"
    FRONT = "a front of zzcp"


_TABLES = {"sweep": Kind.SWEEP, "pareto": Kind.FRONT}
"""What files say of themselves that are neither an input nor a result."""
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
        if found := _by_keys(root):
            return found
        first = next(iter(root.values()), None)
    else:
        first = root[0] if isinstance(root, list) and root else None
    if first is not None and isinstance(first.value, dict):
        for kind, keys in _ENTRY_KEYS.items():
            if first.value.keys() & keys:
                return kind
    return None


def _by_keys(root: dict[str, Node]) -> Kind | None:
    """Return what the keys of a whole file tell."""
    told = root["kind"].value if "kind" in root else None
    tells = {
        Kind.HARDWARE: root.keys() & {"memories", "operational_array"},
        Kind.FULL_MAPPING: "temporal_mapping" in root or ("spatial_mapping" in root and "name" not in root),
        Kind.RESULT: "layers" in root,
        Kind.CONSTRAINTS: root.keys() & set(KINDS) or list(root) == ["constraints"],
    }
    if isinstance(told, str) and told in _TABLES:
        return _TABLES[told]
    return next((kind for kind, found in tells.items() if found), None)


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
