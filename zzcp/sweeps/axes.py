"""An axis of a sweep: one field, or several that change together, with its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zzcp.checks import entries
from zzcp.errors import InputError, Place, placed_at
from zzcp.sweeps.fields import Field, find_field
from zzcp.sweeps.values import Value, checked_value, parse_values, value_text

Step = tuple[Value, ...]
"""The values of an axis' fields at one of its steps."""

Given = str | Sequence[object]
"""Values of an axis as a user gives them."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One field, or several that change together, with its values.

    Parameters
    ----------
    fields : tuple of Field
        The fields.
    steps : tuple of tuple
        For every step the value of every field.
    """

    fields: tuple[Field, ...]
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """The names of the fields, with commas between them."""
        return ",".join(field.name for field in self.fields)

    def text(self, step: Step) -> str:
        """Return the values of a step, with units; equal ones once."""
        texts = [value_text(value, field.kind) for field, value in zip(self.fields, step, strict=True)]
        return texts[0] if len(set(texts)) == 1 else " / ".join(texts)


def parse_axis(text: str, known: Mapping[str, Field]) -> Axis:
    """Read ``NAME[,NAME...]=VALUES``.

    With several names, a value for each is written ``1KiB/2KiB``; one value is for all. Values are a list with
    commas, whose entries may be ranges such as ``4KiB:1MiB:x2`` or ``8:64:+8``.

    Raises
    ------
    InputError
        If it cannot be read, or a field is unknown.
    """
    names, sign, values = text.partition("=")
    if not sign or not names.strip() or not values.strip():
        raise InputError(
            "cannot read what to vary",
            expected="NAME=VALUES such as memories.sram.size=4KiB:1MiB:x2",
            found=text or "nothing",
        )
    return make_axis(names, values, known)


def make_axis(names: str, values: Given, known: Mapping[str, Field]) -> Axis:
    """Return an axis of some fields (with commas between their names) and values: a text or a sequence.

    Raises
    ------
    InputError
        If a field is unknown, or a value is not one of its kind.
    """
    fields = tuple(find_field(known, name.strip()) for name in names.split(","))
    if len({field.name for field in fields}) != len(fields):
        raise InputError("field given twice on one axis", place=Place(field=names))
    with placed_at(field=names):
        steps = (
            _text_steps(fields, values)
            if isinstance(values, str)
            else _plain_steps(fields, entries(values, "values", "a list, or a text such as 4KiB:1MiB:x2"))
        )
    axis = Axis(fields, steps)
    if len(set(steps)) < len(steps):
        repeated = next(step for number, step in enumerate(steps) if step in steps[:number])
        raise InputError("value given twice", place=Place(field=names), found=axis.text(repeated))
    if not steps:
        raise InputError("no values", place=Place(field=names), expected="at least one")
    return axis


def _text_steps(fields: Sequence[Field], text: str) -> tuple[Step, ...]:
    columns = [
        parse_values(",".join(_part(entry, number, len(fields)) for entry in text.split(",")), field.kind)
        for number, field in enumerate(fields)
    ]
    if len({len(column) for column in columns}) > 1:
        counts = ", ".join(str(len(column)) for column in columns)
        raise InputError(
            "fields that change together need as many values", found=f"{counts} values of {text}"
        )
    return tuple(zip(*columns, strict=True))


def _part(entry: str, number: int, count: int) -> str:
    """Return the part of a value or range that is for one field."""
    parts = []
    for piece in entry.split(":"):
        choices = piece.split("/") if count > 1 else [piece]
        if len(choices) not in (1, count):
            raise InputError(
                "fields that change together need a value each",
                expected=f"{count} values with / between them, or one for all",
                found=piece,
            )
        parts.append(choices[number % len(choices)])
    return ":".join(parts)


def _plain_steps(fields: Sequence[Field], values: Sequence[object]) -> tuple[Step, ...]:
    steps = []
    for value in values:
        row = tuple(value) if isinstance(value, tuple | list) else (value,) * len(fields)
        if len(row) != len(fields):
            raise InputError(
                "fields that change together need a value each",
                expected=f"{len(fields)} values",
                found=repr(value),
            )
        steps.append(
            tuple(checked_value(entry, field.kind) for entry, field in zip(row, fields, strict=True))
        )
    return tuple(steps)
