"""One run of CP-SAT: what is known to be wrong in it is off."""

from __future__ import annotations

import math

import pytest
from ortools.sat.python import cp_model

from zzcp.interrupt import Interrupt
from zzcp.solver.clock import Clock
from zzcp.solver.cpsat.run import Limits, new_solver, run_solver
from zzcp.solver.cpsat.space import solve

FEWEST, MOST = 2_097_152, 2_098_177
"""Cycles."""
LOW, HIGH = 67_127_451, 67_137_491
"""Energies."""


def products(*, fixed: bool = False) -> cp_model.CpModel:
    """Return a model of an energy that takes one of two values, times a latency, as presolve would state it."""
    model = cp_model.CpModel()
    high = model.new_bool_var("high")
    latency = model.new_int_var(FEWEST, MOST, "latency")
    product = model.new_int_var(0, HIGH * MOST, "product")
    model.add(product == LOW * latency).only_enforce_if(~high)
    model.add(product == HIGH * latency).only_enforce_if(high)
    if fixed:
        model.add(high == 1)
    model.minimize(product)
    return model


@pytest.mark.parametrize("attempt", [0, 1])
@pytest.mark.parametrize(("fixed", "energy"), [(False, LOW), (True, HIGH)])
def test_large_multiples_are_no_contradiction(attempt: int, fixed: bool, energy: int) -> None:
    model = products(fixed=fixed)
    outcome = run_solver(model, Limits(10.0, math.inf, 0.0), Interrupt(), attempt=attempt)
    assert outcome.status == cp_model.OPTIMAL
    assert outcome.bound == energy * FEWEST
    solver, status = solve(model, Clock(10.0))
    assert (status, solver.objective_value) == (cp_model.OPTIMAL, energy * FEWEST)


def test_a_new_solver_has_one_thread_and_no_wrong_detection() -> None:
    parameters = new_solver().parameters
    assert parameters.num_workers == 1
    assert not parameters.auto_detect_greater_than_at_least_one_of
