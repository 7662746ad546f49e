"""Cycles in which a systolic array is filled and drained anew, tile by tile of the operand that stays in its units.

Values move one unit per cycle along the systolic dimensions, so that the last unit begins `fill` cycles after the
first; a stationary input is shifted in through `shift` units before, all of a unit's tile one element after the other.
With N tiles of m elements per unit, each used for P cycles,

    once:   N (shift m + fill)
    twice:  shift m + fill + (N - 1) max(0, shift m - P)

as a second copy of the tile is filled while the first is in use, and the next tile's values follow those of this one.
What is beyond the cycles of one tile of one element, which are the setting's drain, depends on the mapping.
"""

from __future__ import annotations

from typing import Any

from zzcp.cost.formulas.numeric import Numeric
from zzcp.cost.setting.setting import Refill


def refill_excess(
    refill: Refill, elements: Any, tiles: Any, period: Any, numeric: Numeric
) -> tuple[Any, Any]:
    """Return the cycles beyond those of one tile of one element, where the tile is kept twice, and where it is not.

    Parameters
    ----------
    refill : Refill
        What refilling takes.
    elements : Any
        Of the largest tile of a unit.
    tiles : Any
        How many there are over the layer.
    period : Any
        Cycles in which one is used.
    numeric : Numeric
        Numbers or arrays.
    """
    first = refill.shift * numeric.maximum(1, elements)
    each = first + refill.fill
    once = each - (refill.shift + refill.fill)
    return once + numeric.maximum(0, first - period) * (tiles - 1), once + each * (tiles - 1)
