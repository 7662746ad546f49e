"""`zzcp report`: the page is written, with the explanation, or it is said why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("plotly")

from tests.cli.conftest import Run

SMALL, LARGE = "tests/plot/data/small.json", "tests/plot/data/large.json"


def test_a_page_about_two_results(zzcp: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = zzcp("report", SMALL, LARGE, "-o", page, "--label", "1/2/4 KB", "--label", "8/64/1024 KB")
    assert result.exit_code == 0, result.stderr
    assert "holds the report" in result.stderr
    text = page.read_text(encoding="utf-8")
    assert "8/64/1024 KB: layers" in text
    assert zzcp("report", SMALL, "-o", page, "-q").stderr == ""


def test_pages_about_a_sweep_and_a_front(zzcp: Run, tmp_path: Path) -> None:
    page, table, front = (tmp_path / name for name in ("page.html", "table.json", "front.json"))
    toy = ("-a", "docs/toy.yaml", "-w", "tests/data/tiny_gemm.yaml", "-q")
    vary = ("--vary", "memories.buf.size=16B,32B", "--db", ":memory:")
    assert zzcp("sweep", *toy, *vary, "--json", table).exit_code == 0
    assert zzcp("pareto", *toy, "--json", front).exit_code == 0
    result = zzcp("report", table, front, SMALL, "-o", page, "--label", "A", "--label", "B", "--label", "C")
    assert result.exit_code == 0, result.stderr
    text = page.read_text(encoding="utf-8")
    assert "<h2>A: sweep of toy</h2>" in text
    assert "<h2>B: energy and latency of gemm on toy</h2>" in text
    assert "<h2>C: layers</h2>" in text
    data = json.loads(table.read_text())
    assert all(f'data-value="{point["objective"]}"' in text for point in data["points"])


def test_the_same_result_gives_the_same_bytes(zzcp: Run, tmp_path: Path) -> None:
    pages = [tmp_path / name for name in ("a.html", "b.html")]
    for page in pages:
        assert zzcp("report", SMALL, "-o", page, "--title", "Same", "-q").exit_code == 0
    assert pages[0].read_bytes() == pages[1].read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.json", "-o", "page.html"), "missing.json"),
        ((SMALL, "--label", "A", "--label", "B", "-o", "page.html"), "as many labels"),
        (("docs/toy.yaml", "-o", "page.html"), "a page cannot show this"),
        ((SMALL, "-o", "none/page.html"), "cannot be written"),
    ],
)
def test_wrong_input(arguments: tuple[str, ...], message: str, zzcp: Run, tmp_path: Path) -> None:
    *files, page = arguments
    result = zzcp("report", *files, tmp_path / page)
    assert result.exit_code == 2
    assert message in result.stderr
