"""Bits that a mapping keeps in every memory, and which tiles can be kept twice.

Source of the greedy rule: ``CostModelEvaluation.calc_double_buffer_flag`` of zigzag-dse 3.9.1; of the precision of
an output tile: ``MemoryAllocator.get_precision`` (partial while any reduction loop lies above the boundary beneath).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from zzcp.cost.formulas.links import Transfers, bits_of, tile_elements
from zzcp.cost.formulas.numeric import Numeric
from zzcp.cost.setting.setting import OperandSetting, Setting
from zzcp.cost.setting.state import OperandState
from zzcp.hardware import Memory

Flags = tuple[tuple[Any, ...], ...]
"""Per operand and memory level whether the tile is kept twice."""


def stored_bits(
    setting: Setting, states: Sequence[OperandState], moved: Sequence[Transfers], numeric: Numeric
) -> list[list[Any]]:
    """Return the bits of one copy of every operand's tile, per memory level and instance.

    An output tile is stored at partial precision while any reduction loop, temporal or spatial, lies above the
    boundary beneath it.
    """
    result = []
    for operand, state, transfers in zip(setting.operands, states, moved, strict=True):
        row = []
        for level in range(operand.depth):
            elements = (
                transfers.tile[level + 1]
                if operand.energy.integral
                else tile_elements(
                    operand, operand.energy, state, level + 1, level + 1, setting.conventions, numeric
                )
            )
            row.append(elements * bits_of(operand.stored[level], transfers.partial[level], numeric))
        result.append(row)
    return result


def refilled(setting: Setting, states: Sequence[OperandState], numeric: Numeric) -> list[list[Any]]:
    """Return for every operand and level whether its tile is smaller than all that passes through the level."""
    result = []
    for operand, state in zip(setting.operands, states, strict=True):
        row = []
        for level in range(operand.depth):
            here, whole = (
                tile_elements(
                    operand, operand.energy, state, temporal, level + 1, setting.conventions, numeric
                )
                for temporal in (level + 1, operand.depth)
            )
            row.append(here < whole)
        result.append(row)
    return result


def effective_bits(
    setting: Setting, states: Sequence[OperandState], moved: Sequence[Transfers], numeric: Numeric
) -> list[list[Any]]:
    """Return ZigZag's effective size of every tile: divided by the run of relevant loops on top of its level."""
    return [
        [
            held_bits(operand, transfers, level + 1, numeric) // state.relevant_run[level + 1]
            for level in range(operand.depth)
        ]
        for operand, state, transfers in zip(setting.operands, states, moved, strict=True)
    ]


def held_bits(operand: OperandSetting, moved: Transfers, arch_level: int, numeric: Numeric) -> Any:
    """Return the bits of the tile at an arch level, of sums that are complete where no reduction is left above it."""
    return moved.tile[arch_level] * bits_of(operand.held(arch_level), moved.partial[arch_level], numeric)


def greedy_buffering(
    setting: Setting, effective: Sequence[Sequence[Any]], numeric: Numeric
) -> tuple[Flags, dict[str, Any]]:
    """Hand out double buffers operand by operand while effective sizes leave room.

    Returns
    -------
    flags : Flags
        Whether each tile is doubled, the top levels included.
    shared : dict of str to float
        Effective utilization of every memory with the doubled tiles counted twice.
    """
    shared: dict[str, Any] = {}
    for tenancy in setting.tenancies:
        total: Any = 0
        for tenant, level in tenancy.tenants:
            total = total + effective[tenant][level] / tenancy.memory.size
        shared[tenancy.memory.name] = total
    flags = []
    for index, operand in enumerate(setting.operands):
        row = []
        for level, memory in enumerate(operand.memories):
            alone = effective[index][level] / memory.size
            used = shared[memory.name]
            half_empty = used <= 0.5
            fits = alone <= 1 - used
            row.append(half_empty | fits)
            if len(memory.operands) > 1:
                taken = numeric.where(half_empty, 0.0, numeric.where(fits, alone, 0.0))
                shared[memory.name] = used + taken
        flags.append(tuple(row))
    return tuple(flags), shared


