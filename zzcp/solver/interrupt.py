"""Ctrl-C and SIGTERM end a search without losing what it has found."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from ortools.sat.python import cp_model


class Interrupt:
    """While active, the first SIGINT or SIGTERM asks for the end; a second one has its usual effect."""

    def __init__(self) -> None:
        self.requested = False
        self._solver: cp_model.CpSolver | None = None
        self._previous: dict[int, Any] = {}

    def watch(self, solver: cp_model.CpSolver | None) -> None:
        """Stop this solver when the end is asked for."""
        self._solver = solver

    def __enter__(self) -> Interrupt:
        # handlers can be set in the main thread only; elsewhere the caller's handling stays
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._request)
        return self

    def _request(self, number: int, _frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(number, self._previous[number])
        if self._solver is not None:
            self._solver.stop_search()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
