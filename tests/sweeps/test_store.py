"""The database: what identifies a point, when it is solved again, and files that are none."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.machines import machine
from zzcp.cost import EXACT, ZIGZAG, CostConventions
from zzcp.errors import InputError
from zzcp.mapping import SpatialMapping
from zzcp.solver.job import Job
from zzcp.sweeps import Outcome
from zzcp.sweeps.store import Store, point_key
from zzcp.workload import Layer

LAYER = Layer.gemm(b=4, k=6, c=8)
POINT = Job(machine(), LAYER, "edp", SpatialMapping())


def key(version: str = "1", conventions: CostConventions = EXACT, seed: int = 0, **changes: Any) -> str:
    """Return the key of the point with some changes."""
    return point_key(version, replace(POINT, **changes).by(conventions=conventions, seed=seed))


def outcome(status: str = "optimal", gap: float | None = 0.0) -> Outcome:
    data = {"evaluation": {"latency": {"data_loading": 3}}}
    return Outcome(status, 8.0, 7.5, gap, Fraction(16, 3), Fraction(3, 2), data, 1.5)


def test_what_the_optimum_depends_on_is_in_the_key() -> None:
    memories = machine().memories
    larger = machine((replace(memories[0], size=memories[0].size + 1), *memories[1:]))
    changes: list[dict[str, Any]] = [
        {},
        {"version": "2"},
        {"accelerator": larger},
        {"layer": Layer.gemm(b=4, k=6, c=9)},
        {"layer": replace(LAYER, precision={"W": 4})},
        {"spatial": SpatialMapping.from_dict({"D1": {"K": 2}})},
        {"links": {"W": "I1", "I": "I2", "O": "O"}},
        {"goal": "energy"},
        {"conventions": ZIGZAG},
        {"seed": 1},
    ]
    assert len({key(**change) for change in changes}) == len(changes)


def test_names_are_not() -> None:
    same: list[dict[str, Any]] = [
        {"accelerator": replace(machine(), name="other")},
        {"layer": replace(LAYER, name="other", id=3)},
        {"links": LAYER.default_links},
    ]
    assert {key(**change) for change in same} == {key()}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "points.sqlite"
    store = Store(path)
    store.put("key", {"layer": "gemm"}, 60.0, 1e-4, outcome())
    store.close()
    again = Store(path)
    assert len(again) == 1
    assert again.get("key", 60.0, 1e-4) == outcome()
    assert again.get("other", 60.0, 1e-4) is None
    assert outcome().exact("edp") == 8
    assert outcome().exact("ed2") == 12


DAMAGE = {
    "not JSON": "UPDATE points SET outcome = '{bad'",
    "nothing": "UPDATE points SET outcome = '{}'",
    "a list": "UPDATE points SET outcome = '[]'",
    "no fraction": "UPDATE points SET outcome = json_set(outcome, '$.energy_exact', '1/0')",
    "no evaluation": "UPDATE points SET outcome = json_remove(outcome, '$.evaluation')",
    "other columns": "ALTER TABLE points RENAME COLUMN gap TO other",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_result_is_said(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "points.sqlite"
    store = Store(path)
    store.put("key", {}, 60.0, 1e-4, outcome())
    with store._database:
        store._database.execute(damage)
    with pytest.raises(InputError, match=r"points\.sqlite: the database of the sweep is damaged: found"):
        store.get("key", 60.0, 1e-4)


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "points.sqlite"
    store = Store(path)
    for number in range(50):
        store.put(f"key {number}", {"much": "x" * 500}, 60.0, 1e-4, outcome())
    store.close()
    whole = path.read_bytes()
    head = 4096  # the first page says what the file is
    path.write_bytes(whole[:head] + bytes(reversed(whole[head:])))
    with pytest.raises(InputError, match=r"the database of the sweep is damaged: found .*malformed"):
        Store(path).get("key 1", 60.0, 1e-4)


@pytest.mark.parametrize(
    ("status", "gap", "limits", "known"),
    [
        ("optimal", 1e-5, (60.0, 1e-4), True),
        ("optimal", 1e-5, (600.0, 1e-6), False),  # less may be possible
        ("feasible", 0.5, (60.0, 1e-4), True),  # the time was as long
        ("feasible", 0.5, (10.0, 1e-4), True),
        ("feasible", 0.5, (61.0, 1e-4), False),
        ("feasible", 0.5, (600.0, 0.6), True),
        ("infeasible", None, (600.0, 0.0), True),
        ("unknown", None, (60.0, 1e-4), True),
        ("unknown", None, (90.0, 1e-4), False),
    ],
)
def test_when_a_point_is_solved_again(
    status: str, gap: float | None, limits: tuple[float, float], known: bool
) -> None:
    store = Store(":memory:")
    store.put("key", {}, 60.0, 1e-4, outcome(status, gap))
    found = store.get("key", *limits)
    assert (found is not None) is known
    if found is not None and gap is not None:
        assert found.status == ("optimal" if gap <= limits[1] else "feasible")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("just text, much longer than nothing\n" * 100)
    with pytest.raises(InputError, match="cannot be used as the database of a sweep"):
        Store(path)


def test_a_database_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE points (key TEXT)")
    database.close()
    with pytest.raises(InputError, match="a database of something else"):
        Store(path)


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unable to open database file"):
        Store(tmp_path / "none" / "points.sqlite")
