"""The tile-chain model of one layer on one machine under one unrolling (docs/formulation)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, pairwise, product
from typing import Any

import numpy as np

from zzcp.cost.constraints.rules import Rule
from zzcp.cost.formulas.core import Model
from zzcp.cost.formulas.links import tile_elements
from zzcp.cost.formulas.numeric import NUMPY
from zzcp.solver.cp_sat import cp_model
from zzcp.solver.cpsat.budgets import add_budgets
from zzcp.solver.cpsat.chain_model import ChainModel
from zzcp.solver.cpsat.loading import add_scheduled_loading
from zzcp.solver.cpsat.loading_zigzag import add_combined_loading
from zzcp.solver.cpsat.restrict import Point, Restriction
from zzcp.solver.cpsat.stall import add_stall
from zzcp.solver.cpsat.variables import Boundary, add_boundary, lookup, lookup_data
from zzcp.solver.cpsat.windows import add_tail, add_window, order_marks
from zzcp.solver.lattice.keys import enumerate_states, keys_of, split_keys
from zzcp.solver.lattice.lattice import Places
from zzcp.solver.lattice.tables import MOST_FIGURE, CostTables, boundary_tables, grid_state

_FLOAT_ERROR = Fraction(1, 2**40)
"""More than the relative error of ZigZag's sums of floats, which may lie below the exact sums of the model."""


def build_model(
    cost: Model,
    energy_unit: int,
    tables: CostTables | None = None,
    windowed: Collection[tuple[int, int]] = (),
    rules: Sequence[Rule] = (),
    places: Mapping[tuple[int, int], Places] | None = None,
) -> ChainModel:
    """State the chain, the capacities, the energy and the latency; the objective is the search's.

    Parameters
    ----------
    cost : Model
        The evaluator's compiled setting.
    energy_unit : int
        Energies are divided by this and rounded down.
    tables : CostTables, optional
        Cost tables, where they are known already.
    windowed : collection of (int, int)
        Boundaries (operand, link) whose windows are modelled; those of all others are as long as their periods. The
        link above the top level stands for the tail of the operand.
    rules : sequence of Rule
        What the user asks of the mapping.
    places : mapping of (int, int) to Places, optional
        The vectors that are left for every boundary; else all.
    """
    keys = keys_of(cost.setting.temporal_sizes)
    tables = tables or boundary_tables(cost, keys)
    model = cp_model.CpModel()
    places = places or {}
    boundaries = [
        [add_boundary(model, keys, table, places.get((table.operand, table.link))) for table in row]
        for row in tables
    ]
    chain = ChainModel(cost, keys, model, boundaries, 0, 0, energy_unit, leakage=tables.leakage / energy_unit)
    _add_chain(chain)
    if rules:
        vectors = [[boundary.exponents for boundary in row] for row in boundaries]
        chain.points = Restriction(model, cost, keys, vectors).state(rules)
    others: list[Sequence[Boundary | Point]] = [*boundaries, chain.points]
    depths = [operand.depth for operand in cost.setting.operands]
    for index, link in sorted(windowed):
        if link < depths[index]:
            operand = cost.setting.operands[index]
            once = operand.memory_operand in operand.memories[link - 1].kept_once
            chain.doubled[index, link] = model.new_int_var(0, not once, f"double{index}.{link}")
        elif cost.setting.conventions.once_only_loads == "hidden_until_needed":
            chain.tails[index] = add_tail(model, keys, others, index)
    _add_capacity(chain)
    for place in chain.doubled:
        chain.windows[place] = add_window(
            model, keys, others, boundaries[place[0]][place[1]], chain.doubled[place]
        )
    _order_marks(chain)
    chain.energy = _energy(chain, tables.operations)
    chain.latency = _latency(chain)
    add_budgets(chain, rules, tables.scale / energy_unit / certain(cost))
    return chain


