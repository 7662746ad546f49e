"""Checks of arguments: what cannot be used gives one message that says what was expected and what was found."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from numbers import Real
from operator import index
from pathlib import Path
from typing import Any, TypeVar

from zzcp.errors import InputError, Place, nearest

T = TypeVar("T")

MAX_SEED = 2**63 - 1
"""Largest seed: one of 64 bits, so that databases and JSON hold it."""
MAX_PRECISION = 4096
"""Most bits of an element."""
MAX_WORKERS = 10_000
"""Most threads, which is CP-SAT's own limit, or processes."""


def instance(value: object, kind: type[T], what: str, expected: str | None = None) -> T:
    """Return a value if it is of a type.

    Parameters
    ----------
    value : object
        The value.
    kind : type
        The type.
    what : str
        What the value is for the caller, as in ``accelerator``.
    expected : str, optional
        The type in words; its name where not given.

    Raises
    ------
    InputError
        If it is of another type.
    """
    if isinstance(value, kind):
        return value
    name = kind.__name__
    raise InputError(
        what,
        expected=expected or f"{'an' if name[0] in 'AEIOU' else 'a'} {name}",
        found=repr_of(value),
    )


def flag(value: object, what: str) -> bool:
    """Return a truth value; a text such as ``no`` is none, though Python takes it for true.

    Raises
    ------
    InputError
        If it is none.
    """
    return instance(value, bool, what, "True or False")


def integer(value: object, what: str, *, least: int | None = None, most: int | None = None) -> int:
    """Return a value as an int, also where it is one of numpy's or a float such as 2.0.

    Raises
    ------
    InputError
        If it is no whole number, where a truth value is none, or out of range.
    """
    number = _whole(value)
    bounded = least is not None or most is not None
    if number is None and not bounded:
        raise InputError(f"{what} is not a whole number", expected="an integer", found=repr_of(value))
    if number is None or (least is not None and number < least) or (most is not None and number > most):
        bounds = f">= {least}" if most is None else f"from {least} to {most}"
        raise InputError(what, expected=f"an integer {bounds}", found=repr_of(value))
    return number


def _whole(value: object) -> int | None:
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool):
        return None
    try:
        return index(value)  # type: ignore[arg-type]  # what has no index raises
    except TypeError:
        return None


def native(value: Any) -> Any:
    """Return a number of numpy as one of Python's own, and anything else as it is."""
    if isinstance(value, bool | int | float | Fraction) or not isinstance(value, Real):
        return value
    whole = _whole(value)
    return float(value) if whole is None else whole


