"""The relaxation of one unrolling's mappings at its root, against the best that is known: mostly it rules them out."""

from __future__ import annotations

import math

import numpy as np

from zzcp.cost.evaluator import Evaluator
from zzcp.cost.formulas.core import Model
from zzcp.cost.objective import DELAYS, Goal, WeightedSum
from zzcp.solver.lattice.factors import packs
from zzcp.solver.lattice.keys import Key, keys_of
from zzcp.solver.lattice.lattice import Lattice, cells
from zzcp.solver.lattice.tables import boundary_tables, largest_table
from zzcp.solver.ranges.multipliers import Line
from zzcp.solver.ranges.relaxation import Relaxation

_MARGIN = 1e-9
"""More than the relative error of sums in floating point."""
_MOST_CELLS, _MOST_ENTRIES = 2_000_000, 200_000
"""Largest tables that are made for a bound."""
_ROUNDS = 6
"""Dynamic programs of every bound: what other bounds leave to begin with may be a bad start."""


def root_bound(evaluator: Evaluator, goal: Goal, value: float, known: float) -> float:
    """Return a lower bound of the objective of all mappings of an unrolling.

    Parameters
    ----------
    evaluator : Evaluator
        Layer, machine and unrolling.
    goal : Objective or WeightedSum
        What is minimised.
    value : float
        The best objective that is known elsewhere; a bound above it is as good as an infinite one.
    known : float
        A bound that is known.
    """
    try:
        return _root_bound(evaluator, goal, value, known)
    except MemoryError:
        return known


def _root_bound(evaluator: Evaluator, goal: Goal, value: float, known: float) -> float:
    model = evaluator.model
    keys = keys_of(evaluator.setting.temporal_sizes)
    if not keys or largest_table(model, keys) > _MOST_ENTRIES:
        return known
    depths = [operand.depth for operand in evaluator.setting.operands]
    if cells(keys, depths) > _MOST_CELLS or not packs(tuple(key.multiplicity + 1 for key in keys)):
        return known
    return max(known, bound_of_keys(model, keys, goal, value))


def bound_of_keys(model: Model, keys: tuple[Key, ...], goal: Goal, value: float) -> float:
    """Return a lower bound of the objective of all chains over some keys; parameters as for `root_bound`."""
    tables = boundary_tables(model, keys)
    if not all(len(table.data) for row in tables for table in row):
        return np.inf
    relaxation = Relaxation(model, tables, Lattice(keys, tables))
    if isinstance(goal, WeightedSum):
        line = Line(float(goal.energy / tables.scale) / value, float(goal.latency) / value)
        return relaxation.tighten(line, _ROUNDS, enough=1 + _MARGIN)[0] * value * (1 - _MARGIN)
    powers = int(goal != "latency"), DELAYS[goal]
    scale = float(tables.scale) if powers[0] else 1.0
    return _bound(relaxation, powers, value * scale) / scale


def _bound(relaxation: Relaxation, powers: tuple[int, int], value: float) -> float:
    energy, latency = powers
    base = float(relaxation.base)
    if not latency:
        return (
            relaxation.tighten(Line(1 / value, 0.0), _ROUNDS, enough=1 + _MARGIN)[0] * value * (1 - _MARGIN)
        )
    least_latency = max(base, relaxation.tighten(Line(0.0, 1 / base), _ROUNDS)[0] * base * (1 - _MARGIN))
    if not energy or math.isinf(least_latency):
        # infinite where there is no chain of boundaries at all, hence no mapping
        return least_latency**latency
    most_energy = value / least_latency**latency
    found = relaxation.tighten(Line(1 / most_energy, 0.0), _ROUNDS, enough=1 + _MARGIN)[0]
    least_energy = max(relaxation.least_energy, found * most_energy * (1 - _MARGIN))
    bound = least_energy * least_latency**latency
    if bound >= value or least_energy <= 0:
        return bound
    # below the curve of the value between these two, hence below its chord
    above, below = ((value / end) ** (1 / latency) for end in (least_energy, most_energy))
    a, b = above - below, most_energy - least_energy
    at_end = a * least_energy + b * above
    if not at_end > 0:
        return bound
    least, _ = relaxation.tighten(Line(a / at_end, b / at_end), _ROUNDS, enough=1 + _MARGIN)
    if least > 1 + _MARGIN:
        return value
    line = Line(a / at_end, b / at_end)
    ends = (
        end * max(0.0, (least * (1 - _MARGIN) - line.energy * end) / line.latency) ** latency
        for end in (least_energy, most_energy)
    )
    return max(bound, min(ends))
