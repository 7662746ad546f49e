"""Fronts that are kept: what comes back is what was found, scored again, and what is damaged is not believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.machines import machine
from tests.solver.cache.test_cache import change_entry
from zzcp import ZIGZAG, Front, Layer, pareto
from zzcp.solver.cache import ResultCache

SMALL = machine()
GEMM = Layer.gemm(b=6, k=8, c=6)
SPATIAL = {"D1": {"K": 4}, "D2": {"C": 2}}


def front(folder: Path, **options: Any) -> Front:
    given = {"spatial": SPATIAL, "cache": folder, "supported_only": True}
    return pareto(SMALL, GEMM, **{**given, **options})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"supported_only": False},
        {"supported_only": False, "max_points": 2},
        {"conventions": ZIGZAG},
        {"spatial": "auto", "max_dims": 1},
    ],
    ids=str,
)
def test_what_comes_back_is_what_was_found(options: dict[str, Any], tmp_path: Path) -> None:
    first, second = front(tmp_path, **options), front(tmp_path, **options)
    assert (first.cached, second.cached) == (False, True)
    assert second.to_dict() == first.to_dict()
    assert [point.lower_bound for point in second.points] == [point.lower_bound for point in first.points]
    assert ResultCache(tmp_path).info().entries == 1


def test_another_question_is_not_answered(tmp_path: Path) -> None:
    front(tmp_path)
    for other in (
        {"gap": 0.01},
        {"seed": 1},
        {"supported_only": False},
        {"engine": "cp-sat"},
        {"max_points": 2},
    ):
        assert not front(tmp_path, **other).cached, other


def test_what_a_limit_has_ended_is_not_kept(tmp_path: Path) -> None:
    ended = front(tmp_path, supported_only=False, time_limit=1e-9, gap=0.0)
    assert not ended.complete
    assert not front(tmp_path, supported_only=False, gap=0.0).cached


def other_cost(entry: dict[str, Any]) -> None:
    entry["points"][0]["cost"][1] = "1/3"


def one_number(entry: dict[str, Any]) -> None:
    entry["points"][0]["cost"].pop()


def bound_above(entry: dict[str, Any]) -> None:
    entry["points"][0]["lower_bound"] = "99999999999"


def twice(entry: dict[str, Any]) -> None:
    entry["points"].append(entry["points"][-1])


def turned(entry: dict[str, Any]) -> None:
    entry["points"] = entry["points"][::-1]


def not_supported(entry: dict[str, Any]) -> None:
    entry["points"][0]["supported"] = False


def none(entry: dict[str, Any]) -> None:
    entry["points"] = []


def other_unrolling(entry: dict[str, Any]) -> None:
    entry["points"][0]["mapping"]["spatial_mapping"] = {"D1": {"K": 2}}


def no_seconds(entry: dict[str, Any]) -> None:
    del entry["wall_s"]


CHANGES = (
    other_cost,
    one_number,
    bound_above,
    twice,
    turned,
    not_supported,
    none,
    other_unrolling,
    no_seconds,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_an_entry_that_fails_is_dropped_with_a_note(change: Any, tmp_path: Path) -> None:
    first = front(tmp_path)
    assert len(first.points) > 1
    change_entry(tmp_path, change, with_digest=True)
    with pytest.warns(UserWarning, match="was dropped"):
        again = front(tmp_path)
    assert not again.cached
    assert [point.energy for point in again.points] == [point.energy for point in first.points]
    assert front(tmp_path).cached


def test_a_changed_entry_is_dropped(tmp_path: Path) -> None:
    front(tmp_path)

    def more(entry: dict[str, Any]) -> None:
        entry["solved"] += 1

    change_entry(tmp_path, more, with_digest=False)
    with pytest.warns(UserWarning, match="it is damaged"):
        assert not front(tmp_path).cached
