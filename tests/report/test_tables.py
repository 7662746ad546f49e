"""Tables in any width: figures are whole, names keep both ends, and nothing is wider than the page."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from zzcp.report.style import render
from zzcp.report.tables import FittedTable, shortened, table

NAMES = st.text(st.characters(categories=("L", "N"), max_codepoint=0x24F), min_size=1, max_size=40)
FIGURES = st.integers(0, 10**15).map(lambda number: f"{number:,}")


def _lines(rows: FittedTable, width: int) -> list[str]:
    return render(Console(width=width, force_terminal=False), rows).splitlines()


def _layers(*rows: tuple[str, str, str, str]) -> FittedTable:
    result = table(">id", "~name", ">energy pJ", ">cycles", "remark", spare=("remark", "id"))
    for number, row in enumerate(rows):
        result.add_row(str(number), *row)
    return result


@given(
    st.lists(st.tuples(NAMES, FIGURES, FIGURES, st.just("as it should be")), min_size=1, max_size=4),
    st.data(),
)
@settings(max_examples=200)
def test_figures_are_whole_and_the_width_is_kept(
    rows: list[tuple[str, str, str, str]], data: st.DataObject
) -> None:
    width = data.draw(st.integers(32, 140))
    lines = _lines(_layers(*rows), width)
    assert max(map(len, lines)) <= width
    words = [word for line in lines for word in line.split()]
    for _, energy, cycles, _ in rows:
        assert energy in words
        assert cycles in words


def test_columns_give_way_in_the_order_of_their_importance() -> None:
    rows = _layers(("a" * 20, "1,000,000", "2,000", "some words that may be wrapped"))
    titles = {width: _lines(rows, width)[0].split() for width in (90, 62, 40, 30)}
    assert titles[90] == ["id", "name", "energy", "pJ", "cycles", "remark"]
    assert titles[62] == ["id", "name", "energy", "pJ", "cycles", "remark"]
    assert titles[40] == ["id", "name", "energy", "pJ", "cycles"]
    assert titles[30] == ["name", "energy", "pJ", "cycles"]
    assert " ".join(_lines(rows, 30)[-2:]) == "not shown at this width: remark, id"


def test_what_does_not_fit_goes_on_below_with_the_name() -> None:
    rows = table("~name", *(f">figure {number}" for number in range(5)))
    rows.add_row("a.layer", *(f"{10**9 + number:,}" for number in range(5)))
    lines = _lines(rows, 40)
    heads = [line for line in lines if line.startswith("name")]
    assert [line.split("  ")[0] for line in heads] == ["name"] * 3
    for number in range(5):
        assert any(f"figure {number}" in line for line in heads)
        assert any(f"{10**9 + number:,}" in line and line.startswith("a.layer") for line in lines)


@pytest.mark.parametrize(
    ("name", "width", "short"),
    [
        ("layer1.0.conv1", 14, "layer1.0.conv1"),
        ("layer1.0.conv1", 9, "laye…onv1"),
        ("abc", 1, "…"),
        ("abcd", 2, "a…"),
    ],
)
def test_names_are_shortened_in_the_middle(name: str, width: int, short: str) -> None:
    assert shortened(Text(name), width).plain == short
