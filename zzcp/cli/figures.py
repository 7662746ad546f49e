"""The options ``--csv`` and ``--plot`` of commands: files next to the report.

Matplotlib is needed for a picture only.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from zzcp.cli.output import check_writable


def check_files(csv_path: str | None, plot_path: str | None) -> None:
    """Check that the table and the picture that are asked for can be written, before any work.

    Raises
    ------
    InputError
        If a file cannot be written, the format of the picture is unknown, or matplotlib is missing.
    """
    if csv_path is not None:
        check_writable(csv_path, "--csv")
    if plot_path is not None:
        style = import_module("zzcp.plot.style")
        style.require_matplotlib()
        style.format_of(plot_path)
        check_writable(plot_path, "--plot")


def save_figure(path: str | None, kind: str, result: Any) -> None:
    """Draw a result with the function of `zzcp.plot` for its kind, and write the picture, if asked for."""
    if path is None:
        return
    draw = getattr(import_module("zzcp.plot"), f"{kind}_figure")
    import_module("zzcp.plot.style").save(draw(result), path)
