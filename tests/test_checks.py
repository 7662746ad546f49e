"""The checks of arguments themselves."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from zzcp.checks import choice, entries, integer, number, pairs, repr_of
from zzcp.errors import InputError


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float64(3.0)])
def test_whole_numbers(value: object) -> None:
    found = integer(value, "the size")
    assert (found, type(found)) == (3, int)


@pytest.mark.parametrize("value", [3.5, float("nan"), float("inf"), "3", True, None, [3]])
def test_what_is_no_whole_number(value: object) -> None:
    with pytest.raises(InputError) as caught:
        integer(value, "the size")
    assert str(caught.value) == f"the size is not a whole number: expected an integer, found {value!r}"


def test_whole_numbers_with_bounds() -> None:
    assert integer(2.0, "n") == integer(np.int8(2), "n", least=1, most=2) == 2
    for wrong in (0, 3, 1.5, True, None, 10**5000):
        with pytest.raises(InputError, match=r"^n: expected an integer from 1 to 2, found"):
            integer(wrong, "n", least=1, most=2)
    with pytest.raises(InputError, match=r"^n: expected an integer >= 1, found 0$"):
        integer(0, "n", least=1)


@pytest.mark.parametrize(
    ("value", "found"), [(1, 1.0), (np.float32(0.5), 0.5), (Fraction(1, 4), 0.25), (10**400, math.inf)]
)
def test_numbers(value: object, found: float) -> None:
    assert number(value, "n", "at least 0", lambda given: given >= 0) == found


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1", "n is not a number: expected at least 0, found '1'"),
        (True, "n is not a number: expected at least 0, found True"),
        (math.nan, "n out of range: expected at least 0, found nan"),
        (-1, "n out of range: expected at least 0, found -1"),
        (-(10**400), "n out of range: expected at least 0, found -1" + "0" * 55 + "..."),
    ],
)
def test_what_is_no_such_number(value: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        number(value, "n", "at least 0", lambda given: given >= 0)
    assert str(caught.value) == message


def test_words_lists_and_mappings() -> None:
    assert choice("b", "letter", ("a", "b")) == "b"
    assert entries(iter("ab"), "letters", "a list") == ("a", "b")
    assert pairs({"a": 1}, "letters", "a dictionary") == {"a": 1}
    with pytest.raises(InputError, match=r"^unknown letter: .* found bet \(did you mean 'beta'\?\)$"):
        choice("bet", "letter", ("alpha", "beta"))
    with pytest.raises(InputError, match=r"^letters: expected a list, found 'ab'$"):
        entries("ab", "letters", "a list")
    with pytest.raises(InputError, match=r"^key of letters: expected a text, found 1$"):
        pairs({1: "a"}, "letters", "a dictionary")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (5, "5"),
        ("a\nb", r"'a\nb'"),
        (["a"], "['a']"),
        ("x" * 100, "'" + "x" * 56 + "..."),
        (10**5000, "something too long to be shown"),
    ],
    ids=["integer", "text", "list", "long text", "long integer"],
)
def test_what_was_found_is_shown_shortly(value: object, shown: str) -> None:
    assert repr_of(value) == shown
