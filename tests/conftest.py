"""What all tests share."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

# An example that takes long on a busy machine is no failure. The rest of the profile stays as hypothesis
# chose it: random examples at home, the same ones every time where CI is set.
settings.register_profile("zzcp", deadline=None)
settings.load_profile("zzcp")

# A shell starts what runs in its background with Ctrl-C ignored, and programs that find it ignored leave it so: the
# tests that send the signal would wait for its effect forever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# A machine that is busy for a minute is no failure, either: tests of limits state theirs.
importlib.import_module("zzcp.solver.options").DEFAULT_TIME_LIMIT = 1800.0  # type: ignore[attr-defined]

# Every test solves what it asks for; those of the cache have folders of their own.
os.environ["ZZCP_NO_CACHE"] = "1"


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder of the project."""
    return Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the comparisons with zigzag-dse where it is not installed (`make test` installs it)."""
    if importlib.util.find_spec("zigzag") is not None:
        return
    for item in items:
        if item.get_closest_marker("differential"):
            item.add_marker(pytest.mark.skip(reason="needs the extra zigzag"))


@pytest.fixture
def without_zigzag(monkeypatch: pytest.MonkeyPatch) -> None:
    """No release of a cost model's package is found, whatever is installed."""

    def lacking(name: str) -> NoReturn:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("zzcp.costs.package.version", lacking)
