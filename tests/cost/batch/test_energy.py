"""Energies of batches are exact, with however many digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.energies import with_energies
from tests.cost.batch.test_batch import GEMM, SMALL, SPATIAL, assert_same, random_batch
from zzcp.cost import EXACT, ZIGZAG, CostConventions, Evaluator
from zzcp.cost.batch import evaluate_batch
from zzcp.cost.batch.energy import exact_energy
from zzcp.cost.formulas.core import Model
from zzcp.hardware.figures import MAX_ENERGY, MIN_ENERGY

MODEL = Evaluator(SMALL, GEMM, SPATIAL).model
FEW = 4
"""Movements of which sums are made: more take time and show nothing else."""

SPREADS = {
    "digits": (0.0, 3.0),
    "spread": (-12.0, 12.0),
    "everything": (-100.0, 100.0),
    "tiny": (-100.0, -99.0),
}
"""Decimal logarithms of the smallest and the largest energy."""

wholes = st.integers(0, 2**20) | st.integers(0, 2**53 - 1)


@st.composite
def sums(draw: st.DrawFn) -> tuple[Model, list[Any], list[Any]]:
    """Return a model with random energies, and random words and periods of its movements, arrays or shared."""
    costs = st.integers(0, 10) | st.integers(0, 2**60) | st.integers(0, 10**40)
    model = replace(
        MODEL,
        moves=MODEL.moves[:FEW],
        scale=draw(st.integers(1, 10**3) | st.integers(1, 10**40)),
        word_energies=tuple(draw(st.lists(costs, min_size=FEW, max_size=FEW))),
        mac_energy=draw(costs),
    )
    numbers = st.lists(wholes, min_size=3, max_size=3).map(lambda values: np.array(values, dtype=float))
    either = numbers | wholes | st.integers(2**53, 2**70)
    words, counts = (draw(st.lists(either, min_size=FEW, max_size=FEW)) for _ in range(2))
    return model, words, counts


def total(model: Model, words: Sequence[Any], counts: Sequence[Any], number: int) -> int:
    """Return the energy of one mapping in integers."""

    def of(value: Any) -> int:
        return int(value[number]) if isinstance(value, np.ndarray) else value

    return model.mac_energy + sum(
        of(word) * of(count) * move.units * energy
        for word, count, move, energy in zip(words, counts, model.moves, model.word_energies, strict=True)
    )


@given(sums())
def test_sums_are_exact(given: tuple[Model, list[Any], list[Any]]) -> None:
    model, words, counts = given
    units, energy = exact_energy(model, words, counts, 3)
    for number in range(3):
        expected = total(model, words, counts, number)
        assert units[number] == expected
        assert energy[number] == expected / model.scale


def test_what_is_watched_counts_as_nothing() -> None:
    """Numbers that are too large, or mean nothing, are those of mappings that are scored again."""
    words: list[Any] = [np.array([3.0, np.inf, np.nan, -2.0, 2.0**60])] * len(MODEL.moves)
    counts: list[Any] = [1] * len(MODEL.moves)
    large = replace(MODEL, word_energies=tuple(energy * 10**30 for energy in MODEL.word_energies))
    units, _ = exact_energy(large, words, counts, 5)
    assert units[0] == total(large, words, counts, 0)
    assert (units[1:] == large.mac_energy).all()


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_a_batch_is_what_the_scalar_evaluator_says(conventions: CostConventions, spread: str) -> None:
    rng = Random(f"batch {spread} {conventions.name}")
    accelerator = with_energies(SMALL, lambda _: float(10 ** rng.uniform(*SPREADS[spread])))
    batch = random_batch(rng, accelerator, GEMM, SPATIAL, 60, 0.2)
    found = assert_same(accelerator, GEMM, SPATIAL, batch, conventions)
    if conventions is EXACT:
        assert cast(Any, found.energy_units).dtype == object


def test_energy_scales_with_the_costs() -> None:
    """In exact arithmetic, whatever the factor: what a power of ten times as much costs takes the same digits."""
    rng = Random("scaled")
    batch = random_batch(rng, SMALL, GEMM, SPATIAL, 50, 0.0)
    plain = evaluate_batch(SMALL, GEMM, SPATIAL, batch)
    for power in (-90, -15, -3, 3, 15, 90):
        scaled = evaluate_batch(
            with_energies(SMALL, lambda energy, by=power: float(f"{energy!r}e{by}")), GEMM, SPATIAL, batch
        )
        for one, other in zip(plain.energy_units.tolist(), scaled.energy_units.tolist(), strict=True):
            assert Fraction(other, scaled.scale) == Fraction(one, plain.scale) * Fraction(10) ** power
        assert scaled.latency.tolist() == plain.latency.tolist()


@pytest.mark.parametrize("energy", [MIN_ENERGY, MAX_ENERGY, 0.0])
def test_the_edges_of_what_is_allowed(energy: float) -> None:
    batch = random_batch(Random("edges"), SMALL, GEMM, SPATIAL, 20, 0.0)
    assert_same(with_energies(SMALL, lambda _: energy), GEMM, SPATIAL, batch, EXACT)
