"""Results as DataFrames and as tables of a notebook."""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from html import unescape
from html.parser import HTMLParser

import pandas
import pytest

from zzcp import InputError, Layer, Network, compare, load_accelerator, optimize, optimize_network, sweep
from zzcp.frames import MOST_ROWS, frame, html_table

TOY = "docs/toy.yaml"
GEMM = Layer.gemm(b=4, k=4, c=4)


@pytest.fixture(autouse=True)
def _in_the_project(root: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(root))


class Cells(HTMLParser):
    """Collects the rows of a table, and checks that every element is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def cells(html: str) -> list[list[str]]:
    parser = Cells()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.rows


def test_result() -> None:
    result = optimize(load_accelerator(TOY), GEMM, spatial={"D1": {"K": 2}})
    found = result.to_frame()
    assert result.evaluation is not None
    assert found.shape[0] == 1
    row = found.iloc[0]
    assert row["energy"] == result.evaluation.energy.total
    memories = result.evaluation.energy.by_memory
    assert sum(row[f"energy.{name}"] for name in memories) + row["energy.mac"] == pytest.approx(row["energy"])
    parts = [row[name] for name in found.columns if name.startswith("latency.")]
    assert sum(parts) == row["latency"]
    shown = dict(cells(result._repr_html_())[1:])
    assert shown["latency"] == f"{result.evaluation.latency.total:,}"
    assert "mapping, innermost loop first: K 2 on D1, " in result._repr_html_()
    # of several results one table
    assert pandas.concat([found, found]).shape[0] == 2


def test_result_without_a_mapping_says_why() -> None:
    machine = load_accelerator(TOY)
    result = optimize(machine, GEMM, constraints={"max_energy": 1.0}, spatial={"D1": {"K": 2}})
    assert result.to_frame()["status"].tolist() == ["infeasible"]
    assert "no mapping obeys this constraint" in result._repr_html_()


def test_sweep() -> None:
    found = sweep(load_accelerator(TOY), GEMM, {"memories.buf.size": [256, 512]}, spatial={"D1": {"K": 2}})
    data = found.to_frame()
    assert data["memories.buf.size"].tolist() == [256, 512]
    assert data["edp"].tolist() == [point.outcome.objective for point in found.points]
    rows = cells(found._repr_html_())
    assert rows[0][0] == "memories.buf.size"
    assert [row[0] for row in rows[1:]] == ["256", "512"]


def test_comparison() -> None:
    found = compare(load_accelerator(TOY), GEMM, mappers=["greedy"], spatial={"D1": {"K": 2}})
    data = found.to_frame()
    assert data["mapper"].tolist() == ["zzcp", "greedy"]
    assert data.loc[0, "distance"] == 0
    assert [row[:2] for row in cells(found._repr_html_())[-2:]] == [
        ["geometric mean", "zzcp"], ["geometric mean", "greedy"]
    ]  # fmt: skip


def test_network() -> None:
    layers = (GEMM, replace(GEMM, name="wide", sizes={"B": 4, "K": 8, "C": 4}, id=1))
    network = Network("two", layers)
    found = optimize_network(load_accelerator(TOY), network, spatial={"D1": {"K": 2}})
    data = found.to_frame()
    assert data["layer"].tolist() == ["gemm", "wide"]
    assert data["energy"].sum() == found.energy
    assert data["latency"].sum() == found.latency
    rows = cells(found._repr_html_())
    assert [row[1] for row in rows] == ["layer", "gemm", "wide", "total"]
    assert rows[-1][rows[0].index("latency")] == f"{found.latency:,}"
    assert "of the totals' optimum" in unescape(found._repr_html_())


def test_tables_escape_names_and_cut_rows() -> None:
    html = html_table(
        "<b>", [{"a&b": "<script>", "n": i, "none": None} for i in range(MOST_ROWS + 2)], ["x < y"]
    )
    rows = cells(html)
    assert rows[0] == ["a&b", "n"]
    assert rows[1] == ["<script>", "0"]
    assert len(rows) == 1 + MOST_ROWS
    assert "2 more rows: to_frame() has all" in html
    assert "<script>" not in html
    assert "<b>" not in html


def test_numbers() -> None:
    rows = cells(html_table("", [{"a": 1234567, "b": Fraction(1, 3), "c": True, "d": 1e20}]))
    assert rows[1] == ["1,234,567", "0.333333", "True", "1e+20"]
    assert frame([{"a": Fraction(1, 4)}])["a"].tolist() == [0.25]
    assert list(frame([], ["a", "b"]).columns) == ["a", "b"]


def test_without_pandas_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"pandas is not installed \(pip install 'zzcp\[frames\]'\)"):
        frame([])
