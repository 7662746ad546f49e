"""Energies of an access where nobody states them: one rule with its sources, so that machines can be compared.

The points are those of Horowitz (ISSCC 2014, Figure 1.1.9) for 45 nm at 0.9 V; the register and the DRAM those of Han
et al. (NeurIPS 2015, Table 1), taken from the same data. ``docs/models.md`` says more of the rule.
"""

from __future__ import annotations

import math
from itertools import pairwise

REGISTER = 1 / 32
"""pJ of a bit of a register."""
DRAM = 20.0
"""pJ of a bit of a DRAM."""
MULTIPLY_ACCUMULATE = 0.3
"""pJ of an 8-bit multiplication and a 32-bit addition."""
SRAM = ((2**13, 10.0), (2**15, 20.0), (2**20, 100.0))
"""Bytes of an SRAM, and pJ of an access of 64 bits."""
BANK = SRAM[-1][0]
"""Largest bank in bytes: a larger memory has several of them."""


def sram(size: float) -> float:
    """Return the energy of a bit of an SRAM.

    Parameters
    ----------
    size : float
        Of the bank that an access opens, in bytes; above 1 MiB it has several banks.

    Returns
    -------
    float
        pJ; between and beyond the points straight lines on logarithmic axes.
    """
    size = min(size, BANK)
    (low, below), (high, above) = next(
        (pair for pair in pairwise(SRAM) if size <= pair[1][0]), (SRAM[-2], SRAM[-1])
    )
    slope = math.log(above / below) / math.log(high / low)
    return float(below * (size / low) ** slope / 64)


def memory(bits: int | None) -> float:
    """Return the energy of a bit of a memory in pJ: a DRAM, an SRAM, or a register where an SRAM would cost less.

    Parameters
    ----------
    bits : int, optional
        Size of the memory; None for one off the chip.
    """
    return DRAM if bits is None else max(REGISTER, sram(bits / 8))
