"""Constraints against the evaluator: what they mean for a layer on a machine, and what of them a mapping violates.

A constraint is compiled to *rules* about operands, memory levels and loops. They refer to a mapping as the cost model
sees it, with irrelevant loops that stand directly above a boundary beneath it; so two mappings that cost the same by
rule also obey the same constraints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from zzcp.cost.constraints.compiler import compile_rules
from zzcp.cost.constraints.rules import (
    BufferRule,
    BypassRule,
    ElementsRule,
    EnergyRule,
    EvenRule,
    LatencyRule,
    OrderRule,
    Rule,
    TileRule,
    UnrollingRule,
    UtilizationRule,
)
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.evaluate import evaluate
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.formulas.capacity import refilled
from zzcp.cost.formulas.links import tile_elements
from zzcp.cost.formulas.numeric import PYTHON
from zzcp.cost.report import ModelDetails
from zzcp.cost.setting.setting import IRRELEVANT, Setting
from zzcp.cost.setting_compiler import compile_setting
from zzcp.errors import MappingError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.mapping.constraints import Bypass, Constraints, DoubleBuffering
from zzcp.mapping.machine import without_bypassed
from zzcp.workload import Layer

ROUNDING = 1e-6
"""By so much fractions of elements and bits may miss a bound: they are floats."""


def constrained_machine(
    accelerator: Accelerator,
    layer: Layer,
    constraints: Constraints,
    links: MappingType[str, str] | None = None,
) -> Accelerator:
    """Return the machine under constraints: without bypassed memories, with the buffering that is asked for.

    Raises
    ------
    InputError
        If a bypass cannot be.
    """
    links = dict(layer.default_links) | dict(links or {})
    bypass = bypasses(constraints)
    machine = without_bypassed(accelerator, bypass, links) if bypass else accelerator
    memories = []
    for memory in machine.memories:
        kept: dict[bool, list[str]] = {True: [], False: []}
        for item in constraints:
            if isinstance(item, DoubleBuffering) and item.memory == memory.name:
                names = [links[item.operand]] if item.operand in links else []
                kept[item.twice] += memory.operands if item.operand is None else names
        memories.append(
            replace(
                memory,
                kept_twice=tuple(dict.fromkeys(kept[True])),
                kept_once=tuple(dict.fromkeys(kept[False])),
            )
            if kept[True] or kept[False]
            else memory
        )
    return replace(machine, memories=tuple(memories))


def bypasses(constraints: Constraints) -> dict[str, tuple[str, ...]]:
    """Return the memories that operands bypass."""
    found: dict[str, tuple[str, ...]] = {}
    for item in constraints:
        if isinstance(item, Bypass):
            found[item.operand] = tuple(dict.fromkeys((*found.get(item.operand, ()), item.memory)))
    return found


def check_constraints(
    accelerator: Accelerator,
    layer: Layer,
    spatial: SpatialMapping,
    constraints: Constraints,
    links: MappingType[str, str] | None = None,
) -> None:
    """Check that constraints are about things that exist.

    Raises
    ------
    InputError
        If a constraint names something that the layer or the machine does not have.
    """
    if constraints:
        machine = constrained_machine(accelerator, layer, constraints, links)
        compile_rules(
            compile_setting(machine, layer, spatial, EXACT, links), constraints, bypasses(constraints)
        )


def constraint_violations(
    accelerator: Accelerator,
    layer: Layer,
    mapping: Mapping,
    constraints: Constraints | MappingType[str, Any],
    conventions: CostConventions = EXACT,
) -> list[str]:
    """Return in words which constraints a mapping violates, and by how much; nothing if it obeys all of them.

    Parameters
    ----------
    accelerator, layer, mapping
        What runs on what.
    constraints : Constraints or dict
        What is asked of the mapping.
    conventions : CostConventions
        How its cost is counted, and its buffering chosen where the mapping leaves it open.

    Raises
    ------
    InputError
        If a constraint names something that the layer or the machine does not have.
    MappingError
        If the mapping is invalid in any case.
    """
    if not isinstance(constraints, Constraints):
        constraints = Constraints.from_dict(constraints)
    evaluation = evaluate(accelerator, layer, mapping, conventions)
    assert isinstance(evaluation.details, ModelDetails)
    return violations(
        compile_rules(evaluation.details.model.setting, constraints, mapping.bypass or {}), evaluation
    )


def violations(rules: Sequence[Rule], evaluation: Evaluation) -> list[str]:
    """Return in words which rules an evaluated mapping violates."""
    assert isinstance(evaluation.details, ModelDetails)
    check = _Check(evaluation, evaluation.details)
    return [text for rule in rules if (text := check.violation(rule)) is not None]


@dataclass
class _Check:
    """What the rules ask about one mapping."""

    evaluation: Evaluation
    details: ModelDetails

    @property
    def setting(self) -> Setting:
        return self.details.model.setting

    def violation(self, rule: Rule) -> str | None:
        """Return in words how a rule is violated, or None."""
        checks: dict[type, Callable[[Any], str | None]] = {
            OrderRule: self._order,
            TileRule: self._tile,
            ElementsRule: self._elements,
            EvenRule: self._even,
            BufferRule: self._buffering,
            UtilizationRule: self._utilization,
            LatencyRule: self._latency,
            EnergyRule: self._energy,
            BypassRule: self._bypass,
            UnrollingRule: self._unrolling,
        }
        return checks[type(rule)](rule)

    @staticmethod
    def _bypass(rule: BypassRule) -> str | None:
        return None if rule.obeyed else f"{rule.constraint}: {rule.constraint.memory} has a level for it"

    @staticmethod
    def _unrolling(rule: UnrollingRule) -> str | None:
        return None if rule.violation is None else f"{rule.constraint}: {rule.violation}"

    def _latency(self, rule: LatencyRule) -> str | None:
        latency = self.evaluation.latency.total
        return None if latency <= rule.cycles else f"{rule.constraint}: it takes {latency:,}"

    def _energy(self, rule: EnergyRule) -> str | None:
        energy = self.evaluation.energy
        return None if energy.exact <= rule.most else f"{rule.constraint}: it takes {energy.total:,.10g}"

    def _tile(self, rule: TileRule) -> str | None:
        size = self._tile_size(rule)
        return None if rule.allows(size) else f"{rule.constraint}: it is {size}{self._whose(rule.operand)}"

    def _elements(self, rule: ElementsRule) -> str | None:
        elements = self._tile_elements(rule.operand, rule.level)
        if rule.allows(elements, 0 if isinstance(elements, int) else ROUNDING):
            return None
        return f"{rule.constraint}: there are {elements:g}{self._whose(rule.operand)}"

    def _whose(self, operand: int) -> str:
        return f" for {self.setting.operands[operand].name}"

    @cached_property
    def _loops(self) -> tuple[Any, ...]:
        return self.details.mapping.order

    def _order(self, rule: OrderRule) -> str | None:
        runs: list[list[Any]] = []
        for dim, size in self._loops:
            if runs and runs[-1][0] == dim:
                runs[-1][1] *= size
            else:
                runs.append([dim, size])
        if rule.matches([(dim, size) for dim, size in runs]):
            return None
        order = ", ".join(f"{dim} {size}" for dim, size in self._loops) or "no loops"
        return f"{rule.constraint}: the order is {order}"

    def _tile_size(self, rule: TileRule) -> int:
        levels = self.details.mapping.temporal[self.setting.operands[rule.operand].name]
        size = 1
        for level in levels[: rule.level + 1]:
            for dim, factor in level:
                size *= factor if dim == rule.dim else 1
        return rule.counted(size)

    def _tile_elements(self, index: int, level: int) -> Any:
        operand = self.setting.operands[index]
        state = self.details.traffic.states[index]
        return tile_elements(
            operand, operand.energy, state, level + 1, level + 1, self.setting.conventions, PYTHON
        )

    def _even(self, rule: EvenRule) -> str | None:
        """Every group needs one cut of the order that lies where each of its operands can have its boundary.

        An operand's boundary may be anywhere in the irrelevant loops beneath its place in the merged form.
        """
        order, cuts = self._loops, self.details.mapping.allocation
        lowest, highest = [], []
        for tenants in rule.groups:
            starts, ends = [], []
            for index, level in tenants:
                operand = self.setting.operands[index]
                free = [operand.kind[dim] == IRRELEVANT for dim, _ in order]
                start = end = cuts[operand.name][level]
                while end < len(order) and free[end]:
                    end += 1
                while start > 0 and free[start - 1]:
                    start -= 1
                starts.append(start)
                ends.append(end)
            lowest.append(max(starts))
            highest.append(min(ends))
        for _ in rule.groups:
            for below, above in rule.nested:
                lowest[above] = max(lowest[above], lowest[below])
        for tenants, low, high in zip(rule.groups, lowest, highest, strict=True):
            if low > high:
                names = " and ".join(
                    f"{self.setting.operands[index].name} in {self.setting.operands[index].memories[level].name}"
                    for index, level in tenants
                )
                return f"{rule.constraint}: {names} are cut at different loops"
        return None

    @cached_property
    def _refilled(self) -> list[list[Any]]:
        return refilled(self.setting, self.details.traffic.states, PYTHON)

    def _buffering(self, rule: BufferRule) -> str | None:
        operand = self.setting.operands[rule.operand]
        flags = self.evaluation.double_buffered[operand.name]
        twice = rule.level < len(flags) and flags[rule.level]
        if twice and not rule.twice:
            return f"{rule.constraint}: the tile of {operand.name} is kept twice"
        if rule.twice and not twice and self._refilled[rule.operand][rule.level]:
            return f"{rule.constraint}: the tile of {operand.name} is kept once"
        return None

    @cached_property
    def _bits(self) -> list[list[Any]]:
        return self.details.tile_bits()

    def _utilization(self, rule: UtilizationRule) -> str | None:
        used = sum(self._bits[index][level] for index, level in rule.tenants)
        needed = rule.share * rule.size
        if used >= (needed if isinstance(used, int) else float(needed) - ROUNDING):
            return None
        return f"{rule.constraint}: it is {float(Fraction(used) / rule.size):.4g}"


__all__ = ["bypasses", "check_constraints", "constrained_machine", "constraint_violations", "violations"]


def obeys(evaluator: Evaluator, mapping: Mapping, rules: Sequence[Rule]) -> bool:
    """Return whether a mapping is valid and obeys all rules."""
    try:
        evaluation = evaluator.evaluate(mapping)
    except MappingError:
        return False
    return not violations(rules, evaluation)


def is_exact(evaluator: Evaluator, rules: Sequence[Rule]) -> bool:
    """Return whether a chain none of whose tried orders obeys the rules has none that does.

    Orders that merge boundaries may make an output tile complete, which changes its bits and so its utilization.
    """
    operands = evaluator.setting.operands
    return not any(
        operands[index].stored[level].partial != operands[index].stored[level].final
        for rule in rules
        if isinstance(rule, UtilizationRule)
        for index, level in rule.tenants
    )
