"""Ports that several instances of a memory share: their transfers take turns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from zzcp.cost.conventions import CostConventions
from zzcp.cost.setting.setting import IRRELEVANT
from zzcp.cost.setting.unrolling import Factors
from zzcp.hardware import Direction, Memory, Port


def compile_turns(
    kind: Mapping[str, int],
    memories: Sequence[Memory],
    ports: Sequence[Mapping[Direction, Port]],
    factors: Factors,
    conventions: CostConventions,
    *,
    is_output: bool,
) -> tuple[Mapping[Direction, int], ...]:
    """Return per memory level of an operand how many instances take turns at the port of every direction.

    Those are the instances in use along the array dimensions that the port is shared along. Of instances whose sums
    are added up on their way out one receives what comes back; the others take no turn then.

    Parameters
    ----------
    kind : mapping of str to int
        Relevance of every dimension of the layer to the operand.
    memories : sequence of Memory
        The operand's levels, innermost first.
    ports : sequence of mapping of Direction to Port
        Per level the port of every direction.
    factors : mapping
        Lanes in use per array dimension, as latencies count them.
    conventions : CostConventions
        Those that know no such ports have one for every instance.
    is_output : bool
        Whether the operand is the output.
    """
    result = []
    beneath: set[str] = set()
    for level, row in enumerate(ports):
        beneath |= set(memories[level].served_dimensions)
        added = set(memories[level + 1].served_dimensions) if level + 1 < len(memories) else set[str]()
        turns = {}
        for direction, port in row.items():
            restored = is_output and direction is Direction.FROM_ABOVE and not conventions.restored_everywhere
            shared = port.shared_along if conventions.knows_more else ()
            turns[direction] = math.prod(
                int(lanes)
                for dimension in shared
                if dimension not in beneath
                for dim, lanes in factors.get(dimension, ())
                if not (restored and dimension in added and kind[dim] == IRRELEVANT)
            )
        result.append(turns)
    return tuple(result)