def certain(cost: Model) -> Fraction:
    """Return the share of an exact figure that the evaluator's is certain to reach."""
    return 1 - _FLOAT_ERROR if cost.setting.conventions.fractional_unrolling else Fraction(1)


def _add_chain(chain: ChainModel) -> None:
    """Boundaries of one operand grow with the link; any two of different operands are comparable."""
    model = chain.model
    for row in chain.boundaries:
        for lower, upper in pairwise(row):
            for below, above in zip(lower.exponents, upper.exponents, strict=True):
                if not isinstance(below, int):
                    model.add(below <= above)
    for first, second in combinations(chain.boundaries, 2):
        for one in first:
            for other in second:
                _comparable(model, one, other)


def _comparable(model: cp_model.CpModel, one: Boundary, other: Boundary) -> None:
    pairs = [
        (a, b)
        for a, b in zip(one.exponents, other.exponents, strict=True)
        if not (isinstance(a, int) and isinstance(b, int))
    ]
    forward = [(a, b) for a, b in pairs if not isinstance(a, int)]
    backward = [(a, b) for a, b in pairs if not isinstance(b, int)]
    if not forward or not backward:
        return
    below = model.new_bool_var(f"y{one.name}<{other.name}")
    for a, b in forward:
        model.add(a <= b).only_enforce_if(below)
    for a, b in backward:
        model.add(b <= a).only_enforce_if(~below)


def _order_marks(chain: ChainModel) -> None:
    """All windows and tails belong to one order; for the windows of one operand that follows from its boundaries."""
    windows = [window.mark for window in chain.windows.values()]
    tails = [tail.mark for tail in chain.tails.values() if tail.mark is not None]
    pairs = [(one, other) for one, other in combinations(windows, 2) if one.operand != other.operand]
    for one, other in (*pairs, *product(windows, tails), *combinations(tails, 2)):
        order_marks(chain.model, one, other)


def _add_capacity(chain: ChainModel) -> None:
    """Every memory holds its tenants' tiles, and the second copies that the mapping makes or the memory forces."""
    model, setting = chain.model, chain.cost.setting
    for tenancy in setting.tenancies:
        terms = []
        # no more than all tiles take, copies included
        size = min(tenancy.memory.size, 2 * MOST_FIGURE * len(tenancy.tenants))
        for index, level in tenancy.tenants:
            forced = tenancy.memory.doubles(setting.operands[index].memory_operand)
            bits = _stored_bits(chain, index, level, forced)
            terms.append(bits)
            doubled = chain.doubled.get((index, level + 1))
            if doubled is None or forced:
                continue
            if setting.conventions.greedy_buffering:
                # a second copy matters only above irrelevant loops, where the effective size is the whole tile's;
                # of the other tenants' nothing is certain here
                boundary = chain.boundaries[index][level + 1]
                own = lookup(model, boundary, "effective", boundary.table.effective)
                model.add(2 * own <= size).only_enforce_if(doubled)
                continue
            copy = model.new_int_var(0, min(size, MOST_FIGURE), f"copy{index}.{level}")
            model.add(copy >= bits).only_enforce_if(doubled)
            terms.append(copy)
        model.add(cp_model.LinearExpr.sum(terms) <= size)


def _stored_bits(chain: ChainModel, index: int, level: int, forced: bool) -> Any:
    setting = chain.cost.setting
    operand = setting.operands[index]
    stored = operand.stored[level]
    row = chain.boundaries[index]
    spatial = operand.energy.reduction_above[level] > 1
    if level + 1 < operand.depth:
        boundary = row[level + 1]
        table = boundary.table
        copies = 1 + (forced & (table.stored < _whole_tile(chain, index, level)))
        partial = lookup_data(chain.model, boundary, "partial", table.bits_partial * copies)
        final = lookup_data(chain.model, boundary, "final", table.bits * copies)
    else:
        whole = _whole_tile(chain, index, level)
        partial, final = whole * stored.partial, whole * stored.final
    if stored.partial == stored.final or spatial or not operand.is_output:
        return partial
    complete = _reduction_complete(chain, row[level])
    if isinstance(complete, bool):
        return final if complete else partial
    most = stored.most * _whole_tile(chain, index, level) * 2
    bits = chain.model.new_int_var(0, int(most), f"bits{index}.{level}")
    chain.model.add(bits == final).only_enforce_if(complete)
    chain.model.add(bits == partial).only_enforce_if(~complete)
    return bits


