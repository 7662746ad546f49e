"""Why a layer does not fit a machine: demand against capacity, memory by memory.

The mapping that keeps all loops in the outermost memories needs the least of every other memory: the tiles of the
spatial unrolling alone. If that does not fit, nothing does; if it fits, it is a mapping.
"""

from __future__ import annotations

from zzcp.cost.capacity import forced_flags, refilled, stored_bits
from zzcp.cost.core import Model
from zzcp.cost.links import transfers
from zzcp.cost.numeric import PYTHON
from zzcp.cost.state import operand_state
from zzcp.mapping import Loop
from zzcp.solver.result import Diagnosis, Shortage


def diagnose(model: Model) -> Diagnosis | None:
    """Return the memories that cannot hold the smallest tiles, or None if all can."""
    setting = model.setting
    loops = tuple(Loop(dim, size) for dim, size in setting.temporal_sizes.items() if size > 1)
    states = [
        operand_state(
            operand, (*[()] * (operand.depth - 1), loops), same_data_free=setting.conventions.same_data_free
        )
        for operand in setting.operands
    ]
    moved = [
        transfers(operand, operand.energy, state, setting.conventions, PYTHON)
        for operand, state in zip(setting.operands, states, strict=True)
    ]
    bits = stored_bits(setting, states, moved, PYTHON)
    forced = forced_flags(setting, refilled(setting, states, PYTHON))
    shortages = []
    for tenancy in setting.tenancies:
        tiles = tuple(
            (setting.operands[operand].name, -int(-bits[operand][level] // 1) * (1 + forced[operand][level]))
            for operand, level in tenancy.tenants
        )
        needed = sum(size for _, size in tiles)
        if needed > tenancy.memory.size:
            shortages.append(Shortage(tenancy.memory.name, needed, tenancy.memory.size, tiles))
    if not shortages:
        return None
    return Diagnosis(
        tuple(shortages),
        tuple(f"a {entry.memory} of {entry.needed} bits would do" for entry in shortages),
    )
