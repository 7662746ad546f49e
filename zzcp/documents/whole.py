"""Files that are written as a whole or not at all, whatever ends the program meanwhile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def write_whole(path: str | Path, content: str | bytes | Iterable[str]) -> None:
    """Write a file: its old content stays until the new one is there as a whole.

    What is no regular file, such as a device or a pipe, and a file in a folder that takes no new ones, is written in
    place.

    Parameters
    ----------
    path : str or Path
        The file; of a link, what it points to.
    content : str, bytes or iterable of str
        Its new content, or the parts of it; text is written as UTF-8.

    Raises
    ------
    OSError
        If it cannot be written; its old content is still there.
    """
    parts = [content] if isinstance(content, str | bytes) else content
    data = (part if isinstance(part, bytes) else part.encode("utf-8", "backslashreplace") for part in parts)
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with target.open("wb") as device:
            device.writelines(data)
        return
    part = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        file = part.open("xb")
    except (FileNotFoundError, PermissionError):
        with target.open("wb") as direct:
            direct.writelines(data)
        return
    try:
        with file:
            file.writelines(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
