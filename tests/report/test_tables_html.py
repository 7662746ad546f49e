"""Sweeps and fronts on the HTML page: the numbers are those of the JSON, names stay text, charts can be changed."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("plotly")

from tests.report.pages import EVIL, opened, read
from zzcp.errors import InputError
from zzcp.html.curves import lines_of, sweep_chart
from zzcp.html.page import report_page
from zzcp.html.sources import FrontFile, SweepFile, load_source
from zzcp.report.style import count

DATA = Path(__file__).parent / "data"
Change = Callable[[dict[str, Any]], None]


def stored(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return data


@pytest.fixture(scope="module")
def page() -> str:
    return report_page([load_source(DATA / "sweep.json"), load_source(DATA / "front.json")], version="1.2.3")


@pytest.fixture(scope="module")
def charts(page: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(re.search(r'id="charts">(.*?)</script>', page, re.S)[1])
    return found


def changed(folder: Path, name: str, change: Change) -> Path:
    """Return a file that holds one of the tables with a change."""
    data = stored(name)
    change(data)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def shown(page: str) -> dict[str, list[tuple[str, str]]]:
    """Return by key the values and the texts of the cells."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key, value, text in read(page).found:
        found.setdefault(key, []).append((value, text))
    return found


def test_numbers_of_a_sweep_are_those_of_the_json(page: str) -> None:
    cells = {key: [value for value, _ in found] for key, found in shown(page).items()}
    data = stored("sweep")
    mapped = [point for point in data["points"] if point["objective"] is not None]
    assert len(mapped) == 8
    for name in ("gap", "objective", "lower_bound"):
        assert cells[f"sweep.{name}"] == [str(point[name]) for point in mapped]
    costs = [point["evaluation"] for point in mapped]
    assert cells["sweep.energy"] == [str(cost["energy"]["total"]) for cost in costs]
    assert cells["sweep.latency"] == [str(cost["latency"]["total"]) for cost in costs]
    for name in ("data_loading", "data_unloading"):
        assert cells[f"sweep.{name}"] == [str(cost["latency"][name]) for cost in costs]
    for name in ("pairs", "within", "more_loading"):
        assert cells[f"sweep.checks.{name}"] == [str(check[name]) for check in data["monotonicity"]]


def test_numbers_of_a_front_are_those_of_the_json(page: str) -> None:
    cells = {key: [value for value, _ in found] for key, found in shown(page).items()}
    data = stored("front")
    for name in ("latency", "energy", "edp", "lower_bound", "gap"):
        assert cells[f"front.{name}"] == [str(point[name]) for point in data["points"]]
    for name in ("first", "last", "lower_bound"):
        assert cells[f"front.open.{name}"] == [str(entry[name]) for entry in data["open"]]


def test_what_is_read_is_what_is_stored(page: str) -> None:
    for key, found in shown(page).items():
        if key.endswith(("latency", "loading", ".pairs", ".first", ".last")):
            for value, text in found:
                assert text == count(json.loads(value)), key


def test_points_without_a_mapping_say_why(page: str) -> None:
    reasons = [point["diagnosis"] for point in stored("sweep")["points"] if "diagnosis" in point]
    assert len(reasons) == 4
    assert all(reason in page for reason in reasons)
    assert (
        "12 points, 7 proven optimal, 1 with a mapping that is not proven optimal, 4 without a mapping"
        in page
    )


def test_the_page_says_what_is_proven(page: str) -> None:
    assert "Points could be missing where the chart is grey" in page
    assert "The front is complete" not in page


