"""Plain scalars: which text is a number, a truth value, nothing, or just text.

PyYAML follows YAML 1.1, whose rules surprise (`010` is 8, `1:30` is 90, `1e3` is text). Here they are the same
where the readings agree; a number that two readers would read differently is refused, and `1e3` is kept in a
form that counts both as text and as a number.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"))
_FALSE = frozenset(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"))
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_PREFIXED = re.compile(r"[-+]?0(x[0-9a-fA-F_]+|b[01_]+)")
_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_SEXAGESIMAL = re.compile(r"[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?")
_EXPONENT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+")
_LONG = re.compile(r"[-+]?[0-9_.]+([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

MAX_DIGITS = 60
"""Longest number accepted, in characters."""

Scalar = None | bool | int | float | str


class Exponential(str):
    """A number such as ``1e-3``, which YAML 1.1 reads as text and JSON as a number: it may stand for either."""

    __slots__ = ()


def with_numbers(data: Any) -> Any:
    """Return plain data in which numbers such as ``1e-3`` are numbers."""
    if isinstance(data, dict):
        return {key: with_numbers(value) for key, value in data.items()}
    if isinstance(data, list):
        return [with_numbers(value) for value in data]
    return float(data) if isinstance(data, Exponential) else data


class ScalarError(ValueError):
    """A plain scalar that cannot be read; the arguments are what was expected and what was found."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(expected, found)
        self.expected = expected
        self.found = found


def resolve(text: str) -> Scalar:
    """Return the value of a plain (unquoted) scalar.

    Raises
    ------
    ScalarError
        If it is a number that is ambiguous, not finite or far too long.
    """
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] not in "+-.0123456789":
        return text
    if len(text) <= MAX_DIGITS:
        return _number(text)
    if not _LONG.fullmatch(text):
        return text
    raise ScalarError(
        f"a number of at most {MAX_DIGITS} characters", f"{text[:20]}... ({len(text)} characters)"
    )


@lru_cache(maxsize=4096)
def _number(text: str) -> Scalar:
    if _SPECIAL.fullmatch(text):
        raise ScalarError("a finite number", text)
    if _OCTAL.fullmatch(text):
        raise ScalarError("a decimal number without leading zeros", f"{text}, which YAML reads as octal")
    if _SEXAGESIMAL.fullmatch(text):
        raise ScalarError("a decimal number, or text in quotes", f"{text}, which YAML reads in base 60")
    is_integer = _DECIMAL.fullmatch(text) or _PREFIXED.fullmatch(text)
    is_exponential = _EXPONENT.fullmatch(text)
    if not (is_integer or is_exponential or _FLOAT.fullmatch(text)):
        return text
    digits = text.replace("_", "")
    try:
        if is_integer:
            return int(digits, 0)
        if not math.isfinite(float(digits)):
            raise ScalarError("a finite number", text)
        return Exponential(text) if not _FLOAT.fullmatch(text) else float(digits)
    except ValueError as error:
        raise error if isinstance(error, ScalarError) else ScalarError("a number", text) from None
