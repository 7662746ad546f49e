"""The text of a file, and what is wrong with it before it is a document."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path
from select import select

import yaml

from zzcp.checks import file_path
from zzcp.documents.nodes import shorten
from zzcp.errors import InputError, Place

MAX_BYTES = 16 * 2**20
"""Largest file accepted."""
PATIENCE = 1.0
"""Seconds to wait for somebody who writes to a pipe."""

TEMPLATE = "templates such as Jinja's are not expanded: render the file first"
"""What to do about a file with braces that no YAML has."""

_JSON = re.compile(r"\s*(?:\{\s*\"|\[\s*\{)")
"""How a text begins that is meant to be JSON."""

_ESCAPE = re.compile(r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|.)")


def with_yaml_escapes(text: str) -> str:
    """Return a JSON text in the escapes of YAML.

    JSON writes a character beyond the first 65536 as two escapes, which YAML does not know.
    """
    return _ESCAPE.sub(_join_surrogates, text)


def _join_surrogates(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[0]
    high, low = int(match[1], 16) - 0xD800, int(match[2], 16) - 0xDC00
    return f"\\U{0x10000 + (high << 10) + low:08X}"


def read_text(path: str | Path) -> str:
    """Return the text of a file.

    Raises
    ------
    InputError
        If it cannot be read, is too large, or is not in UTF-8.
    """
    path = file_path(path)
    place = Place(str(path))
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError("no such file", place=place) from None
    except IsADirectoryError:
        raise InputError("cannot be read", place=place, expected="a file", found="a directory") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError("cannot be read", place=place, found=reason) from None
    if len(raw) > MAX_BYTES:
        raise InputError("the file is too large", place=place, expected=f"at most {MAX_BYTES >> 20} MiB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            "not a text file",
            place=Place(str(path), line),
            expected="text in UTF-8",
            found=f"the byte 0x{raw[error.start]:02x} at position {error.start}",
        ) from None


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; for somebody who writes to a named pipe it waits a little, not for ever."""
    if not (Path(path).is_fifo() and Path(path).resolve().exists()):  # a shell's <(...) has no file
        return os.open(path, flags)
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if not select([descriptor], [], [], PATIENCE)[0]:
        os.close(descriptor)
        raise OSError(errno.ETIMEDOUT, "a pipe that nobody writes to")
    os.set_blocking(descriptor, True)
    return descriptor


def malformed(error: yaml.YAMLError, text: str, file: str) -> InputError:
    """Return an error that says where a text is no YAML, or no JSON where it is meant to be that, and why."""
    if file.endswith(".json") or _JSON.match(text):
        try:
            json.loads(text)
        except json.JSONDecodeError as fault:
            return _malformed_json(fault, text, file)
        except (ValueError, RecursionError):
            pass  # the parser of YAML says more
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        found = (
            f"the character {chr(error.character)!r}" if isinstance(error.character, int) else error.reason
        )
        return InputError("malformed YAML", place=Place(file, line), expected="printable text", found=found)
    at = mark.line + 1 if mark else None
    lines = text.splitlines()
    written = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return InputError(
            "malformed YAML",
            place=Place(file, at),
            expected="indentation with spaces",
            found="a tab",
        )
    if "{{" in written or "{%" in written:
        return InputError(
            "malformed YAML",
            place=Place(file, at),
            expected="plain values",
            found=shorten(repr(written.strip())),
            hint=TEMPLATE,
        )
    context = getattr(error, "context", None)
    problem = getattr(error, "problem", None) or str(error)
    message = f"malformed YAML: {problem} {context}" if context else f"malformed YAML: {problem}"
    return InputError(
        shorten(message, 160),
        place=Place(file, at),
        found=shorten(repr(written.strip())),
        hint="write '*' in quotes" if "alias" in (context or "") else None,
    )


def _malformed_json(fault: json.JSONDecodeError, text: str, file: str) -> InputError:
    if fault.pos >= len(text.rstrip()):
        return InputError("malformed JSON: it ends too early", place=Place(file, fault.lineno))
    written = text.splitlines()[fault.lineno - 1]
    return InputError(
        f"malformed JSON: {fault.msg[:1].lower()}{fault.msg[1:]}",
        place=Place(file, fault.lineno),
        found=shorten(repr(written[fault.colno - 1 :].strip() or written.strip())),
    )
