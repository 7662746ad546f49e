"""The option ``--plot`` of commands: a picture of their result, for which matplotlib is needed only then."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from zzcp.cli.output import check_writable

OPTION = "--plot"


def check_figure(path: str | None) -> None:
    """Check that a picture can be drawn and written, before any work.

    Raises
    ------
    InputError
        If matplotlib is missing, the format is unknown, or the file cannot be written.
    """
    if path is None:
        return
    style = import_module("zzcp.plot.style")
    style.require_matplotlib()
    style.format_of(path)
    check_writable(path, OPTION)


def save_figure(path: str | None, kind: str, result: Any) -> None:
    """Draw a result with the function of `zzcp.plot` for its kind, and write the picture, if asked for."""
    if path is None:
        return
    draw = getattr(import_module("zzcp.plot"), f"{kind}_figure")
    import_module("zzcp.plot.style").save(draw(result), path)
