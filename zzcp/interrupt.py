"""Ctrl-C and SIGTERM end a search at any moment without losing what it has found."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, ClassVar

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):  # noqa: N818 - it is no error
    """Raised inside of `Interrupt.at_once` when the user asks for the end."""


class Interrupt:
    """While active, the first SIGINT or SIGTERM asks for the end; a second one has its usual effect.

    Signals that are ignored stay ignored. Where several are active, one inside of the other, a signal is for all.
    In another thread than the main one there are no signals: there the wish of `obeying` counts, if there is one.
    """

    _active: ClassVar[list[Interrupt]] = []
    _wishes: ClassVar[threading.local] = threading.local()

    def __init__(self) -> None:
        self._requested = False
        self._wish: threading.Event | None = getattr(self._wishes, "wish", None)
        self._breakable = False
        self._previous: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether the end is asked for."""
        return self._requested or (self._wish is not None and self._wish.is_set())

    @classmethod
    @contextmanager
    def obeying(cls, wish: threading.Event) -> Iterator[None]:
        """In this block, everything that is made in this thread ends when an event is set."""
        cls._wishes.wish = wish
        try:
            yield
        finally:
            del cls._wishes.wish

    @classmethod
    def forget(cls) -> None:
        """Forget what is active: for a process that was forked meanwhile."""
        cls._active.clear()

    def __enter__(self) -> Interrupt:
        # handlers can be set in the main thread only; elsewhere the caller's handling stays
        if threading.current_thread() is threading.main_thread():
            self._requested = any(outer.requested for outer in self._active)
            self._active.append(self)
            if len(self._active) == 1:
                for number in SIGNALS:
                    if signal.getsignal(number) != signal.SIG_IGN:
                        self._previous[number] = signal.signal(number, self._request)
        return self

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Leave the block as soon as the end is asked for, wherever it is (not if it was asked for before)."""
        try:
            self._breakable = True
            yield
        except Stopped:
            pass
        finally:
            self._breakable = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside of `at_once`: do not leave before the end of this block."""
        before, self._breakable = self._breakable, False
        try:
            yield
        finally:
            self._breakable = before
        self._check()

    def _check(self) -> None:
        if self.requested and self._breakable:
            raise Stopped

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        self._restore()
        for interrupt in self._active:
            interrupt._requested = True
        for interrupt in self._active:
            interrupt._check()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self in self._active:
            # a signal meanwhile is for the handlers before: it must not find nobody
            try:
                self._restore()
            finally:
                self._active.remove(self)