def test_charts_of_a_sweep_hold_the_json(charts: dict[str, Any]) -> None:
    import plotly.graph_objects as go  # noqa: PLC0415

    chart = charts["table-0"]
    go.Figure(data=chart["data"], layout=chart["layout"])  # raises where Plotly knows no such thing
    points = stored("sweep")["points"]
    lines = chart["data"][: len(chart["data"]) // 2]
    assert [trace["name"] for trace in lines] == [
        f"dram.ports.rw.bandwidth_max {width}, least {objective}"
        for width in (8, 16)
        for objective in ("EDP", "energy")
    ]
    for quantity, pick in {
        "energy": lambda cost: cost["energy"]["total"],
        "latency": lambda cost: cost["latency"]["total"],
        "edp": lambda cost: cost["edp"],
        "loading": lambda cost: cost["latency"]["data_loading"],
    }.items():
        expected = [
            [
                pick(point["evaluation"]) if point["objective"] is not None else None
                for point in points
                if point["values"]["memories.dram.ports.rw.bandwidth_max"] == width
                and point["objective_name"] == objective
            ]
            for width in (8, 16)
            for objective in ("edp", "energy")
        ]
        assert chart["quantities"][quantity]["y"] == expected
    assert [trace["y"] for trace in lines] == chart["quantities"][chart["quantity"]]["y"]


def test_what_is_not_proven_is_marked(charts: dict[str, Any]) -> None:
    traces = charts["table-0"]["data"]
    marked = [
        (number, place)
        for number, trace in enumerate(traces[: len(traces) // 2])
        for place, symbol in enumerate(trace["marker"]["symbol"])
        if symbol.endswith("-open")
    ]
    assert marked == [(0, 1)]
    assert "not proven optimal, gap 10.0000%" in traces[0]["text"][1]
    assert "loops, innermost first: " in traces[0]["text"][1]
    assert traces[-1]["name"] == "open marker: not proven optimal"


def test_the_legend_shows_the_marker_of_what_is_proven(tmp_path: Path) -> None:
    def open_at_once(data: dict[str, Any]) -> None:
        data["points"] = [point for point in data["points"] if point["objective"] is not None]
        data["points"][0]["status"] = "feasible"

    source = load_source(changed(tmp_path, "sweep", open_at_once))
    assert isinstance(source, SweepFile)
    traces = sweep_chart(source)["data"]
    lines, entries = traces[: len(traces) // 2], traces[len(traces) // 2 : -1]
    first = next(symbol for line in lines for symbol in line["marker"]["symbol"] if symbol.endswith("-open"))
    assert len(lines) == len(entries) == 4
    for line, entry in zip(lines, entries, strict=True):
        assert line["showlegend"] is False
        assert (entry["name"], entry["legendgroup"]) == (line["name"], line["legendgroup"])
        assert entry["line"] == line["line"]
        assert entry["marker"]["symbol"] == line["marker"]["symbol"][-1] != first
    assert len({entry["legendgroup"] for entry in entries}) == 4


def test_charts_of_a_front_hold_the_json(charts: dict[str, Any]) -> None:
    import plotly.graph_objects as go  # noqa: PLC0415

    chart, data = charts["table-1"], stored("front")
    go.Figure(chart)
    by_name = {trace.get("name"): trace for trace in chart["data"]}
    for name, kept in (("on the convex hull", True), ("above the convex hull", False)):
        expected = [p for p in data["points"] if p["supported"] is kept]
        assert expected
        assert by_name[name]["x"] == [point["latency"] for point in expected]
        assert by_name[name]["y"] == [point["energy"] for point in expected]
    (curve,) = (trace for name, trace in by_name.items() if name and name.startswith("EDP = "))
    least = min(point["edp"] for point in data["points"])
    assert [x * y for x, y in zip(curve["x"], curve["y"], strict=True)] == pytest.approx([least] * 201)
    star = by_name["least EDP"]
    assert star["x"][0] * star["y"][0] == least
    assert [(shape["x0"] + 0.5, shape["x1"] - 0.5) for shape in chart["layout"]["shapes"]] == [
        (entry["first"], entry["last"]) for entry in data["open"]
    ]


def test_all_layers_have_a_line_of_their_own(tmp_path: Path) -> None:
    def two_layers(data: dict[str, Any]) -> None:
        other = [point | {"layer": "second"} for point in data["points"]]
        data["points"] += other
        for total in data["totals"]:
            total |= {"layers": 2, "energy": 2 * total["energy"]}

    source = load_source(changed(tmp_path, "sweep", two_layers))
    assert isinstance(source, SweepFile)
    names = [line.name for line in lines_of(source)]
    assert len(names) == len(set(names)) == 12
    assert "second, dram.ports.rw.bandwidth_max 8, least EDP" in names
    assert "all layers, dram.ports.rw.bandwidth_max 8, least EDP" in names
    page = report_page([source], version="1")
    (chart,) = json.loads(re.search(r'id="charts">(.*?)</script>', page, re.S)[1]).values()
    assert chart["shown"] == "edp"  # too many lines for all objectives at once
    for traces in (chart["data"], chart["data"][12:]):  # lines and legend
        assert [trace["visible"] for trace in traces[:2]] == [True, False]
    totals = [value for value, _ in shown(page)["sweep.totals.energy"]]
    assert totals == [str(2 * total["energy"]) for total in stored("sweep")["totals"]]


def test_a_sweep_over_nothing(tmp_path: Path) -> None:
    def nothing_varied(data: dict[str, Any]) -> None:
        data |= {"axes": [], "monotonicity": [], "totals": [], "total": 1, "points": data["points"][-1:]}

    page = report_page([load_source(changed(tmp_path, "sweep", nothing_varied))], version="1")
    assert "1 point, 1 proven optimal; conventions exact." in page
    assert "the machine as it is" in page


def remove(*path: str | int) -> Change:
    def change(data: dict[str, Any]) -> None:
        place: Any = data
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("sweep", lambda data: data.update(points=[]), "no point of the sweep has a mapping to show"),
        ("front", lambda data: data.update(points=[]), "the front has no points to show"),
        (
            "sweep",
            remove("points", 5, "evaluation", "edp"),
            "points[5].evaluation.edp: the key 'edp' is missing",
        ),
        ("sweep", remove("points", 5, "evaluation"), "points[5].evaluation: the status is optimal"),
        ("sweep", remove("axes", 0, "labels", 0), "axes[0].labels: wrong number of labels: expected 3"),
        (
            "sweep",
            lambda data: data["points"][2]["values"].update({"memories.buf.size": 7}),
            "points[2].values: these are no values of the axis memories.buf.size",
        ),
        ("front", remove("points", 0, "latency"), "points[0].latency: the key 'latency' is missing"),
        (
            "front",
            lambda data: data["points"][0].update(edp="much"),
            "points[0].edp: wrong value: expected a number",
        ),
        (
            "front",
            lambda data: data.update(kind="compare"),
            "expected the JSON of zzcp solve, sweep or pareto",
        ),
        ("front", lambda data: data["points"][0].update(temporal_mapping=3), "points[0]: temporal_mapping"),
    ],
)
def test_what_cannot_be_shown_is_said(name: str, change: Change, message: str, tmp_path: Path) -> None:
    path = changed(tmp_path, name, change)
    with pytest.raises(InputError) as error:
        load_source(path)
    assert message in str(error.value)
    assert f"{name}.json" in str(error.value)


@pytest.mark.parametrize(
    ("file", "found"),
    [("docs/toy.yaml", "a hardware file"), ("tests/data/tiny_gemm.yaml", "a workload file")],
)
def test_other_files_are_called_by_their_name(file: str, found: str, root: Path) -> None:
    with pytest.raises(InputError, match=f"a page cannot show this: .*found {found}"):
        load_source(root / file)


@pytest.fixture
def evil(tmp_path: Path) -> list[SweepFile | FrontFile]:
    """Return a sweep and a front in which every name is markup."""
    sweep = (DATA / "sweep.json").read_text(encoding="utf-8")
    text = json.dumps(EVIL)[1:-1]
    sweep = sweep.replace("bandwidth_max", "x<img src=1 onerror=alert(2)>").replace(
        '"16 B"', json.dumps(EVIL)
    )
    for name in ("toy", "gemm", "tiny_gemm"):
        sweep = sweep.replace(f'"{name}"', f'"{text}"')
    sweep = re.sub(r'("diagnosis": )"[^"]*"', rf'\1"{text}"', sweep)
    front = (DATA / "front.json").read_text(encoding="utf-8").replace('"conv"', f'"{text}"')
    front = front.replace('"seed_eyeriss_1_2_4"', f'"{text}"')
    (tmp_path / "sweep.json").write_text(sweep, encoding="utf-8")
    (tmp_path / "front.json").write_text(front, encoding="utf-8")
    return [load_source(tmp_path / f"{name}.json") for name in ("sweep", "front")]  # type: ignore[misc]


def test_names_from_files_stay_text(evil: list[SweepFile | FrontFile]) -> None:
    page = report_page(evil, version="1")
    body = re.sub(r"<script>.*?</script>\s*(?=<script>|</body>)", "", page, flags=re.S)
    assert "<script>alert" not in page
    assert "<img" not in body
    assert body.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; $x_1$ {{ 7*7 }}") > 15
    assert read(page).loads == []


def with_inputs(inputs: object) -> Change:
    return lambda data: data.update(inputs=inputs)


def test_the_page_says_what_it_takes_to_get_sweeps_and_fronts_again(tmp_path: Path) -> None:
    machine = {"file": "toy.yaml", "sha256": "a" * 64, "content": {}}
    works = [{"file": "one.yaml", "sha256": "b" * 64}, {"file": EVIL, "sha256": None}]
    sources = [
        load_source(changed(tmp_path, "sweep", with_inputs({"accelerator": machine, "workloads": works}))),
        load_source(changed(tmp_path, "front", with_inputs({"accelerator": machine, "mapping": None}))),
    ]
    page = report_page(sources, version="1")
    start = page.index("How to get these results again")
    rows = re.findall(r"<tr><td>(\w+)</td><td>(.*?)</td><td><code>(.*?)</code>", page[start:])
    assert [(role, html.unescape(file), digest) for role, file, digest in rows] == [
        ("accelerator", "toy.yaml", "a" * 64),
        ("workload", "one.yaml", "b" * 64),
        ("workload", EVIL, "not a file that could be read again"),
        ("accelerator", "toy.yaml", "a" * 64),
    ]
    data = stored("sweep")
    assert f"zzcp {data['zzcp_version']} sweep, machine toy, layer gemm, objectives edp, energy" in page
    for axis in data["axes"]:
        assert "; ".join(axis["labels"]) in page


@pytest.mark.parametrize("inputs", [None, 3, [1], {"workloads": [3, None]}, {"accelerator": {"file": 4}}])
def test_files_that_are_not_written_are_not_shown(inputs: object, tmp_path: Path) -> None:
    page = report_page([load_source(changed(tmp_path, "front", with_inputs(inputs)))], version="1")
    assert "SHA-256" not in page


# ---- in a browser -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "dark")])
def test_tables_in_a_browser(width: int, scheme: str, browser: Any, page: str, tmp_path: Path) -> None:
    tab, wrong = opened(browser, page, tmp_path, width, scheme)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.locator("#chart-table-0 .scatterlayer .point").count() == 8
    ground = "rgb(21, 24, 28)" if scheme == "dark" else "rgb(255, 255, 255)"
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == ground
    for chart in ("table-0", "table-1"):
        main = tab.locator(f"#chart-{chart} .main-svg").first
        assert main.evaluate("element => getComputedStyle(element).backgroundColor") == ground
    shot = tmp_path / "page.png"
    tab.screenshot(path=str(shot))
    assert shot.stat().st_size > 20_000
    tab.close()
    assert wrong == []


def test_the_chart_shows_what_is_chosen(
    browser: Any, page: str, charts: dict[str, Any], tmp_path: Path
) -> None:
    tab, wrong = opened(browser, page, tmp_path, 1280)
    drawn = "document.getElementById('chart-table-0')"
    for name, quantity in charts["table-0"]["quantities"].items():
        tab.locator('select[data-choose="quantity"]').select_option(name)
        values = tab.evaluate(f"{drawn}.data.slice(0, 4).map((trace) => trace.y)")
        assert values == quantity["y"]
        assert tab.locator("#chart-table-0 .ytitle").text_content() == quantity["title"]
    tab.locator('select[data-choose="objective"]').select_option("energy")
    shown_now = tab.evaluate(f"{drawn}.data.slice(0, -1).map((trace) => trace.visible)")
    assert shown_now == 2 * [False, True, False, True]
    assert tab.locator("#chart-table-0 .legendtext").all_text_contents() == [
        "dram.ports.rw.bandwidth_max 8, least energy",
        "dram.ports.rw.bandwidth_max 16, least energy",
        "open marker: not proven optimal",
    ]
    for chart in ("table-0", "table-1"):
        box = tab.locator(f'input[data-chart="{chart}"]')
        box.check()
        kind = f"document.getElementById('chart-{chart}')._fullLayout.yaxis.type"
        assert tab.evaluate(kind) == "log"
        box.uncheck()
        assert tab.evaluate(kind) == "linear"
    tab.close()
    assert wrong == []


def test_pointing_at_a_marker_shows_its_mapping(browser: Any, page: str, tmp_path: Path) -> None:
    tab, wrong = opened(browser, page, tmp_path, 1280)
    tab.evaluate("Plotly.Fx.hover('chart-table-1', [{ curveNumber: 2, pointNumber: 0 }])")
    text = tab.locator("#chart-table-1 .hoverlayer .hovertext").text_content()
    point = next(p for p in stored("front")["points"] if p["supported"])
    assert f"{point['latency']:,} cycles, {point['energy']:,.0f} pJ" in text
    assert "no mapping this fast takes less than" in text
    tab.close()
    assert wrong == []


def test_names_that_are_markup_do_nothing_in_a_browser(
    browser: Any, evil: list[SweepFile | FrontFile], tmp_path: Path
) -> None:
    tab, wrong = opened(browser, report_page(evil, version="1", title=EVIL), tmp_path, 1000)
    assert tab.locator("h1").inner_text() == EVIL
    assert EVIL in tab.locator("#chart-table-0 .xaxislayer-above").text_content()
    assert "<img src=1" in tab.locator("#chart-table-0 .legend").text_content()
    tab.evaluate("Plotly.Fx.hover('chart-table-0', [{ curveNumber: 0, pointNumber: 1 }])")
    assert EVIL in tab.locator("#chart-table-0 .hoverlayer").text_content()
    assert tab.locator("img").count() == 0
    tab.close()
    assert wrong == []
