"""The one exception family of the package: what a user did, where, and what was expected instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

LONGEST = 300
"""Most characters that a message says of what was found."""


class ZzcpError(Exception):
    """Base of every error that zzcp raises on purpose.

    Attributes
    ----------
    exit_code : int
        What the command line returns when the error reaches it.
    """

    exit_code: int = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the input something is wrong.

    Attributes
    ----------
    file : str or None
        Path of the file as the user gave it.
    line : int or None
        Line number, counted from 1.
    field : str or None
        Path of the field, as in ``memories.dram.ports[0].type``.
    """

    file: str | None = None
    line: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return ": ".join(part for part in (where, self.field) if part)


class InputError(ZzcpError):
    """Bad input: one message with the place, what was expected and what was found.

    Parameters
    ----------
    message : str
        What is wrong, in one sentence without a final stop.
    place : Place, optional
        Where it is wrong.
    expected, found : str, optional
        What a valid input holds there, and what this one holds.
    hint : str, optional
        What to do about it, e.g. the nearest known key.
    """

    def __init__(
        self,
        message: str,
        *,
        place: Place | None = None,
        expected: str | None = None,
        found: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.message = message
        self.place = place or Place()
        self.expected = expected
        self.found = found if found is None or len(found) <= LONGEST else f"{found[: LONGEST - 3]}..."
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if str(self.place) else self.message
        details = [
            f"{label} {value}"
            for label, value in (("expected", self.expected), ("found", self.found))
            if value is not None
        ]
        if details:
            text += f": {', '.join(details)}"
        return f"{text} ({self.hint})" if self.hint else text

    def at(
        self, file: str | Path | None = None, line: int | None = None, field: str | None = None
    ) -> InputError:
        """Return the same error with the parts of its place that were unknown filled in."""
        place = Place(
            self.place.file if self.place.file is not None else (str(file) if file is not None else None),
            self.place.line if self.place.line is not None else line,
            self.place.field if self.place.field is not None else field,
        )
        error = type(self).__new__(type(self))
        error.__dict__.update(self.__dict__)
        error.args = self.args
        error.place = place
        return error


@contextmanager
def placed_at(file: str | Path | None = None, field: str | None = None) -> Iterator[None]:
    """Fill in, in errors of what is done inside, the parts of their place that are unknown."""
    try:
        yield
    except InputError as error:
        raise error.at(file=file, field=field) from None


class MappingError(InputError):
    """A mapping that the layer or the accelerator cannot run.

    Parameters
    ----------
    violations : sequence of str
        Each violated rule with the amount by which it is violated.
    """

    exit_code = 3

    def __init__(self, violations: Sequence[str], *, place: Place | None = None) -> None:
        self.violations = tuple(violations)
        super().__init__("invalid mapping: " + "; ".join(self.violations), place=place)


def nearest(word: str, known: Sequence[str]) -> str | None:
    """Return ``did you mean ...?`` with the known word nearest to a misspelt one, or None."""
    folded = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6)
    return f"did you mean {folded[matches[0]]!r}?" if matches else None
