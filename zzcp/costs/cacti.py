"""CACTI as a cost model, through the package hwcomponents-cacti (Python 3.12 or newer, not a dependency)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from zzcp.costs.model import Asked, MemoryCosts, banks_in_key, clock_in_key, clock_in_words, per_cycle
from zzcp.costs.package import Package
from zzcp.errors import InputError

PACKAGE = Package("hwcomponents-cacti", "cacti", "pip install hwcomponents-cacti (Python 3.12 or newer)")
NODES = (22.0, 90.0)
"""Processes that CACTI knows, in nm; the package scales others from its nearest one, at times the wrong way."""
BANKS = (1, 2, 4, 8, 16, 32)
"""Banks of a memory; each has 64 words at least."""
DEFAULT_PROCESS = 45.0
"""In nm."""
LEAST = 512
"""Bytes of the smallest memory that CACTI lays out."""
_FAILED = "CACTI failed with exit code"


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
        raise PACKAGE.lacking() from None


@dataclass(frozen=True, slots=True)
class Cacti:
    """SRAMs as CACTI lays them out, every port one that reads and writes.

    Parameters
    ----------
    technology : float
        The process in nm, 22 to 90.
    sram, release : callable
        Return the package's class, and its version.
    clock : float, optional
        In GHz: what a memory leaks in a cycle is given if the clock is.
    banks : int
        Of every memory, a power of two: they share out its size.

    Raises
    ------
    InputError
        If CACTI does not know the process, or the banks are no power of two.
    """

    technology: float = DEFAULT_PROCESS
    sram: Callable[[], Any] = field(default=_installed, repr=False)
    release: Callable[[], str] = field(default=PACKAGE.release, repr=False)
    clock: float | None = None
    banks: int = 1

    def __post_init__(self) -> None:
        if not NODES[0] <= self.technology <= NODES[1]:
            raise InputError(
                "a process that CACTI does not know",
                expected=f"{NODES[0]:g} to {NODES[1]:g} nm",
                found=f"{self.technology:g} nm",
            )
        if self.banks not in BANKS:
            raise InputError(
                "banks that CACTI does not know",
                expected=f"a power of two, {BANKS[-1]} at most",
                found=str(self.banks),
            )

    @property
    def name(self) -> str:
        """What the model is called in results."""
        banks = "" if self.banks == 1 else f", {self.banks} banks"
        return f"cacti ({self.technology:g} nm{banks}{clock_in_words(self.clock)})"

    @property
    def key(self) -> str:
        """The name by which the registry returns the model."""
        return f"cacti:{self.technology:g}{banks_in_key(self.banks)}{clock_in_key(self.clock)}"

    @property
    def version(self) -> str:
        """Of the package."""
        return f"{PACKAGE.name} {self.release()}"

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
            read, write, area, power = _laid_out(sram, self.technology, asked, self.banks)
            return MemoryCosts(read, write, area, per_cycle(power, self.clock))
        except Exception as error:  # noqa: BLE001  (the package raises nothing narrower)
            raise InputError(
                "CACTI does not lay out this memory",
                expected=f"{asked.size:,} bits in words of {asked.width:,}",
                found=str(error).splitlines()[0] if str(error) else type(error).__name__,
                hint="where its program does not start, as with a C library before glibc 2.38: "
                f"pip install --no-binary {PACKAGE.name} {PACKAGE.name}"
                if _FAILED in str(error)
                else None,
            ) from None


@cache
def _laid_out(sram: Any, technology: float, asked: Asked, banks: int) -> tuple[float, float, float, float]:
    """Return pJ of a read and a write, mm^2, and the W that a layout leaks: the package counts in SI units."""
    memory = sram(
        tech_node=float(f"{technology:g}e-9"),
        width=asked.width,
        size=asked.size,
        n_rw_ports=asked.ports,
        n_banks=banks,
    )
    read, write = (float(action.energy) * 1e12 for action in (memory.read(), memory.write()))
    return read, write, float(memory.area) * 1e6, float(memory.leak_power)
