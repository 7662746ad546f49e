"""The best buffering of many mappings at once: the array form of `zzcp.cost.formulas.capacity.buffering_choices`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zzcp.cost.execution.array_states import Array
from zzcp.cost.formulas.capacity import Flags, is_refilled
from zzcp.cost.formulas.core import LatencyFigures
from zzcp.cost.setting.setting import Setting, Tenancy
from zzcp.cost.setting.state import OperandState

Tenant = tuple[int, int]
Latency = Callable[[Flags, Array | None], LatencyFigures]
"""The latency under a buffering, of all mappings or of those in some rows."""


def best_buffering(
    setting: Setting,
    states: Sequence[OperandState],
    bits: Sequence[Sequence[Any]],
    forced: Flags,
    latency: Latency,
    length: int,
) -> tuple[Flags, LatencyFigures]:
    """Return for every mapping the buffering with the lowest latency, the first of equals, and that latency.

    All mappings are scored with their first choice, then those that have one with their second, and so on; few
    have more than one.
    """
    memories = [
        sets
        for tenancy in setting.tenancies
        if (sets := _choices(setting, states, bits, forced, tenancy, length))
    ]
    counts: list[Array] = [np.array([fits for _, fits in sets]).sum(axis=0) for sets in memories]
    number: Array = np.array(counts).prod(axis=0) if counts else np.ones(1, dtype=np.int64)
    best_flags: Flags = ()
    best: LatencyFigures | None = None
    for choice in range(int(number.max(initial=1))):
        rows = np.flatnonzero(number > choice) if choice else None
        flags = _flags(setting, forced, memories, counts, choice, rows, length)
        found = LatencyFigures(*(_full(value, length, rows) for value in latency(flags, rows)))
        if best is None or rows is None:
            best_flags, best = flags, LatencyFigures(*(value.copy() for value in found))
            continue
        better = found.total < best.total[rows]
        for known, value in zip(best, found, strict=True):
            known[rows[better]] = value[better]
        for known_row, row in zip(best_flags, flags, strict=True):
            for flag, value in zip(known_row, row, strict=True):
                flag[rows[better]] = value[better]
    assert best is not None  # the first choice always exists
    return best_flags, best


def _choices(
    setting: Setting,
    states: Sequence[OperandState],
    bits: Sequence[Sequence[Any]],
    forced: Flags,
    tenancy: Tenancy,
    length: int,
) -> list[tuple[frozenset[Tenant], Array]]:
    """Return the sets of useful copies in one memory, each with the mappings for which it is a largest that fits."""
    free: Any = tenancy.memory.size
    wanted: dict[Tenant, Array] = {}
    for operand, level in tenancy.tenants:
        free = free - bits[operand][level] * (1 + forced[operand][level])
        if level == setting.operands[operand].depth - 1:
            continue
        if setting.operands[operand].memory_operand in tenancy.memory.kept_once:
            continue
        state = states[operand]
        useful = state.counts[level + 1] > 1
        if not is_refilled(setting, operand, level):
            useful = useful & (state.irrelevant_run[level + 1] > 1)
        if forced[operand][level] is not False:
            useful &= ~forced[operand][level]
        if useful.any():
            wanted[operand, level] = useful
    if not wanted:
        return []
    free = np.maximum(free, 0)
    names = list(wanted)
    result = []
    # from large to small in the order of the scalar evaluator
    for mask in range(2 ** len(names) - 1, -1, -1):
        chosen = [tenant for position, tenant in enumerate(names) if mask >> position & 1]
        need: Any = 0
        fits = np.ones(length, dtype=bool)
        for operand, level in chosen:
            need = need + bits[operand][level]
            fits &= wanted[operand, level]
        fits &= need <= free
        for operand, level in names:
            if (operand, level) not in chosen:
                fits &= ~(wanted[operand, level] & (need + bits[operand][level] <= free))
        if fits.any():
            result.append((frozenset(chosen), fits))
    return result


def _flags(
    setting: Setting,
    forced: Flags,
    memories: Sequence[Sequence[tuple[frozenset[Tenant], Array]]],
    counts: Sequence[Array],
    choice: int,
    rows: Array | None,
    length: int,
) -> Flags:
    """Return the buffering of one choice: the memories' sets counted like digits, the last memory's the fastest."""
    part = slice(None) if rows is None else rows
    doubled: dict[Tenant, Array] = {}
    left: Any = choice
    for sets, count in zip(reversed(memories), reversed(counts), strict=True):
        digit = left % count[part] if choice else 0
        left = left // count[part] if choice else 0
        seen: Any = 0
        for tenants, fits in sets:
            here = fits[part]
            taken = here & (seen == digit)
            seen = seen + here
            for tenant in tenants:
                doubled[tenant] = doubled[tenant] | taken if tenant in doubled else taken
    result = []
    for index, operand in enumerate(setting.operands):
        row = []
        for level in range(operand.depth):
            flag = _full(forced[index][level], length, rows)
            row.append(flag | doubled[index, level] if (index, level) in doubled else flag.copy())
        result.append(tuple(row))
    return tuple(result)


def _full(value: Any, length: int, rows: Array | None) -> Array:
    """Return an array over all mappings, or over some rows."""
    if np.ndim(value) == 0:
        return np.full(length if rows is None else len(rows), value)
    array: Array = value if rows is None or len(value) == len(rows) else value[rows]
    return array
