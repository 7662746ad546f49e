"""Numbers and lists as they stand in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Number = int | float | Fraction


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


def change(before: Number, after: Number) -> str:
    """Return a difference with its sign and its share: ``-4,000 (-50%)``."""
    if before == after:
        return "no change"
    sign = "+" if after > before else "-"
    difference = abs(Fraction(after) - Fraction(before))
    text = f"{sign}{figure(difference)}"
    return f"{text} ({sign}{percent(difference, before).replace('less than ', '<')})" if before else text


def times(small: Number, large: Number) -> str:
    """Return how many times as large one number is as another."""
    ratio = float(large) / float(small)
    return f"{ratio:,.0f} times" if ratio >= 9.95 else f"{ratio:.3g} times"


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
