"""The files of a conversion: several may belong together, as Timeloop's do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zzcp.conversion.parts import Part
from zzcp.conversion.templates import rendered
from zzcp.documents import Document, parse_document
from zzcp.documents.text import read_text


@dataclass(frozen=True, slots=True)
class Source:
    """What some files hold, by the keys at their top.

    Parameters
    ----------
    documents : tuple of Document
        The files in the order in which they were given.
    parts : mapping of str to Part
        What stands under every key at the top of a file.
    """

    documents: tuple[Document, ...]
    parts: Mapping[str, Part]

    def part(self, *keys: str) -> Part | None:
        """Return what stands under the first of some keys that is there."""
        return next((self.parts[key] for key in keys if key in self.parts), None)

    @property
    def files(self) -> str:
        """The names of the files."""
        return ", ".join(document.file for document in self.documents)


def load(paths: Sequence[str], settings: Mapping[str, str]) -> Source:
    """Read files in YAML; tags are kept, and what AccelForge's templates may say is filled in.

    Parameters
    ----------
    paths : sequence of str
        The files.
    settings : mapping of str to str
        Values of the variables of a template.

    Raises
    ------
    InputError
        If a file is no YAML, or two hold the same key.
    """
    documents = [parse_document(rendered(read_text(path), path, settings), path, tags=True) for path in paths]
    parts: dict[str, Part] = {}
    for document in documents:
        root = Part(document)
        if not root.is_mapping:
            raise root.error("cannot be converted", expected="a description of a machine or a workload")
        for key in root.names():
            if key in parts:
                raise root.at(key).error(
                    f"{key} is given twice",
                    expected="each part once",
                    found=f"also in {parts[key].document.file}",
                )
            parts[key] = root.at(key)
    return Source(tuple(documents), parts)
