"""The built-in cost model, which needs nothing: the rule of ``docs/models.md`` for energies, and cells for areas."""

from __future__ import annotations

from dataclasses import dataclass

from zzcp.costs.model import Asked, MemoryCosts, clock_in_key, clock_in_words, per_cycle
from zzcp.hardware import energies

CELL = 0.346e-6
"""mm^2 of a cell of SRAM in 45 nm (Mistry et al., IEDM 2007)."""
FILLED = 0.7
"""Part of the area of a memory that its cells fill: assumed, no source gives it for all sizes."""
LEAK = 3.2e-12
"""W that a bit leaks: what CACTI says for 64 to 256 KiB in 45 nm (hwcomponents-cacti 1.0.40: 3.5e-12 at 32 KiB, 3.0e-12
at 1 MiB), whose cells are those of low standby power."""


@dataclass(frozen=True, slots=True)
class Table:
    """Energies of an access in 45 nm from three published points, areas from the size of a cell.

    An access costs in proportion to its width; a write costs what a read costs. Ports beyond the first cost nothing.

    Parameters
    ----------
    clock : float, optional
        In GHz: what a memory leaks in a cycle is given if the clock is.
    """

    clock: float | None = None
    version: str = "Horowitz 2014"

    @property
    def name(self) -> str:
        """What the model is called in results."""
        return f"table (45 nm{clock_in_words(self.clock)})"

    @property
    def key(self) -> str:
        """The name by which the registry returns the model."""
        return f"table{clock_in_key(self.clock)}"

    def memory(self, asked: Asked, /) -> MemoryCosts:
        """Return what a memory on the chip costs."""
        energy = energies.memory(asked.size) * asked.width
        leakage = per_cycle(asked.size * LEAK, self.clock)
        return MemoryCosts(energy, energy, asked.size * CELL / FILLED, leakage)
