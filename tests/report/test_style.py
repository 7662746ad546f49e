"""How numbers look."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zzcp.report import style


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234567, "1,234,567"),
        (1000.0, "1,000"),
        (0.5, "0.5"),
        (Fraction(2500, 3), "833.33"),
        (-1200, "-1,200"),
    ],
)
def test_counts(value: style.Number, text: str) -> None:
    assert style.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (83531250.0, "83,531,250"),
        (125662757.47, "125,662,757.5"),
        (110.4, "110.4"),
        (0.095, "0.095"),
        (0.0001, "1.0000e-04"),
        (2.5e16, "2.5000e+16"),
    ],
)
def test_amounts(value: float, text: str) -> None:
    assert style.amount(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 bit"),
        (7, "7 bit"),
        (12, "12 bit"),
        (8, "1 B"),
        (8192, "1 KiB"),
        (8191, "8,191 bit"),
        (8193, "1 KiB"),
        (8000, "1 kB"),
        (16000, "2 kB"),
        (12 * 1024, "1.5 KiB"),
        (8 * 40_000, "40 kB"),
        (8 * 1_024_000, "1,000 KiB"),
        (8 * 3003, "2.93 KiB"),
        (8 * 999, "999 B"),
        (8 * 2**20, "1 MiB"),
        (10**10, "1.25 GB"),
        (8 * 10**15, "1,000 TB"),
        (8 * 2**50, "1,024 TiB"),
    ],
)
def test_amounts_of_data(value: int, text: str) -> None:
    assert style.bits(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(1, 3, "33.3%"), (0, 5, "0.0%"), (1, 10_000, "<0.1%"), (5, 0, "-"), (2, 1, "200.0%")],
)
def test_shares(part: int, whole: int, text: str) -> None:
    assert style.share(part, whole) == text


@given(st.integers(0, 10**15))
def test_whole_numbers_keep_all_digits(value: int) -> None:
    assert int(style.count(value).replace(",", "")) == value
    assert int(style.amount(value).replace(",", "").split("e")[0].split(".")[0]) in (value, 1)


def test_a_free_size_is_a_star() -> None:
    assert style.loops([("K", 4), ("C", None)]) == "K 4  C *"


@given(st.floats(1.0, 1e9))
def test_at_most_is_not_less_and_near(value: float) -> None:
    shown = float(style.at_most(value).replace(",", ""))
    assert value * (1 - 1e-9) <= shown <= value * 1.0101


def test_at_most_has_three_digits() -> None:
    assert [style.at_most(value) for value in (1.0, 3.742, 41.01, 352.0, 5851.0)] == [
        "1.00", "3.75", "41.1", "352", "5,860",
    ]  # fmt: skip
