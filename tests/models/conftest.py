"""What the tests of the bundled models share."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def models(root: Path) -> Path:
    """Return the folder of the bundled models."""
    return root / "models"


@pytest.fixture(scope="session")
def generate(models: Path) -> Iterator[ModuleType]:
    """Return the script that writes the ONNX files, imported as it imports its own parts."""
    folder = str(models / "workloads")
    sys.path.insert(0, folder)
    try:
        yield importlib.import_module("generate")
    finally:
        sys.path.remove(folder)
