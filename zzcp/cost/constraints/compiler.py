"""From constraints to rules: names are looked up, and what does not exist is an error."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from zzcp.cost.constraints.rules import (
    BufferRule,
    BypassRule,
    ElementsRule,
    EnergyRule,
    EvenRule,
    LatencyRule,
    OrderRule,
    Rule,
    Step,
    Tenant,
    TileRule,
    UnrollingRule,
    UtilizationRule,
)
from zzcp.cost.setting.setting import IRRELEVANT, Setting
from zzcp.errors import InputError, placed_at
from zzcp.mapping.constraints import (
    ANY,
    Bypass,
    Constraint,
    Constraints,
    DoubleBuffering,
    EvenMapping,
    Innermost,
    LoopOrder,
    MaxEnergy,
    MaxLatency,
    MinUtilization,
    Outermost,
    TileElements,
    TileSize,
)
from zzcp.mapping.unrolling_constraints import (
    UNROLLING_CONSTRAINTS,
    check_names,
    unknown_name,
    violation,
)


def compile_rules(
    setting: Setting, constraints: Constraints, bypass: Mapping[str, Sequence[str]] | None = None
) -> tuple[Rule, ...]:
    """Return the rules of constraints.

    Parameters
    ----------
    setting : Setting
        The layer on the machine without the bypassed memories.
    constraints : Constraints
        What is asked.
    bypass : mapping of str to sequence of str, optional
        What is bypassed on this machine.

    Raises
    ------
    InputError
        If a constraint names a dimension, an operand or a memory that does not exist, or an operand that the memory
        does not hold. Its field is that of the dictionary form.
    """
    rules: list[Rule] = []
    for item in constraints:
        with placed_at(field=constraints.field_of(item)):
            rules += _rules(setting, item, bypass or {})
    return tuple(rules)


def _rules(setting: Setting, item: Constraint, bypass: Mapping[str, Sequence[str]]) -> Iterator[Rule]:
    if isinstance(item, LoopOrder | Innermost | Outermost):
        yield OrderRule(item, _steps(setting, item))
    elif isinstance(item, TileSize):
        _check_dim(setting, item, item.dim)
        tenants = _tenants(setting, item, item.memory, item.operand)
        matters = [(i, level) for i, level in tenants if _matters(setting, i, item.dim)]
        if not matters:
            names = ", ".join(setting.operands[i].name for i, _ in tenants)
            raise _error(item, f"{item.dim} is no dimension of the data of {names}")
        for operand, level in matters:
            lanes = _lanes(setting, operand, level, item.dim)
            yield TileRule(
                item.least, item.most, item, operand, level, item.dim, lanes, setting.layer.sizes[item.dim]
            )
    elif isinstance(item, TileElements):
        for operand, level in _tenants(setting, item, item.memory, item.operand):
            yield ElementsRule(item.least, item.most, item, operand, level)
    elif isinstance(item, EvenMapping):
        yield _even(setting, item)
    elif isinstance(item, DoubleBuffering):
        for operand, level in _tenants(setting, item, item.memory, item.operand):
            yield BufferRule(item, operand, level, item.twice)
    elif isinstance(item, MinUtilization):
        held = tuple(_tenants(setting, item, item.memory, item.operand))
        yield UtilizationRule(item, held, setting.accelerator.memory(item.memory).size, item.share)
    elif isinstance(item, MaxLatency):
        yield LatencyRule(item, item.cycles)
    elif isinstance(item, MaxEnergy):
        yield EnergyRule(item, item.energy)
    elif isinstance(item, UNROLLING_CONSTRAINTS):
        machine, layer = setting.accelerator, setting.layer
        check_names((item,), machine, layer)
        yield UnrollingRule(item, violation(item, machine, layer, setting.spatial))
    else:
        assert isinstance(item, Bypass)
        if item.operand not in setting.layer.operands:
            raise unknown_name(item, "operand", item.operand, setting.layer.operands)
        yield BypassRule(item, item.memory in bypass.get(item.operand, ()))


def _matters(setting: Setting, index: int, dim: str) -> bool:
    """Return whether a dimension is one of an operand's data, be it of size 1: its tiles have one iteration then."""
    operand = setting.operands[index]
    alone = setting.layer.sizes[dim] == 1 and dim in setting.layer.equation.indices[operand.name]
    return alone or operand.kind[dim] != IRRELEVANT


