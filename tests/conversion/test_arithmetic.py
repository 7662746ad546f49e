"""Expressions of numbers, and what comes out of them."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zzcp.conversion.arithmetic import ExpressionError, evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12 * 16", 192),
        ("2 ** 10 - 1", 1023),
        ("2 ^ 5", 7),  # XOR, as in Python
        ("1 / (8 * 614e9)", Fraction(1, 8 * 614 * 10**9)),
        ("0.1 + 0.2", Fraction(3, 10)),  # not 0.30000000000000004
        ("ceil(12.2) * 8", 104),
        ("ceil(log2(1000))", 10),
        ("max(depth, 3) if depth > 2 else 0", 5),
        ("inf", math.inf),
        ("1 / inf", 0),
        ("sum(a.n / a.rate for a in actions)", Fraction(5, 2)),
        ("7 // 2 + 7 % 2", 4),
        ("not (1 < 2 and 3 == 4)", True),
        ("-3 + +5", 2),
    ],
)
def test_values(text: str, value: object) -> None:
    actions = [{"n": 4, "rate": 2}, {"n": 1, "rate": 2}]
    assert evaluate(text, {"depth": 5, "actions": actions}) == value


@pytest.mark.parametrize(
    "text",
    [
        "9 ** 9 ** 9", "open('x')", "depth.real", "[1, 2]", "lambda: 1", "1 / 0", "unknown", "1 +", "x" * 600,
        "(" * 300 + ")" * 300, "'a' * 9 ** 9", "sum(a for a in b for b in c)", "10 ** 400 * 1.5 ** 0.5 ** -900",
    ],
)  # fmt: skip
def test_what_is_no_arithmetic(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, {"depth": 5})


@given(st.lists(st.tuples(st.sampled_from("+-*"), st.decimals(-99, 99, places=3)), min_size=1, max_size=5))
def test_decimal_fractions_are_exact(terms: list[tuple[str, Any]]) -> None:
    value = Fraction(0)
    text = "0"
    for sign, number in terms:
        text = f"({text}) {sign} ({number})"
        exact = Fraction(number)
        value = value + exact if sign == "+" else value - exact if sign == "-" else value * exact
    assert evaluate(text, {}) == value
