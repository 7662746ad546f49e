"""The model with its boundaries fixed to those of one mapping."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product

from ortools.sat.python import cp_model

from tests.generators import prime_factors
from zzcp.cost import Evaluator, Latency
from zzcp.cost.setting.setting import IRRELEVANT
from zzcp.mapping import Mapping
from zzcp.solver.cpsat.model import build_model
from zzcp.solver.lattice.chain import Chain, merged, orders_of
from zzcp.solver.lattice.keys import Key, keys_of
from zzcp.solver.lattice.tables import boundary_tables

FINENESS = 2**36
"""Units that the energy of a mapping is split into at least."""

Place = tuple[int, int]


@dataclass(frozen=True)
class Pinned:
    """The cost of a mapping in the model.

    Parameters
    ----------
    energy : Fraction
        Its energy, rounded down.
    rounding : Fraction
        What the rounding may have taken away.
    latency : int
        The least latency that the model allows it.
    stall : int
        The least stall that the model allows it.
    """

    energy: Fraction
    rounding: Fraction
    latency: int
    stall: int


def boundaries_of(
    evaluator: Evaluator, mapping: Mapping, keys: tuple[Key, ...]
) -> list[list[tuple[int, ...]]]:
    """Return the exponents of every operand's boundaries, from that at the array to that below its top level."""
    setting = evaluator.setting
    mapping = merged(mapping, setting)
    order = mapping.order
    below = [dict.fromkeys(((key.dim, key.prime) for key in keys), 0)]
    for loop in order:
        exponents = dict(below[-1])
        for prime in prime_factors(loop.size):
            exponents[loop.dim, prime] += 1
        below.append(exponents)
    rows = []
    for operand in setting.operands:
        stationary = 0
        if setting.conventions.same_data_free and not operand.is_output:
            while stationary < len(order) and operand.kind[order[stationary].dim] == IRRELEVANT:
                stationary += 1
        cuts = (stationary, *mapping.allocation[operand.name][:-1])
        rows.append([tuple(below[cut].values()) for cut in cuts])
    return rows


def pin(evaluator: Evaluator, mapping: Mapping, windowed: Collection[Place]) -> Pinned | None:
    """Return the cost of a mapping in the model, or None if the model forbids it."""
    cost = evaluator.model
    keys = keys_of(evaluator.setting.temporal_sizes)
    tables = boundary_tables(cost, keys)
    unit = max(1, int(evaluator.evaluate(mapping).energy.exact * tables.scale) // FINENESS)
    chain = build_model(cost, unit, tables, windowed)
    model = chain.model
    for row, vectors in zip(chain.boundaries, boundaries_of(evaluator, mapping, keys), strict=True):
        for boundary, vector in zip(row, vectors, strict=True):
            for variable, value in zip(boundary.exponents, vector, strict=True):
                if not isinstance(variable, int):
                    model.add(variable == value)
                elif variable != value:
                    return None
    total = model.new_int_var(0, 2**60, "total")
    model.add(total == chain.energy)
    model.minimize(chain.latency)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return None
    assert status == cp_model.OPTIMAL, solver.status_name(status)
    links = sum(map(len, chain.boundaries))
    latency, units = round(solver.objective_value), solver.value(total)
    names = [variable.name for variable in model.proto.variables]
    model.minimize(model.get_int_var_from_proto_index(names.index("stall")))
    assert solver.solve(model) == cp_model.OPTIMAL
    return Pinned(
        units * unit / tables.scale,
        (links + 1) * unit / tables.scale,
        latency,
        round(solver.objective_value),
    )


def best_orders(evaluator: Evaluator, mapping: Mapping) -> tuple[Latency, Latency]:
    """Return the least latencies of the mappings that are cut where a mapping is cut.

    First of those that have all its boundaries, then of all: where an irrelevant loop stands directly above a cut it
    counts beneath it, so that such a mapping has other boundaries, and costs no more than the model says of these.
    """
    setting = evaluator.setting
    keys = keys_of(setting.temporal_sizes)
    rows = boundaries_of(evaluator, mapping, keys)
    whole = tuple(key.multiplicity for key in keys)
    chain = Chain(
        keys,
        {operand.name: (*row[1:], whole) for operand, row in zip(setting.operands, rows, strict=True)},
    )
    # one order for every combination of runs, not only those that are best without ZigZag's buffering
    greedy = Evaluator(
        setting.accelerator,
        setting.layer,
        setting.spatial,
        replace(setting.conventions, greedy_buffering=True),
        setting.links,
    )
    same, cut = [], []
    for each in (greedy, evaluator):
        variants, exhaustive = orders_of(each, chain, [row[0] for row in rows])
        assert exhaustive
        for segments in product(*variants):
            loops = [(keys[index].dim, keys[index].prime) for segment in segments for index in segment]
            other = Mapping.from_order(setting.spatial, loops, chain.cuts, links=setting.own_links)
            cut.append(evaluator.evaluate(other).latency)
            if boundaries_of(evaluator, other, keys) == rows:
                same.append(cut[-1])
    return min(same, key=lambda latency: latency.total), min(cut, key=lambda latency: latency.total)


def every_window(evaluator: Evaluator) -> list[Place]:
    """Return the boundaries with windows and tails of all operands."""
    return [
        (index, link)
        for index, operand in enumerate(evaluator.setting.operands)
        for link in range(1, operand.depth + 1)
    ]
