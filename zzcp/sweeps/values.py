"""Values of fields as a user writes them: numbers, sizes with units, ranges and lists of them."""

from __future__ import annotations

import re
from enum import StrEnum
from fractions import Fraction

from zzcp.checks import native
from zzcp.errors import InputError

Value = int | float | bool
"""A value of a field: sizes and widths in bits, energies in the unit of the file."""

MAX_VALUES = 10_000
"""Most values of one axis."""


class Kind(StrEnum):
    """What a field holds."""

    SIZE = "bits"
    WIDTH = "bits per cycle"
    ENERGY = "energy"
    AREA = "area"
    CYCLES = "cycles"
    UNITS = "units"
    BITS = "bits of a value"
    LOOP = "iterations"
    FLAG = "true or false"

    @property
    def whole(self) -> bool:
        """Whether the values are integers."""
        return self not in (Kind.ENERGY, Kind.AREA, Kind.FLAG)

    @property
    def has_units(self) -> bool:
        """Whether a value may be written with a unit of data."""
        return self in (Kind.SIZE, Kind.WIDTH)


_NUMBER = re.compile(r"([0-9][0-9_]*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE]([-+]?[0-9]{1,3}))?")
_UNIT = re.compile(r"(?:([kKMGT])(i?))?(bits?|b|B)(?:/cycle)?")
_PREFIX = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4}
_BINARY, _DECIMAL = ("B", "KiB", "MiB", "GiB", "TiB"), ("B", "kB", "MB", "GB", "TB")
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}
_EXAMPLE = {
    Kind.SIZE: "a size such as 8192, 4KiB, 64KB or 512b (a number alone is in bits)",
    Kind.WIDTH: "bits per cycle such as 64 or 8B",
    Kind.FLAG: "true or false",
}


def parse_value(text: str, kind: Kind) -> Value:
    """Return the value of a text such as ``64``, ``4KiB`` or ``2.5``.

    Raises
    ------
    InputError
        If it is none.
    """
    value = text.strip()
    if kind is Kind.FLAG:
        if value.lower() in _FLAGS:
            return _FLAGS[value.lower()]
        raise _wrong(text, kind)
    return _plain(_number(value, kind), kind, text)


def parse_values(text: str, kind: Kind) -> tuple[Value, ...]:
    """Return the values of a text: values and ranges with commas between them.

    A range is ``low:high:xFACTOR`` or ``low:high:+STEP``; it ends at the last value that is not above `high`.

    Raises
    ------
    InputError
        If it cannot be read, or a value comes twice.
    """
    values: list[Value] = []
    for part in text.split(","):
        if ":" in part:
            values.extend(_range(part.strip(), kind))
        else:
            values.append(parse_value(part, kind))
        if len(values) > MAX_VALUES:
            raise InputError("too many values", expected=f"at most {MAX_VALUES:,}", found=text)
    return tuple(values)


def checked_value(value: object, kind: Kind) -> Value:
    """Return a value that was given as a number or as text.

    Raises
    ------
    InputError
        If it is not of the kind.
    """
    if isinstance(value, str):
        return parse_value(value, kind)
    value = native(value)
    if isinstance(value, bool) != (kind is Kind.FLAG) or not isinstance(value, int | float | Fraction):
        raise _wrong(repr(value), kind)
    return value if isinstance(value, bool) else _plain(Fraction(value), kind, repr(value))


def _range(text: str, kind: Kind) -> list[Value]:
    parts = text.split(":")
    if len(parts) != 3 or not parts[2] or parts[2][0] not in "x+" or kind is Kind.FLAG:
        raise InputError(
            "cannot read the range",
            expected="low:high:xFACTOR or low:high:+STEP, such as 4KiB:1MiB:x2 or 8:64:+8",
            found=text,
        )
    low, high = (_number(part.strip(), kind) for part in parts[:2])
    times = parts[2][0] == "x"
    step = _number(parts[2][1:].strip(), Kind.ENERGY if times else kind)
    if low > high or (times and (step <= 1 or low <= 0)) or step <= 0:
        raise InputError(
            "the range does not rise", expected="low <= high and a factor > 1 or a step > 0", found=text
        )
    values: list[Value] = []
    current = low
    while current <= high:
        values.append(_plain(current, kind, text))
        if len(values) > MAX_VALUES:
            raise InputError("too many values", expected=f"at most {MAX_VALUES:,}", found=text)
        current = current * step if times else current + step
    return values


def _number(text: str, kind: Kind) -> Fraction:
    match = _NUMBER.match(text)
    if match is None:
        raise _wrong(text, kind)
    value = Fraction(match[1].replace("_", ""))
    if match[2]:
        value *= Fraction(10) ** int(match[2])
    rest = text[match.end() :].strip()
    if not rest:
        return value
    unit = _UNIT.fullmatch(rest)
    if unit is None or not kind.has_units:
        raise _wrong(text, kind)
    prefix, binary, base = unit.groups()
    if prefix:
        value *= (1024 if binary else 1000) ** _PREFIX[prefix]
    return value * 8 if base == "B" else value


def _plain(value: Fraction, kind: Kind, text: str) -> Value:
    if kind.whole:
        if value.denominator != 1:
            raise InputError("not a whole number", expected=f"an integer ({kind.value})", found=text)
        return value.numerator
    return value.numerator if value.denominator == 1 else float(value)


def _wrong(text: str, kind: Kind) -> InputError:
    return InputError(
        "cannot read the value",
        expected=_EXAMPLE.get(kind, f"a number ({kind.value})"),
        found=text or "nothing",
    )


def value_text(value: Value, kind: Kind) -> str:
    """Return a value with its unit, as short as it can be said exactly: ``4 KiB``, ``8 kB``, ``24 b``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind is not Kind.SIZE:
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    if value % 8:
        return f"{value:,} b"
    size, unit = int(value) // 8, 0
    step, units = (1000, _DECIMAL) if size % 1024 else (1024, _BINARY)
    while size and size % step == 0 and unit < 4:
        size, unit = size // step, unit + 1
    return f"{size:,} {units[unit]}"
