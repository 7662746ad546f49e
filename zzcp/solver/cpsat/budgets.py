"""Energy with leakage in the model, and budgets of energy and latency.

Budgets are limits of the model's energy and latency, which are never above the evaluator's. What leaks is k D for D
cycles, with a fraction k that a machine's file gives any digits: with n / d <= k, d a power of two,

    d energy + (d - 1)  >=  d moved + n latency

says that the energy is at least the sum, rounded down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from zzcp.cost.constraints.rules import EnergyRule, LatencyRule, Rule
from zzcp.solver.cpsat.chain_model import ChainModel
from zzcp.solver.cpsat.stall import MOST_CYCLES

_MOST_UNITS = 2**62
"""No energy of a model exceeds this."""
_MOST_SUM = 2**60
"""Limit of the terms of a sum, so that it fits 64 bits."""


def with_leakage(chain: ChainModel, most: int, most_latency: int, latency: Any = None) -> Any:
    """Return a variable that is at least the energy with what leaks, rounded down, and at most a limit.

    Parameters
    ----------
    chain : ChainModel
        The model.
    most : int
        Limit of the energy, in its units.
    most_latency : int
        Limit of the latency.
    latency : IntVar, optional
        A variable of the latency with that limit, where there is one.
    """
    model, leakage = chain.model, chain.leakage
    energy = model.new_int_var(0, most, "energy")
    if not leakage:
        model.add(energy == chain.energy)
        return energy
    # nothing that takes longer keeps within the limit
    most_latency = min(most_latency, math.floor((most + 1) / leakage) + 1)
    moved = model.new_int_var(0, most, "moved")
    model.add(moved == chain.energy)
    cycles = model.new_int_var(0, most_latency, "cycles")
    model.add(cycles == (chain.latency if latency is None else latency))
    room = _MOST_SUM // (2 * (most + 2))
    parts = 2 ** max(0, room.bit_length() - 1)
    share = math.floor(leakage * parts)
    while share * most_latency >= _MOST_SUM and parts > 1:
        parts //= 2
        share = math.floor(leakage * parts)
    share = min(share, _MOST_SUM // max(1, most_latency))
    model.add(parts * energy + (parts - 1) >= parts * moved + share * cycles)
    return energy


def add_budgets(chain: ChainModel, rules: Sequence[Rule], units: Fraction) -> None:
    """Limit energy, in units of which there are so many in one of the file's, and latency by the budgets."""
    for rule in rules:
        if isinstance(rule, LatencyRule):
            chain.model.add(chain.latency <= rule.cycles)
        elif isinstance(rule, EnergyRule):
            most = math.floor(rule.most * units)
            if chain.leakage:
                if most < _MOST_SUM // 4:
                    with_leakage(chain, most, MOST_CYCLES)
            elif most < _MOST_UNITS:
                chain.model.add(chain.energy <= most)
