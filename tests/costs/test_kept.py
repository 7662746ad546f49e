"""Layouts of memories that are kept between runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from zzcp.costs.kept import clear, kept, layouts
from zzcp.costs.model import MemoryCosts


def test_layouts_are_kept_between_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is not laid out again; what is damaged, or an answer to something else, is."""
    monkeypatch.setenv("ZZCP_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("ZZCP_NO_CACHE", "0")
    laid_out: list[MemoryCosts] = []

    def lay_out() -> MemoryCosts:
        laid_out.append(MemoryCosts(1.5, 2.5, 3.5))
        return laid_out[-1]

    assert [kept("a", lay_out) for _ in range(3)] == [MemoryCosts(1.5, 2.5, 3.5)] * 3
    assert len(laid_out) == 1
    (path,) = layouts()
    whole = path.read_text()
    for damaged in (whole[:-3], "[]", whole.replace("2.5", "NaN"), whole.replace('"a"', '"b"')):
        path.write_text(damaged)
        assert kept("a", lay_out) == MemoryCosts(1.5, 2.5, 3.5)
    assert len(laid_out) == 5
    monkeypatch.setenv("ZZCP_NO_CACHE", "1")
    kept("a", lay_out)
    assert (len(laid_out), clear(), layouts()) == (6, 1, [])
