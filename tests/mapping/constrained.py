"""A layer on a small machine, and a mapping that may obey constraints."""

from __future__ import annotations

from typing import Any

from tests.machines import machine
from zzcp import EXACT, Layer, Mapping, constraint_violations

MACHINE = machine()
"""I2: w_regs (64 bits), dram; I1: i_regs (64), sram (8192), dram; O: sram, dram."""

LAYER = Layer.gemm(b=8, k=6, c=4)
"""8 bits for inputs, 16 for partial sums, 8 for outputs."""

MAPPING = Mapping.from_dict(
    {
        "spatial_mapping": {"D1": {"K": 2}, "D2": {"C": 2}},
        "temporal_mapping": {
            "W": [[["C", 2]], [["B", 4], ["K", 3], ["B", 2]]],
            "I": [[["C", 2]], [["B", 4], ["K", 3]], [["B", 2]]],
            "O": [[["C", 2], ["B", 4]], [["K", 3], ["B", 2]]],
        },
    }
)
"""Order C 2, B 4, K 3, B 2. The loop over B 4 above W's registers changes no weights: it counts as in them."""


def broken(data: dict[str, Any], mapping: Mapping = MAPPING, conventions: Any = EXACT) -> list[str]:
    return constraint_violations(MACHINE, LAYER, mapping, data, conventions)
