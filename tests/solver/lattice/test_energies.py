"""Energies of the tables: integers that are never too large, whatever the costs, and lose next to nothing."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.energies import random_factor, with_energies
from tests.solver.lattice.test_tables import row_of, tables_of
from tests.solver.pinned import boundaries_of
from tests.solver.test_optimize import BOTH, machine
from tests.solver.test_pinned import random_case
from zzcp import Layer
from zzcp.cost import EXACT, ZIGZAG, CostConventions, Evaluator
from zzcp.hardware.figures import MAX_ENERGY, MIN_ENERGY
from zzcp.mapping.default import default_spatial
from zzcp.solver.lattice.energies import common_multiples, simplest_between
from zzcp.solver.lattice.tables import has_headroom

LOSS = Fraction(1, 10**9)
"""Share of a mapping's energy that the tables may lack."""
FLOAT_ERROR = Fraction(1, 2**40)
"""ZigZag adds up energies as floats."""

few_digits = st.integers(1, 10**4).map(lambda number: Fraction(number, 1000))
factors = st.floats(-15, 15).map(lambda power: 10**power)


def decimal(value: float) -> Fraction:
    return Fraction(repr(value))


@pytest.mark.parametrize("span", [0.5, 3, 12, 100])
@pytest.mark.parametrize("number", range(6))
@BOTH
def test_the_links_of_a_mapping_add_up_to_hardly_less_than_its_energy(
    conventions: CostConventions, number: int, span: float
) -> None:
    rng = Random(f"digits {number} {span}")
    case = random_case(f"digits {number}", conventions)
    setting = case.evaluator.setting
    accelerator = with_energies(
        setting.accelerator, lambda energy: rng.choice((0.0, energy, float(10 ** rng.uniform(-span, span))))
    )
    evaluator = Evaluator(accelerator, setting.layer, setting.spatial, conventions)
    keys, tables = tables_of(evaluator.model)
    units = tables.operations
    for row, boundaries in zip(tables, boundaries_of(evaluator, case.mapping, keys), strict=True):
        for table, exponents in zip(row, boundaries, strict=True):
            assert (table.energy >= 0).all()
            units += int(table.energy[row_of(table, exponents)])
    assert sum(int(table.energy.max()) for row in tables for table in row) + tables.operations < 2**63
    exact = evaluator.evaluate(case.mapping).energy.exact
    if conventions is EXACT:
        assert exact * (1 - LOSS) <= units / tables.scale <= exact
    else:
        assert units / tables.scale <= exact * (1 + FLOAT_ERROR)


@pytest.mark.parametrize("number", range(12))
@BOTH
def test_a_factor_leaves_the_integers_as_they_are(conventions: CostConventions, number: int) -> None:
    rng = Random(f"factor {number}")
    factor = random_factor(rng)
    layer = Layer.conv(b=2, k=6, c=4, oy=5, ox=3, fy=3, fx=1)
    spatial = default_spatial(machine(), layer)
    _, plain = tables_of(Evaluator(machine(), layer, spatial, conventions).model)
    scaled_machine = with_energies(machine(), lambda energy: energy * factor)
    _, scaled = tables_of(Evaluator(scaled_machine, layer, spatial, conventions).model)
    ratio = Fraction(plain.operations, scaled.operations)
    assert plain.scale / ratio == pytest.approx(float(scaled.scale * Fraction(factor)), rel=1e-14)
    for one, other in zip(plain, scaled, strict=True):
        for table, same in zip(one, other, strict=True):
            assert (table.energy == same.energy * int(ratio)).all()


@given(st.lists(few_digits | st.just(Fraction(0)), min_size=1, max_size=8), factors)
def test_multiples_of_a_factor_are_found(costs: list[Fraction], factor: float) -> None:
    """Each is rounded to a float, and that to its shortest decimal."""
    plain = common_multiples(costs)
    scaled = common_multiples([decimal(float(cost) * factor) for cost in costs])
    assert plain is not None
    assert scaled is not None
    assert list(plain.values()) == list(scaled.values())
    unit = min((cost / plain[cost] for cost in costs if cost), default=Fraction(1))
    assert all(multiple * unit == cost for cost, multiple in plain.items())


@given(st.lists(st.floats(MIN_ENERGY, MAX_ENERGY).map(decimal), min_size=2, max_size=6))
def test_multiples_have_the_ratios_of_their_costs(costs: list[Fraction]) -> None:
    found = common_multiples(costs)
    if found is not None:
        units = [cost / multiple for cost, multiple in found.items()]
        assert max(units) <= min(units) * (1 + Fraction(1, 2**48))


@given(st.fractions(Fraction(1, 10**6), 10**6), st.fractions(0, 1))
def test_the_simplest_fraction_of_a_range(low: Fraction, width: Fraction) -> None:
    high = low * (1 + width)
    found = simplest_between(low, high)
    assert low <= found <= high
    if found.denominator <= 200:
        for denominator in range(1, found.denominator):
            assert -(-low * denominator // 1) > high * denominator, "a smaller denominator would do"


@pytest.mark.parametrize(
    ("layer", "fits"),
    [
        (Layer.gemm(b=2**11, k=2**11, c=2**11), True),
        (Layer.conv(k=512, c=512, oy=1024, ox=1024, fy=3, fx=3), True),
        (Layer.gemm(b=2**20, k=2**20, c=2**20), False),
        (Layer.gemm(b=2**14, k=2**14, c=2**14, precision={"W": 4096, "I": 4096, "O": 4096}), True),
        (Layer.gemm(b=2**17, k=2**17, c=2**17, precision={"W": 4096, "I": 4096, "O": 4096}), False),
    ],
)
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_headroom_is_known_before_anything_is_built(
    conventions: CostConventions, layer: Layer, fits: bool
) -> None:
    model = Evaluator(machine(), layer, default_spatial(machine(), layer), conventions).model
    assert has_headroom(model) == fits
    if fits:
        _, tables = tables_of(model)
        for row in tables:
            for table in row:
                for part in table.moves:
                    largest = part.cycles.astype(object) * part.repeats
                    assert np.max(largest, initial=0) < 2**62
