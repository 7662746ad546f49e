"""The interface of cost models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol


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
    """

    size: int
    width: int
    ports: int = 1


class MemoryCosts(NamedTuple):
    """What a memory costs.

    Attributes
    ----------
    read, write : float
        pJ of an access of the full width.
    area : float
        mm^2 of one instance.
    """

    read: float
    write: float
    area: float


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
