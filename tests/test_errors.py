"""The exceptions: their text, their place, their exit codes, and suggestions for misspelt words."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zzcp.errors import InputError, MappingError, Place, ZzcpError, nearest


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place(), ""),
        (Place("a.yaml"), "a.yaml"),
        (Place("a.yaml", 7), "a.yaml:7"),
        (Place("a.yaml", 7, "memories.dram.size"), "a.yaml:7: memories.dram.size"),
        (Place("a.yaml", field="memories.dram.size"), "a.yaml: memories.dram.size"),
        (Place(line=7), "7"),
        (Place(field="size"), "size"),
    ],
)
def test_places(place: Place, text: str) -> None:
    assert str(place) == text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (InputError("wrong value"), "wrong value"),
        (InputError("wrong value", expected="1", found="2"), "wrong value: expected 1, found 2"),
        (InputError("wrong value", found=""), "wrong value: found "),
        (InputError("wrong value", hint="look"), "wrong value (look)"),
        (
            InputError("wrong value", place=Place("a", 3, "f"), expected="1", found="2", hint="look"),
            "a:3: f: wrong value: expected 1, found 2 (look)",
        ),
        (MappingError(["one", "two"]), "invalid mapping: one; two"),
    ],
)
def test_text(error: InputError, text: str) -> None:
    assert str(error) == text
    assert str(pickle.loads(pickle.dumps(error))) == text


def test_exit_codes() -> None:
    assert (ZzcpError.exit_code, InputError("x").exit_code, MappingError(["x"]).exit_code) == (2, 2, 3)
    assert issubclass(MappingError, InputError)
    assert issubclass(InputError, ZzcpError)


def test_a_place_is_filled_in_on_the_way_up() -> None:
    error = InputError("wrong", place=Place(field="size"), expected="1", hint="look")
    placed = error.at(file=Path("a.yaml"), line=4, field="another")
    assert placed.place == Place("a.yaml", 4, "size")  # what was known stays
    assert placed.at(file="b.yaml", line=5).place == placed.place
    assert (placed.message, placed.expected, placed.hint) == ("wrong", "1", "look")
    assert str(placed) == "a.yaml:4: size: wrong: expected 1 (look)"
    assert placed.args == error.args == ("wrong",)
    assert error.place == Place(field="size")  # the first error is left as it was


def test_a_placed_error_stays_of_its_kind() -> None:
    placed = MappingError(["one", "two"]).at(file="m.yaml", line=0)
    assert isinstance(placed, MappingError)
    assert (placed.violations, placed.exit_code) == (("one", "two"), 3)
    assert str(placed) == "m.yaml:0: invalid mapping: one; two"


def test_errors_come_back_whole_from_another_process() -> None:
    error = MappingError(["one", "two"], place=Place("m.yaml", 3))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is MappingError
    assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("sise", ["size", "area"], "did you mean 'size'?"),
        ("SIZE", ["size", "area"], "did you mean 'size'?"),
        ("o_final", ["O", "O_final"], "did you mean 'O_final'?"),
        ("xyz", ["size", "area"], None),
        ("size", [], None),
        ("", ["size"], None),
    ],
)
def test_nearest(word: str, known: list[str], hint: str | None) -> None:
    assert nearest(word, known) == hint


@given(st.text(min_size=1), st.lists(st.text(min_size=1), max_size=5))
def test_a_known_word_is_its_own_nearest(word: str, others: list[str]) -> None:
    hint = nearest(word, [*others, word])
    assert hint is not None
    named = next(name for name in [*others, word] if hint == f"did you mean {name!r}?")
    assert named.lower() == word.lower()
