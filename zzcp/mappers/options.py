"""Checks of the options of mappers."""

from __future__ import annotations

from zzcp.checks import repr_of
from zzcp.errors import InputError


def at_least(least: int, **options: int) -> None:
    """Refuse options below a bound.

    Raises
    ------
    InputError
        Naming the option, the bound and the value.
    """
    for name, value in options.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise InputError(f"{name} out of range", expected=f"an integer >= {least}", found=repr_of(value))


def within(low: float, high: float, **options: float) -> None:
    """Refuse options outside a closed range.

    Raises
    ------
    InputError
        Naming the option, the range and the value.
    """
    for name, value in options.items():
        if not isinstance(value, int | float) or not low <= value <= high:
            raise InputError(f"{name} out of range", expected=f"{low:g} to {high:g}", found=repr_of(value))
