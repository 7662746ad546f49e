"""What every memory of a Timeloop architecture keeps, as its constraints say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zzcp.conversion.notes import Notes
from zzcp.conversion.parts import Part
from zzcp.conversion.source import Source
from zzcp.conversion.timeloop.elements import Element

_FILES = ("architecture_constraints", "mapspace_constraints", "mapspace")
_BYPASSES = ("bypass", "bypassing", "datatype", "dataspace")
"""Types of constraints that say what is kept; all others limit loops."""
_NAMED = ("keep", "keep_only", "bypass")
_LOOPS = "limits on loops are left out: mappings that they forbid are in the space (docs/constraints.md has our own)"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept and what is not, by the names of memories.

    Parameters
    ----------
    keep, bypass : mapping of str to frozenset of str
        Tensors that a memory keeps, or does not.
    only : frozenset of str
        Memories that keep nothing but what they are told to.
    """

    keep: Mapping[str, frozenset[str]]
    bypass: Mapping[str, frozenset[str]]
    only: frozenset[str]

    @property
    def mentioned(self) -> set[str]:
        """All tensors that are named."""
        return {name for names in (*self.keep.values(), *self.bypass.values()) for name in names}

    def of(self, element: Element, tensors: tuple[str, ...]) -> tuple[str, ...]:
        """Return which tensors a memory keeps: those not named are kept, beside other memories they are not."""
        bypass = self.bypass.get(element.name, frozenset())
        keep = self.keep.get(element.name)
        if keep is not None and (element.parallel or element.name in self.only):
            return tuple(name for name in tensors if name in keep)
        return tuple(name for name in tensors if name not in bypass)


def kept_tensors(source: Source, notes: Notes) -> Kept:
    """Return what the constraints of some files say about memories.

    Parameters
    ----------
    source : Source
        The files.
    notes : Notes
        Where remarks go; constraints on loops are named there.
    """
    keep: dict[str, frozenset[str]] = {}
    bypass: dict[str, frozenset[str]] = {}
    only: set[str] = set()
    for target, part in [*_beside(source, limits=False), *_inside(source, notes)]:
        if part.at("keep_only").exists:
            only.add(target)
        named = frozenset(part.first("keep_only", "keep").texts("a list of tensors"))
        if named or part.first("keep_only", "keep").exists:
            keep[target] = keep.get(target, frozenset()) | named
        bypass[target] = bypass.get(target, frozenset()) | frozenset(
            part.at("bypass").texts("a list of tensors")
        )
    for target, _ in _beside(source, limits=True):
        notes.miss(f"constraints of {target}", _LOOPS)
    return Kept(keep, bypass, frozenset(only))


def _entries(source: Source) -> list[Part]:
    """Return the constraints that stand in files of their own."""
    found: list[Part] = []
    for key in _FILES:
        part = source.part(key)
        if part is not None and key == "mapspace" and part.is_mapping:
            part = part.at("constraints")
        if part is not None and part.is_mapping:
            part = part.at("targets")
        if part is not None:
            found += part.items()
    return found


def _beside(source: Source, *, limits: bool) -> list[tuple[str, Part]]:
    """Return the constraints that stand in a list: those that limit loops, or those that say what is kept."""
    return [
        (entry.at("target").text("the name of a memory"), entry)
        for entry in _entries(source)
        if (entry.at("type").text("a type of constraint") not in _BYPASSES) is limits
    ]


def _inside(source: Source, notes: Notes) -> list[tuple[str, Part]]:
    """Return the constraints that stand at the components of version 0.4."""
    part = source.part("architecture", "arch")
    found = []
    for node in part.below() if part else ():
        if node.is_mapping and node.at("constraints").is_mapping and node.at("name").exists:
            name = node.at("name").text()
            for kind in node.at("constraints").entries():
                if kind.key == "dataspace":
                    found.append((name, kind))
                    for extra in kind.names():
                        if extra not in _NAMED:
                            notes.miss(f"dataspace.{extra} of {name}", "it is not looked at")
                else:
                    notes.miss(f"constraints.{kind.key} of {name}", _LOOPS)
    return found