def number(value: object, what: str, expected: str, accepts: Callable[[float], bool]) -> float:
    """Return a real number, also where it is one of numpy's or a fraction, as a float.

    Parameters
    ----------
    value : object
        The number; infinity where `accepts` takes it.
    what, expected : str
        What it is, and which numbers it may be.
    accepts : callable
        Whether a number may be used; it is never called with what is not a number.

    Raises
    ------
    InputError
        If it is no number, where a truth value is none, or not accepted.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{what} is not a number", expected=expected, found=repr_of(value))
    try:
        result = float(value)
    except OverflowError:
        result = math.inf if value == abs(value) else -math.inf
    if math.isnan(result) or not accepts(result):
        raise InputError(f"{what} out of range", expected=expected, found=repr_of(value))
    return result


def duration(value: object, what: str) -> float:
    """Return a limit of time: a positive number, or infinity.

    Raises
    ------
    InputError
        If it is none.
    """
    return number(value, what, "a positive number of seconds", lambda limit: limit > 0)


def gap_tolerance(value: object) -> float:
    """Return the gap at which a search ends.

    Raises
    ------
    InputError
        If it is no number from 0 up to, but not, 1.
    """
    return number(value, "gap", "0 <= gap < 1", lambda gap: 0 <= gap < 1)


def check_seed(value: object) -> int:
    """Return the seed of random choices.

    Raises
    ------
    InputError
        If it is no whole number, negative or too large.
    """
    seed = _whole(value)
    if seed is None or not 0 <= seed <= MAX_SEED:
        raise InputError(
            "seed out of range", expected="a whole number from 0 to 2^63 - 1", found=repr_of(value)
        )
    return seed


def seed_again(first: object, seed: int) -> int:
    """Return the seed of a second search: the sum of the first one and another, beyond the largest from 0 on."""
    return (seed + (first if isinstance(first, int) else 0)) % (MAX_SEED + 1)


def choice(value: object, what: str, allowed: Sequence[str]) -> str:
    """Return one of several words.

    Raises
    ------
    InputError
        If it is none of them; with the nearest one.
    """
    if isinstance(value, str) and value in allowed:
        return value
    word = str(value) if isinstance(value, str) else repr_of(value)
    raise InputError(
        f"unknown {what}", expected=", ".join(allowed), found=word, hint=nearest(word, tuple(allowed))
    )


def among(
    value: object,
    known: Iterable[str],
    message: str,
    *,
    field: str | None = None,
    found: str | None = None,
    none: str = "",
    near: bool = False,
) -> None:
    """Check that a name is one of those that there are.

    Parameters
    ----------
    value : object
        The name.
    known : iterable of str
        The names that there are.
    message : str
        What is wrong with any other.
    field : str, optional
        Where it stands.
    found : str, optional
        How it is written; as it is where not given.
    none : str
        What is expected where there are no names.
    near : bool
        Whether to say the nearest of them.

    Raises
    ------
    InputError
        If it is none of them.
    """
    known = tuple(known)
    if value not in known:
        hint = nearest(str(value), known) if near else None
        expected, found = ", ".join(known) or none, str(value) if found is None else found
        raise InputError(message, place=Place(field=field), expected=expected, found=found, hint=hint)


def each_once(names: Sequence[str], message: str, *, field: str) -> None:
    """Check that no name is given twice; `message` says so, and `field` where they stand.

    Raises
    ------
    InputError
        If one is.
    """
    if len(set(names)) != len(names):
        raise InputError(message, place=Place(field=field), found=", ".join(names))


def entries(value: object, what: str, expected: str) -> tuple[Any, ...]:
    """Return the entries of a list, or of anything else that can be iterated over but texts and mappings.

    Raises
    ------
    InputError
        If it is no such thing.
    """
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        with suppress(TypeError):  # an array of no dimensions
            return tuple(value)
    raise InputError(what, expected=expected, found=repr_of(value))


def all_of(value: object, kind: type[T] | tuple[type[Any], ...], what: str, expected: str) -> tuple[T, ...]:
    """Return the entries of a list, all of one type, or of one of several.

    Raises
    ------
    InputError
        If it is no list, or an entry is of another type.
    """
    found = entries(value, what, expected)
    if not all(isinstance(entry, kind) for entry in found):
        raise InputError(what, expected=expected, found=repr_of(value))
    return found


def pairs(value: object, what: str, expected: str) -> dict[str, Any]:
    """Return a mapping whose keys are texts.

    Raises
    ------
    InputError
        If it is none.
    """
    if not isinstance(value, Mapping):
        raise InputError(what, expected=expected, found=repr_of(value))
    for key in value:
        instance(key, str, f"key of {what}", "a text")
    return dict(value)


def two(value: object, what: str, expected: str) -> tuple[Any, Any]:
    """Return both entries of a list of two.

    Raises
    ------
    InputError
        If it is no such thing.
    """
    found = entries(value, what, expected)
    if len(found) != 2:
        raise InputError(what, expected=expected, found=repr_of(value))
    return found[0], found[1]


def function(value: object, what: str) -> None:
    """Check what is to be called, where there is something.

    Raises
    ------
    InputError
        If it cannot be called.
    """
    if value is not None and not callable(value):
        raise InputError(what, expected="a function, or None", found=repr_of(value))


def file_path(value: object) -> Path:
    """Return the path of a file.

    Raises
    ------
    InputError
        If it is neither a text nor a path, or no file can have that name.
    """
    if not isinstance(value, str | Path):
        raise InputError("path", expected="the path of a file", found=repr_of(value))
    try:
        possible = b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:  # half of a pair of surrogates
        possible = False
    if not possible:
        raise InputError("path", expected="a name that a file can have", found=repr_of(str(value)))
    return Path(value)


def repr_of(value: object) -> str:
    """Return a value as Python writes it, cut to a readable length."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an integer of thousands of digits
        text = "something too long to be shown"
    return text if len(text) <= 60 else f"{text[:57]}..."
