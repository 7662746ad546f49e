"""One run of CP-SAT says what is true of its model."""

from __future__ import annotations

import math
from random import Random

import pytest
from ortools.sat.python import cp_model

from zzcp.interrupt import Interrupt
from zzcp.solver.cpsat.run import Limits, run_solver


@pytest.mark.parametrize("attempt", [0, 1])
@pytest.mark.parametrize("bits", [10, 20, 30, 40, 45, 50, 55, 60])
def test_the_least_product_is_found(bits: int, attempt: int) -> None:
    """CP-SAT by itself finds none for some, as 13,483,983 or one more times 739,608 to 739,618."""
    rng = Random(f"product {bits}")
    for _ in range(10):
        energy = rng.randrange(1, 2 ** (bits // 2))
        latency = 2**bits // energy
        more_energy, more_latency = rng.choice(
            ((0, 1), (1, 0), (1, 1), (1, 10), (10, 1), (1, 1000), (1000, 1))
        )
        model = cp_model.CpModel()
        factors = [
            model.new_int_var(energy, energy + more_energy, "energy"),
            model.new_int_var(latency, latency + more_latency, "latency"),
        ]
        product = model.new_int_var(0, min(2**61, (energy + more_energy) * (latency + more_latency)), "edp")
        model.add_multiplication_equality(product, factors)
        model.minimize(product)
        found = run_solver(model, Limits(20, math.inf, 0.0), Interrupt(), attempt=attempt)
        assert found.status == cp_model.OPTIMAL, (energy, latency, more_energy, more_latency)
        assert found.bound == pytest.approx(energy * latency, rel=2**-50)
