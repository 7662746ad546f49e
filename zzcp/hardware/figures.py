"""Energies and areas as a user may give them: any real number in range, kept as a plain one."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from numbers import Real

from zzcp.checks import repr_of
from zzcp.errors import InputError

MIN_ENERGY, MAX_ENERGY = 1e-100, 1e100
"""Smallest energy accepted but none, and the largest: totals and their products with cycles stay floats."""
ENERGY_RANGE = f"0, or {MIN_ENERGY:g} to {MAX_ENERGY:g}"
"""These limits in words."""


def non_negative(value: object, what: str) -> float:
    """Return a finite number >= 0 as an int or a float, also where it is one of numpy's or a fraction.

    Raises
    ------
    InputError
        If it is none; a truth value is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Real):
        raise InputError(f"{what} is not a number", expected="a number >= 0", found=repr_of(value))
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not 0 <= number < math.inf:
        raise InputError(f"{what} out of range", expected="a finite number >= 0", found=repr(number))
    # an integer stays one: its digits count
    return value if type(value) is int else number


def energy(value: object, what: str) -> float:
    """Return an energy as an int or a float.

    Raises
    ------
    InputError
        If it is no number, or so small or large that products with it leave the range of floats.
    """
    number = non_negative(value, what)
    if number and not MIN_ENERGY <= number <= MAX_ENERGY:
        raise InputError(f"{what} out of range", expected=ENERGY_RANGE, found=f"{number:g}")
    return number


@lru_cache(maxsize=4096)
def decimal_of(value: float) -> Fraction:
    """Return the decimal that a file states (0.095 is 95/1000), not the nearest binary fraction."""
    return Fraction(repr(value))
