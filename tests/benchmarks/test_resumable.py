"""Measurements that go on where they were stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.resumable import Record, Row, in_child

CONSOLE = Console(quiet=True)


def test_what_was_measured_before_a_stop_is_not_measured_again(tmp_path: Path) -> None:
    record = Record(tmp_path / "results" / "squares.jsonl", lambda row: row["of"])
    asked: list[int] = []

    def square(number: int) -> Row:
        asked.append(number)
        if number == 3 and asked.count(3) == 1:
            raise KeyboardInterrupt
        return {"of": number, "square": number**2}

    stopped = record.completed([1, 2, 3, 4], square, CONSOLE, quick=False)
    assert list(stopped) == [1, 2]
    done = record.completed([1, 2, 3, 4], square, CONSOLE, quick=False)
    assert [row["square"] for row in done.values()] == [1, 4, 9, 16]
    assert asked == [1, 2, 3, 3, 4]
    assert record.rows() == done


def test_where_it_is_quick_nothing_is_kept(tmp_path: Path) -> None:
    record = Record(tmp_path / "some.jsonl", lambda row: row["of"])
    assert record.completed([1], lambda number: {"of": number}, CONSOLE, quick=True) == {1: {"of": 1}}
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_fails_says_what_it_was_about() -> None:
    with pytest.raises(RuntimeError, match=r"a machine: .*No module named benchmarks\.nothing"):
        in_child("a machine", "nothing")
