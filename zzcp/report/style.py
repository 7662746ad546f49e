"""How numbers and tables look everywhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction

from rich.console import Console, Group, RenderableType
from rich.text import Text

Number = int | float | Fraction

PIPED = 200
"""Columns of output that goes to no terminal."""


def count(value: Number) -> str:
    """Return a number of things: with thousands separators, two decimals where it is not whole."""
    text = f"{float(value):,.2f}" if value % 1 else f"{int(value):,}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(value: Number) -> str:
    """Return a physical quantity (pJ, area): enough digits to compare, none that mean nothing."""
    value = float(value)
    if value % 1 == 0 and abs(value) < 1e15:
        return f"{value:,.0f}"
    if abs(value) >= 1e15 or abs(value) < 1e-3:
        return f"{value:.4e}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:,.4g}"


def product_of(value: Number) -> str:
    """Return an energy-delay product, whose magnitude is all that can be read."""
    return f"{float(value):.4e}"


def share(part: Number, whole: Number) -> str:
    """Return a part as percentage of a whole."""
    if not whole:
        return "-"
    percent = 100 * float(part) / float(whole)
    return "<0.1%" if 0 < percent < 0.05 else f"{percent:.1f}%"


def bits(value: Number) -> str:
    """Return an amount of data in the largest unit that leaves a number >= 1.

    Units are binary, but for what is a round number in decimal ones only: ``1.5 KiB``, but ``40 kB``, not 39.06 KiB.
    """
    if value < 8 or (value % 8 and value < 8192):
        return f"{count(value)} bit"
    size, units = Fraction(value) / 8, ("B", "KiB", "MiB", "GiB", "TiB")
    step = 1024
    if (not _round(size, 1024) or 1000 <= size < 1024) and _round(size, 1000):
        units, step = ("B", "kB", "MB", "GB", "TB"), 1000
    place = 0
    while size >= step and place < len(units) - 1:
        size, place = size / step, place + 1
    return f"{count(round(float(size), 2))} {units[place]}"


def _round(size: Fraction, step: int) -> bool:
    """Return whether an amount has two decimals at most in the largest unit that leaves a number >= 1."""
    while size >= step:
        size /= step
    return (100 * size).denominator == 1


def units(in_use: int, part: float) -> str:
    """Return the units of an array that have work, with the part of the array that works on average."""
    return f"{in_use:,} ({share(part, 1)})"


def loops(sizes: Iterable[tuple[str, int | None]], separator: str = "  ") -> str:
    """Return loops in one line, ``K 4  C 25``; a free size is ``*``."""
    return separator.join(f"{dim} {'*' if size is None else size}" for dim, size in sizes)


def unrolling(spatial: Mapping[str, Mapping[str, int]]) -> str:
    """Return a spatial mapping in one line, ``D1: K 4   D2: C 2  FX 3``."""
    return "   ".join(
        f"{dimension}: {loops(factors.items())}" for dimension, factors in spatial.items() if factors
    )


def heading(text: str) -> Text:
    """Return the first line of a section."""
    return Text(text, style="bold")


def at_most(number: float) -> str:
    """Return a number of at least 1 with three digits, rounded up: ``3.75``, ``352``, ``5,860``."""
    step = 10.0 ** (math.floor(math.log10(number)) - 2)
    return f"{math.ceil(number / step - 1e-9) * step:,.{max(0, -round(math.log10(step)))}f}"


def plural(number: int, noun: str) -> str:
    """Return ``1 layer`` or ``2 layers``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def section(title: str, *parts: RenderableType) -> Group:
    """Return a heading with what belongs under it, and an empty line after it."""
    return Group(heading(title), *parts, Text(""))


def render(console: Console, *parts: RenderableType) -> str:
    """Return what a console would print, without spaces at the ends of lines."""
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def duration(seconds: float) -> str:
    """Return a time as a user would say it: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
