"""Where results, notes and progress go."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console, RenderableType

from zzcp.cli.program import say
from zzcp.documents.whole import write_whole
from zzcp.errors import InputError, Place
from zzcp.records.plain import Rows, json_parts, json_text
from zzcp.report.style import PIPED, render

PAUSE = 10.0
"""Seconds between two plain lines about what is being done."""
STDOUT = "-"
"""Stands for standard output in place of a file."""


class Output:
    """Results on standard output, as JSON where asked for; notes and progress on standard error.

    Parameters
    ----------
    json_path : str or None
        File for the JSON; `STDOUT` takes the place of the report.
    quiet : bool
        Show neither notes nor progress.
    """

    def __init__(self, json_path: str | None, quiet: bool) -> None:
        self.json_path, self.quiet = json_path, quiet
        if json_path is not None and json_path != STDOUT:
            check_writable(json_path)

    def show(self, *parts: RenderableType) -> None:
        """Print (a part of) the report."""
        if self.json_path != STDOUT:
            sys.stdout.write(render(_console(sys.stdout), *parts))

    def finish(self, data: Any) -> None:
        """Write the JSON, if asked for; a value of `data` may be `Rows`."""
        if self.json_path is None:
            return
        long = isinstance(data, dict) and any(isinstance(value, Rows) for value in data.values())
        write_text(self.json_path, json_parts(data) if long else json_text(data))

    def note(self, text: str) -> None:
        """Print a remark."""
        if not self.quiet:
            say(f"note: {text}")

    @contextmanager
    def progress(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show what is being done: on a terminal as it changes, else a line now and then.

        Gives a function that changes the text.
        """
        if self.quiet or not sys.stderr.isatty():
            yield (lambda _: None) if self.quiet else _now_and_then()
            return
        with _console(sys.stderr).status(text) as status:
            yield status.update


@contextmanager
def open_output(json_path: str | None, quiet: bool) -> Iterator[Output]:
    """Return the output of a command; what readers warn of becomes a note.

    Raises
    ------
    InputError
        If the JSON could not be written; said before any work.
    """
    output = Output(json_path, quiet)

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,  # noqa: ARG001
        line: str | None = None,
    ) -> None:
        if issubclass(category, UserWarning):
            output.note(str(message))
        else:
            say(warnings.formatwarning(str(message), category, filename, lineno, line).rstrip())

    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = show
        yield output


def _now_and_then() -> Callable[[str], None]:
    """Return a function that prints one of the texts that it is given every few seconds."""
    said = time.monotonic()

    def tell(text: str) -> None:
        nonlocal said
        if time.monotonic() - said >= PAUSE:
            said = time.monotonic()
            say(text)

    return tell


def _console(stream: TextIO) -> Console:
    """Return a console: with colours and the width of the terminal on one, else plain; COLUMNS sets the width."""
    terminal = stream.isatty()
    asked = os.environ.get("COLUMNS", "")
    return Console(
        file=stream,
        force_terminal=None if terminal else False,
        width=None if terminal or asked.isdecimal() else PIPED,
        highlight=False,
        markup=False,
        emoji=False,
    )


def write_text(path: str, text: str | Iterable[str], option: str = "--json") -> None:
    """Write a file as a whole, or to standard output; the text may come in parts.

    Raises
    ------
    InputError
        If it cannot be written, naming the option that asked for it.
    """
    if path == STDOUT:
        sys.stdout.writelines([text] if isinstance(text, str) else text)
        return
    try:
        write_whole(path, text)
    except OSError as error:
        raise _unwritable(path, error, option) from None


def check_writable(name: str, option: str = "--json", sources: Iterable[str] = ()) -> None:
    """Open a file for writing, and leave it as it was; one of those that are read is not written over.

    Raises
    ------
    InputError
        If it cannot be written; said before any work.
    """
    path = Path(name)
    try:
        if not name:
            raise ValueError("no name")
        exists = path.exists()
        if exists and any(Path(source).exists() and path.samefile(source) for source in sources):
            raise ValueError("a file that is read, too")
        if exists and not path.is_file() and not path.is_dir():
            return  # a device or a pipe
        with path.open("a", encoding="utf-8"):
            pass
        if not exists:
            path.unlink()
    except (OSError, ValueError) as error:
        raise _unwritable(name, error, option) from None


def _unwritable(path: str, error: Exception, option: str) -> InputError:
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return InputError("cannot be written", place=Place(path or None, field=option), found=reason)
