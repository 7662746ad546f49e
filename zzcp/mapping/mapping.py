"""A complete mapping of one layer: spatial unrolling, loop order, memory allocation and buffering."""

from __future__ import annotations

import collections.abc
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, get_args

import yaml

from zzcp.checks import all_of, among, choice, entries, instance, integer, pairs, repr_of, two
from zzcp.documents import parse_document
from zzcp.errors import InputError, MappingError
from zzcp.mapping.spatial import SpatialMapping


class Loop(NamedTuple):
    """A temporal loop over a (factor of a) layer dimension."""

    dim: str
    size: int


Levels = tuple[tuple[Loop, ...], ...]
"""The temporal loops of one operand per memory level, innermost level and innermost loop first."""

MAPPING_KEYS = (
    "spatial_mapping",
    "temporal_mapping",
    "double_buffered",
    "memory_operand_links",
    "bypass",
    "resident",
    "reserved",
    "factors",
)

DEFAULT_LINKS = {"O": "O", "W": "I2", "I": "I1"}
"""Which memory operand holds operands of the usual names, where nothing else is said."""

Factors = Literal["perfect", "imperfect"]
FACTORS = get_args(Factors)
"""Loops that divide, or loops whose last tiles may be smaller."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """How one layer runs on one accelerator.

    Parameters
    ----------
    spatial : SpatialMapping
        What is unrolled over the array.
    temporal : mapping of str to Levels
        For every operand one tuple of loops per memory level that holds it, innermost first; a level's loops
        iterate over data that the level holds. The concatenation is the same loop order for every operand.
    buffering : mapping of str to tuple of bool, optional
        For every operand and level whether its tile is kept twice, so that one copy is refilled while the other
        is used. Where None, the conventions' rule decides.
    links : mapping of str to str, optional
        Which memory operand (``I1``, ``I2``, ``O``) holds which operand of the layer. Where None, the layer's
        default.
    bypass : mapping of str to tuple of str, optional
        Memories of the accelerator that do not hold an operand: it has no level there (see `zzcp.mapping.machine`).
    factors : str
        ``perfect``: the loops of a dimension multiply to its iterations. ``imperfect``: they may come to more, if the
        outermost one runs through the tiles that there are; the last tile is smaller, at every level.
    resident : mapping of str to str, optional
        Operands that stay whole in a memory between layers: nothing of them moves above it, and they have no levels
        there (see `zzcp.mapping.machine`).
    reserved : mapping of str to int, optional
        Bits of memories that tensors of other layers take meanwhile.
    """

    spatial: SpatialMapping
    temporal: collections.abc.Mapping[str, Levels]
    buffering: collections.abc.Mapping[str, tuple[bool, ...]] | None = field(default=None)
    links: collections.abc.Mapping[str, str] | None = field(default=None)
    bypass: collections.abc.Mapping[str, tuple[str, ...]] | None = field(default=None)
    factors: Factors = "perfect"
    resident: collections.abc.Mapping[str, str] | None = field(default=None)
    reserved: collections.abc.Mapping[str, int] | None = field(default=None)

    def __post_init__(self) -> None:
        instance(self.spatial, SpatialMapping, "spatial mapping")
        if not _is_plain(self.temporal):
            object.__setattr__(self, "temporal", _read_temporal(self.temporal))
        if self.buffering is not None:
            object.__setattr__(self, "buffering", _read_buffering(self.buffering))
        if self.links is not None:
            object.__setattr__(self, "links", _read_links(self.links))
        if self.bypass is not None:
            object.__setattr__(self, "bypass", _read_bypass(self.bypass))
        if self.resident is not None:
            object.__setattr__(self, "resident", _read_resident(self.resident))
        if self.reserved is not None:
            object.__setattr__(self, "reserved", _read_reserved(self.reserved))
        choice(self.factors, "factors", FACTORS)

    @classmethod
    def from_order(
        cls,
        spatial: SpatialMapping,
        order: Sequence[tuple[str, int]],
        allocation: collections.abc.Mapping[str, Sequence[int]],
        buffering: collections.abc.Mapping[str, tuple[bool, ...]] | None = None,
        links: collections.abc.Mapping[str, str] | None = None,
        bypass: collections.abc.Mapping[str, tuple[str, ...]] | None = None,
        factors: Factors = "perfect",
    ) -> Mapping:
        """Build a mapping from one loop order and the boundaries of every operand.

        Parameters
        ----------
        spatial : SpatialMapping
            What is unrolled over the array.
        order : sequence of (str, int)
            The temporal loops, innermost first.
        allocation : mapping of str to sequence of int
            For every operand and memory level, how many loops of `order` lie at or below the level:
            non-decreasing, the last equal to ``len(order)``.
        buffering, links, bypass, factors
            As for `Mapping`.
        """
        loops = _read_loops("order", order)
        temporal = {}
        for operand, given in pairs(
            allocation, "allocation", "a dictionary of operands and boundaries"
        ).items():
            what = f"allocation of {operand}"
            ends = [
                integer(end, what) for end in entries(given, what, "one number of loops per memory level")
            ]
            if not ends:
                raise InputError(what, expected="one number of loops per memory level", found="none")
            if any(not 0 <= end <= len(loops) for end in ends):
                # falling ones make an invalid mapping, which the evaluator tells
                expected = f"numbers from 0 to {len(loops)}"
                raise InputError(f"{what} out of range", expected=expected, found=repr_of(ends))
            temporal[operand] = tuple(
                loops[start:end] for start, end in zip((0, *ends[:-1]), ends, strict=True)
            )
        return cls(spatial, temporal, buffering, links, bypass, factors)

    @classmethod
    def from_dict(cls, data: collections.abc.Mapping[str, Any]) -> Mapping:
        """Read the dictionary form.

        Parameters
        ----------
        data : mapping
            ``spatial_mapping`` (array dimension -> layer dimension -> factor), ``temporal_mapping`` (operand ->
            one list per memory level, innermost first, of ``[dimension, size]``, innermost first), and optionally
            ``double_buffered`` (operand -> one bool per level), ``memory_operand_links``, ``bypass`` (operand ->
            names of memories), ``resident`` (operand -> name of a memory), ``reserved`` (memory -> bits) and
            ``factors`` (``perfect`` or ``imperfect``).

        Raises
        ------
        InputError
            If a field is missing, unknown or of the wrong form. Loops of size 1 are dropped.
        """
        if not isinstance(data, collections.abc.Mapping):
            raise InputError("a mapping", expected="a dictionary", found=repr_of(data))
        for key in data:
            among(key, MAPPING_KEYS, "unknown field of a mapping", near=True)
        for key in MAPPING_KEYS[:-1]:
            value = data.get(key)
            optional = key not in MAPPING_KEYS[:2]
            if not (isinstance(value, collections.abc.Mapping) or (optional and value is None)):
                raise InputError(f"{key} of a mapping", expected="a dictionary", found=repr_of(value))
        temporal = {
            operand: tuple(
                tuple(Loop(dim.upper(), size) for dim, size in level if size > 1) for level in levels
            )
            for operand, levels in _read_temporal(data["temporal_mapping"]).items()
        }
        return cls(
            SpatialMapping.from_dict(data["spatial_mapping"]),
            temporal,
            data.get("double_buffered"),
            data.get("memory_operand_links"),
            data.get("bypass") or None,
            data.get("factors") or "perfect",
            data.get("resident") or None,
            data.get("reserved") or None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the form that `from_dict` reads."""
        data: dict[str, Any] = {
            "spatial_mapping": self.spatial.to_dict(),
            "temporal_mapping": {
                operand: [[[loop.dim, loop.size] for loop in level] for level in levels]
                for operand, levels in self.temporal.items()
            },
        }
        if self.buffering is not None:
            data["double_buffered"] = {operand: list(flags) for operand, flags in self.buffering.items()}
        if self.links is not None:
            data["memory_operand_links"] = dict(self.links)
        if self.bypass:
            data["bypass"] = {operand: list(memories) for operand, memories in self.bypass.items()}
        if self.resident:
            data["resident"] = dict(self.resident)
        if self.reserved:
            data["reserved"] = dict(self.reserved)
        if self.is_imperfect:
            data["factors"] = self.factors
        return data

    @classmethod
    def from_yaml(cls, text: str) -> Mapping:
        """Read the YAML (or JSON) text of the dictionary form.

        Raises
        ------
        InputError
            If the text is no plain YAML, or something else than `from_dict` reads.
        """
        data: Any = parse_document(instance(text, str, "YAML", "a text")).data
        return cls.from_dict(data)

    def to_yaml(self) -> str:
        """Return the dictionary form as YAML text."""
        lines = []
        for key, value in self.to_dict().items():
            if isinstance(value, str):
                lines.append(f"{key}: {value}")
                continue
            lines.append(f"{key}:" if value else f"{key}: {{}}")
            for name, entry in value.items():
                if key == "temporal_mapping" and entry:
                    lines.append(f"  {_yaml_key(name)}:")
                    lines.extend(f"    - {json.dumps(level)}" for level in entry)
                else:
                    lines.append(f"  {_yaml_key(name)}: {json.dumps(entry)}")
        return "\n".join(lines) + "\n"

    def to_zigzag(self, name: str = "default") -> str:
        """Return a mapping file that ZigZag reads: the unrolling, the links and the complete loop order.

        ZigZag's file has no place for the allocation: its own allocator decides which memory holds which loops. What
        else the mapping says and the file cannot, such as a bypass, stands as comments above the entries.

        Parameters
        ----------
        name : str
            Layer name or operator type to which the entry applies.

        Raises
        ------
        InputError
            If the loops need not divide: ZigZag has no smaller last tiles. Or if operands have names other than O, W
            and I, and the mapping does not say which memory operand holds them.
        """
        if self.is_imperfect:
            raise InputError(
                "ZigZag's mapping file cannot express loops that do not divide",
                expected="a mapping with perfect factors",
                found="factors: imperfect",
            )
        links = dict(self.links or DEFAULT_LINKS)
        unknown = [operand for operand in self.temporal if operand not in links]
        if unknown:
            raise InputError(
                f"the mapping does not say which memory operand holds {unknown[0]}",
                expected="links of all operands, such as {A: I1, B: I2, Y: O}",
                found="none" if self.links is None else repr_of(links),
            )
        entry: dict[str, Any] = {
            "name": name,
            "spatial_mapping": {
                array_dimension: [f"{dim}, {factor}" for dim, factor in factors]
                for array_dimension, factors in self.spatial.unrolling
            },
            "memory_operand_links": links,
            "temporal_ordering": [[loop.dim, loop.size] for loop in self.order],
        }
        entries = [entry] if name == "default" else [entry, {**entry, "name": "default"}]
        lost = "".join(f"# not in ZigZag's file: {what}\n" for what in self._unknown_to_zigzag())
        return lost + str(yaml.safe_dump(entries, sort_keys=False, default_flow_style=None))

    def _unknown_to_zigzag(self) -> list[str]:
        """Return what the mapping says, beside its allocation, and ZigZag's file cannot, with the consequence."""
        found = [
            f"{operand} bypasses {', '.join(memories)}; there it passes through every memory that may hold it"
            for operand, memories in (self.bypass or {}).items()
            if memories
        ]
        found += [
            f"{operand} stays in {memory} between layers; there it comes from, or goes to, the outermost memory"
            for operand, memory in (self.resident or {}).items()
        ]
        found += [
            f"{count:,} bits of {memory} taken by tensors of other layers; there all of it is free"
            for memory, count in (self.reserved or {}).items()
        ]
        if any(any(kept) for kept in (self.buffering or {}).values()):
            found.append("tiles that are kept twice; there force_double_buffering of a memory decides")
        return found

    @property
    def order(self) -> tuple[Loop, ...]:
        """The common loop order, innermost first: the coarsest one that refines every operand's loops.

        Raises
        ------
        MappingError
            If two operands disagree on the order.
        """
        orders = {operand: flatten(levels) for operand, levels in self.temporal.items()}
        if not orders:
            return ()
        names = list(orders)
        common = orders[names[0]]
        for name in names[1:]:
            refined = refine(common, orders[name])
            if refined is None:
                raise MappingError([order_conflict(names[0], orders[names[0]], name, orders[name])])
            common = refined
        return common

    @property
    def allocation(self) -> dict[str, tuple[int, ...]]:
        """For every operand and level, how many loops of `order` lie at or below the level."""
        order = self.order
        products = [1]
        for loop in order:
            products.append(products[-1] * loop.size)
        result = {}
        for operand, levels in self.temporal.items():
            below, ends = 1, []
            for level in levels:
                below *= math.prod(loop.size for loop in level)
                ends.append(products.index(below))
            result[operand] = tuple(ends)
        return result

    @property
    def is_imperfect(self) -> bool:
        """Whether the loops need not divide."""
        return self.factors == "imperfect"

    def with_factors(self, factors: Factors) -> Mapping:
        """Return the same loops read otherwise."""
        return replace(self, factors=factors)

    @property
    def changes_machine(self) -> bool:
        """Whether it runs on another machine than it is for: operands bypass memories or stay in them."""
        return bool(self.bypass or self.resident or self.reserved)

    def on_its_machine(self) -> Mapping:
        """Return the same mapping as one of the machine that is left (see `zzcp.mapping.machine.machine_of`)."""
        return replace(self, bypass=None, resident=None, reserved=None)

    def with_buffering(self, buffering: collections.abc.Mapping[str, tuple[bool, ...]] | None) -> Mapping:
        """Return the same mapping with other buffering."""
        return replace(self, buffering=buffering)

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_dict(), sort_keys=True))


