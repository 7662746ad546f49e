"""The cost models by name."""

from __future__ import annotations

from zzcp.costs.cacti import Cacti
from zzcp.costs.model import CostModel
from zzcp.costs.table import Table
from zzcp.errors import InputError, nearest

MODELS = ("table", "cacti")
"""Names of the models; that of CACTI may be followed by its process, as in ``cacti:65``."""


def cost_model(text: str) -> CostModel:
    """Return the model of a name such as ``table``, ``cacti`` or ``cacti:65`` (nm).

    Raises
    ------
    InputError
        If there is none.
    """
    name, _, process = text.partition(":")
    if name == "table" and not process:
        return Table()
    if name == "cacti":
        number = process.removesuffix("nm") or "45"
        if number.replace(".", "", 1).isdecimal() and number.isascii():
            return Cacti(float(number))
    raise InputError(
        "no such cost model",
        expected="table, cacti, or cacti:65 (nm)",
        found=repr(text),
        hint=nearest(name, MODELS),
    )
