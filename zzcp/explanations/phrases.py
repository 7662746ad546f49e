"""Numbers and lists as they stand in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Number = int | float | Fraction

_FACTOR = 10
"""Where one amount is more than so many times another, their ratio says more than a percentage."""


def figure(value: Number) -> str:
    """Return a number with thousands separators; two decimals where it is not whole."""
    if value % 1 == 0:
        return f"{int(value):,}"
    return f"{float(value):,.2f}".rstrip("0").rstrip(".")


def energy(value: float) -> str:
    """Return an energy in four significant digits or more."""
    return f"{value:,.0f} pJ" if value >= 1000 or value % 1 == 0 else f"{value:.4g} pJ"


def cycles(value: Number) -> str:
    """Return ``1 cycle`` or ``2 cycles``."""
    return f"{figure(value)} cycle{'' if value == 1 else 's'}"


def percent(part: Number, whole: Number) -> str:
    """Return a share with as many digits as it needs to differ from 0."""
    if not whole:
        return "0%"
    value = 100 * float(part) / float(whole)
    if value == 0:
        return "0%"
    for digits in (0, 1, 2, 3):
        if abs(value) >= 10 ** (1 - digits) * 0.995 or digits == 3:
            text = f"{value:.{digits}f}"
            return f"{text}%" if float(text) else "less than 0.001%"
    raise AssertionError


def is_multiple(small: Number, large: Number) -> bool:
    """Return whether one amount is so many times another that their ratio says more than a percentage."""
    return small > 0 and large > _FACTOR * small


def growth(before: Number, after: Number) -> str:
    """Return a relative difference: ``+20%``, ``-50%``, and beyond a factor of ten ``54 times`` or ``1/54``."""
    if is_multiple(before, after):
        return times(before, after)
    if is_multiple(after, before):
        return f"1/{_ratio(after, before)}"
    sign = "+" if after > before else "-" if after < before else ""
    return f"{sign}{percent(abs(Fraction(after) - Fraction(before)), before).replace('less than ', '<')}"


def more(before: Number, after: Number, what: str, fewer: str = "less") -> str:
    """Return a relative difference in words: ``20% more energy``, ``54 times the energy``, ``1/54 of the energy``.

    Parameters
    ----------
    before, after : int, float or Fraction
        Amounts above 0.
    what : str
        Of what.
    fewer : str
        The word for a smaller amount.
    """
    if is_multiple(before, after):
        return f"{times(before, after)} the {what}"
    if is_multiple(after, before):
        return f"1/{_ratio(after, before)} of the {what}"
    share = percent(abs(Fraction(after) - Fraction(before)), before)
    return f"{share} {'more' if after > before else fewer} {what}"


def change(before: Number, after: Number) -> str:
    """Return a difference with its sign and its share: ``-4,000 (-50%)``."""
    if before == after:
        return "no change"
    sign = "+" if after > before else "-"
    difference = abs(Fraction(after) - Fraction(before))
    text = f"{sign}{figure(difference)}"
    return f"{text} ({growth(before, after)})" if before else text


def times(small: Number, large: Number) -> str:
    """Return how many times as large one number is as another."""
    return f"{_ratio(small, large)} times"


def _ratio(small: Number, large: Number) -> str:
    ratio = float(large) / float(small)
    return f"{ratio:,.0f}" if ratio >= 9.95 else f"{ratio:.3g}"


def listed(parts: Sequence[str]) -> str:
    """Return ``a``, ``a and b``, or ``a, b and c``."""
    if not parts:
        return ""
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def capacity(bits: int) -> str:
    """Return a capacity: bytes where it is a whole number of them."""
    if bits % 8:
        return f"{bits:,} bits"
    return f"{bits // 8:,} bytes"
