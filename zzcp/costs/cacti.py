"""CACTI as a cost model, through the package hwcomponents-cacti (Python 3.12 or newer, not a dependency)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from zzcp.costs.model import Asked, MemoryCosts, clock_in_key, clock_in_words, per_cycle
from zzcp.errors import InputError

PACKAGE = "hwcomponents-cacti"
NODES = (22.0, 90.0)
"""Processes that CACTI knows, in nm; the package scales others from its nearest one, at times the wrong way."""
LEAST = 512
"""Bytes of the smallest memory that CACTI lays out."""


def _installed() -> Any:
    """Return the package's model of an SRAM.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return import_module("hwcomponents_cacti").SRAM
    except ImportError:
        raise _lacking() from None


def _release() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        raise _lacking() from None


def _lacking() -> InputError:
    return InputError(
        "the cost model cacti needs a package that is not installed",
        hint=f"pip install {PACKAGE} (Python 3.12 or newer)",
    )


@dataclass(frozen=True, slots=True)
class Cacti:
    """SRAMs as CACTI lays them out.

    Parameters
    ----------
    technology : float
        The process in nm, 22 to 90.
    sram, release : callable
        Return the package's class, and its version.
    clock : float, optional
        In GHz: what a memory leaks in a cycle is given if the clock is.

    Raises
    ------
    InputError
        If CACTI does not know the process.
    """

    technology: float = 45.0
    sram: Callable[[], Any] = field(default=_installed, repr=False)
    release: Callable[[], str] = field(default=_release, repr=False)
    clock: float | None = None

    def __post_init__(self) -> None:
        if not NODES[0] <= self.technology <= NODES[1]:
            raise InputError(
                "a process that CACTI does not know",
                expected=f"{NODES[0]:g} to {NODES[1]:g} nm",
                found=f"{self.technology:g} nm",
            )

    @property
    def name(self) -> str:
        """What the model is called in results."""
        return f"cacti ({self.technology:g} nm{clock_in_words(self.clock)})"

    @property
    def key(self) -> str:
        """The name by which the registry returns the model."""
        return f"cacti:{self.technology:g}{clock_in_key(self.clock)}"

    @property
    def version(self) -> str:
        """Of the package."""
        return f"{PACKAGE} {self.release()}"

    def memory(self, asked: Asked, /) -> MemoryCosts:
        """Return what an SRAM costs; every one is laid out once.

        Raises
        ------
        InputError
            If the package is not installed, or CACTI does not lay out such a memory.
        """
        if asked.size < 8 * LEAST:
            raise InputError(
                "a memory that is too small for CACTI",
                expected=f"at least {LEAST} bytes",
                found=f"{asked.size / 8:g} bytes",
            )
        sram = self.sram()
        try:
            read, write, area, power = _laid_out(sram, self.technology, asked.size, asked.width)
            return MemoryCosts(read, write, area, per_cycle(power, self.clock))
        except Exception as error:  # noqa: BLE001  (the package raises nothing narrower)
            raise InputError(
                "CACTI does not lay out this memory",
                expected=f"{asked.size:,} bits in words of {asked.width:,}",
                found=str(error).splitlines()[0] if str(error) else type(error).__name__,
            ) from None


@cache
def _laid_out(sram: Any, technology: float, size: int, width: int) -> tuple[float, float, float, float]:
    """Return pJ of a read and a write, mm^2, and the W that a layout leaks: the package counts in SI units."""
    memory = sram(tech_node=float(f"{technology:g}e-9"), width=width, size=size)
    read, write = (float(action.energy) * 1e12 for action in (memory.read(), memory.write()))
    return read, write, float(memory.area) * 1e6, float(memory.leak_power)
