"""Many points of a sweep are read from its database as they are looked at, and say what few say at once."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

import zzcp
from tests.machines import machine
from zzcp.cli.output import Output
from zzcp.errors import InputError
from zzcp.report import style, swept
from zzcp.sweeps import SweepTable, kept
from zzcp.sweeps.budget import best_under
from zzcp.workload import Layer, Network

LAYERS = Network("net", (Layer.gemm(b=2, k=4, c=4, name="a"), Layer.gemm(b=2, k=2, c=4, name="b", id=1)))
VARY = ["memories.w_regs.size=1,8,16,32", "memories.sram.r_cost=1,2"]


def table(**options: object) -> SweepTable:
    return zzcp.sweep(machine(), LAYERS, VARY, objectives=("edp", "energy"), spatial="full", **options)


@pytest.fixture
def few() -> SweepTable:
    return table()


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> Iterator[SweepTable]:
    with monkeypatch.context() as patch:
        patch.setattr(kept, "AT_HAND", 3)
        yield table()


def without_times(found: SweepTable) -> list[object]:
    return [replace(point, outcome=replace(point.outcome, wall_s=0.0)) for point in found.points]


def test_they_are_the_same_points(few: SweepTable, many: SweepTable) -> None:
    assert isinstance(few.points, tuple)
    assert isinstance(many.points, kept.StoredPoints)
    assert without_times(many) == without_times(few)
    assert len(many.points) == len(few.points) == 32
    assert many.points[-1].values == few.points[-1].values
    assert [point.values for point in many.points[3:5]] == [point.values for point in few.points[3:5]]
    assert many.points == tuple(many.points)
    with pytest.raises(IndexError):
        many.points[32]


def test_what_is_said_of_them_is_the_same(few: SweepTable, many: SweepTable) -> None:
    assert many.checks == few.checks
    assert many.totals() == few.totals()
    for budget in ({"area": 1e9}, {"power": 3.0}, {"area": 1e-9}):
        assert best_under(many, budget) == best_under(few, budget)
    assert [{**row, "wall_s": 0} for row in many.rows()] == [{**row, "wall_s": 0} for row in few.rows()]


def test_they_are_written_as_a_list_is(many: SweepTable, tmp_path: Path) -> None:
    data = swept.swept_data("1", machine(), many, {})
    output = Output(str(tmp_path / "out.json"), quiet=True)
    output.finish(data)
    assert json.loads((tmp_path / "out.json").read_text()).items() >= many.to_dict().items()
    listed = replace(many, points=tuple(many.points))
    output = Output(str(tmp_path / "list.json"), quiet=True)
    output.finish(swept.swept_data("1", machine(), listed, {}))
    assert (tmp_path / "list.json").read_text() == (tmp_path / "out.json").read_text()
    assert "".join(many.csv_lines()) == listed.to_csv()


def test_a_copy_is_at_hand(many: SweepTable) -> None:
    for points in (pickle.loads(pickle.dumps(many.points)), copy.deepcopy(many.points)):
        assert isinstance(points, tuple)
        assert points == many.points


def test_the_report_shows_the_first_of_many(many: SweepTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swept, "_ROWS", 5)
    text = style.render(Console(width=200, force_terminal=False), swept.sweep_report(many))
    assert "27 more: --csv and --json write all" in text
    assert "32 points of" in text


def test_a_point_that_has_gone_from_the_database_is_missed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kept, "AT_HAND", 3)
    found = table(db=tmp_path / "points.db")
    store = found.points._ledger.store  # type: ignore[attr-defined]
    with store._database:
        store._database.execute("DELETE FROM points")
    found.points._ledger._at_hand.clear()  # type: ignore[attr-defined]
    with pytest.raises(
        InputError, match=r"points\.db: the database of the sweep is damaged: found no result of"
    ):
        list(found.points)
