"""The interface of cost models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Asked:
    """What a cost model is asked about.

    Parameters
    ----------
    size : int
        Bits of one instance.
    width : int
        Bits of an access: those of the widest port.
    ports : int
        Ports of all kinds.
    read_width : int, optional
        Bits of the first port that reads, or of the first that reads and writes where none only reads.
    kind : str
        The type of the memory, as the file states it.
    """

    size: int
    width: int
    ports: int = 1
    read_width: int | None = None
    kind: str = "sram"


class MemoryCosts(NamedTuple):
    """What a memory costs.

    Attributes
    ----------
    read, write : float
        pJ of an access of the full width.
    area : float
        mm^2 of one instance.
    leakage : float, optional
        pJ that one instance leaks in a cycle; None where the model, or the length of a cycle, is not known.
    """

    read: float
    write: float
    area: float
    leakage: float | None = None


def per_cycle(power: float, clock: float | None) -> float | None:
    """Return a power in W as pJ per cycle, or None without a clock.

    Parameters
    ----------
    power : float
        In W.
    clock : float, optional
        In GHz.
    """
    return None if clock is None else power * 1e3 / clock


def clock_in_words(clock: float | None) -> str:
    """Return what follows the process in the name of a model."""
    return "" if clock is None else f", {clock:.12g} GHz"


def clock_in_key(clock: float | None) -> str:
    """Return what follows the key of a model without a clock; see `zzcp.costs.cost_model`."""
    return "" if clock is None else f"@{clock:.12g}"


def banks_in_key(banks: int) -> str:
    """Return what follows the process in the key of a model; see `zzcp.costs.cost_model`."""
    return "" if banks == 1 else f",banks={banks}"


@runtime_checkable
class CostModel(Protocol):
    """A model of components; other libraries join through an object with these four."""

    @property
    def name(self) -> str:
        """What the model is called in results, with its technology where it has one."""

    @property
    def key(self) -> str:
        """The name by which `zzcp.costs.cost_model` returns the model."""

    @property
    def version(self) -> str:
        """Of the model."""

    def memory(self, asked: Asked, /) -> MemoryCosts:
        """Return what a memory on the chip costs.

        Raises
        ------
        InputError
            If the model knows no such memory.
        """