def _reduction_complete(chain: ChainModel, boundary: Boundary) -> Any:
    """Whether all reduction loops lie below a boundary (for the output: no partial sums above it)."""
    if "complete" in boundary.cache:
        return boundary.cache["complete"]
    values = boundary.table.reuse_values
    total = 1
    for dim, size in chain.cost.setting.temporal_sizes.items():
        if chain.cost.setting.operands[boundary.operand].kind[dim] == 0:
            total *= size
    last = int(values[-1]) == total
    overlaps = lookup_data(chain.model, boundary, "overlaps", boundary.table.overlaps.astype(np.int64))
    result: Any
    if not last or (isinstance(overlaps, int) and overlaps):
        result = False
    elif isinstance(boundary.reuse_class, int) and isinstance(overlaps, int):
        result = boundary.reuse_class == len(values) - 1
    else:
        result = chain.model.new_bool_var(f"complete{boundary.name}")
        left = len(values) - 1 - boundary.reuse_class + overlaps
        chain.model.add(left == 0).only_enforce_if(result)
        chain.model.add(left >= 1).only_enforce_if(~result)
    boundary.cache["complete"] = result
    return result


def _whole_tile(chain: ChainModel, index: int, level: int) -> int:
    """Elements that pass through one instance of a memory level over the layer, rounded down."""
    setting = chain.cost.setting
    operand = setting.operands[index]
    data, _ = split_keys(operand, chain.keys)
    states = enumerate_states(chain.keys, data)
    states = states.only(np.array([int(np.argmax(states.product))]))
    link = operand.depth - 1
    state = grid_state(chain.cost, index, link, states, np.ones(1, dtype=np.int64))
    tile = tile_elements(operand, operand.energy, state, link, level + 1, setting.conventions, NUMPY)
    return int(np.asarray(tile)[0])


def _energy(chain: ChainModel, operations: int) -> Any:
    """Sum of the links' energies; every link is rounded down to the unit."""
    terms = [
        lookup(chain.model, boundary, "energy", boundary.table.energy // chain.energy_unit)
        for row in chain.boundaries
        for boundary in row
    ]
    return cp_model.LinearExpr.sum(terms) + operations // chain.energy_unit


def _latency(chain: ChainModel) -> Any:
    setting = chain.cost.setting
    run = setting.run_cycles
    stall = add_stall(chain, run)
    add_loading = add_combined_loading if setting.conventions.combined_loading else add_scheduled_loading
    return run + stall + add_loading(chain, run, stall) + setting.drain + _refill(chain)


def _refill(chain: ChainModel) -> Any:
    """Return the cycles in which a systolic array is refilled beyond the drain: less where the tile is kept twice."""
    refill = chain.cost.setting.refill
    if refill is None:
        return 0
    boundary = chain.boundaries[refill.operand][1]
    assert boundary.table.refill is not None
    twice, once = (
        lookup(chain.model, boundary, name, cycles)
        for name, cycles in zip(("refill_twice", "refill_once"), boundary.table.refill, strict=True)
    )
    operand = chain.cost.setting.operands[refill.operand]
    if operand.memories[0].doubles(operand.memory_operand):
        return twice
    if operand.memory_operand in operand.memories[0].kept_once:
        return once
    doubled = chain.doubled.get((refill.operand, 1))
    if doubled is None:
        return twice
    cycles = chain.model.new_int_var(0, int(boundary.table.refill[1].max(initial=0)), "refill")
    chain.model.add(cycles >= twice)
    chain.model.add(cycles >= once).only_enforce_if(~doubled)
    return cycles
