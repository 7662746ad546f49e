"""What stays on the chip, drawn into the page about a network."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("jinja2")
pytest.importorskip("plotly")

from tests.report.pages import EVIL, read
from tests.workloads import GEMM
from zzcp.cli.main import cli
from zzcp.html.page import report_page
from zzcp.html.residents import residency_chart, stays_of
from zzcp.io.result import ResultFile, load_results
from zzcp.plot.entries import entries_of

ROOT = Path(__file__).parents[2]
NAMES = ("first", "twice", "twice", "last")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the result of a chain of layers, of which some tensors stay on the chip."""
    folder = tmp_path_factory.mktemp("network")
    layers = [
        GEMM.format(id=i, name=name, sizes=[4, 8, 8], source=max(0, i - 1)) for i, name in enumerate(NAMES)
    ]
    (folder / "chain.yaml").write_text("".join(layers))
    machine = (ROOT / "docs" / "toy.yaml").read_text()
    (folder / "toy.yaml").write_text(machine.replace("size: 256", "size: 4096"))
    words = [
        "solve",
        "-a",
        folder / "toy.yaml",
        "-w",
        folder / "chain.yaml",
        "--spatial",
        "full",
        "-j",
        "1",
        "-q",
    ]
    words += ["--scope", "network", "--keep-on-chip", "--json", folder / "network.json"]
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return folder / "network.json"


@pytest.fixture(scope="module")
def result(path: Path) -> ResultFile:
    return load_results(path)


def changed(path: Path, folder: Path, change: Any) -> ResultFile:
    data = deepcopy(json.loads(path.read_text()))
    change(data)
    (folder / "changed.json").write_text(json.dumps(data))
    return load_results(folder / "changed.json")


def test_every_tensor_is_drawn_at_the_layers_during_which_it_is_there(result: ResultFile) -> None:
    stays = stays_of(result)
    assert [(stay.tensor, stay.layers) for stay in stays] == [("first", (0, 1)), ("twice", (2, 3))]
    chart = residency_chart(result, stays, entries_of([result]))
    for stay, trace in zip(stays, chart["data"], strict=True):
        assert trace["name"] == f"{stay.tensor} in {stay.memory}"
        assert [position for position, bits in enumerate(trace["x"]) if bits] == list(stay.layers)
        assert sum(trace["x"]) == 2 * 4 * 8 * 8
    assert len(set(chart["data"][0]["y"])) == len(NAMES)
    memory = result.accelerator.memory(stays[0].memory)
    assert [shape["x0"] for shape in chart["layout"]["shapes"]] == [memory.size]
    for bits in zip(*(trace["x"] for trace in chart["data"]), strict=True):
        assert sum(bits) < memory.size
    # as the mappings of the layers say
    for position, entry in enumerate(result.layers):
        assert entry.mapping is not None
        resident = set((entry.mapping.resident or {}).values())
        assert resident == {stay.memory for stay in stays if position in stay.layers}


def test_the_page_shows_the_network_as_a_whole(result: ResultFile) -> None:
    page = report_page([result], version="1")
    cells: dict[str, list[float]] = {}
    for key, value, _ in read(page).found:
        cells.setdefault(key, []).append(float(value))
    totals = result.data["totals"]
    for key in ("objective", "lower_bound", "without_residents"):
        assert cells[f"totals.{key}"] == [totals[key]]
    assert cells["totals.resident.bits"] == [entry["bits"] for entry in totals["resident"]]
    assert 'id="chart-residency-0"' in page
    assert '"residency-0":' in page


def test_a_network_of_which_nothing_may_stay(path: Path, tmp_path: Path) -> None:
    """The page of one that was solved without --keep-on-chip ended in an UndefinedError."""
    totals = ("without_residents", "resident", "gap", "status")
    result = changed(path, tmp_path, lambda data: [data["totals"].pop(key) for key in totals])
    page = report_page([result], version="1")
    keys = {key for key, _, _ in read(page).found}
    assert "totals.lower_bound" in keys
    assert not {"totals.without_residents", "totals.resident.bits"} & keys
    assert "nothing on the chip" not in page


def test_without_residents_there_is_no_picture(path: Path, tmp_path: Path) -> None:
    nothing = changed(path, tmp_path, lambda data: data["totals"].pop("resident"))
    page = report_page([nothing], version="1")
    assert "chart-residency" not in page
    assert "all layers together" in page
    alone = changed(path, tmp_path, lambda data: data.update(scope="layers"))
    assert "all layers together" not in report_page([alone], version="1")


def test_names_stay_text_and_what_is_unknown_is_left_out(path: Path, tmp_path: Path) -> None:
    def evil(data: dict[str, Any]) -> None:
        first, second = data["totals"]["resident"]
        first["tensor"] = first["memory"] = EVIL
        second["layers"] = ["nothing", "of", "the", "kind"]

    found = changed(path, tmp_path, evil)
    page = report_page([found], version="1")
    assert EVIL not in page
    assert [stay.tensor for stay in stays_of(found)] == [EVIL]
