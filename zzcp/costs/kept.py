"""Layouts of memories that are kept between runs, where a program takes a second or more for each."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from zzcp.costs.model import MemoryCosts
from zzcp.documents.folders import WITHOUT, cache_folder
from zzcp.documents.whole import write_whole
from zzcp.errors import InputError, Place

NEVER = ("", "0", "false", "no", "off", "f", "n")
"""Values of the environment variable that leave the cache on."""


def kept(question: str, lay_out: Callable[[], MemoryCosts]) -> MemoryCosts:
    """Return the costs of a memory that an earlier run has laid out, or lay it out and keep them.

    Parameters
    ----------
    question : str
        All that the costs depend on, with the version of the program.
    lay_out : callable
        Lays the memory out.
    """
    if os.environ.get(WITHOUT, "").lower() not in NEVER:
        return lay_out()
    path = _folder() / f"{sha256(question.encode()).hexdigest()}.json"
    if (found := _read(path, question)) is not None:
        return found
    costs = lay_out()
    # a cache that cannot be written is no reason to stop
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({"question": question, "costs": costs[:3]}))
    return costs


def clear() -> int:
    """Remove all layouts that are kept; return how many there were.

    Raises
    ------
    InputError
        If one cannot be removed.
    """
    paths = layouts()
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                "the cache cannot be removed", place=Place(str(path)), found=error.strerror or str(error)
            ) from None
    return len(paths)


def layouts() -> list[Path]:
    """Return the files of all layouts that are kept."""
    return sorted(_folder().glob("*.json"))


def _folder() -> Path:
    return cache_folder() / "layouts"


def _read(path: Path, question: str) -> MemoryCosts | None:
    """Return what a file holds, or None where it holds no answer to the question."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        read, write, area = map(float, entry["costs"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    sound = all(math.isfinite(cost) and cost >= 0 for cost in (read, write, area))
    return MemoryCosts(read, write, area) if sound and entry["question"] == question else None
