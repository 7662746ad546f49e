"""The files that results were made from, by name and hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from zzcp.hardware import Accelerator
from zzcp.io import accelerator_to_dict


class Source(NamedTuple):
    """A file that was read.

    Attributes
    ----------
    file : str
        Its name, without folders.
    sha256 : str or None
        Hash of its content, in hexadecimal digits; None of a pipe, which can be read only once.
    """

    file: str
    sha256: str | None

    @classmethod
    def of(cls, path: str | Path) -> Source:
        """Return the name and the hash of a file."""
        file = Path(path)
        return cls(file.name, sha256(file.read_bytes()).hexdigest() if file.is_file() else None)


Sources = Mapping[str, Source | Sequence[Source] | None]
"""The files that something was made from, by their roles; None where there is no file of a role."""


def inputs_data(inputs: Sources, machine: Accelerator | None = None) -> dict[str, Any]:
    """Return names and hashes of files for JSON.

    Parameters
    ----------
    inputs : mapping of str to Source, sequence of Source or None
        The files by their roles.
    machine : Accelerator, optional
        The machine of the ``accelerator``, whose whole content is written, too.
    """
    data: dict[str, Any] = {}
    if machine is not None:
        data["accelerator"] = {
            **(_source_data(inputs.get("accelerator")) or {}),
            "content": accelerator_to_dict(machine),
        }
    return data | {role: _source_data(source) for role, source in inputs.items() if role not in data}


def _source_data(source: Source | Sequence[Source] | None) -> Any:
    if source is None or isinstance(source, Source):
        return None if source is None else source._asdict()
    return [entry._asdict() for entry in source]
