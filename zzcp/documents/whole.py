"""Files that are written as a whole or not at all, whatever ends the program meanwhile."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file: its old content stays until the new one is there as a whole.

    What is no regular file, such as a device or a pipe, and a file in a folder that takes no new ones, is written in
    place.

    Parameters
    ----------
    path : str or Path
        The file; of a link, what it points to.
    content : str or bytes
        Its new content; text is written as UTF-8.

    Raises
    ------
    OSError
        If it cannot be written; its old content is still there.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    part = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        file = part.open("xb")
    except (FileNotFoundError, PermissionError):
        target.write_bytes(data)
        return
    try:
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