def _steps(setting: Setting, item: LoopOrder | Innermost | Outermost) -> tuple[Step, ...]:
    every = frozenset(setting.layer.sizes)
    if isinstance(item, LoopOrder):
        for dim, _ in item.loops:
            if dim != ANY:
                _check_dim(setting, item, dim)
        # a free size is all that the fixed ones leave, so that nothing of its dimension is left for other places
        others = every - {dim for dim, size in item.loops if size is None}
        return tuple(Step(others if dim == ANY else frozenset((dim,)), size) for dim, size in item.loops)
    for dim in (dim for group in item.groups for dim in group):
        _check_dim(setting, item, dim)
    groups = [Step(frozenset(group)) for group in item.groups]
    rest = Step(every - frozenset(dim for group in item.groups for dim in group))
    return (*groups, rest) if isinstance(item, Innermost) else (rest, *reversed(groups))


def _even(setting: Setting, item: EvenMapping) -> EvenRule:
    names: list[tuple[str, ...]] = list(item.groups or ())
    if item.groups is None:
        names = [(tenancy.memory.name,) for tenancy in setting.tenancies if len(tenancy.tenants) > 1]
    groups: list[tuple[Tenant, ...]] = []
    for group in names:
        tenants = tuple(tenant for name in group for tenant in _tenants(setting, item, name, None))
        operands = [operand for operand, _ in tenants]
        if len(set(operands)) < len(operands):
            twice = next(i for i in operands if operands.count(i) > 1)
            raise _error(item, f"{setting.operands[twice].name} has two levels in {', '.join(group)}")
        groups.append(tenants)
    nested = {
        (lower, upper)
        for lower, below in enumerate(groups)
        for upper, above in enumerate(groups)
        for operand, level in below
        for other, other_level in above
        if operand == other and level < other_level
    }
    return EvenRule(item, tuple(groups), tuple(sorted(nested)))


def _tenants(setting: Setting, item: Constraint, memory: str, operand: str | None) -> list[Tenant]:
    """Return the operands that a memory holds with their levels there, or the one that is asked for."""
    names = [held.name for held in setting.accelerator.memories]
    if memory not in names:
        raise unknown_name(item, "memory", memory, names)
    tenants = next((list(t.tenants) for t in setting.tenancies if t.memory.name == memory), [])
    if operand is None:
        if not tenants:
            raise _error(item, f"{memory} holds no operand of layer {setting.layer.name}")
        return tenants
    if operand not in setting.layer.operands:
        raise unknown_name(item, "operand", operand, setting.layer.operands)
    index = setting.operand_index(operand)
    found = [(i, level) for i, level in tenants if i == index]
    if not found:
        held = ", ".join(setting.operands[i].name for i, _ in tenants) or "nothing"
        raise _error(item, f"{memory} does not hold {operand} (it holds {held})")
    return found


def _lanes(setting: Setting, index: int, level: int, dim: str) -> int:
    """Return the lanes over which a dimension is unrolled below a memory level."""
    served = {
        name for memory in setting.operands[index].memories[: level + 1] for name in memory.served_dimensions
    }
    return math.prod(
        factor for dimension, unrolled, factor in setting.spatial if unrolled == dim and dimension in served
    )


def _check_dim(setting: Setting, item: Constraint, dim: str) -> None:
    if dim not in setting.layer.sizes:
        raise unknown_name(item, "dimension", dim, tuple(setting.layer.sizes))


def _error(item: Constraint, text: str) -> InputError:
    return InputError(f"constraint '{item}': {text}")
