"""The HTML page: it needs nothing else, its numbers are those of the result, and names stay text."""

from __future__ import annotations

import html
import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("plotly")

from tests.report.pages import EVIL, opened, read
from zzcp.errors import InputError
from zzcp.html.nest import nest_lines
from zzcp.html.page import report_page, script_json
from zzcp.io.result import ResultFile, load_results
from zzcp.plot.entries import entries_of
from zzcp.report.style import count


@pytest.fixture(scope="module")
def results() -> list[ResultFile]:
    folder = Path(__file__).resolve().parents[1] / "plot" / "data"
    return [load_results(folder / f"{name}.json") for name in ("small", "large")]


@pytest.fixture(scope="module")
def page(results: list[ResultFile]) -> str:
    return report_page(results, version="1.2.3", explain=lambda *_: ("Because <b>it</b> does.",))


@pytest.fixture
def evil(tmp_path: Path, results: list[ResultFile]) -> list[ResultFile]:
    """Return a result in which every name is markup."""
    data: dict[str, Any] = deepcopy(results[0].data)
    text = json.dumps(data).replace("sram_8KB", "x<img src=1 onerror=alert(2)>")
    data = json.loads(text)
    data["accelerator"] = data["inputs"]["accelerator"]["content"]["name"] = EVIL
    data["inputs"]["workload"]["file"] = EVIL
    for layer in data["layers"]:
        layer["name"] = layer["definition"]["name"] = f"{layer['name']}{EVIL}"
    path = tmp_path / "evil.json"
    path.write_text(json.dumps(data))
    return [load_results(path)]


def test_numbers_of_the_page_are_those_of_the_results(page: str, results: list[ResultFile]) -> None:
    shown: dict[str, list[str]] = {}
    for key, value, _ in read(page).found:
        shown.setdefault(key, []).append(value)
    for result in results:
        for name, value in result.data["totals"].items():
            assert str(value) in shown[f"totals.{name}"]
        for layer in result.layers:
            evaluation = layer.data["evaluation"]
            assert str(layer.data["objective"]) in shown["objective"]
            assert str(layer.data["lower_bound"]) in shown["lower_bound"]
            for name, value in evaluation["latency"].items():
                assert str(value) in shown[f"latency.{name}"]
            for memory, value in evaluation["energy"]["by_memory"].items():
                assert str(value) in shown[f"energy.by_memory.{memory}"]
    links = [link for r in results for layer in r.layers for link in layer.data["evaluation"]["links"]]
    for name in ("bytes", "lower_cycles", "upper_cycles", "cycles", "hidden"):
        assert shown[f"links.{name}"] == [str(link[name]) for link in links]


def test_what_is_read_is_what_is_stored(page: str) -> None:
    for key, value, text in read(page).found:
        if key.startswith(("latency.", "links.", "ports.", "accesses.")):
            assert text == count(json.loads(value)), key


def test_numbers_of_the_charts_are_those_of_the_results(page: str, results: list[ResultFile]) -> None:
    import plotly.graph_objects as go  # noqa: PLC0415

    charts = json.loads(re.search(r'id="charts">(.*?)</script>', page, re.S)[1])
    for chart in charts.values():
        go.Figure(chart)  # raises where Plotly knows no such thing
    found = {trace["name"]: trace["x"] for trace in charts["latency"]["data"]}
    layers = sorted((layer for r in results for layer in r.layers), key=lambda layer: layer.layer.name)
    expected = [layer.data["evaluation"]["latency"]["data_loading"] for layer in layers]
    assert found["data loading"] == expected
    sums = [sum(values) for values in zip(*(t["x"] for t in charts["energy"]["data"]), strict=True)]
    assert sums == pytest.approx([layer.data["evaluation"]["energy"]["total"] for layer in layers])


def test_the_page_loads_nothing(page: str) -> None:
    assert read(page).loads == []
    assert "default-src 'none'" in html.unescape(page)


def test_the_page_says_what_it_takes_to_get_the_results_again(page: str, results: list[ResultFile]) -> None:
    for result in results:
        for source in result.data["inputs"].values():
            assert source["file"] in page
            assert source["sha256"] in page
    assert "zzcp 1.2.3" in page
    assert "Because &lt;b&gt;it&lt;/b&gt; does." in page


def test_names_from_files_stay_text(evil: list[ResultFile]) -> None:
    page = report_page(evil, version="1", title=EVIL, labels=[EVIL])
    body = re.sub(r"<script>.*?</script>\s*(?=<script>|</body>)", "", page, flags=re.S)
    assert "<script>alert" not in page
    assert "<img" not in body
    assert "{{ 7*7 }}" in page
    assert "49 " not in re.findall(r"<title>(.*?)</title>", page, re.S)[0]


def test_json_in_scripts_cannot_end_them() -> None:
    text = script_json({"a": "</script><!--&\u2028"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!--&\u2028"}


def test_cells_of_the_nest_fill_the_table(results: list[ResultFile]) -> None:
    for entry in entries_of(results):
        lines = nest_lines(entry)
        for operand, levels in entry.mapping.temporal.items():
            cells = [
                (number, cell)
                for number, line in enumerate(lines)
                for cell in line.cells
                if cell.operand == operand
            ]
            assert sum(cell.rows for _, cell in cells) == len(lines)
            held = [(number, cell) for number, cell in cells if cell.memory]
            assert [cell.memory for _, cell in reversed(held)] == list(entry.memories[operand])
            for (number, cell), loops in zip(reversed(held), levels, strict=True):
                inside = [line.text for line in lines[number : number + cell.rows] if line.text]
                assert inside == [f"for {loop.dim} in {loop.size}" for loop in reversed(loops)]
                assert cell.first == number


def test_without_the_packages_the_extra_is_named(
    results: list[ResultFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zzcp.html.page.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'zzcp\[report\]'"):
        report_page(results, version="1")


# ---- in a browser -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1280, 390])
def test_page_in_a_browser(width: int, browser: Any, page: str, tmp_path: Path) -> None:
    tab, wrong = opened(browser, page, tmp_path, width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.locator(".chart .barlayer .point").count() > 10
    cell = tab.locator('td.hold[data-memory="sram_1M"][data-operand="O"]').first
    cell.hover()
    lit = tab.locator("table.nest").first.locator(".code.lit")
    assert lit.count() == tab.locator("table.nest").first.locator(".code").count() - int(
        cell.get_attribute("data-first")
    )
    assert "holds the part of O" in tab.locator("p.held").first.inner_text()
    shot = tmp_path / "page.png"
    tab.screenshot(path=str(shot))
    assert shot.stat().st_size > 20_000
    tab.close()
    assert wrong == []


def test_nothing_offers_to_upload_the_data(browser: Any, page: str, tmp_path: Path) -> None:
    tab, wrong = opened(browser, page, tmp_path, 1280)
    titles = tab.evaluate(
        "[...document.querySelectorAll('.modebar-btn')].map((button) => button.dataset.title)"
    )
    assert "Download plot as a PNG" in titles
    assert not [title for title in titles if re.search("share|cloud|edit", title, re.IGNORECASE)]
    tab.close()
    assert wrong == []


def test_names_that_are_markup_do_nothing_in_a_browser(
    browser: Any, evil: list[ResultFile], tmp_path: Path
) -> None:
    tab, wrong = opened(browser, report_page(evil, version="1", title=EVIL, labels=[EVIL]), tmp_path, 1000)
    assert tab.locator("h1").inner_text() == EVIL
    assert EVIL in tab.locator("#chart-latency .yaxislayer-above").text_content()
    assert tab.locator("img").count() == 0
    tab.close()
    assert wrong == []
