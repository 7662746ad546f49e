"""Energy of the array's operations."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from zzcp.errors import InputError

if TYPE_CHECKING:
    from zzcp.cost.setting import Setting


def mac_energy(setting: Setting) -> Fraction:
    """Return the energy of all multiply-accumulate operations of a layer.

    Raises
    ------
    InputError
        For in-memory-computing arrays, whose energy model is not part of this version.
    """
    array = setting.accelerator.array
    if array.in_memory_computing is not None:
        raise InputError("in-memory-computing arrays cannot be evaluated")
    return Fraction(repr(array.unit_energy)) * setting.layer.macs