def flatten(levels: Levels) -> tuple[Loop, ...]:
    """Return the loops of all levels, innermost first, without loops of size 1."""
    return tuple(loop for level in levels for loop in level if loop.size != 1)


def refine(first: Sequence[Loop], second: Sequence[Loop]) -> tuple[Loop, ...] | None:
    """Return the coarsest order that splits the loops of both orders, or None where they contradict each other.

    (K, 6) and (K, 2), (K, 3) agree; (K, 2), (C, 2) and (C, 2), (K, 2) do not.
    """
    result: list[Loop] = []
    left, right = list(first)[::-1], list(second)[::-1]
    while left and right:
        a, b = left.pop(), right.pop()
        if a.dim != b.dim:
            return None
        small, large, rest = (a, b, right) if a.size <= b.size else (b, a, left)
        if large.size % small.size:
            return None
        if large.size > small.size:
            rest.append(Loop(large.dim, large.size // small.size))
        result.append(small)
    return None if left or right else tuple(result)


def order_conflict(name: str, order: Sequence[Loop], other: str, other_order: Sequence[Loop]) -> str:
    """Describe where the loop orders of two operands part."""

    def text(loops: Sequence[Loop]) -> str:
        return ", ".join(f"{loop.dim} {loop.size}" for loop in loops) or "no loops"

    return (
        f"operands {name} and {other} have different loop orders (innermost first): "
        f"{text(order)} against {text(other_order)}"
    )


def _yaml_key(name: str) -> str:
    """Return a name as a key of YAML: quoted where YAML would not take it for that text, as in ``on``."""
    return name if name.isidentifier() and yaml.safe_load(name) == name else json.dumps(name)


def _is_plain(temporal: object) -> bool:
    """Return whether loops need no reading, which is so of all that are made here."""
    return type(temporal) is dict and all(
        type(operand) is str
        and type(levels) is tuple
        and all(
            type(level) is tuple
            and all(type(loop) is Loop and type(loop[0]) is str and type(loop[1]) is int for loop in level)
            for level in levels
        )
        for operand, levels in temporal.items()
    )


def _read_temporal(given: object) -> dict[str, Levels]:
    result = {}
    for operand, levels in pairs(
        given, "temporal_mapping", "a dictionary of operands and their loops"
    ).items():
        name = f"temporal_mapping.{operand}"
        found = entries(levels, name, "one list of loops per memory level, innermost first")
        result[operand] = tuple(_read_loops(f"{name}[{number}]", level) for number, level in enumerate(found))
    return result


def _read_loops(name: str, given: object) -> tuple[Loop, ...]:
    loops = []
    for entry in entries(given, name, "a list of [dimension, size]"):
        dim, size = two(entry, name, "a loop [dimension, size]")
        if not isinstance(dim, str):
            raise InputError(name, expected="a loop [dimension, size]", found=repr_of(entry))
        loops.append(Loop(dim, integer(size, f"{name}: size of loop {dim}", least=1)))
    return tuple(loops)


def _read_buffering(given: object) -> dict[str, tuple[bool, ...]]:
    flags = "one true or false per level"
    return {
        operand: all_of(levels, bool, f"double_buffered.{operand}", flags)
        for operand, levels in pairs(
            given, "double_buffered", f"a dictionary of operands with {flags}"
        ).items()
    }


def _read_links(given: object) -> dict[str, str]:
    found = pairs(given, "memory_operand_links", "a dictionary of operands and memory operands")
    return {
        operand: instance(memory, str, f"link of {operand}", "I1, I2 or O")
        for operand, memory in found.items()
    }


def _read_bypass(given: object) -> dict[str, tuple[str, ...]] | None:
    found = {
        operand: tuple(dict.fromkeys(all_of(memories, str, f"bypass.{operand}", "a list of memories")))
        for operand, memories in pairs(given, "bypass", "a dictionary of operands and memories").items()
    }
    return {operand: memories for operand, memories in found.items() if memories} or None


def _read_resident(given: object) -> dict[str, str] | None:
    found = pairs(given, "resident", "a dictionary of operands and memories")
    return {
        operand: instance(memory, str, f"resident.{operand}", "the name of a memory")
        for operand, memory in found.items()
    } or None


def _read_reserved(given: object) -> dict[str, int] | None:
    found = {
        memory: integer(bits, f"reserved.{memory}", least=0)
        for memory, bits in pairs(given, "reserved", "a dictionary of memories and bits").items()
    }
    return {memory: bits for memory, bits in found.items() if bits} or None
