"""The rule for energies of an access: its published points, and that more memory never costs less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zzcp.hardware import energies


@pytest.mark.parametrize(("kib", "picojoules"), [(8, 10), (32, 20), (1024, 100)])
def test_the_rule_goes_through_the_published_points(kib: int, picojoules: float) -> None:
    assert energies.memory(kib * 8192) * 64 == pytest.approx(picojoules)


def test_small_memories_are_registers_and_large_ones_have_banks() -> None:
    assert energies.memory(64) == 1 / 32
    assert energies.memory(2**40) == energies.memory(2**23)
    assert energies.memory(None) == 20


@given(st.integers(1, 2**44), st.integers(1, 2**44))
def test_energies_are_monotone_in_the_size(first: int, second: int) -> None:
    small, large = sorted((first, second))
    assert energies.memory(small) <= energies.memory(large) <= energies.memory(None)
