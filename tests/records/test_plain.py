"""The JSON text: valid, in lines that can be read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zzcp.records.plain import LINE, Rows, json_parts, json_text

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
DATA = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=60)


@given(DATA)
def test_json_text_is_json(data: object) -> None:
    assert json.loads(json_text(data)) == data


@given(st.lists(st.lists(st.integers(0, 999), max_size=50)))
def test_lines_are_short(data: list[list[int]]) -> None:
    assert all(len(line) <= LINE + 1 for line in json_text(data).splitlines())  # a comma may follow


def test_what_fits_stands_on_one_line() -> None:
    data = {"loops": [["C", 5], ["B", 20]], "long": list(range(60))}
    lines = json_text(data).splitlines()
    assert lines[:2] == ["{", '  "loops": [["C", 5], ["B", 20]],']
    assert lines[3] == "    0,"


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_text({"energy": float("nan")})


@given(st.dictionaries(st.text(), DATA), st.lists(DATA, max_size=5))
def test_parts_are_the_whole(data: dict[str, object], rows: list[object]) -> None:
    assert json.loads("".join(json_parts({**data, "points": Rows(iter(rows))}))) == {**data, "points": rows}


def test_many_rows_are_written_as_a_list_is() -> None:
    rows = [{"number": number, "text": "x" * 60} for number in range(50)]
    data = {"kind": "sweep", "of": list(range(100))}
    assert "".join(json_parts({**data, "rows": Rows(iter(rows))})) == json_text({**data, "rows": rows})
