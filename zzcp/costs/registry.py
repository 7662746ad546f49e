"""The cost models by name."""

from __future__ import annotations

import re

from zzcp.costs.cacti import Cacti
from zzcp.costs.model import CostModel
from zzcp.costs.table import Table
from zzcp.costs.zigzag import ZigZagCacti
from zzcp.errors import InputError, nearest

MODELS = ("table", "cacti", "zigzag-cacti")
"""Names of the models; that of cacti may be followed by its process, ``cacti:65``, each by a clock, ``table@1GHz``."""
CLOCKS = (1e-6, 1e3)
"""GHz of the slowest and the fastest clock that is believed."""
_UNITS = {"": 1.0, "GHz": 1.0, "MHz": 1e-3}
_CLOCK = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)", re.ASCII)


def cost_model(text: str) -> CostModel:
    """Return the model of a name such as ``table``, ``cacti``, ``cacti:65`` (nm) or ``cacti:65@200MHz``.

    With a clock the model says what memories leak in a cycle, too.

    Raises
    ------
    InputError
        If there is none.
    """
    model, at, rate = text.partition("@")
    clock = clock_rate(rate) if at else None
    name, _, process = model.partition(":")
    if name == "table" and not process:
        return Table(clock)
    if name == "zigzag-cacti" and not process:
        if clock is None:
            return ZigZagCacti()
        raise InputError(
            "zigzag-cacti says nothing of what memories leak",
            expected="zigzag-cacti without a clock",
            found=repr(text),
        )
    if name == "cacti":
        number = process.removesuffix("nm") or "45"
        if number.replace(".", "", 1).isdecimal() and number.isascii():
            return Cacti(float(number), clock=clock)
    raise InputError(
        "no such cost model",
        expected="table, cacti, cacti:65 (nm), with a clock as in table@1GHz if leakage counts, or zigzag-cacti",
        found=repr(text),
        hint=nearest(name, MODELS),
    )


def clock_rate(value: object) -> float:
    """Return a clock in GHz, given as such or as a text such as ``1GHz`` or ``200MHz``.

    Raises
    ------
    InputError
        If it is none.
    """
    rate = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if isinstance(value, str) and (found := _CLOCK.fullmatch(value.strip())) and found[2] in _UNITS:
        rate = float(found[1]) * _UNITS[found[2]]
    if rate is None or not CLOCKS[0] <= rate <= CLOCKS[1]:
        raise InputError("no clock", expected="a clock such as 1GHz or 200MHz", found=repr(value))
    return float(rate)
