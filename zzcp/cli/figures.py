"""The options ``--csv`` and ``--plot`` of commands: files next to the report.

Matplotlib is needed for a picture only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from zzcp.cli.output import check_writable, write_text


@dataclass(frozen=True, slots=True)
class Beside:
    """The files next to the report.

    Parameters
    ----------
    csv_path, plot_path : str or None
        The table and the picture, where they are asked for.
    """

    csv_path: str | None
    plot_path: str | None

    def check(self) -> None:
        """Check that they can be written, before any work.

        Raises
        ------
        InputError
            If a file cannot be written, the format of the picture is unknown, or matplotlib is missing.
        """
        if self.csv_path is not None:
            check_writable(self.csv_path, "--csv")
        if self.plot_path is not None:
            style = import_module("zzcp.plot.style")
            style.require_matplotlib()
            style.format_of(self.plot_path)
            check_writable(self.plot_path, "--plot")

    def table(self, text: Callable[[], str | Iterable[str]]) -> None:
        """Write the table, if asked for."""
        if self.csv_path is not None:
            write_text(self.csv_path, text(), "--csv")

    def picture(self, kind: str, result: Any) -> None:
        """Draw a result with the function of `zzcp.plot` for its kind, and write the picture, if asked for."""
        if self.plot_path is not None:
            draw = getattr(import_module("zzcp.plot"), f"{kind}_figure")
            import_module("zzcp.plot.style").save(draw(result), self.plot_path)
