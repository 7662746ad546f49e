"""Results to draw, and pictures to compare with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zzcp.io.result import load_results
from zzcp.plot.entries import Entry, entries_of

HERE = Path(__file__).parent
TOLERANCE = 4.0
"""Largest root mean square of the differences of colours, of 255."""


@pytest.fixture(scope="session")
def pair() -> list[Entry]:
    """Return the layers of two results: two layers each."""
    return entries_of([load_results(HERE / "data" / f"{name}.json") for name in ("small", "large")])


@pytest.fixture(scope="session")
def read() -> Callable[[str], Any]:
    """Return a function that reads the data of a sweep or a front."""
    return lambda name: json.loads((HERE / "data" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def same(tmp_path: Path) -> Callable[[str, Any], None]:
    """Return a function that compares a picture with the one of a name (ZZCP_UPDATE_GOLDEN=1 writes it)."""
    from matplotlib.testing.compare import compare_images  # noqa: PLC0415

    from zzcp.plot.style import save  # noqa: PLC0415

    def compare(name: str, figure: Any) -> None:
        baseline = HERE / "baseline" / f"{name}.png"
        if os.environ.get("ZZCP_UPDATE_GOLDEN"):
            save(figure, baseline, dpi=60)
        found = tmp_path / f"{name}.png"
        save(figure, found, dpi=60)
        difference = compare_images(str(baseline), str(found), tol=TOLERANCE)
        assert difference is None, difference

    return compare