def forced_flags(setting: Setting, refills: Sequence[Sequence[Any]]) -> Flags:
    """Return which tiles their memory keeps twice whatever the mapping says."""
    return tuple(
        tuple(
            refills[index][level] if memory.doubles(operand.memory_operand) else False
            for level, memory in enumerate(operand.memories)
        )
        for index, operand in enumerate(setting.operands)
    )


def stated_flags(setting: Setting, greedy: Flags, forced: Flags) -> Flags:
    """Return the buffering of ZigZag's rule, but for the operands of which a user says how often they are kept."""
    rows = []
    for index, operand in enumerate(setting.operands):
        row = []
        for level, memory in enumerate(operand.memories):
            flag = greedy[index][level]
            if operand.memory_operand in memory.kept_twice:
                flag = flag | forced[index][level]
            elif operand.memory_operand in memory.kept_once:
                flag = False
            row.append(flag)
        rows.append(tuple(row))
    return tuple(rows)


def is_refilled(setting: Setting, operand: int, level: int) -> bool:
    """Return whether the array is refilled when the tile of a level changes that is kept once."""
    return setting.refill is not None and level == 0 and operand == setting.refill.operand


def buffering_choices(
    setting: Setting,
    states: Sequence[OperandState],
    bits: Sequence[Sequence[Any]],
    forced: Flags,
) -> list[Flags]:
    """Return the bufferings worth trying for one mapping: the largest sets of useful copies that fit.

    A copy is useful where irrelevant loops stand on top of the level's own loops (otherwise new data streams in
    behind the old), or where the array would be refilled, and the tile is replaced at all. More copies never cost
    cycles, so only sets that no other useful copy fits into are returned.
    """
    per_memory: list[list[tuple[tuple[int, int], ...]]] = []
    for tenancy in setting.tenancies:
        wanted = [
            (operand, level)
            for operand, level in tenancy.tenants
            if (states[operand].irrelevant_run[level + 1] > 1 or is_refilled(setting, operand, level))
            and states[operand].counts[level + 1] > 1
            and not forced[operand][level]
            and setting.operands[operand].memory_operand not in tenancy.memory.kept_once
        ]
        if wanted:
            free: Any = tenancy.memory.size
            for operand, level in tenancy.tenants:
                free -= bits[operand][level] * (2 if forced[operand][level] else 1)
            per_memory.append(_largest_sets(wanted, bits, max(free, 0)))
    if not per_memory:
        return [forced]
    choices = []
    for combination in product(*per_memory):
        rows = [list(row) for row in forced]
        for chosen in combination:
            for operand, level in chosen:
                rows[operand][level] = True
        choices.append(tuple(map(tuple, rows)))
    return choices


def _largest_sets(
    wanted: Sequence[tuple[int, int]], bits: Sequence[Sequence[Any]], free: Any
) -> list[tuple[tuple[int, int], ...]]:
    """Return the sets of tiles whose copies fit and leave no room for another one, from large to small."""
    subsets = [
        tuple(tenant for place, tenant in enumerate(wanted) if mask >> place & 1)
        for mask in range(2 ** len(wanted) - 1, -1, -1)
    ]
    fitting: list[tuple[tuple[int, int], ...]] = []
    for chosen in subsets:
        if sum(bits[operand][level] for operand, level in chosen) <= free:
            fitting.append(chosen)
            if len(chosen) == len(wanted):
                break
    return [one for one in fitting if not any(set(one) < set(other) for other in fitting)]


def occupied_bits(
    setting: Setting, bits: Sequence[Sequence[Any]], doubled: Sequence[Sequence[Any]]
) -> list[tuple[Memory, Any, Any]]:
    """Return every memory with the bits it must hold per instance, and the most that it can hold.

    Fractional tiles are floats: what exceeds the size by less than a millionth of a bit is rounding.
    """
    rounding = 0 if all(operand.energy.integral for operand in setting.operands) else 1e-6
    result = []
    for tenancy in setting.tenancies:
        used: Any = 0
        for operand, level in tenancy.tenants:
            used = used + bits[operand][level] * (1 + doubled[operand][level])
        result.append((tenancy.memory, used, tenancy.memory.size + rounding))
    return result
