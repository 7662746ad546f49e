"""The tables of the model hold the evaluator's figures, for every state that fits, within 64 bits."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from tests.solver.pinned import boundaries_of
from tests.solver.test_optimize import BOTH, machine
from tests.solver.test_pinned import random_case
from zzcp import Layer, SpatialMapping
from zzcp.cost import EXACT, CostConventions, Evaluator
from zzcp.cost.formulas.core import Model
from zzcp.mapping.default import default_spatial
from zzcp.solver.lattice.keys import Key, keys_of
from zzcp.solver.lattice.tables import BoundaryTable, boundary_tables, largest_table


def tables_of(model: Model) -> tuple[tuple[Key, ...], list[list[BoundaryTable]]]:
    keys = keys_of(model.setting.temporal_sizes)
    return keys, boundary_tables(model, keys)


def row_of(table: BoundaryTable, exponents: tuple[int, ...]) -> tuple[int, int]:
    """Return where a boundary stands in its table: its data state and its reuse value."""
    data = [exponents[key] for key in table.data.keys]
    reuse = [exponents[key] for key in table.reuse.keys]
    (state,) = np.flatnonzero((table.data.exponents == data).all(axis=1))
    (value,) = np.flatnonzero((table.reuse.exponents == reuse).all(axis=1))
    return int(state), int(table.reuse_index[value])


@pytest.mark.parametrize("number", range(40))
def test_the_links_of_a_mapping_add_up_to_its_energy(number: int) -> None:
    case = random_case(f"tables {number}", EXACT)
    model = case.evaluator.model
    keys, tables = tables_of(model)
    total = model.mac_energy
    for row, boundaries in zip(tables, boundaries_of(case.evaluator, case.mapping, keys), strict=True):
        for table, exponents in zip(row, boundaries, strict=True):
            total += int(table.energy[row_of(table, exponents)])
    assert total == case.evaluator.evaluate(case.mapping).energy.exact * model.scale


@BOTH
def test_periods_are_products_of_what_lies_below(conventions: CostConventions) -> None:
    layer = Layer.conv(b=2, k=6, c=4, oy=5, ox=3, fy=3, fx=1)
    model = Evaluator(machine(), layer, default_spatial(machine(), layer), conventions).model
    _, tables = tables_of(model)
    for row in tables:
        for table in row:
            assert (table.period == table.data.product[:, None] * table.reuse_values[None, :]).all()


@BOTH
def test_states_that_do_not_fit_are_dropped(conventions: CostConventions) -> None:
    layer = Layer.gemm(b=16, k=16, c=16)
    # registers of 64 bits hold 8 weights
    model = Evaluator(machine(), layer, SpatialMapping(()), conventions).model
    _, tables = tables_of(model)
    weights = next(i for i, operand in enumerate(model.setting.operands) if operand.name == "W")
    assert tables[weights][1].stored.max() == 8
    assert tables[weights][2].stored.max() > 8


@BOTH
def test_nothing_leaves_64_bits(conventions: CostConventions) -> None:
    layer = Layer.gemm(b=2**20, k=2**10, c=2**10, precision={"W": 64, "I": 64, "O": 64, "O_final": 64})
    accelerator = machine(registers=2**40, buffer=2**44)
    model = Evaluator(accelerator, layer, SpatialMapping(()), conventions).model
    _, tables = tables_of(model)
    for row in tables:
        for table in row:
            arrays = [table.energy, table.period, table.fill, table.room, table.bits, table.bits_partial]
            arrays += [part for move in table.moves for part in (move.cycles, move.count, move.repeats)]
            assert all((array >= 0).all() for array in arrays)
            assert (table.energy > 0).any()


@pytest.mark.parametrize("number", range(10))
def test_the_largest_table_is_known_beforehand(number: int) -> None:
    case = random_case(f"largest {number}", EXACT)
    model = case.evaluator.model
    keys, tables = tables_of(model)
    sizes = [table.energy.size for row in tables if len(row) > 1 for table in row]
    assert max(sizes, default=0) <= largest_table(model, keys)


def test_dimensions_of_one_have_one_state() -> None:
    layer = Layer.gemm(b=1, k=1, c=1)
    model = Evaluator(machine(), layer, SpatialMapping(()), EXACT).model
    keys, tables = tables_of(model)
    assert keys == ()
    assert all(table.energy.shape == (1, 1) for row in tables for table in row)


def test_large_primes_have_two_states() -> None:
    layer = Layer.gemm(b=1, k=1009, c=1)
    model = Evaluator(machine(registers=2**14, buffer=2**20), layer, SpatialMapping(()), EXACT).model
    _, tables = tables_of(model)
    for operand, row in zip(model.setting.operands, tables, strict=True):
        states, values = row[-1].energy.shape
        assert states * values == 2, operand.name


def test_random_states_are_those_of_the_prime_factors() -> None:
    rng = Random(1)
    sizes = {"B": rng.randint(1, 500), "K": rng.randint(1, 500), "C": rng.randint(1, 500)}
    layer = Layer.gemm(b=sizes["B"], k=sizes["K"], c=sizes["C"])
    model = Evaluator(machine(registers=2**40, buffer=2**44), layer, SpatialMapping(()), EXACT).model
    _, tables = tables_of(model)
    weights = next(i for i, operand in enumerate(model.setting.operands) if operand.name == "W")
    divisors = {dim: [d for d in range(1, size + 1) if size % d == 0] for dim, size in sizes.items()}
    assert sorted(tables[weights][1].data.product) == sorted(
        k * c for k in divisors["K"] for c in divisors["C"]
    )
