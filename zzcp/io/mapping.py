"""Reader of mappings: ZigZag's mapping YAML, full mappings, and the mappings in results of ``solve``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainValidator, TypeAdapter

from zzcp.documents.document import load_document
from zzcp.documents.nodes import Document, FieldPath
from zzcp.errors import InputError, Place, nearest
from zzcp.hardware.accelerator import MAX_MEMORIES
from zzcp.io.kinds import Kind, kind_of, require_kind
from zzcp.io.schema import (
    MAX_LENGTH,
    ArrayDimension,
    Flag,
    Identifier,
    LayerDimension,
    LoopFactor,
    MemoryBits,
    MemoryOperand,
    Name,
    Schema,
    Unrollings,
    choice,
    integer,
    text,
    unrolling_factors,
    validate,
)
from zzcp.mapping.mapping import FACTORS
from zzcp.workload import Layer
from zzcp.workload.checks import MAX_LOOP, USUAL_DIMENSIONS
from zzcp.workload.kinds import Selector

DEFAULT = "default"
"""Name of the entry for the layers that no other entry is for."""

MAX_RESULT_VALUES = 10**6
"""Largest number of values accepted in a result, which holds some hundred for each layer."""

ANY = "*"
"""Stands for any layer dimension, or any size, in a temporal ordering."""


@dataclass(frozen=True, slots=True)
class MappingEntry:
    """What a mapping file says about the layers of one name or operator type.

    Parameters
    ----------
    name : str
        Name of a layer, a kind of layers such as ``is depthwise`` (`zzcp.workload.kinds`), an operator type, or
        ``default``.
    spatial_mapping : dict, optional
        Per array dimension the layer dimensions unrolled on it, with their factors, in the order of the file.
    spatial_mapping_hint : dict, optional
        Per array dimension the layer dimensions that may be unrolled on it.
    memory_operand_links : dict, optional
        Which memory operand (``I1``, ``I2``, ``O``) holds which operand of the layer.
    temporal_ordering : tuple of (str, int or None)
        Loops from the innermost outwards. The size None is free; the dimension ``*`` stands for any loops.
    """

    name: str
    spatial_mapping: dict[str, dict[str, int]] | None = None
    spatial_mapping_hint: dict[str, tuple[str, ...]] | None = None
    memory_operand_links: dict[str, str] | None = None
    temporal_ordering: tuple[tuple[str, int | None], ...] = ()


@dataclass(frozen=True, slots=True)
class MappingFile:
    """A mapping file: entries for layers, operator types, and everything else.

    Parameters
    ----------
    entries : tuple of MappingEntry
        The entries in the order of the file.
    file : str, optional
        Where they come from.
    """

    entries: tuple[MappingEntry, ...]
    file: str | None = None

    def check_dimensions(self, layers: Iterable[Layer]) -> None:
        """Check that every layer dimension named in an unrolling of some layers is one of theirs, or a usual one.

        A mapping file serves many networks: entries that no layer takes are left alone, and the dimensions of
        convolutions may be named where a network has none.

        Raises
        ------
        InputError
            If there is no such dimension.
        """
        layers = list(layers)
        own = dict.fromkeys(dim for layer in layers for dim in layer.sizes)
        for entry in {id(entry): entry for entry in map(self.for_layer, layers)}.values():
            for key in ("spatial_mapping", "spatial_mapping_hint"):
                for name, dims in (getattr(entry, key) or {}).items():
                    unknown = next(
                        (dim for dim in dims if dim not in own and dim not in USUAL_DIMENSIONS), None
                    )
                    if unknown is not None:
                        error = InputError(
                            "no layer has a dimension of that name",
                            expected=", ".join(own),
                            found=unknown,
                            hint=nearest(unknown, list(own)),
                        )
                        raise self.located(error, entry, key, name)

    def located(self, error: InputError, entry: MappingEntry, *path: str) -> InputError:
        """Return an error about an entry with its place in the file; `path` leads to what is wrong in the entry."""
        if self.file is None or not Path(self.file).is_file():
            return error.at(self.file, field=".".join((entry.name, *path)))
        return load_document(self.file).placed(error, (self.entries.index(entry), *path))

    def for_layer(self, layer: Layer) -> MappingEntry:
        """Return the entry for a layer: by its name, else the first that is for its kind, by its operator, the default.

        Raises
        ------
        InputError
            If there is no such entry.
        """
        by_name = {entry.name: entry for entry in self.entries}
        if layer.name in by_name:
            return by_name[layer.name]
        for entry in self.entries:
            selector = Selector.of(entry.name)
            if selector is not None and selector.selects(layer):
                return entry
        for name in (layer.operator, DEFAULT):
            if name in by_name:
                return by_name[name]
        raise InputError(
            f"no mapping for layer {layer.name}",
            place=Place(self.file),
            expected=f"an entry named {layer.name}, {layer.operator} or {DEFAULT}",
            found=", ".join(by_name),
        )


@dataclass(frozen=True, slots=True)
class FullMappings:
    """Complete mappings, each in the form that ``Mapping.from_dict`` reads.

    Parameters
    ----------
    by_layer : dict
        Per layer name its mapping; the key is None where a file holds one mapping that names no layer. Layers
        of a result that share a name are found by their id instead.
    file : str, optional
        Where they come from.
    conventions : str, optional
        Name of the conventions under which a result was computed: its double buffers are theirs.
    """

    by_layer: dict[str | None, dict[str, Any]]
    file: str | None = None
    conventions: str | None = None


_size = integer(
    "an integer number of iterations, or '*' in quotes where it is free", minimum=1, maximum=MAX_LOOP
)


def _free_size(value: object) -> int | None:
    return None if value == ANY else _size(value)


AnyDimension = Annotated[
    str, PlainValidator(text("a layer dimension such as K or OX, or '*'", r"[A-Za-z]\w*|\*"))
]
FreeLoop = tuple[AnyDimension, Annotated[int | None, PlainValidator(_free_size)]]
Hint = Annotated[list[LayerDimension], Field(max_length=MAX_LENGTH)]
Loop = tuple[LayerDimension, LoopFactor]
Level = Annotated[list[Loop], Field(max_length=MAX_LENGTH)]
Levels = Annotated[list[Level], Field(max_length=MAX_MEMORIES)]


class EntrySchema(Schema):
    """An entry of a mapping file."""

    name: Name
    spatial_mapping: Unrollings | None = None
    spatial_mapping_hint: dict[ArrayDimension, Hint] = Field(default_factory=dict)
    memory_operand_links: dict[Name, MemoryOperand] = Field(default_factory=dict)
    temporal_ordering: Annotated[list[FreeLoop], Field(max_length=MAX_LENGTH)] = Field(default_factory=list)


class FullMappingSchema(Schema):
    """A full mapping."""

    spatial_mapping: dict[ArrayDimension, dict[LayerDimension, LoopFactor]]
    temporal_mapping: dict[Name, Levels]
    double_buffered: dict[Name, Annotated[list[Flag], Field(max_length=MAX_MEMORIES)]] | None = None
    memory_operand_links: dict[Name, MemoryOperand] | None = None
    bypass: dict[Name, Annotated[list[Name], Field(max_length=MAX_MEMORIES)]] | None = None
    factors: Annotated[str, PlainValidator(choice(*FACTORS))] | None = None
    resident: dict[Name, Name] | None = None
    reserved: dict[Name, MemoryBits] | None = None


class ResultLayerSchema(Schema):
    """A layer of a result; one without a solution has no mapping."""

    other_keys = True
    id: Identifier = 0
    name: Name
    spatial_mapping: dict[ArrayDimension, dict[LayerDimension, LoopFactor]] | None = None
    temporal_mapping: dict[Name, Levels] | None = None
    double_buffered: dict[Name, Annotated[list[Flag], Field(max_length=MAX_MEMORIES)]] | None = None
    memory_operand_links: dict[Name, MemoryOperand] | None = None
    bypass: dict[Name, Annotated[list[Name], Field(max_length=MAX_MEMORIES)]] | None = None
    factors: Annotated[str, PlainValidator(choice(*FACTORS))] | None = None
    resident: dict[Name, Name] | None = None
    reserved: dict[Name, MemoryBits] | None = None


_ENTRIES = TypeAdapter(list[EntrySchema])
_FULL_MAPPING = TypeAdapter(FullMappingSchema)
_RESULT_LAYERS = TypeAdapter(list[ResultLayerSchema])
_MAPPING_KEYS = set(FullMappingSchema.model_fields)


def load_mapping(path: str | Path) -> MappingFile:
    """Read ZigZag's mapping YAML.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    InputError
        If the file is not such a mapping, with the place of what is wrong.
    """
    document = load_document(path)
    require_kind(document, Kind.MAPPING)
    return _read_file(document)


def load_mapping_source(path: str | Path) -> MappingFile | FullMappings:
    """Read mappings from a mapping file, a full mapping, or a result of ``solve``.

    Parameters
    ----------
    path : str or Path
        The file, YAML or JSON.

    Raises
    ------
    InputError
        If the file is none of them, with the place of what is wrong.
    """
    document = load_document(path, max_values=MAX_RESULT_VALUES)
    require_kind(document, Kind.MAPPING, Kind.FULL_MAPPING, Kind.RESULT)
    match kind_of(document):
        case Kind.FULL_MAPPING:
            schema = validate(_FULL_MAPPING, document)
            _check_links(schema.memory_operand_links or {}, document, ("memory_operand_links",))
            return FullMappings({None: _dump(schema)}, document.file)
        case Kind.RESULT:
            node = document.node(("conventions",))
            conventions = node.value if node and isinstance(node.value, str) else None
            return FullMappings(_read_result(document), document.file, conventions)
    return _read_file(document)


def _dump(schema: Schema) -> dict[str, Any]:
    return schema.model_dump(mode="json", include=_MAPPING_KEYS, exclude_none=True)


def _read_result(document: Document) -> dict[str | None, dict[str, Any]]:
    layers = validate(_RESULT_LAYERS, document, ("layers",))
    mapped = [
        layer for layer in layers if layer.temporal_mapping is not None and layer.spatial_mapping is not None
    ]
    if not mapped:
        raise document.error(("layers",), "no layer has a mapping", expected="at least one")
    names = Counter(layer.name for layer in mapped)
    return {layer.name if names[layer.name] == 1 else str(layer.id): _dump(layer) for layer in mapped}


def _read_file(document: Document) -> MappingFile:
    if not isinstance(document.root.value, list):
        raise document.error(
            (),
            "wrong value",
            expected="a list of entries such as '- name: default', or a mapping with 'temporal_mapping'",
        )
    schemas = validate(_ENTRIES, document)
    names = [schema.name for schema in schemas]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise document.error(
                (i, "name"), "two entries have the same name", expected="one entry per name", found=repr(name)
            )
        with document.placing((i, "name")):
            Selector.of(name)
    if DEFAULT not in names:
        raise document.error(
            (),
            "no default mapping",
            expected=f"an entry named {DEFAULT!r}",
            found=", ".join(names[:10]) or "no entries",
            hint=nearest(DEFAULT, names),
        )
    return MappingFile(
        tuple(_read_entry(schema, document, i) for i, schema in enumerate(schemas)), document.file
    )


def _read_entry(schema: EntrySchema, document: Document, index: int) -> MappingEntry:
    path: FieldPath = (index,)
    spatial = unrolling_factors(schema.spatial_mapping or {}, document, (*path, "spatial_mapping"))
    _check_links(schema.memory_operand_links, document, (*path, "memory_operand_links"))
    return MappingEntry(
        name=schema.name,
        spatial_mapping=spatial or None,
        spatial_mapping_hint={
            dimension: tuple(dict.fromkeys(dims)) for dimension, dims in schema.spatial_mapping_hint.items()
        }
        or None,
        memory_operand_links=schema.memory_operand_links or None,
        temporal_ordering=tuple((dim.upper(), size) for dim, size in schema.temporal_ordering),
    )


def _check_links(links: dict[str, str], document: Document, path: FieldPath) -> None:
    for operand, memory in links.items():
        twins = [other for other, held in links.items() if held == memory]
        if operand != twins[0]:
            raise document.error(
                (*path, operand),
                f"{twins[0]} and {operand} are both held as {memory}",
                expected="another memory operand for each operand",
                found=memory,
            )
