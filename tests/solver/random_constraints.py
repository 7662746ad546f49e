"""Random constraints for tiny cases, and the best mapping that obeys them by enumeration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from math import prod
from random import Random
from typing import Any

import numpy as np

from tests.solver.brute_force import Best, Case, batches_of
from zzcp.cost import CostConventions, Evaluator
from zzcp.cost.batch import evaluate_batch
from zzcp.cost.constraints.compiler import compile_rules
from zzcp.cost.constraints.constrained import bypasses, constrained_machine, violations
from zzcp.cost.objective import objective_of
from zzcp.cost.setting.setting import IRRELEVANT
from zzcp.errors import InputError, MappingError
from zzcp.mapping import Mapping
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

Maker = Callable[[Random, Case, Evaluator], Constraint | None]


def _loops(case: Case) -> list[str]:
    return [dim for dim, size in case.spatial.temporal_sizes(case.layer).items() if size > 1]


def _groups(rng: Random, case: Case) -> tuple[tuple[str, ...], ...] | None:
    dims = _loops(case)
    if not dims:
        return None
    chosen = rng.sample(dims, k=rng.randint(1, min(2, len(dims))))
    return (tuple(chosen),) if rng.random() < 0.3 else tuple((dim,) for dim in chosen)


def _innermost(rng: Random, case: Case, _: Evaluator) -> Constraint | None:
    groups = _groups(rng, case)
    return groups and Innermost(groups)


def _outermost(rng: Random, case: Case, _: Evaluator) -> Constraint | None:
    groups = _groups(rng, case)
    return groups and Outermost(groups)


def _loop_order(rng: Random, case: Case, _: Evaluator) -> Constraint | None:
    sizes = case.spatial.temporal_sizes(case.layer)
    loops: list[tuple[str, int | None]] = []
    for dim in _loops(case):
        size = sizes[dim]
        parts = [part for part in range(2, size) if size % part == 0]
        if parts and rng.random() < 0.5:
            part = rng.choice(parts)
            loops += [(dim, part), (dim, rng.choice((None, size // part)))]
        else:
            loops.append((dim, rng.choice((None, size))))
    rng.shuffle(loops)
    if rng.random() < 0.5:
        loops = loops[: rng.randint(0, len(loops))]
        loops.insert(rng.randint(0, len(loops)), (ANY, None))
    if rng.random() < 0.1:
        loops.insert(rng.randint(0, len(loops)), (rng.choice(list(sizes)), rng.choice((2, 3, 5))))
    return LoopOrder(tuple(loops)) if loops else None


def _place(rng: Random, evaluator: Evaluator) -> tuple[str, str, int, int]:
    """Return memory, operand, its position and its level."""
    setting = evaluator.setting
    index = rng.randrange(len(setting.operands))
    operand = setting.operands[index]
    level = rng.randrange(operand.depth)
    return operand.memories[level].name, operand.name, index, level


def _limits(rng: Random, values: list[int]) -> dict[str, int]:
    low, high = sorted(rng.choice(values) for _ in range(2))
    return rng.choice(
        ({"least": high}, {"most": low}, {"least": low, "most": high}, {"least": high, "most": high})
    )


def _tile_size(rng: Random, case: Case, evaluator: Evaluator) -> Constraint | None:
    memory, operand, index, _ = _place(rng, evaluator)
    dims = [dim for dim in _loops(case) if evaluator.setting.operands[index].kind[dim] != IRRELEVANT]
    if not dims:
        return None
    dim = rng.choice(dims)
    values = list(range(1, case.layer.sizes[dim] + 1))
    return TileSize(
        memory, dim, rng.choice((operand, None)), **_limits(rng, values), spatial=rng.random() < 0.3
    )


def _tile_elements(rng: Random, case: Case, evaluator: Evaluator) -> Constraint:
    memory, operand, index, _ = _place(rng, evaluator)
    most = max(2, evaluator.setting.operands[index].elements)
    values = [int(most ** rng.random()) for _ in range(3)]
    return TileElements(memory, rng.choice((operand, None)), **_limits(rng, values))


def _bypass(rng: Random, case: Case, evaluator: Evaluator) -> Constraint | None:
    deep = [operand for operand in evaluator.setting.operands if operand.depth > 1]
    if not deep:
        return None
    operand = rng.choice(deep)
    return Bypass(operand.name, rng.choice(operand.memories[:-1]).name)


def _even(rng: Random, case: Case, evaluator: Evaluator) -> Constraint:
    if rng.random() < 0.6:
        return EvenMapping()
    operands = rng.sample(evaluator.setting.operands, k=min(2, len(evaluator.setting.operands)))
    names = dict.fromkeys(rng.choice(operand.memories).name for operand in operands)
    return EvenMapping((tuple(names),))


def _double_buffering(rng: Random, case: Case, evaluator: Evaluator) -> Constraint:
    memory, operand, *_ = _place(rng, evaluator)
    return DoubleBuffering(memory, rng.random() < 0.6, rng.choice((operand, None)))


def _utilization(rng: Random, case: Case, evaluator: Evaluator) -> Constraint:
    memory, operand, index, level = _place(rng, evaluator)
    most = case.layer.tile_size(operand, case.layer.sizes) * evaluator.setting.operands[index].precision
    full = Fraction(min(1.0, most / evaluator.setting.operands[index].memories[level].size))
    return MinUtilization(memory, full * Fraction(rng.randint(0, 110), 100), rng.choice((operand, None)))


def _budget(kind: type) -> Maker:
    def make(rng: Random, case: Case, evaluator: Evaluator) -> Constraint | None:
        batch = next(batches_of(case, evaluator.setting.conventions))
        costs = evaluate_batch(
            case.accelerator, case.layer, case.spatial, batch, evaluator.setting.conventions
        )
        if not costs.valid.any():
            return None
        found = costs.latency if kind is MaxLatency else costs.energy
        values = np.sort(found[costs.valid])
        value = float(values[int(len(values) * rng.random() ** 3)]) * rng.choice((0.98, 1, 1, 1.001))
        return MaxLatency(max(1, int(value))) if kind is MaxLatency else MaxEnergy(Fraction(str(value)))

    return make


MAKERS: dict[str, Maker] = {
    "loop_order": _loop_order,
    "innermost": _innermost,
    "outermost": _outermost,
    "tile_sizes": _tile_size,
    "tile_elements": _tile_elements,
    "bypass": _bypass,
    "even_mapping": _even,
    "double_buffering": _double_buffering,
    "min_utilization": _utilization,
    "max_latency": _budget(MaxLatency),
    "max_energy": _budget(MaxEnergy),
}


def random_constraints(rng: Random, case: Case, conventions: CostConventions, first: str) -> Constraints:
    """Return some constraints of a case, the first one of a given kind (where the case allows one)."""
    while True:
        evaluator = case.evaluator(conventions)
        kinds = [first, *rng.sample(list(MAKERS), k=rng.choice((0, 0, 1, 2)))]
        made = [MAKERS[kind](rng, case, evaluator) for kind in kinds]
        items: dict[Any, Constraint] = {}
        for item in made:
            if item is not None:
                # of one kind for one place the last one counts, as in a file
                items.setdefault((type(item), getattr(item, "memory", None)), item)
        constraints = Constraints(tuple(items.values()))
        try:
            compile_rules(
                machine_case(case, constraints, conventions).evaluator(conventions).setting, constraints
            )
        except InputError:
            first = rng.choice(list(MAKERS))
            continue
        return constraints


def machine_case(case: Case, constraints: Constraints, conventions: CostConventions) -> Case:
    """Return the case on the machine of constraints."""
    return Case(constrained_machine(case.accelerator, case.layer, constraints), case.layer, case.spatial)


def best_obeying(
    case: Case, constraints: Constraints, conventions: CostConventions, objective: str
) -> Best | None:
    """Return the best mapping that obeys constraints, or None if none does."""
    buffering = any(isinstance(item, DoubleBuffering) for item in constraints)
    if buffering and not conventions.greedy_buffering:
        return _best_of_all(case, constraints, conventions, objective)
    here = machine_case(case, constraints, conventions)
    evaluator = here.evaluator(conventions)
    rules = compile_rules(evaluator.setting, constraints, bypasses(constraints))
    best: Best | None = None
    for batch in batches_of(here, conventions):
        costs = evaluate_batch(here.accelerator, here.layer, here.spatial, batch, conventions)
        latency = costs.latency.astype(float)
        values = {"edp": costs.energy * latency, "energy": costs.energy, "latency": latency}[objective]
        values = np.where(costs.valid, values, np.inf)
        for number in np.argsort(values, kind="stable"):
            if not np.isfinite(values[number]) or (best is not None and values[number] >= best.value):
                break
            mapping = batch.mapping(int(number), here.layer, here.spatial)
            if not violations(rules, evaluator.evaluate(mapping)):
                best = Best(float(values[number]), mapping)
                break
    return best


def _best_of_all(
    case: Case, constraints: Constraints, conventions: CostConventions, objective: str
) -> Best | None:
    """The same with every buffering written down, on a machine that knows nothing of what is asked of it."""
    bypassing = Constraints(tuple(item for item in constraints if isinstance(item, Bypass)))
    here = machine_case(case, bypassing, conventions)
    evaluator = here.evaluator(conventions)
    rules = compile_rules(evaluator.setting, constraints, bypasses(constraints))
    best: Best | None = None
    for batch in batches_of(here, conventions):
        for number in range(len(batch)):
            mapping = batch.mapping(number, here.layer, here.spatial)
            for flagged in _buffered(evaluator, mapping):
                try:
                    evaluation = evaluator.evaluate(flagged)
                except MappingError:
                    continue
                value = float(objective_of(evaluation, objective))
                if (best is None or value < best.value) and not violations(rules, evaluation):
                    best = Best(value, flagged)
    return best


def _buffered(evaluator: Evaluator, mapping: Mapping) -> Iterator[Mapping]:
    depths = {operand.name: operand.depth - 1 for operand in evaluator.setting.operands}
    for bits in product((False, True), repeat=sum(depths.values())):
        flags, rest = {}, list(bits)
        for name, depth in depths.items():
            flags[name], rest = tuple(rest[:depth]), rest[depth:]
        yield mapping.with_buffering(flags)


def bufferings_of(case: Case) -> int:
    """Return how many bufferings a mapping has."""
    links = case.layer.default_links
    return prod(2 ** (len(case.accelerator.levels(links[operand])) - 1) for operand in case.layer.operands)
