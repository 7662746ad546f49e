"""The cost models by name."""

from __future__ import annotations

import re
from typing import NamedTuple

from zzcp.costs.cacti import DEFAULT_PROCESS, Cacti
from zzcp.costs.model import CostModel, banks_in_key, clock_in_key
from zzcp.costs.table import Table
from zzcp.costs.zigzag import ZigZagCacti
from zzcp.errors import InputError, nearest

MODELS = ("table", "cacti", "zigzag-cacti")
"""Names of the models; see `ModelName` for what may follow."""
CLOCKS = (1e-6, 1e3)
"""GHz of the slowest and the fastest clock that is believed."""
_UNITS = {"": 1.0, "GHz": 1.0, "MHz": 1e-3}
_CLOCK = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)", re.ASCII)
_NAME = re.compile(
    r"(?P<model>[^:,@]+)(:(?P<process>[0-9]*\.?[0-9]+)(nm)?)?(,banks=(?P<banks>[0-9]{1,9}))?(@(?P<clock>.*))?",
    re.ASCII,
)


class ModelName(NamedTuple):
    """What a text such as ``cacti:65,banks=4@200MHz`` names: a model, and how it is asked.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    process : float, optional
        In nm.
    banks : int
        Of a memory.
    clock : float, optional
        In GHz.
    """

    model: str
    process: float | None = None
    banks: int = 1
    clock: float | None = None

    def __str__(self) -> str:
        """Return the text."""
        process = "" if self.process is None else f":{self.process:g}"
        return f"{self.model}{process}{banks_in_key(self.banks)}{clock_in_key(self.clock)}"

    @classmethod
    def of(cls, text: str) -> ModelName:
        """Return what a text names: all of it a model where it has another form.

        Raises
        ------
        InputError
            If its clock is none.
        """
        if (found := _NAME.fullmatch(text)) is None:
            return cls(text)
        process, clock = found["process"], found["clock"]
        return cls(
            found["model"],
            None if process is None else float(process),
            int(found["banks"] or 1),
            None if clock is None else clock_rate(clock),
        )


def cost_model(text: str) -> CostModel:
    """Return the model of a name such as ``table``, ``cacti``, ``cacti:65`` (nm) or ``cacti:65,banks=4@200MHz``.

    With a clock the model says what memories leak in a cycle, too.

    Raises
    ------
    InputError
        If there is none.
    """
    name = ModelName.of(text)
    if name.model == "cacti":
        return Cacti(
            DEFAULT_PROCESS if name.process is None else name.process, clock=name.clock, banks=name.banks
        )
    if name.model not in MODELS or name.process is not None or name.banks != 1:
        raise _unknown(text)
    if name.model == "table":
        return Table(name.clock)
    if name.clock is not None:
        raise InputError(
            "zigzag-cacti says nothing of what memories leak",
            expected="zigzag-cacti without a clock",
            found=repr(text),
        )
    return ZigZagCacti()


def _unknown(text: str) -> InputError:
    return InputError(
        "no such cost model",
        expected="table, cacti, cacti:65 (nm), cacti:65,banks=4, with a clock as in table@1GHz if leakage counts, or "
        "zigzag-cacti",
        found=repr(text),
        hint=nearest(re.split("[:,@]", text)[0], MODELS),
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
