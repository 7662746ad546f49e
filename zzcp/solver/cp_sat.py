"""OR-Tools' CP-SAT, imported when it is first used: that takes a second, and many searches need none of it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ortools.sat.python import cp_model
else:

    class _Lazy:
        """Stands for a module until something of it is asked for."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, name: str) -> Any:
            value = getattr(import_module(self._name), name)
            setattr(self, name, value)
            return value

    cp_model = _Lazy("ortools.sat.python.cp_model")


def new_model() -> cp_model.CpModel:
    """Return an empty model."""
    return cp_model.CpModel()


__all__ = ["cp_model", "new_model"]
