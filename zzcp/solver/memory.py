"""Memory that searches have freed goes back to the system: otherwise a process with many searches only grows."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def _trim() -> Callable[[int], Any] | None:
    """Return glibc's `malloc_trim`; None with another C library."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None


def give_back() -> None:
    """Return to the system what has been freed.

    Arrays of all sizes and the solver's threads leave glibc's heaps in pieces, which it keeps: hundreds of searches of
    different layers took half as much memory again as a few.
    """
    trim = _trim()
    if trim is not None:
        trim(0)
