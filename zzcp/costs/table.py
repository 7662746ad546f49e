"""The built-in cost model, which needs nothing: the rule of ``docs/models.md`` for energies, and cells for areas."""

from __future__ import annotations

from dataclasses import dataclass

from zzcp.costs.model import Asked, MemoryCosts
from zzcp.hardware import energies

CELL = 0.346e-6
"""mm^2 of a cell of SRAM in 45 nm (Mistry et al., IEDM 2007)."""
FILLED = 0.7
"""Part of the area of a memory that its cells fill: assumed, no source gives it for all sizes."""


@dataclass(frozen=True, slots=True)
class Table:
    """Energies of an access in 45 nm from three published points, areas from the size of a cell.

    An access costs in proportion to its width; a write costs what a read costs. Ports beyond the first cost nothing.
    """

    name: str = "table (45 nm)"
    version: str = "Horowitz 2014"
    key: str = "table"

    def memory(self, asked: Asked, /) -> MemoryCosts:
        """Return what a memory on the chip costs."""
        energy = energies.memory(asked.size) * asked.width
        return MemoryCosts(energy, energy, asked.size * CELL / FILLED)
